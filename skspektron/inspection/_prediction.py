"""Predicted against reference values, with figures of merit."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._drawing import COLOURS, import_pyplot, new_axes
from .._parameters import TEXT, Integer, Rules, check_arguments, check_parameters, declares
from .._validation import NUMBERS
from ._prediction_values import figures_of_merit, one_target, prediction_values


class PredictionDisplay:
    """Plot predicted against reference values.

    A box gives the number of samples, bias, slope of the regression line, RMSEP and R² as
    `skspektron.metrics` defines them. Prediction intervals are drawn as bars, with their coverage
    in the box.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Reference values. Samples whose value is NaN are counted but not drawn.
    y_pred : array-like of shape (n_samples,)
        Predicted values, in the unit of `y_true`.
    intervals : array-like of shape (n_samples, 2), default=None
        Lower and upper end of the prediction interval of each sample. None: no bars.
    name : str, default=None
        Name of the predicted property for the axis labels, such as "Moisture". None: no name.
    unit : str, default=None
        Unit of the values, such as "%". None: no unit.

    Attributes
    ----------
    figures_ : dict of str to float
        `bias`, `slope`, `rmsep`, `r2`, `n` and, with intervals, `coverage`: the fraction of
        intervals that contain the reference value.
    n_missing_ : int
        Number of samples whose reference value is NaN.
    points_, one_to_one_, regression_line_ : matplotlib Line2D
        The samples and the two lines; no regression line if all reference values are equal.
    error_bars_ : matplotlib ErrorbarContainer or None
        The intervals.
    text_ : matplotlib Text
        The box with the figures of merit.
    ax_ : matplotlib Axes
        Axes of the drawing.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    skspektron.reliability.ConformalTransfer : Predicts intervals.
    sklearn.metrics.PredictionErrorDisplay : Plots residuals against predicted values.

    Notes
    -----
    The line is the regression of predicted on reference values. Its slope is below 1 even for
    the best predictions, because they are closer to the mean than the reference values.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import PredictionDisplay
    >>> display = PredictionDisplay([1.0, 2.0, 3.0], [1.5, 2.5, 3.5], unit="%")
    >>> display.plot(Figure().subplots()).figures_["bias"]
    0.5
    """

    _parameters: ClassVar[Rules] = {
        "y_true": NUMBERS,
        "y_pred": NUMBERS,
        "intervals": NUMBERS | None,
        "name": TEXT | None,
        "unit": TEXT | None,
    }

    def __init__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        intervals: ArrayLike | None = None,
        name: str | None = None,
        unit: str | None = None,
    ):
        self.y_true = y_true
        self.y_pred = y_pred
        self.intervals = intervals
        self.name = name
        self.unit = unit

    def plot(self, ax: Any = None) -> PredictionDisplay:
        """Plot the values.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : PredictionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the values are not one-dimensional, differ in length, or are all unknown.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        y_true, y_pred, intervals = prediction_values(self.y_true, self.y_pred, self.intervals)
        self.n_missing_ = np.size(self.y_true) - len(y_true)
        self.figures_ = figures_of_merit(y_true, y_pred, intervals)
        if ax is None:
            ax = new_axes(type(self).__name__, figsize=(4.8, 4.6))[0]
        self.ax_, self.figure_ = ax, ax.figure
        self._draw_lines(y_true, y_pred)
        self.error_bars_ = None
        if intervals is not None:
            self.error_bars_ = _draw_bars(ax, y_true, intervals)
        (self.points_,) = ax.plot(
            y_true, y_pred, "o", color=COLOURS[0], alpha=0.75, markeredgecolor="white", zorder=3
        )
        self._annotate()
        return self

    @classmethod
    @declares(
        target=Integer() | None,
        name=TEXT | None,
        unit=TEXT | None,
    )
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        target: int | None = None,
        name: str | None = None,
        unit: str | None = None,
        ax: Any = None,
    ) -> PredictionDisplay:
        """Predict spectra and plot the predictions against their reference values.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor. If it has a `predict_interval` that returns predictions and
            intervals, as `ConformalTransfer` does, intervals are drawn, except with `instrument`.
        X : array-like of shape (n_samples, n_features)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values; NaN where unknown.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row, passed to `predict` of a ``*Transfer``. None: not passed.
        target : int, default=None
            Column of `y` to plot if it has several.
        name, unit, ax
            As in the class and in `plot`.

        Returns
        -------
        display : PredictionDisplay
            The display.

        Raises
        ------
        ValueError
            If there are several targets and `target` is None.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        intervals = None
        if instrument is not None:
            y_pred = estimator.predict(X, instrument=instrument)
        elif hasattr(estimator, "predict_interval"):
            y_pred, intervals = estimator.predict_interval(X)
        else:
            y_pred = estimator.predict(X)
        return cls.from_predictions(
            y, y_pred, intervals=intervals, target=target, name=name, unit=unit, ax=ax
        )

    @classmethod
    @declares(
        target=Integer() | None,
        name=TEXT | None,
        unit=TEXT | None,
    )
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        intervals: ArrayLike | None = None,
        target: int | None = None,
        name: str | None = None,
        unit: str | None = None,
        ax: Any = None,
    ) -> PredictionDisplay:
        """Plot predictions that are already computed.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference and predicted values.
        intervals : array-like of shape (n_samples, 2), default=None
            Lower and upper ends for the plotted target. None: no bars.
        target : int, default=None
            Column to plot if there are several.
        name, unit, ax
            As in the class and in `plot`.

        Returns
        -------
        display : PredictionDisplay
            The display.

        Raises
        ------
        ValueError
            If there are several targets and `target` is None.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_predictions, locals())
        y_true, y_pred = one_target(y_true, target), one_target(y_pred, target)
        return cls(y_true, y_pred, intervals=intervals, name=name, unit=unit).plot(ax)

    def _draw_lines(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> None:
        """Plot the 1:1 line and the regression line."""
        at = y_true.mean()
        self.one_to_one_ = self.ax_.axline(
            (at, at), slope=1, color="black", linestyle="--", linewidth=1, label="1:1"
        )
        self.regression_line_ = None
        if np.isfinite(self.figures_["slope"]):
            middle, slope = (y_true.mean(), y_pred.mean()), self.figures_["slope"]
            self.regression_line_ = self.ax_.axline(
                middle, slope=slope, color=COLOURS[1], linewidth=1.5, label="regression"
            )
        self.ax_.set_aspect("equal", adjustable="datalim")

    def _annotate(self) -> None:
        """Write the box, the axis labels and the legend."""
        unit = "" if self.unit is None else f" {self.unit}"
        figures = self.figures_
        lines = [
            f"n = {figures['n']}" + (f", {self.n_missing_} unknown" if self.n_missing_ else ""),
            f"Bias {figures['bias']:.3g}{unit}",
            f"Slope {figures['slope']:.3g}",
            f"RMSEP {figures['rmsep']:.3g}{unit}",
            f"R² {figures['r2']:.3g}",
        ]
        if "coverage" in figures:
            lines.append(f"{figures['coverage']:.0%} in their interval")
        self.text_ = self.ax_.text(
            0.03,
            0.97,
            "\n".join(lines),
            transform=self.ax_.transAxes,
            verticalalignment="top",
            fontsize="small",
            bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "0.7", "alpha": 0.85},
            zorder=4,
        )
        prefix = "" if self.name is None else f"{self.name}, "
        suffix = "" if self.unit is None else f" / {self.unit}"
        for axis, kind in (("x", "reference"), ("y", "predicted")):
            label = f"{prefix}{kind}{suffix}"
            self.ax_.set(**{f"{axis}label": label[:1].upper() + label[1:]})
        self.ax_.legend(fontsize="small", loc="lower right")


def _draw_bars(ax: Any, y_true: NDArray[Any], intervals: NDArray[Any]) -> Any:
    """Plot each interval as a bar from its lower to its upper end."""
    middle = intervals.mean(axis=1)
    half = (intervals[:, 1] - intervals[:, 0]) / 2
    return ax.errorbar(
        y_true, middle, yerr=half, fmt="none", ecolor="0.45", elinewidth=1, capsize=2, zorder=2
    )
