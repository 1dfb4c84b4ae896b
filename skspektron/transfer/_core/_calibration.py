"""Fitting of a calibration, and whether it accepts missing channels."""

import os
import warnings
from hashlib import sha256
from pathlib import Path

from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_memory

from ..._pipelines import unwrap


def fit_calibration(estimator, X, y, files):
    """Fit an estimator; a function, so that `memory` can cache its calls.

    `files` is only part of the key: what `weights_files` returns.
    """
    return estimator.fit(X, y)


def weights_files(estimator) -> dict[str, str]:
    """Return the SHA-256 of the files that `weights` of an estimator or its steps name."""
    return {
        name: sha256(Path(value).read_bytes()).hexdigest()
        for name, value in estimator.get_params(deep=True).items()
        if name.rpartition("__")[2] == "weights"
        and isinstance(value, str | os.PathLike)
        and Path(value).is_file()
    }


def cached(function, memory):
    """Return `function` cached by `memory`, not cached if its folder cannot be used."""
    if memory is None:
        return function

    def call(*args):
        try:
            return check_memory(memory).cache(function)(*args)
        except OSError as error:
            result = function(*args)  # raises again if the error is not one of the folder
            warnings.warn(
                f"The calibration was fitted, but could not be cached in memory={memory!r}: "
                f"{error}. Pass a writable folder with free disk space, or memory=None.",
                stacklevel=2,
            )
            return result

    return call


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
