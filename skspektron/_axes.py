"""Spectral axes in column names: their numbers and units, and which columns are which channels."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Relative. Positions of one channel that two files round differently agree within this.
CHANNEL_TOLERANCE = 1e-6
# "1100", "1100.0", "1100 nm", "4000 cm-1", "4000 cm^-1", "4000 cm⁻¹", "4000 1/cm", "-10.5 cm-1"
_CHANNEL_NAME = re.compile(r"\s*([-−]?(?:\d+\.?\d*|\.\d+))\s*(nm|cm-1|cm\^-1|cm⁻¹|1/cm)?\s*")


def channels_in_names(names: Iterable[Any]) -> tuple[NDArray[np.float64], str | None] | None:
    """Return the numbers in column names and their unit, None if a name is anything else.

    The unit is "nm", "cm-1" or None; names with different units give None.
    """
    matches = [_CHANNEL_NAME.fullmatch(str(name)) for name in names]
    found = [match for match in matches if match]
    units = {match[2] and ("nm" if match[2] == "nm" else "cm-1") for match in found}
    if len(found) < len(matches) or len(units) != 1:
        return None
    return np.array([float(match[1].replace("−", "-")) for match in found]), units.pop()


def match_channels(
    names: Sequence[Any], expected: Sequence[Any] | NDArray[Any]
) -> NDArray[np.intp] | None:
    """Return the positions in `names` of the channels `expected`, None if they are others.

    Names of one channel may differ in notation: "4000", "4000.0 cm-1" and "2500 nm" match.
    """
    if len(names) != len(expected):
        return None
    own, other = channels_in_names(names), channels_in_names(expected)
    if own is None or other is None:
        return None
    (values, unit), (wanted, wanted_unit) = own, other
    readings = [values] if None in (unit, wanted_unit) or unit == wanted_unit else []
    if unit is None or unit != wanted_unit:
        with np.errstate(divide="ignore"):
            readings.append(1e7 / values)
    orders = (_match_numbers(reading, wanted) for reading in readings)
    return next((order for order in orders if order is not None), None)


def _match_numbers(values: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return the positions in `values` of the numbers `wanted`, None if they are others."""
    order, rank = np.argsort(values), np.argsort(wanted)
    is_same = np.abs(values[order] - wanted[rank]) <= CHANNEL_TOLERANCE * np.abs(wanted[rank])
    if not is_same.all() or not np.diff(wanted[rank]).all():
        return None
    positions = np.empty(len(wanted), dtype=np.intp)
    positions[rank] = order
    return positions
