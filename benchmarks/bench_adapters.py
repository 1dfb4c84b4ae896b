"""Compare the methods that adapt the network with those without one, on the development tasks.

With standards: `LoRATransfer` with and without the term of the spectra and the training of the
factors, in the ensemble and alone, against `EnsembleTransfer`. Without standards: `TTTTransfer`
with and without training and with both alignments, against `CORALTransfer` and
`MeanCentredTransfer` on first derivatives; both instruments measured the same samples, or each the
other half. The error is the RMSEP in standard deviations of the test values; a row is one fit, and
rows that the CSV has are not computed again. The CPU time of a fit of `LoRATransfer` is also
measured on 60 simulated samples with 700 and 2,151 channels and ten standards.

    python -m benchmarks.bench_adapters --output benchmarks/results/adapters.csv
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import process_time
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.bench_transfer import (
    DATA,
    Task,
    first_derivative,
    half_of_samples,
    read_rows,
    split,
)
from benchmarks.sidecar import PACKAGES, record_run
from skspektron import transfer
from skspektron.datasets import make_instruments
from skspektron.model_selection import stack_instruments
from skspektron.transfer import _lora

COLUMNS = ("task", "method", "n_transfer", "samples", "error", "cpu_seconds")
STEP = {"development": 7, "sugarcane": 17}  # every so many tasks
SIZES = (2, 5, 10)
N_CHANNELS = (700, 2151)  # of the fits that are timed
SPEED = "speed"
SAMPLES = ("same", "other")  # that both instruments measured
ALONE = ", alone"  # predictions of the adapted embedding without the ensemble
NEITHER = "lora, neither"  # no training, and no term of the spectra: the frozen embedding
LONG = "lora, 30 epochs"  # at the largest size only
WITH_STANDARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ensemble": ("EnsembleTransfer", {}),
    "lora": ("LoRATransfer", {}),
    "lora, not trained": ("LoRATransfer", {"max_epochs": 0}),
    LONG: ("LoRATransfer", {"max_epochs": 30}),
    NEITHER: ("LoRATransfer", {"max_epochs": 0}),
}
NO_TRAINING = {"max_steps": 1, "learning_rate": 1e-12}
UNLABELLED: dict[str, tuple[str, dict[str, Any]]] = {
    "mean-centring": ("MeanCentredTransfer", {}),
    "coral": ("CORALTransfer", {}),
    "ttt, tokens": ("TTTTransfer", {"align": "tokens"}),
    "ttt, mean": ("TTTTransfer", {"align": "mean"}),
    "ttt, tokens, not trained": ("TTTTransfer", {"align": "tokens", **NO_TRAINING}),
}
Predict = Callable[[NDArray[Any]], NDArray[Any]]


def tasks() -> Iterator[Task]:
    """Yield some tasks of each set."""
    for name, step in STEP.items():
        yield from list(DATA[name]())[::step]


def fit(task: Task, name: str, parameters: dict, X, rows, n_transfer: int, seed: int):
    """Return a fitted transfer."""
    model = getattr(transfer, name)(source=task.source, target=task.target, n_transfer=n_transfer)
    if "wavelength" in model.get_params():
        model.set_params(wavelength=task.wavelength)
    model.set_params(random_state=seed, **parameters)
    known = {"instrument": task.instrument[rows], "sample_id": task.sample_id[rows]}
    return model.fit(X[rows], task.y[rows], **known)


def alone(model) -> Predict:
    """Return the predictions of the adapted embedding of an ensemble with a head of its own."""
    embedding, head = model.target_estimator_.embedding, model._of_fit.head
    return lambda X: np.ravel(head.predict(embedding.transform(X)))


def without_term(standards, X_source, X_target):
    """Return no term of the spectra, in place of `learn_input_term`."""
    return {}, X_target


def with_standards(task: Task, seed: int, done: set) -> Iterator[tuple]:
    """Yield method, number of standards, samples, predictions and CPU seconds."""
    train, test = split(task, seed)
    for n_transfer in SIZES:
        for name, (method, parameters) in WITH_STANDARDS.items():
            if (task.name, name, str(n_transfer), "same") in done or (
                name == LONG and n_transfer < max(SIZES)
            ):
                continue
            patch = mock.patch.object(_lora, "learn_input_term", without_term)
            start = process_time()
            with patch if name == NEITHER else nullcontext():
                model = fit(task, method, parameters, task.X, train, n_transfer, seed)
            seconds = process_time() - start
            yield name, n_transfer, "same", model.predict(task.X[test]), seconds
            if method == "LoRATransfer":
                yield name + ALONE, n_transfer, "same", alone(model)(task.X[test]), seconds


def without_standards(task: Task, seed: int, done: set) -> Iterator[tuple]:
    """Yield the same for methods that use no standards."""
    train, test = split(task, seed)
    derivative = first_derivative(task.X)
    for samples in SAMPLES:
        rows = half_of_samples(other=True)(task, train, seed) if samples == "other" else train
        for name, (method, parameters) in UNLABELLED.items():
            if (task.name, name, "0", samples) in done:
                continue
            X = task.X if method == "TTTTransfer" else derivative
            start = process_time()
            model = fit(task, method, parameters, X, rows, 0, seed)
            yield name, 0, samples, model.predict(X[test]), process_time() - start


def speed(done: set) -> Iterator[tuple]:
    """Yield the rows of the timed fits, which have no error."""
    for n_channels in N_CHANNELS:
        name = f"{SPEED}/{n_channels}"
        if (name, "lora", "10", "same") in done:
            continue
        axis = np.linspace(1100, 2498, n_channels)
        data = make_instruments(60, wavelength=axis, random_state=0)
        X, y, instrument, sample_id = stack_instruments(
            {key: (data.X[key], data.y[:, 0], data.sample_id) for key in ("A", "B")}
        )
        model = transfer.LoRATransfer(source="A", target="B", wavelength=axis, random_state=0)
        start = process_time()
        model.fit(X, y, instrument=instrument, sample_id=sample_id)
        yield name, "lora", 10, "same", "nan", f"{process_time() - start:.2f}"


def run(path: Path, seed: int = 0) -> None:
    """Compute the rows that are missing."""
    torch.set_num_threads(1)
    done = {tuple(row[key] for key in COLUMNS[:4]) for row in read_rows(path)}
    with path.open("a", newline="") as file, threadpool_limits(1):
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        writer.writerows(speed(done))
        for task in tasks():
            y = task.y[split(task, seed)[1]]
            for part in (with_standards, without_standards):
                for name, n_transfer, samples, y_pred, seconds in part(task, seed, done):
                    error = np.sqrt(np.mean((y_pred - y) ** 2)) / y.std()
                    writer.writerow(
                        (task.name, name, n_transfer, samples, f"{error:.4f}", f"{seconds:.2f}")
                    )
                    file.flush()


def summary(rows: list[dict]) -> Iterator[tuple]:
    """Yield set, standards, samples, method, number of tasks, ratio to the reference, CPU seconds.

    The reference is `EnsembleTransfer`, or mean-centring without standards; the ratio of errors is
    a geometric mean over tasks.
    """
    errors: dict[tuple, dict[str, float]] = {}
    seconds: dict[tuple, list[float]] = {}
    for row in rows:
        of = row["task"].split("/")[0]
        of = of if of in (SPEED, "sugarcane") else "simulated"
        key = (of, int(row["n_transfer"]), row["samples"], row["method"])
        errors.setdefault(key, {})[row["task"]] = float(row["error"])
        seconds.setdefault(key, []).append(float(row["cpu_seconds"]))
    for key, own in errors.items():
        reference = errors.get((*key[:3], "mean-centring" if key[1] == 0 else "ensemble"), own)
        ratios = [np.log(own[task] / reference[task]) for task in own if task in reference]
        yield *key, len(ratios), float(np.exp(np.mean(ratios))), float(np.mean(seconds[key]))


def report(rows: list[dict]) -> str:
    """Return the table of the summary."""
    lines = ["| second instrument | standards | samples | method | tasks | error | CPU, s |"]
    for of, n_transfer, samples, method, n_tasks, ratio, seconds in sorted(
        summary(rows), key=lambda line: line[:3]
    ):
        lines.append(
            f"| {of} | {n_transfer} | {samples} | {method} | {n_tasks} | {ratio:.3f} | "
            f"{seconds:.2f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="CSV file")
    parser.add_argument("--report", action="store_true", help="print the table only")
    args = parser.parse_args(argv)
    if not args.report:
        record_run(args.output, argv, (*PACKAGES, "torch"))
        run(args.output)
    print(report(read_rows(args.output)))


if __name__ == "__main__":
    main(sys.argv[1:])
