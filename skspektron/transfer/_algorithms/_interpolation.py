"""Interpolation of spectra along the axis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator


def interpolate_monotone(
    X: NDArray[Any], known: NDArray[Any], wanted: NDArray[Any]
) -> NDArray[Any]:
    """Return rows given at `known` positions, in any order, at `wanted` ones (monotone cubic)."""
    if np.array_equal(known, wanted):
        return X
    if len(known) == 1:
        return np.repeat(X, len(wanted), axis=1)
    order = np.argsort(known)
    return PchipInterpolator(known[order], X[:, order], axis=1)(wanted)


def interpolate_linear(X: NDArray[Any], known: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """Return rows given at ascending `known` positions at the `wanted` ones (linear)."""
    return np.array([np.interp(wanted, known, row) for row in X])


def fill_gaps(X: NDArray[Any]) -> NDArray[Any]:
    """Return spectra with NaN interpolated linearly over the channels; rows of NaN become zero."""
    gaps = np.isnan(X)
    if not gaps.any():
        return X
    filled, channels = np.where(gaps, 0.0, X), np.arange(X.shape[1])
    for row, gap in zip(filled, gaps, strict=True):
        if gap.any() and not gap.all():
            row[gap] = np.interp(channels[gap], channels[~gap], row[~gap])
    return filled
