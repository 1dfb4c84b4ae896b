"""Common axis of instruments with different channels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._axes import CHANNEL_TOLERANCE
from .._validation import check_axis
from .._warnings import warning_once


@warning_once()
def instrument_axes(
    n_features: Mapping[Any, int], feature_names: Mapping[Any, Any], *, wavelength, wavenumber
) -> dict[Any, NDArray[np.float64]]:
    """Return the checked axis of each instrument, in the unit in which it was given.

    `feature_names` are the column names of those with a data frame.
    """
    given = {"wavelength": wavelength, "wavenumber": wavenumber}
    given = {unit: axes for unit, axes in given.items() if axes is not None}
    for unit, axes in given.items():
        _check_mapping(unit, axes, list(n_features))
    checked = {}
    for name, n in n_features.items():
        own = {unit: axes[name] for unit, axes in given.items()}
        try:
            check_axis(**own, n_features=n, feature_names=feature_names.get(name))
        except (TypeError, ValueError) as error:
            raise type(error)(f"Instrument {name!r}: {error}") from error
        (axis,) = own.values()
        checked[name] = np.asarray(axis, dtype=np.float64)
    return checked


def merge_axes(
    axes: Mapping[Any, NDArray[Any]],
) -> tuple[NDArray[np.float64], dict[Any, NDArray[np.intp]]]:
    """Return all channels, and the columns of each instrument.

    They descend if the axes of all instruments do, and ascend otherwise.
    """
    values = np.concatenate(list(axes.values()))
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    is_new = np.diff(ascending, prepend=-np.inf) > CHANNEL_TOLERANCE * np.abs(ascending)
    column = np.empty(len(values), dtype=np.intp)
    column[order] = np.cumsum(is_new) - 1
    ends = np.cumsum([len(axis) for axis in axes.values()])[:-1]
    columns = dict(zip(axes, np.split(column, ends), strict=True))
    for name, own in columns.items():
        n_merged = len(own) - len(np.unique(own))
        if n_merged:
            raise ValueError(
                f"Instrument {name!r} has {n_merged} of {len(own)} channels within a relative "
                f"distance of {CHANNEL_TOLERANCE:g} of another channel. Average or drop them."
            )
    merged = ascending[is_new]
    falls = [axis[0] > axis[-1] for axis in axes.values() if len(axis) > 1]
    if falls and all(falls):
        merged = merged[::-1]
        columns = {name: len(merged) - 1 - own for name, own in columns.items()}
    return merged, columns


def _check_mapping(unit, axes, names):
    """Raise if `axes` is not a mapping with one axis per instrument."""
    if not isinstance(axes, Mapping):
        raise TypeError(
            f"{unit} must be a mapping with an axis for each of the {len(names)} instruments, got "
            f"{type(axes).__name__}. Pass {unit}={{name: axis, ...}}."
        )
    missing = [name for name in names if axes.get(name) is None]
    if missing:
        raise ValueError(
            f"{unit} has no axis for {len(missing)} of {len(names)} instruments: {missing}. "
            "Pass one for each instrument."
        )
