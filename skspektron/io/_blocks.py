"""Blocks of numbers in text tables, read at once where all cells are numbers or missing."""

import csv
import re
import sys
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._numbers import decimal_sign, has_plain_numbers, read_numbers
from ._table import Block

_CHUNK = 200_000  # cells that are read at once: their text stays in the cache
_LONG = 13  # characters of a cell from which on pandas is faster than numpy
_EXACT_PANDAS = (3, 1)  # the first version that reads the nearest float64 by default


def read_block(
    rows: Block, names: Sequence[str]
) -> tuple[NDArray[np.float64], str, tuple[int, int] | None]:
    """Return the numbers of a table, its decimal sign, and the position of the first bad cell.

    The names are numbers too, such as those of channels, with the same decimal sign.
    """
    separator = rows.table.separator
    sign = decimal_sign(chain([names], rows), separator) if "," in "".join(names) else "."
    values, bad = _read_all(rows, sign)
    if bad and sign == "." and "," in rows[bad[0]][bad[1]]:
        sign = decimal_sign(chain([names], rows), separator)
        values, bad = _read_all(rows, sign)
    return values, sign, bad


def _read_all(rows: Block, decimal: str) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
    """Return numbers and the position of the first bad cell."""
    values = np.empty((len(rows), rows.end - rows.first))
    n_lines = max(1, _CHUNK // values.shape[1])
    for start in range(0, len(rows), n_lines):
        chunk = range(start, min(start + n_lines, len(rows)))
        parsed = _parse(_plain_lines(rows, chunk, decimal), values.shape[1])
        if parsed is not None:
            values[chunk.start : chunk.stop] = parsed
            continue
        for row in chunk:
            values[row], bad = read_numbers(rows[row], decimal)
            if bad is not None:
                return values, (row, bad)
    return values, None


def _plain_lines(rows: Block, chunk: range, decimal: str) -> list[str]:
    """Return some lines of tabs between cells, empty if missing; none if a cell is no number.

    What `float` reads of these cells is a number in the grammar of `read_numbers`.
    """
    separator, lines = rows.table.separator, []
    for row in chunk:
        text = None if separator is None else rows.text(row)
        if text is None or separator is None:
            cells = rows[row]
            text = "\t".join(cells)
            if text.count("\t") >= len(cells):
                return []
        else:
            if "n" in text or "N" in text:
                text = _missing_cells(separator).sub("", text)
            text = text.replace(separator, "\t")
        if not has_plain_numbers(text):
            return []
        lines.append(text.replace(",", ".") if decimal == "," else text)
    return lines


@cache
def _missing_cells(separator: str) -> re.Pattern[str]:
    """Return the pattern of words for missing values that fill a cell, as `is_missing`."""
    words = "[aA][nN]?|/[aA]|[uU][lL][lL]|[oO][nN][eE]"
    return re.compile(rf"[nN](?<![^{separator}].)(?:{words})(?![^{separator}])")


def _parse(lines: list[str], width: int) -> NDArray[np.float64] | None:
    """Return the nearest float64 of each cell, NaN of empty ones; None if one is no number."""
    pandas = sys.modules.get("pandas")  # not imported for this: that takes longer than most files
    try:
        if not lines:
            return None
        if len(lines[0]) > _LONG * width and pandas and _is_exact(pandas):
            values = _parse_by_pandas(lines, pandas).reshape(len(lines), -1)
        else:
            values = np.loadtxt(map(_fill, lines), comments=None, delimiter="\t", ndmin=2)
    except ValueError:
        return None
    return values if values.shape == (len(lines), width) else None


def _fill(line: str) -> str:
    """Return a line with nan in its empty cells."""
    if "\t\t" in line:
        line = line.replace("\t\t", "\tnan\t").replace("\t\t", "\tnan\t")
    start, end = "nan" * (line[:1] in "\t"), "nan" * (line[-1:] == "\t")
    return f"{start}{line}{end}"


def _is_exact(pandas: Any) -> bool:
    """Return whether pandas reads the nearest float64 by default."""
    return tuple(map(int, pandas.__version__.split(".")[:2])) >= _EXACT_PANDAS


def _parse_by_pandas(lines: list[str], pandas: Any) -> NDArray[np.float64]:
    """Return the numbers of all lines, which pandas reads twice as fast if they have many digits.

    They are read as one column: each further column takes time.
    """
    text = "\n".join([*lines, ""]).replace("\t", "\n")
    return pandas.read_csv(
        BytesIO(text.encode()),
        sep="\t",  # of which the text has none
        header=None,
        dtype=np.float64,
        na_values=[""],
        keep_default_na=False,
        skip_blank_lines=False,
        skipinitialspace=True,
        quoting=csv.QUOTE_NONE,
        low_memory=False,
    )[0].to_numpy()
