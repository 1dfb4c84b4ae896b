"""What every transfer method shares: instruments, standards, the calibration that moves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .._validation import check_labels
from ._calibration import cross_validated_pls
from ._standards import (
    Rows,
    Standards,
    check_n_transfer,
    choose_standards,
    instrument_rows,
    resolve_instruments,
)


class BaseTransfer(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit a calibration on the source rows, learn from standards, predict target spectra.

    A method implements `_learn` and `_predict_target`, and says on the class what a standard
    must have.
    """

    # Read by scikit-learn's metadata routing, so that nobody calls set_fit_request.
    __metadata_request__fit = {"instrument": True, "sample_id": True}  # noqa: RUF012
    __metadata_request__predict = {"instrument": True}  # noqa: RUF012

    _needs_pairs = False  # standards are measured on both instruments
    _needs_labels = False  # standards have finite reference values
    _learns_unlabelled = False  # `_learn` is called without standards too
    _takes_nan = True  # NaN in `X` is left to the estimator to refuse

    def __init__(
        self,
        estimator=None,
        *,
        source=None,
        target=None,
        n_transfer: int | None = 10,
        selection="kennard-stone",
        random_state=None,
    ):
        self.estimator = estimator
        self.source = source
        self.target = target
        self.n_transfer = n_transfer
        self.selection = selection
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ):
        """Fit the estimator on the source rows and learn the transfer from the standards.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of both instruments, stacked; other instruments' rows are ignored.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values; may be NaN except on source rows.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row. None: fit the estimator on all rows, transfer nothing.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row: rows of one sample are paired, and averaged when they
            are replicates. None: every row is a sample of its own, and nothing is paired.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        self._check_parameters()
        rows = self._check_training_rows(X, y, sample_id)
        if instrument is None:
            return self._fit_plain(rows)
        labels = check_labels(instrument, len(rows.X), "instrument")
        self.source_, self.target_ = resolve_instruments(labels, self.source, self.target)
        source = instrument_rows(rows, labels == self.source_)
        target = instrument_rows(rows, labels == self.target_)
        self.estimator_ = self._calibrate(source)
        standards = self._choose_standards(source, target, has_ids=sample_id is not None)
        self.transfer_ids_ = standards.ids
        self._is_adapted = len(standards) > 0 or self._learns_unlabelled
        if self._is_adapted:
            self._learn(source, target, standards)
        return self

    def predict(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray:
        """Return the reference values of target spectra, and of source rows where marked.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row, `source_` or `target_`: source rows go to `estimator_`
            unmapped. None: all rows are target spectra.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            In the unit and with the dimensions of the `y` of fit.
        """
        check_is_fitted(self)
        X = self._check_spectra(X)
        is_plain = self._plain_rows(instrument, len(X))
        if is_plain.all():
            return self._predict_with(self.estimator_, X)
        if not is_plain.any():
            return self._predict_target(X)
        plain = self._predict_with(self.estimator_, X[is_plain])
        y = np.empty((len(X), *plain.shape[1:]))
        y[is_plain], y[~is_plain] = plain, self._predict_target(X[~is_plain])
        return y

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Learn the transfer; labels in `target` must not be read."""
        raise NotImplementedError

    def _predict_target(self, X: NDArray) -> NDArray:
        """Return predictions for target spectra, once `_learn` has run."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Refuse bad parameters before anything is fitted; methods extend it by theirs."""
        check_n_transfer(self.n_transfer)

    def _check_training_rows(self, X, y, sample_id) -> Rows:
        """Return float spectra and reference values with their ids; NaN is judged later."""
        self._has_frame = hasattr(X, "iloc")
        X, y = validate_data(
            self,
            X,
            y,
            validate_separately=(
                {"dtype": FLOAT_DTYPES, "ensure_all_finite": self._finite()},
                {"dtype": np.float64, "ensure_all_finite": "allow-nan", "ensure_2d": False},
            ),
        )
        check_consistent_length(X, y)
        self._n_outputs = y.shape[1:]
        ids = np.arange(len(X)) if sample_id is None else sample_id
        return Rows(X, y, check_labels(ids, len(X), "sample_id"))

    def _check_spectra(self, X) -> NDArray:
        """Return float spectra with the channels of fit."""
        finite = self._finite()
        return validate_data(self, X, dtype=FLOAT_DTYPES, ensure_all_finite=finite, reset=False)

    def _finite(self):
        """Return scikit-learn's ``ensure_all_finite`` for `X`: infinities are always refused."""
        return "allow-nan" if self._takes_nan else True

    def _fit_plain(self, rows):
        """Fit the estimator on all rows; there is nothing to transfer."""
        self.source_ = self.target_ = None
        self.transfer_ids_ = rows.ids[:0]
        self._is_adapted = False
        self.estimator_ = self._calibrate(rows)
        return self

    def _calibrate(self, rows: Rows):
        """Return a clone of the estimator (default: cross-validated PLS) fitted on `rows`."""
        n_missing = np.count_nonzero(~np.isfinite(rows.y))
        if n_missing:
            raise ValueError(
                f"Input y contains NaN in {n_missing} of the {rows.y.size} reference values that "
                "the calibration is fitted on. Drop those rows; only target rows may lack labels."
            )
        if self.estimator is None:
            return self._default_calibration(rows)
        return clone(self.estimator).fit(self._as_given(rows.X), rows.y)

    def _default_calibration(self, rows: Rows):
        """Return what ``estimator=None`` stands for, fitted on `rows`."""
        return cross_validated_pls(self._as_given(rows.X), rows.y, rows.ids)

    def _recalibrate(self, rows: Rows):
        """Return the estimator fitted anew on `rows`; a frozen one cannot be."""
        if isinstance(self.estimator, FrozenEstimator):
            raise ValueError(
                f"{type(self).__name__} fits the estimator again, and a FrozenEstimator stays as "
                "it is. Pass the estimator itself, or n_transfer=0."
            )
        return self._calibrate(rows)

    def _choose_standards(self, source, target, *, has_ids):
        """Return the standards of this method, none for a method that reads none."""
        needs_standards = self._needs_pairs or self._needs_labels
        n_transfer = self.n_transfer if needs_standards else 0
        if self._needs_pairs and not has_ids and n_transfer != 0:
            raise ValueError(
                f"{type(self).__name__} with n_transfer={n_transfer} needs paired spectra, and "
                "sample_id is None. Pass sample_id=; rows are never paired by position."
            )
        return choose_standards(
            source,
            target,
            n_transfer=n_transfer,
            needs_pairs=self._needs_pairs,
            needs_labels=self._needs_labels,
            selection=self.selection,
            random_state=self.random_state,
        )

    def _plain_rows(self, instrument, n_samples):
        """Tell which rows `estimator_` predicts as they are: source rows, or all of them."""
        if instrument is None:
            return np.full(n_samples, not self._is_adapted)
        labels = check_labels(instrument, n_samples, "instrument")
        known = [self.source_, self.target_]
        unknown = sorted(set(labels.tolist()) - set(known))
        if unknown:
            raise ValueError(
                f"predict got rows of the instruments {unknown}, and fit learnt source and target "
                f"{known}. Predict only those, or fit with instrument= and these rows."
            )
        return (labels == self.source_) | (not self._is_adapted)

    def _predict_with(self, estimator, X: NDArray) -> NDArray:
        """Return the predictions of `estimator` with the dimensions of the `y` of fit."""
        return np.asarray(estimator.predict(self._as_given(X))).reshape(len(X), *self._n_outputs)

    def _as_given(self, X):
        """Return `X` with the column names of fit: they may be the spectral axis."""
        if not (self._has_frame and hasattr(self, "feature_names_in_")):
            return X
        import pandas as pd

        return pd.DataFrame(X, columns=self.feature_names_in_)

    def __sklearn_tags__(self):
        """Take over what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        if self.estimator is not None:
            inner = get_tags(self.estimator)
            tags.input_tags.allow_nan = self._takes_nan and _allows_nan(self.estimator)
            tags.target_tags.multi_output = inner.target_tags.multi_output
        return tags


def _allows_nan(estimator) -> bool:
    """Read the tag where it is kept: a pipeline's own tag says nothing of its first step."""
    if isinstance(estimator, Pipeline):
        return bool(estimator.steps) and _allows_nan(estimator[0])
    return hasattr(estimator, "fit") and get_tags(estimator).input_tags.allow_nan
