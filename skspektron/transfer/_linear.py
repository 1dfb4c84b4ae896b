"""The last step of a calibration, and its coefficients."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._frames import as_frame, installed_kind


def split_calibration(estimator) -> tuple[Callable[[Any], Any], object]:
    """Return what a fitted calibration does before its last step, and the last step.

    Methods that change the calibration itself work on what its last step sees: behind the
    preprocessing, or behind an embedding.
    """
    if isinstance(estimator, FrozenEstimator):
        return split_calibration(estimator.estimator)
    if isinstance(estimator, Pipeline):
        front, final = split_calibration(estimator.steps[-1][1])
        if len(estimator) == 1:
            return front, final
        steps = estimator[:-1]
        return partial(_through, steps, front), final
    return np.asarray, estimator


def _through(steps, front, X):
    """Return `X` behind `steps` and then `front`; a partial of it can be pickled."""
    return front(steps.transform(X))


def linear_coefficients(final, n_features: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the coefficients (n_features, n_targets) and intercepts of a linear regressor."""
    if isinstance(final, DummyRegressor):  # what PLS is where nothing varies with y
        return np.zeros((n_features, final.n_outputs_)), np.ravel(final.constant_)
    if not hasattr(final, "coef_"):
        raise ValueError(
            f"The calibration ends in {type(final).__name__}, which has no coef_, and the method "
            "changes linear coefficients. End it in PLSRegression, Ridge or another linear model."
        )
    zero = np.zeros((1, n_features))
    if hasattr(final, "feature_names_in_"):
        zero = as_frame(zero, final.feature_names_in_, installed_kind())
    intercept = np.ravel(final.predict(zero))
    coef = np.asarray(final.coef_, dtype=np.float64).reshape(len(intercept), n_features)
    return coef.T, intercept
