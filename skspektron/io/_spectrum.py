"""Spectrum as returned by all readers, and the meaning of labels in files."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import NM_RANGE

# Pattern of a unit, and its size in nm or cm-1.
_UNITS = (
    (r"raman|wave\s*number|1\s*/\s*cm|cm\s*\^?\s*-\s*1|cm⁻¹|cm\*\*-1", "cm-1", 1.0),
    (r"nano\s*met|(?<![a-z])nm(?![a-z])", "nm", 1.0),
    (r"micro\s*met|micron|(?<![a-z])[uµμ]m(?![a-z])", "nm", 1000.0),
)

# Pattern of a label and its quantity; the first match counts.
_QUANTITIES = (
    (r"raman", "raman intensity"),
    (r"log.*1\s*/\s*r|-\s*log.*\br\b", "log(1/R)"),
    (r"kubelka|\bk-?m\b", "kubelka-munk"),
    (r"absorb|\babs\b|log.*1\s*/\s*t", "absorbance"),
    (r"(%|percent).*(transmi|\bt\b)|transmi.*(%|percent)|%t\b", "percent transmittance"),
    (r"(%|percent).*(reflec|\br\b)|reflec.*(%|percent)|%r\b", "percent reflectance"),
    (r"transmi", "transmittance"),
    (r"reflec", "reflectance"),
)


@dataclass(frozen=True)
class Spectrum:
    """One spectrum: its axis in nm or cm-1 and its values, both of shape (n_channels,)."""

    axis: NDArray[np.float64]
    unit: str
    values: NDArray[np.float64]
    quantity: str
    metadata: dict[str, Any] = field(default_factory=dict)
    sample_id: Any = None


def axis_unit(label: str) -> tuple[str, float] | None:
    """Return the unit of an axis label, "nm" or "cm-1", and its scale; None if it is neither."""
    for pattern, unit, factor in _UNITS:
        if re.search(pattern, label, re.IGNORECASE):
            return unit, factor
    return None


def names_wavelength(label: str) -> bool:
    """Return whether an axis label contains "wavelength", in any unit."""
    return re.search(r"wave\s*length", label, re.IGNORECASE) is not None


def place_axis(axis: NDArray[np.float64], label: str) -> tuple[NDArray[np.float64], str]:
    """Return an axis in nm or cm-1, and its unit, from its values and label in a file.

    Without a label it is in nm if all of it lies between 300 and 2600, else in cm-1.
    """
    known = axis_unit(label)
    is_length = names_wavelength(label)
    if known is None and label.strip() and "arbitrary" not in label.lower() and not is_length:
        raise ValueError(
            f"its axis is in {label.strip()!r}, neither a wavelength nor a wavenumber. "
            "Remove the file."
        )
    step = np.diff(axis)
    is_axis = np.isfinite(axis).all() and (axis > 0).all() and len(axis) > 1
    if not is_axis or not ((step > 0).all() or (step < 0).all()):
        raise ValueError(
            f"its axis must be finite, positive and strictly monotonic, got {len(axis)} channels "
            f"from {axis[0]:g} to {axis[-1]:g}. Export it again in nm or cm-1."
        )
    if known is None:
        in_nm_range = axis.min() >= NM_RANGE[0] and axis.max() <= NM_RANGE[1]
        if is_length and not in_nm_range:
            raise ValueError(
                f"its axis {label.strip()!r} has no unit and goes from {axis.min():g} to "
                f"{axis.max():g}, which may not be nm. Add the unit, as in 'Wavelength (nm)'."
            )
        known = "nm" if in_nm_range else "cm-1", 1.0
    return known[1] * axis, known[0]


def even_axis(first: float, last: float, count: int) -> NDArray[np.float64]:
    """Return `count` equally spaced positions, NaN if the ends are not finite."""
    with np.errstate(all="ignore"):
        return np.linspace(first, last, count)


def name_quantity(label: str) -> str:
    """Return the quantity named by the label of an ordinate, or "unknown"."""
    for pattern, quantity in _QUANTITIES:
        if re.search(pattern, label, re.IGNORECASE):
            return quantity
    return "unknown"


def decode_text(raw: bytes) -> str:
    """Return text decoded as UTF-16 or UTF-8, or else as Latin-1."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
