"""Variance and scale of reference values to divide by."""

import numpy as np
from numpy.typing import NDArray


def is_constant(y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each target whether all its values are equal."""
    return np.ptp(y, axis=0) == 0


def nonzero_variance(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of each target (``ddof=0``), and 1 for a constant target.

    Rounding of the mean can give a constant target a variance above 0, and tiny differences can
    have a variance of 0.
    """
    variance = np.var(y, axis=0, ddof=0)
    return np.where(is_constant(y) | (variance == 0), 1.0, variance)


def target_scale(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what to divide each target by, so that its unit has no effect; 1 if it is constant.

    The standard deviation (``ddof=0``), or for a single target a power of 2 above the largest
    deviation from the mean, because that division is exact.
    """
    deviation = y - np.mean(y, axis=0)
    size = np.where(is_constant(y), 1.0, np.abs(deviation).max(axis=0))
    if size.size == 1:
        return np.ldexp(1.0, np.frexp(size)[1])
    # Squares of the deviations themselves could underflow or overflow.
    return np.where(is_constant(y), 1.0, size * np.std(deviation / size, axis=0, ddof=0))
