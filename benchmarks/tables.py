"""Write the tables of the documentation that quote results, as Markdown.

All cells of a column of `bench_transfer.py` are means over the same splits: the first repeats of
every task. A cell is empty where a method was not run on all of them. A table replaces what is
between the comments `table: <name>` and `end of table` of a page.

    python -m benchmarks.tables

With files of `bench_transfer.py`, the tables of these are printed instead, with the methods of
other packages (`--method`) among those of this one:

    python -m benchmarks.tables transfer.csv

tests/test_receipts.py compares the pages with these tables.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import (
    bench_calibration,
    bench_domain,
    bench_imputer,
    bench_intervals,
    bench_monitoring,
    bench_speed,
    bench_validation,
    network_tables,
)
from benchmarks.bench_transfer import METHODS, R2_FLOOR, comparison, read_rows, regrets
from benchmarks.compact import expand
from benchmarks.markdown import fill, markdown
from benchmarks.network_tables import RESULTS
from benchmarks.network_tables import read as read_csv
from benchmarks.peers import table as peers_table
from benchmarks.remake import NETWORKS, SETS

ROOT = Path(__file__).parents[1]
SHORT = {"soil-moisture": "soil"}  # names of sets in the head of a table
LABELS = {
    "no-transfer": "no transfer",
    "mean-centring": "mean-centring",
    "coral": "CORAL",
    "di-pls": "di-PLS",
    "slope-bias": "slope/bias",
    "ds": "DS",
    "pds": "PDS",
    "sst": "SST",
    "cca": "CCA",
    "ds-published": "DS, published",
    "pds-published": "PDS, published",
    "sst-published": "SST, published",
    "cca-published": "CCA, published",
    "epo": "EPO",
    "nar": "NAR",
    "pfce-ns": "PFCE, NS",
    "pfce-ss": "PFCE, SS",
    "pfce-fs": "PFCE, FS",
    "pooled": "pooled",
    "target-only": "target only",
    "fno": "FNO",
    "ensemble": "ensemble",
    "lora": "LoRA",
    "lora-random": "LoRA, random network",
    "ttt": "TTT",
    "full-recalibration": "full recalibration",
}
SIZES = ("0", "2", "5", "10", "15", "20", "30")
SLOW = ("coral", "mean-centring", "pds", "nar", "ensemble", "lora", "lora-random", "fno", "ttt")
UNFINISHED = (*NETWORKS, *(method for method in LABELS if method.endswith("published")))
CLASSES = {name: method.estimator for name, method in METHODS.items()}
SITUATIONS = {
    "no standards, target spectra of the same samples": [("coral", "0"), ("di-pls", "0")],
    "2 standards": [("ensemble", "2"), ("nar", "2")],
    "5 standards": [("ensemble", "5"), ("nar", "5"), ("epo", "5")],
    "10 standards": [("ensemble", "10"), ("nar", "10"), ("epo", "10")],
    "30 standards": [("ensemble", "30"), ("nar", "30")],
    "30 samples with labels on the target": [("target-only", "30"), ("pooled", "30")],
    "all labels on the target": [("full-recalibration", "all")],
    "the calibration of the source alone": [("no-transfer", "0")],
}


@cache
def read(data: str) -> list[dict]:
    """Return the committed rows of a data set."""
    return expand(read_rows(RESULTS / f"{data}.csv"))


class Results:
    """Rows of one data set, by default those committed, and R2 of its first `n_repeats` splits."""

    def __init__(self, data: str, n_repeats: int, rows: Sequence[dict] | None = None):
        self.n_repeats = n_repeats
        self.rows = read(data) if rows is None else rows
        own = {row["method"]: row["method"] for row in self.rows if row["method"] not in METHODS}
        self.labels = LABELS | own  # of the methods in a table
        self.tasks = sorted({row["task"] for row in self.rows})
        self._r2: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
        for row in self.rows:
            if (repeat := int(row["repeat"])) < n_repeats:
                fits = self._r2.setdefault((row["method"], row["n_transfer"]), {})
                fits[row["task"], repeat] = max(float(row["r2"]), R2_FLOOR)

    def by_repeat(self, method: str, n: str, tasks: Callable = lambda task: True):
        """Return the mean R2 of each repeat over tasks; None if a task or a repeat is missing."""
        r2, chosen = self._r2.get((method, n), {}), [task for task in self.tasks if tasks(task)]
        splits = [[(task, repeat) for task in chosen] for repeat in range(self.n_repeats)]
        if not all(split in r2 for repeat in splits for split in repeat):
            return None
        return np.array([[r2[split] for split in repeat] for repeat in splits]).mean(axis=1)

    def cell(self, method: str, n: str, tasks: Callable = lambda task: True) -> str:
        """Return the mean over tasks and repeats with two decimals, or an empty cell."""
        means = self.by_repeat(method, n, tasks)
        return "" if means is None else f"{means.mean():.2f}"

    def quartiles(self, method: str, n: str) -> str:
        """Return the quartiles over repeats of the mean over tasks."""
        means = self.by_repeat(method, n)
        return "" if means is None else "{:.2f} to {:.2f}".format(*np.quantile(means, [0.25, 0.75]))


def labels(results: Mapping[str, Results]) -> dict[str, str]:
    """Return the methods of any of several data sets, with their labels."""
    return {name: label for each in results.values() for name, label in each.labels.items()}


def by_size(results: Results) -> str:
    """Return R2 of every method that has a cell, by number of standards with a cell."""
    sizes = [n for n in SIZES if any(results.cell(method, n) for method in results.labels)]
    rows = []
    for method, label in results.labels.items():
        cells = [results.cell(method, n) for n in sizes]
        if any(cells):
            rows.append([label, *cells, results.quartiles(method, "10")])
    full, quartiles = (f("full-recalibration", "all") for f in (results.cell, results.quartiles))
    return (
        f"{len(results.tasks)} tasks, {results.n_repeats} repeats. Full recalibration: "
        f"**{full} ({quartiles})**.\n\n" + markdown(["method", *sizes, "quartiles at 10"], rows)
    )


def by_situation(results: Mapping[str, Results]) -> str:
    """Return R2 of recommended methods by what the user has, on every data set."""
    rows = [
        [
            situation if i == 0 else "",
            f"`{CLASSES[method]}`",
            *(d.cell(method, n) for d in results.values()),
        ]
        for situation, fits in SITUATIONS.items()
        for i, (method, n) in enumerate(fits)
    ]
    return markdown(["you have", "method", *(SHORT.get(data, data) for data in results)], rows)


def regret(results: Mapping[str, Results], sizes: Sequence[str]) -> str:
    """Return the distance to the best method of each data set, and its mean and maximum.

    The distances are listed for the last of the sizes. Only methods with a value on every data set
    are listed; the best are first.
    """
    values: dict[tuple[str, str, str], float] = {}
    for of_data in results.values():
        rows = [row for row in of_data.rows if int(row["repeat"]) < of_data.n_repeats]
        complete = {
            fit
            for fit in {(row["method"], row["n_transfer"]) for row in rows}
            if of_data.by_repeat(*fit) is not None and fit[0] in of_data.labels
        }
        values |= regrets(row for row in rows if (row["method"], row["n_transfer"]) in complete)
    table = []
    for method, label in labels(results).items():
        own = {n: [values.get((data, method, n), np.nan) for data in results] for n in sizes}
        if not np.isnan([*own.values()]).any():
            summary = [f(own[n]) for n in sizes for f in (np.mean, np.max)]
            table.append([label, *own[sizes[-1]], *summary])
    table.sort(key=lambda row: np.mean(row[-2 * len(sizes) :: 2]))
    header = [f"{name}, {n}" for n in sizes for name in ("mean", "largest")]
    header = ["method", *(f"{SHORT.get(data, data)}, {sizes[-1]}" for data in results), *header]
    return markdown(header, [[label, *(f"{v:.2f}" for v in own)] for label, *own in table])


def recalibration(results: Mapping[str, Results], sizes: Sequence[str]) -> str:
    """Return how many labelled target samples a calibration from nothing needs to equal a method.

    That is the smallest number with which the mean R2 of `TargetOnly` is at least that of the
    method; "all" is full recalibration, and "-" means that it is lower too.
    """
    rows = []
    for method, label in labels(results).items():
        if method in ("target-only", "full-recalibration"):
            continue
        cells = [equal_size(of_data, method, n) for of_data in results.values() for n in sizes]
        if any(cells):
            rows.append([label, *cells])
    header = [f"{SHORT.get(data, data)}, {n}" for data in results for n in sizes]
    return markdown(["method", *header], rows)


def equal_size(results: Results, method: str, n: str) -> str:
    """Return the smallest number of standards at which a new calibration equals a method."""
    own = results.by_repeat(method, n)
    if own is None:
        return ""
    sizes = [("target-only", size) for size in SIZES[1:]] + [("full-recalibration", "all")]
    new = {size: results.by_repeat(name, size) for name, size in sizes}
    enough = (size for size, r2 in new.items() if r2 is not None and r2.mean() >= own.mean())
    return next(enough, "-")


def of_networks(corn: Results, tablets: Results) -> str:
    """Return the methods that train a network, and others on the same splits."""
    fits = [(data, n) for data in (corn, tablets) for n in ("0", "5", "10")]
    rows = [[LABELS[method], *(data.cell(method, n) for data, n in fits)] for method in SLOW]
    return markdown(
        ["method", *(f"{name}, {n}" for name in ("corn", "tablets") for n in ("0", "5", "10"))],
        rows,
    )


def other_samples(corn: Results, tablets: Results) -> str:
    """Return the methods on unlabelled spectra of the same samples and of others."""
    header = [
        "method",
        *(f"{d}{h} half" for d in ("corn, ", "tablets, ") for h in ("same", "other")),
    ]
    halves = [(data, half) for data in (corn, tablets) for half in ("same", "other")]
    rows = [
        [LABELS[method], *(data.cell(f"{method}-{half}-half", "0") for data, half in halves)]
        for method in ("mean-centring", "coral", "di-pls")
    ]
    return markdown(header, rows)


def evidence(corn: Results, tablets: Results) -> str:
    """Return the methods with few standards, with their classes' names."""
    methods = ("coral", "pds", "epo", "nar", "pooled", "target-only", "ensemble")
    names = {method: f"`{CLASSES[method]}`" for method in methods}
    names |= {"full-recalibration": "all labels on the target"}
    rows = []
    for method, name in names.items():
        sizes = ["all"] * 4 if method == "full-recalibration" else ["0", "5", "10", "30"]
        cells = [corn.cell(method, n) for n in sizes]
        cells.append(corn.cell(method, sizes[2], lambda task: task.endswith("-m5/moisture")))
        rows.append([name, *cells, tablets.cell(method, sizes[2])])
    rows.append(["aim of this work", "0.80", "0.86", "0.885", "", "0.96", "0.69"])
    return markdown(
        ["method", "corn, 0", "5", "10", "30", "moisture to m5, 10", "tablets, 10"], rows
    )


