"""Transfer by fitting the last step of the calibration again."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ._frozen import refuse_frozen
from ._last_step import LastStepTransfer
from ._standards import Rows, Standards


class RefittedTransfer(LastStepTransfer):
    """Fit the last step of the calibration again, on what the steps before it make of spectra.

    A method implements `_refit` and `_predict_last`; both see spectra behind those steps.
    """

    _needs_pairs = True

    def _refit(self, source: Rows, standards: Standards, final) -> None:
        """Learn the transfer, given the fitted last step of the calibration."""
        raise NotImplementedError

    def _predict_last(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return predictions for target spectra behind the steps before the last one."""
        raise NotImplementedError

    def _learn(self, source: Rows, target: Rows, standards: Standards) -> None:
        """Hand over spectra as the last step of the calibration sees them."""
        refuse_frozen(self)
        source = replace(source, X=self._transform_front(source.X))
        standards = replace(
            standards,
            X_source=self._transform_front(standards.X_source),
            X_target=self._transform_front(standards.X_target),
        )
        self._refit(source, standards, self._last_step())

    def _predict_target(self, X):
        """Predict with the calibration that was fitted again."""
        return self._predict_last(self._transform_front(X))

    def _fit_final(self, final, X, y):
        """Return a clone of the last step fitted on `X`."""
        return clone(final).fit(self._at_final(X), y)

    def _predict_final(self, final, X):
        """Return the predictions of a last step with the dimensions of the `y` of fit."""
        return np.asarray(final.predict(self._at_final(X))).reshape(len(X), *self._n_outputs)

    def _at_final(self, X):
        """Return `X` with the column names of fit where the last step is the only one."""
        return X if isinstance(self.estimator_, Pipeline) else self._as_given(X)
