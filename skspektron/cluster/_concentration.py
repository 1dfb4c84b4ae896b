"""How narrow a von Mises-Fisher distribution is: its density and its maximum-likelihood estimate.

In d dimensions the density of the unit row x is C(kappa) exp(kappa mu'x), and the mean of mu'x is
A(kappa) = I_{d/2}(kappa) / I_{d/2 - 1}(kappa).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._bessel import log_ive

# Below, the density differs from the uniform one by less than a millionth; above, rows differ
# from their mean by less than what float64 keeps of 1 - cos.
_LEAST, _LARGEST = 1e-6, 1e8
_MAX_STEPS = 5


def log_normalizer(concentration: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return log C(kappa) + kappa, so that the exponent left to add is -kappa (1 - mu'x)."""
    kappa = np.asarray(concentration, dtype=np.float64)
    order = dimension / 2 - 1
    return order * np.log(kappa) - log_ive(order, kappa) - dimension / 2 * np.log(2 * np.pi)


def mean_cosine(concentration: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return A(kappa), the expected cosine between a row and the mean direction."""
    order = dimension / 2 - 1
    return np.exp(log_ive(order + 1, concentration) - log_ive(order, concentration))


def estimate_concentration(mean_length: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return kappa with A(kappa) = `mean_length`, the length of the mean of unit rows.

    Newton's steps (Sra 2012) from the approximation of Banerjee et al. (2005), kept
    inside the bounds that Amos's inequalities put on the root (Hornik & Grün 2014): the
    slope of A is lost to rounding where kappa exceeds 1e7.
    """
    r = np.clip(mean_length, 0.0, 1.0 - np.finfo(float).epsneg)
    low, high = _bounds(r, dimension)
    low, high = (np.clip(bound, _LEAST, _LARGEST) for bound in (low, high))
    kappa = np.clip(r * (dimension - r**2) / (1 - r**2), low, high)
    for _ in range(_MAX_STEPS):
        A = mean_cosine(kappa, dimension)
        slope = 1.0 - A**2 - (dimension - 1) / kappa * A
        step = (A - r) / np.maximum(slope, np.finfo(float).tiny)
        before, kappa = kappa, np.clip(kappa - step, low, high)
        if np.all(np.abs(kappa - before) <= 1e-12 * kappa):
            break
    return kappa


def _bounds(r, dimension):
    """Return a lower and an upper bound of the root of A(kappa) = r."""
    alpha = (dimension - 1) / 2
    factor = r / (1 - r**2)
    upper = factor * (alpha + np.sqrt(alpha**2 * r**2 + (alpha + 1) ** 2 * (1 - r**2)))
    return 2 * alpha * factor, upper
