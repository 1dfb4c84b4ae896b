"""Rows of each instrument, and the choice of transfer standards."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._samples import number_samples
from ..._validation import check_labels
from ...model_selection._orderings import iterate_samples


@dataclass(frozen=True)
class Rows:
    """Training rows of one instrument: `X` (n, p), `y` (n,) or (n, q), `ids` (n,)."""

    X: NDArray[Any]
    y: NDArray[Any]
    ids: NDArray[Any]


@dataclass(frozen=True)
class Standards:
    """Standards, one row each, replicates averaged.

    `X_source` (n, p) and `y_source`, the reference values on the source rows, are NaN for a
    sample that only the target has measured, which only methods that need no pairs accept. `y`
    are the reference values on the target rows, NaN where there are none. `weights` (n,) are those
    of the spectra and `label_weights` (n,) those of `y`, between 0 and 1; None: 1 for all.
    """

    ids: NDArray[Any]
    X_source: NDArray[Any]
    X_target: NDArray[Any]
    y_source: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] = None  # type: ignore[assignment]
    label_weights: NDArray[Any] = None  # type: ignore[assignment]

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
        return Standards(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def resolve_instruments(
    labels: NDArray[Any], source, target, needs_target: bool = True
) -> tuple[Any, Any]:
    """Return the labels of source and target, inferring the one that is None.

    If no target row is needed, all rows may be of the source; `target` is then returned unchanged.
    """
    names, counts = np.unique(labels, return_counts=True)
    known = names.tolist()
    is_named = source in known or (source is None and target is not None)
    if not needs_target and len(known) == 1 and target not in known and is_named:
        return known[0], target
    for role, name in (("source", source), ("target", target)):
        if name is not None and name not in known:
            raise ValueError(
                f"{role} must be one of the {len(known)} instruments of the rows, got {name!r}. "
                f"Pass one of {known}."
            )
    if target is None:
        if source is None or len(known) != 2:
            raise ValueError(
                f"target=None is ambiguous with source={source!r} and the {len(known)} instruments "
                f"{known}. Pass target=."
            )
        target = known[1 - known.index(source)]
    if source is None:
        others = [i for i, name in enumerate(known) if name != target]
        if not others:
            raise ValueError(
                f"All rows are from target={target!r}. Stack the rows of a source instrument too."
            )
        source = known[max(others, key=lambda i: counts[i])]  # ties: first in sorted order
    if source == target:
        raise ValueError(
            f"source and target must be two instruments, got {source!r} for both. "
            f"Pass two of {known}."
        )
    return source, target


def split_instruments(
    rows: Rows, is_source: NDArray[np.bool_], is_target: NDArray[np.bool_]
) -> tuple[Rows, Rows, NDArray[Any]]:
    """Return the rows of source and target, with numbers for ids, and the ids by number.

    Rows are sorted by these numbers, so that their order in `rows` does not matter.
    """
    used = np.flatnonzero(is_source | is_target)
    X, y, is_target = rows.X[used], rows.y[used], is_target[used]
    numbers, names, order = number_samples(X, rows.ids[used], y, is_target=is_target)
    by_instrument = order[~is_target[order]], order[is_target[order]]
    source, target = (Rows(X[at], y[at], numbers[at]) for at in by_instrument)
    return source, target, names


def source_mask(instrument: Any, n_samples: int, source: Any, target: Any) -> NDArray[np.bool_]:
    """Return which rows to predict are source spectra."""
    labels = check_labels(instrument, n_samples, "instrument")
    if source is None:
        raise ValueError(
            f"instrument must be None after a fit without instruments, got {n_samples} labels. "
            "Pass instrument=None, or fit with instrument=."
        )
    unknown = sorted(set(labels.tolist()) - {source, target})
    if unknown:
        raise ValueError(
            f"instrument must name the source or target of fit, {[source, target]}, got {unknown}. "
            "Predict rows of those two only, or fit again with these rows."
        )
    return np.asarray(labels == source)


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


def channel_means(values: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of the finite entries of every column, NaN for a column without any."""
    return _sample_means(values, np.zeros(len(values), dtype=int))[1][0]


def _candidates(source, target, needs_pairs):
    """Return all target samples that can be standards, sorted by number."""
    ids, X_target = _sample_means(target.X, target.ids)
    source_ids, X_source = _sample_means(source.X, source.ids)
    paired = np.isin(ids, source_ids)
    at = np.searchsorted(source_ids, ids[paired])
    pool = Standards(
        ids,
        _spread(X_source[at], paired),
        X_target,
        _spread(_sample_means(source.y, source.ids)[1][at], paired),
        _sample_means(target.y, target.ids)[1],
    )
    return pool[paired] if needs_pairs else pool


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
