"""Control chart of check samples: prediction errors, cumulative sums and spectra."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._drawing import COLOURS, LINE_STYLES, MARKERS, check_axes, import_pyplot, new_axes
from .._parameters import Kind, Rule, Rules, check_arguments, check_parameters, declares

MAX_LABELS = 8  # points at which signals begin
COLUMNS = ("sample_id", "run", "signals", "z", "ewma", "cusum_high", "cusum_low")
SPECTRAL = {"hotelling_t2": "T²", "q_residuals": "Q"}
LIMITS = ("shewhart", "ewma", "cusum", *SPECTRAL)


def _mapping_with(names: tuple[str, ...], attribute: str) -> Rule:
    """Return the rule for a mapping or data frame that has these columns."""

    def has_all(value: Any) -> bool:
        return hasattr(value, "keys") and set(names) <= {str(key) for key in value}

    what = f"the {attribute} of a fitted ControlChart"
    return Kind(what, has_all, way_out=f"Pass chart.{attribute}.")


class ControlChartDisplay:
    """Plot the charts of check samples: errors with EWMA, CUSUM, and T2 with Q of the spectra.

    A panel each, against the number of the point. Dashed lines are limits, open squares points with
    a signal in the panel, vertical lines restarts. A point without a reference value is in the
    third panel only.

    Parameters
    ----------
    history : mapping of str to array-like of shape (n_points,)
        Points of a chart, ``chart.history_``, or a data frame made of it.
    limits : mapping of str to float
        Limits of the chart, ``chart.limits_``.

    Attributes
    ----------
    points_ : dict of str to matplotlib Line2D
        What is drawn: "z", "ewma", "cusum_high", "cusum_low" (downwards), and "hotelling_t2" and
        "q_residuals", both divided by their limits.
    signals_ : list of matplotlib Line2D
        The open squares, one entry per panel.
    labels_ : list of matplotlib Text
        Labels of the points at which signals begin, at most the eight last.
    ax_ : ndarray of shape (3,) of matplotlib Axes
        Panels of errors, cumulative sums and spectra.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    skspektron.validation.ControlChart : Computes the points and the limits.

    Notes
    -----
    A slow drift bends the EWMA and the CUSUM upwards or downwards before single errors are large.
    The point at which the CUSUM left 0 is where the change began.

    References
    ----------
    .. [1] Page, Biometrika 41 (1954) 100-115.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.inspection import ControlChartDisplay
    >>> from skspektron.validation import ControlChart
    >>> X = make_instruments(40, random_state=0).X["A"]
    >>> chart = ControlChart(bias=0.0, sep=0.2).fit(X[:30])
    >>> chart = chart.partial_fit(X[30:], [5.0] * 10, [5.9] + [5.1] * 9)
    >>> display = ControlChartDisplay.from_estimator(chart, ax=Figure().subplots(3))
    >>> [label.get_text() for label in display.labels_]
    ['0']
    """

    _parameters: ClassVar[Rules] = {
        "history": _mapping_with((*COLUMNS, *SPECTRAL), "history_"),
        "limits": _mapping_with(LIMITS, "limits_"),
    }

    def __init__(self, history: Any, limits: Any):
        self.history = history
        self.limits = limits

    def plot(self, ax: Any = None) -> ControlChartDisplay:
        """Plot the three panels.

        Parameters
        ----------
        ax : array-like of 3 matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : ControlChartDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are no points, or `ax` holds another number of axes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        if len(self.history["signals"]) == 0:
            raise ValueError(
                "history must have at least 1 point, got 0. Call partial_fit of the chart first."
            )
        if ax is None:
            ax = new_axes(type(self).__name__, 3, 1, figsize=(6.4, 7.2), sharex=True)
        self.ax_ = check_axes(ax, 3)
        self.figure_ = self.ax_[0].figure
        self.points_: dict[str, Any] = {}
        self._draw_errors(self.ax_[0])
        self._draw_sums(self.ax_[1])
        self._draw_spectra(self.ax_[2])
        self._finish()
        return self

    @classmethod
    @declares()
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Any = None) -> ControlChartDisplay:
        """Plot the points of a chart.

        Parameters
        ----------
        estimator : ControlChart
            Fitted chart with at least one point.
        ax : array-like of 3 matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : ControlChartDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator is not a control chart.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        check_is_fitted(estimator)
        chart: Any = estimator
        if not hasattr(chart, "history_") or not hasattr(chart, "limits_"):
            raise TypeError(
                f"estimator must be a fitted ControlChart, got {type(chart).__name__}. Pass "
                "ControlChart().fit(X, y_true, y_pred) with the samples of a validation."
            )
        return cls(chart.history_, chart.limits_).plot(ax)

    def _draw_errors(self, ax: Any) -> None:
        """Plot standardized errors and their moving average."""
        self._draw(ax, "z", 0, "error", line="none")
        self._draw(ax, "ewma", 1, "EWMA", marker="none")
        for name, at in (("shewhart", 0), ("ewma", 1)):
            for side in (-1, 1):
                _draw_limit(ax, side * self.limits[name], COLOURS[at])
        ax.axhline(0, color="0.5", linewidth=1)
        ax.set_ylabel("(Error − bias) / SEP")

    def _draw_sums(self, ax: Any) -> None:
        """Plot the upper cumulative sum upwards and the lower one downwards."""
        self._draw(ax, "cusum_high", 0, "CUSUM high")
        self._draw(ax, "cusum_low", 1, "CUSUM low", scale=-1.0)
        for side in (-1, 1):
            _draw_limit(ax, side * self.limits["cusum"], "black")
        ax.axhline(0, color="0.5", linewidth=1)
        ax.set_ylabel("Cumulative sum / SEP")

    def _draw_spectra(self, ax: Any) -> None:
        """Plot T2 and Q relative to their limits."""
        for at, (name, label) in enumerate(SPECTRAL.items()):
            self._draw(ax, name, at, label, scale=1 / self.limits[name])
        _draw_limit(ax, 1, "black")
        ax.set(xlabel="Point", ylabel="T², Q / limit", yscale="log")

    def _draw(
        self,
        ax: Any,
        name: str,
        at: int,
        label: str,
        *,
        scale: float = 1.0,
        line: str | None = None,
        marker: str | None = None,
    ) -> None:
        """Plot one statistic against the number of the point; NaN is not drawn."""
        values = scale * np.asarray(self.history[name], dtype=np.float64)
        known = np.flatnonzero(~np.isnan(values))
        (self.points_[name],) = ax.plot(
            known,
            values[known],
            color=COLOURS[at],
            linestyle=LINE_STYLES[at] if line is None else line,
            marker=MARKERS[at] if marker is None else marker,
            markersize=4,
            linewidth=1,
            label=label,
        )

    def _finish(self) -> None:
        """Mark signals and restarts, label the points, and add legends."""
        panels = (
            {"Shewhart": "z", "EWMA": "ewma"},
            {"CUSUM high": "cusum_high", "CUSUM low": "cusum_low"},
            {"T2": "hotelling_t2", "Q": "q_residuals"},
        )
        self.signals_ = [
            self._mark(ax, charts) for ax, charts in zip(self.ax_, panels, strict=True)
        ]
        self.labels_ = self._label()
        run = np.asarray(self.history["run"])
        for ax in self.ax_:
            ax.margins(y=0.1)  # room for the labels
            for i in np.flatnonzero(np.diff(run)):
                ax.axvline(i + 0.5, color="0.6", linewidth=1)
            ax.legend(fontsize="x-small")

    def _label(self) -> list[Any]:
        """Label points with signals after one without, each in the first panel where it has one."""
        found: dict[int, Any] = {}
        for panel, line in reversed(list(zip(self.ax_, self.signals_, strict=True))):
            found |= {int(x): (panel, (x, y)) for x, y in zip(*line.get_data(), strict=True)}
        style = {"fontsize": "x-small", "xytext": (4, 4), "textcoords": "offset points"}
        ids = np.asarray(self.history["sample_id"])
        first = [i for i in sorted(found) if i - 1 not in found]
        return [
            found[i][0].annotate(str(ids[i]), found[i][1], **style) for i in first[-MAX_LABELS:]
        ]

    def _mark(self, ax: Any, charts: dict[str, str]) -> Any:
        """Draw open squares around the points that signal in a panel."""
        x, y = [], []
        for chart, name in charts.items():
            position = dict(zip(*self.points_[name].get_data(), strict=True))
            for i, signals in enumerate(self.history["signals"]):
                if any(signal.startswith(chart) for signal in signals):
                    x.append(i)
                    y.append(position[i])
        style = {"marker": "s", "markersize": 9, "markerfacecolor": "none", "color": "black"}
        return ax.plot(x, y, linestyle="none", label="signal" if x else None, **style)[0]


def _draw_limit(ax: Any, height: float, colour: str) -> None:
    """Draw a horizontal limit."""
    ax.axhline(height, color=colour, linestyle="--", linewidth=1)
