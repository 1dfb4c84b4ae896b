"""Domain-invariant partial least squares."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Number, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from .._warnings import warn_user
from ._algorithms._dipls import CovarianceDifference, PairDifference, domain_invariant_pls
from ._algorithms._pls import choose_n_components, spectral_rank
from ._algorithms._svd import FLAT, centred
from ._core._fronts import refit_front
from ._core._frozen import refuse_frozen
from ._core._linear import LinearTransfer
from ._core._standards import Rows, Standards
from ._maps._base import N_COMPONENTS


class DIPLSTransfer(LinearTransfer):
    r"""Fit PLS components that vary alike on both instruments.

    Domain-invariant PLS [1]_ computes each weight vector from the covariance with `y` on the
    source, with a penalty :math:`\lambda` on the difference between the scores of the two
    instruments:

    .. math:: w \propto (I + \tfrac{\lambda}{y'y} D)^{-1} X'y .

    With ``n_transfer=0`` it uses all training rows of the target, which need neither labels nor
    pairs: :math:`D = |C_s - C_t|` is the difference of the covariances with its eigenvalues made
    positive, and target spectra are centred by their own mean. With paired standards
    :math:`D = \Delta'\Delta` for the differences :math:`\Delta = X_s - X_t` (graph-based
    calibration transfer [2]_), and target spectra are centred by the mean of the source.

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
    n_transfer : int or None, default=0
        Number of paired standards whose differences are penalized. 0: the difference between the
        covariances of all training rows, unlike `NoTransfer`. None: every paired sample.
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
    n_components : int or None, default=None
        Number of components, at least 1; fewer if the source spectra support no more. None: the
        number that cross-validation of PLS on the source rows chooses. With pairs, components that
        span all directions of the source spectra leave nothing to penalize: `fit` then warns.
    difference_penalty : float or "auto", default="auto"
        Penalty :math:`\lambda`, at least 0, the same for all components, in the unit of `y`
        squared over that of `D`. 0: PLS on the source. "auto": a penalty for each component,
        without standards :math:`|X - yw'|^2 / w'Dw` with the unpenalized :math:`w = X'y / y'y`, as
        in [1]_, and with standards :math:`10^6\,y'y / |\Delta|_2^2`, which almost removes the
        directions of the differences.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    coef_ : ndarray of shape (n_features,) or (n_features, n_targets)
        Coefficients for target spectra as they enter the last step of the calibration; absent
        where nothing was transferred, as are the next three.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept for target spectra, in the unit of `y`.
    n_components_ : int
        Number of components that was given or chosen.
    difference_penalty_ : ndarray of shape (n_components_,) or (n_components_, n_targets)
        Penalty of each component; NaN for those that the spectra did not support.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the paired standards, in order of selection; empty with ``n_transfer=0``.
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
    MeanCentredTransfer : Matches the means only.
    PooledTransfer : One calibration for both instruments, from labelled standards.

    Notes
    -----
    The last step of the calibration is replaced, so a `FrozenEstimator` is refused; the steps
    before it are fitted on the source rows and kept. Cross-validation refits them in every fold if
    they use `y`. Channels are centred, not scaled. Several
    targets are fitted one by one. With ``n_transfer=0`` the training samples of the two instruments
    should come from one population: a difference between the samples is penalized like one between
    the instruments, and a difference between their mean reference values becomes a bias. A single
    target row contributes its mean only. If the differences between pairs correlate with the
    composition, as under a change of gain, the penalty also removes the signal of the composition.
    Spectra are represented by their coordinates in the space of all rows, so the cost is
    O(n^2 p + a n^3) for n rows of p > n channels and a components. NaN is refused.

    References
    ----------
    .. [1] Nikzad-Langerodi, Zellinger, Lughofer & Saminger-Platz, Anal. Chem. 90 (2018)
       6693-6701.
    .. [2] Nikzad-Langerodi & Sobieczky, J. Chemom. 35 (2021) e3319.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import DIPLSTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [6.0], [7.0]])  # B reads 5 more than A
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = DIPLSTransfer(LinearRegression(), source="A", target="B", n_components=1)
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[6.5]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {
        "n_components": N_COMPONENTS,
        "difference_penalty": Number(at_least=0) | "auto",
    }

    _needs_pairs = True
    _learns_unlabelled = True
    _takes_weights = True

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        source: Sources = None,
        target: InstrumentName = None,
        n_transfer: int | None = 0,
        selection: Selection = "kennard-stone",
        random_state: RandomState = None,
        memory: MemoryLike = None,
        trained_on: ArrayLike | None = None,
        bad_standards: str = "warn",
        n_components: int | None = None,
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
        self.n_components = n_components
        self.difference_penalty = difference_penalty

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the components of every target on spectra as they enter the last step."""
        refuse_frozen(self)
        X = self._transform_front(source.X)
        if len(standards):
            centre = X.mean(axis=0)
            pair = map(self._transform_front, (standards.X_source, standards.X_target))
            other = np.sqrt(standards.weights)[:, None] * _differences(*pair)
        else:
            X_target = self._transform_front(target.X)
            centre, other = X_target.mean(axis=0), centred(X_target, target.X)
        self.n_components_ = self.n_components or self._choose_n_components(source, X)
        y_mean = source.y.mean(axis=0)
        y = (source.y - y_mean).reshape(len(X), -1)
        # Weights are combinations of these rows, so their coordinates in a basis suffice.
        basis, R = np.linalg.qr(np.concatenate([centred(X, source.X), other]).T)
        X, other = np.split(R.T, [len(X)])
        is_paired = len(standards) > 0 or len(other) == 1  # a single centred row is zero
        difference = PairDifference(other) if is_paired else CovarianceDifference.between(X, other)
        coef, penalties = self._fit_targets(X, y, difference)
        if len(standards) and other.any():
            _warn_if_all_directions_are_used(X, penalties)
        self.coef_ = (basis @ coef).reshape(-1, *self._n_outputs)
        self.difference_penalty_ = penalties.reshape(-1, *self._n_outputs)
        self.intercept_ = y_mean - centre @ self.coef_

    def _choose_n_components(self, source, X):
        """Return the number of components that cross-validation of PLS on the source chooses."""
        refit = refit_front(self.estimator_, source, self._layout)
        folds = None if refit is None else lambda train: refit(train)(source.X)
        return choose_n_components(X, source.y, source.ids, refit=folds)

    def _fit_targets(self, X, y, difference):
        """Return the coefficients and the penalties of the targets, in columns."""
        columns = [
            domain_invariant_pls(X, column, difference, self.n_components_, self.difference_penalty)
            for column in y.T
        ]
        return (np.column_stack(parts) for parts in zip(*columns, strict=True))


def _differences(X_source, X_target):
    """Return the difference spectra of pairs, exactly zero where they agree up to rounding."""
    D = X_source - X_target
    return np.where(np.abs(D) <= FLAT * np.abs(X_source).max(), 0.0, D)


def _warn_if_all_directions_are_used(X, penalties):
    """Warn if there are as many components as directions, so that the penalty removes none."""
    rank = spectral_rank(X)
    if 0 < rank <= len(penalties) and (penalties[rank - 1] > 0).any():
        warn_user(
            f"The {rank} components of DIPLSTransfer span all {rank} directions in which the "
            "source spectra vary, so difference_penalty has no effect and the predictions are "
            f"those without a transfer. Pass n_components below {rank}.",
        )
