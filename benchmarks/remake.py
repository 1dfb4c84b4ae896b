"""Compute all results of the transfer methods again, the most valuable ones first.

Every stage adds rows to one CSV per data set in a folder. What is there is not computed again, so
an interrupted run goes on where it was:

    python -m benchmarks.remake rows --n-jobs 2

The estimate is the CPU time of what is missing: the seconds of a fit of every method on one split
of a development task, with ten standards, times the number of fits, times the size of the spectra
of the data set relative to that task. `--publish` writes the small files that are committed.

    python -m benchmarks.remake rows --estimate
    python -m benchmarks.remake rows --publish
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from benchmarks import bench_transfer, compact
from benchmarks.bench_transfer import DATA, HALVES, KEY, METHODS, plan, read_rows
from benchmarks.conditions import CONDITIONS

RESULTS = Path(__file__).parent / "results"
SETS = ("corn", "tablets", "sugarcane", *CONDITIONS)
SMALL = tuple(data for data in SETS if data != "sugarcane")  # sugarcane has 80 tasks
SIZES = (0, 2, 5, 10, 15, 20, 30)
FEW = (5, 10)
FIRST = (
    "ensemble",
    "nar",
    "ds",
    "pds",
    "mean-centring",
    "slope-bias",
    "no-transfer",
    "target-only",
    "full-recalibration",
)
NETWORKS = ("lora", "lora-random", "ttt", "fno")
OTHERS = tuple(name for name in METHODS if name not in {*FIRST, *NETWORKS, *HALVES})
TIMED = "soil_limesoda_ssp_460-unlike/real-simulated/SOC"  # 200 rows of 245 channels


@dataclass(frozen=True)
class Stage:
    """Fits to compute together."""

    sets: tuple[str, ...]
    methods: tuple[str, ...]
    sizes: tuple[int, ...]
    repeats: int


# First what the choice between methods rests on; then more sizes and repeats; then what is slow.
STAGES = (
    Stage(SETS, FIRST, FEW, 5),
    Stage(SETS, OTHERS, FEW, 5),
    Stage(SMALL, FIRST, SIZES, 20),
    Stage(("sugarcane",), FIRST, SIZES, 5),
    Stage(SMALL, OTHERS, SIZES, 20),
    Stage(("sugarcane",), OTHERS, SIZES, 5),
    Stage(("corn", "tablets"), NETWORKS, (0, *FEW), 2),
    Stage(SETS[2:], ("lora",), (0, *FEW), 2),
    Stage(("corn", "tablets"), NETWORKS, (0, *FEW), 10),
    Stage(("corn", "tablets"), tuple(HALVES), (0,), 10),
)


def missing(stage: Stage, data: str, tasks: list, folder: Path) -> list[tuple]:
    """Return the units of a stage and a data set that are not in the folder."""
    done = {tuple(row[key] for key in KEY) for row in read_rows(folder / f"{data}.csv")}
    return list(plan(tasks, stage.methods, stage.sizes, stage.repeats, done))


def run(folder: Path, n_jobs: int) -> None:
    """Compute what is missing, stage by stage."""
    for stage in STAGES:
        for data in stage.sets:
            if missing(stage, data, list(DATA[data]()), folder):
                bench_transfer.main(arguments(stage, data, folder, n_jobs))


def arguments(stage: Stage, data: str, folder: Path, n_jobs: int) -> list[str]:
    """Return the command line of a stage and a data set."""
    return [
        *("--data", data),
        *("--methods", *stage.methods),
        *("--n-transfer", *map(str, stage.sizes)),
        *("--repeats", str(stage.repeats)),
        *("--n-jobs", str(n_jobs)),
        *("--output", str(folder / f"{data}.csv")),
    ]


def fit_seconds(names: Sequence[str]) -> dict[str, float]:
    """Return the CPU seconds of a fit of each method on one split of a development task."""
    [task] = [task for task in DATA["development"]() if task.name == TIMED]
    train, test = bench_transfer.split(task, 0)
    derivative = bench_transfer.first_derivative(task.X)
    result = {}
    for name in names:
        method = METHODS[name]
        [n] = method.sizes([10]) or [10]
        X = derivative if method.derivative else task.X
        for _ in range(2 if name not in NETWORKS else 1):  # the first fit also imports modules
            start = process_time()
            bench_transfer.predict(task, method, n, 0, X, train, test)
            result[name] = process_time() - start
    return result


def n_fits(units: list[tuple]) -> dict[str, int]:
    """Return the number of fits by method; the properties of a pair share a joint fit."""
    fits = {
        (bench_transfer.pair_of(task) if METHODS[name].joint else task.name, repeat, name, n)
        for task, repeat, todo in units
        for name, n in todo
    }
    return {name: sum(fit[2] == name for fit in fits) for name in {fit[2] for fit in fits}}


def estimate(folder: Path) -> Iterator[str]:
    """Yield the lines of a table of CPU minutes by stage and data set."""
    seconds = fit_seconds([*FIRST, *OTHERS, *NETWORKS, *HALVES])
    for name, value in seconds.items():
        yield f"{name:<28} {value:>8.2f} s"
    yield f"{'stage':<6} {'data':<14} {'fits':>8} {'CPU minutes':>12}"
    tasks = {data: list(DATA[data]()) for data in SETS}
    [timed] = [task for task in DATA["development"]() if task.name == TIMED]
    counted: dict[str, set] = {data: set() for data in SETS}
    for number, stage in enumerate(STAGES, 1):
        for data in stage.sets:
            units = [
                (
                    task,
                    repeat,
                    [fit for fit in todo if (task.name, repeat, *fit) not in counted[data]],
                )
                for task, repeat, todo in missing(stage, data, tasks[data], folder)
            ]
            counted[data] |= {(task.name, r, *fit) for task, r, todo in units for fit in todo}
            fits = n_fits(units)
            scale = tasks[data][0].X.size / timed.X.size
            minutes = scale * sum(seconds[name] * n for name, n in fits.items()) / 60
            yield f"{number:<6} {data:<14} {sum(fits.values()):>8} {minutes:>12.1f}"


def publish(folder: Path) -> None:
    """Write the small files of all data sets that are in the folder."""
    for data in SETS:
        if (folder / f"{data}.csv").exists():
            compact.main([str(folder / f"{data}.csv"), str(RESULTS / f"{data}.csv")])


def main(argv: Sequence[str]) -> None:
    """Read the command line, and compute, estimate or publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of one CSV per data set, of all fits")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--estimate", action="store_true", help="print the CPU time, and stop")
    parser.add_argument("--publish", action="store_true", help="write benchmarks/results, and stop")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.publish:
        publish(args.folder)
    elif args.estimate:
        for line in estimate(args.folder):
            print(line, flush=True)
    else:
        run(args.folder, args.n_jobs)


if __name__ == "__main__":
    main(sys.argv[1:])
