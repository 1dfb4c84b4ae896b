"""Base class of the transfer methods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from ..._fitting import unfitted_on_failure
from ..._frames import frame_kind, with_text_names
from ..._parameters import Rules, check_parameters
from ..._samples import number_samples
from ..._threads import one_thread_if_small
from ..._typing import InstrumentName, MemoryLike, RandomState, Selection, Sources
from ..._validation import check_labels
from .._algorithms._pls import cross_validated_pls
from ._calibration import (
    allows_nan,
    cached,
    cut_axes,
    fit_calibration,
    given_axis,
    is_frozen_with_gaps,
    sample_metadata,
    weights_files,
)
from ._frozen import check_frozen_channels, check_prefit, is_frozen_without_names, refuse_frozen
from ._grids import SPECTRUM_DTYPES, Layout, find_grids, whole_grid
from ._instruments import positions, read_to_predict, resolve_instruments, split_instruments
from ._parameters import SHARED
from ._search_warnings import warn_without_transfer
from ._standards import Rows, Standards, choose_standards
from ._standards_check import check_standards, unchecked
from ._summary import SummarizedTransfer

if TYPE_CHECKING:
    from typing_extensions import Self


class BaseTransfer(MetaEstimatorMixin, RegressorMixin, SummarizedTransfer):
    """Fit a calibration on the source rows, learn from standards, predict target spectra.

    A method implements `_learn` and `_predict_target`, and declares in class attributes what a
    standard must have. Both methods get target spectra interpolated at the source's channels,
    unless `_keeps_target_grid` is set.
    """

    # scikit-learn's metadata routing reads these, so that set_fit_request is not needed.
    __metadata_request__fit = {"instrument": True, "sample_id": True}  # noqa: RUF012
    __metadata_request__predict = {"instrument": True}  # noqa: RUF012

    _parameters: ClassVar[Rules] = SHARED
    _needs_pairs = False  # standards must be measured on both instruments
    _needs_labels = False  # standards must have finite reference values
    _learns_unlabelled = False  # `_learn` is called with no standards too
    _takes_nan = True  # the estimator decides whether it accepts NaN in `X`
    _when_slow = (  # see advise_if_slow
        "In a search, pass n_jobs= for parallel fits and memory= to fit each calibration once."
    )
    _uses_labels = False  # reference values of standards are used if there are any
    _takes_weights = False  # `_learn` uses the weights of standards; otherwise bad ones are absent
    _keeps_target_grid = False  # target spectra are passed on the target's own channels

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
    ):
        self.estimator = estimator
        self.source = source
        self.target = target
        self.n_transfer = n_transfer
        self.selection = selection
        self.random_state = random_state
        self.memory = memory
        self.trained_on = trained_on
        self.bad_standards = bad_standards

    @unfitted_on_failure
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator on the source rows and learn the transfer from the standards.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra of source and target, stacked; rows of other instruments are ignored. Channels
            that an instrument does not measure are NaN in all its rows, as `stack_instruments`
            returns them; the calibration then uses the channels of the (first) source within the
            range of all others.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Reference values; NaN where unknown, which source rows must not have.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row; `NoTransfer` needs source rows only. None: fit the estimator
            on all rows, without a transfer; a warning says so if `source` or `target` is set.
        sample_id : array-like of shape (n_samples,), default=None
            Physical sample of each row; rows of one sample are paired across instruments, and
            replicates are averaged. None: every row is a separate sample, without a pair. Other
            names, or another order of the rows, give the same fit.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        self._check_parameters()
        rows = self._check_rows(X, y, sample_id)
        has_ids = sample_id is not None
        check_prefit(self.estimator, self.trained_on, rows.ids, has_ids=has_ids)
        if instrument is None:
            warn_without_transfer(self)
            return self._fit_plain(rows)
        source, target, names = self._split_instruments(rows, instrument)
        source, target = self._lay_out(source, target)
        self._start_summary(source, target)
        self.estimator_ = self._calibrate(source)
        standards = self._choose_standards(source, target, has_ids=has_ids)
        self.transfer_ids_ = names[standards.ids]
        standards, self.standards_ = check_standards(self, source, standards, names)
        self._is_adapted = len(standards) > 0 or self._learns_unlabelled
        if self._is_adapted:
            self._learn(source, target, standards)
        return self

    @one_thread_if_small
    def predict(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray[Any]:
        """Predict the reference values of target spectra, and of source rows marked as such.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra in the columns of `fit`. If the target has fewer channels than that, target
            spectra on its own channels `target_channels_`, (n_samples, n_target_channels), are
            accepted too. Columns that name channels may be in any order.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row, of `source_` or `target_`; source rows are predicted by
            `estimator_`. None: all rows are target spectra.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions in the unit of the `y` of `fit`.
        """
        check_is_fitted(self)
        X, position = read_to_predict(self, X, instrument)
        is_source = position >= 0
        y = np.empty((len(X), *self._n_outputs))
        if is_source.any():
            X_source = self._layout.grids.on_source(X[is_source], position[is_source])
            y[is_source] = self._predict_source(X_source)
        if not is_source.all():
            y[~is_source] = self._predict_moved(X[~is_source])
        return y

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Learn the transfer; the reference values in `target` must not be read."""
        raise NotImplementedError

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return predictions for target spectra, after `_learn`."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Refuse invalid parameters before anything is fitted; methods add combinations."""
        check_parameters(self)

    def _check_rows(self, X, y, sample_id) -> Rows:
        """Return float spectra, reference values and ids; NaN is checked later."""
        X, frame = with_text_names(X), frame_kind(X)
        X, y = validate_data(
            self,
            X,
            y,
            validate_separately=(
                {"dtype": SPECTRUM_DTYPES, "ensure_all_finite": "allow-nan"},
                {"dtype": np.float64, "ensure_all_finite": "allow-nan", "ensure_2d": False},
            ),
        )
        check_consistent_length(X, y)
        self._n_outputs = y.shape[1:]
        names = getattr(self, "feature_names_in_", None)
        self._layout = Layout(whole_grid(X.shape[1]), names, frame, self._keeps_target_grid)
        ids = np.arange(len(X)) if sample_id is None else sample_id
        return Rows(X, y, check_labels(ids, len(X), "sample_id"))

    def _split_instruments(self, rows: Rows, instrument) -> tuple[Rows, Rows, NDArray[Any]]:
        """Return the rows of source and target with numbered samples, and the ids by number."""
        labels = check_labels(instrument, len(rows.X), "instrument")
        uses_standards = self.n_transfer != 0 and (self._needs_pairs or self._needs_labels)
        needed = self._learns_unlabelled or uses_standards  # whether target rows are
        self.source_, self.target_ = resolve_instruments(labels, self.source, self.target, needed)
        return split_instruments(rows, positions(labels, self.source_, self.target_))

    def _lay_out(self, source: Rows, target: Rows) -> tuple[Rows, Rows]:
        """Return the rows of both instruments on the channels to use."""
        first, *more = (rows.X for rows in source.by_source())
        self._layout = self._layout.remembering(first, target.X, *more)
        other = target.X if len(target.X) else first  # without target rows, the same channels
        if self._leaves_gaps():
            own = np.flatnonzero(np.isfinite(other).any(axis=0))
            self._layout = replace(self._layout, own_target=own)
        else:
            grids = find_grids(first, other, more, wavenumber=self._column_axis())
            self._layout = replace(self._layout, grids=grids)
        grids = self._layout.grids
        self.source_channels_, self.target_channels_ = grids.source, grids.target
        source = replace(source, X=grids.on_source(source.X, source.position))
        check_frozen_channels(self.estimator, source.X.shape[1])
        self._check_finite(source.X, grids.on_target(target.X))
        return source, replace(target, X=self._layout.of_target(target.X))

    def _leaves_gaps(self) -> bool:
        """Return whether the estimator itself handles unmeasured channels."""
        if not self._takes_nan or self.estimator is None:
            return False
        return is_frozen_with_gaps(self.estimator, self.n_features_in_) or (
            allows_nan(self.estimator) and self._column_axis() is None
        )

    def _column_axis(self) -> NDArray[Any] | None:
        """Return the axis of all columns in cm-1, from parameters or the names of the columns."""
        axis = given_axis(self, self.n_features_in_, self._layout.names)
        return self._layout.named_axis if axis is None else axis

    def _check_finite(self, *spectra: NDArray[Any]) -> None:
        """Refuse NaN if the method needs every channel."""
        for X in spectra if not self._takes_nan else ():
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")

    def _fit_plain(self, rows):
        """Fit the estimator on all rows, without a transfer."""
        self._check_finite(rows.X)
        self._layout = self._layout.remembering(rows.X)
        self.source_ = self.target_ = None
        self.transfer_ids_, self.standards_ = rows.ids[:0], unchecked(rows.ids[:0])
        rows = replace(rows, ids=number_samples(rows.X, rows.ids, rows.y)[0])
        self._start_summary(rows)
        self._is_adapted = False
        self.source_channels_ = self.target_channels_ = self._layout.grids.source
        self.estimator_ = self._calibrate(rows)
        return self

    def _calibrate(self, rows: Rows, channels: NDArray[Any] | None = None):
        """Return a clone of the estimator (default: cross-validated PLS) fitted on `rows`."""
        n_missing = np.count_nonzero(~np.isfinite(rows.y))
        if n_missing:
            raise ValueError(
                f"Input y contains NaN in {n_missing} of the {rows.y.size} reference values that "
                "the calibration is fitted on. Drop those rows; only target rows may have NaN."
            )
        if isinstance(self.estimator, FrozenEstimator):
            return self.estimator
        X = self._layout.as_given(rows.X, channels)
        if self.estimator is None:
            return self._default_calibration(X, rows.y, rows.ids)
        files, metadata = weights_files(self.estimator), sample_metadata(self.estimator, rows.ids)
        grids = self._layout.grids
        columns = grids.source if channels is None else channels
        estimator = cut_axes(clone(self.estimator), columns, grids.n_columns, grids.axis)
        return self._cached(fit_calibration)(estimator, X, rows.y, files, metadata)

    def _default_calibration(self, X, y: NDArray[Any], ids: NDArray[Any]):
        """Return the calibration of ``estimator=None``, fitted on `X` and `y`."""
        return self._cached(cross_validated_pls)(X, y, ids)

    def _cached(self, function):
        """Return `function` cached by `memory`: folds with the same source rows fit once."""
        return cached(function, self.memory)

    def _recalibrate(self, rows: Rows, channels: NDArray[Any] | None = None):
        """Return the estimator fitted on `rows`; a frozen one is refused."""
        refuse_frozen(self)
        return self._calibrate(rows, channels)

    def _choose_standards(self, source, target, *, has_ids):
        """Return the standards, none for a method that uses none."""
        n_transfer = self.n_transfer if self._needs_pairs or self._needs_labels else 0
        if self._needs_pairs and not has_ids and n_transfer != 0:
            raise ValueError(
                f"{type(self).__name__} with n_transfer={n_transfer} needs paired spectra, and "
                "sample_id is None. Pass sample_id=: rows are not paired by position."
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

    def _columns_of(self, instrument) -> NDArray[np.intp]:
        """Return the columns that are used of an instrument, by default of the target."""
        position = positions(np.array([instrument]), self.source_, self.target_)[0]
        return self._layout.grids.own_channels(position)

    def _predict_moved(self, X):
        """Return predictions for target rows; without an adaptation, as for source spectra."""
        if self._is_adapted:
            return self._predict_target(self._layout.of_target(X))
        return self._predict_source(self._layout.grids.to_source(X))

    def _predict_with(
        self, estimator, X: NDArray[Any], channels: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the predictions of `estimator` in the shape of the `y` of fit."""
        if not is_frozen_without_names(estimator):
            X = self._layout.as_given(X, channels)
        y = np.asarray(estimator.predict(X), dtype=np.float64)
        return y.reshape(len(X), *self._n_outputs)

    def _predict_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of the source calibration."""
        return self._predict_with(self.estimator_, X)

    def __sklearn_tags__(self):
        """Return the tags, with those of the estimator for NaN and several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        if self.estimator is not None:
            tags.input_tags.allow_nan = self._takes_nan and allows_nan(self.estimator)
            tags.target_tags.multi_output = get_tags(self.estimator).target_tags.multi_output
        return tags
