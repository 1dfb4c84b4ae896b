"""Units of spectral axes: which ranges are plausible in nm, and which in cm-1."""

import numpy as np
from numpy.typing import NDArray

from ._warnings import warn_user

NM = 150.0, 3300.0  # of laboratory spectrometers, from the far ultraviolet to the near infrared
NAME_TOLERANCE = 1e-3  # relative, since column names are rounded
SHORTEST, LONGEST = 100.0, 1e6  # nm; outside, the numbers are in another unit
_NM_COMMON = 2600.0  # end of near-infrared instruments
_LOWEST = 30.0  # cm-1; an axis that ends here is in micrometres
# Axes in nm of near-infrared instruments that go on to the end of their range; in cm-1, spectra
# begin at 650 or less, or end at 2000 or less or at 4000.
_FIRST_NM, _LAST_NM = (750.0, 1400.0), (2300.0, _NM_COMMON)


def likely_unit(low: float, high: float) -> tuple[str, str]:
    """Return the likely unit of an axis without one, and the other plausible one or ""."""
    if high <= NM[0] and low > -10:
        return "", ""
    if low < NM[0]:  # a Raman shift or the far infrared
        return "cm-1", ""
    if high <= _NM_COMMON:  # to 2300 nm and more from the visible: no region of cm-1 ends there
        return "nm", "" if low >= 350 and high >= 2300 else "cm-1"
    if high <= NM[1]:
        return "cm-1", "nm"
    # From 2000 to 3500: the mid infrared in nm begins there, the near infrared in cm-1 does not.
    is_mid_infrared = (2000 <= low < 3500 and high > 4500) or (low >= 2000 and high > 15000)
    return "cm-1", "nm" if is_mid_infrared else ""


def check_unit(axis: NDArray[np.float64], name: str, unit: str) -> None:
    """Raise ValueError if no axis in `unit` ("nm" or "cm-1") has this range; warn if few do."""
    low, high = float(axis.min()), float(axis.max())
    ends = f"{axis[0]:g} to {axis[-1]:g}"
    limit = _impossible(low, high, unit)
    if limit:
        raise ValueError(f"{name} must be in {unit}, got {ends}. {limit}")
    doubt = _doubt_in_nm(axis, low, high) if unit == "nm" else _doubt_in_cm(axis, low, high)
    if doubt:
        # One key, as estimators pass the axis on to others in cm-1.
        warn_user(
            f"{name} from {ends} was taken in {unit}, as stated, but {doubt}",
            key="unit of an axis",
        )


def unit_of_numbers(values: NDArray[np.float64]) -> str:
    """Return the unit of numbers in column names that state none, "" if they are no axis.

    It warns if both units are plausible.
    """
    step = np.diff(values)
    if counts_channels(values) or not (np.all(step > 0) or np.all(step < 0)):
        return ""
    unit, other = likely_unit(float(values.min()), float(values.max()))
    if other:
        warn_user(
            f"The column names from {values[0]:g} to {values[-1]:g} have no unit and were taken in "
            f"{unit}; they may be in {other}. Add the unit to the names, as in '{values[0]:g} "
            f"{unit}', or state the axis with wavelength= (nm) or wavenumber= (cm-1).",
            key="unit of column names",
        )
    return unit


def counts_channels(values: NDArray[np.float64]) -> bool:
    """Return whether numbers count channels from 0 or 1."""
    return bool(values[0] in (0, 1) and np.all(np.diff(values) == 1))


def check_names_agree(
    values: NDArray[np.float64], unit: str | None, axis: NDArray[np.float64], name: str
) -> None:
    """Warn if the numbers in column names are another axis than the one stated, in cm-1."""
    with np.errstate(divide="ignore"):
        readings = {"cm-1": values, "nm": 1e7 / values}
    likely, _ = likely_unit(float(values.min()), float(values.max()))
    stated = readings.values() if unit is None else [readings[unit]]
    if likely and not any(np.allclose(each, axis, rtol=NAME_TOLERANCE) for each in stated):
        warn_user(
            f"{name} was used as the axis, {axis[0]:g} to {axis[-1]:g} cm-1, although the column "
            f"names go from {values[0]:g} to {values[-1]:g}{f' {unit}' if unit else ''}. Leave out "
            f"{name}= if the names are right, or remove them from X.",
            key="names of another axis",
        )


def _impossible(low: float, high: float, unit: str) -> str:
    """Return the way out if no axis in `unit` has these ends, "" otherwise."""
    if unit == "cm-1":
        return "" if high <= 1e7 / SHORTEST else "Divide it by 100 if it is in 1/m."
    if high <= SHORTEST:
        return "Multiply it by 1000 if it is in micrometres."
    if low < SHORTEST:
        return "State it as wavenumber= if it is in cm-1, such as a Raman shift."
    return "" if high <= LONGEST else "Divide it by 1000 if it is in picometres."


def _doubt_in_nm(axis: NDArray[np.float64], low: float, high: float) -> str:
    """Return what an axis in nm is more likely to be, "" if nm is plausible."""
    if likely_unit(low, high) != ("cm-1", "") or _has_even_wavenumbers(axis):
        return ""
    return "its range is one in cm-1. State it as wavenumber= if it is."


def _doubt_in_cm(axis: NDArray[np.float64], low: float, high: float) -> str:
    """Return what an axis in cm-1 is more likely to be, "" if cm-1 is plausible."""
    if low > 0 and high <= _LOWEST:
        return "its range is one in micrometres. State it, times 1000, as wavelength= if it is."
    if _FIRST_NM[0] <= low <= _FIRST_NM[1] and _LAST_NM[0] <= high <= _LAST_NM[1]:
        return "its range is one in nm. State it as wavelength= if it is."
    if len(axis) > 2 and low in (0, 1) and high == low + len(axis) - 1:
        return "it counts the channels. State their positions instead."
    return ""


def _has_even_wavenumbers(axis: NDArray[np.float64]) -> bool:
    """Return whether an axis in nm was converted from cm-1: its steps are more even there."""
    if len(axis) < 3:
        return False
    steps, reciprocal = np.diff(axis), np.diff(1e7 / axis)
    return bool(
        np.ptp(reciprocal) * np.abs(steps).mean() < np.ptp(steps) * np.abs(reciprocal).mean()
    )
