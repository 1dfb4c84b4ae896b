"""Prediction intervals of a transferred calibration."""

from __future__ import annotations

from math import ceil
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import PredefinedSplit
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .._documentation import DocumentedEstimator
from .._frames import take_rows
from .._validation import check_labels
from ._left_out import (
    LeftOut,
    StackedRows,
    as_table,
    fit_rows,
    labelled_targets,
    number_rows,
)

if TYPE_CHECKING:
    from typing_extensions import Self

_MOST_LEFT_OUT_ALONE = 30  # standards; more of them are left out in folds
_FOLDS = 10


class ConformalTransfer(MetaEstimatorMixin, RegressorMixin, DocumentedEstimator):
    r"""Predict with a transferred calibration, and say within which interval the truth lies.

    Every labelled target sample is left out in turn, with all its rows on all instruments, and
    predicted by a transfer that has not seen it. Around the predictions
    :math:`\hat\mu_{-i}(x)` of these n transfers for a new spectrum and their errors
    :math:`R_i = |y_i - \hat\mu_{-i}(x_i)|`, the interval of jackknife+ [1]_ reaches from the
    :math:`\lfloor\alpha(n+1)\rfloor`-th smallest of :math:`\hat\mu_{-i}(x) - R_i` to the
    :math:`\lceil(1-\alpha)(n+1)\rceil`-th smallest of :math:`\hat\mu_{-i}(x) + R_i`, where
    :math:`1-\alpha` is `confidence_level`. It assumes neither a distribution of the errors nor a
    right model, only that the labelled samples and the new one are drawn alike.

    Parameters
    ----------
    estimator : estimator
        A ``*Transfer``, or a `Pipeline` that ends in one. Without `instrument` in fit, any
        regressor.
    confidence_level : float, default=0.9
        Share of new samples whose interval is to hold their reference value; above 0 and below
        1. It takes at least ``confidence_level / (1 - confidence_level)`` labelled target samples:
        9 for 0.9, 19 for 0.95.
    n_splits : int or "auto", default="auto"
        Number of folds that the labelled target samples are left out in; as many as there are
        samples: one by one (jackknife+), fewer: CV+. "auto": one by one up to 30 samples, 10 folds
        beyond. A fit takes one more fits of `estimator` than there are folds.
    n_jobs : int, default=None
        Folds fitted at a time, as in joblib.

    Attributes
    ----------
    estimator_ : estimator
        The estimator, fitted on all rows; its predictions are those of `predict`.
    conformal_ : mapie.regression.CrossConformalRegressor
        What MAPIE has made of the fits without each fold.
    standard_ids_ : ndarray of shape (n_standards,)
        Samples that were left out in turn, sorted.
    n_splits_ : int
        Number of folds.
    n_features_in_ : int
        Number of spectral channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of `X`, where they are all strings.

    See Also
    --------
    ApplicabilityDomain : Whether a spectrum is like those that the calibration knows at all.

    Notes
    -----
    With n samples drawn alike, at least ``2 * confidence_level - 1`` of the new ones are covered
    in the mean over draws, whatever the method (Theorem 1 of [1]_). Where the fits hardly depend on
    one sample it is ``ceil(confidence_level * (n + 1)) / (n + 1)``, 10 / 11 for ten standards, and
    more where they do. One draw of ten standards may well cover 80 % or 100 %.

    What must be drawn alike is who is labelled on the target. That a transfer chooses its
    `n_transfer` standards among them, by Kennard-Stone say, is part of each fit and costs
    nothing. If however only samples at the edge were ever sent to the target, as Kennard-Stone
    picks them, intervals tend to be wider than needed. Source rows of other samples may be chosen
    in any way. A fit without a sample uses as many standards as are left, at most `n_transfer`.

    Of a sample with several target scans the first labelled row counts, as one scan of a new sample
    would. A `FrozenEstimator` trained on the standards makes intervals that are too narrow.

    References
    ----------
    .. [1] Barber, Candès, Ramdas & Tibshirani, Ann. Statist. 49 (2021) 486-507.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skspektron.reliability import ConformalTransfer
    >>> X, y = np.zeros((10, 1)), np.arange(10.0)  # left out: the mean of the others
    >>> model = ConformalTransfer(DummyRegressor(), confidence_level=0.9).fit(X, y)
    >>> y_pred, intervals = model.predict_interval([[0.0]])
    >>> y_pred, intervals
    (array([4.5]), array([[-1.,  10.]]))
    """

    # Read by scikit-learn's metadata routing, so that nobody calls set_fit_request.
    __metadata_request__fit = {"instrument": True, "sample_id": True}  # noqa: RUF012
    __metadata_request__predict = {"instrument": True}  # noqa: RUF012

    def __init__(
        self,
        estimator: Any,
        *,
        confidence_level: float = 0.9,
        n_splits: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
    ):
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.n_splits = n_splits
        self.n_jobs = n_jobs

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator on all rows, and once more without each fold of standards.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of both instruments, stacked.
        y : array-like of shape (n_samples,)
            Reference values of one property; may be NaN except on source rows.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row. None: nothing is transferred, and every sample is left out.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row; a standard leaves with its source rows only if they
            share an id. None: every row is a sample of its own.

        Returns
        -------
        self : ConformalTransfer
            The fitted regressor.

        Raises
        ------
        ValueError
            If `confidence_level` takes more labelled target samples than there are, or `y` has
            several columns.
        ImportError
            If MAPIE is missing.
        """
        fewest, regression = self._check_parameters(), _import_mapie_regression()
        rows = self._check_rows(X, y, instrument, sample_id)
        self.estimator_ = fit_rows(clone(self.estimator), rows)
        at = self._find_standards(rows, fewest)
        self.standard_ids_ = rows.ids[at]
        self.n_splits_ = self._count_folds(len(at))
        conformal = regression.CrossConformalRegressor(
            LeftOut(self.estimator),
            # MAPIE takes ceil((1 - alpha) * (n + 1)), which rounding would lift from 19 to 20.
            confidence_level=self.confidence_level - 1e-9,
            method="plus",
            cv=PredefinedSplit(np.arange(len(at)) % self.n_splits_),
            n_jobs=self.n_jobs,
            random_state=0,  # nothing is drawn; without it MAPIE draws from numpy's global state
        )
        self.conformal_ = conformal.fit_conformalize(
            number_rows(take_rows(rows.X, at), np.arange(len(at))),
            rows.y[at],
            fit_params={"rows": rows, "standards": self.standard_ids_, "whole": self.estimator_},
        )
        return self

    def predict(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray[np.float64]:
        """Predict with the estimator that was fitted on all rows, as its own `predict` does."""
        check_is_fitted(self)
        known = {} if instrument is None else {"instrument": instrument}
        return np.ravel(self.estimator_.predict(X, **known))

    def predict_interval(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return predictions of target spectra and the intervals around them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of the target.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            As `predict` gives it; it may lie outside where fits without a standard differ much.
        intervals : ndarray of shape (n_samples, 2)
            Lower and upper bound, in the unit of the `y` of fit.
        """
        y_pred = self.predict(X)
        numbered = number_rows(X, np.full(len(y_pred), -1.0))
        _, bounds = self.conformal_.predict_interval(numbered, None, allow_infinite_bounds=True)
        return y_pred, bounds[:, :, 0]

    def _check_parameters(self) -> int:
        """Refuse bad parameters; return the fewest standards that the level takes."""
        level, n_splits = self.confidence_level, self.n_splits
        if not isinstance(level, Real) or not 0 < level < 1:
            raise ValueError(f"confidence_level is {level!r}. Pass a number between 0 and 1.")
        if n_splits != "auto" and (not isinstance(n_splits, Integral) or n_splits < 2):
            raise ValueError(f"n_splits is {n_splits!r}. Pass 'auto' or an int of at least 2.")
        return max(2, ceil(level / (1 - level) - 1e-9))  # 0.9 / (1 - 0.9) is 9.000000000000002

    def _check_rows(
        self, X: ArrayLike, y: ArrayLike, instrument: ArrayLike | None, sample_id: ArrayLike | None
    ) -> StackedRows:
        """Return the rows as arrays, the spectra of a frame with its column names."""
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
                f"y has {y.shape[1]} columns, and an interval is that of one property. "
                "Fit one ConformalTransfer for each column."
            )
        given = {"instrument": instrument, "sample_id": sample_id}
        metadata = {
            name: check_labels(values, len(checked), name)
            for name, values in given.items()
            if values is not None
        }
        ids = metadata.get("sample_id", np.arange(len(checked)))
        return StackedRows(as_table(X, checked), column_or_1d(y, warn=True), ids, metadata)

    def _find_standards(self, rows: StackedRows, fewest: int) -> NDArray[np.intp]:
        """Return one labelled target row of every sample, as many as the level takes."""
        at = labelled_targets(self.estimator_, rows)
        if len(at) < fewest:
            highest = 1000 * len(at) // (len(at) + 1) / 1000  # rounded down: it must suffice
            lower = f", or lower confidence_level to {highest} at most" if len(at) > 1 else ""
            raise ValueError(
                f"confidence_level={self.confidence_level} takes at least {fewest} samples with a "
                f"reference value on the target, and the training rows hold {len(at)} samples. "
                f"Measure more{lower}."
            )
        return at

    def _count_folds(self, n_standards: int) -> int:
        """Return the number of folds."""
        if self.n_splits == "auto":
            return n_standards if n_standards <= _MOST_LEFT_OUT_ALONE else _FOLDS
        if self.n_splits > n_standards:
            raise ValueError(
                f"n_splits={self.n_splits} folds are more than the {n_standards} labelled samples. "
                "Lower n_splits, or leave it at 'auto'."
            )
        return int(self.n_splits)

    def __sklearn_tags__(self) -> Any:
        """Take over what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags


def _import_mapie_regression() -> Any:
    """Return MAPIE's module of regressors, or say which extra brings it."""
    try:
        from mapie import regression
    except ImportError as error:
        raise ImportError(
            "ConformalTransfer computes intervals with MAPIE, and MAPIE is not installed. "
            "Install it with pip install 'skspektron[conformal]'."
        ) from error
    return regression
