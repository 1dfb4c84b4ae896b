"""Drawing of the transfer curves of several methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator

from .._drawing import import_pyplot, new_axes
from .._parameters import (
    ARRAY,
    TEXT,
    Rules,
    check_arguments,
    check_parameters,
    declares,
    instance_of,
)
from .._typing import N_JOBS, VERBOSE
from ._curve_style import curve_style, name_of_score, sign_and_label, size_ticks
from ._transfer_curve import (
    SCORE,
    SIZES,
    SPLITS,
    TransferCurve,
    find_prefix,
    make_splits,
    transfer_curve,
)

BY_NAME = "Pass {name: ..., ...}."


class TransferCurveDisplay:
    """Plot the score of several methods against the number of standards.

    Each method is a line through the medians over the splits, with a band from the lower to the
    upper quartile. Full recalibration on the target is a dashed horizontal line. `from_estimators`
    also computes the scores.

    Parameters
    ----------
    curves : mapping of str to TransferCurve
        Curve of each method, from `transfer_curve` on the same splits. NaN scores of failed fits
        are ignored.
    score_name : str, default=None
        Name of a scikit-learn scorer, or the label of the score. If it begins with ``"neg_"``, the
        sign is reversed and the prefix is omitted; ``"neg_root_mean_squared_error"`` is labelled
        RMSEP. None: "Score".
    recalibration : TransferCurve or array-like of shape (n_splits,), default=None
        Scores of full recalibration on the same splits; a curve must have one size. None: no line.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : dict of str to matplotlib Line2D
        Line of each method.
    bands_ : dict of str to matplotlib PolyCollection
        Band of each method.
    recalibration_line_ : matplotlib Line2D or None
        Line of the recalibration.

    See Also
    --------
    transfer_curve : Computes the curve of one method.
    sklearn.model_selection.LearningCurveDisplay : Learning curves of one estimator.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.model_selection import TransferCurve, TransferCurveDisplay
    >>> scores = [[-3.0, -4.0], [-1.0, -2.0]]
    >>> curve = TransferCurve([0, 10], scores, fit_times=None, score_times=None)
    >>> display = TransferCurveDisplay({"PDS": curve}, score_name="neg_root_mean_squared_error")
    >>> display.plot(Figure().subplots()).ax_.get_ylabel(), display.lines_["PDS"].get_ydata()
    ('RMSEP', array([3.5, 1.5]))
    """

    _parameters: ClassVar[Rules] = {
        "curves": instance_of(Mapping, "a mapping of names to curves", BY_NAME),
        "score_name": TEXT | None,
        "recalibration": ARRAY | None,
    }

    def __init__(
        self,
        curves: Mapping[str, TransferCurve],
        *,
        score_name: str | None = None,
        recalibration: TransferCurve | ArrayLike | None = None,
    ):
        self.curves = curves
        self.score_name = score_name
        self.recalibration = recalibration

    def plot(self, ax: Any = None) -> TransferCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : TransferCurveDisplay
            The display, with the attributes above.

        Raises
        ------
        ValueError
            If there are no methods, or the recalibration has several sizes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        _check_not_empty(self.curves, "curves")
        level = _recalibration_level(self.recalibration)
        sign, label = sign_and_label(self.score_name)
        self.ax_ = new_axes(type(self).__name__)[0] if ax is None else ax
        self.figure_ = self.ax_.figure
        ticks = size_ticks(self.curves.values())
        self.lines_: dict[str, Any] = {}
        self.bands_: dict[str, Any] = {}
        for index, (name, curve) in enumerate(self.curves.items()):
            positions = [ticks[n] for n in np.asarray(curve.n_transfer).tolist()]
            scores = sign * np.asarray(curve.test_scores, dtype=np.float64)
            self._draw(name, positions, scores, curve_style(index))
        self.recalibration_line_ = None
        if level is not None:
            self.recalibration_line_ = self.ax_.axhline(
                sign * level, color="black", linestyle="--", label="Full recalibration"
            )
        names = ["all" if n is None else str(n) for n in ticks]
        self.ax_.set_xticks(list(ticks.values()), names)
        self.ax_.set(xlabel="Number of standards", ylabel=label)
        self.ax_.legend()
        return self

    @classmethod
    @declares(
        estimators=instance_of(Mapping, "a mapping of names to estimators", BY_NAME),
        n_transfer=SIZES,
        cv=SPLITS,
        scoring=SCORE,
        score_name=TEXT | None,
        n_jobs=N_JOBS,
        verbose=VERBOSE,
    )
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike,
        sample_id: ArrayLike,
        groups: ArrayLike | None = None,
        n_transfer: Sequence[int | None] = (0, 5, 10, 20),
        cv: int | BaseCrossValidator | Iterable[Any] | None = None,
        scoring: str | Callable[..., float] | None = "neg_root_mean_squared_error",
        score_name: str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        recalibration: BaseEstimator | None = None,
        ax: Any = None,
    ) -> TransferCurveDisplay:
        """Cross-validate several methods on the same splits and plot their curves.

        Parameters
        ----------
        estimators : mapping of str to estimator
            Label and estimator of each method: a ``*Transfer``, or a `Pipeline` that contains one.
        X : array-like of shape (n_rows, n_features)
            Spectra of all instruments, stacked, as returned by `stack_instruments`.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Reference values; NaN where missing.
        instrument, sample_id : array-like of shape (n_rows,)
            Name of the instrument of each row; id of the physical sample of each row.
        groups : array-like of shape (n_rows,), default=None
            Groups, such as batches or seasons, that are never in both sets of a split.
        n_transfer : sequence of int or None, default=(0, 5, 10, 20)
            Numbers of standards. None stands for all and is drawn last.
        cv : int, splitter, iterable of (train, test) or None, default=None
            As in `transfer_curve`; all methods use the same splits.
        scoring : str, callable or None, default="neg_root_mean_squared_error"
            A single score, as in `transfer_curve`.
        score_name : str, default=None
            As in the class. None: `scoring`, or the name of the function.
        n_jobs : int, default=None
            Number of splits fitted in parallel, as in joblib.
        verbose : int, default=0
            Progress of each curve, as in `transfer_curve`.
        recalibration : estimator, default=None
            Estimator of full recalibration, such as ``TargetOnly(model, n_transfer=None)``, scored
            on the same splits with its own `n_transfer`. None: no line.
        ax : matplotlib Axes, default=None
            Axes to draw on. None: a new figure.

        Returns
        -------
        display : TransferCurveDisplay
            The display; the scores are in `curves`.

        Raises
        ------
        ValueError
            If there are no methods, or if their targets differ and `cv` is None or an int.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimators, locals())
        _check_not_empty(estimators, "estimators")
        if ax is None:
            import_pyplot(cls.__name__)  # raise an ImportError before the fits, not after
        metadata: dict[str, Any] = {"instrument": instrument, "sample_id": sample_id}
        drawn = [*estimators.values(), *([] if recalibration is None else [recalibration])]
        splits = make_splits(cv, _shared_target(drawn, cv), X, y, groups, metadata)

        def score(estimator, sizes):
            return transfer_curve(
                estimator,
                X,
                y,
                **metadata,
                n_transfer=sizes,
                cv=splits,
                scoring=scoring,
                n_jobs=n_jobs,
                verbose=verbose,
            )

        curves = {name: score(estimator, n_transfer) for name, estimator in estimators.items()}
        level = None
        if recalibration is not None:
            level = score(recalibration, [_parameter(recalibration, "n_transfer")])
        score_name = name_of_score(scoring) if score_name is None else score_name
        return cls(curves, score_name=score_name, recalibration=level).plot(ax)

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, **parameters: Any
    ) -> TransferCurveDisplay:
        """Cross-validate one method and plot its curve, labelled with the name of its class.

        Parameters
        ----------
        estimator : estimator
            A ``*Transfer``, or a `Pipeline` that contains one.
        X : array-like of shape (n_rows, n_features)
            Spectra of all instruments, stacked, as returned by `stack_instruments`.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Reference values; NaN where missing.
        **parameters
            All other parameters of `from_estimators`.

        Returns
        -------
        display : TransferCurveDisplay
            The display; the scores are in `curves`.
        """
        return cls.from_estimators({type(estimator).__name__: estimator}, X, y, **parameters)

    def _draw(self, name, positions, scores, style):
        """Draw one method: the median and the interquartile range of scores (n_sizes, n_splits)."""
        order = np.argsort(positions, kind="stable")
        positions = np.asarray(positions)[order]
        lower, median, upper = np.nanpercentile(scores[order], [25, 50, 75], axis=1)
        (self.lines_[name],) = self.ax_.plot(positions, median, label=name, **style)
        self.bands_[name] = self.ax_.fill_between(
            positions, lower, upper, color=style["color"], alpha=0.15, linewidth=0
        )


