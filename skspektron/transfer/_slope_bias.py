"""Slope and bias correction of predictions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution
from sklearn.base import BaseEstimator

from .._parameters import Choice, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._base import BaseTransfer
from ._core._standards import Rows, Standards

SIGNIFICANCE_LEVEL = 0.05  # of the slope
CORRECTIONS = ("auto", "bias", "slope")


class SlopeBiasTransfer(BaseTransfer):
    r"""Correct target predictions by a straight line.

    :math:`y^* = a + b\hat y` is fitted by least squares of the reference values of the standards on
    the predictions for their target spectra [1]_, [2]_. It cannot correct changes in the shape of
    the spectra.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration to transfer. None: ``PLSRegression(scale=False)`` with the number of components
        chosen by cross-validation.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=10
        Number of labelled target samples. 0: no transfer, as `NoTransfer`. None: every labelled
        target sample.
    selection : str or callable, default="kennard-stone"
        Order in which samples are chosen as standards: "kennard-stone", "kennard-stone-pls",
        "duplex", "spxy" or "random"; a callable takes spectra of shape (n_candidates, n_features)
        and returns a permutation. The first 5 of 10 standards are those of ``n_transfer=5``.
        "kennard-stone-pls" and "spxy" use the reference values of the source rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the order with ``selection="random"``.
    memory : str or joblib.Memory, default=None
        Cache of the fitted calibration: a search over parameters of the transfer then fits it once
        per fold.
    trained_on : array-like of sample ids, default=None
        Samples that a `FrozenEstimator` was fitted on. `fit` warns if some or all of them are not
        among its rows, as when a test holds them out, and if they are not stated. []: it was fitted
        on none of the samples of these data.
    bad_standards : {"warn", "drop", "keep"}, default="warn"
        What happens to standards that disagree with what the others predict, see `standards_`.
        "warn": they get less weight, down to none, and a warning names them. "drop": they are left
        out without a warning. "keep": all have full weight.
    mode : {"auto", "bias", "slope"}, default="auto"
        "bias" fits `a` alone with b = 1; "slope" fits both, with b = 1 if the predictions for the
        standards are all equal. "auto" fits the slope of a target if an F-test finds that it
        reduces the residuals (p < 0.05, at least 3 standards), because slopes estimated from few
        standards are unreliable.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    slope_ : float or ndarray of shape (n_targets,)
        Slope `b`; absent without standards.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept `a`, in the unit of `y`; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the samples that the line was fitted on, in order of selection.
    standards_ : Bunch of ndarray of shape (n_transfer,)
        Table of the standards: `id`, `spectral_disagreement`, `label_disagreement`, `leverage`,
        `weight` and `label_weight`, see `StandardsDisplay`.
    source_channels_, target_channels_ : ndarray of int
        Columns of `X` used for either instrument; all columns if both measure all of them.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if they are all strings.

    See Also
    --------
    PDSTransfer : Corrects the spectra instead of the predictions.

    References
    ----------
    .. [1] Osborne & Fearn, Int. J. Food Sci. Technol. 18 (1983) 453-460.
    .. [2] Bouveresse, Hartmann, Massart, Last & Prebble, Anal. Chem. 68 (1996) 982-990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import SlopeBiasTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    >>> model = SlopeBiasTransfer(LinearRegression(), source="A", target="B", n_transfer=2)
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"mode": Choice(CORRECTIONS)}

    _needs_labels = True
    _takes_weights = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 10,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        mode: str = "auto",
    ):
        super().__init__(
            estimator,
            source=source,
            target=target,
            n_transfer=n_transfer,
            selection=selection,
            random_state=random_state,
            memory=memory,
            trained_on=trained_on,
            bad_standards=bad_standards,
        )
        self.mode = mode

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Regress the reference values of the standards on their predictions."""
        predictions = self._predict_source(standards.X_target)
        self.slope_, self.intercept_ = fit_line(
            predictions,
            standards.y,
            mode=self.mode,
            weights=standards.weights * standards.label_weights,
        )

    def _choices(self) -> dict[str, Any]:
        """Return also the line."""
        line = {name: getattr(self, f"{name}_", None) for name in ("slope", "intercept")}
        return super()._choices() | {name: v for name, v in line.items() if v is not None}

    def _predict_target(self, X):
        """Predict with the source calibration, then correct."""
        return self.intercept_ + self.slope_ * self._predict_source(X)


def fit_line(
    predictions: NDArray[Any], y: NDArray[Any], *, mode: str, weights: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return slope and intercept of `y` on `predictions` for each target."""
    mean, y_mean = (np.average(values, axis=0, weights=weights) for values in (predictions, y))
    root = np.ones(y.shape)
    if weights is not None:
        root = np.sqrt(weights).reshape(-1, *[1] * (y.ndim - 1))
    x, y = root * (predictions - mean), root * (y - y_mean)
    sum_of_squares = (x**2).sum(axis=0)
    fits_slope = np.ptp(predictions, axis=0) > 1e-12 * np.abs(predictions).max(axis=0)
    fits_slope &= mode != "bias"
    slope = np.divide((x * y).sum(axis=0), sum_of_squares, out=np.ones_like(mean), where=fits_slope)
    if mode == "auto":
        n = len(x) if weights is None else weights.sum()
        slope = np.where(_is_significant(x, y, slope, n), slope, 1.0)
    return slope[()], (y_mean - slope * mean)[()]


def _is_significant(x, y, slope, n):
    """Return for which targets a slope reduces the residuals of a bias significantly."""
    dof = n - 2
    if dof < 1:
        return False
    residual = ((y - slope * x) ** 2).sum(axis=0)
    reduction = ((y - x) ** 2).sum(axis=0) - residual
    return reduction > residual / dof * f_distribution.isf(SIGNIFICANCE_LEVEL, 1, dof)
