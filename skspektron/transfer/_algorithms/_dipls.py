"""The components of domain-invariant PLS, and the differences that they are penalised for."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the differences of pairs, those above this share of the largest, squared, are all but removed.
REMOVED_SHARE = 1e-6
# Differences of variance below this share of all variance are rounding noise.
VARIANCE_TOLERANCE = 1e-12


@dataclass(frozen=True)
class CovarianceDifference:
    """Unpaired: D is the covariance of the source less that of the target, made positive.

    Both are centred rows, (n_source, p) and (n_target, p). Denominators are n, as in the paper;
    eigenvalues up to `least` count as zero.
    """

    X_source: NDArray[Any]
    X_target: NDArray[Any]
    least: float

    @classmethod
    def between(cls, X_source: NDArray[Any], X_target: NDArray[Any]) -> "CovarianceDifference":
        """Return the difference of centred rows before the first component."""
        variance = sum(np.sum(X**2) / len(X) for X in (X_source, X_target))
        return cls(X_source, X_target, VARIANCE_TOLERANCE * variance)

    def decompose(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the eigenvalues of D and its eigenvectors in columns."""
        covariances = (X.T @ X / len(X) for X in (self.X_source, self.X_target))
        values, vectors = np.linalg.eigh(np.subtract(*covariances))
        values = np.abs(values)
        return np.where(values > self.least, values, 0.0), vectors

    def automatic_penalty(
        self, X: NDArray[Any], y: NDArray[Any], w: NDArray[Any], spread: NDArray[Any]
    ) -> float:
        """Return |X - yw'|^2 / w'Dw, the heuristic of the paper."""
        return (np.sum(X**2) - (w @ w) * (y @ y)) / spread.sum()

    def deflated(self, w: NDArray[Any]) -> "CovarianceDifference":
        """Return the difference without the component `w`, each instrument with its loadings."""
        X_source, X_target = _deflated(self.X_source, w), _deflated(self.X_target, w)
        return replace(self, X_source=X_source, X_target=X_target)


@dataclass(frozen=True)
class PairDifference:
    """Paired: D is the sum of squares of the rows, source less target of a standard, (n, p)."""

    rows: NDArray[Any]

    def decompose(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the eigenvalues of D above zero and their eigenvectors in columns."""
        _, s, Vt = np.linalg.svd(self.rows, full_matrices=False)
        return s**2, Vt.T

    def automatic_penalty(
        self, X: NDArray[Any], y: NDArray[Any], w: NDArray[Any], spread: NDArray[Any]
    ) -> float:
        """Return the penalty that leaves only differences far smaller than the largest."""
        return (y @ y) / (REMOVED_SHARE * np.linalg.norm(self.rows, 2) ** 2)

    def deflated(self, w: NDArray[Any]) -> "PairDifference":
        """Return the difference as it is: the graph of pairs is that of the spectra measured."""
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
        What the scores are penalised for.
    n_components : int
        Number of components, fewer where `X` supports no more.
    penalty : float or "auto"
        Penalty, or what the difference proposes for every component.

    Returns
    -------
    coef : ndarray of shape (n_features,)
        Coefficients.
    penalties : ndarray of shape (n_components,)
        Penalties; NaN for components that are not there.
    """
    size, rounding = np.linalg.norm(X), len(X) * np.finfo(np.float64).eps
    least = rounding * size * np.linalg.norm(y)
    W, P, c, penalties = [], [], [], np.full(n_components, np.nan)
    for a in range(n_components):
        if np.linalg.norm(X.T @ y) <= least:
            break
        w, strength = _weights(X, y, difference, penalty)
        t = X @ w
        if np.linalg.norm(t) <= rounding * size:  # nothing that the penalty allows varies with y
            break
        penalties[a] = strength
        W.append(w)
        P.append(t @ X / (t @ t))
        c.append(t @ y / (t @ t))
        X, y, difference = _deflated(X, w), y - c[-1] * t, difference.deflated(w)
    if not W:
        return np.zeros(X.shape[1]), penalties
    return np.transpose(W) @ np.linalg.solve(np.array(P) @ np.transpose(W), c), penalties


def _weights(X, y, difference, penalty):
    """Return the weights of the next component, of unit length, and its penalty."""
    values, vectors = difference.decompose()
    w = X.T @ y / (y @ y)
    along = vectors.T @ w
    spread = values * along**2  # w'Dw by direction
    if penalty == "auto":
        penalty = difference.automatic_penalty(X, y, w, spread) if spread.any() else 0.0
    # (I + D penalty / y'y)^-1 takes this share of every eigenvector of D away.
    shrunk = w - vectors @ (penalty * values / (penalty * values + y @ y) * along)
    length = np.linalg.norm(shrunk)
    if length <= len(w) * np.finfo(np.float64).eps * np.linalg.norm(w):
        return np.zeros_like(w), penalty
    return shrunk / length, penalty


def _deflated(X, w):
    """Return the rows of `X` without the part that their scores `Xw` explain."""
    t = X @ w
    squared = t @ t
    return X - np.outer(t, t @ X / squared) if squared > 0 else X
