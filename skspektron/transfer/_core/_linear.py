"""Transfer methods that change the coefficients of a linear calibration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor

from ..._frames import as_frame, installed_kind
from ._last_step import LastStepTransfer


class LinearTransfer(LastStepTransfer):
    """Predict target spectra with `coef_` and `intercept_`; a method implements `_learn`."""

    coef_: NDArray[Any]
    intercept_: NDArray[Any]

    def _predict_target(self, X: NDArray[Any]) -> NDArray[Any]:
        """Predict with the coefficients of the target."""
        return self._transform_front(X) @ self.coef_ + self.intercept_


def linear_coefficients(final, n_features: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the coefficients (n_features, n_targets) and intercepts of a linear regressor."""
    if isinstance(final, DummyRegressor):  # the calibration if no channel varies with y
        return np.zeros((n_features, final.n_outputs_)), np.ravel(final.constant_)
    if not hasattr(final, "coef_"):
        raise ValueError(
            f"The last step of the calibration must be a linear model, got {type(final).__name__}, "
            "which has no coef_. Use PLSRegression, Ridge or another linear model."
        )
    zero = np.zeros((1, n_features))
    if hasattr(final, "feature_names_in_"):
        zero = as_frame(zero, final.feature_names_in_, installed_kind())
    intercept = np.ravel(final.predict(zero))
    coef = np.asarray(final.coef_, dtype=np.float64).reshape(len(intercept), n_features)
    return coef.T, intercept
