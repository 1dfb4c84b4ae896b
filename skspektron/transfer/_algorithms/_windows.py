"""Regression of every source channel on a window of target channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ._svd import ROUNDING

NEARLY_SINGULAR = 1e-9  # below this penalty, small eigenvalues are set to 0 and not inverted


@dataclass(frozen=True)
class Windows:
    """A window of target channels for every source channel.

    `channels` (n_source, w) are indices of target channels, also beyond the edges. The regression
    of a source channel pools the windows of `n_pooled` source channels around it.
    """

    channels: NDArray[np.intp]
    n_target: int
    n_pooled: int

    @classmethod
    def around(cls, centres: NDArray[Any], window_length, n_target: int) -> "Windows":
        """Return a window around each of `centres`, truncated at the edges."""
        pair = isinstance(window_length, tuple | list)
        length, n_pooled = window_length if pair else (window_length, 1)
        half = min(length // 2, n_target - 1)
        return cls(centres[:, None] + np.arange(-half, half + 1), n_target, n_pooled)

    def regress(self, X: NDArray[Any], Y: NDArray[Any], n_components: int | None) -> NDArray[Any]:
        """Return coefficients of PLS (k, n_source, w) for 1 to k components; rows are centred.

        Standards may support fewer than `n_components`. None: least squares, with k = 1.
        """
        n_standards, (n_source, width) = len(X), self.channels.shape
        if n_standards == 1:  # an offset without a slope
            return np.eye(1, width, width // 2).repeat(n_source, axis=0)[None]
        Z = self._extract(X)
        cross = self._pool(np.einsum("njw,nj->jw", Z, Y))
        if n_components is None:
            return _least_squares(self._gram(X), cross)[None]
        if self.n_pooled == 1:  # Z'(Zr) avoids the larger Z'Z
            multiply = partial(_multiply, Z)
        else:
            gram = self._gram(X)
            multiply = partial(np.einsum, "jvw,jw->jv", gram)
        n_directions = min((n_standards - 1) * self.n_pooled, width)
        return _partial_least_squares(multiply, cross, min(n_components, n_directions))

    def ridge(
        self,
        X: NDArray[Any],
        D: NDArray[Any],
        penalties: Sequence[float],
        size: float,
        n_components: int | None = None,
    ) -> NDArray[Any]:
        """Return coefficients of ridge regression (n_penalties, n_source, w); rows are centred.

        Penalties are multiples of the squared norm of a window, its mean over windows and over the
        `size` standards: a window of little signal is shrunk more than the others. The regression
        is on at most `n_components` principal components of a window; None: all.
        """
        Z = self._extract(X).transpose(1, 0, 2)
        power = np.einsum("jnw,jnw->", Z, Z) / (len(Z) * size)
        is_dual = len(X) < Z.shape[2] and self.n_pooled == 1  # ZZ' is smaller than Z'Z
        if is_dual:
            gram, cross = Z @ Z.transpose(0, 2, 1), D.T
        else:
            gram, cross = self._gram(X), self._pool(np.einsum("jnw,nj->jw", Z, D))
        banded = np.stack([_ridge(gram, cross, each, power, n_components) for each in penalties])
        return np.einsum("jnw,kjn->kjw", Z, banded) if is_dual else banded

    def apply(self, Z: NDArray[Any], banded: NDArray[Any]) -> NDArray[Any]:
        """Return spectra `Z` (n, n_target) times banded coefficients, (k, n, n_source)."""
        windows = self._extract(Z).transpose(1, 0, 2)
        return np.moveaxis(windows @ np.moveaxis(banded, 0, -1), (0, 2), (2, 0))

    def spread(self, banded: NDArray[Any], added_to: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the dense matrix (n_target, n_source) of banded coefficients.

        They are added to a matrix in place, if one is given.
        """
        inside = (self.channels >= 0) & (self.channels < self.n_target)
        columns = np.broadcast_to(np.arange(len(banded))[:, None], self.channels.shape)
        coef = np.zeros((self.n_target, len(banded))) if added_to is None else added_to
        coef[self.channels[inside], columns[inside]] += banded[inside]
        return coef

    def _extract(self, X):
        """Return the windows (n, n_source, w) of spectra; channels beyond the edges are zero."""
        width, first = self.channels.shape[1], self.first
        padded = np.pad(X, ((0, 0), (width // 2, width // 2)))
        windows = sliding_window_view(padded, width, axis=1)
        uses_all = np.array_equal(first, np.arange(windows.shape[1]))
        return windows if uses_all else windows[:, first]

    def _gram(self, X):
        """Return X'X (n_source, w, w) of every window, pooled."""
        width = self.channels.shape[1]
        padded = np.pad(X, ((0, 0), (width // 2, width // 2)))
        # Row d holds the products of channels at distance d: O(n p w) instead of O(n p w^2).
        lagged = np.zeros((width, padded.shape[1]))
        for lag in range(width):
            n_pairs = padded.shape[1] - lag
            pairs = padded[:, :n_pairs], padded[:, lag:]
            lagged[lag, :n_pairs] = np.einsum("nj,nj->j", *pairs)
        at = np.arange(width)
        lag, low = np.abs(at[:, None] - at), np.minimum(at[:, None], at)
        return self._pool(lagged[lag, self.first[:, None, None] + low])

    @property
    def first(self) -> NDArray[np.intp]:
        """First channel of every window in spectra padded by half a window."""
        return self.channels[:, self.channels.shape[1] // 2]

    def _pool(self, products):
        """Return products summed over the source channels that are pooled."""
        half = min(self.n_pooled // 2, len(products) - 1)
        if half == 0:
            return products
        edges = [(half, half)] + [(0, 0)] * (products.ndim - 1)
        return sliding_window_view(np.pad(products, edges), 2 * half + 1, axis=0).sum(axis=-1)


def _multiply(Z, r):
    """Return Z'Zr for the windows Z (n, n_source, w) and r (n_source, w)."""
    return np.einsum("njw,nj->jw", Z, np.einsum("njw,jw->nj", Z, r))


def _partial_least_squares(multiply, cross, n_components):
    """Return the coefficients of PLS with 1 to `n_components` components, from X'y and r -> X'X r.

    Algorithm 2 of Dayal & MacGregor, J. Chemom. 11 (1997) 73-85, for a single response.
    """
    size = np.linalg.norm(cross, axis=1)
    coef = np.zeros_like(cross)
    rotations: list[NDArray[Any]] = []
    loadings: list[NDArray[Any]] = []
    steps: list[NDArray[Any]] = []
    for _ in range(n_components):
        norm = np.linalg.norm(cross, axis=1)
        has_covariance = norm > ROUNDING * size  # otherwise y is already explained
        r = cross / np.where(has_covariance, norm, 1.0)[:, None]
        for p, rotation in zip(loadings, rotations, strict=True):
            r = r - np.einsum("jw,jw->j", p, r)[:, None] * rotation
        p = multiply(r)
        scores = np.einsum("jw,jw->j", r, p)  # t't
        has_covariance &= scores > 0
        scores = np.where(has_covariance, scores, 1.0)
        p = p / scores[:, None]
        q = np.where(has_covariance, np.einsum("jw,jw->j", r, cross) / scores, 0.0)
        coef = coef + q[:, None] * r
        cross = cross - (q * scores)[:, None] * p
        rotations.append(r)
        loadings.append(p)
        steps.append(coef)
    return np.array(steps)


def _ridge(gram, cross, penalty, power, n_components):
    """Return (gram + penalty * power * I)^-1 cross for stacked matrices."""
    if np.isinf(penalty) or power == 0:
        return np.zeros_like(cross)
    if penalty < NEARLY_SINGULAR or n_components is not None:
        return _least_squares(gram, cross, penalty * power, n_components)
    diagonal = penalty * power * np.eye(cross.shape[1])
    return np.linalg.solve(gram + diagonal, cross[..., None])[..., 0]


def _least_squares(gram, cross, penalty=0.0, n_components=None):
    """Return the least-squares coefficients of minimum norm for stacked cross-products."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > ROUNDING * values[:, -1:]
    if n_components is not None:  # eigenvalues rise
        keep[:, :-n_components] = False
    inverse = np.divide(1.0, values + penalty, out=np.zeros_like(values), where=keep)
    return np.einsum("jvw,jw->jv", vectors, inverse * np.einsum("jvw,jv->jw", vectors, cross))
