"""Reader of CSV and other delimited text, with spectra in rows or in columns."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import CHANNEL_NAME
from ._spectrum import (
    Spectrum,
    axis_unit,
    decode_text,
    name_quantity,
    names_wavelength,
    place_axis,
)

_MISSING = {"", "na", "n/a", "nan", "null", "none"}
# Stricter than float(), which reads "1_2", the second scan of sample 1, as 12.
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")  # not "007", which is a label

_Row = tuple[int, list[str]]  # line number and cells


def read_delimited(raw: bytes, layout: str) -> list[Spectrum]:
    """Return the spectra of one text file; `layout` is "rows", "columns" or "auto"."""
    rows = _rows(decode_text(raw))
    if len(rows) < 2:
        raise ValueError(
            f"it has {len(rows)} lines with content, and needs at least 2. Export it again."
        )
    if layout == "auto":
        layout = _guess_layout(rows)
    return _spectra_in_rows(rows) if layout == "rows" else _spectra_in_columns(rows)


def _rows(text: str) -> list[_Row]:
    """Return the cells of each line that is neither empty nor a comment."""
    lines = [
        (number, line.strip("\r\n\0 "))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip("\r\n\0 ;,\t") and not re.match(r"\s*#|sep=.\s*$", line)
    ]
    if not lines:
        raise ValueError("it has no text. Copy it from the instrument again.")
    separator = next((each for each in "\t;," if each in lines[0][1]), None)
    rows = [(number, _cells(number, line, separator)) for number, line in lines]
    _check_lengths(rows)
    return rows


def _cells(number: int, line: str, separator: str | None) -> list[str]:
    """Return the cells of one line, split at white space if there is no separator."""
    if separator is None:
        return line.split()
    try:
        (cells,) = csv.reader(io.StringIO(line), delimiter=separator)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"line {number} cannot be split ({error}). Correct its quotes.") from error
    return [cell.strip() for cell in cells]


def _check_lengths(rows: Sequence[_Row]) -> None:
    """Raise ValueError if lines differ in length, except for empty cells at the end."""
    n_columns = len(rows[0][1])
    for number, cells in rows:
        while len(cells) > n_columns and not cells[-1]:
            cells.pop()
        if len(cells) != n_columns:
            raise ValueError(
                f"line {number} has {len(cells)} cells, line {rows[0][0]} has {n_columns}. Write "
                "the same number in each line, separated by tab, semicolon or comma throughout."
            )


def _guess_layout(rows: Sequence[_Row]) -> str:
    """Return "rows" if the axis is the first line, "columns" if it is the first column."""
    names = rows[0][1]
    if len(names) == 2 or (axis_unit(names[0]) and not _channel(names[0])):
        return "columns"
    in_names = [channel for name in names if (channel := _channel(name))]
    is_row = _is_axis(in_names)
    is_column = _is_axis([_channel(cells[0]) for _, cells in rows[1:]])
    if is_row and is_column and len(in_names) == len(names):
        raise ValueError(
            f"both line {rows[0][0]} and the first column may be its axis. "
            "Pass layout='rows' or layout='columns'."
        )
    if not is_row and not is_column:
        raise ValueError(
            f"neither line {rows[0][0]} nor the first column is an axis. Name the columns after "
            "their channels, such as '1100.0 nm', or write the axis in the first column."
        )
    return "rows" if is_row else "columns"


def _channel(name: str) -> tuple[float, str] | None:
    """Return the position and unit in a name such as "1100", "1100,5 nm" or "X1100"."""
    match = CHANNEL_NAME.fullmatch(re.sub(r"^[Xx](?=\d)", "", name).replace(",", "."))
    if match is None:
        return None
    unit = match[2] or ""
    return float(match[1]), "cm-1" if "cm" in unit else unit


def _is_axis(channels: Sequence[tuple[float, str] | None]) -> bool:
    """Return whether positions are strictly monotonic and do not count channels."""
    if len(channels) < 2 or None in channels:
        return False
    axis = np.array([channel[0] for channel in channels if channel])
    step = np.diff(axis)
    counts = axis[0] in (0, 1) and bool((step == 1).all())
    return not counts and bool((step > 0).all() or (step < 0).all())


def _number(cell: str, line: int, column: str) -> float:
    """Return the number in a cell, NaN if empty; its decimal point may be a comma."""
    if _NUMBER.fullmatch(cell):
        return float(cell.replace(",", "."))
    if cell.lower() in _MISSING:
        return np.nan
    raise ValueError(
        f"line {line}, column {column!r} has {cell!r}, which is not a number. "
        "Correct it, or leave the cell empty if nothing was measured."
    )


def _spectra_in_rows(rows: Sequence[_Row]) -> list[Spectrum]:
    """Return one spectrum per line; columns whose names are not channels are metadata."""
    names, lines = rows[0][1], rows[1:]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"line {rows[0][0]} has {len(repeated)} names of more than one column: {repeated[:3]}. "
            "Rename or drop one of each."
        )
    channels = {i: channel for i, name in enumerate(names) if (channel := _channel(name))}
    units = sorted({unit for _, unit in channels.values()})
    if len(channels) < 2 or len(units) > 1:
        raise ValueError(
            f"line {rows[0][0]} names {len(channels)} channels in the units {units}. Name at least "
            "2 columns after their channels, in one unit, such as '1100.0 nm'."
        )
    axis, unit = place_axis(np.array([position for position, _ in channels.values()]), units[0])
    columns = {
        name: _column([cells[i] for _, cells in lines])
        for i, name in enumerate(names)
        if i not in channels
    }
    spectra = []
    for row, (line, cells) in enumerate(lines):
        values = np.array([_number(cells[i], line, names[i]) for i in channels])
        metadata = {name: column[row] for name, column in columns.items()}
        sample_id = metadata.get("sample_id")
        spectra.append(Spectrum(axis, unit, values, "unknown", metadata, sample_id))
    return spectra


def _column(cells: Sequence[str]) -> list[Any]:
    """Return a column of metadata as ints or floats if all cells are, else as text."""
    if all(map(_INTEGER.fullmatch, cells)):
        return [int(cell) for cell in cells]
    if all(_NUMBER.fullmatch(cell) or cell.lower() in _MISSING for cell in cells):
        is_name = any(re.match(r"-?0\d", cell) for cell in cells)
        return list(cells) if is_name else [_number(cell, 0, "") for cell in cells]
    return list(cells)


def _spectra_in_columns(rows: Sequence[_Row]) -> list[Spectrum]:
    """Return one spectrum per column; the first column is the axis, the first line may be names."""
    names = rows[0][1]
    has_names = not all(map(_NUMBER.fullmatch, names))
    if not has_names:
        names = [""] * len(names)
    table: NDArray[np.float64] = np.array(
        [
            [_number(cell, line, names[i] or str(i + 1)) for i, cell in enumerate(cells)]
            for line, cells in rows[has_names:]
        ]
    )
    is_label = axis_unit(names[0]) or names_wavelength(names[0])
    axis, unit = place_axis(table[:, 0], names[0] if is_label else "")
    if len(names) == 2:
        return [Spectrum(axis, unit, table[:, 1], name_quantity(names[1]))]
    return [
        Spectrum(axis, unit, values, "unknown", {}, name or None)
        for name, values in zip(names[1:], table.T[1:], strict=True)
    ]