def differences(results: Iterable[Results]) -> str:
    """Return the paired comparisons of all repeats that both methods have."""
    rows = []
    results = list(results)
    for one, other in (("ensemble", "nar"), ("lora", "ensemble"), ("lora", "lora-random")):
        for data in results:
            both = [row for row in data.rows if row["method"] in (one, other)]
            lines = comparison(both, one, other).splitlines()[2:]
            for line in sorted(lines, key=lambda line: int(line.split()[1])):
                name, n, tasks, repeats, mean, _, better, worse = line.split()
                mean = f"{float(mean):+.3f}"
                rows.append(
                    [f"{one} against {other}", f"{name}, {n}", tasks, repeats, mean, better, worse]
                )
    header = ["comparison", "data, standards", "tasks", "repeats", "mean", "better in", "worse in"]
    return markdown(header, rows)


def n_repeats(data: str) -> int:
    """Return how many repeats of the classical methods with five and ten standards are complete."""
    rows = [row for row in read(data) if row["n_transfer"] in ("5", "10")]
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row["method"] in LABELS and row["method"] not in UNFINISHED:
            key = row["task"], row["method"], row["n_transfer"]
            counts[key] = counts.get(key, 0) + 1
    return min(counts.values())


def readme(results: Mapping[str, Results]) -> str:
    """Return R2 of some methods with ten standards."""
    fits = {
        "`EnsembleTransfer`": ("ensemble", "10"),
        "`NARTransfer`, the best linear method": ("nar", "10"),
        "`PDSTransfer`": ("pds", "10"),
        "the calibration of the source alone": ("no-transfer", "0"),
        "new calibration with the reference values of all": ("full-recalibration", "all"),
    }
    sets = {name: of_data for name, of_data in results.items() if name != "alcohol"}
    rows = [[label, *(each.cell(*fit) for each in sets.values())] for label, fit in fits.items()]
    return markdown(["", *(SHORT.get(name, name) for name in sets)], rows)


