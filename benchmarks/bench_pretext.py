"""Pretrain every tokenizer with every backbone on white noise and on mixtures of five compounds.

Two checks of pretraining. In white noise, masked channels cannot be predicted: an error below that
of the mean spectrum (`nre_noise` below 0.97) means that masked values leak. In mixtures of five
compounds they follow from the visible channels: a large error (`nre_learnability` above 0.25, or
above linear interpolation) means that the network does not learn. Errors are those of held-out
spectra divided by that of the mean training spectrum. Rows already in the CSV are not computed
again.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_pretext --output benchmarks/results/pretext.csv
"""

import argparse
import csv
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.sidecar import record_run
from skspektron.foundation import Architecture, SpektronPretrainer

TOKENIZERS = ("patch", "raw", "wavelet")
BACKBONES = ("dlinoss", "mamba", "s4d", "transformer", "cnn")
MASKINGS = (("token", "linear"), ("drop", "latent"), ("drop", "grid"))  # mask_mode, decoder
# With single channels as tokens, one layer learns too little: the error of D-LinOSS stays at 0.34
# of that of the mean spectrum, and that of a convolution over 3 tokens on either side at 0.91.
DEPTH = {("raw", "dlinoss"): 3, ("raw", "cnn"): 6}
N_HELD_OUT = 256
NOISE_LIMIT, LEARNABILITY_LIMIT = 0.97, 0.25


@dataclass(frozen=True)
class Combination:
    """The parts of a network that may leak masked values."""

    tokenizer: str
    backbone: str
    mask_mode: str
    decoder: str

    def architecture(self, patch_length: int) -> Architecture:
        """Return a small network of these parts."""
        return Architecture(
            **asdict(self),
            patch_length=patch_length,
            d_model=64,
            d_state=64 if self.backbone == "dlinoss" else 16,
            n_layers=DEPTH.get((self.tokenizer, self.backbone), 1),
            d_feedforward=256,
        )


@dataclass(frozen=True)
class Task:
    """Simulated spectra, and the settings of a training run."""

    draw: Callable[[np.random.Generator, int], NDArray]
    n_samples: int
    patch_length: int
    batch_size: int
    max_steps: int


def draw_noise(rng: np.random.Generator, n_samples: int) -> NDArray:
    """Return spectra of independent normal channels."""
    return rng.normal(size=(n_samples, 128))


def draw_mixtures(rng: np.random.Generator, n_samples: int) -> NDArray:
    """Return spectra of rank 5, of compounds with four bands each, and 1 % of noise."""
    centres = rng.uniform(0, 270, size=(5, 4, 1))
    bands = np.exp(-0.5 * ((np.arange(270) - centres) / 8) ** 2).sum(axis=1)
    X = rng.normal(size=(n_samples, 5)) @ bands
    return X + 0.01 * X.std() * rng.normal(size=X.shape)


# No spectrum is visited more than twice, so that none can be memorized.
NOISE = Task(draw_noise, 20_000, patch_length=16, batch_size=64, max_steps=600)
MIXTURES = Task(draw_mixtures, 4_000, patch_length=27, batch_size=32, max_steps=500)


def combinations() -> Iterator[Combination]:
    """Yield every valid combination of tokenizer, backbone and masking."""
    for tokenizer, backbone, masking in product(TOKENIZERS, BACKBONES, MASKINGS):
        combination = Combination(tokenizer, backbone, *masking)
        try:
            combination.architecture(8)
        except ValueError:
            continue
        yield combination


def pretrain(combination: Combination, task: Task, **settings) -> SpektronPretrainer:
    """Return a pretrainer of the combination, fitted on a task with some spectra held out."""
    X = task.draw(np.random.default_rng(0), task.n_samples + N_HELD_OUT)
    budget = {
        "max_steps": task.max_steps,
        "batch_size": task.batch_size,
        "learning_rate": 3e-3,
        "warmup_steps": 50,
    } | settings
    with warnings.catch_warnings():  # expected: interpolation predicts broad bands well
        warnings.filterwarnings("ignore", "Linear interpolation")
        return SpektronPretrainer(
            combination.architecture(task.patch_length),
            wavenumber=np.linspace(4000, 9000, X.shape[1]),
            n_iter_no_change=1,  # holds spectra out; a single report cannot stop the run
            validation_fraction=N_HELD_OUT / len(X),
            report_every=budget["max_steps"],
            device="cpu",
            random_state=0,
            **budget,
        ).fit(X)


def nre(record: dict[str, float], name: str = "masked_mse") -> float:
    """Return an error of a record divided by that of the mean spectrum."""
    return record[name] / record["mean_mse"]


def measure(combination: Combination) -> dict:
    """Return the row of a combination; `seconds` is CPU time."""
    start = process_time()
    [noise] = pretrain(combination, NOISE).history_
    trained = pretrain(combination, MIXTURES)
    [mixtures] = trained.history_
    return asdict(combination) | {
        "n_layers": trained.network_.architecture.n_layers,
        "n_parameters": sum(p.numel() for p in trained.network_.on("cpu").parameters()),
        "nre_noise": round(nre(noise), 4),
        "nre_learnability": round(nre(mixtures), 4),
        "interpolation": round(nre(mixtures, "interpolation_mse"), 4),
        "seconds": round(process_time() - start, 1),
    }


def read_rows(path: Path) -> list[dict]:
    """Return the rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def key(row: dict) -> tuple:
    """Return the columns that identify a row."""
    return tuple(row[field.name] for field in fields(Combination))


def compute(todo: Sequence[Combination], path: Path) -> None:
    """Append the row of each combination as soon as it is computed."""
    for combination in todo:
        row = measure(combination)
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


def report(rows: Sequence[dict]) -> str:
    """Return the table; rows that miss a limit are marked."""
    lines = [f"{'tokens, backbone, hiding':<40} {'noise':>7} {'learnt':>7} {'interp.':>7} {'s':>6}"]
    for row in rows:
        noise, learnt, interpolation = (
            float(row[name]) for name in ("nre_noise", "nre_learnability", "interpolation")
        )
        holds = noise >= NOISE_LIMIT and learnt <= min(LEARNABILITY_LIMIT, interpolation)
        lines.append(
            f"{', '.join(key(row)):<40} {noise:>7.3f} {learnt:>7.3f} {interpolation:>7.3f} "
            f"{float(row['seconds']):>6.0f}{'' if holds else '  FAILS'}"
        )
    return "\n".join(lines)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--tokenizers", nargs="+", choices=TOKENIZERS, default=TOKENIZERS)
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=BACKBONES)
    parser.add_argument("--output", type=Path, default=Path("bench_pretext.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run what is missing and print the table."""
    args = parse(argv)
    torch.set_num_threads(1)
    done = {key(row) for row in read_rows(args.output)}
    todo = [
        combination
        for combination in combinations()
        if combination.tokenizer in args.tokenizers
        and combination.backbone in args.backbones
        and astuple(combination) not in done
    ]
    record_run(args.output, argv, ("skspektron", "numpy", "torch", "skorch"))
    compute(todo, args.output)
    print(report(read_rows(args.output)))


if __name__ == "__main__":
    main(sys.argv[1:])
