"""Keep the R2 of all splits of a benchmark in a small CSV that the tables and tests read.

`bench_transfer.py` writes one row per fit. Here a row is a task, a method and a number of
standards: the median seconds of a fit, and the R2 of the repeats in their order, with a dash for a
repeat that was not run. Methods are still paired by split, and ratios of RMSEP on the same split
follow from R2.

    python -m benchmarks.compact rows/corn.csv benchmarks/results/corn.csv
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import copyfile

import numpy as np

from benchmarks.bench_transfer import read_rows

COLUMNS = ("task", "method", "n_transfer", "seconds", "r2")
MISSING = "-"


def compact(rows: Iterable[dict]) -> list[dict]:
    """Return one row for all repeats of a task, a method and a number of standards."""
    groups: dict[tuple, dict[int, dict]] = {}
    for row in rows:
        key = row["task"], row["method"], row["n_transfer"]
        groups.setdefault(key, {})[int(row["repeat"])] = row
    result = []
    for key, fits in sorted(groups.items()):
        repeats = range(max(fits) + 1)
        r2 = [fits[i]["r2"] if i in fits else MISSING for i in repeats]
        seconds = np.median([float(row["seconds"]) for row in fits.values()])
        result.append(dict(zip(COLUMNS, (*key, f"{seconds:.3g}", " ".join(r2)), strict=True)))
    return result


def expand(rows: list[dict]) -> list[dict]:
    """Return one row per fit, from rows of either form."""
    if not rows or "repeat" in rows[0]:
        return rows
    return [
        {name: row[name] for name in COLUMNS[:4]} | {"repeat": str(repeat), "r2": value}
        for row in rows
        for repeat, value in enumerate(row["r2"].split())
        if value != MISSING
    ]


def main(argv: Sequence[str]) -> None:
    """Write the small CSV, and a copy of the versions and commands beside it."""
    rows, output = map(Path, argv)
    with output.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(compact(read_rows(rows)))
    copyfile(f"{rows}.json", f"{output}.json")


if __name__ == "__main__":
    main(sys.argv[1:])