@cache
def peers() -> dict[str, Results]:
    """Return the results of other packages and of this one on the same splits, by data set."""
    by_data: dict[str, list[dict]] = {}
    for row in read("peers"):
        by_data.setdefault(row["task"].split("/")[0], []).append(row)
    return {data: Results(data, complete(rows), rows) for data, rows in by_data.items()}


@cache
def tables() -> dict[str, dict[str, str]]:
    """Return the tables of every page of the documentation by name."""
    sets = {data: Results(data, n_repeats(data)) for data in SETS}
    ten = [Results(data, 10) for data in ("corn", "tablets")]
    halves = [Results(data, 5) for data in ("corn", "tablets")]
    pages = {
        "README.md": {"ten standards": readme(sets)},
        "docs/benchmark.md": {
            **{data: by_size(results) for data, results in sets.items()},
            "slow methods": of_networks(*ten),
            "other samples": other_samples(*halves),
            "speed": bench_speed.table(read_csv("speed")),
        },
        "docs/calibration.md": bench_calibration.tables(read_csv("calibration")),
        "docs/intervals.md": {"coverage": bench_intervals.table(read_csv("intervals"))},
        "docs/preprocessing.md": {
            "damaged spectra": bench_domain.table(read_csv("domain")),
            "complete spectra": bench_imputer.table(read_csv("imputer")),
            "incomplete spectra": bench_imputer.table(read_csv("imputer_incomplete")),
            "predictions": bench_imputer.table(read_csv("imputer_predict")),
        },
        "docs/monitoring.md": bench_monitoring.tables(read_csv("monitoring")),
        "docs/peers.md": {
            "peers": peers_table.table(peers()),
            "better": peers_table.comparison(peers()),
        },
        "docs/validation.md": bench_validation.tables(read_csv("validation")),
        "docs/which_method.md": {
            "by situation": by_situation(sets),
            "regret": regret(sets, ("5", "10")),
        },
        "docs/recalibration.md": {"recalibration": recalibration(sets, ("5", "10"))},
        "docs/evidence.md": {
            "few standards": evidence(sets["corn"], sets["tablets"]),
            "differences": differences(sets.values()),
        },
    }
    for page, parts in network_tables.tables().items():
        pages[page] = pages.get(page, {}) | parts
    return pages


