"""Numbers of samples that depend neither on their names nor on the order of the rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._warnings import warn_user

FIRST_VALUES = 8  # the smallest values of a spectrum, which usually suffice to compare two
SIGN_BIT = np.uint64(1 << 63)


def number_samples(
    X: NDArray[Any],
    ids: NDArray[Any],
    y: NDArray[Any] | None = None,
    *,
    is_target: NDArray[np.bool_] | bool = False,
) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.intp]]:
    """Return the number of the sample of each row, the ids by number, and the rows in order.

    Folds, ties and seeds follow these numbers, so that renaming samples and shuffling rows change
    no fit. Samples are ordered by their source spectra, then by their target spectra, whatever the
    order of the channels, and by reference values if all their spectra are equal. This order is
    shuffled with a fixed seed, so that consecutive samples are not similar ones. Samples without
    source spectra come last, so that they change the numbers of no other sample. The rows of a
    sample are ordered in the same way.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Spectra, with NaN where a channel was not measured.
    ids : ndarray of shape (n_rows,)
        Sample of each row.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets), default=None
        Reference values, with NaN where unknown.
    is_target : ndarray of shape (n_rows,) of bool, default=False
        Whether each row is from the target instrument.
    """
    names, sample = np.unique(ids, return_inverse=True)
    by_spectra = np.broadcast_to(np.asarray(is_target, dtype=np.intp), len(X))
    values = np.sort(X, axis=1)
    for part in (values[:, :FIRST_VALUES], values, X):
        if by_spectra.max() < len(X) - 1:  # some rows have equal ranks
            by_spectra = _ranks(by_spectra, part)
    by_values = by_spectra if y is None else _ranks(by_spectra, y)
    keys: list[Any] = [([], []) for _ in names]
    for row in np.lexsort((by_values, by_spectra)):
        for ranks, rank in zip(keys[sample[row]], (by_spectra[row], by_values[row]), strict=True):
            ranks.append(int(rank))
    order = np.array(sorted(range(len(names)), key=keys.__getitem__), dtype=np.intp)
    n_source = len(np.unique(sample[~np.broadcast_to(is_target, len(X))]))
    order = np.concatenate([_shuffled(order[:n_source]), _shuffled(order[n_source:])])
    numbers = np.argsort(order)[sample]
    return numbers, names[order], np.lexsort((by_values, numbers))


def warn_of_alike_ids(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Warn if samples of the target have ids that differ from those of the source in spelling only.

    Such ids name different samples: these are not paired, and a sample could be on both sides of a
    split. An id is left alone if the other instrument has a sample of exactly this name.
    """
    if source.dtype.kind not in "OUS":
        return
    own, other = set(source.tolist()), set(target.tolist())
    plain = {_plain(name): name for name in own - other}
    pairs = [(name, plain[_plain(name)]) for name in other - own if _plain(name) in plain]
    if pairs:
        first, second = min(pairs, key=repr)
        warn_user(
            f"{len(pairs)} of {len(other)} target samples are not paired, because their sample_id "
            "differs from one of the source in blanks or in upper and lower case, for example "
            f"{first!r} and {second!r}. Give a sample the same id on all instruments."
        )


def _plain(name: Any) -> Any:
    """Return an id without the blanks around it and without upper case."""
    return name.strip().casefold() if isinstance(name, str) else name


def _ranks(first: NDArray[np.intp], rows: NDArray[Any]) -> NDArray[np.intp]:
    """Return the rank of every row by `first` and then by its values; equal rows share a rank."""
    table = np.column_stack([first, rows]).astype(np.float64) + 0.0  # no -0.0
    table[np.isnan(table)] = np.nan  # with one sign
    bits = table.view(np.uint64)
    # Big-endian integers with these bits compare, as bytes, as the numbers do.
    bits ^= np.where(bits >= SIGN_BIT, ~np.uint64(0), SIGN_BIT)
    as_bytes = bits.astype(">u8", order="C").view(f"V{8 * table.shape[1]}").ravel()
    return np.unique(as_bytes, return_inverse=True)[1]


def _shuffled(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `order` shuffled, always the same way for the same length."""
    return order[np.random.RandomState(0).permutation(len(order))]
