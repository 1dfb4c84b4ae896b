"""Transfer methods that map target spectra to source spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from ..._threads import one_thread_if_small
from ._base import BaseTransfer
from ._instruments import read_to_predict


class MappedTransfer(OneToOneFeatureMixin, TransformerMixin, BaseTransfer):
    """Map target spectra to the source, then predict; a method implements `_learn` and `_map`."""

    __metadata_request__transform = {"instrument": True}  # noqa: RUF012

    @one_thread_if_small
    def transform(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray[Any]:
        """Return target spectra as the source instrument would have measured them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row, of `source_` or `target_`; source rows are not changed, those
            of other channels than the first source's only interpolated. None: all rows are target
            spectra.

        Returns
        -------
        X_source : ndarray of shape (n_samples, n_source_channels)
            Mapped spectra on the channels `source_channels_`; unchanged after a fit without
            instruments.
        """
        check_is_fitted(self)
        X, position = read_to_predict(self, X, instrument)
        is_source = position >= 0
        self._refuse_unmeasured(X, position)
        mapped = np.array(self._layout.grids.on_source(X, position))
        if not is_source.all():
            mapped[~is_source] = self._map_moved(X[~is_source])
        return mapped

    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """Fit on stacked rows and return them with the target rows mapped.

        Parameters
        ----------
        X, y, instrument, sample_id
            As in ``fit``, without rows of other instruments.

        Returns
        -------
        X_source : ndarray of shape (n_samples, n_source_channels)
            All rows as if the source instrument had measured them.
        """
        self.fit(X, y, instrument=instrument, sample_id=sample_id)
        return self.transform(X, instrument=instrument)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the source's channels.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of `X`. None: those of the `X` of ``fit``.

        Returns
        -------
        feature_names_out : ndarray of str
            One name per column of the mapped spectra.
        """
        return super().get_feature_names_out(input_features)[self.source_channels_]

    def _refuse_unmeasured(self, X, position) -> None:
        """Refuse NaN in channels of a row's instrument if the estimator does."""
        if not get_tags(self).input_tags.allow_nan:
            for k in np.unique(position):
                part = X[position == k][:, self._layout.grids.own_channels(k)]
                assert_all_finite(part, estimator_name=type(self).__name__, input_name="X")

    def _map_moved(self, X):
        """Return target rows mapped, or only interpolated without an adaptation."""
        if self._is_adapted:
            return self._map(self._layout.of_target(X))
        return self._layout.grids.to_source(X)

    def _map(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return target spectra mapped to the source, after `_learn`."""
        raise NotImplementedError

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict mapped spectra with the source calibration."""
        return self._predict_with(self.estimator_, self._map(X))
