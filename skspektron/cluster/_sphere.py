"""Rows of any length become points of the unit sphere."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import validate_data


def unit_rows(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the rows of `X` with Euclidean norm 1; a row of zeros stays one."""
    X = np.asarray(X, dtype=np.float64)
    # The largest entry first: squares of 1e200 or 1e-200 would leave the range of floats.
    largest = np.abs(X).max(axis=1, keepdims=True)
    X = X / np.where(largest == 0, 1.0, largest)
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1.0)


def check_directions(estimator, X: ArrayLike, *, reset: bool = False) -> NDArray[np.float64]:
    """Return the rows of a user's `X` on the unit sphere, which takes two dimensions."""
    options = {"ensure_min_features": 2} if reset else {}
    X = validate_data(estimator, X, dtype=[np.float64, np.float32], reset=reset, **options)
    return unit_rows(X)


def with_direction(U: NDArray[Any], n_needed: int, name: str) -> NDArray[np.float64]:
    """Return the rows of `U` that are not zero; refuse fewer than `n_needed`."""
    U = U[U.any(axis=1)]
    if len(U) < n_needed:
        raise ValueError(
            f"X has {len(U)} samples that are not zero, {name} needs {n_needed}. "
            f"Pass more samples, or a smaller {name}."
        )
    return U