def of_files(paths: Iterable[Path]) -> str:
    """Return the tables of files of `bench_transfer.py`."""
    by_data: dict[str, list[dict]] = {}
    for path in paths:
        for row in expand(read_rows(path)):
            by_data.setdefault(row["task"].split("/")[0], []).append(row)
    results = {data: Results(data, complete(rows), rows) for data, rows in by_data.items()}
    parts = [f"{data}: {by_size(each)}" for data, each in results.items()]
    common = set.intersection(*({row["n_transfer"] for row in each} for each in by_data.values()))
    sizes = [n for n in SIZES[1:] if n in common]
    if sizes:
        parts += [regret(results, sizes), recalibration(results, sizes)]
    return "\n\n".join(parts)


def complete(rows: Iterable[dict]) -> int:
    """Return the number of repeats that all fits have."""
    fits: dict[tuple, set[int]] = {}
    for row in rows:
        fit = row["task"], row["method"], row["n_transfer"]
        fits.setdefault(fit, set()).add(int(row["repeat"]))
    return min(next(i for i in range(len(found) + 1) if i not in found) for found in fits.values())


def write() -> None:
    """Fill the places of all pages."""
    for name, parts in tables().items():
        path = ROOT / name
        path.write_text(fill(path.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:]:
        print(of_files(map(Path, sys.argv[1:])))
    else:
        write()
