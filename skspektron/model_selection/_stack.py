"""Stack the spectra of several instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from .._frames import as_frame, frame_kind
from .._validation import check_labels, check_references, count_rows
from ._merged_axis import instrument_axes, merge_axes


def stack_instruments(
    instruments: Mapping[Any, tuple[Any, ArrayLike | None, ArrayLike]],
    *,
    wavelength: Mapping[Any, ArrayLike] | None = None,
    wavenumber: Mapping[Any, ArrayLike] | None = None,
) -> tuple[Any, NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """Stack the rows of several instruments and name each row's instrument and sample.

    The result is what every ``*Transfer`` estimator fits: rows of one sample on two
    instruments are recognised by their id, never by their position.

    Parameters
    ----------
    instruments : mapping of name to (X, y, sample_id)
        Per instrument the spectra (n_samples, n_features); the reference values (n_samples,)
        or (n_samples, n_targets), or None where there are none; and the ids of the physical
        samples (n_samples,). Replicate scans repeat their id.
    wavelength : mapping of name to array-like of shape (n_features,), default=None
        Axis of every instrument in nm, strictly monotonic in either direction. Needed for a
        transfer between different grids: without axes a column is one wavelength on all
        instruments.
    wavenumber : mapping of name to array-like of shape (n_features,), default=None
        The same in cm-1; never both.

    Returns
    -------
    X : ndarray or DataFrame of shape (n_rows, n_features)
        All spectra, in the order of the mapping. With axes, a DataFrame on the merged axis: one
        column for every channel that any instrument measures, ascending and named ``"1100.0 nm"``
        or ``"4000.0 cm-1"``, which every estimator here reads as the axis. A row is NaN in the
        channels that its instrument does not have. Channels that agree within 1e-6 of their
        position are one column. Without axes, a DataFrame when all are DataFrames with the same
        columns, else an ndarray in which rows of fewer channels end in NaN, as
        `SpektronPretrainer` takes them with an axis for every instrument. A DataFrame is one of
        polars where the first spectra are, else of pandas.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Reference values, NaN where there are none.
    instrument : ndarray of shape (n_rows,)
        Name of each row's instrument.
    sample_id : ndarray of shape (n_rows,)
        Id of each row's physical sample.

    Raises
    ------
    ValueError
        If there is no instrument, an entry is no triple, lengths or targets disagree, or an axis
        is missing or does not fit its spectra.
    TypeError
        If names or ids mix strings and numbers, or the axes are no mapping.
    ImportError
        If axes are given and pandas is not installed.

    Notes
    -----
    The merged axis of instruments that share no channel is as long as all their axes together, so
    the memory taken is O(n_rows) times that.

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
    owners = (f"instrument {name!r}" for name in instruments)
    lengths = [count_rows(X, owner) for X, owner in zip(spectra, owners, strict=True)]
    names = np.repeat(np.arange(len(lengths)), lengths)
    if wavelength is None and wavenumber is None:
        X = _stack_spectra(spectra, lengths)
    else:
        X = _stack_on_merged_axis(spectra, lengths, list(instruments), wavelength, wavenumber)
    return (
        X,
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
    kinds = [frame_kind(X) for X in spectra]
    frames = [X for X, kind in zip(spectra, kinds, strict=True) if kind]
    _refuse_other_columns(frames)
    arrays = [_as_array(X) for X in spectra]
    if kinds[0] is not None and len(frames) == len(spectra):
        return as_frame(np.concatenate(arrays), frames[0].columns, kinds[0])
    width = max(X.shape[1] for X in arrays)
    stacked = np.full((sum(lengths), width), np.nan)
    for rows, X in zip(np.split(stacked, np.cumsum(lengths)[:-1]), arrays, strict=True):
        rows[:, : X.shape[1]] = X
    return stacked


def _refuse_other_columns(frames):
    """Refuse frames that name their channels differently: position says nothing then."""
    for X in frames[1:]:
        names, first = list(X.columns), list(frames[0].columns)
        if names != first:
            n_other = len(set(names) - set(first))
            raise ValueError(
                f"Of {len(names)} column names of one instrument {n_other} are not among the "
                f"{len(first)} of another, or their order differs. Pass wavelength= or wavenumber= "
                "with the axis of every instrument, or arrays where position is meant."
            )


def _stack_on_merged_axis(spectra, lengths, names, wavelength, wavenumber):
    """Stack spectra as a frame with one column for every channel of any instrument."""
    arrays = [_as_array(X) for X in spectra]
    widths = {name: X.shape[1] for name, X in zip(names, arrays, strict=True)}
    axes = instrument_axes(widths, wavelength=wavelength, wavenumber=wavenumber)
    merged, columns = merge_axes(axes)
    stacked = np.full((sum(lengths), len(merged)), np.nan)
    rows = np.split(stacked, np.cumsum(lengths)[:-1])
    for part, X, name in zip(rows, arrays, names, strict=True):
        part[:, columns[name]] = X
    unit = "cm-1" if wavelength is None else "nm"
    # The shortest digits that give the number back, and never an exponent.
    channels = [f"{np.format_float_positional(value, trim='0')} {unit}" for value in merged]
    try:
        return as_frame(stacked, channels, frame_kind(spectra[0]) or "pandas")
    except ImportError as error:
        raise ImportError(
            "stack_instruments names the channels of the merged axis in a pandas DataFrame, and "
            "pandas is not installed. Install it with pip install pandas, or pass polars frames."
        ) from error


def _as_array(X):
    """Return spectra as float64; NaN marks an unmeasured channel."""
    return check_array(X, dtype=np.float64, ensure_all_finite="allow-nan")


def _stack_references(references, lengths, names):
    """Stack reference values, NaN for an instrument that has none."""
    arrays = [
        None if y is None else check_references(y, length, f"instrument {name!r}")
        for y, length, name in zip(references, lengths, names, strict=True)
    ]
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
