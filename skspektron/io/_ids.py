"""Ids of samples and other metadata in columns of text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._numbers import is_missing, read_numbers
from ._table import Misfit, Table

# Headings of ids, in lower case without blanks and signs.
_HEADINGS = {"id", "ids", "ident", "identifier", "identification", "name", "names"}
_SAMPLES = ("sample", "samples", "specimen", "probe", "proben", "lab", "spectrum", "scan")
_ENDS = ("", "id", "ids", "name", "names", "no", "nr", "number", "nummer", "code", "label")
_HEADINGS |= {start + end for start in _SAMPLES for end in _ENDS} - {"lab", "labname"}
_HEADINGS |= {"samplenames", "sampleident", "sampleidentifier", "labor", "probenbezeichnung"}
_HEADINGS |= {"echantillon", "échantillon", "muestra", "campione", "amostra", "monster"}
_INTEGER = re.compile(r"-?[1-9]\d{0,14}|0")  # not "007", which is a label
_REAL = re.compile(r"[+-]?(\d{1,15}|\d*[.,]\d+|\d+[.,]\d*)([eE][+-]\d+)?")


@dataclass(frozen=True)
class Ids:
    """The column of ids of a table and its cells, None if it has none."""

    column: int | None = None
    values: list[str] | None = None
    warnings: tuple[str, ...] = ()


def is_id_heading(name: str) -> bool:
    """Return whether a heading is a usual one for ids of samples."""
    return re.sub(r"[\W_]", "", name).lower() in _HEADINGS


def find_ids(
    table: Table, columns: dict[str, int], id_column: str | None, *, is_axis_label: bool
) -> Ids:
    """Return the ids of rows as written; raise Misfit if one is blank."""
    name = _id_name(columns, id_column, is_axis_label)
    if name is None:
        return Ids(warnings=_unknown_ids(columns))
    at = columns[name]
    ids = table.column(at)[1:]
    if not name and id_column is None and _is_count(ids):
        return Ids()  # the index that pandas writes
    for line, each in zip(table.lines[1:], ids, strict=True):
        if is_missing(each):
            raise Misfit(
                f"line {line}, column {name!r} has {each!r} for an id. Give every sample an id, or "
                "pass the column that has one as id_column=."
            )
    return Ids(at, ids)


def _id_name(columns: dict[str, int], id_column: str | None, is_axis_label: bool) -> str | None:
    """Return the name of the column of ids, None if there is none."""
    if id_column is not None:
        if id_column not in columns:
            raise Misfit(
                f"id_column must be one of {list(columns)[:20]}, its columns without channels, "
                f"got {id_column!r}."
            )
        return id_column
    found = [name for name in columns if is_id_heading(name)]
    exact = [name for name in found if name == "sample_id"]
    if len(exact or found) > 1:
        raise Misfit(
            f"its columns {found} may all be ids of samples. Pass one of them as id_column=."
        )
    first = next((name for name, at in columns.items() if at == 0), None)
    if not found and first is not None and (is_axis_label or not first):
        return first
    return next(iter(exact or found), None)


def _unknown_ids(columns: dict[str, int]) -> tuple[str, ...]:
    """Return the way out for rows without a known heading of ids."""
    if not columns:
        return ()
    return (f"None of its columns {list(columns)[:5]} is known as one of ids: pass id_column=.",)


def _is_count(cells: Sequence[str]) -> bool:
    """Return whether cells count lines from 0 or 1."""
    counts = [[str(first + i) for i in range(len(cells))] for first in (0, 1)]
    return list(cells) in counts


def metadata_column(cells: list[str], decimal: str) -> list[Any]:
    """Return a column of metadata as ints or floats if all cells are, else as text."""
    if all(map(_INTEGER.fullmatch, cells)):
        return [int(cell) for cell in cells]
    is_name = any(re.match(r"-?0\d", cell) for cell in cells)
    has_point = decimal == "," and any("." in cell for cell in cells)
    if is_name or has_point or not all(_REAL.fullmatch(each) or is_missing(each) for each in cells):
        return list(cells)
    numbers, bad = read_numbers(cells, decimal)
    return list(cells) if bad is not None else numbers.tolist()
