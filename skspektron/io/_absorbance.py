"""Conversion of reflectance and transmittance to absorbance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

QUANTITIES = (
    "absorbance",
    "log(1/R)",
    "reflectance",
    "percent reflectance",
    "transmittance",
    "percent transmittance",
    "kubelka-munk",
    "raman intensity",
    "unknown",
)
_FULL_SCALE = {  # value at zero absorbance
    "reflectance": 1.0,
    "transmittance": 1.0,
    "percent reflectance": 100.0,
    "percent transmittance": 100.0,
}
_ABSORBANCES = ("absorbance", "log(1/R)")
_MAX_FRACTION = 2.0  # values above this are percentages


def to_absorbance(
    values: NDArray[np.float64], quantities: Sequence[str], names: Sequence[str], is_given: bool
) -> tuple[NDArray[np.float64], list[str]]:
    """Return spectra as absorbance, and a description of each conversion."""
    values, conversions = values.copy(), []
    for quantity in dict.fromkeys(quantities):
        if quantity in _ABSORBANCES:
            continue
        rows = [i for i, each in enumerate(quantities) if each == quantity]
        sources = [names[row] for row in rows]
        full = _full_scale(values[rows], quantity, sources, is_given)
        _check_positive(values[rows], sources, quantity)
        values[rows] = -np.log10(values[rows] / full)
        ratio = "R" if "reflectance" in quantity else "T"
        formula = f"-log10({ratio})" if full == 1 else f"-log10({ratio} / 100)"
        conversions.append(
            f"{len(rows)} of {len(values)} spectra: {quantity} to absorbance, {formula}."
        )
    return values, conversions


def _full_scale(
    values: NDArray[np.float64], quantity: str, names: Sequence[str], is_given: bool
) -> float:
    """Return the value at zero absorbance after checking that values fit the quantity."""
    if quantity not in _FULL_SCALE:
        raise ValueError(
            f"{names[0]} contains {quantity!r}, which cannot be converted to absorbance. If its "
            "values are reflectance or transmittance, pass quantity=, as in quantity='reflectance'."
        )
    full, largest = _FULL_SCALE[quantity], np.nanmax(values, axis=1, initial=-np.inf)
    is_fraction = largest <= _MAX_FRACTION
    if full == 1 and not is_fraction.all():
        at = int(np.argmin(is_fraction))
        raise ValueError(
            f"{names[at]} contains values of {quantity} up to {largest[at]:g}, more than 1. "
            f"Pass quantity='percent {quantity}' if they are in percent."
        )
    is_fraction &= np.isfinite(largest)  # a spectrum without values is neither
    if full == 100 and is_fraction.any() and not is_given:
        at = int(np.argmax(is_fraction))
        raise ValueError(
            f"{is_fraction.sum()} of {len(values)} spectra labelled {quantity} have values of at "
            f"most {_MAX_FRACTION:g}, such as {names[at]} with {largest[at]:g}. Pass "
            f"quantity={quantity!r} if they are in percent, quantity={quantity.split()[1]!r} if "
            "all spectra are fractions, or read them separately."
        )
    return full


def _check_positive(values: NDArray[np.float64], names: Sequence[str], quantity: str) -> None:
    """Raise ValueError if a value has no logarithm."""
    bad = values <= 0
    if bad.any():
        which = [name for name, row in zip(names, bad, strict=True) if row.any()]
        raise ValueError(
            f"{bad.sum()} values of {quantity} in {len(which)} spectra are zero or negative "
            f"(first in {which[0]}) and have no logarithm. Remove these channels or files."
        )
