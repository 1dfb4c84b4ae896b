"""Check spectra against the channels of a calibration, and interpolate between axes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from .._validation import check_axis

AXIS_TOLERANCE = 0.01  # of the channel spacing, since column names are rounded
MIN_CHANNELS = 4  # of a cubic spline

Axis = NDArray[np.float64] | None  # in cm-1


def describe_axis(axis: Axis) -> str:
    """Return a description of an axis."""
    if axis is None:
        return "no axis"
    ends = f"{axis[0]:.6g} to {axis[-1]:.6g} cm-1"
    if axis.min() > 0:
        ends = f"{1e7 / axis[0]:.6g} to {1e7 / axis[-1]:.6g} nm ({ends})"
    return f"{len(axis)} channels, {ends}"


def check_channels_of(X: Any, n_channels: int, axis: Axis, n_features: int) -> None:
    """Raise ValueError for another number of channels, or column names with another axis."""
    if n_channels != n_features:
        raise ValueError(
            f"X has {n_channels} features, but LinearCalibration is expecting {n_features} "
            f"features as input ({describe_axis(axis)}). Pass spectra on those channels, or move "
            "the calibration to the channels of X with on_axis."
        )
    if axis is None or not hasattr(X, "columns"):
        return
    named = check_axis(n_features=n_features, feature_names=list(X.columns))
    if named is None:
        return
    steps = np.abs(np.gradient(axis)) if n_features > 1 else axis
    is_other = np.abs(named - axis) > AXIS_TOLERANCE * steps
    if is_other.any():
        raise ValueError(
            f"The column names of X differ from the axis of the calibration on {is_other.sum()} of "
            f"{n_features} channels: {describe_axis(named)} and {describe_axis(axis)}. Pass "
            "spectra on its channels, or move it to those of X with on_axis."
        )


def interpolation(axis: Axis, other: Axis) -> NDArray[np.float64]:
    """Return the matrix from spectra on `other` to spectra on `axis`, (n_axis, n_other)."""
    if axis is None or other is None or len(other) < MIN_CHANNELS:
        raise ValueError(
            f"The calibration has {describe_axis(axis)}, on_axis got {describe_axis(other)}. "
            f"Both need an axis, and the new one at least {MIN_CHANNELS} channels."
        )
    if axis.min() < other.min() or axis.max() > other.max():
        raise ValueError(
            f"The calibration has {describe_axis(axis)}, beyond the new axis of "
            f"{describe_axis(other)}. Spectra are not extrapolated: fit a calibration on channels "
            "within both ranges."
        )
    order = np.argsort(other)
    matrix = np.empty((len(axis), len(other)))
    matrix[:, order] = make_interp_spline(other[order], np.eye(len(other)))(axis)
    return matrix
