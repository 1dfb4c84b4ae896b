"""Spherical k-means on unit rows: initialization and Lloyd's algorithm."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Partition:
    """Partition of unit rows: unit `centres` (k, d), labels (n,) and the sum of 1 - cos."""

    centres: NDArray[np.float64]
    labels: NDArray[np.intp]
    inertia: float
    n_iter: int


def best_partition(U: NDArray[Any], n_clusters: int, *, n_init, max_iter, tol, random) -> Partition:
    """Return the partition of lowest inertia of `n_init` runs; no row of `U` may be zero."""
    best = _alternate(U, draw_seeds(U, n_clusters, random), max_iter, tol)
    for _ in range(n_init - 1):
        run = _alternate(U, draw_seeds(U, n_clusters, random), max_iter, tol)
        # Of partitions that differ by rounding only, the first is kept.
        if run.inertia < (1 - 1e-9) * best.inertia:
            best = run
    return best


def draw_seeds(
    U: NDArray[Any], n_clusters: int, random: np.random.RandomState
) -> NDArray[np.float64]:
    """Return rows far from one another, drawn with probabilities proportional to 1 - cos.

    This is half the squared distance of unit rows, so the seeds are those of k-means++. Of a few
    candidates, the one that lowers the inertia most is kept (Arthur & Vassilvitskii 2007,
    section 7).
    """
    n_trials = 2 + int(np.log(n_clusters))
    seeds = [random.randint(len(U))]
    distance = 1.0 - U @ U[seeds[0]]
    for _ in range(1, n_clusters):
        cumulative = np.cumsum(np.maximum(distance, 0.0))
        drawn = np.searchsorted(cumulative, random.uniform(size=n_trials) * cumulative[-1])
        drawn = np.minimum(drawn, len(U) - 1)
        nearer = np.minimum(distance, 1.0 - U[drawn] @ U.T)  # (n_trials, n)
        best = nearer.sum(axis=1).argmin()
        distance = nearer[best]
        seeds.append(drawn[best])
    return U[seeds]


def assign(U: NDArray[Any], centres: NDArray[Any]) -> tuple[NDArray[np.intp], float]:
    """Return the nearest centre of each row, and the sum of 1 - cos."""
    cosines = U @ centres.T
    return cosines.argmax(axis=1), float(np.maximum(1.0 - cosines.max(axis=1), 0.0).sum())


def _alternate(U, centres, max_iter, tol):
    """Update centres and labels in turn until the inertia falls by less than the fraction `tol`."""
    labels, inertia = assign(U, centres)
    for n_iter in range(1, max_iter + 1):  # noqa: B007
        previous = inertia
        centres = _mean_directions(U, labels, centres)
        labels, inertia = assign(U, centres)
        if previous - inertia <= tol * previous:
            break
    return Partition(centres, labels, inertia, n_iter)


def _mean_directions(U, labels, centres):
    """Return the direction of the sum of each cluster, or the farthest row if the sum is zero."""
    members = labels == np.arange(len(centres))[:, None]  # (k, n)
    sums = members.astype(np.float64) @ U
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    empty = np.flatnonzero(norms[:, 0] <= len(U) * np.finfo(float).eps)
    moved = sums / np.where(norms == 0, 1.0, norms)
    cosines = np.einsum("nd,nd->n", U, centres[labels])
    moved[empty] = U[np.argsort(cosines, kind="stable")[: len(empty)]]
    return moved
