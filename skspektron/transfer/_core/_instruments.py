"""Labels of instruments: which rows are of the sources, and which of the target."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._interpolation import centre
from ..._samples import number_samples, warn_of_alike_ids
from ..._validation import OTHER_UNIT, check_labels
from ..._warnings import warn_user
from ._standards import Rows

TARGET, OTHER = -1, -2  # in place of a position among the sources


def resolve_instruments(
    labels: NDArray[Any], source: Any, target: Any, needs_target: bool = True
) -> tuple[Any, Any]:
    """Return the labels of source and target, inferring the one that is None.

    Several sources are a list. If no target row is needed, all rows may be of the sources; `target`
    is then returned unchanged.
    """
    names, counts = np.unique(labels, return_counts=True)
    known = names.tolist()
    sources = listed(source)
    if not needs_target and target not in known:
        if set(sources) == set(known):
            return _as_given(source, sources, known), target
        if source is None and target is not None and len(known) == 1:
            return known[0], target
    _check_known(source, sources, target, known)
    if target is None:
        others = [name for name in known if name not in sources]
        if source is None or len(others) != 1:
            raise ValueError(
                f"target=None is ambiguous with source={source!r} and the {len(known)} instruments "
                f"{known}. Pass target=."
            )
        target = others[0]
    if source is None:
        sources = [_most_frequent(known, counts, target)]
    if target in sources:
        raise ValueError(_source_is_target(sources, target, known))
    return _as_given(source, sources, known), target


def positions(labels: NDArray[Any], source: Any, target: Any) -> NDArray[np.intp]:
    """Return the position among the sources of the instrument of each row, `TARGET` or `OTHER`."""
    found = np.full(len(labels), OTHER)
    found[labels == target] = TARGET
    for k, name in enumerate(listed(source)):
        found[labels == name] = k
    return found


def positions_to_predict(
    instrument: Any, n_samples: int, source: Any, target: Any
) -> NDArray[np.intp]:
    """Return the positions of rows to predict: of the target if they have no labels.

    After a fit without instruments, they are of the source.
    """
    if instrument is None:
        return np.full(n_samples, TARGET if source is not None else 0)
    labels = check_labels(instrument, n_samples, "instrument")
    if source is None:
        raise ValueError(
            f"instrument must be None after a fit without instruments, got {n_samples} labels. "
            "Pass instrument=None, or fit with instrument=."
        )
    known = [*listed(source), target]
    unknown = sorted(set(labels.tolist()) - set(known))
    if unknown:
        raise ValueError(
            f"instrument must name the source or target of fit, {known}, got {unknown}. "
            f"Predict rows of those {len(known)} only, or fit again with these rows."
        )
    return positions(labels, source, target)


def read_to_predict(transfer: Any, X: Any, instrument: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return spectra in the columns of fit, and the position of each row among the sources.

    Source rows on fewer columns are refused: those would be read as the target's own channels.
    """
    read = transfer._layout.read(transfer, X, allow_nan=transfer._takes_nan)
    position = positions_to_predict(instrument, len(read), transfer.source_, transfer.target_)
    n_source, n_own = np.count_nonzero(position >= 0), len(transfer._layout.measured_by_target)
    if n_source and n_own < read.shape[1] and np.shape(X)[1] == n_own:
        raise ValueError(
            f"X has {n_own} columns, as the target has channels, and {n_source} of its "
            f"{len(read)} rows are of a source. Pass source rows in all {read.shape[1]} columns "
            "of fit, with NaN at channels that the source does not measure."
        )
    return read, position


