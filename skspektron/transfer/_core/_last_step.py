"""Transfer methods that change the last step of a calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._base import BaseTransfer
from ._calibration import split_calibration


class LastStepTransfer(BaseTransfer):
    """Change the last step of the calibration, on what the steps before it make of spectra."""

    _takes_nan = False

    def _last_step(self):
        """Return the fitted last step of the calibration."""
        return split_calibration(self.estimator_)[1]

    def _transform_front(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return spectra as the last step of the calibration sees them."""
        front, _ = split_calibration(self.estimator_)
        return np.asarray(front(self._as_given(X)), dtype=np.float64)


class LinearTransfer(LastStepTransfer):
    """Predict target spectra with `coef_` and `intercept_`; a method implements `_learn`."""

    coef_: NDArray[Any]
    intercept_: NDArray[Any]

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict with the coefficients of the target."""
        return self._transform_front(X) @ self.coef_ + self.intercept_
