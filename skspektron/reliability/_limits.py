"""Limits of the statistics of spectra, from those of held-out spectra."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, t

ROUNDING_UNITS = 4  # of a channel of a reconstructed spectrum
MAX_SKEWNESS = 8**0.5  # of chi2(1), and so of every sum of squared normal deviates
LEAST_DF = 2  # of Student's t, which has no variance below


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


def far_limit(values: NDArray[np.float64], level: float) -> float:
    """Return the quantile of new values of a statistic, for levels such as 1 - 1/370.

    The values of a statistic of held-out spectra are c + g chi2(h), where c and g follow from mean
    m, standard deviation s and h, and h = 8 / b^2 from their skewness b. This is at least 2 s / m,
    at which c = 0, and at most that of chi2(1). The quantile of chi2(h) is that of Wilson &
    Hilferty, with Student's t for the normal deviate because m and s are estimates; its degrees of
    freedom are those of the variance of values whose excess kurtosis is 3 b^2 / 2.
    """
    n, m, s = len(values), values.mean(), values.std(ddof=1)
    if not s > 0:
        return float(m)
    skewness = n / ((n - 1) * (n - 2)) * np.sum(((values - m) / s) ** 3)
    b = min(max(skewness, 2 * s / m), MAX_SKEWNESS)
    deviate = np.sqrt(1 + 1 / n) * t.ppf(level, max((n - 1) / (1 + 0.75 * b**2), LEAST_DF))
    cube_root = 1 - b**2 / 36 + deviate * b / 6
    return float(m + 2 * s / b * (cube_root**3 - 1))


def rounding_of(Z: NDArray[np.float64]) -> float:
    """Return an upper bound of the Q that rounding alone causes."""
    rounding = ROUNDING_UNITS * Z.shape[1] * np.finfo(np.float64).eps  # of a spectrum of norm 1
    return float(rounding**2 * np.mean(np.sum(Z**2, axis=1)))
