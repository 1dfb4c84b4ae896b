"""Influence plot: Hotelling's T2, Q residuals and prediction residuals."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length

from .._drawing import COLOURS, check_axes, import_pyplot, new_axes
from .._parameters import ARRAY, TEXT, Number, Rules, check_arguments, check_parameters, declares
from .._validation import NUMBERS, check_labels

STATISTICS = ("hotelling_t2", "q_residuals", "channel_residual")
MAX_LABELS = 8  # samples outside the limits that are labelled

LIMIT = Number(above=0, way_out="Pass the limit of an ApplicabilityDomain.")


class InfluenceDisplay:
    """Plot Q residuals against Hotelling's T2 with their limits, and residuals against T2.

    Spectra above a limit are open squares, the others filled circles. A square below both lines is
    outside by its channel residual alone. With residuals, a second panel shows whether predictions
    outside the limits are worse than those inside.

    Parameters
    ----------
    hotelling_t2, q_residuals : array-like of shape (n_samples,)
        T2 and Q of each spectrum, as returned by `ApplicabilityDomain.statistics`.
    hotelling_t2_limit, q_residuals_limit : float
        Limits of T2 and Q.
    channel_residual : array-like of shape (n_samples,), default=None
        Largest relative residual of a channel, which also decides who is outside. None: T2 and Q
        alone decide.
    channel_residual_limit : float, default=None
        Limit of the channel residual.
    residuals : array-like of shape (n_samples,), default=None
        Predicted minus reference values; NaN where the reference value is unknown. None: one
        panel.
    sample_id : array-like of shape (n_samples,), default=None
        Labels of samples outside the limits. None: row numbers, counted from 0.
    unit : str, default=None
        Unit of the residuals, for the axis label. None: no unit.

    Attributes
    ----------
    outside_ : ndarray of shape (n_samples,) of bool
        True for spectra above a limit.
    residual_band_ : float
        Twice the root mean square of the residuals inside the limits, drawn as dotted lines on
        both sides of 0; NaN without residuals.
    labels_ : list of matplotlib Text
        Labels of the samples outside the limits, at most the eight farthest.
    ax_ : ndarray of shape (1,) or (2,) of matplotlib Axes
        Panels of Q against T2 and, with residuals, of residuals against T2.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    skspektron.reliability.ApplicabilityDomain : Computes T2, Q and their limits.

    Notes
    -----
    High T2 and low Q: an extreme amount of what varies among the calibration samples; the
    prediction extrapolates. High Q: a spectral feature that no calibration sample has, whose effect
    on the prediction is unknown. Both axes are logarithmic.

    References
    ----------
    .. [1] Jackson & Mudholkar, Technometrics 21 (1979) 341-349.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import InfluenceDisplay
    >>> display = InfluenceDisplay([1.0, 9.0], [0.1, 0.2], hotelling_t2_limit=6.0,
    ...                            q_residuals_limit=0.5, sample_id=["s1", "s2"])
    >>> [label.get_text() for label in display.plot(Figure().subplots()).labels_]
    ['s2']
    """

    _parameters: ClassVar[Rules] = {
        "hotelling_t2": NUMBERS,
        "q_residuals": NUMBERS,
        "hotelling_t2_limit": LIMIT,
        "q_residuals_limit": LIMIT,
        "channel_residual": NUMBERS | None,
        "channel_residual_limit": LIMIT | None,
        "residuals": NUMBERS | None,
        "sample_id": ARRAY | None,
        "unit": TEXT | None,
    }

    def __init__(
        self,
        hotelling_t2: ArrayLike,
        q_residuals: ArrayLike,
        *,
        hotelling_t2_limit: float,
        q_residuals_limit: float,
        channel_residual: ArrayLike | None = None,
        channel_residual_limit: float | None = None,
        residuals: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
        unit: str | None = None,
    ):
        self.hotelling_t2 = hotelling_t2
        self.q_residuals = q_residuals
        self.hotelling_t2_limit = hotelling_t2_limit
        self.q_residuals_limit = q_residuals_limit
        self.channel_residual = channel_residual
        self.channel_residual_limit = channel_residual_limit
        self.residuals = residuals
        self.sample_id = sample_id
        self.unit = unit

    @property
    def outside_(self) -> NDArray[np.bool_]:
        """Whether each spectrum is above a limit."""
        values, limits = self._statistics()
        return np.asarray((values > limits).any(axis=0))

    @property
    def residual_band_(self) -> float:
        """Twice the root mean square of the residuals inside the limits."""
        if self.residuals is None:
            return float("nan")
        inside = np.asarray(self.residuals, dtype=np.float64)[~self.outside_]
        known = inside[np.isfinite(inside)]
        return float(2 * np.sqrt(np.mean(known**2))) if len(known) else float("nan")

    def plot(self, ax: Any = None) -> InfluenceDisplay:
        """Plot the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One without residuals, two with residuals. None: a new figure.

        Returns
        -------
        display : InfluenceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes, the inputs differ in length, a statistic is not
            finite, or a limit is not above 0.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        labels = self._check_samples()
        n = 1 if self.residuals is None else 2
        if ax is None:
            ax = new_axes(type(self).__name__, 1, n, figsize=(4.8 * n, 4.2))
        self.ax_ = check_axes(ax, n)
        self.figure_ = self.ax_[0].figure
        self._draw_distances(self.ax_[0])
        if self.residuals is not None:
            self._draw_residuals(self.ax_[1])
        self.labels_ = self._label_samples(labels)
        self.ax_[0].legend(fontsize="small")
        return self

    @classmethod
    @declares(
        unit=TEXT | None,
    )
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        regressor: BaseEstimator | None = None,
        sample_id: ArrayLike | None = None,
        unit: str | None = None,
        ax: Any = None,
    ) -> InfluenceDisplay:
        """Compute T2, Q, channel residuals and, if `y` is given, errors, and plot them.

        Parameters
        ----------
        estimator : ApplicabilityDomain
            Fitted applicability domain.
        X : array-like of shape (n_samples, n_features)
            Spectra as the domain was fitted to; those of a target instrument after
            ``transfer.transform``.
        y : array-like of shape (n_samples,), default=None
            Reference values; NaN where unknown. None: no residuals.
        regressor : estimator, default=None
            Fitted calibration that predicts `X`. None: the PLS of the domain.
        sample_id, unit, ax
            As in the class and in `plot`.

        Returns
        -------
        display : InfluenceDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator has no limits, or the regressor cannot predict.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        if not hasattr(estimator, "statistics"):
            raise TypeError(
                "estimator must be a fitted ApplicabilityDomain, got "
                f"{type(estimator).__name__}. Pass ApplicabilityDomain(calibration).fit(X, y) with "
                "the spectra of the calibration."
            )
        found = estimator.statistics(X)
        display = cls(
            found.hotelling_t2,
            found.q_residuals,
            hotelling_t2_limit=estimator.hotelling_t2_limit_,
            q_residuals_limit=estimator.q_residuals_limit_,
            channel_residual=found.channel_residual,
            channel_residual_limit=estimator.channel_residual_limit_,
            residuals=None if y is None else _residuals(estimator, regressor, X, y),
            sample_id=sample_id,
            unit=unit,
        )
        return display.plot(ax)

    def _names(self) -> tuple[str, ...]:
        """Return the names of the statistics that decide who is outside."""
        return STATISTICS[: 2 if self.channel_residual is None else 3]

    def _statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the statistics, (2, n_samples) or (3, n_samples), and their limits as a column."""
        values = [np.asarray(getattr(self, name), dtype=np.float64) for name in self._names()]
        limits = [[getattr(self, f"{name}_limit")] for name in self._names()]
        return np.array(values), np.array(limits, dtype=np.float64)

    def _check_samples(self) -> NDArray[Any]:
        """Return the labels of the samples after checking that all inputs have one length."""
        n_samples = len(np.asarray(self.hotelling_t2))
        check_consistent_length(
            self.hotelling_t2, self.q_residuals, self.channel_residual, self.residuals
        )
        if self.channel_residual is not None and self.channel_residual_limit is None:
            raise ValueError(
                "channel_residual_limit must be given with channel_residual, got None. Pass the "
                "channel_residual_limit_ of the ApplicabilityDomain."
            )
        for name in self._names():
            n_unknown = np.count_nonzero(~np.isfinite(np.asarray(getattr(self, name), dtype=float)))
            if n_unknown:
                raise ValueError(
                    f"{name} must be finite, got {n_unknown} of {n_samples} that are not. Drop "
                    "these spectra."
                )
        if self.sample_id is None:
            return np.arange(n_samples)
        return check_labels(self.sample_id, n_samples, "sample_id")

    def _draw_marks(self, ax: Any, x: Any, y: Any) -> None:
        """Plot circles inside and squares outside the limits."""
        outside, x, y = self.outside_, np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        open_square = {"marker": "s", "color": COLOURS[1], "markerfacecolor": "none"}
        for name, which, style in (
            ("inside", ~outside, {"marker": "o", "color": COLOURS[0]}),
            ("outside", outside, open_square),
        ):
            label = f"{name}, n = {np.count_nonzero(which)}"
            style = {"linestyle": "none", "markersize": 5, "label": label, **style}
            ax.plot(x[which], y[which], **style)

    def _draw_distances(self, ax: Any) -> None:
        """Plot Q against T2."""
        _make_logarithmic(ax, "x")
        _make_logarithmic(ax, "y")
        self._draw_marks(ax, self.hotelling_t2, self.q_residuals)
        ax.axvline(self.hotelling_t2_limit, color="black", linestyle="--", linewidth=1)
        limit = {"color": "black", "linestyle": "--", "linewidth": 1, "label": "limits"}
        ax.axhline(self.q_residuals_limit, **limit)
        ax.set(xlabel="Hotelling's T²", ylabel="Q residuals")
        ax.margins(0.12)  # room for the labels

    def _draw_residuals(self, ax: Any) -> None:
        """Plot residuals against T2."""
        _make_logarithmic(ax, "x")
        self._draw_marks(ax, self.hotelling_t2, self.residuals)
        ax.axvline(self.hotelling_t2_limit, color="black", linestyle="--", linewidth=1)
        ax.axhline(0, color="0.5", linewidth=1)
        for side in (-1, 1):
            if np.isfinite(self.residual_band_):
                ax.axhline(side * self.residual_band_, color="0.3", linestyle=":", linewidth=1)
        unit = "" if self.unit is None else f" / {self.unit}"
        ax.set(xlabel="Hotelling's T²", ylabel=f"Predicted − reference{unit}")

    def _label_samples(self, labels: NDArray[Any]) -> list[Any]:
        """Label the samples farthest outside the limits."""
        t2 = np.asarray(self.hotelling_t2, dtype=float)
        q = np.asarray(self.q_residuals, dtype=float)
        values, limits = self._statistics()
        farthest = np.argsort(-(values / limits).max(axis=0), kind="stable")[:MAX_LABELS]
        style = {"xytext": (4, 3), "textcoords": "offset points", "fontsize": "x-small"}
        return [
            self.ax_[0].annotate(str(labels[i]), (t2[i], q[i]), **style)
            for i in farthest
            if self.outside_[i]
        ]


def _make_logarithmic(ax: Any, which: str) -> None:
    """Make one axis logarithmic with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _residuals(domain: Any, regressor: Any, X: Any, y: ArrayLike) -> NDArray[np.float64]:
    """Return predicted minus reference values."""
    regressor = domain.estimator_ if regressor is None else regressor
    if not hasattr(regressor, "predict"):
        raise TypeError(
            f"y was given, but {type(regressor).__name__} has no predict. Pass a fitted "
            "calibration as regressor=, or y=None."
        )
    y = np.asarray(y, dtype=np.float64)
    y_pred = np.asarray(regressor.predict(X), dtype=np.float64)
    if y.size != len(y_pred) or y_pred.size != len(y_pred):
        raise ValueError(
            f"y has shape {y.shape} and the predictions have {y_pred.shape}. Pass reference values "
            "of one target and a calibration for it."
        )
    return y_pred.ravel() - y.ravel()
