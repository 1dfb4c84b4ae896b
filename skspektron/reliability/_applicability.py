"""Applicability domain of a calibration: Hotelling's T2, Q and residuals of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted, validate_data

from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._frames import in_order_of_names, with_names_of, with_text_names
from .._parameters import Number, Rules, check_parameters
from .._pipelines import split_last_step
from .._samples import number_samples
from .._threads import one_thread_if_small
from .._typing import ESTIMATOR
from .._validation import check_labels
from ._channel_residual import bounded, channel_names, held_out_ratios, largest_ratios
from ._components import (
    Statistics,
    check_kind,
    check_references_of,
    components,
    is_pls,
    n_components,
)
from ._limits import box_limit, gumbel_limit, rounding_of

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_VARIANCE = 0.99  # fraction that the components of the default PCA explain
MIN_SAMPLES = 4  # so that at least three remain when one is held out
N_FOLDS = 10


class ApplicabilityDomain(OutlierMixin, DocumentedEstimator):
    r"""Detect spectra outside the applicability domain of a calibration.

    A preprocessed spectrum z is projected on the A components of a principal component analysis or
    of PLS. Three statistics measure how far it is from the calibration spectra:

    .. math::
        T^2 = \sum_{a=1}^{A} t_a^2 / s_a^2, \qquad Q = \lVert z - \hat z \rVert^2, \qquad
        R = \max_k \, (z_k - \hat z_k)^2 / m_k

    Hotelling's :math:`T^2` [1]_ is large if a sample has more of what varies among the calibration
    samples, such as a concentration beyond their range; :math:`Q` [2]_ if it has something else,
    such as an unknown band or the drift of an instrument. The channel residual :math:`R`, the
    largest contribution to Q [3]_ relative to the mean :math:`m_k` of channel k, is large if few
    channels are damaged: by a spike, dead pixels or saturation. A spectrum is inside if all three
    are within their limits. With a `SpektronEmbedder` in the pipeline, they measure the distance in
    the embedding, and its dimensions are the channels.

    Parameters
    ----------
    estimator : PCA, PLSRegression or Pipeline that ends in one, default=None
        Fitted to the spectra: ``make_pipeline(SNV(), PLSRegression(8))``, or
        ``make_pipeline(SNV(), SpektronEmbedder(wavelength=...), PCA(0.99))``. PLS needs the `y` of
        fit, and is then the calibration itself. None: ``PCA(0.99)``. A `FrozenEstimator` is not
        fitted again and needs spectra in fit that it was not trained on.
    confidence_level : float, default=0.95
        Expected fraction of spectra inside, among spectra from the population of the calibration;
        in (0, 1). Each limit is at the level ``confidence_level ** (1 / 3)``, so that all three
        together have this level.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator that the statistics are computed with.
    hotelling_t2_limit_ : float
        Limit of T2, dimensionless.
    q_residuals_limit_ : float
        Limit of Q, in the squared unit of z.
    channel_residual_limit_ : float
        Limit of R, dimensionless.
    offset_ : float
        Score of a spectrum on a limit, -1.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if all are strings.

    See Also
    --------
    skspektron.inspection.InfluenceDisplay : Draws T2 against Q.
    chemotools.outliers.HotellingT2 : Computes T2 here.
    chemotools.outliers.QResiduals : Computes Q here.

    Notes
    -----
    The limits come from the statistics of held-out spectra in ten-fold cross-validation; only the
    last step is refitted in each fold. That of T2, or Q, is the quantile of :math:`g \chi^2_h` [4]_
    with :math:`g = v / 2m` and :math:`h = 2m^2 / v`, where m and v are their mean and variance
    (n - 1). The formulas for residuals of the fitted spectra themselves [2]_ give limits of Q that
    are too narrow for spectra with many more channels than samples. T2 and Q are computed by
    chemotools, which divides squared PLS scores by their variance over n, and squared PCA scores by
    their variance over n - 1.

    The mean :math:`m_k` is that of the squared residuals of channel k in held-out spectra, and at
    least 1 % of its average over channels. The R of a held-out spectrum is computed with means over
    the other samples. The limit of R is the quantile of a distribution whose logarithm has the mean
    and the variance of log R and is Gumbel's, that of a maximum [5]_; R below 1 counts as 1.

    After a transfer that maps spectra, the calibration is applied to
    ``transfer.transform(X_target)``. These retain the part of the difference between the
    instruments that the map does not remove, and limits from source spectra then exclude valid
    ones. The standards themselves are reproduced too well to show this. Take the limits from some
    thirty transformed target spectra that the map was not fitted to; no reference values are
    needed:

    ``ApplicabilityDomain(FrozenEstimator(transfer.estimator_)).fit(transfer.transform(X_routine))``

    A map can remove features of a spectrum that none of its standards has. They are visible only
    in the spectrum as measured.

    References
    ----------
    .. [1] Hotelling, Ann. Math. Stat. 2 (1931) 360-378.
    .. [2] Jackson & Mudholkar, Technometrics 21 (1979) 341-349.
    .. [3] Westerhuis, Gurden & Smilde, Chemom. Intell. Lab. Syst. 51 (2000) 95-114; contributions
       relative to those of good spectra: Conlin, Martin & Morris, J. Chemom. 14 (2000) 725-736.
    .. [4] Box, Ann. Math. Stat. 25 (1954) 290-302; its moments from observed Q: Nomikos &
       MacGregor, Technometrics 37 (1995) 41-59.
    .. [5] Fisher & Tippett, Math. Proc. Camb. Philos. Soc. 24 (1928) 180-190.

    Examples
    --------
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.reliability import ApplicabilityDomain
    >>> X = make_instruments(60, random_state=0).X["A"]
    >>> domain = ApplicabilityDomain().fit(X[:40])
    >>> domain.predict([X[50], X[50] + 0.1 * (X[50] > 0.9), 0.5 * X[50]])
    array([ 1, -1, -1])
    >>> spike = X[50].copy()
    >>> spike[123] += 0.01
    >>> domain.statistics([spike]).channel
    array([123])
    """

    __metadata_request__fit = {"sample_id": True}  # noqa: RUF012

    _parameters: ClassVar[Rules] = {
        "estimator": ESTIMATOR | None,
        "confidence_level": Number(above=0, below=1),
    }

    def __init__(self, estimator: BaseEstimator | None = None, *, confidence_level: float = 0.95):
        self.estimator = estimator
        self.confidence_level = confidence_level

    @unfitted_on_failure
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sample_id: ArrayLike | None = None
    ) -> Self:
        """Fit the components to the spectra of the calibration and compute the limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Reference values, for an estimator that uses them.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row: replicates are held out together. None: every row is a
            separate sample.

        Returns
        -------
        self : object
            The fitted detector.
        """
        check_parameters(self)
        X = self._check_spectra(X, reset=True)
        ids = _check_ids(sample_id, len(X))
        y = check_references_of(self.estimator, X, y)
        _check_spread(np.asarray(X), 0)
        self.estimator_: Any = self._fit_estimator(X, y)
        Z = self._preprocess(X)
        _check_spread(Z, n_components(components(self.estimator_), Z))
        level = self.confidence_level ** (1 / 3)
        with sklearn.config_context(transform_output="default"):
            self._statistics: Statistics = Statistics(components(self.estimator_), Z)
            t2, q, squares = self._held_out_statistics(Z, y, ids)
        _check_statistics(t2, q)
        rounding = rounding_of(Z)
        self._held_out = Bunch(hotelling_t2=t2, q_residuals=np.maximum(q, rounding))
        self.hotelling_t2_limit_: float = box_limit(t2, level)
        self.q_residuals_limit_: float = max(box_limit(q, level), rounding)
        self._mean_squares = bounded(squares.mean(axis=0), rounding)
        ratios = held_out_ratios(squares, ids, rounding)
        self.channel_residual_limit_: float = gumbel_limit(ratios, level)
        named = self if hasattr(self, "feature_names_in_") else self.estimator_
        names = getattr(named, "feature_names_in_", None)
        self._channel_names = channel_names(self.estimator_, names, Z.shape[1])
        self.offset_: float = -1.0
        return self

    @one_thread_if_small
    def statistics(self, X: ArrayLike) -> Bunch:
        """Return T2, Q and channel residual of each spectrum, and whether all are within limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.

        Returns
        -------
        Bunch
            hotelling_t2, q_residuals, channel_residual : ndarray of shape (n_samples,)
                Dimensionless; in the squared unit of the preprocessed spectra; dimensionless.
            channel : ndarray of shape (n_samples,) of int
                Channel with the largest relative residual, from 0 in the preprocessed spectra.
            channel_name : ndarray of shape (n_samples,) of str, or None
                Its column name in `X`, such as "1450 nm"; None without names.
            inside : ndarray of shape (n_samples,) of bool
                Whether none of the three is above its limit.
        """
        check_is_fitted(self)
        Z = self._preprocess(self._check_spectra(X, reset=False))
        with sklearn.config_context(transform_output="default"):
            t2, q, squares = self._statistics(Z)
        largest, channel = largest_ratios(squares, self._mean_squares)
        names = self._channel_names
        return Bunch(
            hotelling_t2=t2,
            q_residuals=q,
            channel_residual=largest,
            channel=channel,
            channel_name=None if names is None else names[channel],
            inside=(t2 <= self.hotelling_t2_limit_)
            & (q <= self.q_residuals_limit_)
            & (largest <= self.channel_residual_limit_),
        )

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus the largest of the statistics, relative to its limit; -1 is on a limit."""
        found = self.statistics(X)
        names = ("hotelling_t2", "q_residuals", "channel_residual")
        return -np.max([found[name] / getattr(self, f"{name}_limit_") for name in names], axis=0)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance to the limits: 1 at the centre, 0 on a limit, negative outside."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return 1 for spectra inside the domain and -1 for the others."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _check_spectra(self, X: Any, *, reset: bool) -> Any:
        """Return checked spectra; a data frame is kept, because its columns may name the axis."""
        if not reset:
            X = in_order_of_names(X, getattr(self, "feature_names_in_", None))
        elif not isinstance(self.estimator, FrozenEstimator):  # which got the names as they were
            X = with_text_names(X)
        checked = validate_data(
            self,
            X,
            dtype=np.float64,
            ensure_all_finite="allow-nan",  # the estimator raises if it does not support NaN
            ensure_min_samples=MIN_SAMPLES if reset else 1,
            reset=reset,
        )
        return X if hasattr(X, "columns") else checked

    def _fit_estimator(self, X: Any, y: NDArray[Any] | None) -> Any:
        """Return the estimator fitted on the spectra, or the estimator inside a frozen one."""
        estimator = PCA(DEFAULT_VARIANCE) if self.estimator is None else self.estimator
        check_kind(estimator)
        if isinstance(estimator, FrozenEstimator):
            return estimator.estimator
        return clone(estimator).fit(X, y)

    def _preprocess(self, X: Any) -> NDArray[np.float64]:
        """Return the spectra transformed by the steps before the components."""
        transform, _ = split_last_step(self.estimator_)
        X = with_names_of(self.estimator_, X)
        return np.asarray(transform(X), dtype=np.float64)

    def _held_out_statistics(
        self, Z: NDArray[np.float64], y: NDArray[Any] | None, ids: NDArray[Any]
    ) -> tuple[NDArray[np.float64], ...]:
        """Return `Statistics` of each spectrum from components fitted without it."""
        if isinstance(self.estimator, FrozenEstimator):
            return self._statistics(Z)
        fitted = components(self.estimator_)
        n_kept = n_components(fitted, Z)
        ids, _, _ = number_samples(Z, ids, y if is_pls(self.estimator_) else None)
        t2, q, squares = np.empty(len(Z)), np.empty(len(Z)), np.empty(Z.shape)
        for train, test in GroupKFold(min(N_FOLDS, len(np.unique(ids)))).split(Z, groups=ids):
            rank = np.linalg.matrix_rank(Z[train] - Z[train].mean(axis=0))
            if rank == 0:
                raise ValueError(
                    f"{len(train)} of the {len(Z)} spectra are identical, so that limits cannot be "
                    "computed when the others are held out. Pass spectra that differ."
                )
            model = clone(fitted).set_params(n_components=min(n_kept, rank))
            if getattr(model, "random_state", 0) is None:  # with many channels, PCA draws numbers
                model.set_params(random_state=0)
            model.fit(Z[train], None if y is None else y[train])
            t2[test], q[test], squares[test] = Statistics(model, Z[train])(Z[test])
        return t2, q, squares


