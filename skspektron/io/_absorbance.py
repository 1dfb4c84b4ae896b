"""From reflectance or transmittance to absorbance, and what was done put into words."""

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
_FULL_LIGHT = {  # the value that stands for all light, of what turns into absorbance
    "reflectance": 1.0,
    "transmittance": 1.0,
    "percent reflectance": 100.0,
    "percent transmittance": 100.0,
}
_ALREADY = ("absorbance", "log(1/R)")
_LARGEST_FRACTION = 2.0  # a fraction of the light above this is a percentage


def to_absorbance(
    values: NDArray[np.float64], quantities: Sequence[str], names: Sequence[str], is_given: bool
) -> tuple[NDArray[np.float64], list[str]]:
    """Return spectra (n_spectra, n_channels) as absorbance, and a sentence for each conversion."""
    values, said = values.copy(), []
    for quantity in dict.fromkeys(quantities):
        if quantity in _ALREADY:
            continue
        rows = [i for i, each in enumerate(quantities) if each == quantity]
        sources = [names[row] for row in rows]
        full = _full_light(values[rows], quantity, sources, is_given)
        _check_positive(values[rows], sources, quantity)
        values[rows] = -np.log10(values[rows] / full)
        ratio = "R" if "reflectance" in quantity else "T"
        formula = f"-log10({ratio})" if full == 1 else f"-log10({ratio} / 100)"
        said.append(f"{len(rows)} of {len(values)} spectra: {quantity} to absorbance, {formula}.")
    return values, said


def _full_light(
    values: NDArray[np.float64], quantity: str, names: Sequence[str], is_given: bool
) -> float:
    """Return what stands for all light; refuse what is no light, or fraction and percent mixed."""
    if quantity not in _FULL_LIGHT:
        raise ValueError(
            f"{names[0]} holds the quantity {quantity!r}, which does not turn into absorbance. If "
            "its values are a reflectance or a transmittance, say so, as in quantity='reflectance'."
        )
    full, largest = _FULL_LIGHT[quantity], np.nanmax(values, axis=1, initial=-np.inf)
    is_fraction = largest <= _LARGEST_FRACTION
    if full == 1 and not is_fraction.all():
        at = int(np.argmin(is_fraction))
        raise ValueError(
            f"{names[at]} holds a {quantity} of up to {largest[at]:g}, more than all light. "
            f"Pass quantity='percent {quantity}' if it is in percent."
        )
    is_fraction &= np.isfinite(largest)  # a spectrum without any value is neither
    if full == 100 and is_fraction.any() and not is_given:
        at = int(np.argmax(is_fraction))
        raise ValueError(
            f"{is_fraction.sum()} of {len(values)} spectra labelled {quantity} reach only "
            f"{largest[at]:g}, as in {names[at]}. Pass quantity='{quantity}' if that is so, "
            f"quantity={quantity.split()[1]!r} if all are fractions; read these apart if some are."
        )
    return full


def _check_positive(values: NDArray[np.float64], names: Sequence[str], quantity: str) -> None:
    """Refuse values of which there is no logarithm."""
    bad = values <= 0
    if bad.any():
        which = [name for name, row in zip(names, bad, strict=True) if row.any()]
        raise ValueError(
            f"{bad.sum()} values of {quantity} in {len(which)} spectra are zero or negative "
            f"(first in {which[0]}), and have no logarithm. Leave these channels or files out."
        )
