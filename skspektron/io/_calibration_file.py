"""CSV and JSON files of linear calibrations, at full precision and with a checksum."""

import csv
import io
import math
import re
from typing import Any

import numpy as np

from .._files import (
    check_kind,
    check_sum,
    checksum,
    lacks_entry,
    read_record,
    read_text,
    write_atomically,
    write_record,
)
from .._typing import PathLike

FORMAT = "skspektron linear calibration"
VERSION = 1
AXES = {"nm": "wavelength (nm)", "cm-1": "wavenumber (cm-1)", None: "channel"}
_FIRST_LINE = re.compile(r"# (.+); version (\d+); sha256 ([0-9a-f]*)")

_NUMBERS = ("coef", "intercept")

# Content of a file: {"axis": {"unit": str or None, "values": [float, ...]},
#                    "targets": [{"name": str, "unit": str, "intercept": float, "coef": [...]}]}
Record = dict[str, Any]


def record_of(calibration: Any) -> Record:
    """Return the checked content of the file of a `LinearCalibration`."""
    coef, in_cm = np.atleast_2d(calibration.coef_), calibration.wavenumber_
    unit = None if in_cm is None else ("cm-1" if calibration.wavelength is None else "nm")
    given = {
        "nm": calibration.wavelength,
        "cm-1": calibration.wavenumber,
        None: range(coef.shape[1]),
    }
    axis = np.asarray(given[unit], dtype=np.float64)
    columns = zip(
        _one_per_target(calibration, "target_names", [f"y{k}" for k in range(len(coef))]),
        _one_per_target(calibration, "target_units", [""] * len(coef)),
        np.atleast_1d(calibration.intercept_).tolist(),
        coef.tolist(),
        strict=True,
    )
    targets = [
        {"name": name, "unit": unit_of, "intercept": intercept, "coef": row}
        for name, unit_of, intercept, row in columns
    ]
    return {"axis": {"unit": unit, "values": axis.tolist()}, "targets": targets}


def parameters_of(record: Record) -> dict[str, Any]:
    """Return the parameters of the `LinearCalibration` in a file."""
    axis, targets = record["axis"], record["targets"]
    coef, intercept = (np.array([target[key] for target in targets]) for key in _NUMBERS)
    axis_name = {"nm": "wavelength", "cm-1": "wavenumber"}.get(axis["unit"])
    return {
        "coef": coef[0] if len(targets) == 1 else coef,
        "intercept": intercept[0] if len(targets) == 1 else intercept,
        "target_names": [target["name"] for target in targets],
        "target_units": [target["unit"] for target in targets],
        **({} if axis_name is None else {axis_name: np.array(axis["values"])}),
    }


def _one_per_target(calibration: Any, parameter: str, default: list[str]) -> list[str]:
    """Return one string per target, or the default."""
    words = getattr(calibration, parameter)
    if words is None:
        return default
    if isinstance(words, str) or len(words) != len(default):
        raise ValueError(
            f"{parameter} must be a list of {len(default)} strings, one per target, got {words!r}. "
            "Pass one, or None."
        )
    return [str(word) for word in words]


