"""Compare rules for the penalty of maps that learn the difference, and the published maps.

Development tasks and sugarcane, each with a calibration fitted once. A row of the table is the mean
over data sets of R2 (floored at -1), and the data set in which it is lowest against an offset.

    python -m benchmarks.bench_maps --output benchmarks/results/maps.csv
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from chemotools.derivative import SavitzkyGolay
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from benchmarks.bench_transfer import R2_FLOOR, Task, development_tasks, sugarcane_tasks
from benchmarks.sidecar import record_run
from skspektron import transfer
from skspektron.metrics import r2
from skspektron.model_selection import TransferShuffleSplit
from skspektron.transfer._core._paired import PENALTIES
from skspektron.transfer._core._standards import Standards
from skspektron.transfer._core._tuning import disagreements, likely_penalty

SIZES = (2, 3, 5, 10, 20, 30)
METHODS = ("DSTransfer", "PDSTransfer", "SSTTransfer", "CCATransfer")
EVERY = 8  # of the sugarcane tasks
COLUMNS = ("spectra", "method", "rule", "n_transfer", "mean_r2", "worst_difference")


def rules(errors: NDArray, squares: NDArray) -> dict[str, int]:
    """Return the penalty that each rule chooses from squared disagreements (n_penalties, n)."""
    smallest = int(np.argmin(errors))
    excess = squares - squares[smallest]
    spread = excess.std(axis=1, ddof=1) / np.sqrt(squares.shape[1])
    return {
        "smallest error": smallest,
        "one standard error": int(np.argmax(excess.mean(axis=1) <= spread)),
        "median of likelihood": likely_penalty(errors[None], squares.shape[1])[1],
    } | {f"penalty {penalty:g}": k for k, penalty in enumerate(PENALTIES[1:], 1)}


def compare_rules(spectral_map, calibration, standards: Standards, X, y) -> Iterator[tuple]:
    """Yield a rule and R2 for every rule."""

    def path(standards, X):
        pairs = spectral_map._pairs(standards.X_target, standards.X_source, standards.weights)
        return spectral_map._map_path(pairs, X, PENALTIES)

    def predict(X: NDArray) -> NDArray:
        return np.ravel(calibration.predict(X))

    squares = []
    for i in range(len(standards)):
        others = standards[np.arange(len(standards)) != i]
        mapped = path(others, standards.X_target[[i]])[:, 0]
        squares.append((predict(mapped) - predict(standards.X_source[[i]])) ** 2)
    errors = disagreements(path, predict, standards, np.array([-1.0, 1.0])).sum(axis=1)
    found = path(standards, X)
    for rule, k in rules(errors, np.array(squares).T).items():
        yield rule, r2(y, predict(found[k]))


def run(task: Task, derivative: bool) -> list[tuple]:
    """Return data set, spectra, method, rule, n_transfer and R2 of one split of a task."""
    cv = TransferShuffleSplit(1, target=task.target, test_size=0.25, random_state=0)
    metadata = {"instrument": task.instrument, "sample_id": task.sample_id}
    [(train, test)] = cv.split(task.X, task.y, **metadata)
    smooth = SavitzkyGolay(window_length=11, polyorder=2)
    X = smooth.fit_transform(task.X) if derivative else task.X
    known = {name: labels[train] for name, labels in metadata.items()}
    instruments = {"source": task.source, "target": task.target}
    fit: Callable = lambda model: model.fit(X[train], task.y[train], **known)  # noqa: E731
    calibration = FrozenEstimator(fit(transfer.NoTransfer(**instruments)).estimator_)
    common = instruments | {"trained_on": []}
    rows = []
    for n in SIZES:
        label = task.name.split("/")[0], "derivative" if derivative else "raw"
        offset = fit(transfer.MeanCentredTransfer(calibration, n_transfer=n, **common))
        rows.append((*label, "MeanCentredTransfer", "", n, offset.score(X[test], task.y[test])))
        for method in METHODS:
            for learns in ("difference", "spectrum"):
                kind = getattr(transfer, method)
                model = fit(kind(calibration, n_transfer=n, learns=learns, **common))
                score = model.score(X[test], task.y[test])
                rows.append((*label, method, f"learns={learns}", n, score))
        if n > 2:
            rows += [(*label, *row) for row in rules_at(n, offset, X, task, train, test)]
    return rows


def rules_at(n, offset, X, task, train, test) -> Iterator[tuple]:
    """Yield method, rule, number of standards and R2 for DS and for PDS with one window."""
    at = {
        name: [
            X[train][(task.instrument[train] == name) & (task.sample_id[train] == i)].mean(axis=0)
            for i in offset.transfer_ids_
        ]
        for name in (task.source, task.target)
    }
    nothing = np.full(n, np.nan)
    spectra = np.array(at[task.source]), np.array(at[task.target])
    standards = Standards(offset.transfer_ids_, *spectra, nothing, nothing)
    for name in ("DS", "PDS"):
        given = getattr(transfer, name)(), offset.estimator_, standards, X[test], task.y[test]
        for rule, score in compare_rules(*given):
            yield f"{name}Transfer", rule, n, score


def summary(rows: list[tuple]) -> list[tuple]:
    """Return the mean over data sets, and the worst data set against an offset."""
    by_set: dict[tuple, dict[str, list]] = {}
    for data, spectra, method, rule, n, score in rows:
        found = by_set.setdefault((spectra, method, rule, n), {})
        found.setdefault(data, []).append(max(score, R2_FLOOR))
    means = {key: {d: np.mean(v) for d, v in sets.items()} for key, sets in by_set.items()}
    return [
        (*key, f"{np.mean(list(sets.values())):.3f}", f"{min(differences(sets, means, key)):.3f}")
        for key, sets in sorted(means.items())
    ]


def differences(sets: dict, means: dict, key: tuple) -> list[float]:
    """Return the difference from an offset of every data set."""
    offset = means[key[0], "MeanCentredTransfer", "", key[-1]]
    return [float(mean - offset[data]) for data, mean in sets.items()]


def main(argv: Sequence[str]) -> None:
    """Run the comparison and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("bench_maps.csv"))
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--n-tasks", type=int, default=None, help="only the first tasks")
    args = parser.parse_args(argv)
    record_run(args.output, argv, is_only=True)
    tasks = [*development_tasks(), *list(sugarcane_tasks())[::EVERY]][: args.n_tasks]
    jobs = (delayed(run)(task, derivative) for task in tasks for derivative in (True, False))
    rows = [row for part in Parallel(n_jobs=args.n_jobs)(jobs) for row in part]
    with args.output.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *summary(rows)])


if __name__ == "__main__":
    main(sys.argv[1:])
