"""Control chart of check samples: prediction errors and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._parameters import (
    PATH,
    Number,
    Rules,
    check_arguments,
    check_parameters,
    declares,
    having,
)
from .._typing import ESTIMATOR, PathLike
from ..reliability import ApplicabilityDomain
from ._chart_file import check_domain, read_chart, write_chart
from ._history import accumulate, empty_history, extended, last_values
from ._limits import bias_and_sep, limits_of_errors, limits_of_spectra
from ._points import average_scans
from ._run_length import cusum_arl, ewma_arl, shewhart_arl

if TYPE_CHECKING:
    from typing_extensions import Self

DOMAIN = having(
    "a fitted ApplicabilityDomain",
    "statistics",
    way_out="Pass the domain_ of the chart that was saved.",
)


class ControlChart(DocumentedEstimator):
    r"""Monitor a calibration with check samples: prediction errors and spectra.

    Each check sample gives a point: its prediction error e, predicted minus reference, in units of
    the standard error of the validation, :math:`z_i = (e_i - \mathrm{bias}) / \mathrm{SEP}`, and
    the T2 and Q of its spectrum. The charts are

    .. math::
        \text{Shewhart:}\quad & |z_i| > L_S \\
        \text{EWMA:}\quad & E_i = \lambda z_i + (1 - \lambda) E_{i-1},
            \quad |E_i| > L \sqrt{\lambda / (2 - \lambda)} \\
        \text{CUSUM:}\quad & C^+_i = \max(0, C^+_{i-1} + z_i - k),
            \quad C^-_i = \max(0, C^-_{i-1} - z_i - k), \quad C^\pm_i > h \\
        \text{T2 and Q:}\quad & T^2_i > T^2_\mathrm{lim}, \quad Q_i > Q_\mathrm{lim}

    EWMA and CUSUM start at 0. The Shewhart chart [1]_ finds a single gross error or a large shift,
    EWMA [2]_ and CUSUM [3]_ find small shifts and drift, and T2 and Q a change of the spectra, for
    which no reference value is needed.

    Parameters
    ----------
    estimator : PCA, PLSRegression or Pipeline that ends in one, default=None
        Model of the spectra whose T2 and Q are monitored, as in `ApplicabilityDomain`. A fitted
        calibration in a `FrozenEstimator` is not fitted again; its limits are those of the
        spectra of `fit`. None: ``PCA(0.99)``.
    arl : float, default=370
        Average run length of each chart while nothing changes: points up to a false alarm; from
        10 to 100,000. 370 gives limits of 3 standard errors in the Shewhart chart. With five
        charts, one of them gives a false alarm more often. T2 and Q keep it approximately.
    ewma_lambda : float, default=0.2
        Weight of the last point in the EWMA, from 0.01 to 1. Smaller finds smaller shifts.
        Typical: 0.05 to 0.25.
    cusum_k : float, default=0.5
        Reference value of the CUSUM, in standard errors; at least 0.05. Half the shift that is to
        be found soonest.
    bias, sep : float, default=None
        Mean and standard deviation (n - 1) of the prediction error in the validation, in the unit
        of `y`. None: computed from the samples of `fit`. ``bias=0`` monitors whether the
        predictions agree with the reference values, not whether they changed since the validation.

    Attributes
    ----------
    bias_, sep_ : float
        Centre and unit of the charts of the error, in the unit of `y`.
    n_samples_ : int
        Samples of `fit` with a reference value.
    limits_ : Bunch
        Limits of the statistics: `shewhart`, `ewma` and `cusum` in standard errors,
        `hotelling_t2` and `q_residuals`.
    domain_ : ApplicabilityDomain
        The model of the spectra, which computes T2 and Q. Its own limits are those of its default
        ``confidence_level``; the charts use `limits_`.
    run_ : int
        How often `restart` was called.
    history_ : Bunch
        One entry per point since `fit`. `sample_id`: its label, or its number from 0. `run`: the
        value of `run_`. `error`: in the unit of `y`. `z`, `ewma`, `cusum_high`, `cusum_low`: in
        standard errors; NaN without a reference value. `hotelling_t2`, `q_residuals`. `signals`:
        a tuple with the names of the charts that signal, empty if none does: "Shewhart high",
        "Shewhart low", "EWMA high", "EWMA low", "CUSUM high", "CUSUM low", "T2" and "Q".

    See Also
    --------
    skspektron.inspection.ControlChartDisplay : Draws the charts.
    skspektron.reliability.ApplicabilityDomain : T2, Q and how their limits are found.

    Notes
    -----
    Run lengths assume independent, normal errors. The limit of the EWMA is that of the integral
    equation of [4]_, the one of the CUSUM that of [3]_, with both sides combined by [5]_; the
    Markov chain of [6]_ approximates the same numbers. `average_run_length` returns them for a
    shift.

    The limits of T2 and Q are quantiles at ``1 - 1 / arl`` for new spectra. They come from T2 and Q
    of the n spectra of `fit`, held out in ten-fold cross-validation, with mean m, standard
    deviation s and skewness b, which is at least 2s / m and at most :math:`\sqrt 8`:

    .. math::
        m + \frac{2 s}{b} \left[ \left( 1 - \frac{b^2}{36}
            + \frac{b}{6} \, t_\nu \sqrt{1 + 1 / n} \right)^3 - 1 \right], \qquad
        \nu = \frac{n - 1}{1 + 3 b^2 / 4}

    This is the quantile of a shifted and scaled chi-square with these moments [7]_, by the formula
    of [8]_. Student's t, with the degrees of freedom of the variance of skewed values [9]_ and at
    least 2, allows for moments of few spectra. Spectra with outliers, as of real products, have
    false alarms more often than one in `arl`; the documentation has figures.

    Bias and SEP are estimates, so that the average run length of a chart differs from `arl`, and
    is shorter than `arl` for most charts after a small validation. The documentation has a table.

    Scans that share a `sample_id` within a call are one point: the mean of spectra, predictions
    and reference values. The SEP must then be of means over as many scans. The same `sample_id`
    in a later call is a new point, as of a check sample that is measured every day. A point
    without a reference value (NaN) leaves EWMA and CUSUM unchanged.

    Charts continue after a signal. Call `restart` once its cause has been removed, and fit the
    chart again after a new validation.

    References
    ----------
    .. [1] Shewhart, Economic Control of Quality of Manufactured Product, Van Nostrand (1931).
    .. [2] Roberts, Technometrics 1 (1959) 239-250.
    .. [3] Page, Biometrika 41 (1954) 100-115.
    .. [4] Crowder, Technometrics 29 (1987) 401-407.
    .. [5] Kemp, J. R. Stat. Soc. B 23 (1961) 149-153.
    .. [6] Brook & Evans, Biometrika 59 (1972) 539-549.
    .. [7] Pearson, Biometrika 46 (1959) 364; of Q in charts: Nomikos & MacGregor, Technometrics 37
       (1995) 41-59.
    .. [8] Wilson & Hilferty, Proc. Natl. Acad. Sci. 17 (1931) 684-688.
    .. [9] Box, Biometrika 40 (1953) 318-335.

    Examples
    --------
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.validation import ControlChart
    >>> X = make_instruments(40, random_state=0).X["A"]
    >>> chart = ControlChart(bias=0.0, sep=0.2).fit(X[:30])
    >>> chart.partial_fit(X[30:32], y_true=[5.0, 6.0], y_pred=[5.1, 6.7]).history_.signals
    [(), ('Shewhart high',)]
    """

    _parameters: ClassVar[Rules] = {
        "estimator": ESTIMATOR | None,
        "arl": Number(at_least=10, at_most=1e5),
        "ewma_lambda": Number(at_least=0.01, at_most=1),
        "cusum_k": Number(at_least=0.05),
        "bias": Number() | None,
        "sep": Number(above=0) | None,
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        arl: float = 370.0,
        ewma_lambda: float = 0.2,
        cusum_k: float = 0.5,
        bias: float | None = None,
        sep: float | None = None,
    ):
        self.estimator = estimator
        self.arl = arl
        self.ewma_lambda = ewma_lambda
        self.cusum_k = cusum_k
        self.bias = bias
        self.sep = sep

    @unfitted_on_failure
    def fit(
        self,
        X: ArrayLike,
        y_true: ArrayLike | None = None,
        y_pred: ArrayLike | None = None,
        *,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Compute all limits from the samples of a validation, and start empty charts.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Spectra, of samples that the calibration was not fitted to.
        y_true, y_pred : array-like of shape (n_rows,), default=None
            Reference values, NaN where unknown, and predictions. Needed unless both `bias` and
            `sep` are given, or if `estimator` is to be fitted and uses them.
        sample_id : array-like of shape (n_rows,), default=None
            Physical sample of each row. None: every row is a separate sample.

        Returns
        -------
        self : ControlChart
            The fitted chart, without points.

        Raises
        ------
        ValueError
            If fewer than 10 samples have a reference value and `bias` or `sep` is not given.
        """
        check_parameters(self)
        limits = limits_of_errors(self.arl, self.ewma_lambda, self.cusum_k)
        points = average_scans(X, y_true, y_pred, sample_id, "fit")
        known = ~np.isnan(points.error)
        self.n_samples_: int = int(np.count_nonzero(known))
        self.bias_, self.sep_ = bias_and_sep(points.error[known], self.bias, self.sep)
        domain = ApplicabilityDomain(self.estimator)
        self.domain_: Any = domain.fit(points.X, points.y if known.any() else None)
        self.limits_ = Bunch(**limits, **limits_of_spectra(domain, self.arl))
        self.run_: int = 0
        self.history_: Any = empty_history()
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y_true: ArrayLike | None = None,
        y_pred: ArrayLike | None = None,
        *,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Add check samples to the charts, in the order in which they were measured.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Spectra.
        y_true, y_pred : array-like of shape (n_rows,), default=None
            Reference values and predictions. NaN or None: only the spectra are monitored.
        sample_id : array-like of shape (n_rows,), default=None
            Sample of each row; rows of the same sample are averaged. None: every row is a point.

        Returns
        -------
        self : ControlChart
            The chart; new points are at the end of `history_`.
        """
        check_is_fitted(self)
        points = average_scans(X, y_true, y_pred, sample_id, "partial_fit")
        spectral = self.domain_.statistics(points.X)
        n_before = len(self.history_.z)
        labels = points.labels or [str(n_before + i) for i in range(len(points.error))]
        new: dict[str, Any] = {
            "sample_id": np.array(labels, dtype=str),
            "run": np.full(len(labels), self.run_),
            "error": points.error,
            "z": (points.error - self.bias_) / self.sep_,
            "hotelling_t2": spectral.hotelling_t2,
            "q_residuals": spectral.q_residuals,
        }
        start = last_values(self.history_, self.run_)
        new |= accumulate(new["z"], start, self.ewma_lambda, self.cusum_k)
        self.history_ = extended(self.history_, new, self.limits_)
        return self

    def restart(self) -> Self:
        """Set EWMA and CUSUM to 0 after the cause of a signal was removed; limits stay."""
        check_is_fitted(self)
        self.run_ += 1
        return self

    @declares(shift=Number())
    def average_run_length(self, shift: float = 0.0) -> Bunch:
        """Return how many points a chart takes on average to signal after a shift.

        Parameters
        ----------
        shift : float, default=0.0
            Change of the mean error, in standard errors; present from the first point of a chart.
            0: points up to a false alarm.

        Returns
        -------
        Bunch
            shewhart, ewma, cusum : float
                Points up to and with the first signal.
        """
        check_arguments(type(self).average_run_length, locals())
        check_is_fitted(self)
        return Bunch(
            shewhart=shewhart_arl(self.limits_.shewhart, shift),
            ewma=ewma_arl(self.limits_.ewma, self.ewma_lambda, shift),
            cusum=cusum_arl(self.limits_.cusum, self.cusum_k, shift),
        )

    def save(self, path: PathLike) -> None:
        """Write parameters, limits, state and history to a JSON file, without `domain_`.

        Parameters
        ----------
        path : str or Path
            File to write or replace. `domain_` contains `estimator`; store it with joblib, next to
            the calibration, or fit it again to the same spectra.
        """
        check_is_fitted(self)
        write_chart(path, self)

    @classmethod
    @declares(path=PATH, domain=DOMAIN)
    def load(cls, path: PathLike, domain: ApplicabilityDomain) -> ControlChart:
        """Return the chart in a file of `save`, which continues as the one that was saved.

        Parameters
        ----------
        path : str or Path
            File of `save`.
        domain : ApplicabilityDomain
            `domain_` of the saved chart, or one fitted again to the same spectra.

        Returns
        -------
        chart : ControlChart
            The fitted chart.

        Raises
        ------
        ValueError
            If the file was changed or is of another kind, or `domain` was fitted to other spectra.
        """
        check_arguments(cls.load, locals())
        record = read_chart(path)
        chart = cls(domain.estimator, **record["parameters"])
        check_domain(domain, record["limits"], chart.arl)
        chart.domain_, chart.limits_, chart.history_ = domain, record["limits"], record["history"]
        for name, value in record["fitted"].items():
            setattr(chart, name, value)
        return chart