def split_instruments(rows: Rows, position: NDArray[np.intp]) -> tuple[Rows, Rows, NDArray[Any]]:
    """Return the rows of the sources and of the target, numbered samples, and ids by number.

    Rows are sorted by these numbers, so that their order in `rows` does not matter.
    """
    used = np.flatnonzero(position != OTHER)
    X, y, position = rows.X[used], rows.y[used], position[used]
    is_target = position == TARGET
    ids = rows.ids[used]
    warn_of_alike_ids(ids[~is_target], ids[is_target])
    warn_of_units(X, position)
    numbers, names, order = number_samples(X, ids, y, is_target=is_target)
    of_source, of_target = order[~is_target[order]], order[is_target[order]]
    source, target = (Rows(X[at], y[at], numbers[at]) for at in (of_source, of_target))
    if position.max() > 0:
        source = Rows(source.X, source.y, source.ids, position[of_source])
    return source, target, names


def listed(source: Any) -> list[Any]:
    """Return the labels of the sources as a list; None is an empty one."""
    if source is None:
        return []
    if isinstance(source, str) or np.ndim(source) == 0:
        return [source]
    return np.asarray(source, dtype=object).tolist()


def _as_given(source: Any, sources: list[Any], known: list[Any]) -> Any:
    """Return the label of a single source, or a list of several of the `known` labels."""
    if len(sources) == 1:
        return source if np.ndim(source) == 0 and source is not None else sources[0]
    return [known[known.index(name)] for name in sources]


def _check_known(source: Any, sources: list[Any], target: Any, known: list[Any]) -> None:
    """Refuse labels that no row has, an empty list and repeated labels."""
    for role, given in (("source", sources), ("target", [] if target is None else [target])):
        unknown = [name for name in given if name not in known]
        if unknown and len(given) == 1:
            raise ValueError(
                f"{role} must be one of the {len(known)} instruments of the rows, got "
                f"{unknown[0]!r}. Pass one of {known}."
            )
        if unknown:
            raise ValueError(
                f"source must be some of the {len(known)} instruments of the rows, got {given}, "
                f"of which {len(unknown)} are not among them: {unknown}. Pass some of {known}."
            )
    if len(set(sources)) < len(sources) or (source is not None and not sources):
        raise ValueError(
            f"source must be one label or several different ones, got {len(sources)} labels of "
            f"{len(set(sources))} instruments: {sources}. Pass some of {known}, each once."
        )


def _most_frequent(known: list[Any], counts: NDArray[np.intp], target: Any) -> Any:
    """Return the most frequent label other than the target."""
    others = [i for i, name in enumerate(known) if name != target]
    if not others:
        raise ValueError(
            f"All rows are from target={target!r}. Stack the rows of a source instrument too."
        )
    return known[max(others, key=lambda i: counts[i])]  # ties: first in sorted order


def _source_is_target(sources: list[Any], target: Any, known: list[Any]) -> str:
    """Return the message for a target that is one of the sources."""
    if len(sources) == 1:
        return (
            f"source and target must be two instruments, got {target!r} for both. "
            f"Pass two of {known}."
        )
    return (
        f"source and target must be different instruments, got target={target!r} and "
        f"{len(sources)} sources that include it: {sources}. Remove it from source."
    )


def warn_of_units(X: NDArray[Any], position: NDArray[np.intp]) -> None:
    """Warn of instruments whose spectra seem to be in another unit than those of the source."""
    reference = typical_size(X[position == 0])
    for each in np.unique(position[position != 0]):
        ratio = typical_size(X[position == each]) / reference
        if np.isfinite(ratio) and not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
            name = "the target" if each == TARGET else f"source {each + 1}"
            warn_user(
                f"The spectra of {name} vary {ratio:.2g} times as much over their channels as "
                "those of the source, as in another unit. Convert all spectra to one unit, or "
                "divide each by its size before the transfer, as SNV() does."
            )


def typical_size(X: NDArray[Any]) -> float:
    """Return the median over spectra of their deviation over the channels, NaN if all are flat."""
    centred = centre(np.asarray(X, dtype=np.float64))
    with np.errstate(over="ignore", under="ignore"):
        square = np.nansum(centred**2, axis=1)
    sizes = np.sqrt(square / np.maximum(np.count_nonzero(~np.isnan(centred), axis=1), 1))
    return float(np.median(sizes[sizes > 0])) if sizes.any() else np.nan
