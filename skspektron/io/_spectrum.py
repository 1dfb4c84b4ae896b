"""Spectrum as returned by all readers, and the meaning of labels in files."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """One spectrum: its axis and its values, both of shape (n_channels,).

    The unit is "nm", "cm-1", "wavelength" (a wavelength without unit) or "" (no unit). The notes
    go to `conversions`, the warnings are warned of too.
    """

    axis: NDArray[np.float64]
    unit: str
    values: NDArray[np.float64]
    quantity: str
    metadata: dict[str, Any] = field(default_factory=dict)
    sample_id: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
    """Return text decoded as UTF-16 or UTF-8, or else as Windows-1252 or Latin-1."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
