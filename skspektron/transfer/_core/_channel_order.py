"""The direction in which spectra without channel names run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._warnings import warn_user

MAX_ROWS, MAX_COMPONENTS = 50, 10  # of the training spectra that are remembered
MIN_CHANNELS = 3
NOISE_FRACTION = 0.01  # of the training variance: a direction that varies less counts in full
# Squared distances of spectra that resemble training spectra are at most 4 times the largest of
# these, or 2 % of the sum of squares of their centred mean.
MAX_DISTANCE, MAX_DISTANCE_OF_MEAN = 4.0, 0.02
# Ratio of the squared distances in both orders above which spectra are reversed, and below which
# their order is not clear. With 12 spectra of each of 42 public sets, the others of a set are
# taken in order without a warning, and reversed if they come reversed (two sets: a warning). No
# set is reversed for its resemblance to another.
CLEAR_RATIO, UNCLEAR_RATIO = 8.0, 2.0


@dataclass(frozen=True)
class TrainingSpectra:
    """Mean and principal components of the training spectra of one instrument."""

    columns: NDArray[np.intp]  # of the stacked rows
    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained: NDArray[np.float64]  # fraction of a squared score that is usual in training
    limit: float = 1.0  # largest squared distance of spectra that resemble these

    @classmethod
    def of(cls, X: NDArray[Any]) -> TrainingSpectra | None:
        """Summarize some of the stacked rows of an instrument; None if they have no direction."""
        finite = np.isfinite(X)
        columns = np.flatnonzero(finite.any(axis=0))
        rows = np.flatnonzero(finite[:, columns].all(axis=1))
        if not len(rows) or len(columns) < MIN_CHANNELS:
            return None
        some = np.linspace(0, len(rows) - 1, min(len(rows), MAX_ROWS)).astype(np.intp)
        X = np.asarray(X[np.ix_(rows[some], columns)], dtype=np.float64)
        mean = X.mean(axis=0)
        summary = cls(columns, mean, *_components(X - mean))
        own = float(summary.relative_distances(X).max())
        size = float(np.sum((mean - mean.mean()) ** 2))
        limit = max(MAX_DISTANCE * own, MAX_DISTANCE_OF_MEAN * size)
        return replace(summary, limit=limit) if limit > 0 else None

    def relative_distances(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return squared distances from the mean, at most 1 for spectra that resemble these.

        What varies in training counts little. Channels that are NaN do not count; spectra without
        half of the channels are infinitely far.
        """
        measured = np.isfinite(X)
        centred = np.where(measured, X - self.mean, 0.0)
        squared = np.sum(centred**2, axis=1) - (centred @ self.components.T) ** 2 @ self.explained
        squared = np.where(measured.mean(axis=1) < 0.5, np.inf, np.maximum(squared, 0.0))
        return squared / self.limit


def _components(Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return principal components of centred rows, and the fraction of each that is usual."""
    Z = Z / (np.abs(Z).max() or 1.0)
    squares, left = np.linalg.eigh(Z @ Z.T)
    total = squares.sum()
    kept = [k for k in range(len(Z))[: -MAX_COMPONENTS - 1 : -1] if squares[k] > 1e-10 * total]
    components = left[:, kept].T @ Z / np.sqrt(squares[kept])[:, None]
    return components, squares[kept] / (squares[kept] + NOISE_FRACTION * total)


def in_order_of_fit(
    X: NDArray[Any],
    place: Callable[[NDArray[Any]], NDArray[Any]],
    training: Sequence[TrainingSpectra],
    ends: str,
    *,
    ask: bool,
) -> NDArray[Any]:
    """Return spectra without channel names in the order of the channels of fit.

    They are reversed, with a warning, if only their reverse resembles training spectra. If neither
    order clearly does, they are left as they are, with a warning if `ask` is set. `place` returns
    stacked rows; `ends` names the first and the last channel of fit.
    """
    if not training or not len(X):
        return X
    forward, backward = (_distance(place(rows), training) for rows in (X, X[:, ::-1]))
    seen = f"X has no column names, and its {len(X)} spectra resemble those of fit"
    way_out = "Pass a DataFrame whose columns name the channels"
    if backward <= 1 and CLEAR_RATIO * backward < forward:
        warn_user(
            f"{seen} only when they are reversed, so they were: the channels of fit run {ends}. "
            f"{way_out}, or X[:, ::-1]."
        )
        return X[:, ::-1]
    if ask and not UNCLEAR_RATIO * forward < backward:
        warn_user(
            f"{seen} in neither order clearly. They were taken in the order of fit, {ends}. "
            f"{way_out}."
        )
    return X


def _distance(X: NDArray[Any], training: Sequence[TrainingSpectra]) -> float:
    """Return the median over stacked rows of the distance to the nearest training spectra."""
    distances = [each.relative_distances(X[:, each.columns]) for each in training]
    return float(np.median(np.min(distances, axis=0)))
