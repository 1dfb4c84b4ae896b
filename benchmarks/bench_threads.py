"""Time fits with the default number of threads and with one, in turns.

The package computes small matrices with one thread, so both should take the same time, also where
the cores have other work. The table has the median over the rounds of wall and CPU time, and the
medians of their ratios within a round.

    python benchmarks/bench_threads.py --output benchmarks/results/threads.csv
"""

import argparse
import csv
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_info, threadpool_limits

from skspektron import datasets, stack_instruments, transfer
from skspektron._bridge import embeddings_not_cached
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer

N_SAMPLES, N_STEPS = 60, 50
BLOCK = 0.2  # seconds of CPU time, for which short cases are repeated
LARGEST_RATIO = 1.3
METHODS = [name for name in transfer.__all__ if name.endswith("Transfer")] + ["TargetOnly"]
SHORT: dict[str, dict[str, Any]] = {  # trainings of a few seconds
    "LoRATransfer": {"max_epochs": 2},
    "TTTTransfer": {"max_steps": 3},
    "FNOTransfer": {"max_epochs": 3},
}
COLUMNS = (
    "case",
    "rounds",
    "wall_default",
    "wall_one",
    "wall_ratio",
    "cpu_default",
    "cpu_one",
    "cpu_ratio",
)


class Data:
    """Simulated spectra of two instruments, 60 samples of 700 channels on each."""

    def __init__(self):
        self.lab = datasets.make_instruments(N_SAMPLES, ("old", "new"), random_state=1)
        self.X, self.y, instrument, sample_id = stack_instruments(
            {name: (X, self.lab.y[:, 0], self.lab.sample_id) for name, X in self.lab.X.items()}
        )
        self.metadata = {"instrument": instrument, "sample_id": sample_id}

    def fit(self, name: str) -> BaseEstimator:
        """Fit a method and predict the spectra of the target."""
        method = getattr(transfer, name)
        given = {"source": "old", "target": "new", "random_state": 0} | SHORT.get(name, {})
        if "wavelength" in method().get_params():
            given["wavelength"] = self.lab.wavelength
        model = method(**given).fit(self.X, self.y, **self.metadata)
        model.predict(self.lab.X["new"])
        return model

    def pretrain(self) -> BaseEstimator:
        """Take 50 steps of pretraining with batches of 4 spectra."""
        pretrainer = SpektronPretrainer(
            wavelength=self.lab.wavelength,
            max_steps=N_STEPS,
            batch_size=4,
            warmup_steps=5,
            random_state=0,
        )
        return pretrainer.fit(self.lab.X["old"])

    def embed(self) -> None:
        """Embed all spectra."""
        SpektronEmbedder(wavelength=self.lab.wavelength).fit_transform(self.X)


def readme() -> None:
    """Run the first block of the README."""
    lab = datasets.make_instruments(100, ("old", "new"), random_state=1)
    rows = {name: (X[:80], lab.y[:80, 0], lab.sample_id[:80]) for name, X in lab.X.items()}
    X, y, instrument, sample_id = stack_instruments(rows)
    model = transfer.EnsembleTransfer(source="old", target="new", n_transfer=10)
    model.fit(X, y, instrument=instrument, sample_id=sample_id)
    model.predict(lab.X["new"][80:])


def cases(data: Data) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name."""
    fits = {name: lambda name=name: data.fit(name) for name in METHODS}
    return {
        **fits,
        "pretraining, 50 steps": data.pretrain,
        "embedding": data.embed,
        "README, first block": readme,
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread of every library, as OMP_NUM_THREADS=1 does."""
    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


def seconds(function: Callable[[], Any], n_calls: int = 1) -> tuple[float, float]:
    """Return wall and CPU time of a call; CPU time is that of all threads."""
    wall, cpu = perf_counter(), process_time()
    with embeddings_not_cached():
        for _ in range(n_calls):
            function()
    return (perf_counter() - wall) / n_calls, (process_time() - cpu) / n_calls


def race(function: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Time a function with the default threads and with one in turns, after one more call."""
    n_calls = ceil(BLOCK / seconds(function)[1])
    times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(rounds):
        for limited in (False, True) if number % 2 else (True, False):
            with one_thread() if limited else nullcontext():
                times[limited].append(seconds(function, n_calls))
    row = {}
    for which, name in enumerate(("wall", "cpu")):
        default, one = ([time[which] for time in times[limited]] for limited in (False, True))
        row |= {f"{name}_default": median(default), f"{name}_one": median(one)}
        row[f"{name}_ratio"] = median(a / b for a, b in zip(default, one, strict=True))
    return row


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", help="names of the cases; all by default")
    parser.add_argument("--output", type=Path, help="CSV file for the table")
    return parser.parse_args(argv)


def describe_run(argv: Sequence[str]) -> dict[str, Any]:
    """Return the command line, the numbers of threads and the load of the machine."""
    pools = {f"{pool['internal_api']}": pool["num_threads"] for pool in threadpool_info()}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"arguments": " ".join(argv), "cores": os.cpu_count(), "load": load, "threads": pools}


def main(argv: Sequence[str]) -> None:
    """Time all cases, print the table, and fail if a ratio is above 1.3."""
    args = parse(argv)
    warnings.simplefilter("ignore")
    run, timed = describe_run(argv), cases(Data())
    rows = []
    print(json.dumps(run))
    print(
        f"{'case':<22} {'wall, s':>8} {'one':>8} {'ratio':>6} {'CPU, s':>8} {'one':>8} {'ratio':>6}"
    )
    for name in args.cases or timed:
        times = race(timed[name], args.rounds)
        rows.append(
            {"case": name, "rounds": args.rounds} | {k: round(v, 4) for k, v in times.items()}
        )
        row = rows[-1]
        print(f"{name:<22}", *(f"{row[column]:>8.3f}" for column in COLUMNS[2:]), flush=True)
    if args.output:
        with args.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        Path(f"{args.output}.json").write_text(json.dumps([run], indent=2) + "\n")
    slow = [r["case"] for r in rows if max(r["wall_ratio"], r["cpu_ratio"]) > LARGEST_RATIO]
    if slow:
        sys.exit(f"above {LARGEST_RATIO} times one thread: {', '.join(slow)}")


if __name__ == "__main__":
    main(sys.argv[1:])
