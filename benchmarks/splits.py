"""Check that rows are of recorded runs, and that what a table compares rests on the same splits."""

import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from benchmarks import bench_transfer, sidecar, tables
from benchmarks.bench_adapters import SPEED
from benchmarks.network_tables import read
from benchmarks.remake import SETS


class Compared(NamedTuple):
    """Columns of a CSV: which rows are compared, what with what, and on which splits."""

    file: str
    within: tuple[str, ...]
    cells: tuple[str, ...]
    splits: tuple[str, ...]


COMPARED = (
    Compared("adapters", ("n_transfer", "samples"), ("method",), ("task",)),
    Compared("calibration", ("set", "property", "n_samples"), ("method",), ("n_test",)),
    Compared(
        "embedding",
        ("set", "target", "pls", "scale", "fraction"),
        ("features",),
        ("repeat", "rmsep_plain"),
    ),
    Compared("complement", ("set", "property", "n_samples"), ("network", "seed"), ("plain",)),
    Compared("ensemble", ("data", "n_transfer"), ("variant",), ("tasks",)),
    Compared(
        "inputs", ("n_steps",), ("normalize", "derivative_scale", "before", "scale"), ("set",)
    ),
    Compared("inputs", ("set", "property", "scale"), ("normalize", "n_steps"), ("rmsep_plain",)),
    Compared("jobs_axes", (), ("method",), ("task", "seed")),
    Compared("jobs_damage", ("n_good",), ("method",), ("set", "seed")),
    Compared("selection", ("method", "n_transfer"), ("selection",), ("task", "repeats")),
    Compared(
        "sources", ("method",), ("n_sources", "n_transfer"), ("target", "first_source", "property")
    ),
    Compared("standards", ("data", "method", "n_transfer"), ("fault",), ("fits",)),
)


def ragged(rows: Sequence[dict], compared: Compared) -> Iterator[str]:
    """Yield the cells that rest on other splits than their neighbours."""
    found: dict[tuple, dict[tuple, set]] = {}
    for row in rows:
        within, cell, split = (tuple(row[name] for name in names) for names in compared[1:])
        found.setdefault(within, {}).setdefault(cell, set()).add(split)
    for within, cells in found.items():
        most = max(cells.values(), key=len)
        for cell, splits in cells.items():
            if splits != most:
                yield (
                    f"{compared.file}: {', '.join((*within, *cell))} has {len(splits)} of "
                    f"{len(most)} splits"
                )


def gaps(rows: Sequence[dict], key: Sequence[str], number: str) -> Iterator[str]:
    """Yield the fits whose splits are not the first ones: tables take the first of every fit."""
    found: dict[tuple, set[int]] = {}
    for row in rows:
        found.setdefault(itemgetter(*key)(row), set()).add(int(row[number]))
    for fit, numbers in found.items():
        if numbers != set(range(len(numbers))):
            yield f"{', '.join(fit)} has {number} {sorted(numbers)}"


def unrecorded(rows: Sequence[dict], runs: Sequence[dict]) -> Iterator[str]:
    """Yield the fits of `bench_transfer.py` that no run in the file beside the CSV has made."""
    made = []
    for run in runs:
        args = bench_transfer.parse(shlex.split(run["arguments"]))
        fits = {
            (bench_transfer.label_of(name), bench_transfer.size_label(n))
            for name in args.methods
            for n in bench_transfer.method_of(name).sizes(args.n_transfer)
        }
        made.append((args, fits))
    for row in rows:
        fit = row["method"], row["n_transfer"]
        if not any(
            fit in fits
            and row["task"].split("/")[0] in args.data
            and fnmatch(row["task"], args.tasks)
            and int(row["repeat"]) < args.repeats
            for args, fits in made
        ):
            yield f"no run made {row['task']}, {', '.join(fit)}, repeat {row['repeat']}"


def problems() -> Iterator[str]:
    """Yield what is wrong with the committed results."""
    for compared in COMPARED:
        rows = [row for row in read(compared.file) if not row.get("task", "").startswith(SPEED)]
        yield from ragged(rows, compared)
    yield from gaps(read("intervals"), ("task", "method", "drawn", "n_standards"), "draw")
    for data in (*SETS, "peers"):
        rows, path = tables.read(data), Path(tables.RESULTS / f"{data}.csv")
        yield from gaps(rows, ("task", "method", "n_transfer"), "repeat")
        yield from unrecorded(rows, sidecar.read_runs(path))
