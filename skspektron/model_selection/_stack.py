"""Stacking of the spectra of several instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from .._frames import as_frame, frame_kind, in_order_of_names, with_text_names
from .._parameters import check_arguments, declares, instance_of
from .._validation import check_labels, check_references, count_rows
from ._merged_axis import instrument_axes, merge_axes


@declares(
    instruments=instance_of(
        Mapping, "a mapping of names to (X, y, sample_id)", "Pass {name: (X, y, sample_id), ...}."
    )
)
def stack_instruments(
    instruments: Mapping[Any, tuple[Any, ArrayLike | None, ArrayLike]],
    *,
    wavelength: Mapping[Any, ArrayLike] | None = None,
    wavenumber: Mapping[Any, ArrayLike] | None = None,
) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Stack the rows of several instruments, with the instrument and sample of each row.

    The result is the input of the ``fit`` of all ``*Transfer`` estimators. Rows of the same sample
    on two instruments are matched by their id, never by their position.

    Parameters
    ----------
    instruments : mapping of name to (X, y, sample_id)
        For each instrument the spectra (n_samples, n_features); the reference values (n_samples,)
        or (n_samples, n_targets), the names of classes (n_samples,), or None; and the ids of the
        physical samples (n_samples,). Replicate scans have the same id.
    wavelength : mapping of name to array-like of shape (n_features,), default=None
        Axis of each instrument in nm, strictly monotonic in either direction. Needed for a
        transfer between different grids: without axes, a column is the same wavelength on all
        instruments.
    wavenumber : mapping of name to array-like of shape (n_features,), default=None
        The same in cm-1. Pass at most one of both.

    Returns
    -------
    X : ndarray or DataFrame of shape (n_rows, n_features)
        All spectra, in the order of the mapping. With axes, a DataFrame on the merged axis: one
        column for each channel of any instrument, named ``"1100.0 nm"`` or ``"4000.0 cm-1"``, which
        all estimators of this package read as the axis. Columns descend if the axes of all
        instruments do, and ascend otherwise. A row is NaN in channels that its instrument does not
        have. Channels within a relative distance of 1e-6 are one column. Without axes, a DataFrame
        if all spectra are DataFrames with the same columns, which may be in another order if they
        name channels; otherwise an ndarray in which rows with fewer channels are padded with NaN,
        as expected by `SpektronPretrainer` with an axis for each instrument. The DataFrame is a
        polars one if the first spectra are, otherwise a pandas one.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Reference values, NaN where missing; or names of classes, None where missing.
    instrument : ndarray of shape (n_rows,)
        Name of the instrument of each row.
    sample_id : ndarray of shape (n_rows,)
        Id of the physical sample of each row.

    Raises
    ------
    ValueError
        If there is no instrument, an entry is not a triple, lengths or targets disagree, or an
        axis is missing or does not match its spectra.
    TypeError
        If names or ids mix strings and numbers, or the axes are not a mapping.
    ImportError
        If axes are given and pandas is not installed.

    Notes
    -----
    Memory is O(n_rows n_merged), where n_merged is the number of channels of the merged axis: for
    instruments without common channels, the sum of their numbers of channels.

    Examples
    --------
    >>> from skspektron.model_selection import stack_instruments
    >>> X, y, instrument, sample_id = stack_instruments(
    ...     {"old": ([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0], [1, 2]),
    ...      "new": ([[1.5, 2.5]], None, [2])})
    >>> y.tolist(), instrument.tolist(), sample_id.tolist()
    ([10.0, 20.0, nan], ['old', 'old', 'new'], [1, 2, 2])
    """
    check_arguments(stack_instruments, locals())
    if not instruments:
        raise ValueError(
            "instruments must contain at least one instrument, got 0. "
            "Pass {name: (X, y, sample_id), ...}."
        )
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
    """Raise if an entry is not (X, y, sample_id)."""
    if not isinstance(entry, tuple | list) or len(entry) != 3:
        got = f"{len(entry)} items" if isinstance(entry, tuple | list) else type(entry).__name__
        raise ValueError(
            f"Instrument {name!r} must be a tuple (X, y, sample_id), got {got}. "
            "Pass y=None if there are no reference values."
        )


