"""Files written byte by byte from the published layouts, as an oracle for the readers."""

import struct
from itertools import pairwise

import numpy as np


def spc(
    spectra,
    axis=(1100.0, 2498.0),
    *,
    order="<",
    flags=0,
    exponent=-128,
    x_type=3,
    y_type=2,
    own_axes=None,
    stored_axis=None,
    labels=b"",
    directory=False,
    comment=b"",
    date=0,
):
    """Write an SPC file, with floats if `exponent` is -128, else with 16- or 32-bit integers."""
    multi = len(spectra) > 1
    flags |= 4 * multi | (128 if stored_axis is not None else 0)
    flags |= 64 | 128 if own_axes is not None else 0
    flags |= 32 if labels else 0
    body, places = b"", []
    for number, values in enumerate(spectra):
        places.append(512 + 4 * (0 if stored_axis is None else len(stored_axis)) + len(body))
        body += struct.pack(
            order + "BbHfffIIf4x", 0, exponent, number, number, 0, 0, len(values), 1, 7.0
        )
        if own_axes is not None:
            body += np.asarray(own_axes[number], order + "f4").tobytes()
        width = 16 if flags & 1 else 32
        if exponent == -128:
            body += np.asarray(values, order + "f4").tobytes()
        else:
            stored = np.rint(np.asarray(values) * 2.0 ** (width - exponent))
            body += stored.astype(f"{order}i{width // 8}").tobytes()
    n_points = len(spectra[0])
    if own_axes is not None:
        n_points = 512 + len(body) if directory else 0
    if directory:
        body += b"".join(struct.pack(order + "IIf", place, 0, 0.0) for place in places)
    header = struct.pack(
        order + "BBBbIddIBBBBI9s9sH32s130s30s",
        *(flags, 0x4B if order == "<" else 0x4C, 0, 0 if multi else exponent),
        *(n_points, *axis, len(spectra), x_type, y_type, 0, 0, date),
        *(b"8", b"bench", 0, b"", comment, labels),
    )
    stored = b"" if stored_axis is None else np.asarray(stored_axis, order + "f4").tobytes()
    return header.ljust(512, b"\0") + stored + body


def opus_parameters(**parameters):
    """Write a block of OPUS parameters; sizes are in 16-bit words."""
    block = b""
    for name, value in parameters.items():
        if isinstance(value, int):
            kind, raw = 0, struct.pack("<i", value)
        elif isinstance(value, float):
            kind, raw = 1, struct.pack("<d", value)
        else:
            raw = value.encode("latin-1") + b"\0"
            kind, raw = 2, raw + b"\0" * (len(raw) % 2)
        block += name.encode() + b"\0" + struct.pack("<HH", kind, len(raw) // 2) + raw
    block += b"END\0" + bytes(4)
    return block + bytes(-len(block) % 4)


def opus(blocks):
    """Write an OPUS file of blocks (quantity, kind of parameters, source, bytes)."""
    start = 24 + 12 * (len(blocks) + 1)
    entries, body = [struct.pack("<Iii", 13 << 10, 3 * (len(blocks) + 1), 24)], b""
    for quantity, parameters, source, raw in blocks:
        kind = 3 | source << 2 | parameters << 4 | quantity << 10
        entries.append(struct.pack("<Iii", kind, len(raw) // 4, start + len(body)))
        body += raw
    header = b"\n\n\xfe\xfe" + struct.pack("<diii", 920622.0, 24, 40, len(entries))
    return header + b"".join(entries) + body


def opus_spectrum(values, *, quantity=4, axis=(4000.0, 400.0), csf=1.0, dxu="WN", count=None):
    """Return the data block and the parameter block of a spectrum."""
    numbers = np.asarray(np.asarray(values) / csf, "<f4").tobytes()
    count = len(values) if count is None else count
    status = opus_parameters(DPF=1, NPT=count, FXV=axis[0], LXV=axis[1], CSF=csf, DXU=dxu)
    return [(quantity, 0, 3, numbers), (quantity, 1, 3, status)]


def jcamp(
    table,
    n_points,
    *,
    first=400.0,
    last=4000.0,
    y_factor=1.0,
    y_units="ABSORBANCE",
    x_units="1/CM",
    form="XYDATA=(X++(Y..Y))",
    title="wheat",
    extra=(),
):
    """Write one block of JCAMP-DX around a table."""
    records = [
        f"TITLE={title}",
        "JCAMP-DX=4.24",
        "DATA TYPE=INFRARED SPECTRUM",
        f"XUNITS={x_units}",
        f"YUNITS={y_units}",
        f"FIRSTX={first}",
        f"LASTX={last}",
        f"NPOINTS={n_points}",
        "XFACTOR=1.0",
        f"YFACTOR={y_factor}",
        *extra,
        form,
    ]
    return "".join(f"##{record}\n" for record in records) + table.rstrip("\n") + "\n##END=\n"


_SQUEEZED = "@ABCDEFGHI", "@abcdefghi"
_DIFFERENCE = "%JKLMNOPQR", "%jklmnopqr"
_REPEAT = " STUVWXYZs"


def _pseudo(number, digits):
    """Return an integer with a pseudo-digit for its sign and first digit."""
    text = str(abs(number))
    return digits[number < 0][int(text[0])] + text[1:]


def _repeat(count):
    text = str(count)
    return _REPEAT[int(text[0])] + text[1:]


def asdf(values, form, *, first=0, per_line=7):
    """Return integers at X = first, first + 1, ... in one of the forms of McDonald & Wilks."""
    return {"AFFN": _plain, "PAC": _plain, "SQZ": _plain, "DIF": _dif, "DIFDUP": _dif}[form](
        [int(value) for value in values], form, first, per_line
    )


def _plain(values, form, first, per_line):
    write = {
        "AFFN": lambda value: f" {value}",
        "PAC": lambda value: f"{value:+d}",
        "SQZ": lambda value: _pseudo(value, _SQUEEZED),
    }[form]
    return "\n".join(
        f"{first + start}" + "".join(map(write, values[start : start + per_line]))
        for start in range(0, len(values), per_line)
    )


def _dif(values, form, first, per_line):
    lines, start = [], 0
    while start < len(values) - 1:
        chunk = values[start : start + per_line]
        steps = [after - before for before, after in pairwise(chunk)]
        line, at = f"{first + start}{_pseudo(chunk[0], _SQUEEZED)}", 0
        while at < len(steps):
            count = 1
            while form == "DIFDUP" and steps[at : at + count + 1] == [steps[at]] * (count + 1):
                count += 1
            line += _pseudo(steps[at], _DIFFERENCE) + (_repeat(count) if count > 1 else "")
            at += count
        lines.append(line)
        start += len(chunk) - 1  # the next line repeats the last ordinate, as a check
    lines.append(f"{first + len(values) - 1}{_pseudo(values[-1], _SQUEEZED)}")
    return "\n".join(lines)
