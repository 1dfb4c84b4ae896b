"""Reader of Bruker OPUS files.

Bruker has not published the format. This reader follows what open readers agree on: a directory of
blocks (type, size in 32-bit words, offset), parameter blocks with names of three letters, and data
blocks, each with its own parameter block.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from ._binary import read_array, read_record, read_text
from ._spectrum import Spectrum, even_axis
from ._units import place_axis

MAGIC = b"\n\n\xfe\xfe"
_HEADER = {"directory": (12, "i4"), "n_blocks": (20, "i4")}
_ENTRY = {"kind": (0, "u4"), "n_words": (4, "i4"), "start": (8, "i4")}
# Quantity in bits 10 to 16 of a block's type, in order of preference.
_QUANTITIES = {
    4: "absorbance",
    15: "log(1/R)",
    12: "reflectance",
    5: "transmittance",
    6: "kubelka-munk",
    16: "unknown",  # ATR
    10: "raman intensity",
}
_PARAMETERS = 0b11_1111 << 4  # bits of the kind of parameters; 0 in a data block
_DATA_STATUS = 1 << 4  # parameters of a data block
_REFERENCE, _SOURCE = 2 << 2, 3 << 2  # bits 2 and 3: sample, reference or ratio
_DERIVED = 0b1_1111 << 17  # bits of derivatives, of series and of other layouts
_X_LABELS = {"WN": "cm-1", "MI": "micrometers", "WL": "nm"}
_NUMBER_FORMATS = {1: "<f4", 2: "<i4"}
_MAX_BLOCKS = 1000
_NOT_METADATA = {"DPF", "NPT", "FXV", "LXV", "CSF", "MXY", "MNY", "DXU"}

_Block = tuple[int, int, int]  # type, first byte, end


def read_opus(raw: bytes) -> list[Spectrum]:
    """Return the final spectrum of an OPUS file, absorbance if there is one."""
    if raw[:4] != MAGIC:
        raise ValueError(
            f"it must begin with {MAGIC!r}, got {raw[:4]!r}. Select OPUS files with pattern=."
        )
    blocks = list(_directory(raw))
    data, status = _final_spectrum(blocks)
    parameters = _parameters(raw, *status[1:])
    count, first, last = (parameters.get(name) for name in ("NPT", "FXV", "LXV"))
    if not (isinstance(count, int) and isinstance(first, float) and isinstance(last, float)):
        raise ValueError(
            f"its spectrum has {count!r} points from {first!r} to {last!r}. "
            "The file is damaged: copy it from the instrument again."
        )
    dtype = _NUMBER_FORMATS.get(parameters.get("DPF", 1), "<f4")
    scale = float(parameters.get("CSF", 1.0))
    values = scale * read_array(raw[: data[2]], dtype, data[1], count)
    x_unit = str(parameters.get("DXU", "WN"))
    axis, unit = place_axis(even_axis(first, last, count), _X_LABELS.get(x_unit, x_unit))
    quantity = _QUANTITIES[_quantity(data[0])]
    metadata = _metadata(raw, blocks) | parameters
    metadata = {name: value for name, value in metadata.items() if name not in _NOT_METADATA}
    return [Spectrum(axis, unit, values, quantity, metadata)]


def _directory(raw: bytes) -> Iterator[_Block]:
    """Yield type, first byte and end of each block."""
    header = read_record(raw, _HEADER, 0, 24, "<")
    if not 0 < header["n_blocks"] <= _MAX_BLOCKS:
        raise ValueError(
            f"its directory must have 1 to {_MAX_BLOCKS} blocks, got {header['n_blocks']}. "
            "The file is damaged: copy it from the instrument again."
        )
    for number in range(int(header["n_blocks"])):
        entry = read_record(raw, _ENTRY, int(header["directory"]) + 12 * number, 12, "<")
        if entry["start"] <= 0:
            return
        start = int(entry["start"])
        yield int(entry["kind"]), start, min(start + 4 * int(entry["n_words"]), len(raw))


def _quantity(kind: int) -> int:
    """Return the code of the quantity of a block."""
    return kind >> 10 & 0b111_1111


def _final_spectrum(blocks: Sequence[_Block]) -> tuple[_Block, _Block]:
    """Return the last data block of the preferred quantity, and its parameter block."""
    found = [
        block
        for block in blocks
        if not block[0] & (_PARAMETERS | _DERIVED) and _quantity(block[0]) in _QUANTITIES
    ]
    order = list(_QUANTITIES)
    for data in sorted(found, key=lambda block: (order.index(_quantity(block[0])), -block[1])):
        status = [block for block in blocks if block[0] == data[0] | _DATA_STATUS]
        if status:
            return data, max(status, key=lambda block: block[1])
    raise ValueError(
        f"its {len(blocks)} blocks contain no final spectrum; backgrounds, single channels, "
        "interferograms and series are not read. Save the absorbance in OPUS."
    )


def _metadata(raw: bytes, blocks: Sequence[_Block]) -> dict[str, Any]:
    """Return the parameters of instrument, acquisition and sample, without the reference."""
    metadata: dict[str, Any] = {}
    for kind, start, end in blocks:
        parameters_of = kind & _PARAMETERS
        if parameters_of > _DATA_STATUS and kind & _SOURCE != _REFERENCE:
            metadata |= _parameters(raw, start, end)
    return metadata


def _parameters(raw: bytes, start: int, end: int) -> dict[str, Any]:
    """Return a parameter block: name, zero, type, size in 16-bit words, value."""
    parameters: dict[str, Any] = {}
    while start + 8 <= end and raw[start : start + 3] != b"END":
        kind, n_words = struct.unpack_from("<HH", raw, start + 4)
        value = raw[start + 8 : min(start + 8 + 2 * n_words, end)]
        name = raw[start : start + 3].decode("latin-1")
        if kind == 0 and len(value) >= 4:
            parameters[name] = struct.unpack_from("<i", value)[0]
        elif kind == 1 and len(value) >= 8:
            parameters[name] = struct.unpack_from("<d", value)[0]
        elif kind > 1:
            parameters[name] = read_text(value)
        start += 8 + 2 * n_words
    return parameters
