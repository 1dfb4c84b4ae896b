"""Paired standards, centred and weighted, as the regressions of the maps need them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._interpolation import interpolate_linear
from ._svd import centred, principal_axes

Axes = tuple[NDArray[np.float64], NDArray[np.float64]]  # of the target and of the source


@dataclass(frozen=True)
class Interpolation:
    """Target spectra interpolated at the source's channels; unchanged with `axes` None.

    Linear interpolation, unlike cubics that keep the spectra monotone, is a linear function of
    the spectra, so that a map that contains it can be written as coefficients.
    """

    axes: Axes | None

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return `X` (n, n_target) at the source's channels, (n, n_source)."""
        return X if self.axes is None else interpolate_linear(X, *self.axes)


@dataclass(frozen=True)
class Pairs:
    """Standards of target, `X` (n, n_target), and source, `Y` (n, n_source), paired by row.

    Rows are centred by the weighted means and scaled by the square roots of the weights, whose sum
    is `size`. `interpolation` brings target spectra to the source's channels.
    """

    X: NDArray[Any]
    Y: NDArray[Any]
    X_mean: NDArray[Any]
    Y_mean: NDArray[Any]
    size: float
    interpolation: Interpolation

    @classmethod
    def of(
        cls,
        target: NDArray[Any],
        source: NDArray[Any],
        weights: NDArray[Any] | None,
        interpolation: Interpolation,
    ) -> "Pairs":
        """Return the pairs of spectra with weights of at least 0; None: 1 for all."""
        if weights is None or (weights == 1).all():
            X_mean, Y_mean = target.mean(axis=0), source.mean(axis=0)
            rows = centred(target), centred(source)
            return cls(rows[0], rows[1], X_mean, Y_mean, float(len(target)), interpolation)
        used = weights > 0
        target, source, weights = target[used], source[used], weights[used]
        X_mean, Y_mean = (np.average(X, axis=0, weights=weights) for X in (target, source))
        roots = np.sqrt(weights)[:, None]
        rows = roots * centred(target, mean=X_mean), roots * centred(source, mean=Y_mean)
        return cls(rows[0], rows[1], X_mean, Y_mean, float(weights.sum()), interpolation)

    @cached_property
    def D(self) -> NDArray[Any]:
        """Differences between source and target, (n, n_source)."""
        return np.asarray(self.Y - self.interpolation(self.X))

    @cached_property
    def target_axes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Squared singular values and left singular vectors of `X`."""
        return principal_axes(self.X, None)

    @cached_property
    def source_axes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Squared singular values and left singular vectors of `Y`."""
        return principal_axes(self.Y, None)

    @cached_property
    def joint_axes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Squared singular values and left singular vectors of `X` and `Y` side by side."""
        return principal_axes(np.hstack([self.X, self.Y]), None)


def shrinkage(values: NDArray[Any], penalty: float, power: float) -> NDArray[Any]:
    """Return the factors by which a ridge penalty shrinks the directions of a regression.

    They are ``v / (v + l)`` for squared singular values `v`, where `l` is `penalty` times `power`,
    the mean squared norm of the rows. 0 shrinks nothing; infinity leaves nothing.
    """
    if np.isinf(penalty):
        return np.zeros(values.shape)
    return np.asarray(values / (values + penalty * power))
