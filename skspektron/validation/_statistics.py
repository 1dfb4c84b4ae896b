"""Tests of predictions against reference values, of shape (n_samples, n_sets).

Each set is tested by itself. The formulas and their publications are in `validate_predictions`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from ..metrics import bias, sep

POWER = 0.8  # of the detectable errors, as power analyses have it by convention
ROUNDING = 1e-12  # relative size of deviations that are no errors of prediction
LARGEST_NONCENTRALITY = 1e9  # no power is reached below it: the detectable error is infinite


class BiasTest(NamedTuple):
    """Test of the mean error against 0."""

    bias: NDArray[np.float64]
    sep: NDArray[np.float64]
    limit: NDArray[np.float64]
    p: NDArray[np.float64]


class Line(NamedTuple):
    """Regression of reference values on predictions, and tests of slope 1 and of the 1:1 line."""

    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    residual_error: NDArray[np.float64]
    slope_error: NDArray[np.float64]  # standard error of the slope
    slope_limit: NDArray[np.float64]
    slope_p: NDArray[np.float64]
    joint_p: NDArray[np.float64]


class Repeatability(NamedTuple):
    """Standard deviation of replicates within samples, pooled over samples."""

    error: float
    dof: int


def fit_bias(y_true: NDArray[Any], y_pred: NDArray[Any], alpha: float) -> BiasTest:
    """Return the mean error, its confidence limit and the p-value of its t-test."""
    n = len(y_true)
    mean = np.asarray(bias(y_true, y_pred, multioutput="raw_values"))
    deviation = np.asarray(sep(y_true, y_pred, multioutput="raw_values"))
    standard_error = deviation / np.sqrt(n)
    size = np.abs(mean)
    size *= size > ROUNDING * np.abs(y_true).max(axis=0)
    p = 2 * stats.t.sf(_ratio(size, standard_error), n - 1)
    return BiasTest(mean, deviation, stats.t.isf(alpha / 2, n - 1) * standard_error, p)


def fit_line(y_true: NDArray[Any], y_pred: NDArray[Any], alpha: float) -> Line:
    """Return the regression of reference values on predictions with its tests."""
    n = len(y_true)
    # Both are centred: rounding errors of an offset would enter the slope.
    centred, response = y_pred - y_pred.mean(axis=0), y_true - y_true.mean(axis=0)
    spread = (centred**2).sum(axis=0)
    slope = (centred * response).sum(axis=0) / spread
    intercept = y_true.mean(axis=0) - slope * y_pred.mean(axis=0)
    residual = ((response - slope * centred) ** 2).sum(axis=0)
    # What the line takes from the squared error, and what of it is rounding error.
    reduction = ((y_true - y_pred) ** 2).sum(axis=0) - residual
    reduction *= reduction > n * (ROUNDING * np.abs(y_true).max(axis=0)) ** 2
    excess = np.abs(slope - 1)
    excess *= excess > ROUNDING
    variance = residual / (n - 2)
    standard_error = np.sqrt(variance / spread)
    slope_p = 2 * stats.t.sf(_ratio(excess, standard_error), n - 2)
    joint_p = stats.f.sf(_ratio(reduction / 2, variance), 2, n - 2)
    limit = stats.t.isf(alpha / 2, n - 2) * standard_error
    return Line(slope, intercept, np.sqrt(variance), standard_error, limit, slope_p, joint_p)


def error_limit(sec: Any, sec_dof: float, dof: int, alpha: float) -> Any:
    """Return the largest standard error, with `dof`, that agrees with that of the calibration."""
    return sec * np.sqrt(_variance_ratio(alpha, dof, sec_dof))


def error_p(error: Any, sec: Any, sec_dof: float, dof: int) -> Any:
    """Return the p-value of the F-test of a standard error against that of the calibration."""
    ratio = (error / sec) ** 2
    if np.isinf(sec_dof):
        return stats.chi2.sf(ratio * dof, dof)
    return stats.f.sf(ratio, dof, sec_dof)


def sample_means(values: NDArray[Any], sample: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean over the rows of each numbered sample."""
    return np.bincount(sample, values) / np.bincount(sample)


def pooled_repeatability(values: NDArray[Any], sample: NDArray[np.intp]) -> Repeatability | None:
    """Return the standard deviation within numbered samples, None without replicates."""
    dof = len(values) - len(np.bincount(sample))
    if dof == 0:
        return None
    within = values - sample_means(values, sample)[sample]
    return Repeatability(float(np.sqrt(np.sum(within**2) / dof)), dof)


def detectable_shift(dof: int, alpha: float, power: float = POWER) -> float:
    """Return the true shift, in standard errors, that a two-sided t-test detects with `power`."""
    critical = stats.f.isf(alpha, 1, dof)

    def missing(noncentrality):
        return stats.ncf.sf(critical, 1, dof, noncentrality) - power

    high = 1.0
    while missing(high) < 0:
        high *= 2
        if high > LARGEST_NONCENTRALITY:
            return np.inf
    return float(np.sqrt(brentq(missing, 0, high)))


def detectable_ratio(dof: int, sec_dof: float, alpha: float, power: float = POWER) -> float:
    """Return the true ratio of standard errors that the one-sided F-test detects with `power`."""
    critical = _variance_ratio(alpha, dof, sec_dof)
    return float(np.sqrt(critical / _variance_ratio(power, dof, sec_dof)))


def _variance_ratio(alpha, dof, sec_dof):
    """Return the ratio of two estimates of one variance that is exceeded with probability alpha."""
    if np.isinf(sec_dof):
        return stats.chi2.isf(alpha, dof) / dof
    return stats.f.isf(alpha, dof, sec_dof)


def _ratio(difference, error):
    """Return difference / error, 0 where both are 0: predictions without any error."""
    difference, error = np.asarray(difference), np.asarray(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / error)
