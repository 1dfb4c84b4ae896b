"""Singular vectors of a few rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Squared singular values below this fraction of the largest count as rounding error.
ROUNDING = 1e-12
# Channels that vary by less than this fraction of the largest value count as constant.
FLAT = 1e-12


def centred(
    X: NDArray[Any], before: NDArray[Any] | None = None, mean: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return `X` minus its column means, exactly zero in columns that are constant up to rounding.

    A regression on the rounding error of a saturated band would have coefficients of 1e12. All
    columns are constant if those of the spectra `before`, which `X` was computed from, are. `mean`
    is subtracted instead, if given.
    """
    flat = is_flat(X)
    if before is not None and is_flat(before).all():
        flat[:] = True
    return np.where(flat, 0.0, X - (X.mean(axis=0) if mean is None else mean))


def is_flat(X: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each column whether it is constant up to rounding."""
    flat: NDArray[np.bool_] = np.ptp(X, axis=0) <= FLAT * np.abs(X).max(initial=0.0)
    return flat


def principal_axes(
    X: NDArray[Any], n_components: int | None, size: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return squared singular values and left singular vectors (n, k) of `X`, largest first.

    k is at most `n_components` and the numerical rank. `size` is the norm of the spectra that `X`
    was computed from: variation within their rounding error does not count. The smaller of the two
    Gram matrices is decomposed.
    """
    is_wide = len(X) <= X.shape[1]
    values, vectors = np.linalg.eigh(X @ X.T if is_wide else X.T @ X)
    rounding = max(X.shape) * np.finfo(np.float64).eps * size
    rank = np.count_nonzero(values > max(ROUNDING * values.max(initial=0.0), rounding**2))
    k = rank if n_components is None else min(rank, n_components)
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    return values, vectors if is_wide else X @ (vectors / np.sqrt(values))
