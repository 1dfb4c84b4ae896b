"""Spectra in CSV and other separated text: one in each row, or one in each column."""

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
# Stricter than float(), which takes "1_2", the second scan of sample 1, for 12.
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")  # not "007", which is a name

_Row = tuple[int, list[str]]  # the number of a line and its cells


def read_delimited(raw: bytes, layout: str) -> list[Spectrum]:
    """Return the spectra of one text file; `layout` is "rows", "columns" or "auto"."""
    rows = _rows(decode_text(raw))
    if len(rows) < 2:
        raise ValueError(f"it has {len(rows)} lines that are not empty. A spectrum takes 2.")
    if layout == "auto":
        layout = _guess_layout(rows)
    return _spectra_in_rows(rows) if layout == "rows" else _spectra_in_columns(rows)


def _rows(text: str) -> list[_Row]:
    """Return the cells of every line that is neither empty nor a comment."""
    lines = [
        (number, line.strip("\r\n\0 "))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip("\r\n\0 ;,\t") and not re.match(r"\s*#|sep=.\s*$", line)
    ]
    if not lines:
        raise ValueError("it holds no text. Copy it from the instrument again.")
    separator = next((each for each in "\t;," if each in lines[0][1]), None)
    rows = [(number, _cells(number, line, separator)) for number, line in lines]
    _check_lengths(rows)
    return rows


def _cells(number: int, line: str, separator: str | None) -> list[str]:
    """Return the cells of one line; without a separator, white space parts them."""
    if separator is None:
        return line.split()
    try:
        (cells,) = csv.reader(io.StringIO(line), delimiter=separator)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"line {number} cannot be split ({error}). Mend its quotes.") from error
    return [cell.strip() for cell in cells]


def _check_lengths(rows: Sequence[_Row]) -> None:
    """Refuse lines of different lengths, but for empty cells behind the last name."""
    n_columns = len(rows[0][1])
    for number, cells in rows:
        while len(cells) > n_columns and not cells[-1]:
            cells.pop()
        if len(cells) != n_columns:
            raise ValueError(
                f"line {number} has {len(cells)} cells, line {rows[0][0]} has {n_columns}. Give "
                "every line the same number, separated by tab, semicolon or comma throughout."
            )


def _guess_layout(rows: Sequence[_Row]) -> str:
    """Tell spectra in rows, under their axis, from spectra in columns, beside it."""
    names = rows[0][1]
    if len(names) == 2 or (axis_unit(names[0]) and not _channel(names[0])):
        return "columns"
    in_names = [channel for name in names if (channel := _channel(name))]
    is_row = _is_axis(in_names)
    is_column = _is_axis([_channel(cells[0]) for _, cells in rows[1:]])
    if is_row and is_column and len(in_names) == len(names):
        raise ValueError(
            f"both line {rows[0][0]} and the first column could be its axis. "
            "Pass layout='rows' or layout='columns'."
        )
    if not is_row and not is_column:
        raise ValueError(
            f"neither line {rows[0][0]} nor the first column is an axis. Name the columns by "
            "their channels, such as '1100.0 nm', or put the axis into the first column."
        )
    return "rows" if is_row else "columns"


def _channel(name: str) -> tuple[float, str] | None:
    """Return the position that a name spells ("1100", "1100,5 nm", "X1100") and its unit."""
    match = CHANNEL_NAME.fullmatch(re.sub(r"^[Xx](?=\d)", "", name).replace(",", "."))
    if match is None:
        return None
    unit = match[2] or ""
    return float(match[1]), "cm-1" if "cm" in unit else unit


def _is_axis(channels: Sequence[tuple[float, str] | None]) -> bool:
    """Tell whether all are positions that go one way and do not merely count."""
    if len(channels) < 2 or None in channels:
        return False
    axis = np.array([channel[0] for channel in channels if channel])
    step = np.diff(axis)
    counts = axis[0] in (0, 1) and bool((step == 1).all())
    return not counts and bool((step > 0).all() or (step < 0).all())


def _number(cell: str, line: int, column: str) -> float:
    """Return the number in a cell, NaN where it is empty; its decimal point may be a comma."""
    if _NUMBER.fullmatch(cell):
        return float(cell.replace(",", "."))
    if cell.lower() in _MISSING:
        return np.nan
    raise ValueError(
        f"line {line}, column {column!r} holds {cell!r}, which is no number. "
        "Mend it, or leave the cell empty where nothing was measured."
    )


def _spectra_in_rows(rows: Sequence[_Row]) -> list[Spectrum]:
    """Return one spectrum a line; columns that name no channel are metadata."""
    names, lines = rows[0][1], rows[1:]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"line {rows[0][0]} gives {len(twice)} names to two columns or more: {twice[:3]}. "
            "Rename or drop one of each."
        )
    channels = {i: channel for i, name in enumerate(names) if (channel := _channel(name))}
    units = sorted({unit for _, unit in channels.values()})
    if len(channels) < 2 or len(units) > 1:
        raise ValueError(
            f"line {rows[0][0]} names {len(channels)} channels in the units {units}. Name the "
            "columns by their channels in one unit, such as '1100.0 nm'."
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
    """Return a column of metadata: integers or numbers where all cells are, else text."""
    if all(map(_INTEGER.fullmatch, cells)):
        return [int(cell) for cell in cells]
    if all(_NUMBER.fullmatch(cell) or cell.lower() in _MISSING for cell in cells):
        is_name = any(re.match(r"-?0\d", cell) for cell in cells)
        return list(cells) if is_name else [_number(cell, 0, "") for cell in cells]
    return list(cells)


def _spectra_in_columns(rows: Sequence[_Row]) -> list[Spectrum]:
    """Return one spectrum a column, on the axis in the first; names may stand above them."""
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
