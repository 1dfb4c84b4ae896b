"""Transfer methods that turn target spectra into source spectra."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from ._base import BaseTransfer


class MappedTransfer(OneToOneFeatureMixin, TransformerMixin, BaseTransfer):
    """Predict target spectra by mapping them first; a method implements `_learn` and `_map`."""

    __metadata_request__transform = {"instrument": True}  # noqa: RUF012

    def transform(self, X: ArrayLike, *, instrument: ArrayLike | None = None) -> NDArray:
        """Return target spectra as the source instrument would have measured them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Spectra.
        instrument : array-like of shape (n_samples,), default=None
            Instrument of each row, `source_` or `target_`: source rows stay as they are. None:
            all rows are target spectra.

        Returns
        -------
        X_source : ndarray of shape (n_samples, n_features)
            Mapped spectra; as given where nothing was transferred.
        """
        check_is_fitted(self)
        X = self._check_spectra(X)
        if not get_tags(self).input_tags.allow_nan:
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        is_plain = self._plain_rows(instrument, len(X))
        if is_plain.all():
            return X.copy()
        mapped = self._map(X)
        return np.where(is_plain[:, None], X, mapped).astype(X.dtype, copy=False)

    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        sample_id: ArrayLike | None = None,
    ) -> NDArray:
        """Fit on stacked rows and return them with the target rows mapped.

        Parameters
        ----------
        X, y, instrument, sample_id
            As in ``fit``, without rows of other instruments.

        Returns
        -------
        X_source : ndarray of shape (n_samples, n_features)
            All rows as if the source instrument had measured them.
        """
        self.fit(X, y, instrument=instrument, sample_id=sample_id)
        return self.transform(X, instrument=instrument)

    def _map(self, X: NDArray) -> NDArray:
        """Return target spectra mapped to the source, once `_learn` has run."""
        raise NotImplementedError

    def _predict_target(self, X: NDArray) -> NDArray:
        """Predict mapped spectra with the source calibration."""
        return self._predict_with(self.estimator_, self._map(X))
