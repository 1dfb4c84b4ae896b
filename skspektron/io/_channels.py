"""The channels of a calibration, and other ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from .._validation import check_axis

SAME_CHANNEL = 0.01  # of the distance to the next one: column names are rounded
FEWEST = 4  # channels of a cubic spline

Axis = NDArray[np.float64] | None  # in cm-1


def span(axis: Axis) -> str:
    """Return an axis in words."""
    if axis is None:
        return "no axis"
    ends = (f"{1e7 / axis[0]:.6g} to {1e7 / axis[-1]:.6g} nm", f"{axis[0]:.6g} to {axis[-1]:.6g}")
    return f"{len(axis)} channels, {ends[0]} ({ends[1]} cm-1)"


def check_channels_of(X: Any, n_channels: int, axis: Axis, n_features: int) -> None:
    """Refuse spectra on another number of channels, or under names that spell another axis."""
    if n_channels != n_features:
        raise ValueError(
            f"X has {n_channels} features, but LinearCalibration is expecting {n_features} "
            f"features as input ({span(axis)}). Pass spectra on those channels, or move the "
            "calibration to others with on_axis."
        )
    if axis is None or not hasattr(X, "columns"):
        return
    named = check_axis(n_features=n_features, feature_names=list(X.columns))
    if named is None:
        return
    steps = np.abs(np.gradient(axis)) if n_features > 1 else axis
    is_other = np.abs(named - axis) > SAME_CHANNEL * steps
    if is_other.any():
        raise ValueError(
            f"The columns of X name another axis on {is_other.sum()} of {n_features} channels: "
            f"{span(named)}, where the calibration has {span(axis)}. Pass spectra on its channels, "
            "or move it to others with on_axis."
        )


def interpolation(axis: Axis, other: Axis) -> NDArray[np.float64]:
    """Return the matrix from spectra on `other` to spectra on `axis`, (n_axis, n_other)."""
    if axis is None or other is None or len(other) < FEWEST:
        raise ValueError(
            f"The calibration has {span(axis)}, the other side {span(other)}. Give both an axis, "
            f"and the other side at least {FEWEST} channels."
        )
    if axis.min() < other.min() or axis.max() > other.max():
        raise ValueError(
            f"The calibration reads {span(axis)}, and the other axis has {span(other)}. Nothing is "
            "extrapolated: fit a calibration on channels that both have."
        )
    order = np.argsort(other)
    matrix = np.empty((len(axis), len(other)))
    matrix[:, order] = make_interp_spline(other[order], np.eye(len(other)))(axis)
    return matrix
