"""Whether a spectrum is like those that a calibration knows."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from .._documentation import DocumentedEstimator
from .._validation import check_labels
from ._components import Statistics, check_kind, components, is_pls, n_components

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_VARIANCE = 0.99  # that the components of the default PCA keep
MIN_SAMPLES = 4  # so that three are left where a fold takes one
N_FOLDS = 10


class ApplicabilityDomain(OutlierMixin, DocumentedEstimator):
    r"""Tell spectra that are like the calibration's from those it should not be trusted with.

    A spectrum z, behind the preprocessing, is projected on the A components of a principal
    component analysis or of PLS. Two numbers then say how far off it is:

    .. math:: T^2 = \sum_{a=1}^{A} t_a^2 / s_a^2, \qquad Q = \lVert z - \hat z \rVert^2

    Hotelling's :math:`T^2` [1]_ is large for a sample that has more of what the calibration
    knows, such as a concentration beyond its range; :math:`Q` [2]_ for one that has something
    else, such as an unknown band or an instrument that has drifted. A spectrum is inside where
    both are within their limits. Behind a `SpektronEmbedder` the same two numbers measure the
    distance in the embedding.

    Parameters
    ----------
    estimator : PCA, PLSRegression or Pipeline that ends in one, default=None
        What is fitted to the spectra: ``make_pipeline(SNV(), PLSRegression(8))``, or
        ``make_pipeline(SNV(), SpektronEmbedder(wavelength=...), PCA(0.99))``. PLS needs the `y` of
        fit, and is then the calibration itself. None: ``PCA(0.99)``. A `FrozenEstimator` is used
        as it is and needs spectra in fit that it has not seen.
    confidence : float, default=0.95
        Share of the spectra of the calibration's population that shall be inside, in (0, 1).
        Each limit is at the level ``sqrt(confidence)``, so that both together keep it.

    Attributes
    ----------
    estimator_ : estimator
        What T2 and Q are computed with, fitted.
    hotelling_t2_limit_ : float
        Limit of T2, without unit.
    q_residuals_limit_ : float
        Limit of Q, in the unit of z squared.
    offset_ : float
        -1: the score of a spectrum on a limit.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    skspektron.inspection.InfluenceDisplay : Draws T2 against Q.
    chemotools.outliers.HotellingT2 : Computes T2 here.
    chemotools.outliers.QResiduals : Computes Q here.

    Notes
    -----
    A limit is the quantile of :math:`g \chi^2_h` [3]_ with :math:`g = v / 2m` and
    :math:`h = 2m^2 / v`, m and v being the mean and the variance (n - 1) of the T2, or Q, of
    spectra that are left out in ten folds; only the last step is fitted again for them. The
    formulas for residuals of the fitted spectra themselves [2]_ give limits of Q that are too
    narrow for spectra with many more channels than samples. T2 and Q are those of chemotools,
    which divides squared PLS scores by their variance over n, squared PCA scores by that over
    n - 1.

    After a transfer that maps spectra, the calibration sees ``transfer.transform(X_target)``. Those
    carry what the map leaves of the difference between the instruments, and limits from source
    spectra then shut good ones out. The standards themselves are reproduced too well to show it.
    Take the limits from some thirty transformed target spectra that the map was not learnt from,
    which need no reference values:

    ``ApplicabilityDomain(FrozenEstimator(transfer.estimator_)).fit(transfer.transform(X_routine))``

    A map can remove from a spectrum what its standards do not have; what it removes is seen in
    the spectra as measured only.

    References
    ----------
    .. [1] Hotelling, Ann. Math. Stat. 2 (1931) 360-378.
    .. [2] Jackson & Mudholkar, Technometrics 21 (1979) 341-349.
    .. [3] Box, Ann. Math. Stat. 25 (1954) 290-302; its moments from observed Q: Nomikos &
       MacGregor, Technometrics 37 (1995) 41-59.

    Examples
    --------
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.reliability import ApplicabilityDomain
    >>> X = make_instruments(60, random_state=0).X["A"]
    >>> domain = ApplicabilityDomain().fit(X[:40])
    >>> domain.predict([X[50], X[50] + 0.1 * (X[50] > 0.9), 0.5 * X[50]])
    array([ 1, -1, -1])
    """

    __metadata_request__fit = {"sample_id": True}  # noqa: RUF012

    def __init__(self, estimator: BaseEstimator | None = None, *, confidence: float = 0.95):
        self.estimator = estimator
        self.confidence = confidence

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sample_id: ArrayLike | None = None
    ) -> Self:
        """Fit the components to the calibration's spectra and find both limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Reference values, for an estimator that reads them.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row: replicates are left out together. None: every row is a
            sample of its own.

        Returns
        -------
        self : object
            The fitted detector.
        """
        if not isinstance(self.confidence, Real) or not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence!r}. Pass a share between 0 and 1.")
        X = self._check_spectra(X, reset=True)
        ids = _check_ids(sample_id, len(X))
        y = self._check_y(X, y)
        _check_spread(np.asarray(X), 0)
        self.estimator_: Any = self._fit_estimator(X, y)
        Z = self._preprocess(X)
        _check_spread(Z, n_components(components(self.estimator_), Z))
        level = np.sqrt(self.confidence)
        with sklearn.config_context(transform_output="default"):
            self._statistics: Statistics = Statistics(components(self.estimator_), Z)
            t2, q = self._left_out(Z, y, ids)
        self.hotelling_t2_limit_: float = _box_limit(t2, level)
        self.q_residuals_limit_: float = max(_box_limit(q, level), _rounding(Z))
        self.offset_: float = -1.0
        return self

    def statistics(self, X: ArrayLike) -> Bunch:
        """Return T2 and Q of every spectrum, and whether both are within their limits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.

        Returns
        -------
        Bunch
            hotelling_t2, q_residuals : ndarray of shape (n_samples,)
                Without unit; in the unit of the preprocessed spectra squared.
            inside : ndarray of shape (n_samples,) of bool
                Whether neither is above its limit.
        """
        check_is_fitted(self)
        Z = self._preprocess(self._check_spectra(X, reset=False))
        with sklearn.config_context(transform_output="default"):
            t2, q = self._statistics(Z)
        inside = (t2 <= self.hotelling_t2_limit_) & (q <= self.q_residuals_limit_)
        return Bunch(hotelling_t2=t2, q_residuals=q, inside=inside)

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus T2 or Q in units of its limit, whichever is larger; -1 is on a limit."""
        found = self.statistics(X)
        return -np.maximum(
            found.hotelling_t2 / self.hotelling_t2_limit_,
            found.q_residuals / self.q_residuals_limit_,
        )

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how far inside a spectrum is: 1 at the centre, 0 on a limit, negative outside."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return 1 for every spectrum that is inside and -1 for every other."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _check_spectra(self, X: Any, *, reset: bool) -> Any:
        """Return checked spectra; a frame stays one, its columns may name the axis."""
        least = MIN_SAMPLES if reset else 1
        checked = validate_data(
            self,
            X,
            dtype=np.float64,
            ensure_all_finite="allow-nan",  # the first step that cannot read NaN refuses it
            ensure_min_samples=least,
            reset=reset,
        )
        return X if hasattr(X, "columns") else checked

    def _check_y(self, X: Any, y: ArrayLike | None) -> NDArray[Any] | None:
        """Return reference values as an array, None where nothing reads them."""
        if y is not None:
            check_consistent_length(X, y)
            return np.asarray(y)
        if isinstance(self.estimator, FrozenEstimator) or not is_pls(self.estimator):
            return None
        raise ValueError(
            f"The PLS is fitted to y, and y is None for {len(X)} spectra. Pass y to fit, or an "
            "estimator that ends in PCA."
        )

    def _fit_estimator(self, X: Any, y: NDArray[Any] | None) -> Any:
        """Return the estimator fitted on the spectra, or what a frozen one holds."""
        estimator = PCA(DEFAULT_VARIANCE) if self.estimator is None else self.estimator
        check_kind(estimator)
        if isinstance(estimator, FrozenEstimator):
            return estimator.estimator
        return clone(estimator).fit(X, y)

    def _preprocess(self, X: Any) -> NDArray[np.float64]:
        """Return spectra as the components see them."""
        if isinstance(self.estimator_, Pipeline) and len(self.estimator_) > 1:
            X = self.estimator_[:-1].transform(X)
        return np.asarray(X, dtype=np.float64)

    def _left_out(
        self, Z: NDArray[np.float64], y: NDArray[Any] | None, ids: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return T2 and Q of every spectrum from components fitted without it, (2, n_samples)."""
        if isinstance(self.estimator, FrozenEstimator):
            return np.stack(self._statistics(Z))
        fitted = components(self.estimator_)
        n_kept = n_components(fitted, Z)
        found = np.empty((2, len(Z)))
        for train, test in GroupKFold(min(N_FOLDS, len(np.unique(ids)))).split(Z, groups=ids):
            rank = np.linalg.matrix_rank(Z[train] - Z[train].mean(axis=0))
            if rank == 0:
                raise ValueError(
                    f"Without {len(test)} of the {len(Z)} spectra the others are all the same, "
                    "which leaves nothing to find limits with. Pass more different spectra."
                )
            model = clone(fitted).set_params(n_components=min(n_kept, rank))
            model.fit(Z[train], None if y is None else y[train])
            found[:, test] = Statistics(model, Z[train])(Z[test])
        return found


def _check_ids(sample_id: ArrayLike | None, n_samples: int) -> NDArray[Any]:
    """Return the sample of every row, where there are enough of them."""
    if sample_id is None:
        return np.arange(n_samples)
    ids = check_labels(sample_id, n_samples, "sample_id")
    n_distinct = len(np.unique(ids))
    if n_distinct < MIN_SAMPLES:
        raise ValueError(
            f"sample_id has {n_distinct} different samples, and limits need at least "
            f"{MIN_SAMPLES}. Pass spectra of more samples."
        )
    return ids


def _check_spread(Z: NDArray[Any], n_kept: int) -> None:
    """Refuse spectra that do not vary, and as many components as spectra."""
    if not np.ptp(Z, axis=0).any():
        raise ValueError(
            f"The {len(Z)} spectra are all the same: there is nothing to be inside of. Pass the "
            "spectra of the calibration."
        )
    if n_kept >= len(Z):
        raise ValueError(
            f"The estimator has {n_kept} components for {len(Z)} spectra, which leaves "
            "nothing to find limits with. Pass one with fewer, or more spectra."
        )


def _box_limit(q: NDArray[np.float64], level: float) -> float:
    """Return the quantile of g chi2(h) with the mean and the variance of `q`."""
    m, v = q.mean(), q.var(ddof=1)
    return float(v / (2 * m) * chi2.ppf(level, 2 * m**2 / v)) if m > 0 and v > 0 else float(m)


def _rounding(Z: NDArray[np.float64]) -> float:
    """Return how large Q may become by rounding alone."""
    return float(Z.shape[1] * np.finfo(np.float64).eps * np.mean(np.sum(Z**2, axis=1)))
