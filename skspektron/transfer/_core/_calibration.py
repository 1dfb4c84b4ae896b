"""The steps of a calibration: fitting, the last step, its coefficients."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ..._frames import as_frame, installed_kind


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


def fit_calibration(estimator, X, y):
    """Fit an estimator; a function of its own, so that `memory` can know its calls."""
    return estimator.fit(X, y)


def reads_any_grid(estimator) -> bool:
    """Tell whether spectra reach a step that takes any channels before one that needs them all."""
    if isinstance(estimator, FrozenEstimator):
        return reads_any_grid(estimator.estimator)
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        reads = [reads_any_grid(step) for step in steps]
        return any(reads) and all(allows_nan(step) for step in steps[: reads.index(True)])
    return getattr(estimator, "_reads_any_grid", False)


def allows_nan(estimator) -> bool:
    """Read the tag where it is kept: a pipeline's own tag says nothing of its first step."""
    if isinstance(estimator, FrozenEstimator):
        return allows_nan(estimator.estimator)
    if isinstance(estimator, Pipeline):
        return bool(estimator.steps) and allows_nan(estimator[0])
    return hasattr(estimator, "fit") and get_tags(estimator).input_tags.allow_nan
