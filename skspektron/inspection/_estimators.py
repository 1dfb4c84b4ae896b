"""Network and axis of a fitted estimator."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..foundation import SpektronEmbedder, SpektronPretrainer, SpektronRegressor

INSPECTED = (SpektronPretrainer, SpektronEmbedder, SpektronRegressor)


def fitted_network(estimator: Any) -> Any:
    """Return the network of a fitted estimator; raise TypeError if it has none."""
    if not isinstance(estimator, INSPECTED):
        raise TypeError(
            "estimator must be a fitted SpektronPretrainer, SpektronEmbedder or SpektronRegressor, "
            f"got {type(estimator).__name__}. Pass one, such as a step of a pipeline."
        )
    check_is_fitted(estimator)
    return estimator.network_


def axis_unit(estimator: Any) -> str:
    """Return the unit of the axis as the user gave it."""
    return "cm-1" if estimator.wavelength is None else "nm"


def channel_step(estimator: Any) -> float | None:
    """Return the median step between channels, or None if there are several axes."""
    if isinstance(estimator.wavenumber_, dict):
        return None
    axis = in_unit(estimator.wavenumber_, axis_unit(estimator))
    return float(np.median(np.abs(np.diff(axis)))) if len(axis) > 1 else None


def in_unit(wavenumber: np.ndarray, unit: str) -> np.ndarray:
    """Return an axis given in cm-1 in "nm" or "cm-1"."""
    return 1e7 / wavenumber if unit == "nm" else wavenumber
