"""Numbers in text files: one grammar for cells, headings and axes."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

# Stricter than float(), which reads "1_2", the second scan of sample 1, as 12.
NUMBER = r"[+\-−]?(?:[0-9]+(?:\.[0-9]*|,[0-9]+)?|[.,][0-9]+)(?:[eE][+\-−]?[0-9]+)?"
MISSING = {"", "na", "n/a", "nan", "null", "none"}
_NUMBER = re.compile(NUMBER)
_GROUPED = re.compile(r"[+\-−]?[1-9][0-9]{0,2}(,[0-9]{3})+")  # "1,234": 1.234 or 1234


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a decimal point or comma."""
    return _NUMBER.fullmatch(cell) is not None


def is_missing(cell: str) -> bool:
    """Return whether a cell is empty or says that nothing was measured."""
    return cell.strip().lower() in MISSING


def to_float(number: str) -> float:
    """Return a number, with a decimal point or comma."""
    return float(number.replace(",", ".").replace("−", "-"))


def decimal_sign(rows: Iterable[Sequence[str]], separator: str | None) -> str:
    """Return the decimal sign of all numbers of a table; raise ValueError if that is not one."""
    has_point, with_comma = "", []
    for cells in rows:
        text = "\n".join(cells)
        if "." in text and not has_point:
            has_point = next(cell for cell in cells if "." in cell)
        if "," in text:
            with_comma += [cell.strip() for cell in cells if "," in cell]
    if not with_comma:
        return "."
    if has_point:
        raise ValueError(
            f"it has {has_point.strip()!r} and {with_comma[0]!r}: points and commas in numbers. "
            "Write all numbers with one decimal sign and without a separator of thousands."
        )
    if separator != ";" and all(map(_GROUPED.fullmatch, with_comma)):
        raise ValueError(
            f"{with_comma[0]!r} may have a decimal comma or a separator of thousands, as all its "
            "numbers with commas. Write numbers with a decimal point."
        )
    return ","


def read_numbers(cells: Sequence[str], decimal: str) -> tuple[NDArray[np.float64], int | None]:
    """Return the numbers of cells, NaN where missing, and the position of the first bad cell."""
    text = "\n".join(cells)
    read = text.replace(",", ".").split("\n") if decimal == "," else cells
    # Of text without these, float() reads numbers only: no "1_2", "inf" or "nan".
    if len(read) == len(cells) and text.isascii() and not any(each in text for each in "_nN"):
        try:
            return np.fromiter(map(float, read), np.float64, len(read)), None
        except ValueError:  # empty cells, or none of a number
            pass
    numbers = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        cell = cell.strip()
        if is_number(cell) and (decimal == "," or "," not in cell):
            numbers[at] = to_float(cell)
        elif not is_missing(cell):
            return numbers, at
    return numbers, None


def read_block(
    rows: Sequence[Sequence[str]], names: Sequence[str], separator: str | None
) -> tuple[NDArray[np.float64], str, tuple[int, int] | None]:
    """Return the numbers of a table, its decimal sign, and the position of the first bad cell.

    The names are numbers too, such as those of channels, with the same decimal sign.
    """
    sign = decimal_sign([names, *rows], separator) if "," in "".join(names) else "."
    values, bad = _read_all(rows, sign)
    if bad and sign == "." and "," in rows[bad[0]][bad[1]]:
        sign = decimal_sign([names, *rows], separator)
        values, bad = _read_all(rows, sign)
    return values, sign, bad


def _read_all(
    rows: Sequence[Sequence[str]], decimal: str
) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
    """Return numbers and the position of the first bad cell."""
    values = np.empty((len(rows), len(rows[0])))
    for row, cells in enumerate(rows):
        numbers, bad = read_numbers(cells, decimal)
        if bad is not None:
            return values, (row, bad)
        values[row] = numbers
    return values, None
