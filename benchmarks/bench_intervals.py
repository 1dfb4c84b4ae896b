"""Measure the coverage of prediction intervals after a transfer with ten standards.

Each row of the CSV is one draw of standards and test samples, and on simulated data of instruments;
its coverage is the fraction of test samples whose interval contains the reference value. Standards
are drawn at random from the calibration samples, as the theory requires, or chosen by
Kennard-Stone. Rows already in the CSV are not computed again.

    python -m benchmarks.bench_intervals --data simulated --draws 100 --output intervals.csv
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from chemotools.derivative import SavitzkyGolay
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron.datasets import fetch_corn, make_instruments
from skspektron.metrics import rmsep
from skspektron.model_selection import kennard_stone, stack_instruments
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import EnsembleTransfer, NARTransfer, PDSTransfer, TargetOnly

SOURCE, TARGET = "old", "new"
PLS = PLSRegression(6, scale=False)
METHODS = {
    "nar": NARTransfer,
    "pds": PDSTransfer,
    "ensemble": EnsembleTransfer,
    "target-only": TargetOnly,
    # Fixed settings make the leave-one-out fits of the standards more alike.
    "nar-fixed": partial(NARTransfer, PLS, difference_penalty=1.0),
    "pds-fixed": partial(PDSTransfer, PLS, window_length=5, n_components=2),
}
LABELS = {
    "nar": "`NARTransfer`",
    "nar-fixed": "`NARTransfer`, settings fixed",
    "pds": "`PDSTransfer`",
    "pds-fixed": "`PDSTransfer`, settings fixed",
    "ensemble": "`EnsembleTransfer`",
    "target-only": "`TargetOnly`",
}
ELSEWHERE = {("corn", "ensemble")}  # has too few draws for the table
KEY = ("task", "method", "drawn", "n_standards", "draw")
COLUMNS = (*KEY, "n_test", "coverage", "width", "rmsep", "std", "seconds")
CONFIDENCE_LEVEL = 0.9
N_CALIBRATION = 60  # samples on the source; the standards are among them


class Lab(NamedTuple):
    """Samples measured on both instruments, in random order."""

    X_source: NDArray  # (n_samples, n_features)
    X_target: NDArray
    y: NDArray  # (n_samples,)
    wavelength: NDArray  # (n_features,), nm


def simulated(draw: int) -> Iterator[tuple[str, Lab]]:
    """Yield 120 simulated samples on two instruments, 70 channels each; `draw` is the seed."""
    axis = np.arange(1100.0, 2500.0, 20.0)
    lab = make_instruments(120, (SOURCE, TARGET), wavelength=axis, random_state=draw)
    order = np.random.default_rng(draw).permutation(120)  # the lamp drifts along the samples
    X = {name: spectra[order] for name, spectra in lab.X.items()}
    yield "simulated", Lab(X[SOURCE], X[TARGET], lab.y[order, 0], axis)


def corn(draw: int) -> Iterator[tuple[str, Lab]]:
    """Yield 80 samples of corn on m5 and mp5 or mp6, for each of 4 properties."""
    data = fetch_corn()
    order = np.random.default_rng(draw).permutation(len(data.y))
    for target, (column, name) in product(("mp5", "mp6"), enumerate(data.target_names)):
        y = data.y[order, column]
        lab = Lab(data.X["m5"][order], data.X[target][order], y, data.wavelength)
        yield f"corn/m5-{target}/{name}", lab


DATA = {"simulated": simulated, "corn": corn}


def pick(lab: Lab, drawn: str, n_standards: int) -> NDArray:
    """Return the calibration samples that are standards."""
    if drawn == "random":  # the samples are in random order
        return np.arange(n_standards)
    return kennard_stone(lab.X_source[:N_CALIBRATION])[:n_standards]


def measure(lab: Lab, method: str, drawn: str, n_standards: int) -> dict[str, float]:
    """Fit intervals on the calibration samples and return their coverage of the others."""
    derivative = SavitzkyGolay(window_length=11, polyorder=2, mode="interp").fit_transform
    X_source, X_target, known = lab.X_source, lab.X_target, {"wavelength": lab.wavelength}
    if method != "ensemble":  # whose views include derivatives
        X_source, X_target, known = derivative(X_source), derivative(X_target), {}
    at, old, ids = pick(lab, drawn, n_standards), slice(N_CALIBRATION), np.arange(len(lab.y))
    X, y, instrument, sample_id = stack_instruments(
        {
            SOURCE: (X_source[old], lab.y[old], ids[old]),
            TARGET: (X_target[at], lab.y[at], ids[at]),
        }
    )
    transfer = METHODS[method](source=SOURCE, target=TARGET, n_transfer=n_standards, **known)
    model = ConformalTransfer(transfer, confidence_level=CONFIDENCE_LEVEL)
    start, y_new = perf_counter(), lab.y[N_CALIBRATION:]
    with threadpool_limits(1):
        model.fit(X, y, instrument=instrument, sample_id=sample_id)
        y_pred, intervals = model.predict_interval(X_target[N_CALIBRATION:])
    is_within = (intervals[:, 0] <= y_new) & (y_new <= intervals[:, 1])
    return {
        "n_test": len(y_new),
        "coverage": float(is_within.mean()),
        "width": float(f"{np.diff(intervals).mean():.5g}"),
        "rmsep": float(f"{rmsep(y_new, y_pred):.5g}"),
        "std": float(f"{y_new.std(ddof=1):.5g}"),
        "seconds": round(perf_counter() - start, 3),
    }


def run_draw(data: str, draw: int, fits: list[tuple], done: set[tuple]) -> list[dict]:
    """Return the missing rows of one draw."""
    rows = []
    for task, lab in DATA[data](draw):
        for method, drawn, n_standards in fits:
            key = (task, method, drawn, str(n_standards), str(draw))
            if key not in done:
                figures = measure(lab, method, drawn, n_standards)
                rows.append(dict(zip(KEY, key, strict=True)) | figures)
    return rows


def read_rows(path: Path) -> list[dict]:
    """Return the rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def coverages(rows: list[dict]) -> dict[tuple, list[tuple[float, float]]]:
    """Return (coverage, width / RMSEP) of the draws by data, method, `drawn`, n_standards."""
    groups: dict[tuple, dict] = {}
    for row in rows:
        key = (row["task"].split("/")[0], row["method"], row["drawn"], row["n_standards"])
        figures = float(row["coverage"]), float(row["width"]) / float(row["rmsep"])
        groups.setdefault(key, {}).setdefault(row["draw"], []).append(figures)
    return {
        key: [tuple(np.mean(tasks, axis=0)) for tasks in draws.values()]
        for key, draws in groups.items()
    }


