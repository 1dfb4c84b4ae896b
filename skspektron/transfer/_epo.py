"""Transfer by external parameter orthogonalization."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor

from .._parameters import Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._algorithms._pls import TargetScaledPLS, component_limit, covary, fit_pls_path
from ._core._frozen import refuse_frozen
from ._core._last_step import LastStepTransfer
from ._core._standards import Rows, Standards
from ._core._tuning import choose_calibration
from ._maps._base import N_COMPONENTS
from ._maps._epo import EPO

MAX_DIRECTIONS = 6


class EPOTransfer(LastStepTransfer):
    r"""Recalibrate without the directions in which the instruments differ.

    The leading directions V of the difference spectra of the standards, not centred, are removed
    from all spectra, :math:`\hat x = x - (x - \bar x_s) V V^\top`, and the calibration is refitted
    on projected source rows [1]_, so that it cannot use what the instruments change. The standards
    need no labels.

    Parameters
    ----------
    estimator : estimator, default=None
        Calibration to transfer; its last step is refitted on projected spectra, after the other
        steps, which cross-validation refits in every fold if they use `y`. None:
        ``PLSRegression(scale=False)`` with the number of components chosen by cross-validation, and
        chosen again together with the number of directions.
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
    n_components : int, None or "auto", default="auto"
        Number of directions to remove, at least 1. Typical: 1 to 6. None: all directions of the
        differences. "auto": up to 6, the number with the smallest sum of the squared error in
        cross-validation on the source rows and the squared difference between the predictions for
        both spectra of held-out standards; 1 with a single standard.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    map_ : EPO
        The projection of spectra as they enter the last step of the calibration; absent without
        standards.
    target_estimator_ : estimator
        The last step of the calibration, fitted on projected source rows; absent without
        standards.
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
    EPO : The projection alone.
    NARTransfer : Penalizes the same directions instead of removing them.

    Notes
    -----
    If the property of interest varies along a direction in which the instruments differ, the
    projection costs accuracy; the automatic choice takes that into account. With several sources
    there is a difference for every pair of instruments that measured a standard. NaN is refused.

    References
    ----------
    .. [1] Roger, Chauchard & Bellon-Maurel, Chemom. Intell. Lab. Syst. 66 (2003) 191-204.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import EPOTransfer
    >>> X = np.array([[0.0, 0.0], [1.0, 0.2], [2.0, 0.1], [0.0, 5.0], [1.0, 5.2], [2.0, 5.1]])
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])  # B has an offset in channel 2
    >>> model = EPOTransfer(LinearRegression(), source="A", target="B", n_transfer=3)
    >>> model = model.fit(X, y, instrument=list("AAABBB"), sample_id=[1, 2, 3, 1, 2, 3])
    >>> model.predict([[1.5, 5.3]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"n_components": N_COMPONENTS | "auto"}

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
        n_components: int | str | None = "auto",
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

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the last step on projected source rows."""
        refuse_frozen(self)
        given = source, standards
        source, standards = self._transform_rows(*given)
        final = self._last_step()
        counts: list[Any] = [self.n_components]
        if self.n_components == "auto":
            counts = list(range(1, 1 + min(MAX_DIRECTIONS, len(standards), source.X.shape[1])))
        n_pls = 0  # of the default calibration, whose components are chosen with the directions
        if self.estimator is None and isinstance(final, PLSRegression):
            n_removed = counts[-1] or len(standards)
            n_pls = component_limit(source.X, source.ids, n_removed=n_removed)
        chosen = 0
        if len(counts) * max(n_pls, 1) > 1:
            fit_candidates = partial(self._fit_candidates, final, counts, n_pls)
            refit = self._refit_rows(*given)
            chosen, errors = choose_calibration(fit_candidates, source, standards, refit)
            self._errors |= errors
        self.map_ = _fit_projection(counts[chosen // max(n_pls, 1)], standards)
        X = np.asarray(self.map_.transform(source.X))
        if n_pls:
            varies = covary(X, source.y, float(np.linalg.norm(source.X)))
            final = DummyRegressor()
            if varies:
                final = TargetScaledPLS(1 + chosen % n_pls, scale=False)
        self.target_estimator_ = self._fit_last(final, X, source.y)

    def _fit_candidates(self, final, counts, n_pls, X, y, standards):
        """Return a function from spectra to predictions, for each number of directions."""
        maps = [_fit_projection(k, standards) for k in counts]
        fits = [self._fit_nested(final, np.asarray(epo.transform(X)), y, n_pls) for epo in maps]
        pairs = list(zip(maps, fits, strict=True))
        return lambda X: np.concatenate(
            [predict(np.asarray(epo.transform(X))) for epo, predict in pairs]
        )

    def _fit_nested(self, final, X, y, n_pls):
        """Return a function to predictions of 1 to `n_pls` PLS components, or of `final`."""
        if n_pls:
            return fit_pls_path(X, y, n_pls)
        fitted = self._fit_last(final, X, y)
        return lambda X: self._predict_last(fitted, X)[None]

    def _predict_target(self, X):
        """Predict projected spectra."""
        projected = np.asarray(self.map_.transform(self._transform_front(X)))
        return self._predict_last(self.target_estimator_, projected)


def _fit_projection(n_components, standards):
    """Return the projection fitted on the standards."""
    X, X_other = standards.weighted_pairs()
    return EPO(n_components=n_components).fit(X_other, X)
