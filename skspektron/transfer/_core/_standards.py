"""Rows of each instrument, and the choice of transfer standards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model_selection._orderings import iterate_samples


@dataclass(frozen=True)
class Rows:
    """Training rows of source or target: `X` (n, p), `y` (n,) or (n, q), `ids` (n,).

    `position` (n,) is that of the instrument of each row among several sources, None for one.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    ids: NDArray[Any]
    position: NDArray[np.intp] | None = None

    def by_source(self) -> list["Rows"]:
        """Return the rows of each source."""
        if self.position is None:
            return [self]
        parts = [self.position == k for k in range(self.position.max() + 1)]
        return [Rows(self.X[part], self.y[part], self.ids[part]) for part in parts]


@dataclass(frozen=True)
class Standards:
    """Standards, one row each, replicates averaged.

    `X_source` (n, p) and `y_source`, the reference values on the source rows, are NaN for a
    sample that only the target has measured, which only methods that need no pairs accept. `y`
    are the reference values on the target rows, NaN where there are none. `weights` (n,) are those
    of the spectra and `label_weights` (n,) those of `y`, between 0 and 1; None: 1 for all. With
    several sources, `X_source` and `y_source` are means over those that measured a standard, and
    `X_sources` (n, n_sources, p) are the spectra, NaN where a source did not measure it.
    """

    ids: NDArray[Any]
    X_source: NDArray[Any]
    X_target: NDArray[Any]
    y_source: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] = None  # type: ignore[assignment]
    label_weights: NDArray[Any] = None  # type: ignore[assignment]
    X_sources: NDArray[Any] | None = None

    def __post_init__(self):
        """Give every standard full weight unless it has one."""
        for name in ("weights", "label_weights"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.ones(len(self.ids)))

    def __len__(self):
        """Return the number of standards."""
        return len(self.ids)

    def __getitem__(self, index) -> "Standards":
        """Return the standards at `index`."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        given: dict[str, Any] = {name: value[index] for name, value in values if value is not None}
        return Standards(**given)

    def pairs(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.intp]]:
        """Return both spectra of each standard for all pairs of instruments, and its row.

        First come the pairs of source and target, then those of two sources. With one source the
        pairs are `X_source` and `X_target`.
        """
        if self.X_sources is None:
            return self.X_source, self.X_target, np.arange(len(self))
        instruments = [*self.X_sources.swapaxes(0, 1), self.X_target]
        of_target = [(k, len(instruments) - 1) for k in range(len(instruments) - 1)]
        blocks = []
        for first, second in (*of_target, *combinations(range(len(of_target)), 2)):
            pair = instruments[first], instruments[second]
            at = np.flatnonzero(np.all([np.isfinite(X).any(axis=1) for X in pair], axis=0))
            blocks.append((pair[0][at], pair[1][at], at))
        X, X_other, at = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return X, X_other, at

    def weighted_pairs(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both spectra of all pairs, whose differences have the roots of their weights.

        The second spectrum of a pair with less than full weight is moved towards the first.
        """
        X, X_other, at = self.pairs()
        missing = 1 - np.sqrt(self.weights[at])[:, None]
        return X, X_other + missing * (X - X_other)

    def transform_sources(
        self, transform: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any] | None:
        """Return `X_sources` with every measured spectrum transformed."""
        if self.X_sources is None:
            return None
        measured = np.isfinite(self.X_sources).any(axis=2)
        Z = transform(self.X_sources[measured])
        transformed = np.full((*measured.shape, Z.shape[1]), np.nan)
        transformed[measured] = Z
        return transformed


