"""Spoil one standard in turn, and see whether it is found and what it costs.

The limits of the check were chosen on these tasks: real handhelds (sugarcane) and real spectra
that simulated second instruments measure again. A row of the CSV is a mean over tasks: R2 with good
standards (`good`, all with full weight), the change of R2 with the check, there or in spite of
a bad standard (`warn`), the change without it (`keep`), and the fraction of fits in which the
bad standard (`found`) or a good one (`false_alarms`) lost half its weight.

    python -m benchmarks.bench_standards --every 8 --output benchmarks/results/standards.csv
"""

import argparse
import csv
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.bench_transfer import DATA, R2_FLOOR
from benchmarks.sidecar import record_run
from skspektron import transfer
from skspektron.metrics import r2
from skspektron.model_selection import TransferShuffleSplit

METHODS = "MeanCentredTransfer", "SlopeBiasTransfer", "EPOTransfer", "NARTransfer", "PooledTransfer"
FAULTS = "none", "swapped scan", "damaged scan", "half as damaged", "wrong value", "half as wrong"
BUMP, WIDTH = 0.15, 0.04  # absorbance, and fraction of the channels
MIN_R2 = 0.2  # tasks without a calibration show nothing


def spoil(task, X, y, row: int, fault: str, rng) -> tuple:
    """Return spectra and values with a bad standard in `row`."""
    X, y = X.copy(), y.copy()
    half = 0.5 if fault.startswith("half") else 1.0
    if fault == "swapped scan":
        others = np.flatnonzero(task.instrument == task.target)
        X[row] = X[rng.choice(others[others != row])]
    elif "damaged" in fault:
        channel = np.arange(X.shape[1])
        distance = (channel - rng.integers(X.shape[1])) / (WIDTH * X.shape[1])
        X[row] += half * BUMP * np.exp(-0.5 * distance**2)
    elif fault != "none":
        y[row] += half * 1.5 * np.ptp(y) * (1 if y[row] < np.median(y) else -1)
    return X, y


def run_task(task, n_transfer: int, seed: int) -> list[dict]:
    """Return the figures of all methods and faults on one split of one task."""
    cv = TransferShuffleSplit(1, target=task.target, test_size=0.25, random_state=seed)
    [(train, test)] = cv.split(task.X, task.y, instrument=task.instrument, sample_id=task.sample_id)

    def fit(name, X, y, mode):
        model = getattr(transfer, name)(
            source=task.source, target=task.target, n_transfer=n_transfer, bad_standards=mode
        )
        labels = {"instrument": task.instrument[train], "sample_id": task.sample_id[train]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[train], y[train], **labels)
        return model, max(R2_FLOOR, r2(task.y[test], model.predict(X[test])))

    rows = []
    for name in METHODS:
        reference, good = fit(name, task.X, task.y, "keep")
        if good < MIN_R2:
            continue
        bad = reference.transfer_ids_[n_transfer // 2]
        row = np.flatnonzero((task.sample_id == bad) & (task.instrument == task.target))[0]
        for fault in FAULTS:
            rng = np.random.default_rng([seed, row, FAULTS.index(fault)])
            X, y = spoil(task, task.X, task.y, row, fault, rng)
            model, score = fit(name, X, y, "warn")
            table = model.standards_
            lost = (table.weight < 0.5) | (table.label_weight < 0.5)
            is_bad = (table.id == bad) & (fault != "none")
            rows.append(
                {
                    "data": task.name.split("/")[0],
                    "method": name,
                    "n_transfer": n_transfer,
                    "fault": fault,
                    "good": good,
                    "warn": score - good,
                    "keep": fit(name, X, y, "keep")[1] - good,
                    "found": float(lost[is_bad].any()),
                    "false_alarms": float(lost[~is_bad].any()),
                }
            )
    return rows


def summarize(rows: list[dict]) -> list[dict]:
    """Return the means over tasks of one kind of data, method, number of standards and fault."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        kind = "sugarcane" if row["data"] == "sugarcane" else "simulated second instrument"
        groups.setdefault((kind, row["method"], row["n_transfer"], row["fault"]), []).append(row)
    figures = "good", "warn", "keep", "found", "false_alarms"
    return [
        dict(zip(("data", "method", "n_transfer", "fault"), key, strict=True))
        | {"fits": len(group)}
        | {name: round(float(np.mean([row[name] for row in group])), 3) for name in figures}
        for key, group in groups.items()
    ]


def main(argv: Sequence[str]) -> None:
    """Run all tasks and write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["sugarcane", "development"])
    parser.add_argument("--n-transfer", nargs="+", type=int, default=[5, 10])
    parser.add_argument("--every", type=int, default=4, help="take every so many-th task")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    record_run(args.output, argv, is_only=True)
    tasks = [task for data in args.data for task in DATA[data]()][:: args.every]
    with threadpool_limits(1):
        rows = [row for n in args.n_transfer for task in tasks for row in run_task(task, n, 0)]
    table = summarize(rows)
    with args.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main(sys.argv[1:])
