"""Layouts of spectra in a table of text: in rows, in columns, or in pairs of columns."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._axis_of_text import TextOptions, checked_axis
from ._blocks import read_block
from ._ids import find_ids, is_id_heading, metadata_column
from ._numbers import NUMBER, is_missing, is_number, to_float
from ._spectrum import Spectrum, name_quantity
from ._table import Block, Misfit, Table
from ._units import (
    axis_unit,
    has_foreign_unit,
    is_unlabelled,
    names_axis,
    place_axis,
    unit_of_suffix,
)

_CHANNEL = re.compile(rf"[Xx]?\s*({NUMBER})(?:[\s._(\[]*([^\W\d].*|1\s*/\s*cm.*))?", re.DOTALL)


def in_rows(table: Table, options: TextOptions) -> list[Spectrum]:
    """Return one spectrum per line; columns whose names are not channels are metadata."""
    names = [name.strip() for name in table.cells(0)]
    found = {i: match for i, name in enumerate(names) if (match := channel(name))}
    line = table.lines[0]
    _check_channels(names, found, line)
    first, end = min(found), max(found) + 1
    label = names[0] if 0 not in found else ""
    if not next(iter(found.values()))[1] and has_foreign_unit(label) and not options.axis:
        raise Misfit(
            f"line {line} begins with {label!r}, neither a wavelength nor a wavenumber. Pass axis= "
            "if channels are in nm or cm-1 all the same, or add the unit, as in '1100 nm'."
        )
    label = label if names_axis(label) else ""
    values, sign = _values_in_rows(table, [found[i][0] for i in found], first, end)
    stated = next(iter(found.values()))[1:]
    positions = np.array([to_float(found[i][0]) for i in found])
    if stated[0]:
        positions, label = stated[1] * positions, stated[0]
    axis, unit = checked_axis(positions, label, options, f"line {line}")
    columns = {name: i for i, name in enumerate(names) if i not in found}
    if not columns and not unit and len(found) == 2:
        raise Misfit(f"line {line} names two numbers only", has_axis=False)
    ids = find_ids(table, columns, options.id_column, is_axis_label=names_axis(names[0]))
    kept: dict[str, list[Any]] = {
        name: metadata_column(table.column(i)[1:], sign)
        for name, i in columns.items()
        if i != ids.column
    }
    if ids.values is not None:
        kept = {name: kept.get(name, ids.values) for name in columns}  # in the order of the file
    return [
        Spectrum(
            axis,
            unit,
            values[row],
            "unknown",
            {name: column[row] for name, column in kept.items()},
            None if ids.values is None else ids.values[row],
            warnings=ids.warnings,
        )
        for row in range(len(values))
    ]


def channel(name: str) -> tuple[str, str, float] | None:
    """Return number, unit ("" if none) and scale of a name such as "1100", "X1100", "1,1 um"."""
    match = _CHANNEL.fullmatch(name)
    if match is None:
        return None
    if not match[2]:
        return (match[1], "", 1.0) if re.fullmatch(rf"[Xx]?{NUMBER}", name) else None
    unit = unit_of_suffix(match[2])
    return None if unit is None else (match[1], *unit)


def _check_channels(
    names: Sequence[str], found: dict[int, tuple[str, str, float]], line: int
) -> None:
    """Raise Misfit if the names of the first line are not channels in one unit."""
    if len(found) < 2:
        foreign = [match[2] for name in names if (match := _CHANNEL.fullmatch(name)) and match[2]]
        if len(foreign) > 1:
            raise Misfit(
                f"line {line} names columns in {foreign[0]!r}, neither a wavelength nor a "
                "wavenumber. Name them in nm or cm-1."
            )
        raise Misfit(f"line {line} names {len(found)} channels", has_axis=False)
    units = sorted({unit for _, unit, _ in found.values()})
    if len(units) > 1 or len({factor for *_, factor in found.values()}) > 1:
        raise Misfit(
            f"line {line} names {len(found)} channels in the units {units}. Name at least "
            "2 columns after their channels, in one unit, such as '1100.0 nm'."
        )
    repeated = sorted(
        name for name, n in Counter(names).items() if n > 1 and names.index(name) not in found
    )
    if repeated:
        raise Misfit(
            f"line {line} has {len(repeated)} names of more than one column: {repeated[:3]}. "
            "Rename or drop one of each."
        )
    first, end = min(found), max(found) + 1
    odd = [i for i in range(first, end) if i not in found]
    odd += [i for i in (first - 1, end) if 0 <= i < len(names) and re.match(r"[Xx]?\d", names[i])]
    if odd:
        raise Misfit(
            f"line {line} has {names[odd[0]]!r} among its channels, from {names[first]!r} to "
            f"{names[end - 1]!r}. Correct it if it is a channel; otherwise rename it and move it "
            "before the first channel, or add the unit to channels, as in '1100 nm'."
        )


def _values_in_rows(
    table: Table, names: Sequence[str], first: int, end: int
) -> tuple[NDArray[np.float64], str]:
    """Return the values of all lines below the heading, and their decimal sign."""
    rows = Block(table, 1, first, end)
    values, sign, bad = _read_block(rows, names)
    if bad is not None:
        name = table.cells(0)[first + bad[1]].strip()
        raise Misfit(_not_a_number(table.lines[bad[0] + 1], name, rows[bad[0]][bad[1]]))
    return values, sign


def _read_block(
    rows: Block, names: Sequence[str]
) -> tuple[NDArray[np.float64], str, tuple[int, int] | None]:
    """Return numbers as `read_block`; a Misfit if they have several decimal signs."""
    try:
        return read_block(rows, names)
    except ValueError as error:
        raise Misfit(str(error)) from error


def _not_a_number(line: int, column: str, cell: str) -> str:
    """Return the message about a cell that is not a number."""
    return (
        f"line {line}, column {column!r} has {cell.strip()!r}, which is not a number. "
        "Correct it, or leave the cell empty if nothing was measured."
    )


def in_columns(table: Table, options: TextOptions) -> list[Spectrum]:
    """Return one spectrum per column; the first column is the axis, the first line may be names."""
    if options.layout == "auto" and is_id_heading(table.cells(0)[0]):
        raise Misfit("the first column has ids", has_axis=False)
    names, axis, unit, values = _columns(table, options)
    if options.layout == "auto" and any(map(_labels_axis, names[1:])):
        raise Misfit(
            "more than one column is named as an axis. Pass layout='pairs' if an axis and values "
            "alternate, layout='columns' if the first column alone is an axis."
        )
    if len(names) == 2:
        return [Spectrum(axis[0], unit[0], values[0], name_quantity(names[1]))]
    return [
        Spectrum(axis[0], unit[0], each, "unknown", {}, name)
        for name, each in zip(_column_ids(names[1:]), values, strict=True)
    ]


def _columns(
    table: Table, options: TextOptions, n_axes: int = 1
) -> tuple[list[str], list[NDArray[np.float64]], list[str], list[NDArray[np.float64]]]:
    """Return names of columns, axes, units, and values; `n_axes` columns alternate with values."""
    names, positions = [name.strip() for name in table.cells(0)], table.column(0)
    start = int(not is_number(names[0]))
    if not start:
        if not all(is_number(name) or is_missing(name) for name in names):
            line = table.lines[0]
            raise Misfit(f"line {line} begins with a number and has text", has_axis=False)
        names = [""] * len(names)
    is_pairs = n_axes > 1  # whose columns may differ in length
    for line, cell in zip(table.lines[start:], positions[start:], strict=True):
        if not is_number(cell) and not (is_pairs and is_missing(cell)):
            raise Misfit(f"line {line} begins with {cell!r}, not a number", has_axis=False)
    if len(positions) - start < 2:
        raise Misfit("only one line has numbers", has_axis=False)
    if any(found and found[1] for found in map(channel, names[1:])):
        raise Misfit(f"line {table.lines[0]} names channels with units", has_axis=False)
    if n_axes == 1:
        label = _label(names[0], options)
        numbers = np.array([to_float(cell) for cell in positions[start:]])
        checked = checked_axis(numbers, label, options, "the first column")
    data = _numbers_of(table, names, start)
    if n_axes == 1:
        return names, [checked[0]], [checked[1]], list(np.ascontiguousarray(data.T)[1:])
    pairs = [
        _pair(data[:, i], data[:, i + 1], _label(names[i], options), options, i)
        for i in range(0, 2 * n_axes, 2)
    ]
    return names, [p[0] for p in pairs], [p[1] for p in pairs], [p[2] for p in pairs]


def _label(name: str, options: TextOptions) -> str:
    """Return the label of an axis, "" if `axis` states its unit and the label does not."""
    is_stated = options.axis is not None and not names_axis(name)
    if is_stated and len(re.sub(r"[\W_\d]", "", name)) and not _has_unit(name):
        return ""
    return "" if is_unlabelled(name) else name


def _has_unit(name: str) -> bool:
    """Return whether a label has a unit, known or not."""
    try:
        place_axis(np.array([1.0, 2.0]), f"wavelength {name}")
    except ValueError:
        return True
    return axis_unit(name) is not None


def _numbers_of(table: Table, names: Sequence[str], start: int) -> NDArray[np.float64]:
    """Return all cells as numbers, NaN where missing."""
    rows = Block(table, start, 0, table.width)
    data, _, bad = _read_block(rows, [])
    if bad is not None:
        row, at = bad
        name = names[at] or str(at + 1)
        raise Misfit(_not_a_number(table.lines[start + row], name, rows[row][at]))
    return data


def _labels_axis(name: str) -> bool:
    """Return whether the name of a column is that of an axis rather than of a sample."""
    return names_axis(name) and not re.fullmatch(r"(?i).*raman(?!\s*shift).*", name)


def _column_ids(names: Sequence[str]) -> list[str | None]:
    """Return the names of columns as ids, None if no column has a name."""
    if not any(names):
        return [None] * len(names)
    if not all(names):
        at = names.index("")
        raise Misfit(f"column {at + 2} has values and no name. Name each column after its sample.")
    return list(names)


def in_pairs(table: Table, options: TextOptions) -> list[Spectrum]:
    """Return one spectrum per two columns, its axis and its values."""
    names = [name.strip() for name in table.cells(0)]
    if len(names) < 4 or len(names) % 2:
        raise Misfit(f"{len(names)} columns are not two or more pairs", has_axis=False)
    names, axes, units, values = _columns(table, options, len(names) // 2)
    if options.layout == "auto" and not all(map(_labels_axis, names[::2])):
        same = all(
            len(axis) == len(axes[0]) and np.ptp(axis) > 0 and _overlap(axis, axes[0])
            for axis in axes
        )
        if not same:
            raise Misfit("not every second column is an axis", has_axis=False)
    ids = _column_ids(names[1::2])
    quantities = [name_quantity(name) for name in names[1::2]]
    if len(set(ids)) < len(ids) or any(each != "unknown" for each in quantities):
        ids = [None] * len(ids)
    return [
        Spectrum(axis, unit, each, quantity, {}, name)
        for axis, unit, each, quantity, name in zip(
            axes, units, values, quantities, ids, strict=True
        )
    ]


def _overlap(axis: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Return whether two axes have half of their range in common."""
    low, high = max(axis.min(), other.min()), min(axis.max(), other.max())
    return bool(high - low >= 0.5 * max(np.ptp(axis), np.ptp(other)))


def _pair(
    axis: NDArray[np.float64],
    values: NDArray[np.float64],
    label: str,
    options: TextOptions,
    at: int,
) -> tuple[NDArray[np.float64], str, Any]:
    """Return axis, unit and values of two columns, without the empty lines below a shorter one."""
    n_points = len(axis) - int(np.argmax(~np.isnan(axis)[::-1])) if not np.isnan(axis).all() else 0
    if not n_points or np.isnan(axis[:n_points]).any() or not np.isnan(values[n_points:]).all():
        raise Misfit(f"column {at + 1} has values without an axis", has_axis=False)
    placed, unit = checked_axis(axis[:n_points], label, options, f"column {at + 1}")
    return placed, unit, values[:n_points]
