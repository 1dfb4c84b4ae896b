"""Validation of predictions with independent samples."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length

from .._parameters import Integer, Number, check_arguments, declares
from .._validation import check_labels
from ..metrics import rmsep, rpd
from ..metrics._variance import is_constant
from ._report import ValidationReport
from ._statistics import (
    detectable_ratio,
    detectable_shift,
    error_limit,
    error_p,
    fit_bias,
    fit_line,
    pooled_repeatability,
    sample_means,
)

MIN_SAMPLES = 5
Fields: TypeAlias = dict[str, Any]  # of the report, by name


@declares(
    sec=Number(above=0) | None,
    sec_dof=Integer(1) | None,
    reference_error=Number(above=0) | None,
    alpha=Number(above=0, below=0.5),
)
def validate_predictions(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_id: ArrayLike | None = None,
    sec: float | None = None,
    sec_dof: int | None = None,
    reference_error: float | None = None,
    alpha: float = 0.05,
) -> ValidationReport:
    r"""Test predictions for independent samples, as ISO 12099 and ASTM E1655 do.

    The samples must have been used neither for the calibration nor as standards of the transfer.
    With n samples, e = predicted minus reference, :math:`\alpha` the significance level and t, F
    the upper quantiles, the limits are, in the clauses "Bias", "Standard error of prediction" and
    "Slope" of the statistics for performance measurement of [1]_:

    .. math::
        |\bar e| \le t_{\alpha/2,\, n-1}\, \frac{\mathrm{SEP}}{\sqrt n}, \qquad
        \mathrm{SEP} \le \mathrm{SEC} \sqrt{F_{\alpha;\, n-1,\, M}}, \qquad
        |b - 1| \le t_{\alpha/2,\, n-2}\,
        \frac{s_{res}}{\sqrt{\sum_i (\hat y_i - \bar{\hat y})^2}}

    The second is the unexplained error confidence limit with the M degrees of freedom of SEC. b is
    the slope of the regression of reference on predicted values and :math:`s_{res}` the standard
    deviation of its residuals, with n - 2 degrees of freedom. The test of the bias is also that of
    the validation bias in [2]_, where SEP is called SDV and RMSEP is called SEV; [3]_ applies it
    to analysers.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Reference and predicted values of one target.
    sample_id : array-like of shape (n_rows,), default=None
        Physical sample of each row. Both values are averaged within a sample, and the predictions
        of its rows give the repeatability. None: every row is a sample.
    sec : float, default=None
        Standard error of the calibration (SEC), or better of its cross-validation (SECV), in the
        unit of `y`. None: SEP is not tested.
    sec_dof : int, default=None
        Degrees of freedom of `sec`, ``n - p - 1`` with n calibration samples and p components.
        None: `sec` is a requirement, a number without an error of its own.
    reference_error : float, default=None
        Standard error of one reference value as in `y_true` (SEL), in the unit of `y`.
    alpha : float, default=0.05
        Significance level of each of the three tests. With 0.05, they find a deviation in about
        15 % of validations of a faultless transfer; with ``0.05 / 3`` in 5 %.

    Returns
    -------
    report : ValidationReport
        Figures, tests and verdict; printed, it is a table.

    Raises
    ------
    ValueError
        If there are fewer than 5 samples, values are not finite, there are several targets, or all
        reference or all predicted values are equal.

    See Also
    --------
    skspektron.metrics.transfer_report : Figures of merit of several methods, without tests.
    skspektron.inspection.PredictionDisplay : Predicted against reference values.

    Notes
    -----
    The verdict is "adjust bias" if only the bias is significant, "adjust slope and bias" if the
    slope is. It is "transfer again" if the error that remains is above its limit: SEP, or
    :math:`s_{res}` with n - 2 degrees of freedom if the slope is significant. A line through the
    predictions cannot reduce that error.

    Slope 1 and intercept 0 are also tested together [4]_. The verdict does not depend on it:

    .. math:: F = \frac{\sum_i e_i^2 - (n-2) s_{res}^2}{2 s_{res}^2} \sim F_{2,\, n-2}

    The tests are about this calibration, so that one from few samples has a true bias of its own,
    and about averages over the rows of a sample: pass as many rows as an analysis has in routine.
    SEC is smaller than the error on new samples, and SEP exceeds its limit more often than stated;
    SECV is not [7]_. The test of the slope is exact if the errors do not depend on the predictions,
    as after a least-squares calibration of the same range of samples. The slope of *predicted on
    reference* values, `skspektron.metrics.slope`, is below 1 even then and is not tested.

    The repeatability is the standard deviation of the predictions of :math:`n_i` rows within
    sample i, pooled with :math:`\sum_i (n_i - 1)` degrees of freedom [5]_. Squares of independent
    errors add, so that SEP without the error of the reference method is
    :math:`\sqrt{\mathrm{SEP}^2 - \mathrm{SEL}^2}` [6]_.

    References
    ----------
    .. [1] ISO 12099:2017, Animal feeding stuffs, cereals and milled cereal products - Guidelines
       for the application of near infrared spectrometry.
    .. [2] ASTM E1655-17, Standard Practices for Infrared Multivariate Quantitative Analysis.
    .. [3] ASTM D6122-20, Standard Practice for Validation of the Performance of Multivariate
       Online, At-Line, Field and Laboratory Infrared Spectrophotometer, and Raman Spectrometer
       Based Analyzer Systems.
    .. [4] Mandel & Linnig, Anal. Chem. 29 (1957) 743-749.
    .. [5] ISO 5725-2:2019, Accuracy of measurement methods and results - Part 2.
    .. [6] DiFoggio, Appl. Spectrosc. 49 (1995) 67-75.
    .. [7] Naes et al., A User-Friendly Guide to Multivariate Calibration and Classification,
       NIR Publications (2002).

    Examples
    --------
    >>> from skspektron.validation import validate_predictions
    >>> y_true = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    >>> y_pred = [10.1, 10.9, 12.1, 12.9, 14.1, 14.9]
    >>> report = validate_predictions(y_true, y_pred, sec=0.1)
    >>> report.verdict, round(report.sep_limit, 3), round(report.detectable_bias, 3)
    ('accept', 0.149, 0.157)
    """
    check_arguments(validate_predictions, locals())
    if sec is None and sec_dof is not None:
        raise ValueError(
            f"sec_dof must be None without sec, got {sec_dof}. Pass sec=, the standard error of "
            "the calibration, too."
        )
    y_true, y_pred = _one_target(y_true, "y_true"), _one_target(y_pred, "y_pred")
    check_consistent_length(y_true, y_pred, sample_id)
    n_rows = len(y_true)
    ids = np.arange(n_rows) if sample_id is None else check_labels(sample_id, n_rows, "sample_id")
    sample = np.unique(ids, return_inverse=True)[1]
    fields = _repeatability_fields(y_pred, sample)
    y_true, y_pred = (sample_means(values, sample) for values in (y_true, y_pred))
    _check_samples(y_true, y_pred)
    fields |= _bias_fields(y_true, y_pred, reference_error, alpha)
    fields |= _line_fields(y_true, y_pred, alpha)
    fields |= _error_fields(fields, len(y_true), sec, sec_dof, alpha)
    verdict, reason = _judge(fields, alpha)
    return ValidationReport(
        verdict=verdict,
        reason=reason,
        n_samples=len(y_true),
        n_rows=n_rows,
        alpha=alpha,
        rmsep=float(rmsep(y_true, y_pred)),
        rpd=float(rpd(y_true, y_pred)),
        y_std=float(np.std(y_true, ddof=1)),
        **fields,
    )


def _one_target(y: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return the finite values of one target, (n_rows,)."""
    y = check_array(y, dtype=np.float64, ensure_2d=False, ensure_all_finite=False, input_name=name)
    if y.size != len(y):
        raise ValueError(
            f"{name} must have one target, got {y.size // len(y)}. Validate each target by itself."
        )
    n_bad = np.count_nonzero(~np.isfinite(y))
    if n_bad:
        raise ValueError(f"{name} is NaN or infinite on {n_bad} of {len(y)} rows. Drop those rows.")
    return y.ravel()


