"""Numbers in text files: one grammar for cells, headings and axes."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

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
    point, comma = "", ""
    may_be_grouped = separator != ";"
    for cells in rows:
        text = "\n".join(cells)
        if "." in text and not point:
            point = next(cell for cell in cells if "." in cell).strip()
        if "," in text and (may_be_grouped or not comma):
            with_comma = (cell.strip() for cell in cells if "," in cell)
            first = next(with_comma)
            comma = comma or first
            may_be_grouped = may_be_grouped and all(
                map(_GROUPED.fullmatch, chain([first], with_comma))
            )
    if not comma:
        return "."
    if point:
        raise ValueError(
            f"it has {point!r} and {comma!r}: points and commas in numbers. "
            "Write all numbers with one decimal sign and without a separator of thousands."
        )
    if may_be_grouped:
        raise ValueError(
            f"{comma!r} may have a decimal comma or a separator of thousands, as all its "
            "numbers with commas. Write numbers with a decimal point."
        )
    return ","


def has_plain_numbers(text: str) -> bool:
    """Return whether what float() reads of a text is a number here too: no "1_2", "inf", "nan"."""
    return text.isascii() and not any(each in text for each in "_nN")


def read_numbers(cells: Sequence[str], decimal: str) -> tuple[NDArray[np.float64], int | None]:
    """Return the numbers of cells, NaN where missing, and the position of the first bad cell."""
    text = "\n".join(cells)
    read = text.replace(",", ".").split("\n") if decimal == "," else cells
    if len(read) == len(cells) and has_plain_numbers(text):
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
