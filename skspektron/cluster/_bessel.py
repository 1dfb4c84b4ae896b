"""Logarithm of the modified Bessel function for orders and arguments of any size."""

from functools import cache

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray
from scipy.special import ive

# The expansion is exact to rounding above this limit; below it, ive does not underflow for
# x >= 1e-6.
_EXPANSION_LIMIT = 40.0
_N_TERMS = 10


def log_ive(order: float, x: ArrayLike) -> NDArray[np.float64]:
    """Return log I(x) - x for the modified Bessel function of the first kind, x >= 1e-6.

    `order` is at least 0. For large sqrt(order^2 + x^2), Debye's uniform expansion
    (DLMF 10.41.3) holds for any ratio of the two, and I(x) itself is not computed.
    """
    x = np.asarray(x, dtype=np.float64)
    is_large = np.hypot(order, x) >= _EXPANSION_LIMIT
    result = np.empty_like(x)
    result[is_large] = _debye(order, x[is_large])
    result[~is_large] = np.log(ive(order, x[~is_large]))
    return result


def _debye(order, x):
    """Return log I(x) - x by DLMF 10.41.3, with s = sqrt(order^2 + x^2) and p = order / s."""
    s = np.hypot(order, x)
    p_squared = (order / s) ** 2
    series = sum(term(p_squared) / s**k for k, term in enumerate(_debye_terms()))
    # sqrt(order^2 + x^2) - x and log(z / (1 + sqrt(1 + z^2))), without cancellation.
    exponent = order**2 / (s + x) - order * np.arcsinh(order / x)
    return exponent - 0.5 * np.log(2 * np.pi * s) + np.log(series)


@cache
def _debye_terms():
    """Return the polynomials V_k with U_k(p) = p^k V_k(p^2), by DLMF 10.41.9."""
    U, terms = Polynomial([1.0]), []
    for k in range(_N_TERMS):
        terms.append(Polynomial(U.coef[k::2]))
        slope = Polynomial([0, 0, 0.5, 0, -0.5]) * U.deriv()
        U = slope + (Polynomial([0.125, 0, -0.625]) * U).integ()
    return tuple(terms)
