"""Parameter-free calibration enhancement."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._parameters import Choice, Number, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._algorithms._pfce import fit_near
from ._algorithms._svd import centred
from ._core._linear import LinearTransfer, linear_coefficients
from ._core._standards import Rows, Standards

# Angle between the coefficients of source and target, in radians.
ANGLE_PER_STANDARD = 1 / 200
MAX_ANGLE = 0.2  # a correlation of 0.98
# Responses that the coefficients are fitted to.
RESPONSES = {
    "spectra": lambda predict, standards: predict(standards.X_source),
    "labels": lambda predict, standards: standards.y,
    "both": lambda predict, standards: (predict(standards.X_source) + standards.y) / 2,
}


class PFCETransfer(LinearTransfer):
    r"""Refit the coefficients of the calibration on standards, close to those of the source.

    Parameter-free calibration enhancement [1]_ changes the coefficients :math:`b_1` of a linear
    calibration to those that fit the responses c of the standards best,

    .. math:: \min_{b_2} |c - X_t b_2|^2 \quad\text{with}\quad corr(b_1, b_2) \ge \rho ,

    with spectra and `c` centred. The bound makes up for the small number of standards.

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
        Number of standards. 0: no transfer, as `NoTransfer`. None: every sample that `uses` admits.
        With 1, only the intercept changes.
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
    uses : {"spectra", "labels", "both"}, default="spectra"
        What a standard has to have, and what `c` is. "spectra" (published as NS-PFCE): paired
        spectra; `c` is the prediction of the calibration for the source spectra. "labels"
        (SS-PFCE): a target spectrum and its reference value, which is `c`. "both" (FS-PFCE):
        paired spectra and a reference value; `c` is the mean of the two.
    min_correlation : float or "auto", default="auto"
        Smallest correlation :math:`\rho` of the coefficients over the channels, above 0 and at
        most 1. With 1, only a gain, an intercept and a constant added to all coefficients are
        fitted. Typical: 0.9 to 0.999. "auto": the cosine of n/200 for up to 40 standards, so that
        more standards may change the coefficients more, and 0.98 for 40 and more, as in [1]_.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    coef_ : ndarray of shape (n_features,) or (n_features, n_targets)
        Coefficients for target spectra as they enter the last step of the calibration; absent
        without standards.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept for target spectra, in the unit of `y`; absent without standards.
    min_correlation_ : float
        The bound that was used; absent without standards.
    source_, target_ : str or int
        Labels of source (a list of several) and target; None if `fit` was given no `instrument`.
    transfer_ids_ : ndarray of shape (n_transfer,)
        Ids of the samples that the coefficients were fitted on, in order of selection.
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
    SlopeBiasTransfer : One gain and one intercept, after prediction.
    PooledTransfer : Labelled standards added to the source rows.

    Notes
    -----
    The calibration must end in a linear regressor; the steps before it are not changed. The problem
    is convex and is solved exactly, in O(p n^2) for n standards of p channels. If several solutions
    are equally good, as with n < p and a loose bound, the one nearest to :math:`b_1` is taken.
    "both" minimizes :math:`|X_s b_1 - X_t b_2|^2 + |y - X_t b_2|^2`, which is the same problem with
    the mean of both as `c`. If :math:`b_1` does not vary over the channels, no correlation is
    defined, and :math:`b_2 = b_1`. Several targets are fitted one by one. NaN is refused.

    References
    ----------
    .. [1] Zhang, Li, Chen, Zhang & Liu, Anal. Chim. Acta 1142 (2021) 169-178.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import PFCETransfer
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [0.0, 2.0], [2.0, 0.0], [4.0, 4.0]])
    >>> y, ids = [1.0, -1.0, 0.0, np.nan, np.nan, np.nan], [1, 2, 3, 1, 2, 3]  # B reads twice A
    >>> model = PFCETransfer(LinearRegression(), source="A", target="B", n_transfer=3)
    >>> model.fit(X, y, instrument=list("AAABBB"), sample_id=ids).coef_.round(6)
    array([-0.5,  0.5])
    """

    _parameters: ClassVar[Rules] = {
        "uses": Choice(RESPONSES),
        "min_correlation": Number(above=0, at_most=1) | "auto",
    }

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
        uses: str = "spectra",
        min_correlation: float | str = "auto",
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
        self.uses = uses
        self.min_correlation = min_correlation

    @property
    def _needs_pairs(self) -> bool:  # type: ignore[override]
        """Return whether standards need source spectra."""
        return self.uses != "labels"

    @property
    def _needs_labels(self) -> bool:  # type: ignore[override]
        """Return whether standards need reference values."""
        return self.uses != "spectra"

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Fit the coefficients of every target on the standards."""
        final = self._last_step()
        X = self._transform_front(standards.X_target)
        coef, _ = linear_coefficients(final, X.shape[1])
        c = RESPONSES[self.uses](self._predict_source, standards)
        X_mean, c_mean = X.mean(axis=0), c.mean(axis=0)
        self.min_correlation_ = self._bound(len(X))
        columns = zip(coef.T, (c - c_mean).reshape(len(c), -1).T, strict=True)
        A = centred(X, standards.X_target)
        b2 = [fit_near(A, column, b1, self.min_correlation_) for b1, column in columns]
        self.coef_ = np.transpose(b2).reshape(-1, *self._n_outputs)
        self.intercept_ = c_mean - X_mean @ self.coef_

    def _bound(self, n_standards):
        """Return the smallest correlation for `n_standards`."""
        if self.min_correlation == "auto":
            return float(np.cos(min(n_standards * ANGLE_PER_STANDARD, MAX_ANGLE)))
        return self.min_correlation
