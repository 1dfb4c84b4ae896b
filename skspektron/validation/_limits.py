"""Limits of the charts of the prediction error, their unit, and limits of T2 and Q."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import bias as mean_error
from ..metrics import sep as standard_error
from ..reliability._limits import far_limit
from ._run_length import cusum_limit, ewma_limit, shewhart_limit

MIN_SAMPLES = 10  # docs/monitoring.md has the run lengths after a validation with few samples


def limits_of_errors(arl: float, weight: float, k: float) -> dict[str, float]:
    """Return the limits of Shewhart chart, EWMA and CUSUM with this average run length."""
    shewhart = shewhart_limit(arl)
    if k >= shewhart:  # where the limit of the CUSUM is 0
        raise ValueError(
            f"cusum_k must be below {shewhart:.3g} for arl={arl:g}, got {k}. Pass 0.5, the default."
        )
    return {
        "shewhart": shewhart,
        "ewma": ewma_limit(weight, arl),
        "cusum": cusum_limit(k, arl),
    }


def limits_of_spectra(domain: Any, arl: float) -> dict[str, float]:
    """Return the limits of T2 and Q, from the held-out spectra of a fitted domain."""
    held_out = domain._held_out
    return {name: far_limit(held_out[name], 1 - 1 / arl) for name in held_out}


def bias_and_sep(
    error: NDArray[np.float64], bias: float | None, sep: float | None
) -> tuple[float, float]:
    """Return bias and SEP as given, or from the errors where they are None."""
    if bias is not None and sep is not None:
        return float(bias), float(sep)
    if len(error) < MIN_SAMPLES:
        raise ValueError(
            f"fit needs reference values and predictions of at least {MIN_SAMPLES} samples for "
            f"bias and SEP, got {len(error)}. Pass more samples, or bias= and sep= of a validation."
        )
    zero = np.zeros_like(error)
    centre = mean_error(zero, error) if bias is None else bias
    unit = standard_error(zero, error) if sep is None else sep
    if not unit > 0:
        raise ValueError(
            f"The prediction errors of the {len(error)} samples are equal, so that SEP is 0. Pass "
            "predictions of samples that the calibration was not fitted to, or sep=."
        )
    return float(centre), float(unit)
