"""Ridge regression on source rows and a few added rows, for many settings at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._svd import principal_axes

ROUNDING = 1e-12  # relative to the spectra


@dataclass(frozen=True)
class RowSpace:
    """Source rows in coordinates of their own: one decomposition serves all settings.

    With k directions and q targets: `mean` (p,), `level` (q,), directions `Vt` (k, p), squared
    singular values `values` (k,), `cross` = V'X'y (k, q); `shape` is that of one row of `y`, and
    there are `n_rows` source rows.
    """

    mean: NDArray[Any]
    level: NDArray[Any]
    Vt: NDArray[Any]
    values: NDArray[Any]
    cross: NDArray[Any]
    shape: tuple[int, ...]
    n_rows: int

    @classmethod
    def of(cls, X: NDArray[Any], y: NDArray[Any], size: float = 0.0) -> "RowSpace":
        """Decompose source rows; `size` is as in `principal_axes`."""
        mean, level = X.mean(axis=0), y.mean(axis=0)
        X, y = X - mean, (y - level).reshape(len(y), -1)
        values, U = principal_axes(X, None, size)
        Vt = (U / np.sqrt(values)).T @ X
        return cls(mean, level.ravel(), Vt, values, Vt @ (X.T @ y), level.shape, len(X))

    def fit_path(
        self, added: NDArray[Any], goals: NDArray[Any], weights: ArrayLike, ridges: ArrayLike
    ) -> "RidgePath":
        """Fit source rows and added rows under every weighting and every ridge.

        The added rows A are few, so they enter by the matrix inversion lemma on
        (X'X + ridge I + A' diag(weights) A), whose first two terms are diagonal along V.

        Parameters
        ----------
        added : ndarray of shape (m, p)
            Rows on the scale of centred source rows.
        goals : ndarray of shape (m, q)
            What they are to be predicted as, from the mean of `y`.
        weights : array-like of shape (c, m)
            Weightings of the added rows; a source row weighs 1. 0: as if it were not there.
        ridges : array-like of shape (e,)
            Penalties on the coefficients, above 0.
        """
        weights, ridges = np.asarray(weights, dtype=float), np.asarray(ridges, dtype=float)
        root = np.sqrt(weights)[:, None, :, None]  # (c, 1, m, 1)
        along_V = added @ self.Vt.T  # (m, k)
        outside = added @ added.T - along_V @ along_V.T  # what of A A' is not along V
        shrunk = 1 / (self.values + ridges[:, None])  # (e, k)
        alpha = shrunk[:, :, None] * self.cross  # (e, k, q): without the added rows
        gram = (along_V * shrunk[:, None]) @ along_V.T + outside / ridges[:, None, None]
        inner = np.eye(len(added)) + root * gram * root.swapaxes(-1, -2)  # (c, e, m, m)
        missed = goals - along_V @ alpha  # (e, m, q)
        across = root * np.linalg.solve(inner, root * missed)  # (c, e, m, q)
        along = alpha + shrunk[:, :, None] * (along_V.T @ across)
        return RidgePath(self, added, along_V, along, across / ridges[:, None, None])


@dataclass(frozen=True)
class RidgePath:
    """Ridge regressions under c weightings and e ridges, as combinations of few rows.

    Coefficients are V' `along` (c, e, k, q) plus (A - A V V')' `across` (c, e, m, q).
    """

    space: RowSpace
    added: NDArray[Any]
    along_V: NDArray[Any]
    along: NDArray[Any]
    across: NDArray[Any]

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of every regression, (c, e, n, q)."""
        deviation = X - self.space.mean
        scores = deviation @ self.space.Vt.T
        rest = deviation @ self.added.T - scores @ self.along_V.T
        return scores @ self.along + rest @ self.across + self.space.level

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weighted sum of coefficients (p, q) and of intercepts (q,).

        `weights` (c, e, q) need not add up to 1: the regressions may be part of a larger mean.
        """
        along = np.einsum("cekq,ceq->kq", self.along, weights)
        across = np.einsum("cemq,ceq->mq", self.across, weights)
        coef = self.space.Vt.T @ (along - self.along_V.T @ across) + self.added.T @ across
        return coef, weights.sum(axis=(0, 1)) * self.space.level - self.space.mean @ coef


def scaled_differences(
    X_source: NDArray[Any], X_target: NDArray[Any], length: float
) -> NDArray[Any]:
    """Return difference spectra of paired rows, with the mean square `length`.

    Where the instruments agree, rounding must not be blown up to that length: it is zero.
    """
    D = X_source - X_target
    size, level = mean_square(D), mean_square(X_source) + mean_square(X_target)
    return D * np.sqrt(length / size) if size > ROUNDING**2 * level else np.zeros_like(D)


def mean_square(X: NDArray[Any]) -> float:
    """Return the mean squared length of the rows."""
    return float((X**2).sum() / max(len(X), 1))
