"""Fitting of a calibration, and whether it accepts missing channels."""

from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ..._pipelines import unwrap


def fit_calibration(estimator, X, y):
    """Fit an estimator; a function, so that `memory` can cache its calls."""
    return estimator.fit(X, y)


def reads_any_grid(estimator) -> bool:
    """Return whether a step that accepts any channels comes before those that need them all."""
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        reads = [reads_any_grid(step) for step in steps]
        return any(reads) and all(allows_nan(step) for step in steps[: reads.index(True)])
    return getattr(estimator, "_reads_any_grid", False)


def allows_nan(estimator) -> bool:
    """Return whether an estimator accepts NaN; of a pipeline, whether its first step does."""
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        return bool(estimator.steps) and allows_nan(estimator[0])
    return hasattr(estimator, "fit") and get_tags(estimator).input_tags.allow_nan
