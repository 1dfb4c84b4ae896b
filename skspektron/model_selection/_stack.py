"""Stack the spectra of several instruments."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from .._validation import check_labels


def stack_instruments(
    instruments: Mapping[Any, tuple],
) -> tuple[Any, NDArray[np.float64], NDArray, NDArray]:
    """Stack the rows of several instruments and name each row's instrument and sample.

    The result is what every ``*Transfer`` estimator fits: rows of one sample on two
    instruments are recognised by their id, never by their position.

    Parameters
    ----------
    instruments : mapping of name to (X, y, sample_id)
        Per instrument the spectra (n_samples, n_features); the reference values (n_samples,)
        or (n_samples, n_targets), or None where there are none; and the ids of the physical
        samples (n_samples,). Replicate scans repeat their id.

    Returns
    -------
    X : ndarray or DataFrame of shape (n_rows, n_features)
        All spectra, in the order of the mapping. Of instruments with fewer channels the rows
        end in NaN, an unmeasured channel. A DataFrame when all are DataFrames with the same
        columns.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Reference values, NaN where there are none.
    instrument : ndarray of shape (n_rows,)
        Name of each row's instrument.
    sample_id : ndarray of shape (n_rows,)
        Id of each row's physical sample.

    Raises
    ------
    ValueError
        If there is no instrument, an entry is no triple, or lengths or targets disagree.
    TypeError
        If names or ids mix strings and numbers.

    Examples
    --------
    >>> from skspektron.model_selection import stack_instruments
    >>> X, y, instrument, sample_id = stack_instruments(
    ...     {"old": ([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0], [1, 2]),
    ...      "new": ([[1.5, 2.5]], None, [2])})
    >>> y.tolist(), instrument.tolist(), sample_id.tolist()
    ([10.0, 20.0, nan], ['old', 'old', 'new'], [1, 2, 2])
    """
    if not instruments:
        raise ValueError("instruments holds 0 instruments. Pass {name: (X, y, sample_id), ...}.")
    for name, entry in instruments.items():
        _check_triple(name, entry)
    spectra, references, ids = zip(*instruments.values(), strict=True)
    lengths = [len(X) for X in spectra]
    names = np.repeat(np.arange(len(lengths)), lengths)
    return (
        _stack_spectra(spectra, lengths),
        _stack_references(references, lengths, list(instruments)),
        check_labels(list(instruments), len(lengths), "instrument name")[names],
        _stack_ids(ids, lengths, list(instruments)),
    )


def _check_triple(name, entry):
    """Refuse an entry that is not (X, y, sample_id)."""
    if not isinstance(entry, tuple | list) or len(entry) != 3:
        size = f"{len(entry)} items" if isinstance(entry, tuple | list) else type(entry).__name__
        raise ValueError(
            f"Instrument {name!r} has {size}, expected 3. "
            "Pass (X, y, sample_id), with y=None where there are no reference values."
        )


def _stack_spectra(spectra, lengths):
    """Stack frames with the same columns as a frame, anything else padded with NaN."""
    if all(hasattr(X, "columns") and X.columns.equals(spectra[0].columns) for X in spectra):
        import pandas as pd

        return pd.concat(spectra, ignore_index=True)
    arrays = [check_array(X, dtype=np.float64, ensure_all_finite="allow-nan") for X in spectra]
    width = max(X.shape[1] for X in arrays)
    stacked = np.full((sum(lengths), width), np.nan)
    for rows, X in zip(np.split(stacked, np.cumsum(lengths)[:-1]), arrays, strict=True):
        rows[:, : X.shape[1]] = X
    return stacked


def _stack_references(references, lengths, names):
    """Stack reference values, NaN for an instrument that has none."""
    arrays = [None if y is None else np.asarray(y, dtype=np.float64) for y in references]
    for y, length, name in zip(arrays, lengths, names, strict=True):
        if y is not None and (y.ndim not in (1, 2) or len(y) != length):
            raise ValueError(
                f"y of instrument {name!r} has shape {y.shape}, X has {length} rows. "
                "Pass one row of reference values per spectrum, NaN where there is none."
            )
    trailing = {y.shape[1:] for y in arrays if y is not None} or {()}
    if len(trailing) > 1:
        shapes = {name: y.shape for name, y in zip(names, arrays, strict=True) if y is not None}
        raise ValueError(
            f"The instruments disagree on the targets: y has shapes {shapes}. "
            "Pass the same targets for every instrument, NaN where they were not measured."
        )
    (shape,) = trailing
    parts = zip(arrays, lengths, strict=True)
    return np.concatenate([np.full((n, *shape), np.nan) if y is None else y for y, n in parts])


def _stack_ids(ids, lengths, names):
    """Stack sample ids without letting numpy turn numbers into strings."""
    labels = [
        check_labels(values, length, f"sample_id of instrument {name!r}")
        for values, length, name in zip(ids, lengths, names, strict=True)
    ]
    kinds = {"number" if values.dtype.kind in "biuf" else values.dtype.kind for values in labels}
    if len(kinds) > 1:
        labels = [values.astype(object) for values in labels]
    return check_labels(np.concatenate(labels), sum(lengths), "sample_id")