def _check_not_empty(methods, name):
    """Raise if there are no methods."""
    if not methods:
        raise ValueError(
            f"{name} must contain at least one method, got 0. Pass {{name: ..., ...}}."
        )


def _parameter(estimator, name):
    """Return a parameter of the `*Transfer` in an estimator."""
    return estimator.get_params()[f"{find_prefix(estimator)}{name}"]


def _shared_target(estimators, cv):
    """Return the common target of all estimators; only the default splitter needs it."""
    if not (cv is None or isinstance(cv, Integral)):
        return None
    targets = {_parameter(estimator, "target") for estimator in estimators}
    if len(targets) != 1:
        raise ValueError(
            f"The {len(estimators)} estimators must have the same target, got "
            f"{sorted(map(str, targets))}. Set one target, or pass the splits as cv."
        )
    return targets.pop()


def _recalibration_level(recalibration):
    """Return the median score of a recalibration, or None."""
    if recalibration is None:
        return None
    if isinstance(recalibration, TransferCurve):
        if len(recalibration.test_scores) != 1:
            raise ValueError(
                f"recalibration must have one size, got {len(recalibration.test_scores)}. "
                "Pass the result of transfer_curve(..., n_transfer=[None])."
            )
        recalibration = recalibration.test_scores
    return float(np.nanmedian(np.asarray(recalibration, dtype=np.float64)))
