"""What displays read from a fitted estimator."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..foundation import SpektronEmbedder, SpektronPretrainer, SpektronRegressor

INSPECTED = (SpektronPretrainer, SpektronEmbedder, SpektronRegressor)


def fitted_network(estimator: Any) -> Any:
    """Return the network of a fitted estimator; others are refused."""
    if not isinstance(estimator, INSPECTED):
        raise TypeError(
            f"estimator is a {type(estimator).__name__}. Pass a fitted "
            f"{', '.join(kind.__name__ for kind in INSPECTED)}, such as a step of a pipeline."
        )
    check_is_fitted(estimator)
    return estimator.network_


def axis_unit(estimator: Any) -> str:
    """Return the unit in which the user gave the axis."""
    return "cm-1" if estimator.wavelength is None else "nm"


def channel_step(estimator: Any) -> float | None:
    """Return the median step between channels in the unit of the axis, None of several axes."""
    if isinstance(estimator.wavenumber_, dict):
        return None
    axis = in_unit(estimator.wavenumber_, axis_unit(estimator))
    return float(np.median(np.abs(np.diff(axis)))) if len(axis) > 1 else None


def in_unit(wavenumber: np.ndarray, unit: str) -> np.ndarray:
    """Return an axis in cm-1 in "nm" or "cm-1"."""
    return 1e7 / wavenumber if unit == "nm" else wavenumber