def _check_ids(sample_id: ArrayLike | None, n_samples: int) -> NDArray[Any]:
    """Return the sample of each row; raise if there are fewer than MIN_SAMPLES samples."""
    if sample_id is None:
        return np.arange(n_samples)
    ids = check_labels(sample_id, n_samples, "sample_id")
    n_distinct = len(np.unique(ids))
    if n_distinct < MIN_SAMPLES:
        raise ValueError(
            f"sample_id must contain at least {MIN_SAMPLES} different samples, got {n_distinct}. "
            "Pass spectra of more samples."
        )
    return ids


def _check_spread(Z: NDArray[Any], n_kept: int) -> None:
    """Raise if the spectra do not vary, or if there are as many components as spectra."""
    if not np.ptp(Z, axis=0).any():
        raise ValueError(
            f"The {len(Z)} spectra are identical, so that limits cannot be computed. Pass the "
            "spectra of the calibration."
        )
    if n_kept >= len(Z):
        raise ValueError(
            f"The estimator must have fewer components than there are spectra, got {n_kept} "
            f"components for {len(Z)} spectra. Reduce n_components, or pass more spectra."
        )


def _check_statistics(t2: NDArray[np.float64], q: NDArray[np.float64]) -> None:
    """Raise if a component has no variance, so that no spectrum could be outside."""
    n_unknown = np.count_nonzero(~(np.isfinite(t2) & np.isfinite(q)))
    if n_unknown:
        raise ValueError(
            f"T2 or Q of {n_unknown} of the {len(t2)} spectra of fit is not finite: a component "
            "has no variance. Pass reference values that vary, or reduce n_components."
        )
