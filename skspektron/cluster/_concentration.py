"""Density and concentration of von Mises-Fisher distributions.

In d dimensions the density of a unit row x is C(kappa) exp(kappa mu'x), and the mean of mu'x is
A(kappa) = I_{d/2}(kappa) / I_{d/2 - 1}(kappa).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._bessel import log_ive

# At the lower limit the density differs from the uniform one by less than a millionth; at the upper
# one 1 - cos between rows and their mean is below the resolution of float64.
_MIN_CONCENTRATION, _MAX_CONCENTRATION = 1e-6, 1e8
_MAX_STEPS = 5


def log_normalizer(concentration: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return log C(kappa) + kappa: the log-density is this minus kappa (1 - mu'x)."""
    kappa = np.asarray(concentration, dtype=np.float64)
    order = dimension / 2 - 1
    return order * np.log(kappa) - log_ive(order, kappa) - dimension / 2 * np.log(2 * np.pi)


def mean_cosine(concentration: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return A(kappa), the expected cosine between a row and the mean direction."""
    order = dimension / 2 - 1
    return np.exp(log_ive(order + 1, concentration) - log_ive(order, concentration))


def estimate_concentration(mean_length: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return kappa with A(kappa) = `mean_length`, the length of the mean of unit rows.

    Newton's method (Sra 2012), started at the approximation of Banerjee et al. (2005) and kept
    within the bounds of the root from Amos's inequalities (Hornik & Grün 2014), because rounding
    makes the slope of A inaccurate above kappa = 1e7.
    """
    r = np.clip(mean_length, 0.0, 1.0 - np.finfo(float).epsneg)
    low, high = _bounds(r, dimension)
    low, high = (np.clip(bound, _MIN_CONCENTRATION, _MAX_CONCENTRATION) for bound in (low, high))
    kappa = np.clip(r * (dimension - r**2) / (1 - r**2), low, high)
    for _ in range(_MAX_STEPS):
        A = mean_cosine(kappa, dimension)
        slope = 1.0 - A**2 - (dimension - 1) / kappa * A
        step = (A - r) / np.maximum(slope, np.finfo(float).tiny)
        previous, kappa = kappa, np.clip(kappa - step, low, high)
        if np.all(np.abs(kappa - previous) <= 1e-12 * kappa):
            break
    return kappa


def _bounds(r, dimension):
    """Return a lower and an upper bound for the root of A(kappa) = r."""
    alpha = (dimension - 1) / 2
    factor = r / (1 - r**2)
    upper = factor * (alpha + np.sqrt(alpha**2 * r**2 + (alpha + 1) ** 2 * (1 - r**2)))
    return 2 * alpha * factor, upper
