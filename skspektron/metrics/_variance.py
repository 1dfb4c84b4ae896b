"""Variance of reference values to divide by."""

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