def _check_samples(y_true: NDArray[Any], y_pred: NDArray[Any]) -> None:
    """Refuse too few samples, and values without a spread."""
    if len(y_true) < MIN_SAMPLES:
        raise ValueError(
            f"A validation needs at least {MIN_SAMPLES} samples, got {len(y_true)}. Measure more, "
            "20 if possible."
        )
    for name, values in (("y_true", y_true), ("y_pred", y_pred)):
        if is_constant(values):
            raise ValueError(
                f"{name} is {values[0]:g} for all {len(values)} samples, which have no slope. "
                "Choose samples that cover the range of the calibration."
            )


def _repeatability_fields(y_pred: NDArray[Any], sample: NDArray[np.intp]) -> Fields:
    """Return the repeatability of the predictions, None without replicates."""
    pooled = pooled_repeatability(y_pred, sample)
    error, dof = (None, None) if pooled is None else pooled
    return {"repeatability": error, "repeatability_dof": dof}


def _bias_fields(
    y_true: NDArray[Any], y_pred: NDArray[Any], reference_error: float | None, alpha: float
) -> Fields:
    """Return bias and SEP, and the bias that is detectable."""
    n = len(y_true)
    bias, sep, limit, p = (float(x[0]) for x in fit_bias(y_true[:, None], y_pred[:, None], alpha))
    rest = None
    if reference_error is not None:
        rest = float(np.sqrt(max(sep**2 - reference_error**2, 0.0)))
    return {
        "bias": bias,
        "bias_limit": limit,
        "bias_p": p,
        "sep": sep,
        "reference_error": reference_error,
        "sep_without_reference": rest,
        "detectable_bias": float(detectable_shift(n - 1, alpha) * sep / np.sqrt(n)),
    }