def _stack_spectra(spectra, lengths):
    """Stack data frames with the same columns as a frame, anything else padded with NaN."""
    kinds = [frame_kind(X) for X in spectra]
    spectra = _in_order_of_first(spectra)
    frames = [X for X, kind in zip(spectra, kinds, strict=True) if kind]
    _check_same_columns(frames)
    arrays = [_as_array(X) for X in spectra]
    if kinds[0] is not None and len(frames) == len(spectra):
        return as_frame(np.concatenate(arrays), frames[0].columns, kinds[0])
    width = max(X.shape[1] for X in arrays)
    stacked = np.full((sum(lengths), width), np.nan)
    for rows, X in zip(np.split(stacked, np.cumsum(lengths)[:-1]), arrays, strict=True):
        rows[:, : X.shape[1]] = X
    return stacked


def _in_order_of_first(spectra):
    """Return data frames whose columns name the channels of the first frame in its order."""
    first = next((with_text_names(X) for X in spectra if frame_kind(X)), None)
    return spectra if first is None else [in_order_of_names(X, first.columns) for X in spectra]


def _check_same_columns(frames):
    """Raise if data frames have different columns: they cannot be matched by position."""
    for X in frames[1:]:
        names, first = list(X.columns), list(frames[0].columns)
        if names != first:
            n_other = len(set(names) - set(first))
            raise ValueError(
                "Data frames must have the same columns in the same order, got "
                f"{n_other} of {len(names)} column names that are not among the {len(first)} of "
                "another instrument. Pass wavelength= or wavenumber= with the axis of each "
                "instrument, or pass arrays to match columns by position."
            )


def _stack_on_merged_axis(spectra, lengths, names, wavelength, wavenumber):
    """Stack spectra as a data frame with one column for each channel of any instrument."""
    arrays = [_as_array(X) for X in spectra]
    widths = {name: X.shape[1] for name, X in zip(names, arrays, strict=True)}
    columns = {n: list(X.columns) for n, X in zip(names, spectra, strict=True) if frame_kind(X)}
    axes = instrument_axes(widths, columns, wavelength=wavelength, wavenumber=wavenumber)
    merged, at = merge_axes(axes)
    stacked = np.full((sum(lengths), len(merged)), np.nan)
    rows = np.split(stacked, np.cumsum(lengths)[:-1])
    for part, X, name in zip(rows, arrays, names, strict=True):
        part[:, at[name]] = X
    unit = "cm-1" if wavelength is None else "nm"
    # The shortest digits that represent the number exactly, without an exponent.
    channels = [f"{np.format_float_positional(value, trim='0')} {unit}" for value in merged]
    try:
        return as_frame(stacked, channels, frame_kind(spectra[0]) or "pandas")
    except ImportError as error:
        raise ImportError(
            "stack_instruments returns the merged axis as columns of a pandas DataFrame, but "
            "pandas is not installed. Install it with pip install pandas, or pass polars frames."
        ) from error


def _as_array(X):
    """Return spectra as float64; NaN marks missing channels."""
    return check_array(X, dtype=np.float64, ensure_all_finite="allow-nan")


def _stack_references(references, lengths, names):
    """Stack reference values, NaN for an instrument without them."""
    arrays = [
        None if y is None else check_references(y, length, f"instrument {name!r}")
        for y, length, name in zip(references, lengths, names, strict=True)
    ]
    trailing = {y.shape[1:] for y in arrays if y is not None} or {()}
    if len(trailing) > 1:
        shapes = {name: y.shape for name, y in zip(names, arrays, strict=True) if y is not None}
        raise ValueError(
            f"y must have the same targets for all instruments, got shapes {shapes}. "
            "Pass NaN where a target was not measured."
        )
    (shape,) = trailing
    kinds = {y.dtype == object for y in arrays if y is not None}
    if len(kinds) > 1:
        raise TypeError(
            f"y is names of classes for some of the {len(names)} instruments and numbers for "
            "others. Pass the same kind for all, or None."
        )
    missing = None if True in kinds else np.nan
    parts = zip(arrays, lengths, strict=True)
    return np.concatenate([np.full((n, *shape), missing) if y is None else y for y, n in parts])


def _stack_ids(ids, lengths, names):
    """Stack sample ids without converting numbers to strings."""
    labels = [
        check_labels(values, length, f"sample_id of instrument {name!r}")
        for values, length, name in zip(ids, lengths, names, strict=True)
    ]
    if len({values.dtype.kind for values in labels}) > 1:  # signed and unsigned integers too
        labels = [values.astype(object) for values in labels]
    return check_labels(np.concatenate(labels), sum(lengths), "sample_id")
