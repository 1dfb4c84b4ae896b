"""Access to the steps of pipelines and of frozen estimators."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer


def unwrap(estimator: Any) -> Any:
    """Return the estimator inside a `FrozenEstimator`, or the estimator itself."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, nested or frozen ones too, or the estimator."""
    estimator = unwrap(estimator)
    return last_step(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def front_pipeline(estimator: Any) -> Pipeline | None:
    """Return all steps before the last one as a pipeline, None if there are none."""
    steps: list[Any] = []
    while isinstance(estimator := unwrap(estimator), Pipeline):
        steps += [step for _, step in estimator.steps[:-1]]
        estimator = estimator.steps[-1][1]
    return joined(steps) if steps else None


def joined(steps: list[Any]) -> Pipeline:
    """Return a pipeline of steps that may be fitted, followed by an identity.

    A pipeline counts as not fitted if its last step sets no attribute in `fit`, such as an SNV of
    one's own.
    """
    return make_pipeline(*steps, FunctionTransformer())


def split_last_step(estimator: Any) -> tuple[Callable[[Any], Any], Any]:
    """Return a function that applies the steps before the last of a fitted pipeline, and the last.

    For any other estimator the function only converts to an array.
    """
    estimator = unwrap(estimator)
    if not isinstance(estimator, Pipeline):
        return np.asarray, estimator
    front, final = split_last_step(estimator.steps[-1][1])
    if len(estimator) == 1:
        return front, final
    before = joined([step for _, step in estimator.steps[:-1]])
    return partial(_transform, before, front), final


def _transform(steps: Pipeline, front: Callable[[Any], Any], X: Any) -> Any:
    """Return `X` after `steps` and then `front`; a partial of it can be pickled."""
    return front(steps.transform(X))
