"""Reader of SPC files, with the layout that Galactic published in 1997 (SPC.H)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._binary import ByteOrder, read_array, read_record, read_text
from ._spectrum import Spectrum, even_axis, name_quantity
from ._units import place_axis

# Bits of the first byte.
_16_BIT, _MULTI, _OWN_Z, _OWN_LABELS, _X_EACH, _X_STORED = 1, 4, 8 | 16, 32, 64, 128
_BYTE_ORDERS: dict[int, ByteOrder] = {0x4B: "<", 0x4C: ">"}
_IS_FLOAT = -128  # exponent that marks 32-bit floating-point values
_X_LABELS = {0: "", 1: "cm-1", 2: "micrometers", 3: "nm", 13: "Raman shift (cm-1)"}
_Y_LABELS = {
    2: "absorbance",
    3: "Kubelka-Munk",
    10: "log(1/R)",
    128: "transmission",
    129: "reflectance",
}

_Block = tuple[NDArray[np.float64], NDArray[np.float64], dict[str, float]]

# name: (offset, type) in the 512 bytes of the file header
_FILE = {
    "flags": (0, "u1"),
    "exponent": (3, "i1"),
    "n_points": (4, "u4"),
    "first": (8, "f8"),
    "last": (16, "f8"),
    "n_spectra": (24, "u4"),
    "x_type": (28, "u1"),
    "y_type": (29, "u1"),
    "date": (32, "u4"),
    "resolution": (36, "S9"),
    "source": (45, "S9"),
    "comment": (88, "S130"),
    "labels": (218, "V30"),
    "method": (264, "S48"),
    "z_step": (312, "f4"),
}
# and in the 32 bytes before each spectrum
_SPECTRUM = {
    "exponent": (1, "i1"),
    "z": (4, "f4"),
    "next_z": (8, "f4"),
    "n_points": (16, "u4"),
    "w": (24, "f4"),
}


def read_spc(raw: bytes) -> list[Spectrum]:
    """Return the spectra of one SPC file, one or more."""
    order = _byte_order(raw)
    header = read_record(raw, _FILE, 0, 512, order)
    x_label, y_label = _labels(header)
    quantity = name_quantity(x_label)
    quantity = name_quantity(y_label) if quantity == "unknown" else quantity
    spectra = []
    for axis, values, own in _blocks(raw, header, order):
        axis, unit = place_axis(axis, x_label)
        metadata = {**_metadata(header), **own}
        spectra.append(Spectrum(axis, unit, values, quantity, metadata))
    return spectra


def _byte_order(raw: bytes) -> ByteOrder:
    """Return the byte order given by the version byte."""
    version = raw[1] if len(raw) > 1 else 0
    if version == 0x4D:
        raise ValueError(
            "it has the SPC format before 1996 (version byte 0x4d), which is not read. Save it as "
            "JCAMP-DX or new SPC in the software that opens it."
        )
    if version not in _BYTE_ORDERS:
        raise ValueError(
            f"its version byte must be 0x4b or 0x4c, got {version:#04x}. Other software uses the "
            "suffix .spc too: export JCAMP-DX or CSV from it."
        )
    return _BYTE_ORDERS[version]


def _blocks(raw: bytes, header: np.void, order: ByteOrder) -> Iterator[_Block]:
    """Yield axis, values and metadata of each spectrum."""
    flags, count = int(header["flags"]), int(header["n_points"])
    is_multi, total = flags & _MULTI, 0
    first_z = z_step = 0.0
    axis, position = (None, 512) if flags & _X_EACH else _shared_axis(raw, header, order)
    size = 32 + (2 if flags & _16_BIT else 4) * count
    if not is_multi and header["n_spectra"] > 1 and len(raw) >= position + 2 * size:
        raise ValueError(
            f"its header counts {header['n_spectra']} spectra, and its flags say that it has one. "
            "It is damaged: copy it from the instrument again."
        )
    for number in range(int(header["n_spectra"]) if is_multi else 1):
        if flags & _X_EACH and header["n_points"]:  # offset of a directory of 12 bytes each
            offset = read_array(raw, order + "u4", int(header["n_points"]) + 12 * number, 1)
            position = int(offset[0])
        part = read_record(raw, _SPECTRUM, position, 32, order)
        position += 32
        if flags & _X_EACH:
            count = int(part["n_points"])
            axis = read_array(raw, order + "f4", position, count)
            position += 4 * count
        exponent = int((part if is_multi else header)["exponent"])
        values, position = _values(raw, position, count, exponent, flags, order)
        total += count
        if axis is None or 2 * total > len(raw):
            raise ValueError(
                f"its spectra overlap: {total} values in {len(raw)} bytes. "
                "It is damaged: copy it from the instrument again."
            )
        z = float(part["z"])
        if number == 0 and not flags & _OWN_Z:  # evenly spaced: those of later spectra may be 0
            first_z, z_step = z, float(header["z_step"]) or float(part["next_z"]) - z
        z = first_z + number * z_step if z_step else z
        yield axis, values, {"z": z, "w": float(part["w"])} if is_multi else {}


def _values(
    raw: bytes, start: int, count: int, exponent: int, flags: int, order: ByteOrder
) -> tuple[NDArray[np.float64], int]:
    """Return the values of a spectrum, floats or scaled integers, and their end."""
    if exponent == _IS_FLOAT:
        return read_array(raw, order + "f4", start, count), start + 4 * count
    width = 2 if flags & _16_BIT else 4
    integers = read_array(raw, f"{order}i{width}", start, count)
    return 2.0 ** (exponent - 8 * width) * integers, start + width * count


def _shared_axis(raw: bytes, header: np.void, order: ByteOrder) -> tuple[NDArray[np.float64], int]:
    """Return the axis of all spectra, and the offset of the first one."""
    count = int(header["n_points"])
    if header["flags"] & _X_STORED:
        return read_array(raw, order + "f4", 512, count), 512 + 4 * count
    # Check that the file has this many values before allocating an axis.
    width = 2 if header["flags"] & _16_BIT and header["exponent"] != _IS_FLOAT else 4
    read_array(raw, f"i{width}", 544, count)
    return even_axis(float(header["first"]), float(header["last"]), count), 512


def _labels(header: np.void) -> tuple[str, str]:
    """Return the labels of both axes, the user's or those of the type codes."""
    x_type, y_type = int(header["x_type"]), int(header["y_type"])
    x_label = _X_LABELS.get(x_type)
    y_label = _Y_LABELS.get(y_type, "")
    if header["flags"] & _OWN_LABELS:
        own = header["labels"].tobytes().split(b"\0")
        x_label, y_label = read_text(own[0]) or x_label, read_text(own[1]) or y_label
    if x_label is None:
        raise ValueError(
            f"its axis is of type {x_type}, neither a wavelength nor a wavenumber. Remove the file."
        )
    return x_label, y_label


def _metadata(header: np.void) -> dict[str, Any]:
    """Return the metadata in the file header."""
    names = ("comment", "source", "resolution", "method")
    metadata: dict[str, Any] = {name: read_text(header[name].tobytes()) for name in names}
    bits = int(header["date"])  # from the lowest: minute 6, hour 5, day 5, month 4, year 12
    if bits:
        minute, hour, day, month = bits & 63, bits >> 6 & 31, bits >> 11 & 31, bits >> 16 & 15
        metadata["date"] = f"{bits >> 20:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}"
    return {name: value for name, value in metadata.items() if value}
