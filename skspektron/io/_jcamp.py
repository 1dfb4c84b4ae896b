"""Reader of JCAMP-DX files, McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151-162."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._asdf import read_ordinates
from ._jcamp_check import check_factor, check_ordinates, read_with_commas
from ._spectrum import Spectrum, decode_text, even_axis, name_quantity
from ._units import place_axis

_TABLES = ("XYDATA", "XYPOINTS")
# Labels that are not metadata.
_NOT_METADATA = {*_TABLES, "XUNITS", "YUNITS", "XFACTOR", "YFACTOR", "FIRSTX", "LASTX", "DELTAX"}
_NOT_METADATA |= {"NPOINTS", "FIRSTY", "MAXX", "MINX", "MAXY", "MINY", "END", "JCAMPDX"}
_BACKGROUND = re.compile(
    r"(dark|reference|background)(\s*(spectrum|scan|measurement))?", re.IGNORECASE
)
_STEP_AGREEMENT = 0.05  # relative: DELTAX is rounded
_MAX_POINTS_PER_CHARACTER = 50  # more than in any spectrum that is not constant

_Block = dict[str, list[str]]
_Table = tuple[NDArray[np.float64], NDArray[np.float64], str]  # axis, ordinates, warning


def read_jcamp(raw: bytes) -> list[Spectrum]:
    """Return the spectra of one JCAMP-DX file, one per block."""
    text = decode_text(raw)
    if not re.match(r"\s*(\$\$.*\s+)*##", text):
        raise ValueError(
            f"it must begin with '##TITLE=', got {text[:20]!r}. "
            "Select JCAMP-DX files with pattern=."
        )
    blocks = _blocks(text)
    blocks_read = [block for block in blocks if _table(block)]
    samples = [block for block in blocks_read if not _is_background(block)]
    if blocks_read and not samples:
        raise ValueError(
            f"its {len(blocks_read)} spectra are dark, reference or background scans, not of "
            "samples. Remove the file."
        )
    spectra = [_spectrum(block, _table(block) or "") for block in samples]
    n_other = len(blocks_read) - len(samples)
    if spectra and n_other:
        note = f"{n_other} dark, reference or background scans were left out."
        spectra[0] = replace(spectra[0], notes=(note,))
    if not spectra:
        types = sorted({_value(block, "DATATYPE", "without type") for block in blocks})
        raise ValueError(
            f"its {len(blocks)} blocks ({', '.join(types)}) have no ##XYDATA or ##XYPOINTS; peak "
            "tables and ##NTUPLES are not read. Export the spectrum alone."
        )
    return spectra


def _blocks(text: str) -> list[_Block]:
    """Return the records of each block by label; a block begins with its title."""
    blocks: list[_Block] = []
    record: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        line = line.split("$$", 1)[0].strip()
        if not line.startswith("##"):
            record.append(line)
            continue
        label, _, value = line[2:].partition("=")
        label = re.sub(r"[\s/_-]", "", label).upper()
        if label == "TITLE" or not blocks:
            blocks.append({})
        if label in _TABLES and label in blocks[-1]:
            raise ValueError(f"a block has ##{label} twice. Export each table as a file or block.")
        record = blocks[-1].setdefault(label, [])
        record.append(value.strip())
    return blocks


def _is_background(block: _Block) -> bool:
    """Return whether a block is a dark, reference or background scan by all of its description."""
    return any(
        _BACKGROUND.fullmatch(_value(block, label).rpartition(":")[2].strip())
        for label in ("TITLE", "SAMPLEDESCRIPTION", "SAMPLENAME")
    )


def _table(block: _Block) -> str | None:
    """Return the label of the table in a block, or None."""
    return next((label for label in _TABLES if label in block), None)


def _value(block: _Block, label: str, default: str = "") -> str:
    """Return the text of a record."""
    return "\n".join(line for line in block.get(label, [default]) if line)


def _number(block: _Block, label: str, default: float | None = None) -> float:
    """Return the number of a record, whose decimal separator may be a comma."""
    text = _value(block, label).split("\n")[0].replace(",", ".")
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(
            f"##{label}= must be a number, got {text!r}. The file is damaged: export it again."
        ) from error


def _spectrum(block: _Block, label: str) -> Spectrum:
    """Return the spectrum of one block."""
    form, *lines = block[label]
    # The closing parenthesis is often missing.
    read = {"(X++(Y..Y": _even_table, "(XY..XY": _paired_table}.get(
        form.replace(" ", "").upper().rstrip(")")
    )
    if read is None:
        raise ValueError(
            f"the form of its table must be (X++(Y..Y)) or (XY..XY), got {form!r}. "
            "Export it in one of these forms."
        )
    axis, ordinates, warning = read_with_commas(
        partial(read, block), [line for line in lines if line.strip()], "NPOINTS" in block
    )
    factor = _number(block, "YFACTOR", 1.0)
    stated = {name: _optional(block, name) for name in ("FIRSTY", "MAXY", "MINY")}
    warned = check_ordinates(ordinates, factor, stated) + ((warning,) if warning else ())
    axis, unit = place_axis(axis, _value(block, "XUNITS"))
    quantity = name_quantity(_value(block, "YUNITS"))
    if quantity == "unknown":
        quantity = name_quantity(_value(block, "DATATYPE"))
    values = ordinates * factor
    return Spectrum(axis, unit, values, quantity, _metadata(block), warnings=warned)


def _optional(block: _Block, label: str) -> float | None:
    """Return the number of a record, None if it has none."""
    try:
        return _number(block, label)
    except ValueError:
        return None


def _even_table(block: _Block, lines: Sequence[str]) -> _Table:
    """Return axis, ordinates and a warning of a table of equally spaced points."""
    n_points = _number(block, "NPOINTS")
    n_characters = sum(map(len, lines))
    if not (n_points.is_integer() and 2 <= n_points <= _MAX_POINTS_PER_CHARACTER * n_characters):
        raise ValueError(
            f"##NPOINTS= is {n_points:g} for a table of {n_characters} characters. "
            "The file is damaged: export it again."
        )
    values, abscissas, warning = read_ordinates(lines, int(n_points))
    if len(values) != n_points:
        more = "at least " if len(values) > n_points else ""
        raise ValueError(
            f"##NPOINTS= is {n_points:.0f}, its table has {more}{len(values)} ordinates. "
            "The file is truncated or damaged: export it again."
        )
    first = _number(block, "FIRSTX")
    if "LASTX" in block:
        last = _number(block, "LASTX")
    else:
        last = first + _number(block, "DELTAX") * (n_points - 1)
    axis = even_axis(first, last, int(n_points))
    _check_abscissas(abscissas, axis, _number(block, "XFACTOR", 1.0))
    return axis, np.array(values), " ".join(filter(None, [warning, _check_step(block, axis)]))


def _check_step(block: _Block, axis: NDArray[np.float64]) -> str:
    """Return a warning if DELTAX contradicts the ends of the axis."""
    stated, step = _optional(block, "DELTAX"), abs(axis[1] - axis[0])
    if "LASTX" not in block or not stated or abs(abs(stated) - step) <= _STEP_AGREEMENT * step:
        return ""
    return (
        f"##DELTAX= is {stated:g}, from ##FIRSTX= to ##LASTX= the step is {step:g}, which was "
        "taken. Check its axis."
    )


def _check_abscissas(
    abscissas: list[tuple[float, int]], axis: NDArray[np.float64], factor: float
) -> None:
    """Raise ValueError if a line of a table is missing or repeated."""
    tolerance = 2 * abs(axis[1] - axis[0]) + abs(factor)
    for abscissa, at in abscissas:
        if at < len(axis) and not abs(abscissa * factor - axis[at]) <= tolerance:
            raise ValueError(
                f"a line begins with X = {abscissa * factor:g}, its first ordinate is at "
                f"{axis[at]:g}. The file is damaged: export it again."
            )


def _paired_table(block: _Block, lines: Sequence[str]) -> _Table:
    """Return axis and ordinates of a table of pairs."""
    text = re.sub(r"[;,\s]+", " ", " ".join(lines)).replace("?", "nan").split()
    try:
        pairs = np.array(text, dtype=np.float64).reshape(-1, 2)
    except ValueError as error:
        raise ValueError(
            f"its table has {len(text)} entries that are not pairs of numbers ({error}). "
            "Export it again."
        ) from error
    n_points = _number(block, "NPOINTS", len(pairs))
    if len(pairs) != n_points or len(pairs) < 2:
        raise ValueError(
            f"##NPOINTS= is {n_points:g}, its table has {len(pairs)} pairs. "
            "The file is truncated or damaged: export it again."
        )
    factor = _number(block, "XFACTOR", 1.0)
    ends = {"FIRSTX": pairs[0, 0], "LASTX": pairs[-1, 0]}
    stated = {name: _optional(block, name) for name in ends}
    warning = " ".join(check_factor("XFACTOR", factor, ends, stated))
    return pairs[:, 0] * factor, pairs[:, 1], warning


def _metadata(block: _Block) -> dict[str, Any]:
    """Return the other records of a block as text, with labels in lower case."""
    labels = [label for label in block if label not in _NOT_METADATA]
    return {label.lower(): _value(block, label) for label in labels if _value(block, label)}
