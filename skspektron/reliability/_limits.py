"""Limits of the statistics of spectra, from those of held-out spectra."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

ROUNDING_UNITS = 4  # of a channel of a reconstructed spectrum


def box_limit(q: NDArray[np.float64], level: float) -> float:
    """Return the quantile of g chi2(h) that has the mean and the variance of `q`."""
    m, v = q.mean(), q.var(ddof=1)
    return float(v / (2 * m) * chi2.ppf(level, 2 * m**2 / v)) if m > 0 and v > 0 else float(m)


def gumbel_limit(ratios: NDArray[np.float64], level: float) -> float:
    """Return the quantile of the distribution whose logarithm is Gumbel's, from its moments.

    Of this, a log-normal and a scaled chi-square, its rate of false alarms is closest to the
    expected one (benchmarks/results/domain_limits.csv).

    A ratio below 1 is no larger than the mean in any channel. It counts as 1: with few channels,
    the long lower tail of the logarithm would otherwise widen the upper one.
    """
    logs = np.log(np.maximum(ratios, 1.0))
    scale = logs.std(ddof=1) * np.sqrt(6) / np.pi
    return float(np.exp(logs.mean() - scale * (np.euler_gamma + np.log(-np.log(level)))))


def rounding_of(Z: NDArray[np.float64]) -> float:
    """Return an upper bound of the Q that rounding alone causes."""
    rounding = ROUNDING_UNITS * Z.shape[1] * np.finfo(np.float64).eps  # of a spectrum of norm 1
    return float(rounding**2 * np.mean(np.sum(Z**2, axis=1)))
