"""Null-augmented regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from .._parameters import Number, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._algorithms._ridge_path import RowSpace, mean_square, scaled_differences
from ._core._frozen import refuse_frozen
from ._core._last_step import LastStepTransfer
from ._core._standards import Rows, Standards
from ._core._tuning import choose_calibration

AUTO_PENALTIES = (0.01, 1.0, 100.0, 1e4)
AUTO_RIDGES = 10.0 ** np.arange(-7.0, 0.5, 0.5)  # in units of the mean squared length of spectra

MAX_INVERSION_ROWS = 60  # differences for which the matrix inversion lemma is fast


class NARTransfer(LastStepTransfer):
    r"""Recalibrate with a penalty on inter-instrument differences.

    Null-augmented regression [1]_, [2]_ fits coefficients that predict `y` for the source rows and
    zero for the difference spectra D of the standards:

    .. math:: \min_b \|y - Xb\|^2 + \lambda \|\tilde D b\|^2 + \eta \|b\|^2

    with X and y centred, and :math:`\tilde D` scaled to the root mean square norm of the centred
    source spectra. No label of the target is used.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration to transfer; its last step is refitted on source rows and difference spectra,
        after the other steps, which cross-validation refits in every fold if they use `y`. None:
        ``PLSRegression(scale=False)`` with the number of components chosen by cross-validation,
        refitted as ridge regression, the form of [1]_, with :math:`\eta` chosen together with
        `difference_penalty`.
    source : str, int or list of these, default=None
        Label of the instrument of the calibration. A list: several instruments, whose rows all
        enter the calibration, at the channels of the first. None: the most frequent label other
        than `target`.
    target : str or int, default=None
        Label of the instrument that the calibration is transferred to. None: the label that is not
        in `source`, if there is one.
    n_transfer : int or None, default=10
        Number of paired standards. 0: no transfer, as `NoTransfer`. None: every paired sample.
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
    difference_penalty : float or "auto", default="auto"
        Weight :math:`\lambda` of the difference spectra, above 0. "auto": 0.01, 1, 100 or 10000,
        the value with the smallest sum of the squared error in cross-validation on the source rows
        and the squared difference between the predictions for both spectra of held-out standards.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    target_estimator_ : estimator
        The last step of the calibration, fitted on source rows and difference spectra; absent
        without standards.
    difference_penalty_ : float
        The penalty that was used; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection.
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
    EPOTransfer : Removes the leading directions instead.

    Notes
    -----
    The difference spectra enter as rows, with both signs, added to the mean source spectrum and
    with the mean of `y` as reference value, so that any regressor with an intercept can be used.
    With several sources there is a difference for every pair of instruments that measured a
    standard. NaN is refused.

    References
    ----------
    .. [1] Kalivas, Siano, Andries & Goicoechea, Appl. Spectrosc. 63 (2009) 800-809.
    .. [2] Andries, Kalivas & Gurung, J. Chemom. 33 (2019) e3080.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import NARTransfer
    >>> X = np.array([[0.0, 0.0], [1.0, 0.2], [2.0, 0.1], [0.0, 5.0], [1.0, 5.2], [2.0, 5.1]])
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])  # B has an offset in channel 2
    >>> model = NARTransfer(LinearRegression(), source="A", target="B", n_transfer=3)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[1.5, 5.3]]).round(2)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"difference_penalty": Number(above=0) | "auto"}

    _needs_pairs = True
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
        difference_penalty: float | str = "auto",
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
        self.difference_penalty = difference_penalty

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the last step on source rows and difference spectra."""
        refuse_frozen(self)
        given = source, standards
        source, standards = self._transform_rows(*given)
        final = self._last_step()
        mean_square_norm = mean_square(source.X - source.X.mean(axis=0))
        penalties = self._candidate_penalties(len(standards))
        if self.estimator is None and isinstance(final, PLSRegression):
            ridges = AUTO_RIDGES * mean_square_norm
            fit_all = _RidgeCandidates(source, penalties, ridges)
        else:
            ridges = np.array([np.nan])
            fit_all = partial(self._fit_each, final, penalties)

        candidates = list(product(penalties, ridges))
        chosen = 0
        if len(candidates) > 1:
            refit = self._refit_rows(*given)

            def fit_candidates(X, y, standards):
                size = mean_square(X - X.mean(axis=0)) if refit else mean_square_norm
                first, second = standards.weighted_pairs()
                return fit_all(X, y, scaled_differences(first, second, size))

            chosen, errors = choose_calibration(fit_candidates, source, standards, refit)
            self._errors |= errors
        self.difference_penalty_, ridge = candidates[chosen]
        first, second = standards.weighted_pairs()
        D = scaled_differences(first, second, mean_square_norm)
        rows = augment(source.X, source.y, D, self.difference_penalty_)
        self.target_estimator_ = self._fit_last(final if np.isnan(ridge) else Ridge(ridge), *rows)

    def _candidate_penalties(self, n_standards) -> list[Any]:
        """Return the penalties to choose from; one standard does not allow a choice."""
        if self.difference_penalty != "auto":
            return [self.difference_penalty]
        return list(AUTO_PENALTIES) if n_standards > 1 else [100.0]

    def _fit_each(self, final, penalties, X, y, D):
        """Return a function from spectra to the predictions of the last step, by penalty."""
        rows = [augment(X, y, D, penalty) for penalty in penalties]
        fits = [self._fit_last(final, *augmented) for augmented in rows]
        return lambda X: np.stack([self._predict_last(fitted, X) for fitted in fits])

    def _predict_target(self, X):
        """Predict with the recalibrated last step."""
        return self._predict_last(self.target_estimator_, self._transform_front(X))


@dataclass(frozen=True)
class _RidgeCandidates:
    """Ridge regressions on source rows and difference spectra, for all penalties and ridges."""

    source: Rows
    penalties: list[float]
    ridges: NDArray[np.float64]

    @cached_property
    def _all_rows(self) -> RowSpace:
        """The decomposition that all folds of the standards share."""
        return RowSpace.of(self.source.X, self.source.y)

    def __call__(self, X: NDArray[Any], y: NDArray[Any], D: NDArray[Any]):
        """Return a function from spectra to predictions, (n_candidates, n, ...)."""
        if len(D) > MAX_INVERSION_ROWS:
            return _fit_path_of_many(X, y, D, self.penalties, self.ridges)
        space = self._all_rows if X is self.source.X else RowSpace.of(X, y)
        return _fit_path(space, D, self.penalties, self.ridges)


def augment(
    X: NDArray[Any], y: NDArray[Any], D: NDArray[Any], penalty: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return source rows and, added to their mean, the weighted differences with both signs."""
    mean, scaled = X.mean(axis=0), np.sqrt(penalty / 2) * D
    y_mean = np.broadcast_to(y.mean(axis=0), (2 * len(D), *y.shape[1:]))
    return np.concatenate([X, mean + scaled, mean - scaled]), np.concatenate([y, y_mean])


