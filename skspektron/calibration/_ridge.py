"""Ridge regression for many strengths and targets, with exact residuals of held-out groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Eigenvalues below this fraction of the largest count as rounding error.
ROUNDING = 1e-14
# Numbers in the largest intermediate array of a computation by groups.
CHUNK = 4_000_000


@dataclass(frozen=True)
class RidgePath:
    """Ridge regressions of N rows, under s strengths, for q targets [1]_.

    Each minimizes the sum of w (y - c a - phi b)² over the rows plus strength times |b|². The
    weight w is 1 for usual rows. The f coefficients a of the columns c are not penalized. Usual
    rows have one, c = 1 for the intercept; the difference of two spectra whose predictions should
    agree (y = 0) has c = 0.

    `mean` (f, k) and `y_mean` (f, q) are the regressions of features and values on c, the means of
    the rows if c = 1; `axes` (k, r) and `values` (r,) are the eigenvectors and eigenvalues of the
    weighted covariance matrix about them, and `scores` (N, r) the rows along these axes.

    References
    ----------
    .. [1] Golub, Heath & Wahba, Technometrics 21 (1979) 215-223.
    """

    mean: NDArray[Any]
    y_mean: NDArray[Any]
    axes: NDArray[Any]
    values: NDArray[Any]
    scores: NDArray[Any]
    weights: NDArray[Any]  # (N,)
    free: NDArray[Any]  # (N, f), the columns c
    inverse: NDArray[Any]  # (f, f), of free' W free
    y: NDArray[Any]  # (N, q), less free @ y_mean
    shrinkage: NDArray[Any]  # (s, r): 1 / (values + strength)
    coef: NDArray[Any]  # (s, r, q), along the axes

    @classmethod
    def fit(
        cls,
        Phi: NDArray[Any],
        y: NDArray[Any],
        strengths: NDArray[Any],
        weights: NDArray[Any] | None = None,
        free: NDArray[Any] | None = None,
    ) -> "RidgePath":
        """Fit features (N, k) to values (N, q) with one eigendecomposition."""
        weights = np.ones(len(Phi)) if weights is None else weights
        free = np.ones((len(Phi), 1)) if free is None else free
        weighted = free * weights[:, None]
        inverse = _inverse(weighted.T @ free)
        mean, y_mean = inverse @ (weighted.T @ Phi), inverse @ (weighted.T @ y)
        rows, y = Phi - free @ mean, y - free @ y_mean
        weighted = rows * weights[:, None]
        values, axes = np.linalg.eigh(rows.T @ weighted)
        kept = values > ROUNDING * values.max(initial=0.0)
        values, axes = values[kept], axes[:, kept]
        shrinkage = 1 / (values + np.asarray(strengths)[:, None])
        coef = shrinkage[:, :, None] * (axes.T @ (weighted.T @ y))
        scores = rows @ axes
        return cls(mean, y_mean, axes, values, scores, weights, free, inverse, y, shrinkage, coef)

    def coefficients(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return coefficients (s, k, q) and intercepts (s, q) for rows with all c = 1."""
        coef = self.axes @ self.coef
        return coef, self.y_mean.sum(axis=0) - self.mean.sum(axis=0) @ coef

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the coefficients (k, q) and intercepts (q,) of the sum weighted by (s, q)."""
        coef = self.axes @ np.einsum("srq,sq->rq", self.coef, weights)
        y_mean, mean = self.y_mean.sum(axis=0), self.mean.sum(axis=0)
        return coef, weights.sum(axis=0) * y_mean - mean @ coef

    def held_out(self, groups: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (s, N, q) of every row by the fit without the rows of its group.

        Exact: with G = Phi (Phi' W Phi + strength)^-1 Phi' + c (c' W c)^-1 c', the residuals of
        group g are (I - G_gg W_g)^-1 e_g [1]_. Rows of weight 0 are predicted too.

        References
        ----------
        .. [1] Cook & Weisberg, Residuals and Influence in Regression, Chapman & Hall (1982).
        """
        fitted = self.scores @ self.coef  # (s, N, q)
        residuals = np.empty_like(fitted)
        for rows in _groups_of_one_size(groups, *self.shrinkage.shape):
            scores, free = self.scores[rows], self.free[rows]  # (g, m, r), (g, m, f)
            is_single = rows.shape[1] == 1
            if is_single:
                G = (scores[:, 0] ** 2 @ self.shrinkage.T).T[:, :, None, None]
            else:  # (s, g, m, m)
                G = (scores * self.shrinkage[:, None, None]) @ scores.swapaxes(1, 2)
            G = G + free @ self.inverse @ free.swapaxes(1, 2)
            inner = np.eye(rows.shape[1]) - G * self.weights[rows][:, None, :]
            error = self.y[rows] - fitted[:, rows]  # (s, g, m, q)
            residuals[:, rows] = error / inner if is_single else np.linalg.solve(inner, error)
        return self.y + self.free @ self.y_mean - residuals


def _inverse(gram: NDArray[Any]) -> NDArray[Any]:
    """Return the pseudo-inverse of a Gram matrix of columns of any size."""
    size = np.sqrt(np.diag(gram))
    size = np.outer(size, size) + (np.outer(size, size) == 0)
    inverse: NDArray[Any] = np.linalg.pinv(gram / size, hermitian=True) / size
    return inverse


def _groups_of_one_size(groups: NDArray[Any], s: int, r: int) -> Iterator[NDArray[np.intp]]:
    """Yield the rows (g, m) of groups of m rows each; arrays (s, g, m, r + m) are limited."""
    order = np.argsort(groups, kind="stable")
    sizes = np.unique(groups, return_counts=True)[1]
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes):
        first = starts[sizes == size]
        n_groups = max(1, CHUNK // (s * size * (size + r)))
        for at in range(0, len(first), n_groups):
            yield order[first[at : at + n_groups, None] + np.arange(size)]
