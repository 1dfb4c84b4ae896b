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
    weight w is 1 for usual rows. The intercept a belongs to rows with c = 1; with c = 0 a row has
    none, as the difference of two spectra whose predictions should agree (y = 0).

    `mean` (k,) and `y_mean` (q,) are weighted means of the rows with an intercept; `axes` (k, r)
    and `values` (r,) are the eigenvectors and eigenvalues of the weighted covariance matrix about
    them, and `scores` (N, r) the rows along these axes.

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
    has_intercept: NDArray[np.bool_]  # (N,)
    y: NDArray[Any]  # (N, q), less y_mean for rows with an intercept
    shrinkage: NDArray[Any]  # (s, r): 1 / (values + strength)
    coef: NDArray[Any]  # (s, r, q), along the axes

    @classmethod
    def fit(
        cls,
        Phi: NDArray[Any],
        y: NDArray[Any],
        strengths: NDArray[Any],
        weights: NDArray[Any] | None = None,
        has_intercept: NDArray[np.bool_] | None = None,
    ) -> "RidgePath":
        """Fit features (N, k) to values (N, q) with one eigendecomposition."""
        weights = np.ones(len(Phi)) if weights is None else weights
        if has_intercept is None:
            has_intercept = np.ones(len(Phi), dtype=bool)
        shares = np.where(has_intercept, weights, 0.0)
        shares = shares / shares.sum()
        mean, y_mean = shares @ Phi, shares @ y
        rows = np.where(has_intercept[:, None], Phi - mean, Phi)
        y = np.where(has_intercept[:, None], y - y_mean, y)
        weighted = rows * weights[:, None]
        values, axes = np.linalg.eigh(rows.T @ weighted)
        kept = values > ROUNDING * values.max(initial=0.0)
        values, axes = values[kept], axes[:, kept]
        shrinkage = 1 / (values + np.asarray(strengths)[:, None])
        coef = shrinkage[:, :, None] * (axes.T @ (weighted.T @ y))
        scores = rows @ axes
        return cls(mean, y_mean, axes, values, scores, weights, has_intercept, y, shrinkage, coef)

    def predict(self, Phi: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions (s, n, q) for features (n, k)."""
        return ((Phi - self.mean) @ self.axes) @ self.coef + self.y_mean

    def combine(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the coefficients (k, q) and intercepts (q,) of the sum weighted by (s, q)."""
        coef = self.axes @ np.einsum("srq,sq->rq", self.coef, weights)
        return coef, weights.sum(axis=0) * self.y_mean - self.mean @ coef

    def held_out(self, groups: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (s, N, q) of every row by the fit without the rows of its group.

        Exact: with G = Phi (Phi' W Phi + strength)^-1 Phi', 1 / n added for the intercept, the
        residuals of group g are (I - G_gg W_g)^-1 e_g [1]_. Rows of weight 0 are predicted too.

        References
        ----------
        .. [1] Cook & Weisberg, Residuals and Influence in Regression, Chapman & Hall (1982).
        """
        fitted = self.scores @ self.coef  # (s, N, q)
        residuals = np.empty_like(fitted)
        intercept = self.has_intercept / np.sqrt((self.weights * self.has_intercept).sum())
        for rows in _groups_of_one_size(groups, *self.shrinkage.shape):
            scores, offset = self.scores[rows], intercept[rows]  # (g, m, r), (g, m)
            if rows.shape[1] == 1:
                G = (scores[:, 0] ** 2 @ self.shrinkage.T).T[:, :, None, None]
            else:  # (s, g, m, m)
                G = (scores * self.shrinkage[:, None, None]) @ scores.swapaxes(1, 2)
            G = G + offset[:, :, None] * offset[:, None, :]
            inner = np.eye(rows.shape[1]) - G * self.weights[rows][:, None, :]
            error = self.y[rows] - fitted[:, rows]  # (s, g, m, q)
            is_single = rows.shape[1] == 1
            solved = error / inner if is_single else np.linalg.solve(inner, error)
            residuals[:, rows] = solved
        y = self.y + self.has_intercept[:, None] * self.y_mean
        return y - residuals


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
