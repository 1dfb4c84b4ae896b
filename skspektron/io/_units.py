"""Units of axes, as labels state them and as the range of an axis without a unit allows them."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._axis_units import NM, SHORTEST, likely_unit
from ._spectrum import Spectrum

# Pattern of a unit, the unit, and its size in nm or cm-1.
_PER_CM = r"1\s*/\s*cm|(?<![a-z])cm\s*(\^|\*\*)?\s*[{(]?\s*([-–−‐]\s*[1¹]|⁻¹)|cm\.1"
_UNITS = (
    (_PER_CM, "cm-1", 1.0),
    (r"nano\s*met\w*|(?<![a-z])nm(?![a-z])", "nm", 1.0),
    (r"micro\s*met\w*|microns?|(?<![a-z])[uµμ]m(?![a-z])", "nm", 1000.0),
)
_WAVENUMBER = r"raman|wave\s*number|wellenzahl"
_WAVELENGTH = r"wave\s*length|wellenl|lambda|λ|^wl$"
_FOREIGN = (
    r"(?<![a-z])([kmµμu]?ev|[tgmk]?hz|m\s*/\s*z|amu|da|ppm|pixels?|px|[mµμu]?s|sec\w*|min\w*|"
    r"a\.?u\.?|å|angstr\w*|ångstr\w*|[pm]m|m\s*\^?\s*[-−–]\s*1|1\s*/\s*m|kelvin|°\s*c)(?![a-z])"
    r"|energy|frequency|time|mass\b|temperature|retention"
)
_UNLABELLED = {"", "x", "axis", "xaxis", "wave", "waves", "channel", "channels", "spectrum"}
_UNLABELLED |= {"arbitrary", "arbitraryunits", "arbitraryunit", "unnamed0", "unnamed"}
_KINDS = {"wavelength": "nm", "wavenumber": "cm-1"}


def axis_unit(label: str) -> tuple[str, float] | None:
    """Return the unit of an axis label, "nm" or "cm-1", and its scale; None if it is neither."""
    for pattern, unit, factor in _UNITS:
        if re.search(pattern, label, re.IGNORECASE):
            return unit, factor
    label = re.sub(r"[(\[]\W*[)\]]", "", label)
    is_wavenumber = re.search(_WAVENUMBER, label, re.IGNORECASE) and not has_foreign_unit(label)
    return ("cm-1", 1.0) if is_wavenumber else None


def unit_of_suffix(text: str) -> tuple[str, float] | None:
    """Return the unit and scale if a text is a unit and nothing else, as in "1100 nm"."""
    text = text.strip(" ()[]._")
    for pattern, unit, factor in _UNITS:
        if re.fullmatch(pattern + "[})]?", text, re.IGNORECASE):
            return unit, factor
    return None


def has_foreign_unit(label: str) -> bool:
    """Return whether a label has a unit that is neither a wavelength nor a wavenumber."""
    return re.search(_FOREIGN, label, re.IGNORECASE) is not None


def is_unlabelled(label: str) -> bool:
    """Return whether a label says nothing about the unit, such as "" or "x"."""
    return re.sub(r"[\W_]", "", label).lower() in _UNLABELLED


def names_axis(label: str) -> bool:
    """Return whether a label names a wavelength, a wavenumber or their units."""
    is_length = re.search(_WAVELENGTH, label.strip(), re.IGNORECASE) is not None
    return axis_unit(label) is not None or is_length


def place_axis(axis: NDArray[np.float64], label: str) -> tuple[NDArray[np.float64], str]:
    """Return an axis in nm or cm-1, and its unit, from its values and label in a file.

    The unit is "" if the label states none, "wavelength" if it names a wavelength without unit.
    """
    known, label = axis_unit(label), label.strip()
    is_length = known is None and names_axis(label)
    is_foreign = has_foreign_unit(label) or re.search(r"[(\[][^)\]]*[^\W\d]", label)
    if known is None and not is_unlabelled(label) and (not is_length or is_foreign):
        raise ValueError(
            f"its axis is in {label!r}, neither a wavelength nor a wavenumber. "
            "Export it in nm or cm-1, or remove the file."
        )
    step = np.diff(axis)
    is_axis = np.isfinite(axis).all() and len(axis) > 1
    is_axis &= (axis > 0).all() or (not is_length and (known is None or known[0] == "cm-1"))
    if not is_axis or not ((step > 0).all() or (step < 0).all()):
        raise ValueError(
            "its axis must be finite, strictly monotonic and, in nm, positive, got "
            f"{len(axis)} channels from {axis[0]:g} to {axis[-1]:g}. Export it again in nm or cm-1."
        )
    if known is None:
        return axis, "wavelength" if is_length else ""
    return known[1] * axis, known[0]


def state_units(
    spectra: Sequence[Spectrum], names: Sequence[str], axis: str | None
) -> tuple[list[Spectrum], list[str]]:
    """Return spectra in nm or cm-1, and what to warn of; `axis` states the unit of bare axes."""
    units: dict[tuple[str, str, float, float], tuple[str, str]] = {}
    stated, doubts = [], dict[str, list[str]]()
    for spectrum, name in zip(spectra, names, strict=True):
        if spectrum.unit in _KINDS.values():
            stated.append(spectrum)
            continue
        low, high = float(spectrum.axis.min()), float(spectrum.axis.max())
        key = name, spectrum.unit, low, high
        if key not in units:
            units[key] = _unit_of_range(low, high, spectrum.unit, axis, name)
            if units[key][1]:
                doubts.setdefault(units[key][1], []).append(name)
        stated.append(replace(spectrum, unit=units[key][0]))
    return stated, [
        f"{each[0]}{f' and {len(each) - 1} other files' if len(each) > 1 else ''}: {doubt}"
        for doubt, each in doubts.items()
    ]


def _unit_of_range(
    low: float, high: float, unit: str, axis: str | None, name: str
) -> tuple[str, str]:
    """Return the unit of an axis without one, and the other plausible reading if there is one."""
    ends = f"from {low:g} to {high:g}"
    if unit == "wavelength":
        if (NM[0] <= low and high <= NM[1]) or (axis == "wavelength" and low >= SHORTEST):
            return "nm", ""
        raise ValueError(
            f"{name} was not read: its axis is a wavelength that has no unit and goes {ends}, "
            "which may not be nm. Add the unit, as in 'Wavelength (nm)', or pass axis='wavelength' "
            "if it is in nm."
        )
    likely, other = likely_unit(low, high)
    if axis is not None:
        if axis == "wavelength" and low < SHORTEST:
            raise ValueError(
                f"{name} was not read: axis='wavelength' states that its axis is in nm, which is "
                f"not valid {ends}. Pass axis='wavenumber' if it is a Raman shift; add the unit in "
                "the file if it is another one, as in '1.1 um'."
            )
        is_odd = likely not in ("", _KINDS[axis]) and not other
        doubt = f"its axis {ends} has no unit and was taken in {_KINDS[axis]} as stated by axis="
        return _KINDS[axis], f"{doubt}, unchanged; its range is one in {likely}." if is_odd else ""
    if not likely:
        raise ValueError(
            f"{name} was not read: its axis has no unit and goes {ends}, which may be micrometres, "
            "a Raman shift or numbers of channels. Name the unit in the file, as in '1.1 um', or "
            "pass axis='wavelength' if it is in nm, axis='wavenumber' if it is in cm-1."
        )
    if not other:
        return likely, ""
    return likely, (
        f"its axis {ends} has no unit and was taken in {likely}; it may be in {other}. "
        "Pass axis='wavelength' if it is in nm, axis='wavenumber' if it is in cm-1."
    )
