"""Prediction intervals of a transferred calibration."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from tqdm.auto import tqdm

from .._documentation import DocumentedEstimator
from .._fitting import unfitted_on_failure
from .._frames import frame_kind, take_rows
from .._parameters import Integer, Number, Rules, check_parameters
from .._typing import N_JOBS, REGRESSOR, VERBOSE
from .._validation import check_labels
from .._warnings import warning_once
from ._jackknife import StackedRows, fit_rows, fit_without, jackknife_plus, labelled_targets

if TYPE_CHECKING:
    from typing_extensions import Self

_MAX_LEAVE_ONE_OUT = 30  # with more standards, several are held out in one fold
_N_FOLDS = 10


class ConformalTransfer(MetaEstimatorMixin, RegressorMixin, DocumentedEstimator):
    r"""Predict with a transferred calibration, and return a prediction interval.

    Every labelled target sample (standard) is held out in turn, with all its rows on all
    instruments, and predicted by a transfer fitted without it. From the predictions
    :math:`\hat\mu_{-i}(x)` of these n transfers for a new spectrum and their errors
    :math:`R_i = |y_i - \hat\mu_{-i}(x_i)|`, the jackknife+ interval [1]_ extends from the
    :math:`\lfloor\alpha(n+1)\rfloor`-th smallest of :math:`\hat\mu_{-i}(x) - R_i` to the
    :math:`\lceil(1-\alpha)(n+1)\rceil`-th smallest of :math:`\hat\mu_{-i}(x) + R_i`, where
    :math:`1-\alpha` is `confidence_level`. It assumes neither a distribution of the errors nor a
    correct model, only that the standards and the new samples are exchangeable.

    Parameters
    ----------
    estimator : estimator
        A ``*Transfer``, or a `Pipeline` that ends in one. Without `instrument` in fit, any
        regressor.
    confidence_level : float, default=0.9
        Target coverage: fraction of new samples whose interval contains the reference value, in
        (0, 1). It requires at least ``confidence_level / (1 - confidence_level)`` labelled target
        samples: 9 for 0.9, 19 for 0.95.
    n_splits : int or "auto", default="auto"
        Number of folds of the labelled target samples, at least 2. As many folds as samples:
        jackknife+; fewer: CV+. "auto": one sample per fold up to 30 samples, 10 folds for more.
        `fit` fits `estimator` once on all rows and once per fold.
    n_jobs : int, default=None
        Number of folds fitted in parallel, as in joblib.
    verbose : int, default=0
        1 shows a progress bar with one step per fold.

    Attributes
    ----------
    estimator_ : estimator
        The estimator fitted on all rows; `predict` uses it.
    fold_estimators_ : list of n_splits_ estimators
        The estimators fitted without the samples of each fold, from fold 0.
    standard_ids_ : ndarray of shape (n_standards,)
        Ids of the samples held out in turn, sorted.
    folds_ : ndarray of shape (n_standards,)
        Fold in which each of them is held out, from 0, in the order of `standard_ids_`. Samples are
        dealt to the folds in an order that follows their spectra: other names or another order of
        the rows hold out the same samples together.
    conformity_scores_ : ndarray of shape (n_standards,)
        Absolute error of each of them when held out, in the unit of `y`, in the same order.
    n_splits_ : int
        Number of folds.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, if all are strings.

    See Also
    --------
    ApplicabilityDomain : Whether a spectrum resembles those of the calibration.

    Notes
    -----
    With n exchangeable samples, on average over draws at least ``2 * confidence_level - 1`` of the
    new samples are covered, whatever the method (Theorem 1 of [1]_). If the fits hardly depend on
    single samples, coverage is ``ceil(confidence_level * (n + 1)) / (n + 1)``, 10 / 11 for ten
    standards, and higher if they do. A single draw of ten standards may cover 80 % or 100 %.

    The samples labelled on the target must be exchangeable with the new ones. The choice of
    `n_transfer` standards among them, by Kennard-Stone for example, is part of each fit and does
    not affect coverage. If only samples at the edge were measured on the target, as Kennard-Stone
    selects them, intervals tend to be wider than needed. Source rows of other samples may be chosen
    in any way. A fit without some samples uses at most `n_transfer` of the remaining standards.

    If a sample has several labelled target scans, one is used, whatever the order of the rows,
    because a new sample is also predicted from one scan. Intervals are too narrow for a
    `FrozenEstimator` that was trained on the standards.

    References
    ----------
    .. [1] Barber, Candès, Ramdas & Tibshirani, Ann. Statist. 49 (2021) 486-507.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skspektron.reliability import ConformalTransfer
    >>> X, y = np.zeros((10, 1)), np.arange(10.0)  # each is predicted by the mean of the others
    >>> model = ConformalTransfer(DummyRegressor(), confidence_level=0.9).fit(X, y)
    >>> y_pred, intervals = model.predict_interval([[0.0]])
    >>> y_pred, intervals
    (array([4.5]), array([[-1.,  10.]]))
    """

    _when_slow = (
        "It fits the estimator once per fold: pass n_jobs=-1 to use all cores, or a smaller "
        "n_splits. verbose=1 shows progress."
    )

    # scikit-learn's metadata routing reads these, so that set_fit_request is not needed.
    __metadata_request__fit = {"instrument": True, "sample_id": True}  # noqa: RUF012
    __metadata_request__predict = {"instrument": True}  # noqa: RUF012

    _parameters: ClassVar[Rules] = {
        "estimator": REGRESSOR,
        "confidence_level": Number(above=0, below=1),
        "n_splits": Integer(2) | "auto",
        "n_jobs": N_JOBS,
        "verbose": VERBOSE,
    }

    def __init__(
        self,
        estimator: Any,
        *,
        confidence_level: float = 0.9,
        n_splits: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ):
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.n_splits = n_splits
        self.n_jobs = n_jobs
        self.verbose = verbose

    @unfitted_on_failure
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator on all rows, and again without each fold of standards.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of both instruments, stacked.
        y : array-like of shape (n_samples,)
            Reference values of one property; may be NaN except on source rows.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row. None: nothing is transferred, and every sample is held out.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row. A standard is held out together with its source rows only
            if they share an id. None: every row is a separate sample.

        Returns
        -------
        self : ConformalTransfer
            The fitted regressor.

        Raises
        ------
        ValueError
            If `confidence_level` requires more labelled target samples than there are, or `y` has
            several columns.
        """
        check_parameters(self)
        rows = self._check_rows(X, y, instrument, sample_id)
        self.estimator_ = fit_rows(clone(self.estimator), rows)
        at, turn = labelled_targets(self.estimator_, rows)
        self._check_n_standards(len(at))
        self.standard_ids_ = rows.ids[at]
        self.n_splits_ = self._count_folds(len(at))
        self.folds_ = turn % self.n_splits_
        held_out = [self.folds_ == k for k in range(self.n_splits_)]
        # Not every backend of joblib can return a generator, which the bar needs to move.
        return_as = "generator" if self.verbose else "list"
        fits = Parallel(n_jobs=self.n_jobs, return_as=return_as)(
            delayed(fit_without)(self.estimator, self.estimator_, rows, self.standard_ids_[mask])
            for mask in held_out
        )
        bar = tqdm(fits, "folds", self.n_splits_, unit="fold", disable=not self.verbose)
        self.fold_estimators_: list[Any] = list(bar)
        y_pred = np.empty(len(at))
        for mask, estimator in zip(held_out, self.fold_estimators_, strict=True):
            y_pred[mask] = np.ravel(estimator.predict(take_rows(rows.X, at[mask])))
        self.conformity_scores_ = np.abs(rows.y[at] - y_pred)
        return self

    def predict(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray[np.float64]:
        """Predict with the estimator fitted on all rows."""
        check_is_fitted(self)
        metadata = {} if instrument is None else {"instrument": instrument}
        return np.ravel(self.estimator_.predict(X, **metadata))

    @warning_once()
    def predict_interval(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predict target spectra and return the intervals of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of the target.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            As returned by `predict`. It may lie outside the interval if the fits without single
            standards differ much.
        intervals : ndarray of shape (n_samples, 2)
            Lower and upper bound, in the unit of `y`.
        """
        check_is_fitted(self)
        check_parameters(self)  # the level may have been set after fit
        self._check_n_standards(len(self.folds_))
        y_pred = self.predict(X)
        by_fold = np.array([np.ravel(fitted.predict(X)) for fitted in self.fold_estimators_])
        by_standard = by_fold[self.folds_]
        return y_pred, jackknife_plus(by_standard, self.conformity_scores_, self.confidence_level)

    def _check_rows(
        self, X: ArrayLike, y: ArrayLike, instrument: ArrayLike | None, sample_id: ArrayLike | None
    ) -> StackedRows:
        """Return the checked rows; a data frame is kept, because its columns may name the axis."""
        options = {"ensure_all_finite": "allow-nan"}
        checked, y = validate_data(
            self,
            X,
            y,
            validate_separately=(
                {"dtype": FLOAT_DTYPES, **options},
                {"dtype": np.float64, "ensure_2d": False, **options},
            ),
        )
        check_consistent_length(checked, y)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y must have one column, got {y.shape[1]}. Fit one ConformalTransfer per property."
            )
        given = {"instrument": instrument, "sample_id": sample_id}
        metadata = {
            name: check_labels(values, len(checked), name)
            for name, values in given.items()
            if values is not None
        }
        ids = metadata.get("sample_id", np.arange(len(checked)))
        spectra = X if frame_kind(X) else checked
        return StackedRows(spectra, column_or_1d(y, warn=True), ids, metadata)

    def _check_n_standards(self, n_standards: int) -> None:
        """Raise ValueError if there are fewer standards than the level requires."""
        level = self.confidence_level
        # The tolerance because 0.9 / (1 - 0.9) is 9.000000000000002.
        n_required = max(2, ceil(level / (1 - level) - 1e-9))
        if n_standards < n_required:
            highest = 1000 * n_standards // (n_standards + 1) / 1000  # rounded down: it is accepted
            lower = f", or lower confidence_level to at most {highest}" if n_standards > 1 else ""
            raise ValueError(
                f"confidence_level={level} requires at least {n_required} samples with a reference "
                f"value on the target, got {n_standards} samples. Measure more{lower}."
            )

    def _count_folds(self, n_standards: int) -> int:
        """Return the number of folds."""
        if self.n_splits == "auto":
            return n_standards if n_standards <= _MAX_LEAVE_ONE_OUT else _N_FOLDS
        if self.n_splits > n_standards:
            raise ValueError(
                f"n_splits must be at most the {n_standards} labelled samples, got "
                f"{self.n_splits}. Lower n_splits, or pass 'auto'."
            )
        return int(self.n_splits)

    def __sklearn_tags__(self) -> Any:
        """Take over whether the estimator allows NaN."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags
