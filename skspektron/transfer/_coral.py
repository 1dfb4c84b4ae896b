"""Correlation alignment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._decompositions import thin_svd
from .._parameters import Number, Rules
from .._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ._core._mapped import MappedTransfer
from ._core._standards import Rows, Standards

AUTO_REGULARIZATION = 10  # divided by the number of rows


class CORALTransfer(MappedTransfer):
    r"""Match the mean and covariance of target spectra to those of source spectra.

    Correlation alignment whitens target spectra by their own covariance and colours them by the
    covariance of the source spectra [1]_:

    .. math:: \hat x = \bar x_s + (x - \bar x_t) \,
        (C_t + \lambda I)^{-1/2} (C_s + \lambda I)^{1/2} .

    With ``n_transfer=0`` means and covariances are those of all training rows of each instrument;
    target rows then need neither labels nor pairs.

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
        Number of paired standards whose covariances are used. 0: the covariances of all training
        rows of the two instruments, unlike `NoTransfer`. None: every paired sample.
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
    regularization : float or "auto", default="auto"
        Ridge :math:`\lambda` in units of the mean variance of a source channel, above 0. Directions
        with less variance than that are hardly stretched; a very large value corrects the mean
        only. Typical: 0.01 to 10. "auto": 10/n for n rows of the instrument with fewer rows,
        because covariances estimated from few spectra are unreliable.

    Attributes
    ----------
    estimator_ : estimator
        The calibration, fitted on the source rows.
    source_mean_, target_mean_ : ndarray of shape (n_channels,)
        Mean spectra of the two instruments.
    regularization_ : float
        The ridge that was used, in units of the mean variance of a source channel.
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

    Notes
    -----
    With ``n_transfer=0`` the training samples of the two instruments should come from one
    population: a difference between the samples is removed like one between the instruments.
    If an instrument has a single row, only the mean is corrected. Covariances have the denominator
    n - 1 and are never formed: the cost is O(n^2 p) for n rows of p channels. NaN is refused.

    References
    ----------
    .. [1] Sun, Feng & Saenko, Proc. AAAI Conf. Artif. Intell. 30 (2016) 2058-2065.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skspektron.transfer import CORALTransfer
    >>> X = np.array([[0.0], [1.0], [2.0], [5.0], [7.0], [9.0]])  # B reads 2 x + 5
    >>> y = np.array([0.0, 1.0, 2.0, np.nan, np.nan, np.nan])
    >>> model = CORALTransfer(LinearRegression(), source="A", target="B", regularization=1e-9)
    >>> model.fit(X, y, instrument=list("AAABBB")).predict([[8.0]]).round(6)
    array([1.5])
    """

    _parameters: ClassVar[Rules] = {"regularization": Number(above=0) | "auto"}

    _needs_pairs = True
    _learns_unlabelled = True
    _takes_weights = True
    _takes_nan = False

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
        regularization: float | str = "auto",
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
        self.regularization = regularization

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Decompose the covariances of both instruments, from the standards if there are any."""
        pair, weights = (source.X.astype(np.float64), target.X.astype(np.float64)), None
        if len(standards):
            pair, weights = (standards.X_source, standards.X_target), standards.weights
        n_rows = min(map(len, pair)) if weights is None else weights.sum()
        self.regularization_ = self._relative_ridge(n_rows)
        self.source_mean_, self.target_mean_ = (
            np.average(X, axis=0, weights=weights) for X in pair
        )
        (source_variance, V_s), (target_variance, V_t) = (
            _principal_variances(X, weights) for X in pair
        )
        ridge = self.regularization_ * (source_variance.sum() / V_s.shape[1] or 1.0)
        # (C + ridge I)^1/2 = ridge^1/2 (I + V (g - 1) V'): ridge^1/2 cancels between the two.
        stretch_s, stretch_t = (np.sqrt(v / ridge + 1) for v in (source_variance, target_variance))
        self._stretches = [(V_t, 1 / stretch_t - 1), (V_s, stretch_s - 1)] if n_rows > 1 else []

    def _relative_ridge(self, n_rows):
        """Return the ridge for covariances of `n_rows` spectra."""
        if self.regularization == "auto":
            return AUTO_REGULARIZATION / n_rows
        return self.regularization

    def _map(self, X) -> NDArray[Any]:
        """Whiten target spectra and colour them."""
        deviation = X - self.target_mean_
        for V, gain in self._stretches:
            deviation = deviation + (deviation @ V.T * gain) @ V
        return self.source_mean_ + deviation


def _principal_variances(X, weights=None):
    """Return the variances (ddof=1) of the principal components of `X` and their loadings."""
    deviation = X - np.average(X, axis=0, weights=weights)
    if weights is not None:
        deviation = np.sqrt(weights)[:, None] * deviation
    _, s, Vt = thin_svd(deviation)
    return s**2 / max((len(X) if weights is None else weights.sum()) - 1, 1), Vt
