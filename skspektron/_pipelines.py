"""What pipelines and frozen estimators hold."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags


def unwrap(estimator: Any) -> Any:
    """Return what a `FrozenEstimator` holds, or the estimator itself."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, nested or frozen ones too, or the estimator."""
    estimator = unwrap(estimator)
    return last_step(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def is_supervised(estimator: Any) -> bool:
    """Return whether an estimator, or any that it holds, is fitted to `y`, by its tag."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(get_tags(part).target_tags.required for part in parts if hasattr(part, "fit"))


def split_last_step(estimator: Any) -> tuple[Callable[[Any], Any], Any]:
    """Return a function that applies the steps before the last of a fitted pipeline, and the last.

    Of any other estimator the function only makes an array.
    """
    estimator = unwrap(estimator)
    if not isinstance(estimator, Pipeline):
        return np.asarray, estimator
    front, final = split_last_step(estimator.steps[-1][1])
    if len(estimator) == 1:
        return front, final
    return partial(_transform, estimator[:-1], front), final


def _transform(steps: Pipeline, front: Callable[[Any], Any], X: Any) -> Any:
    """Return `X` after `steps` and then `front`; a partial of it can be pickled."""
    return front(steps.transform(X))
