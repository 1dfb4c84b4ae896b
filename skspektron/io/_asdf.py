"""Numbers of a JCAMP-DX table: plain, packed, squeezed, difference and repeat forms.

McDonald & Wilks, Appl. Spectrosc. 42 (1988) 151-162, section 5 and Table VII.
"""

import math
import re
from collections.abc import Iterable

# A pseudo-digit encodes the delimiter, the sign and the first digit of a number.
_SQUEEZED = {c: str(i) for i, c in enumerate("@ABCDEFGHI")}
_SQUEEZED |= {c: str(-i) for i, c in enumerate("abcdefghi", 1)}
_DIFFERENCE = {c: str(i) for i, c in enumerate("%JKLMNOPQR")}
_DIFFERENCE |= {c: str(-i) for i, c in enumerate("jklmnopqr", 1)}
_REPEAT = {c: str(i) for i, c in enumerate("STUVWXYZs", 1)}

# E is an exponent after a decimal point or before a sign, else the squeezed digit 5.
_NUMBER = r"[+-]?(?:(?:\d+\.\d*|\.\d+)(?:[Ee][+-]?\d{1,3})?|\d+(?:[Ee][+-]\d{1,3})?)"
# A squeezed number or a difference may have a fraction, and then an exponent with a sign.
_DIGITS = r"\d*(?:\.\d*(?:[Ee][+-]\d{1,3})?)?"
_TOKEN = re.compile(rf"({_NUMBER})|([@A-Ia-i%J-Rj-r])({_DIGITS})|([S-Zs])(\d*)|(\?)|[\s,;]+")
_ABSCISSA = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]\d{1,3})?)")


_DAMAGED = "The file is damaged: export it again."
_ROUNDING = 1e-9  # of sums of differences with fractions, relative to the largest ordinate


def read_ordinates(
    lines: Iterable[str], n_points: int
) -> tuple[list[float], list[tuple[float, int]], str]:
    """Return the ordinates of an (X++(Y..Y)) table, abscissa and position of each line, a warning.

    A line that ends in a difference is followed by one that repeats its last ordinate as a check.
    The warning is of a check after the last ordinate that does not repeat it.
    """
    values: list[float] = []
    abscissas: list[tuple[float, int]] = []
    has_check = False
    for line in lines:
        start = _ABSCISSA.match(line)
        if start is None:
            raise ValueError(f"the line {line[:40]!r} does not begin with a number. {_DAMAGED}")
        numbers, ends_in_difference = _decode(line[start.end() :], n_points + 1)
        is_other = has_check and numbers and not _is_same(numbers[0], values)
        if is_other and len(numbers) == 1 and len(values) == n_points:
            return (
                values,
                abscissas,
                (
                    f"its table is complete and ends with {values[-1]:g}; a line after it "
                    f"has {numbers[0]:g} as a check of that, which was ignored."
                ),
            )
        if is_other:
            raise ValueError(
                f"the line at X = {start[1]} begins with {numbers[0]:g}, the line before it ends "
                f"with {values[-1]:g}. {_DAMAGED}"
            )
        abscissas.append((float(start[1]), len(values) - has_check))
        values += numbers[has_check:]
        has_check = ends_in_difference
        if len(values) > n_points:
            break
    return values, abscissas, ""


def _is_same(check: float, values: list[float]) -> bool:
    """Return whether a check equals the last ordinate, up to the rounding of differences."""
    if check == values[-1] or math.isnan(values[-1]):
        return check == values[-1]
    size = max(abs(value) for value in values[-1000:] if not math.isnan(value))
    return abs(check - values[-1]) <= _ROUNDING * size and not values[-1].is_integer()


def _decode(text: str, limit: int) -> tuple[list[float], bool]:
    """Return the ordinates of one line, at most `limit`, and whether it ends in a difference."""
    numbers: list[float] = []
    difference = None
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"{text[position : position + 20]!r} is not a number. {_DAMAGED}")
        position = token.end()
        plain, code, digits, repeat, count, missing = token.groups()
        code, digits = code or repeat, digits if code else count
        if code and code not in _SQUEEZED and not numbers:
            raise ValueError(f"a line begins with the difference {code + digits!r}. {_DAMAGED}")
        if code in _REPEAT:
            numbers += _repeats(numbers, difference, int(_REPEAT[code] + digits) - 1, limit)
        elif code in _DIFFERENCE:
            difference = float(_DIFFERENCE[code] + digits)
            numbers.append(numbers[-1] + difference)
        elif plain or code or missing:
            difference = None
            squeezed = _SQUEEZED[code] + digits if code else plain
            numbers.append(float(squeezed) if squeezed else math.nan)
    return numbers, difference is not None


def _repeats(numbers: list[float], difference: float | None, count: int, limit: int) -> list[float]:
    """Return the numbers of a repeat: of the last number, or of the last difference."""
    if len(numbers) + count > limit:
        raise ValueError(f"a number is repeated {count + 1} times. {_DAMAGED}")
    step = difference or 0.0
    return [numbers[-1] + step * i for i in range(1, count + 1)]
