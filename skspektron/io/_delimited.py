"""Reader of CSV and other delimited text, in the one layout that fits the whole table."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ._axis_of_text import TextOptions
from ._layouts import in_columns, in_pairs, in_rows
from ._spectrum import Spectrum
from ._table import Misfit, Table, read_tables

_LAYOUTS: dict[str, Callable[[Table, TextOptions], list[Spectrum]]] = {
    "rows": in_rows,
    "columns": in_columns,
    "pairs": in_pairs,
}
_AXES = {"rows": "line {}", "columns": "the first column", "pairs": "every second column"}


def read_delimited(raw: bytes, options: TextOptions) -> list[Spectrum]:
    """Return the spectra of one text file."""
    fits: list[list[Spectrum]] = []
    reasons: list[ValueError] = []
    has_tabs = False  # whether tabs separate a table with an axis
    for separator, make_table in read_tables(raw, options.skip_rows):
        if separator is None and (fits or has_tabs):
            break  # white space separates only where nothing else does
        table = make_table()
        if isinstance(table, ValueError):
            reasons.append(table)
            continue
        try:
            fits.append(_read_table(table, options))
        except ValueError as error:
            reasons.append(error)
            has_tabs |= separator == "\t" and getattr(error, "has_axis", False)
    if not fits:
        # A table with an axis says best what is wrong, and then the first separator.
        raise min(reasons, key=lambda reason: not getattr(reason, "has_axis", False))
    if len(fits) > 1:
        raise ValueError(
            "it may be separated by one of several signs. Write it with one separator, and with "
            "decimal points."
        )
    return fits[0]


def _read_table(table: Table, options: TextOptions) -> list[Spectrum]:
    """Return the spectra of a table in the layout that was given, or in the only one that fits."""
    layouts = list(_LAYOUTS) if options.layout == "auto" else [options.layout]
    fits: dict[str, list[Spectrum]] = {}
    misfits: dict[str, Misfit] = {}
    for name in layouts:
        try:
            fits[name] = _LAYOUTS[name](table, options)
        except Misfit as reason:
            misfits[name] = reason
    if {"rows", "columns"} <= set(fits):
        fits = _without_numbering(fits)
    if not fits:
        raise _no_fit(misfits, table.lines[0])
    if len(fits) > 1:
        axes = " and ".join(_AXES[name].format(table.lines[0]) for name in fits)
        ways = " or ".join(f"layout={name!r}" for name in fits)
        raise Misfit(f"both {axes} may be its axis. Pass {ways}.")
    (spectra,) = fits.values()
    if options.id_column is not None and next(iter(fits)) != "rows":
        raise Misfit("id_column= names a column of spectra in rows, this table has none.")
    if table.n_comments:
        note = f"{table.n_comments} comment lines before the table were skipped."
        spectra = [replace(spectra[0], notes=(note,)), *spectra[1:]]
    return spectra


def _without_numbering(fits: dict[str, list[Spectrum]]) -> dict[str, list[Spectrum]]:
    """Return fits without the one whose axis numbers samples below 200, as 101, 102, 103."""
    axes = {name: fits[name][0].axis for name in ("rows", "columns")}
    counts = {
        name: bool(np.all(np.diff(axis) == 1) and axis[0] % 1 == 0) for name, axis in axes.items()
    }
    dropped = [name for name, axis in axes.items() if counts[name] and axis.max() < 200]
    is_clear = len(dropped) == 1 and sum(counts.values()) == 1
    return {name: each for name, each in fits.items() if not is_clear or name not in dropped}


def _no_fit(misfits: dict[str, Misfit], line: int) -> Misfit:
    """Return the error for a table of no layout."""
    with_axis = [reason for reason in misfits.values() if reason.has_axis]
    if with_axis:
        return with_axis[0]
    if len(misfits) == 1:
        (name,) = misfits
        return Misfit(f"it has no spectra in {name}: {misfits[name]}. Pass another layout=.")
    return Misfit(
        f"neither line {line} nor the first column is an axis: {_join(misfits)}. Name the columns "
        "after their channels, such as '1100.0 nm', or write the axis in the first column; pass "
        "skip_rows= to skip lines before the table.",
        has_axis=False,
    )


def _join(misfits: dict[str, Misfit]) -> str:
    """Return the reasons against rows and columns."""
    reasons: Sequence[str] = [str(misfits[name]).rstrip(".") for name in ("rows", "columns")]
    return "; ".join(reasons)