def write_csv(path: PathLike, record: Record) -> None:
    """Write a record as a table with one row per channel."""
    targets = record["targets"]
    text = io.StringIO()
    text.write(f"# {FORMAT}; version {VERSION}; sha256 {checksum(record)}\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([AXES[record["axis"]["unit"]], *(target["name"] for target in targets)])
    rows.writerow(["unit", *(target["unit"] for target in targets)])
    rows.writerow(["intercept", *(repr(target["intercept"]) for target in targets)])
    columns = [record["axis"]["values"], *(target["coef"] for target in targets)]
    rows.writerows(zip(*([repr(value) for value in column] for column in columns), strict=True))
    write_atomically(path, text.getvalue().encode())


def read_csv(path: PathLike) -> Record:
    """Read a file of `write_csv`, or one of the same form without the first line."""
    lines = read_text(path).splitlines(keepends=True)
    first = _FIRST_LINE.match(lines[0]) if lines else None
    if first:
        check_kind(path, FORMAT, VERSION, first[1], int(first[2]))
    rows = [row for row in csv.reader(lines[1:] if first else lines) if any(row)]
    record = _record_of_rows(path, rows)
    if first:
        check_sum(path, record, first[3])
    return record


def write_json(path: PathLike, record: Record) -> None:
    """Write a record as one JSON object."""
    write_record(path, FORMAT, VERSION, record)


def read_json(path: PathLike) -> Record:
    """Read a file of `write_json`."""
    record, expected = read_record(path, FORMAT, VERSION, ("axis", "targets"))
    try:
        lengths = {len(target["coef"]) for target in record["targets"]}
        channels, _ = record["axis"]["values"], AXES[record["axis"]["unit"]]
    except (KeyError, TypeError) as error:
        raise lacks_entry(path, FORMAT, error) from error
    if lengths != {len(channels)}:
        raise ValueError(
            f"{path} has {sorted(lengths)} coefficients for {len(channels)} channels. It may be "
            "damaged: write or copy it again."
        )
    check_sum(path, record, expected)
    return record


def _record_of_rows(path: PathLike, rows: list[list[str]]) -> Record:
    """Return the record in rows of text."""
    heading = rows[0] if rows else []
    units = {name: unit for unit, name in AXES.items()}
    if len(heading) < 2 or heading[0].strip() not in units:
        raise ValueError(
            f"The heading of {path} must be one of {', '.join(map(repr, units))} and the names of "
            f"targets, got {heading[:2]}. Add such a heading."
        )
    labelled = {row[0].strip(): row for row in rows[1:3] if row[0].strip() in ("unit", "intercept")}
    if "intercept" not in labelled:
        raise ValueError(
            f"{path} has no row 'intercept' below its heading. Add it, with 0 for no intercept."
        )
    columns = _numbers(path, rows[1 + len(labelled) :], len(heading))
    intercepts = _numbers(path, [["0", *labelled["intercept"][1:]]], len(heading))
    named_units = labelled.get("unit", [""] * len(heading))
    if len(named_units) != len(heading):
        raise ValueError(
            f"{path} has a row 'unit' of {len(named_units)} entries below a heading of "
            f"{len(heading)}. Add a unit for each target, or remove the row."
        )
    targets = [
        {"name": name, "unit": unit, "intercept": intercept, "coef": coef}
        for name, unit, (intercept,), coef in zip(
            heading[1:], named_units[1:], intercepts[1:], columns[1:], strict=True
        )
    ]
    unit = units[heading[0].strip()]
    if unit is None and sorted(columns[0]) != columns[0]:
        raise ValueError(
            f"{path} has {len(columns[0])} channels whose numbers do not increase. Sort its rows "
            "in the order of the channels of the spectra."
        )
    return {"axis": {"unit": unit, "values": columns[0]}, "targets": targets}


def _numbers(path: PathLike, rows: list[list[str]], n_columns: int) -> list[list[float]]:
    """Return rows of text as columns of finite numbers."""
    for row in rows:
        if len(row) != n_columns:
            raise ValueError(
                f"{path} has a row of {len(row)} entries, {row[:3]}, below a heading of "
                f"{n_columns}. It may be truncated: write or copy it again."
            )
    if not rows:
        raise ValueError(f"{path} has 0 channels. It may be truncated: write or copy it again.")
    try:
        numbers = [[float(entry) for entry in row] for row in rows]
    except ValueError as error:
        raise ValueError(
            f"{path} has an entry that is not a number: {error}. Write numbers as 0.5, "
            "separated by commas."
        ) from error
    n_bad = sum(not math.isfinite(number) for row in numbers for number in row)
    if n_bad:
        raise ValueError(
            f"{path} has {n_bad} entries that are not finite. Export the calibration again."
        )
    return [list(column) for column in zip(*numbers, strict=True)]