def _fit_path(space: RowSpace, D, penalties, ridges):
    """Return a function from spectra to predictions for every penalty and ridge."""
    weights = np.repeat(np.reshape(penalties, (-1, 1)), len(D), axis=1)
    path = space.fit_path(D, np.zeros((len(D), len(space.y_mean))), weights, ridges)
    return lambda X: path.predict(X).reshape(-1, len(X), *space.shape)


def _fit_path_of_many(X, y, D, penalties, ridges):
    """Return the same as `_fit_path`, faster for many differences: one eigh per penalty."""
    mean, y_mean = X.mean(axis=0), y.mean(axis=0)
    X, right = X - mean, (y - y_mean).reshape(len(y), -1)
    right = np.concatenate([right, np.zeros((len(D), right.shape[1]))])
    coefs = []
    for penalty in penalties:
        Z = np.concatenate([X, np.sqrt(penalty) * D])
        is_wide = len(Z) <= Z.shape[1]
        values, vectors = np.linalg.eigh(Z @ Z.T if is_wide else Z.T @ Z)
        shrinkage = 1 / (np.maximum(values, 0.0) + np.reshape(ridges, (-1, 1)))[:, :, None]
        along = vectors.T @ (right if is_wide else Z.T @ right)
        solved = vectors @ (shrinkage * along)
        coefs.append(Z.T @ solved if is_wide else solved)
    coef = np.concatenate(coefs)  # (n_pairs, n_features, n_targets)
    return lambda X: ((X - mean) @ coef + y_mean.ravel()).reshape(len(coef), len(X), *y.shape[1:])
