"""Spectra interpolated at the channels of another axis, or centred, with gaps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

FLAT_UNITS = 16  # a spectrum that varies by this number of rounding units is constant
EPS = np.finfo(np.float64).eps


def interpolate_linear(
    X: NDArray[Any], axis: NDArray[Any], new_axis: NDArray[Any]
) -> NDArray[np.float64]:
    """Return rows of `X` on `axis`, in any order, at `new_axis`; constant beyond the ends."""
    order = np.argsort(axis)
    return np.array([np.interp(new_axis, axis[order], x[order]) for x in X])


def interpolate_monotone(
    X: NDArray[Any], axis: NDArray[Any], new_axis: NDArray[Any]
) -> NDArray[np.float64]:
    """Return rows of `X` on `axis`, in any order, at `new_axis`, by monotone cubics.

    Between two channels a curve stays between their values (Fritsch & Butland, SIAM J. Sci.
    Stat. Comput. 5 (1984) 300-304). A single channel gives a constant.
    """
    if np.array_equal(axis, new_axis):
        return X
    if len(axis) == 1:
        return np.repeat(X, len(new_axis), axis=1)
    order = np.argsort(axis)
    return np.asarray(PchipInterpolator(axis[order], X[:, order], axis=1)(new_axis))


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


def complete_channels(X: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which channels are finite in all spectra, those without any value not counted."""
    finite = np.isfinite(X)
    finite = finite[finite.any(axis=1)]
    return finite.all(axis=0) & (len(finite) > 0)


def centre(X: NDArray[np.floating], eps: float | np.floating = EPS) -> NDArray[np.floating]:
    """Return the rows of `X` (NaN: not measured) less their means.

    Rows that are constant up to rounding, by `eps` of their size, become zero: it must not be
    scaled to unit variance.
    """
    n_measured = np.count_nonzero(~np.isnan(X), axis=1, keepdims=True)
    centred = X - np.nansum(X, axis=1, keepdims=True) / np.maximum(n_measured, 1)
    highest, lowest = np.fmax.reduce(X, axis=1), np.fmin.reduce(X, axis=1)
    size = np.maximum(np.abs(highest), np.abs(lowest))
    centred[highest - lowest <= FLAT_UNITS * eps * size] *= 0
    return centred