def _line_fields(y_true: NDArray[Any], y_pred: NDArray[Any], alpha: float) -> Fields:
    """Return slope and intercept, and the slope that is detectable."""
    line = fit_line(y_true[:, None], y_pred[:, None], alpha)
    fields = {name: float(value[0]) for name, value in line._asdict().items()}
    standard_error = fields.pop("slope_error")
    return fields | {"detectable_slope": detectable_shift(len(y_true) - 2, alpha) * standard_error}


def _error_fields(
    fields: Fields, n: int, sec: float | None, sec_dof: int | None, alpha: float
) -> Fields:
    """Return the limits of SEP and of the error after slope and bias, None without `sec`."""
    names = ("sep_limit", "sep_p", "residual_limit", "residual_p", "detectable_sep")
    found: Fields = {"sec": sec, "sec_dof": sec_dof} | dict.fromkeys(names)
    if sec is None:
        return found
    dof = np.inf if sec_dof is None else sec_dof
    for name, error, n_fitted in (("sep", "sep", 1), ("residual", "residual_error", 2)):
        found[f"{name}_limit"] = float(error_limit(sec, dof, n - n_fitted, alpha))
        found[f"{name}_p"] = float(error_p(fields[error], sec, dof, n - n_fitted))
    return found | {"detectable_sep": sec * detectable_ratio(n - 1, dof, alpha)}


def _judge(fields: Fields, alpha: float) -> tuple[str, str]:
    """Return the verdict and the reason for it."""
    has_slope = fields["slope_p"] < alpha
    name, value = ("residual", "residual_error") if has_slope else ("sep", "sep")
    p, error, limit = fields[f"{name}_p"], fields[value], fields[f"{name}_limit"]
    what = "The error after adjusting slope and bias," if has_slope else "The error without bias,"
    if p is not None and p < alpha:
        return "transfer again", f"{what} {error:.4g}, is above its limit {limit:.4g}."
    if has_slope:
        slope, limit = fields["slope"], fields["slope_limit"]
        return "adjust slope and bias", f"The slope {slope:.4g} differs from 1 by over {limit:.4g}."
    if fields["bias_p"] < alpha:
        bias, limit = fields["bias"], fields["bias_limit"]
        return "adjust bias", f"The bias {bias:.4g} differs from 0 by over {limit:.4g}."
    return "accept", "No deviation is significant."
