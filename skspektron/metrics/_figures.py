"""Figures of merit of a calibration.

The error is predicted minus reference, in the unit of `y`; n counts the test samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, check_consistent_length

from .._parameters import Choice, check_arguments, declares
from ._variance import is_constant

MULTIOUTPUT = Choice(("raw_values", "uniform_average"))
Figure = float | NDArray[np.float64]  # mean over targets, or one value per target


@declares(multioutput=MULTIOUTPUT)
def rmsep(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the root mean square error of prediction.

    .. math:: \mathrm{RMSEP} = \sqrt{\frac{1}{n} \sum_{i=1}^{n} (\hat y_i - y_i)^2}

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    rmsep : float or ndarray of shape (n_targets,)
        In the unit of `y`, 0 at best.

    Notes
    -----
    RMSEP^2 = bias^2 + SEP^2 (n - 1) / n [1]_.

    References
    ----------
    .. [1] Naes et al., A User-Friendly Guide to Multivariate Calibration and Classification,
       NIR Publications (2002).

    Examples
    --------
    >>> from skspektron.metrics import rmsep
    >>> rmsep([1.0, 2.0], [4.0, 5.0])
    3.0
    """
    check_arguments(rmsep, locals())
    y_true, y_pred = check_pair(y_true, y_pred)
    return _average(np.sqrt(np.mean((y_pred - y_true) ** 2, axis=0)), multioutput)


