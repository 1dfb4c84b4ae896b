"""Compare orders of standards on development tasks, with the same splits for all.

Each row of the CSV is the R2 of a method with an order and a number of standards: the mean over
repeats of one task, where the R2 of a fit is at least -1. Methods of a task that are already in the
CSV are not computed again. The table that is printed has the differences to the first order: means
over the tasks of a data set, and their mean and spread over the data sets.

    python -m benchmarks.bench_selection --output selection.csv
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench_transfer import (
    DATA,
    METHODS,
    R2_FLOOR,
    Task,
    first_derivative,
    predict,
    read_rows,
    record_run,
    split,
)
from skspektron import metrics
from skspektron.model_selection._orderings import ORDERINGS

COLUMNS = ("task", "method", "selection", "n_transfer", "repeats", "r2")
SEED = 0
# One property of every simulated pair, and of one pair of every handheld in turn.
HANDHELDS = (
    "MicroNIR1700_rep1-NIRscanNano",
    "MicroNIR2200-TellSpec",
    "NIRscanNano-MicroNIR2200",
    "TellSpec-MicroNIR1700_rep2",
)


def tasks() -> Iterator[Task]:
    """Yield the tasks: 14 with a simulated second instrument, 16 of four pairs of handhelds."""
    seen = set()
    for task in DATA["development"]():
        pair = task.name.rsplit("/", 1)[0]
        if task.source == "real" and pair not in seen:
            seen.add(pair)
            yield task
    for task in DATA["sugarcane"]():
        if task.name.split("/")[1] in HANDHELDS:
            yield task


def compute(task: Task, methods, selections, sizes, repeats: int) -> list[dict]:
    """Return the rows of one task."""
    r2: dict[tuple, list[float]] = {}
    derivative = first_derivative(task.X)
    for seed in range(SEED, SEED + repeats):
        train, test = split(task, seed)
        for name in methods:
            X = derivative if METHODS[name].derivative else task.X
            for selection in selections:
                for n in sizes:
                    y_pred = one_target(task, name, n, seed, X, train, test, selection)
                    value = max(metrics.r2(task.y[test], y_pred), R2_FLOOR)
                    r2.setdefault((name, selection, n), []).append(value)
    return [
        dict(zip(COLUMNS, (task.name, *key, repeats, f"{np.mean(values):.4f}"), strict=True))
        for key, values in r2.items()
    ]


def one_target(task: Task, name: str, n: int, seed: int, X, train, test, selection) -> NDArray:
    """Return the predictions of a fit of one property, as users make them."""
    alone = Task(**vars(task) | {"all_y": task.y[:, None], "column": 0})
    y_pred, _ = predict(alone, METHODS[name], n, seed, X, train, test, selection=selection)
    return y_pred.reshape(len(test))


def data_set(task: str) -> str:
    """Return the data set of a task; every property of sugarcane counts as one."""
    data, _, name = task.split("/")
    return f"{data}/{name}" if data == "sugarcane" else data


def gains(rows: Sequence[dict], method: str, base: str, other: str) -> dict[str, NDArray]:
    """Return the change of R2 from one order to another by task, for every number of standards."""
    r2 = {tuple(row[key] for key in COLUMNS[:4]): float(row["r2"]) for row in rows}
    found: dict[str, list[float]] = {}
    for (task, name, selection, n), value in r2.items():
        if (name, selection) == (method, other):
            found.setdefault(task, []).append(value - r2[task, name, base, n])
    return {task: np.array(values) for task, values in found.items()}


def table(rows: Sequence[dict], base: str) -> str:
    """Return the differences of all orders to `base`, over data sets."""
    r2 = {tuple(row[key] for key in COLUMNS[:4]): float(row["r2"]) for row in rows}
    lines = [
        f"{'method':<14} {'selection':<18} {'n':>3} {'sets':>5} {'mean R2':>8} {'gain':>7} "
        f"{'s.e.':>6} {'better':>7} {'worst':>7} {'best':>7}"
    ]
    for method, selection, n in dict.fromkeys(key[1:] for key in r2):
        values, gains = [], {}
        for task, *fit in r2:
            if fit == [method, selection, n]:
                values.append(r2[task, method, selection, n])
                gain = values[-1] - r2[task, method, base, n]
                gains.setdefault(data_set(task), []).append(gain)
        means = np.array([np.mean(each) for each in gains.values()])
        error = np.std(means, ddof=1) / len(means) ** 0.5 if len(means) > 1 else np.nan
        lines.append(
            f"{method:<14} {selection:<18} {n:>3} {len(means):>5} {np.mean(values):>8.3f} "
            f"{means.mean():>+7.3f} {error:>6.3f} {np.count_nonzero(means > 0):>7} "
            f"{means.min():>+7.3f} {means.max():>+7.3f}"
        )
    return "\n".join(lines)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    orders = ["kennard-stone", "kennard-stone-pls", "spxy", "random"]
    methods = ["mean-centring", "ds", "nar", "ensemble"]
    parser.add_argument("--tasks", default="*", help="glob of task names")
    parser.add_argument("--selections", nargs="+", choices=ORDERINGS, default=orders)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=methods)
    parser.add_argument("--n-transfer", nargs="+", type=int, default=[5, 10])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("bench_selection.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Compute the tasks that are missing and print the table."""
    args = parse(argv)
    done = {(row["task"], row["method"]) for row in read_rows(args.output)}
    chosen = [task for task in tasks() if fnmatch(task.name, args.tasks)]
    record_run(args.output, SEED, argv, chosen)
    with args.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not done:
            writer.writeheader()
        for task in chosen:
            methods = [name for name in args.methods if (task.name, name) not in done]
            rows = compute(task, methods, args.selections, args.n_transfer, args.repeats)
            writer.writerows(rows)
            file.flush()
    print(table(read_rows(args.output), args.selections[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
