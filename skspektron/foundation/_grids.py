"""Spectra of several instruments, each with its own axis."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import check_axis, check_labels


def axes_by_instrument(
    X: NDArray[Any], instrument, *, wavelength, wavenumber
) -> tuple[dict[Any, Any], NDArray[Any]]:
    """Return the axis of every instrument in cm-1, and the index of the axis of every row.

    `wavelength` or `wavenumber` maps instruments to axes. Rows of a shorter axis are padded with
    NaN.
    """
    if wavelength is not None and wavenumber is not None:
        check_axis(wavelength=(), wavenumber=(), n_features=0)  # raises: both are given
    unit, given = ("wavelength", wavelength) if wavenumber is None else ("wavenumber", wavenumber)
    if instrument is None:
        raise ValueError(
            f"{unit} is given for {len(given)} instruments, and the instruments of the rows are "
            "not known. Pass instrument= to fit, one name per row."
        )
    names, rows = np.unique(check_labels(instrument, len(X), "instrument"), return_inverse=True)
    missing = [str(name) for name in names if name not in given]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(names)} instruments have no axis: {', '.join(missing)}. "
            f"Pass {unit} with an axis for every instrument."
        )
    return {
        name: _check_length(X[rows == index], name, unit, given[name])
        for index, name in enumerate(names.tolist())
    }, rows


def distinct_axes(
    axes: Mapping[Any, Any], rows: NDArray[Any]
) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return the distinct axes, and the index of the axis of every row."""
    number: dict[bytes, int] = {}
    which = [number.setdefault(axis.tobytes(), len(number)) for axis in axes.values()]
    distinct = {index: axis for index, axis in zip(which, axes.values(), strict=True)}
    return [distinct[index] for index in sorted(distinct)], np.array(which)[rows]


def _check_length(X, name, unit, axis):
    """Return the axis of an instrument in cm-1; it must cover all measured channels."""
    n_measured = int(np.isfinite(X).any(axis=0).nonzero()[0].max(initial=-1)) + 1
    if not n_measured <= len(axis) <= X.shape[1]:
        raise ValueError(
            f"The axis of {name} has {len(axis)} channels, its spectra {n_measured} "
            f"of {X.shape[1]} columns. Pass one value per channel."
        )
    return check_axis(**{unit: axis}, n_features=len(axis))