@declares(multioutput=MULTIOUTPUT)
def bias(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the mean error: positive when predictions are too high [1]_.

    .. math:: \mathrm{bias} = \frac{1}{n} \sum_{i=1}^{n} (\hat y_i - y_i)

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    bias : float or ndarray of shape (n_targets,)
        In the unit of `y`, 0 at best.

    References
    ----------
    .. [1] Naes et al., A User-Friendly Guide to Multivariate Calibration and Classification,
       NIR Publications (2002).

    Examples
    --------
    >>> from skspektron.metrics import bias
    >>> bias([1.0, 2.0], [2.0, 3.0])
    1.0
    """
    check_arguments(bias, locals())
    y_true, y_pred = check_pair(y_true, y_pred)
    return _average(np.mean(y_pred - y_true, axis=0), multioutput)


@declares(multioutput=MULTIOUTPUT)
def sep(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the standard error of prediction: the error after bias correction [1]_.

    .. math:: \mathrm{SEP} = \sqrt{\frac{1}{n-1} \sum_{i=1}^{n} (\hat y_i - y_i - \mathrm{bias})^2}

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    sep : float or ndarray of shape (n_targets,)
        In the unit of `y`, 0 at best; NaN with a warning for one sample.

    References
    ----------
    .. [1] Naes et al., A User-Friendly Guide to Multivariate Calibration and Classification,
       NIR Publications (2002).

    Examples
    --------
    >>> from skspektron.metrics import sep
    >>> sep([1.0, 2.0, 3.0], [1.0, 3.0, 5.0])
    1.0
    """
    check_arguments(sep, locals())
    y_true, y_pred = check_pair(y_true, y_pred)
    return _average(_sep(y_true, y_pred, "sep"), multioutput)


@declares(multioutput=MULTIOUTPUT)
def slope(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the least-squares slope of predicted on reference values [1]_.

    .. math:: \mathrm{slope} = \frac{\sum_i (y_i - \bar y)\, \hat y_i}{\sum_i (y_i - \bar y)^2}

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    slope : float or ndarray of shape (n_targets,)
        Dimensionless, 1 at best; below 1 if predictions of extreme values are biased towards the
        mean. NaN with a warning if all reference values of a target are equal.

    References
    ----------
    .. [1] Naes et al., A User-Friendly Guide to Multivariate Calibration and Classification,
       NIR Publications (2002).

    Examples
    --------
    >>> from skspektron.metrics import slope
    >>> slope([1.0, 2.0, 3.0], [1.0, 1.5, 2.0])
    0.5
    """
    check_arguments(slope, locals())
    y_true, y_pred = check_pair(y_true, y_pred)
    centred = y_true - y_true.mean(axis=0)
    variance = np.where(is_constant(y_true), np.nan, np.sum(centred**2, axis=0))
    if np.isnan(variance).any():
        _warn_undefined("slope needs different reference values", len(y_true))
    # Both are centred: rounding errors of an offset of the predictions would enter the slope.
    products = centred * (y_pred - y_pred.mean(axis=0))
    return _average(np.sum(products, axis=0) / variance, multioutput)


@declares(multioutput=MULTIOUTPUT)
def r2(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the coefficient of determination, by the first definition compared in [1]_.

    .. math:: R^2 = 1 - \frac{\sum_i (\hat y_i - y_i)^2}{\sum_i (y_i - \bar y)^2}

    Not the squared correlation: bias and slope errors lower it, so it can be negative.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    r2 : float or ndarray of shape (n_targets,)
        1 at best. NaN with a warning for one sample. If all reference values are equal, 1 for
        exact predictions and 0 otherwise, as in `sklearn.metrics.r2_score`.

    References
    ----------
    .. [1] Kvalseth, Am. Stat. 39 (1985) 279-285.

    Examples
    --------
    >>> from skspektron.metrics import r2
    >>> r2([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    -0.5
    """
    check_arguments(r2, locals())
    y_true, y_pred = check_pair(y_true, y_pred)
    if len(y_true) < 2:
        _warn_undefined("r2 needs two samples", len(y_true))
        return _average(np.full(y_true.shape[1], np.nan), multioutput)
    residual = np.sum((y_pred - y_true) ** 2, axis=0)
    total = np.sum((y_true - y_true.mean(axis=0)) ** 2, axis=0)
    constant = is_constant(y_true)  # where `total` is rounding error of the mean
    explained = 1 - residual / np.where(constant, 1, total)
    return _average(np.where(constant, residual == 0, explained), multioutput)


@declares(multioutput=MULTIOUTPUT)
def rpd(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the ratio of performance to deviation [1]_.

    .. math:: \mathrm{RPD} = \frac{s_y}{\mathrm{SEP}}, \qquad
        s_y = \sqrt{\frac{1}{n-1} \sum_{i=1}^{n} (y_i - \bar y)^2}

    Some authors divide by RMSEP instead, which includes the bias.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    rpd : float or ndarray of shape (n_targets,)
        Dimensionless; 1 for predictions no better than the mean, infinite if SEP is 0. NaN with a
        warning for one sample, NaN if the standard deviation and SEP are both 0.

    References
    ----------
    .. [1] Williams, in Near-Infrared Technology in the Agricultural and Food Industries,
       American Association of Cereal Chemists (1987) 143-167.

    Examples
    --------
    >>> from skspektron.metrics import rpd
    >>> rpd([2.0, 4.0, 6.0], [2.0, 5.0, 8.0])
    2.0
    """
    check_arguments(rpd, locals())
    return _average(_ratio_to_sep(_deviation, y_true, y_pred, "rpd"), multioutput)


@declares(multioutput=MULTIOUTPUT)
def rpiq(y_true: ArrayLike, y_pred: ArrayLike, *, multioutput: str = "uniform_average") -> Figure:
    r"""Return the ratio of performance to interquartile range [1]_.

    .. math:: \mathrm{RPIQ} = \frac{Q_3(y) - Q_1(y)}{\mathrm{SEP}}

    The counterpart of `rpd` for skewed reference values.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Reference and predicted values; quartiles by linear interpolation.
    multioutput : {"raw_values", "uniform_average"}, default="uniform_average"
        One value per target, or their mean.

    Returns
    -------
    rpiq : float or ndarray of shape (n_targets,)
        Dimensionless, infinite if SEP is 0. NaN with a warning for one sample, NaN if the
        interquartile range and SEP are both 0.

    References
    ----------
    .. [1] Bellon-Maurel et al., Trends Anal. Chem. 29 (2010) 1073-1081.

    Examples
    --------
    >>> from skspektron.metrics import rpiq
    >>> rpiq([2.0, 4.0, 6.0], [2.0, 5.0, 8.0])
    2.0
    """
    check_arguments(rpiq, locals())
    return _average(_ratio_to_sep(_interquartile_range, y_true, y_pred, "rpiq"), multioutput)


def check_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both as float arrays of the same shape (n_samples, n_targets)."""
    check_consistent_length(y_true, y_pred)
    checked = (
        check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
        for y, name in ((y_true, "y_true"), (y_pred, "y_pred"))
    )
    reference, predicted = (y.reshape(len(y), -1) for y in checked)
    if reference.shape != predicted.shape:
        raise ValueError(
            f"y_true has {reference.shape[1]} targets, y_pred has {predicted.shape[1]}. "
            "Pass predictions of the same targets."
        )
    return reference, predicted


def _average(values, multioutput):
    """Return one value per target, or their mean."""
    return values if multioutput == "raw_values" else float(np.mean(values))


def _sep(y_true, y_pred, name):
    """Return the SEP of each target, NaN with a warning for one sample."""
    if len(y_true) < 2:
        _warn_undefined(f"{name} needs two samples", len(y_true))
        return np.full(y_true.shape[1], np.nan)
    return np.std(y_pred - y_true, axis=0, ddof=1)


def _ratio_to_sep(spread: Callable[[NDArray[np.float64]], Any], y_true, y_pred, name):
    """Return the ratio of a spread of the reference values to SEP, for each target."""
    y_true, y_pred = check_pair(y_true, y_pred)
    error = _sep(y_true, y_pred, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (spread(y_true) if len(y_true) > 1 else error) / error


def _deviation(y):
    """Return the standard deviation of each target, exactly 0 for a constant."""
    return np.where(is_constant(y), 0.0, np.std(y, axis=0, ddof=1))


def _interquartile_range(y):
    """Return Q3 - Q1 of each target."""
    return np.subtract(*np.percentile(y, [75, 25], axis=0))


def _warn_undefined(requirement, n_samples):
    """Warn that a figure is NaN, as scikit-learn's metrics do."""
    warnings.warn(
        f"{requirement}, got {n_samples} samples. The figure is NaN. Pass more samples.",
        UndefinedMetricWarning,
        stacklevel=4,
    )