def choose_standards(
    source: Rows,
    target: Rows,
    *,
    n_transfer: int | None,
    needs_pairs: bool,
    needs_labels: bool,
    selection,
    random_state,
) -> Standards:
    """Return the first `n_transfer` candidates in the order of `selection`."""
    pool = _candidates(source, target, needs_pairs)
    if n_transfer == 0:
        return pool[:0]
    # In practice, standards are chosen before the target measures anything: use the source
    # spectra if all candidates have one.
    unpaired = np.isnan(pool.X_source).all(axis=1).any()
    spectra = pool.X_target if unpaired else pool.X_source
    order: Iterator[int] = iter(())
    if len(pool):
        order = iterate_samples(spectra, selection, y=pool.y_source, random_state=random_state)
    usable = np.ones(len(pool), dtype=bool)
    if needs_labels:
        usable = np.isfinite(pool.y).all(axis=tuple(range(1, pool.y.ndim)))
    n_usable = int(np.count_nonzero(usable))
    wanted = n_usable if n_transfer is None else n_transfer
    if n_usable < max(wanted, 1):
        raise ValueError(_too_few(n_transfer, n_usable, needs_pairs, needs_labels))
    return pool[list(islice((row for row in order if usable[row]), wanted))]


def channel_means(values: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the mean of the finite entries of every column, NaN for a column without any."""
    if weights is None:
        return _sample_means(values, np.zeros(len(values), dtype=int))[1][0]
    used = np.where(np.isfinite(values), weights[:, None], 0.0)
    total, count = (used * np.nan_to_num(values)).sum(axis=0), used.sum(axis=0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _candidates(source, target, needs_pairs):
    """Return all target samples that can be standards, sorted by number."""
    ids, X_target = _sample_means(target.X, target.ids)
    parts = [_means_of(part, ids) for part in source.by_source()]
    X_sources, y_sources = ([means[i] for means in parts] for i in (0, 1))
    pool = Standards(
        ids,
        _mean_over_sources(X_sources),
        X_target,
        _mean_over_sources(y_sources),
        _sample_means(target.y, target.ids)[1],
        X_sources=np.stack(X_sources, axis=1) if len(X_sources) > 1 else None,
    )
    return pool[np.isin(ids, source.ids)] if needs_pairs else pool


def _means_of(rows, ids):
    """Return mean spectra and reference values of the samples `ids`, NaN if they have no rows."""
    own, X = _sample_means(rows.X, rows.ids)
    measured = np.isin(ids, own)
    at = np.searchsorted(own, ids[measured])
    means = X, _sample_means(rows.y, rows.ids)[1]
    return [_spread(values[at], measured) for values in means]


def _mean_over_sources(parts):
    """Return the mean of the finite values of several sources, NaN where there are none."""
    if len(parts) == 1:
        return parts[0]
    values = np.stack(parts)
    finite = np.isfinite(values)
    count, total = finite.sum(axis=0), np.where(finite, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _spread(values, mask):
    """Return `values` in the rows under `mask`, NaN in the other rows."""
    spread = np.full((len(mask), *values.shape[1:]), np.nan)
    spread[mask] = values
    return spread


def _sample_means(values, ids):
    """Return the unique ids and, for each, the mean of the finite entries of its rows.

    `ids` must be sorted.
    """
    unique, first = np.unique(ids, return_index=True)
    if len(ids) == 0:
        return unique, values
    finite = np.isfinite(values)
    total = np.add.reduceat(np.where(finite, values, 0.0), first, axis=0, dtype=np.float64)
    count = np.add.reduceat(finite, first, axis=0, dtype=np.intp)
    return unique, np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _too_few(n_transfer, n_available, needs_pairs, needs_labels):
    """Return the message for a number of standards above that of the candidates."""
    kind = " and ".join(
        word
        for word, needed in (
            ("paired with the source by sample_id", needs_pairs),
            ("labelled", needs_labels),
        )
        if needed
    )
    wanted = "at least 1" if n_transfer is None else n_transfer
    return (
        f"n_transfer={n_transfer} needs {wanted} target samples that are {kind}, and the "
        f"training rows have {n_available}. Lower n_transfer, or stack more such rows."
    )
