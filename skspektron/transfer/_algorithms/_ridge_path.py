"""Ridge regression on source rows and a few added rows, for many settings at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._svd import principal_axes

DIFFERENCE_TOLERANCE = 1e-12  # relative to the norm of the spectra


@dataclass(frozen=True)
class RowSpace:
    """Singular value decomposition of centred source rows, computed once for all settings.

    With k directions and q targets: `mean` (p,), `y_mean` (q,), directions `Vt` (k, p), squared
    singular values `values` (k,), `cross` = V'X'y (k, q); `shape` is that of one row of `y`, and
    `n_rows` the number of source rows.
    """

    mean: NDArray[Any]
    y_mean: NDArray[Any]
    Vt: NDArray[Any]
    values: NDArray[Any]
    cross: NDArray[Any]
    shape: tuple[int, ...]
    n_rows: int

    @classmethod
    def of(cls, X: NDArray[Any], y: NDArray[Any], size: float = 0.0) -> "RowSpace":
        """Decompose source rows; `size` is as in `principal_axes`."""
        mean, y_mean = X.mean(axis=0), y.mean(axis=0)
        X, y = X - mean, (y - y_mean).reshape(len(y), -1)
        values, U = principal_axes(X, None, size)
        Vt = (U / np.sqrt(values)).T @ X
        return cls(mean, y_mean.ravel(), Vt, values, Vt @ (X.T @ y), y_mean.shape, len(X))

    def fit_path(
        self, added: NDArray[Any], targets: NDArray[Any], weights: ArrayLike, penalties: ArrayLike
    ) -> "RidgePath":
        """Fit source rows and added rows under every weighting and every ridge penalty.

        The few added rows A enter by the matrix inversion lemma on
        (X'X + penalty I + A' diag(weights) A), whose first two terms are diagonal along V.

        Parameters
        ----------
        added : ndarray of shape (m, p)
            Added rows, less the mean of the source rows.
        targets : ndarray of shape (m, q)
            Values to predict for the added rows, less the mean of `y`.
        weights : array-like of shape (c, m)
            Weightings of the added rows, relative to 1 for a source row. 0 excludes a row.
        penalties : array-like of shape (e,)
            Ridge penalties on the coefficients, above 0.
        """
        weights, penalties = np.asarray(weights, dtype=float), np.asarray(penalties, dtype=float)
        root = np.sqrt(weights)[:, None, :, None]  # (c, 1, m, 1)
        scores = added @ self.Vt.T  # (m, k)
        orthogonal = added @ added.T - scores @ scores.T  # Gram matrix of A - A V V'
        shrinkage = 1 / (self.values + penalties[:, None])  # (e, k)
        source_only = shrinkage[:, :, None] * self.cross  # (e, k, q): without the added rows
        gram = (scores * shrinkage[:, None]) @ scores.T + orthogonal / penalties[:, None, None]
        inner = np.eye(len(added)) + root * gram * root.swapaxes(-1, -2)  # (c, e, m, m)
        residual = targets - scores @ source_only  # (e, m, q)
        dual = root * np.linalg.solve(inner, root * residual)  # (c, e, m, q)
        coef_V = source_only + shrinkage[:, :, None] * (scores.T @ dual)
        return RidgePath(self, added, scores, coef_V, dual / penalties[:, None, None])


@dataclass(frozen=True)
class RidgePath:
    """Ridge regressions under c weightings and e penalties, as combinations of few rows.

    Coefficients are V' `coef_V` (c, e, k, q) plus (A - A V V')' `coef_added` (c, e, m, q), and
    `added_scores` is A V (m, k).
    """

    space: RowSpace
    added: NDArray[Any]
    added_scores: NDArray[Any]
    coef_V: NDArray[Any]
    coef_added: NDArray[Any]

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of every regression, (c, e, n, q)."""
        deviation = X - self.space.mean
        scores = deviation @ self.space.Vt.T
        rest = deviation @ self.added.T - scores @ self.added_scores.T
        return scores @ self.coef_V + rest @ self.coef_added + self.space.y_mean


def scaled_differences(
    X_source: NDArray[Any], X_target: NDArray[Any], mean_square_norm: float
) -> NDArray[Any]:
    """Return the difference spectra of paired rows, scaled to a mean square norm.

    Differences within rounding error of the spectra become zero instead of being scaled up.
    """
    D = X_source - X_target
    unscaled, spectra = mean_square(D), mean_square(X_source) + mean_square(X_target)
    differ = unscaled > DIFFERENCE_TOLERANCE**2 * spectra
    return D * np.sqrt(mean_square_norm / unscaled) if differ else np.zeros_like(D)


def mean_square(X: NDArray[Any]) -> float:
    """Return the mean squared norm of the rows."""
    return float((X**2).sum() / max(len(X), 1))