def table(rows: list[dict]) -> str:
    """Return the table of docs/intervals.md."""
    lines, found = [], coverages(rows)
    n_draws: dict[tuple, int] = {}  # that all methods of a group have
    for (data, method, drawn, n), draws in found.items():
        if (data, method) not in ELSEWHERE:
            n_draws[data, drawn, n] = min(n_draws.get((data, drawn, n), len(draws)), len(draws))
    for (data, method, drawn, n_standards), draws in found.items():
        if (data, method) in ELSEWHERE:
            continue
        draws = draws[: n_draws[data, drawn, n_standards]]
        coverage, width = np.array(draws).T
        error = coverage.std(ddof=1) / np.sqrt(len(draws))
        figures = [100 * coverage.mean(), 100 * error, 100 * np.quantile(coverage, 0.1)]
        shown = [f"{value:.{n}f}" for value, n in zip(figures, (1, 1, 0), strict=True)]
        cells = [data, LABELS[method], n_standards, drawn, str(len(draws)), *shown]
        lines.append([*cells, f"{np.median(width):.1f}"])
    header = ["data", "method", "standards", "drawn", "draws", "coverage, %", "error"]
    return markdown([*header, "worst tenth, %", "width / RMSEP"], lines)


def summary(rows: list[dict]) -> str:
    """Return a table of mean coverage, its standard error and the width of the intervals."""
    lines = [
        f"{'data':<10} {'method':<12} {'drawn':<14} {'n':>3} {'draws':>6} {'coverage':>9} "
        f"{'error':>6} {'10 %':>6} {'width/RMSEP':>12}"
    ]
    for (data, method, drawn, n_standards), draws in coverages(rows).items():
        coverage, width = np.array(draws).T
        error = coverage.std(ddof=1) / np.sqrt(len(draws)) if len(draws) > 1 else np.nan
        lines.append(
            f"{data:<10} {method:<12} {drawn:<14} {n_standards:>3} {len(draws):>6} "
            f"{coverage.mean():>9.3f} {error:>6.3f} {np.quantile(coverage, 0.1):>6.2f} "
            f"{np.median(width):>12.1f}"
        )
    return "\n".join(lines)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", choices=DATA, default="simulated")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--drawn", nargs="+", choices=("random", "kennard-stone"), default=["random"]
    )
    parser.add_argument("--n-standards", nargs="+", type=int, default=[10])
    parser.add_argument("--draws", type=int, default=100, help="number of draws; draw d has seed d")
    parser.add_argument("--n-jobs", type=int, default=1, help="parallel processes, one thread each")
    parser.add_argument("--output", type=Path, default=Path("intervals.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run the benchmark and print its summary."""
    args = parse(argv)
    rows = read_rows(args.output)
    done = {tuple(row[key] for key in KEY) for row in rows}
    fits = list(product(args.methods, args.drawn, args.n_standards))
    record_run(args.output, argv)
    with args.output.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not rows:
            writer.writeheader()
        jobs = (delayed(run_draw)(args.data, draw, fits, done) for draw in range(args.draws))
        parallel = Parallel(args.n_jobs, return_as="generator_unordered")
        for new in tqdm(parallel(jobs), total=args.draws, unit="draw"):
            writer.writerows(new)
            file.flush()
    print(summary(read_rows(args.output)))


if __name__ == "__main__":
    main(sys.argv[1:])
