"""Print the tables of the documentation that quote `bench_transfer.py`, as Markdown.

All cells of a table are means over the same splits: the first repeats of every task. A cell is
empty where a method was not run on all of them.

    python -m benchmarks.tables

tests/test_benchmarks.py compares the pages with these tables.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.bench_transfer import NAMES, R2_FLOOR, comparison, read_rows, regrets
from benchmarks.compact import expand

RESULTS = Path(__file__).parent / "results"
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
SIZES = ("0", "2", "5", "10", "15", "20", "30", "50")
SLOW = ("coral", "mean-centring", "pds", "nar", "ensemble", "lora", "fno", "ttt")


@cache
def read(data: str) -> list[dict]:
    """Return the committed rows of a data set."""
    return expand(read_rows(RESULTS / f"{data}.csv"))


class Results:
    """Committed rows of one data set, restricted to its first `n_repeats` splits."""

    def __init__(self, data: str, n_repeats: int):
        self.n_repeats = n_repeats
        self.rows = read(data)
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


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["".join(f" {cell} |" if cell else " |" for cell in cells) for cells in (header, *rows)]
    return "\n".join(f"|{line}" for line in (lines[0], "---|" * len(header), *lines[1:]))


def by_size(results: Results, sizes: Sequence[str], *, spread: bool) -> str:
    """Return R2 of every method that has a cell, by number of standards with a cell."""
    sizes = [n for n in sizes if any(results.cell(method, n) for method in LABELS)]
    rows = []
    for method, label in LABELS.items():
        cells = [results.cell(method, n) for n in sizes]
        if any(cells):
            rows.append([label, *cells, *([results.quartiles(method, "10")] * spread)])
    return markdown(["method", *sizes, *["quartiles at 10"] * spread], rows)


def regret(results: dict[str, Results], sizes: Sequence[str]) -> str:
    """Return the distance to the best method of each data set, and its mean and maximum.

    Only methods with a value in every column are listed; the best are first.
    """
    columns = [(data, n) for data in results for n in sizes]
    values = {}
    for of_data in results.values():
        first = (row for row in of_data.rows if int(row["repeat"]) < of_data.n_repeats)
        values |= regrets(first)
    rows = []
    for method, label in LABELS.items():
        if all(results[data].cell(method, n) for data, n in columns):
            own = [values[data, method, n] for data, n in columns]
            rows.append([label, *own, np.mean(own), max(own)])
    rows.sort(key=lambda row: row[-2])
    header = ["method", *(f"{data}, {n}" for data, n in columns), "mean", "largest"]
    return markdown(header, [[label, *(f"{v:.2f}" for v in own)] for label, *own in rows])


def recalibration(results: dict[str, Results], sizes: Sequence[str]) -> str:
    """Return how many labelled target samples a calibration from nothing needs to equal a method.

    That is the smallest number with which the mean R2 of `TargetOnly` is at least that of the
    method; "all" is full recalibration, and "-" means that it is lower too.
    """
    rows = []
    for method, label in LABELS.items():
        if method in ("target-only", "full-recalibration"):
            continue
        cells = [equal_size(of_data, method, n) for of_data in results.values() for n in sizes]
        if any(cells):
            rows.append([label, *cells])
    return markdown(["method", *(f"{data}, {n}" for data in results for n in sizes)], rows)


def equal_size(results: Results, method: str, n: str) -> str:
    """Return the smallest number of standards at which a new calibration equals a method."""
    own = results.by_repeat(method, n)
    if own is None:
        return ""
    sizes = [("target-only", size) for size in SIZES[1:]] + [("full-recalibration", "all")]
    new = {size: results.by_repeat(name, size) for name, size in sizes}
    enough = (size for size, r2 in new.items() if r2 is not None and r2.mean() >= own.mean())
    return next(enough, "-")


def of_two_repeats(corn: Results, tablets: Results) -> str:
    """Return the slow methods, and others on the same splits."""
    fits = [(corn, "0"), (corn, "10"), (corn, "30"), (tablets, "10")]
    rows = [[LABELS[method], *(data.cell(method, n) for data, n in fits)] for method in SLOW]
    return markdown(["method", "corn, 0", "corn, 10", "corn, 30", "tablets, 10"], rows)


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
    of_class = {method: f"`{name}`" for name, method in NAMES.items()}
    methods = ("coral", "pds", "epo", "nar", "pooled", "target-only", "ensemble", "lora")
    names = {method: of_class[method] for method in methods}
    names |= {"lora-random": "random network", "full-recalibration": "all labels on the target"}
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


def differences(corn: Results, tablets: Results) -> str:
    """Return the paired comparisons of all repeats that both methods have."""
    rows = []
    for one, other in (
        ("ensemble", "nar"),
        ("lora", "nar"),
        ("lora", "ensemble"),
        ("lora", "lora-random"),
    ):
        for data in (corn, tablets):
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


@cache
def tables() -> dict[str, list[str]]:
    """Return the tables of every page of the documentation."""
    corn = {n: Results("corn", n) for n in (2, 5, 10, 20)}
    tablets = {n: Results("tablets", n) for n in (2, 5)}
    return {
        "benchmark.md": [
            by_size(corn[20], ("0", "5", "10", "30"), spread=True),
            by_size(corn[5], SIZES, spread=False),
            by_size(tablets[5], SIZES, spread=True),
            of_two_repeats(corn[2], tablets[2]),
            other_samples(corn[10], tablets[5]),
        ],
        "which_method.md": [regret({"corn": corn[5], "tablets": tablets[5]}, ("5", "10", "30"))],
        "recalibration.md": [
            recalibration({"corn": corn[5], "tablets": tablets[5]}, ("5", "10", "30"))
        ],
        "evidence.md": [evidence(corn[5], tablets[5]), differences(corn[20], tablets[5])],
    }


if __name__ == "__main__":
    for page, parts in tables().items():
        print(f"docs/{page}", *parts, sep="\n\n", end="\n\n")
