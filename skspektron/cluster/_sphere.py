"""Projection of rows on the unit sphere."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import validate_data


def unit_rows(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the rows of `X` scaled to Euclidean norm 1; rows of zeros are unchanged."""
    X = np.asarray(X, dtype=np.float64)
    # Divide by the largest entry first: squares of 1e200 or 1e-200 overflow or underflow.
    largest = np.abs(X).max(axis=1, keepdims=True)
    X = X / np.where(largest == 0, 1.0, largest)
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1.0)


def check_directions(estimator, X: ArrayLike, *, reset: bool = False) -> NDArray[np.float64]:
    """Return the validated rows of `X`, with at least two columns, on the unit sphere."""
    options = {"ensure_min_features": 2} if reset else {}
    X = validate_data(estimator, X, dtype=[np.float64, np.float32], reset=reset, **options)
    return unit_rows(X)


def with_direction(U: NDArray[Any], n_required: int, name: str) -> NDArray[np.float64]:
    """Return the rows of `U` that are not zero; raise if there are fewer than `n_required`."""
    U = U[U.any(axis=1)]
    if len(U) < n_required:
        raise ValueError(
            f"{name} must be at most the number of samples that are not zero, got {n_required} for "
            f"{len(U)} samples. Pass more samples, or a smaller {name}."
        )
    return U
