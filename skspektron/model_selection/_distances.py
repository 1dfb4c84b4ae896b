"""Distances between samples, one row at a time, and the two samples farthest apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

BLOCK_SIZE = 256  # rows of a block of bounds
PRUNING_TOLERANCE = 1e-9  # relative; above the rounding error of a sum over channels


class SquaredDistance:
    """Squared Euclidean distance between the rows of `X`."""

    power = 2  # of the Euclidean distance, for which the triangle inequality holds

    def __init__(self, X: NDArray[Any]):
        self.X = X

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.X)

    def from_row(self, row: int, to: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return the distances of a row to all rows, or to the rows `to`."""
        return self._to(self.X[row], to)

    def radii(self, pair: list[int]) -> NDArray[Any]:
        """Return the Euclidean distances of all rows to the midpoint of a pair."""
        self._centre = self.X[pair].mean(axis=0)
        radii: NDArray[Any] = np.sqrt(self._to(self._centre))
        self._rounding = 4 * (self.X.shape[1] + 8) * np.finfo(np.float64).eps * radii.max() ** 2
        return radii

    def upper_bounds(self, rows: NDArray[np.intp], to: NDArray[np.intp]) -> NDArray[Any]:
        """Return bounds above the distances of `rows` and `to`, close to them, after `radii`.

        A matrix product is many times faster than the distances, but not exact.
        """
        a, b = self.X[rows] - self._centre, self.X[to] - self._centre
        bounds = -2 * (a @ b.T)
        bounds += np.einsum("ij,ij->i", a, a)[:, None] + self._rounding
        bounds += np.einsum("ij,ij->i", b, b)
        return bounds

    def _to(self, point, rows=None):
        """Return the distances of a point to all rows, or to some."""
        return cdist(point[None], self.X if rows is None else self.X[rows], "sqeuclidean")[0]


class JointDistance:
    """Sum of the Euclidean distances in spectra and in reference values, each over its largest."""

    power = 1

    def __init__(self, *values: NDArray[Any]):
        self._parts = [SquaredDistance(value) for value in values]
        self._largest = [_largest(part) for part in self._parts]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._parts[0])

    def from_row(self, row: int, to: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return the distances of a row to all rows, or to the rows `to`."""
        return self._sum([np.sqrt(part.from_row(row, to)) for part in self._parts])

    def radii(self, pair: list[int]) -> NDArray[Any]:
        """Return the distances of all rows to the midpoint of a pair."""
        return self._sum([part.radii(pair) for part in self._parts])

    def upper_bounds(self, rows: NDArray[np.intp], to: NDArray[np.intp]) -> NDArray[Any]:
        """Return bounds above the distances of `rows` and `to`, close to them, after `radii`."""
        squared = [part.upper_bounds(rows, to) for part in self._parts]
        return self._sum([np.sqrt(np.maximum(bounds, 0.0)) for bounds in squared]) * (
            1 + PRUNING_TOLERANCE
        )

    def _sum(self, distances):
        """Return the sum of distances over their largest."""
        return sum(
            distance / scale for distance, scale in zip(distances, self._largest, strict=True)
        )


def farthest_pair(distance: SquaredDistance | JointDistance, rows: NDArray[np.intp]) -> list[int]:
    """Return the two of `rows` that are farthest apart, or all of fewer than three.

    The first in the order of rows among equal distances. Rows are searched by decreasing distance
    to the midpoint of a distant pair: no pair of rows within half the largest distance found is
    farther apart than that.
    """
    if len(rows) < 3:
        return [int(row) for row in rows]
    best = _distant_pair(distance, rows)
    if best[0] == 0.0:
        return [int(row) for row in rows[:2]]
    with np.errstate(over="ignore", invalid="ignore"):
        return list(_search(distance, rows, best))


def _search(distance, rows, best):
    """Return the farthest pair of rows, given a distant one and its distance."""
    radii = distance.radii(list(best[1]))[rows]
    outermost = np.argsort(-radii, kind="stable")
    rows, radii = rows[outermost], radii[outermost]
    for start in range(0, len(rows), BLOCK_SIZE):
        # A pair within the remaining rows is at most the sum of its radii apart.
        reach = (radii[start:] + radii[start]) ** distance.power * (1 + PRUNING_TOLERANCE)
        stop = start + int(np.count_nonzero(~(reach < best[0])))
        if stop == start:
            break
        best = _search_block(distance, rows[start:stop], best)
    return best[1]


def _distant_pair(distance, rows):
    """Return the distance and the rows of a pair that is far apart: from end to end, twice."""
    row = int(rows[0])
    for _ in range(3):
        among = distance.from_row(row)[rows]
        other = int(rows[np.argmax(among)])
        best = float(among.max()), (min(row, other), max(row, other))
        row = other
    return best


def _search_block(distance, rows, best):
    """Return the better of `best` and the farthest pair of the first rows and all rows."""
    block = rows[:BLOCK_SIZE]
    for start in range(0, len(rows), 8 * BLOCK_SIZE):
        others = rows[start : start + 8 * BLOCK_SIZE]
        bounds = distance.upper_bounds(block, others)
        for at in np.flatnonzero(~(bounds.max(axis=1) < best[0])):  # NaN if squares overflow
            best = _search_row(distance, int(block[at]), others[~(bounds[at] < best[0])], best)
    return best


def _search_row(distance, row, others, best):
    """Return the better of `best` and the farthest pair of a row and others, by exact distances."""
    others = np.sort(others[others != row])
    if not len(others):
        return best
    among = distance.from_row(row, others)
    other = int(others[np.argmax(among)])
    found = float(among.max()), (min(row, other), max(row, other))
    # Among equal distances the first pair, in the order of rows, is the farthest.
    return max(best, found, key=lambda pair: (pair[0], [-index for index in pair[1]]))


def _largest(part):
    """Return the largest Euclidean distance of a part, or 1 if all are zero."""
    pair = farthest_pair(part, np.arange(len(part)))
    return math.sqrt(part.from_row(pair[0])[pair[-1]]) or 1.0
