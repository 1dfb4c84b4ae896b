"""The regressions of an ensemble, on every view and kernel, and their weighted mean."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._progress import named_bar
from ._kernels import RBF, Features, Kernel, Linear, Matern, Predictor, fit_features
from ._ridge import RidgePath
from ._weights import average

# Lengths, views and strengths: chosen on the sets of benchmarks/bench_calibration.py.
KERNELS: dict[str, Kernel] = {
    "linear": Linear(),
    "autoscaled": Linear(autoscale=True),
    "rbf": RBF(1.0, autoscale=True),
    "matern": Matern(3.0),
}
# Of the ridge regressions, relative to the number of rows and the mean square norm of features.
STRENGTHS = 10.0 ** (0.75 * np.arange(10) - 7)


@dataclass(frozen=True)
class Member:
    """The weighted mean of the regressions of one view and kernel, for all strengths."""

    view: str
    predictor: Predictor
    weights: NDArray[Any]  # (q,): sum of the weights of its regressions


@dataclass(frozen=True)
class Ensemble:
    """Members, and their weighted mean (n, q) and variance (n, q) for held-out training rows."""

    members: list[Member]
    held_out: NDArray[Any]
    spread: NDArray[Any]

    def predict(self, viewed: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weighted mean (n, q) of the members for rows by view, and their variance."""
        predicted = np.stack([each.predictor.predict(viewed[each.view]) for each in self.members])
        weights = np.stack([each.weights for each in self.members])[:, None]
        mean = (weights * predicted).sum(axis=0)
        return mean, (weights * (predicted - mean) ** 2).sum(axis=0)

    def view_weights(self) -> dict[str, float]:
        """Return the sum of the weights of each view, mean over the targets."""
        names = dict.fromkeys(each.view for each in self.members)
        return {
            name: float(sum(each.weights.mean() for each in self.members if each.view == name))
            for name in names
        }


@dataclass(frozen=True)
class _Fit:
    """Regressions of one view and kernel with their held-out predictions (s, n, q)."""

    view: str
    features: Features
    path: RidgePath
    held_out: NDArray[Any]


def fit_ensemble(
    names: Collection[str],
    views: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    y: NDArray[Any],
    samples: NDArray[np.intp],
    kernels: Collection[str],
    verbose: int = 0,
) -> Ensemble:
    """Fit ridge regressions to reference values (n, q) on every view and kernel.

    `views` are the rows (n, p) of each view in `names`, with the rounding errors (p,) of its
    channels, and `samples` (n,) the numbers of the samples, from 0.
    """
    bar = named_bar(
        names, zip(names, views, strict=True), "calibrating", unit="view", verbose=verbose
    )
    fits = [
        _fit(view, KERNELS[kernel], Z, rounding, y, samples)
        for view, (Z, rounding) in bar
        for kernel in kernels
    ]
    held_out = np.stack([fit.held_out for fit in fits])  # (g, s, n, q)
    averages = [average(held_out[..., j], values, samples) for j, values in enumerate(y.T)]
    weights = np.stack([each.weights for each in averages], axis=-1)  # (g, s, q)
    return Ensemble(
        [_member(fit, part) for fit, part in zip(fits, weights, strict=True)],
        np.stack([each.held_out for each in averages], axis=1),
        np.stack([each.spread for each in averages], axis=1),
    )


def _fit(view, kernel, Z, rounding, y, samples):
    """Fit all strengths of one kernel on one view."""
    features = fit_features(kernel, Z, rounding=rounding)
    path = RidgePath.fit(features.transform(Z), y, STRENGTHS * len(Z))
    held_out = path.held_out(samples)
    # The scores of all fits together would be the largest part of the memory.
    path = replace(path, scores=np.empty((0, len(path.values))))
    return _Fit(view, features, path, held_out)


def _member(fit, weights):
    """Return the mean of the regressions of a fit under weights (s, q)."""
    total = weights.sum(axis=0)
    shares = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / len(weights))
    return Member(fit.view, fit.features.predictor(*fit.path.combine(shares)), total)
