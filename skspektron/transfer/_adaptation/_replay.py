"""Source rows and labels that a low-rank adapter is trained on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from ...metrics._variance import nonzero_variance
from .._core._grids import find_grids
from .._core._standards import channel_means

RIDGE_PENALTIES = np.logspace(-6, 3, 19)  # in units of the variance of the embeddings


def as_on_target(
    X: NDArray[Any],
    X_source_std: NDArray[Any],
    X_target_std: NDArray[Any],
    wavenumber: NDArray[Any],
) -> NDArray[Any]:
    """Return source rows `X` shifted by the mean difference of the standards.

    Where the target measures channels that the source does not, the rows are first interpolated at
    the target's channels; channels outside the range of the source stay NaN.
    """
    measured = np.isfinite(X_target_std).any(axis=0), np.isfinite(X).any(axis=0)
    if (measured[0] & ~measured[1]).any():
        grids = find_grids(X_target_std, X, wavenumber=wavenumber)  # from source to target
        X, X_source_std = (_interpolated(rows, grids) for rows in (X, X_source_std))
    return X + channel_means(X_target_std - X_source_std)


def _interpolated(X, grids):
    """Return spectra on the other grid, in the columns of the stacked layout."""
    moved = np.full(X.shape, np.nan)
    moved[:, grids.source] = grids.to_source(X)
    return moved


def standardize(
    y: NDArray[Any], y_std: NDArray[Any], expected: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return standardized labels (n, n_targets) of source rows and of standards.

    Both are centred and scaled by the source rows. Missing labels of standards are replaced by
    their `expected` values.
    """
    y, y_std, expected = (values.reshape(len(values), -1) for values in (y, y_std, expected))
    mean, scale = y.mean(axis=0), np.sqrt(nonzero_variance(y))
    return (y - mean) / scale, (np.where(np.isfinite(y_std), y_std, expected) - mean) / scale


def linear_head(Z: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return coefficients (n_outputs, n_targets) and intercepts of a ridge on embeddings.

    The penalty with the smallest leave-one-out error on the source rows is taken.
    """
    ridge = RidgeCV(RIDGE_PENALTIES * Z.var(axis=0, ddof=0).sum()).fit(Z, y)
    return ridge.coef_.reshape(y.shape[1], -1).T, np.atleast_1d(ridge.intercept_)
