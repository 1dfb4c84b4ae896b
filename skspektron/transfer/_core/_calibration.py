"""Fitting of a calibration, and whether it accepts missing channels."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_memory, has_fit_parameter

from ..._axes import CHANNEL_TOLERANCE
from ..._pipelines import unwrap
from ..._validation import check_axis
from ..._warnings import warn_user


def fit_calibration(estimator, X, y, files, metadata):
    """Fit an estimator; a function, so that `memory` can cache its calls.

    `files` is only part of the key: what `weights_files` returns.
    """
    return estimator.fit(X, y, **metadata)


def sample_metadata(estimator, ids) -> dict[str, Any]:
    """Return the ids of the rows by the name under which the last step of an estimator takes them.

    A last step that takes them, such as `SpektronRegressor`, holds out whole samples.
    """
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    if not hasattr(estimator, "fit") or not has_fit_parameter(estimator, "sample_id"):
        return {}
    prefix = "" if get_config()["enable_metadata_routing"] else prefix
    return {f"{prefix}sample_id": ids}


def weights_files(estimator) -> dict[str, str]:
    """Return the SHA-256 of the files that `weights` of an estimator or its steps name."""
    return {
        name: sha256(Path(value).read_bytes()).hexdigest()
        for name, value in estimator.get_params(deep=True).items()
        if _last_part(name) == "weights"
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
            warn_user(
                f"The calibration was fitted, but could not be cached in memory={memory!r}: "
                f"{error}. Pass a writable folder with free disk space, or memory=None.",
            )
            return result

    return call


def given_axis(
    estimator: Any, n_columns: int, names: NDArray[Any] | None
) -> NDArray[np.float64] | None:
    """Return the axis in cm-1 that an estimator or one of its steps is given for all columns.

    It warns if the `names` of the columns are another axis.
    """
    for name, axis in _axes(estimator).items():
        if len(axis) == n_columns:
            given: Any = {_last_part(name): axis}
            return check_axis(**given, n_features=n_columns, feature_names=names)
    return None


def cut_axes(
    estimator: Any, columns: NDArray[np.intp], n_columns: int, axis: NDArray[Any] | None
) -> Any:
    """Set the axes that an estimator or its steps are given to those of some columns.

    An axis of all `n_columns` is cut, and so is one that contains the channels of the columns, as
    that of the source alone. `axis` is that of all columns in cm-1, None if it is not needed.
    """
    parameters = estimator.get_params(deep=True)
    frozen = tuple(f"{n}__" for n, v in parameters.items() if isinstance(v, FrozenEstimator))
    for name, given in _axes(estimator).items():
        if name.startswith(frozen):
            continue
        if len(given) == n_columns:
            estimator.set_params(**{name: np.asarray(given)[columns]})
        elif axis is not None and len(given) > len(columns):
            own: Any = check_axis(**{_last_part(name): given}, n_features=len(given))
            near = np.isclose(own, axis[columns][:, None], rtol=CHANNEL_TOLERANCE, atol=0)
            if near.any(axis=1).all():
                estimator.set_params(**{name: np.asarray(given)[near.argmax(axis=1)]})
    return estimator


def _axes(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator and its steps that are one axis, by name."""
    return {
        name: value
        for name, value in estimator.get_params(deep=True).items()
        if _last_part(name) in ("wavelength", "wavenumber") and np.ndim(value) == 1
    }


def _last_part(name: str) -> str:
    """Return the name of a parameter without those of the steps it belongs to."""
    return name.rpartition("__")[2]


def is_frozen_with_gaps(estimator, n_columns: int) -> bool:
    """Return whether an estimator or a step of it was frozen on all columns and accepts gaps."""
    if isinstance(estimator, FrozenEstimator):
        n_features = getattr(estimator, "n_features_in_", None)
        return n_features == n_columns and _reads_any_grid(estimator)
    steps = estimator.steps if isinstance(estimator, Pipeline) else []
    return any(is_frozen_with_gaps(step, n_columns) for _, step in steps)


def _reads_any_grid(estimator) -> bool:
    """Return whether a step that accepts any channels comes before those that need them all."""
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        reads = [_reads_any_grid(step) for step in steps]
        return any(reads) and all(allows_nan(step) for step in steps[: reads.index(True)])
    return getattr(estimator, "_reads_any_grid", False)


def allows_nan(estimator) -> bool:
    """Return whether an estimator accepts NaN; of a pipeline, whether its first step does."""
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        return bool(estimator.steps) and allows_nan(estimator[0])
    return hasattr(estimator, "fit") and get_tags(estimator).input_tags.allow_nan
