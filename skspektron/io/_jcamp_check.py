"""Decimal commas and ordinate factors of JCAMP-DX tables, checked against their records."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_COMMA = re.compile(r"(?<=[0-9A-Ja-j@%K-Rk-r]),(?=[0-9])")  # that may be decimal
_AGREEMENT = 0.02  # of a ratio of ordinates: records are rounded
_SAME = 0.1  # relative difference of factors that rounding cannot explain

_Read = TypeVar("_Read")


def read_with_commas(
    read: Callable[[Sequence[str]], _Read], lines: Sequence[str], is_fixed: bool
) -> _Read:
    """Return a table whose commas separate numbers or are decimal, as its records allow.

    `is_fixed` says whether the records have a count, without which no reading is certain.
    """
    if not any(map(_COMMA.search, lines)):
        return read(lines)
    decimal = [_COMMA.sub(".", line) for line in lines]
    if any("." in line for line in lines):  # then commas are no decimal signs
        return read(lines)
    fits, errors = [], []
    for form in (lines, decimal):
        try:
            fits.append(read(form))
        except ValueError as error:
            errors.append(error)
    if not fits:
        raise errors[0]
    if len(fits) > 1:
        more = "" if is_fixed else " Its ##NPOINTS= would decide."
        raise ValueError(
            "the commas in its table may be decimal or separate numbers. Export it with decimal "
            f"points.{more}"
        )
    return fits[0]


def check_ordinates(
    ordinates: NDArray[np.float64], factor: float, records: dict[str, float | None]
) -> tuple[str, ...]:
    """Return warnings about YFACTOR and ordinates, which FIRSTY, MAXY and MINY may contradict."""
    found = {"FIRSTY": ordinates[0], "MAXY": np.nanmax(ordinates), "MINY": np.nanmin(ordinates)}
    warned = check_factor("YFACTOR", factor, found, records)
    low, high = records["MINY"], records["MAXY"]
    if warned or low is None or high is None or not -np.inf < low < high < np.inf:
        return warned
    margin = _AGREEMENT * (high - low)
    for scale in (factor, 1.0):  # some software writes records without the factor
        ends = sorted((found["MINY"] * scale, found["MAXY"] * scale))
        if low - margin <= ends[0] and ends[1] <= high + margin:
            return ()
    ends = sorted((found["MINY"] * factor, found["MAXY"] * factor))
    return (
        f"its ordinates are from {ends[0]:.6g} to {ends[1]:.6g}, ##MINY= and ##MAXY= say from "
        f"{low:.6g} to {high:.6g}. Check its values.",
    )


def check_factor(
    label: str, factor: float, found: dict[str, float], records: dict[str, float | None]
) -> tuple[str, ...]:
    """Return a warning if one record alone, or several in different factors, contradict a factor.

    `found` are the numbers without the factor. Raises ValueError if the factor is no number other
    than 0, or if the records agree in another factor. Records without factor, as some software
    writes them, are no contradiction.
    """
    if not np.isfinite(factor) or factor == 0:
        raise ValueError(
            f"##{label}= must be a number other than 0, got {factor:g}. The file is damaged: "
            "export it again."
        )
    ratios = {
        name: stated / found[name]
        for name, stated in records.items()
        if stated is not None and np.isfinite(stated) and stated != 0 and found[name] != 0
    }
    if not ratios:
        return ()
    values = np.array(list(ratios.values()))
    typical = float(np.median(values))
    is_one = bool((np.abs(values - typical) <= _AGREEMENT * abs(typical)).all())
    if any((np.abs(values - known) <= _SAME * abs(known)).any() for known in (factor, 1.0)):
        return ()
    if not is_one:
        said = ", ".join(f"{name} says {ratio:.6g}" for name, ratio in ratios.items())
        return (f"##{label}= is {factor:g}, {said}. Check its values.",)
    text = f"##{label}= is {factor:g}, {' and '.join(ratios)} say {typical:.6g}"
    if len(ratios) == 1:
        return (f"{text}. Check its values.",)
    raise ValueError(f"{text}. The file is damaged: export it again.")
