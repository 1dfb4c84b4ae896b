"""Parameters of text, and the check that numbers in it are an axis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._axis_units import counts_channels
from ._table import Misfit
from ._units import place_axis

_ISOLATED = 20  # times the median step: no channel of an axis without unit is so far from others
_RANGE = {"nm": (120.0, 1e6), "cm-1": (-1e4, 1e5)}


@dataclass(frozen=True)
class TextOptions:
    """Parameters of `read_spectra` for text."""

    layout: str = "auto"
    axis: str | None = None
    id_column: str | None = None
    skip_rows: int = 0


def checked_axis(
    positions: NDArray[np.float64], label: str, options: TextOptions, where: str
) -> tuple[NDArray[np.float64], str]:
    """Return an axis and its unit; raise Misfit if positions are not those of an axis."""
    step = np.diff(positions)
    if len(step) < 1 or not ((step > 0).all() or (step < 0).all()):
        raise Misfit(f"the numbers of {where} are not strictly monotonic", has_axis=False)
    try:
        axis, unit = place_axis(positions, label)
    except ValueError as error:
        raise Misfit(str(error)) from error
    low, high = axis.min(), axis.max()
    if unit in _RANGE and not _RANGE[unit][0] <= low <= high <= _RANGE[unit][1]:
        raise Misfit(
            f"the axis of {where} goes from {low:g} to {high:g} {unit}, beyond all spectrometers. "
            "Correct its unit.",
            has_axis=False,
        )
    if not unit:
        _check_bare(positions, options, where)
    return axis, unit


def _check_bare(positions: NDArray[np.float64], options: TextOptions, where: str) -> None:
    """Raise Misfit if numbers without a unit count channels, or one is far from the others."""
    size = np.abs(np.diff(positions))
    if options.axis is None and counts_channels(positions):
        raise Misfit(f"the numbers of {where} count channels", has_axis=False)
    ends = [(0, size[1:]), (-1, size[:-1])] if len(size) > 1 else []
    for end, others in ends:
        if size[end] > _ISOLATED * np.median(others):
            raise Misfit(
                f"{where} has {positions[end]:g}, far from the other channels. If it is one, add "
                "the unit to all, as in '1100 nm' or 'Wavelength (nm)'; otherwise rename it.",
                has_axis=False,
            )
    _check_parts(positions, where)
    if len(positions) == 2 and not 0 < positions.max() <= 100 * positions.min():
        raise Misfit(f"the 2 numbers of {where} are no axis without a unit", has_axis=False)


def _check_parts(positions: NDArray[np.float64], where: str) -> None:
    """Raise Misfit if numbers before or after a gap count something else, such as replicates."""
    step = np.diff(positions)
    gaps = np.flatnonzero(np.abs(step) > _ISOLATED * np.median(np.abs(step)))
    parts = np.split(positions, gaps + 1)
    counts = [bool((part % 1 == 0).all() and (np.abs(np.diff(part)) == 1).all()) for part in parts]
    is_low = [part.max() < 150 for part in parts]
    if len({*counts}) > 1 or len({*is_low}) > 1:
        at = is_low.index(True) if len({*is_low}) > 1 else counts.index(True)
        raise Misfit(
            f"{where} has {parts[at][0]:g} to {parts[at][-1]:g}, far from the other channels and "
            "perhaps not of them. If they are channels, add the unit to all, as in '1100 nm' or "
            "'Wavelength (nm)'; otherwise rename them.",
            has_axis=False,
        )
