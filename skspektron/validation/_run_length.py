"""Average run lengths of Shewhart, EWMA and CUSUM charts, and limits from them.

A run length is the number of points up to the first signal, counted from a chart at 0. The points
are independent and normal with mean `shift` and standard deviation `spread`, in the standard errors
that the limits are in. The integral equations of the average run length g are solved at the nodes
of a Gauss-Legendre quadrature, which is exact to rounding for these smooth kernels.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

N_NODES = 24  # for an interval that is short against the kernel
NODES_PER_WIDTH = 2  # more for each standard deviation of the kernel in the interval
TOLERANCE = 1e-10


def shewhart_arl(limit: float, shift: float = 0.0, spread: float = 1.0) -> float:
    """Return the average run length of a chart that signals at |z| > limit."""
    above, below = norm.sf((limit - shift) / spread), norm.cdf((-limit - shift) / spread)
    return float(1 / (above + below))


def ewma_arl(limit: float, weight: float, shift: float = 0.0, spread: float = 1.0) -> float:
    """Return the average run length of an EWMA that signals beyond ``limit``, by Crowder (1987)."""
    nodes, weights = _quadrature(-limit, limit, weight * spread)

    def kernel(start: NDArray[np.float64]) -> NDArray[np.float64]:
        z = (nodes - (1 - weight) * start[:, None]) / weight  # which leads from start to the node
        return weights * norm.pdf(z, shift, spread) / weight

    g = np.linalg.solve(np.eye(len(nodes)) - kernel(nodes), np.ones(len(nodes)))
    return float(1 + kernel(np.zeros(1))[0] @ g)


def cusum_arl(limit: float, k: float, shift: float = 0.0, spread: float = 1.0) -> float:
    """Return the average run length of the upper and the lower CUSUM together, by Kemp (1961)."""
    one_sided = [_one_sided_arl(limit, k, side * shift, spread) for side in (1, -1)]
    return float(1 / sum(1 / arl for arl in one_sided))


def _one_sided_arl(limit: float, k: float, shift: float, spread: float) -> float:
    """Return the average run length of the upper CUSUM, by the integral equation of Page (1954)."""
    nodes, weights = _quadrature(0, limit, spread)
    start = np.append(0.0, nodes)[:, None]
    # The sum is 0 again with a probability of its own, and has a density above.
    to_zero = norm.cdf(k - start, shift, spread)
    kernel = np.hstack([to_zero, weights * norm.pdf(nodes - start + k, shift, spread)])
    g: NDArray[np.float64] = np.linalg.solve(np.eye(len(start)) - kernel, np.ones(len(start)))
    return float(g[0])


def shewhart_limit(arl: float) -> float:
    """Return the limit of |z| with this average run length."""
    return float(norm.isf(0.5 / arl))


@lru_cache(maxsize=32)
def ewma_limit(weight: float, arl: float) -> float:
    """Return the limit of an EWMA with this average run length without a shift."""
    sigma = np.sqrt(weight / (2 - weight))
    # Of all weights, 1 needs the widest limit.
    return _solve(lambda limit: ewma_arl(limit, weight), arl, sigma * 1.01 * shewhart_limit(arl))


@lru_cache(maxsize=32)
def cusum_limit(k: float, arl: float) -> float:
    """Return the limit h of a two-sided CUSUM with this average run length without a shift."""
    high = 1.0
    while cusum_arl(high, k) < arl:
        high *= 2
    return _solve(lambda limit: cusum_arl(limit, k), arl, high)


def _solve(arl_of: Callable[[float], float], arl: float, high: float) -> float:
    """Return the limit between 0 and `high` that has the average run length."""
    return float(
        brentq(lambda limit: np.log(arl_of(limit) / arl), 0, high, xtol=TOLERANCE, rtol=1e-12)
    )


def _quadrature(
    low: float, high: float, width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights for kernels with the standard deviation `width`."""
    n_nodes = N_NODES + ceil(NODES_PER_WIDTH * (high - low) / width)
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights
