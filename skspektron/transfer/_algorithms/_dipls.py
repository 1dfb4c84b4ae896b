"""The components of domain-invariant PLS and the differences that are penalized."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._decompositions import thin_svd

# With the automatic penalty of pairs, weights along a difference whose square is this fraction of
# the largest are halved; weights along larger differences almost vanish.
HALVED_FRACTION = 1e-6
# Differences of variance below this fraction of the total variance count as rounding error.
VARIANCE_TOLERANCE = 1e-12


@dataclass(frozen=True)
class CovarianceDifference:
    """Unpaired spectra: D is the difference of the covariances with positive eigenvalues.

    Both are centred rows, (n_source, p) and (n_target, p). Denominators are n, as in the paper;
    eigenvalues up to `tolerance` count as zero.
    """

    X_source: NDArray[Any]
    X_target: NDArray[Any]
    tolerance: float

    @classmethod
    def between(cls, X_source: NDArray[Any], X_target: NDArray[Any]) -> "CovarianceDifference":
        """Return the difference before the first component, from centred rows."""
        variance = sum(np.sum(X**2) / len(X) for X in (X_source, X_target))
        return cls(X_source, X_target, VARIANCE_TOLERANCE * variance)

    def decompose(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the eigenvalues of D and its eigenvectors in columns."""
        covariances = (X.T @ X / len(X) for X in (self.X_source, self.X_target))
        values, vectors = np.linalg.eigh(np.subtract(*covariances))
        values = np.abs(values)
        return np.where(values > self.tolerance, values, 0.0), vectors

    def automatic_penalty(
        self, X: NDArray[Any], y: NDArray[Any], w: NDArray[Any], spread: NDArray[Any]
    ) -> float:
        """Return |X - yw'|^2 / w'Dw, the heuristic of the paper."""
        return (np.sum(X**2) - (w @ w) * (y @ y)) / spread.sum()

    def deflated(self, w: NDArray[Any]) -> "CovarianceDifference":
        """Return the difference deflated by `w`, each instrument with its own loadings."""
        X_source, X_target = _deflated(self.X_source, w), _deflated(self.X_target, w)
        return replace(self, X_source=X_source, X_target=X_target)


@dataclass(frozen=True)
class PairDifference:
    """Paired spectra: D = rows' rows for the rows (n, p) of source - target of the standards."""

    rows: NDArray[Any]

    def decompose(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the eigenvalues of D above zero and their eigenvectors in columns."""
        _, s, Vt = thin_svd(self.rows)
        return s**2, Vt.T

    def automatic_penalty(
        self, X: NDArray[Any], y: NDArray[Any], w: NDArray[Any], spread: NDArray[Any]
    ) -> float:
        """Return the penalty that almost removes all but the smallest differences."""
        return (y @ y) / (HALVED_FRACTION * np.linalg.norm(self.rows, 2) ** 2)

    def deflated(self, w: NDArray[Any]) -> "PairDifference":
        """Return the same difference: the graph of pairs refers to the spectra before deflation."""
        return self


def domain_invariant_pls(
    X: NDArray[Any],
    y: NDArray[Any],
    difference: CovarianceDifference | PairDifference,
    n_components: int,
    penalty: float | str,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the coefficients of di-PLS and the penalty of every component.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Source spectra, centred.
    y : ndarray of shape (n_samples,)
        Reference values, centred.
    difference : CovarianceDifference or PairDifference
        Difference between the instruments that is penalized.
    n_components : int
        Number of components; fewer are computed if `X` supports no more.
    penalty : float or "auto"
        Penalty; "auto" is that of the difference for each component.

    Returns
    -------
    coef : ndarray of shape (n_features,)
        Coefficients.
    penalties : ndarray of shape (n_components,)
        Penalties; NaN for components that were not computed.
    """
    size, rounding = np.linalg.norm(X), len(X) * np.finfo(np.float64).eps
    smallest = rounding * size * np.linalg.norm(y)
    W, P, c, penalties = [], [], [], np.full(n_components, np.nan)
    for a in range(n_components):
        if np.linalg.norm(X.T @ y) <= smallest:
            break
        w, used = _weights(X, y, difference, penalty)
        t = X @ w
        if np.linalg.norm(t) <= rounding * size:  # no unpenalized direction varies with y
            break
        penalties[a] = used
        W.append(w)
        P.append(t @ X / (t @ t))
        c.append(t @ y / (t @ t))
        X, y, difference = _deflated(X, w), y - c[-1] * t, difference.deflated(w)
    if not W:
        return np.zeros(X.shape[1]), penalties
    return np.transpose(W) @ np.linalg.solve(np.array(P) @ np.transpose(W), c), penalties


def _weights(X, y, difference, penalty):
    """Return the weights of the next component, of unit norm, and its penalty."""
    values, vectors = difference.decompose()
    w = X.T @ y / (y @ y)
    along = vectors.T @ w
    spread = values * along**2  # w'Dw by direction
    if penalty == "auto":
        penalty = difference.automatic_penalty(X, y, w, spread) if spread.any() else 0.0
    # (I + D penalty / y'y)^-1 removes this fraction along every eigenvector of D.
    shrunk = w - vectors @ (penalty * values / (penalty * values + y @ y) * along)
    norm = np.linalg.norm(shrunk)
    if norm <= len(w) * np.finfo(np.float64).eps * np.linalg.norm(w):
        return np.zeros_like(w), penalty
    return shrunk / norm, penalty


def _deflated(X, w):
    """Return the rows of `X` without the part explained by their scores `Xw`."""
    t = X @ w
    squared = t @ t
    return X - np.outer(t, t @ X / squared) if squared > 0 else X
