"""Compare calibrations of one, two and three source instruments on the sugarcane handhelds.

A task is a target, a first source and a property; the other sources are the remaining handhelds in
the order of `HANDHELDS`. All spectra are first derivatives at the channels of the first source in
the range that all handhelds cover, so that only rows and differences are added. A repeat holds out
a quarter of the samples on all instruments. Each row of the CSV is the mean R2 of a task over the
repeats. The set is one on which choices were made.

    python -m benchmarks.bench_sources --methods NARTransfer --repeats 3 --output sources.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import permutations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from tqdm import tqdm

from benchmarks.sidecar import record_run
from skspektron import transfer
from skspektron.metrics import r2
from skspektron.model_selection import TransferShuffleSplit, stack_instruments

HANDHELDS = ("MicroNIR1700_rep1", "MicroNIR2200", "NIRscanNano", "TellSpec")
PROPERTIES = ("TS", "CP", "ADF", "IVOMD")
LOW, HIGH = 1160.0, 1670.0  # nm; all handhelds measure this range
COLUMNS = ("method", "target", "first_source", "property", "n_sources", "n_transfer", "r2")
R2_FLOOR = -1.0  # keeps one failed task from dominating the mean

Stack = tuple[NDArray, NDArray, NDArray, NDArray]


def tasks() -> Iterator[tuple[str, str, str, Stack]]:
    """Yield target, first source, property and stacked rows of all handhelds."""
    folder = os.environ.get("SKSPEKTRON_DATA")
    if folder is None:
        raise SystemExit("SKSPEKTRON_DATA is not set. Set it to the folder of sugarcane_chaix.npz.")
    with np.load(Path(folder) / "sugarcane_chaix.npz") as file:
        data = dict(file)
    derivative = SavitzkyGolay(window_length=11, polyorder=2, deriv=1, mode="interp")
    for target, first in permutations(HANDHELDS, 2):
        axis = data[f"wavelengths_{first}"]
        axis = axis[(axis >= LOW) & (axis <= HIGH)]
        spectra = {
            name: derivative.fit_transform(
                PchipInterpolator(data[f"wavelengths_{name}"], data[f"X_{name}"], axis=1)(axis)
            )
            for name in HANDHELDS
        }
        for name in PROPERTIES:
            known = np.flatnonzero(np.isfinite(data[name]))
            parts = {each: (X[known], data[name][known], known) for each, X in spectra.items()}
            yield target, first, name, stack_instruments(parts)


def mean_r2(method: str, source: list[str], target: str, n: int, stack: Stack, args) -> float:
    """Return the mean R2 over the repeats."""
    X, y, instrument, sample_id = stack
    splitter = TransferShuffleSplit(args.repeats, target=target, random_state=0)
    scores = []
    for train, test in splitter.split(X, y, instrument=instrument, sample_id=sample_id):
        model = getattr(transfer, method)(
            source=source, target=target, n_transfer=n, random_state=0, memory=args.memory
        )
        model.fit(X[train], y[train], instrument=instrument[train], sample_id=sample_id[train])
        scores.append(max(R2_FLOOR, r2(y[test], model.predict(X[test]))))
    return float(np.mean(scores))


def summary(rows: Sequence[dict]) -> str:
    """Return a table of mean R2 by method, number of standards and number of sources."""
    cells: dict[tuple, list[float]] = {}
    for row in rows:
        key = row["method"], int(row["n_transfer"]), int(row["n_sources"])
        cells.setdefault(key, []).append(float(row["r2"]))
    lines = [
        f"{'method':<18}{'standards':>10}{'sources':>9}{'mean R2':>9}{'tasks':>7}{'better':>8}"
    ]
    for (method, n, k), values in sorted(cells.items()):
        better = int(np.sum(np.array(values) > np.array(cells[method, n, 1])))
        mean = f"{np.mean(values):.3f}"
        lines.append(f"{method:<18}{n:>10}{k:>10}{mean:>10}{len(values):>10}{better:>10}")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Write the CSV, and print the mean R2 of each number of sources."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["NARTransfer"])
    parser.add_argument("--n-transfer", nargs="+", type=int, default=[5, 10])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    record_run(args.output, argv, is_only=True)
    rows = []
    with TemporaryDirectory() as args.memory:
        for target, first, name, stack in tqdm(list(tasks()), unit="task"):
            sources = [first, *(each for each in HANDHELDS if each not in (target, first))]
            for method, n, k in product(args.methods, args.n_transfer, (1, 2, 3)):
                score = mean_r2(method, sources[:k], target, n, stack, args)
                values = (method, target, first, name, k, n, f"{score:.4f}")
                rows.append(dict(zip(COLUMNS, values, strict=True)))
    with open(args.output, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    print(summary(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
