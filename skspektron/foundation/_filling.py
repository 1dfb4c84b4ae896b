"""Hidden channels of spectra, by interpolation and by regression on complete spectra."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from .._decompositions import thin_svd
from ._gaps import interpolate_gaps, interpolate_hidden

# Penalties of the ridge regressions, in units of the mean square of a spectrum of the regression.
# Chosen with the other rules here on the development sets of benchmarks/bench_imputer.py.
PENALTIES = 10.0 ** np.arange(-10, 1)
ROUNDING = 1e-12  # eigenvalues below this fraction of the largest are rounding errors
EXPONENT = 0.4  # times the square root of the number of spectra, as in KernelEnsembleRegressor
FLOOR = 1e-12  # errors below this fraction of that of interpolation are equal
MIN_SPECTRA = 3  # for a regression and its error on held-out spectra


def standardize_visible(
    X: NDArray[Any], hidden: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return spectra centred and scaled by their visible channels, and mean and scale (n, 1)."""
    visible = X[:, ~hidden]
    mean, scale = visible.mean(axis=1, keepdims=True), visible.std(axis=1, keepdims=True)
    return (X - mean) / np.where(scale == 0, 1, scale), mean, scale


@dataclass(frozen=True)
class HiddenRidge:
    """Ridge regressions of hidden on visible channels, for one pattern of hidden channels.

    A regression predicts the hidden channels less what interpolation gives, so it equals a ridge
    regression of the channels with its residuals at visible channels interpolated. Spectra are
    standardized by their visible channels. `residuals` (s + 1, k, h) are those of k complete
    spectra, each held out; the first of the s + 1 fills is `interpolate_gaps` alone.
    """

    hidden: NDArray[np.bool_]
    mean: NDArray[Any]  # (v,), of the visible channels
    target_mean: NDArray[Any]  # (h,)
    axes: NDArray[Any]  # (v, r)
    coef: NDArray[Any]  # (s, r, h)
    residuals: NDArray[Any]
    scale: NDArray[Any]  # (k, 1), of the spectra; residuals are in its unit

    @classmethod
    def fit(cls, spectra: NDArray[Any], hidden: NDArray[np.bool_]) -> "HiddenRidge":
        """Fit complete spectra (k, p), of which none is constant in the visible channels."""
        Z, _, scale = standardize_visible(spectra, hidden)
        target = Z[:, hidden] - interpolate_hidden(Z, hidden)
        rows = Z[:, ~hidden]
        k, mean, target_mean = len(rows), rows.mean(axis=0), target.mean(axis=0)
        rows, centred = rows - mean, target - target_mean
        U, size, axes = thin_svd(rows)
        kept = size**2 > ROUNDING * max(size[0] ** 2, np.finfo(float).tiny)
        U, size, axes = U[:, kept], size[kept], axes[kept]
        penalties = PENALTIES * np.mean(rows**2) * rows.shape[1]
        shrinkage = penalties[:, None] / (size**2 + penalties[:, None])  # (s, r)
        along = U.T @ centred
        # Leave-one-out residuals e / (1 - leverage); a spectrum outside of the others has both 0.
        outside = np.maximum(1 - 1 / k - (U**2).sum(axis=1), 0)
        outside[outside < np.sqrt(ROUNDING)] = 0
        error = centred - U @ along + U @ (shrinkage[:, :, None] * along)
        rest = outside + shrinkage @ (U**2).T  # (s, k)
        held_out = error / np.maximum(rest, np.finfo(float).tiny)[:, :, None]
        coef = ((1 - shrinkage) / size)[:, :, None] * along
        alone = Z[:, hidden] - interpolate_gaps(Z, hidden)
        residuals = np.concatenate([alone[None], held_out])
        return cls(hidden, mean, target_mean, axes.T, coef, residuals, scale)

    def gaps(self) -> NDArray[np.intp]:
        """Return the number of the gap, from 0, that each hidden channel belongs to."""
        return np.cumsum(np.diff(np.flatnonzero(self.hidden), prepend=-1) > 1) - bool(
            not self.hidden[0]
        )

    def square_sums(self) -> NDArray[np.float64]:
        """Return the sums of squared residuals (s + 1, k, g) by gap."""
        starts = np.unique(self.gaps(), return_index=True)[1]
        return np.asarray(np.add.reduceat(self.residuals**2, starts, axis=2))

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the hidden channels of spectra (n, p), whose hidden values are not read."""
        Z, mean, scale = standardize_visible(np.where(self.hidden, 0, X), self.hidden)
        weights = error_weights(self.square_sums().sum(axis=1), len(self.residuals[0]))
        weights = weights[:, self.gaps()]  # (s + 1, h)
        coef = np.einsum("srh,sh->rh", self.coef, weights[1:])
        fill = (Z[:, ~self.hidden] - self.mean) @ self.axes @ coef
        fill += (1 - weights[0]) * (interpolate_hidden(Z, self.hidden) + self.target_mean)
        return mean + scale * (fill + weights[0] * interpolate_gaps(Z, self.hidden))

    def held_out(self) -> NDArray[np.float64]:
        """Return residuals (k, h) of spectra whose errors do not count for their own weights."""
        squares = self.square_sums()
        weights = error_weights(squares.sum(axis=1, keepdims=True) - squares, squares.shape[1] - 1)
        return np.einsum("skh,skh->kh", weights[:, :, self.gaps()], self.residuals)


def error_weights(errors: NDArray[Any], n_spectra: int) -> NDArray[np.float64]:
    """Return weights of the fills (s + 1, ...), which add up to 1 along the first axis.

    A weight is a power of the squared error of held-out spectra [1]_; the first error is that of
    interpolation.

    References
    ----------
    .. [1] Yang, J. Am. Stat. Assoc. 96 (2001) 574-588.
    """
    relative = np.maximum(errors, 0) / np.where(errors[:1] > 0, errors[:1], 1)
    return np.asarray(softmax(-EXPONENT * np.sqrt(n_spectra) * np.log(relative + FLOOR), axis=0))


def usable_spectra(spectra: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the spectra that vary over the visible channels, and whose squares are finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        Z, _, scale = standardize_visible(spectra, hidden)
    return spectra[(scale[:, 0] > 0) & np.isfinite(Z).all(axis=1)]
