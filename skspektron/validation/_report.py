"""Result of a validation, as numbers, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ._statistics import POWER
from ._tables import TableReport

FEW_SAMPLES = 20  # the least that ASTM E1655 asks for


@dataclass(frozen=True, repr=False)
class ValidationReport(TableReport):
    r"""Figures and tests of a validation, with a verdict.

    Printed, and as HTML in a notebook, it is a table. The column "limit" has the largest deviation
    that is not significant, "detectable" the true deviation that is significant in 80 of 100 such
    tests. For the bias of n samples with standard error SEP this is
    :math:`\delta\, \mathrm{SEP} / \sqrt n`, where the noncentral t-distribution with
    noncentrality :math:`\delta` has the power 0.8 [1]_.

    Attributes
    ----------
    verdict : {"accept", "adjust bias", "adjust slope and bias", "transfer again"}
        What the tests ask for.
    reason : str
        Why, in a sentence.
    n_samples : int
        Number of samples, after averaging the rows of each.
    n_rows : int
        Number of rows.
    alpha : float
        Significance level of each test.
    bias, bias_limit, bias_p : float
        Mean of predicted minus reference, its confidence limit, and the p-value of its t-test.
    rmsep : float
        Root mean square error of prediction (``SEV`` of ASTM E1655).
    sep : float
        Standard error of prediction, after bias correction (``SDV`` of ASTM E1655).
    sec : float or None
        Standard error of the calibration that SEP is compared with.
    sec_dof : int or None
        Its degrees of freedom. None: it has no error of its own.
    sep_limit, sep_p : float or None
        Unexplained error confidence limit and p-value of the F-test of SEP; None without `sec`.
    slope, intercept : float
        Regression of reference on predicted values.
    slope_limit, slope_p : float
        Confidence limit of the deviation of the slope from 1, and the p-value of its t-test.
    joint_p : float
        p-value of the F-test of slope 1 and intercept 0 together.
    residual_error : float
        Standard deviation of the residuals of that regression, with ``n_samples - 2`` degrees of
        freedom: the error after adjusting slope and bias.
    residual_limit, residual_p : float or None
        As of SEP, for `residual_error`.
    rpd : float
        `y_std` divided by `sep`.
    y_std : float
        Standard deviation of the reference values (``ddof=1``).
    repeatability : float or None
        Standard deviation of predictions within samples, pooled; None without replicates.
    repeatability_dof : int or None
        Its degrees of freedom.
    reference_error : float or None
        Standard error of the reference method (SEL), as passed.
    sep_without_reference : float or None
        SEP without the error of the reference method, 0 if that is larger; None without it.
    detectable_bias, detectable_slope : float
        Bias, and deviation of the slope from 1, that the t-tests detect with a power of 0.8.
    detectable_sep : float or None
        True standard error that the F-test detects with a power of 0.8; None without `sec`.

    See Also
    --------
    validate_predictions : Computes the report, and has the formulas.

    References
    ----------
    .. [1] Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, Erlbaum
       (1988), chapter 2.

    Examples
    --------
    >>> from skspektron.validation import validate_predictions
    >>> report = validate_predictions([1.0, 2.0, 3.0, 4.0, 5.0], [1.9, 3.1, 4.0, 5.1, 5.9])
    >>> report.verdict, round(report.bias, 6)
    ('adjust bias', 1.0)
    """

    _columns: ClassVar[tuple[str, ...]] = ("value", "limit", "p", "detectable")

    verdict: str
    reason: str
    n_samples: int
    n_rows: int
    alpha: float
    bias: float
    bias_limit: float
    bias_p: float
    rmsep: float
    sep: float
    sec: float | None
    sec_dof: int | None
    sep_limit: float | None
    sep_p: float | None
    slope: float
    intercept: float
    slope_limit: float
    slope_p: float
    joint_p: float
    residual_error: float
    residual_limit: float | None
    residual_p: float | None
    rpd: float
    y_std: float
    repeatability: float | None
    repeatability_dof: int | None
    reference_error: float | None
    sep_without_reference: float | None
    detectable_bias: float
    detectable_slope: float
    detectable_sep: float | None

    def _title(self) -> str:
        """Return what was tested."""
        rows = "" if self.n_rows == self.n_samples else f" ({self.n_rows} rows)"
        return f"Validation with {self.n_samples} samples{rows}, alpha = {self.alpha:g}"

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the name and the cells of each row of the table."""
        bias = (self.bias, self.bias_limit, self.bias_p, self.detectable_bias)
        error = (self.sep, self.sep_limit, self.sep_p, self.detectable_sep)
        slope = (self.slope - 1, self.slope_limit, self.slope_p, self.detectable_slope)
        rows: dict[str, tuple[float | None, ...]] = {
            "bias": bias,
            "SEP": error,
            "slope - 1": slope,
            "slope 1, intercept 0": (None, None, self.joint_p),
            "RMSEP": (self.rmsep,),
            "after slope and bias": (self.residual_error, self.residual_limit, self.residual_p),
            "SEC": (self.sec,),
            "RPD, of SEP": (self.rpd,),
            "repeatability": (self.repeatability,),
            "reference method": (self.reference_error,),
            "SEP without it": (self.sep_without_reference,),
        }
        return [_cells(name, *values) for name, values in rows.items() if set(values) != {None}]

    def _sentences(self) -> list[str]:
        """Return the verdict, and what the tests could not have detected."""
        sentences = [f"Verdict: {self.verdict}. {self.reason}"]
        found = (
            f"a bias of {self.detectable_bias:.3g}, a slope off 1 by {self.detectable_slope:.3g}"
        )
        if self.detectable_sep is not None:
            found += f", a SEP of {self.detectable_sep:.3g}"
        sentences.append(
            f"Smaller errors than these are missed in over {1 - POWER:.0%} of such tests: {found}."
        )
        if self.n_samples < FEW_SAMPLES:
            sentences.append(f"ASTM E1655 asks for at least {FEW_SAMPLES} samples.")
        if self.sec is None:
            sentences.append(
                "SEP was not tested, because sec, the error of the calibration, is not known."
            )
        return sentences


def _cells(
    name: str,
    value: float | None = None,
    limit: float | None = None,
    p: float | None = None,
    detectable: float | None = None,
) -> tuple[str, ...]:
    """Return a row of the table as text."""
    number = ["" if x is None else f"{x:.4g}" for x in (value, limit, detectable)]
    return name, number[0], number[1], "" if p is None else _p_value(p), number[2]


def _p_value(p: float) -> str:
    """Return a p-value with three decimals."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
