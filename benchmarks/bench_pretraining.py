"""Pretrain a preset for a given time on simulated spectra, and write its speed and errors.

A short run measures the speed, and the number of steps of the second one follows from it, so that
its learning-rate schedule ends when the time is over.

    python -m benchmarks.bench_pretraining --preset base --seconds 180 --device cuda \
        --output pretraining.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from skspektron import SNV, SpektronPretrainer, stack_instruments
from skspektron.datasets import make_instruments

N_AXES = 4
N_SAMPLES, INSTRUMENTS = 40, ("A", "B", "C")  # of each data set
TIMED_STEPS = 10  # after as many that are not timed
N_RECORDS = 10


def simulate(n_sets: int, n_channels: int) -> tuple:
    """Return stacked spectra of simulated data sets, and the axis of every instrument."""
    spectra, wavelength = {}, {}
    for number in range(n_sets):
        rng = np.random.default_rng(number)
        axis = np.linspace(900 + 50 * (number % N_AXES), 2500, n_channels)
        data = make_instruments(
            N_SAMPLES,
            INSTRUMENTS,
            n_components=int(rng.integers(3, 9)),
            wavelength=axis,
            random_state=number,
        )
        ids = [f"{number}/{sample}" for sample in data.sample_id]
        for name, X in data.X.items():
            spectra[f"{number}/{name}"] = SNV().fit_transform(X), None, ids
            wavelength[f"{number}/{name}"] = axis
    return *stack_instruments(spectra), wavelength


def pretrain(
    args: argparse.Namespace, max_steps: int, data: tuple, report_every: int
) -> SpektronPretrainer:
    """Return a pretrainer, fitted in a number of steps."""
    X, _, instrument, sample_id, wavelength = data
    pretrainer = SpektronPretrainer(
        args.preset,
        wavelength=wavelength,
        max_steps=max_steps,
        batch_size=args.batch_size,
        warmup_steps=min(100, max_steps // 10),
        report_every=report_every,
        precision=args.precision,
        device=args.device,
        random_state=0,
        verbose=1,
    )
    return pretrainer.fit(X, instrument=instrument, sample_id=sample_id)


def measure(args: argparse.Namespace) -> dict:
    """Return speed, errors and memory of a run that takes about `seconds`."""
    data = simulate(args.sets, args.channels)
    start = perf_counter()
    first, last = pretrain(args, 2 * TIMED_STEPS, data, TIMED_STEPS).history_
    per_step = (last["seconds"] - first["seconds"]) / TIMED_STEPS
    n_steps = max(round((args.seconds - perf_counter() + start) / per_step), N_RECORDS)
    fitted = pretrain(args, n_steps, data, n_steps // N_RECORDS)
    seconds = fitted.history_[-1]["seconds"]
    on_gpu = args.device != "cpu"
    return {
        "preset": args.preset,
        "precision": args.precision,
        "spectra": len(data[0]),
        "channels": args.channels,
        "batch_size": args.batch_size,
        "seconds": round(seconds, 1),
        "steps": fitted.n_steps_,
        "spectra_per_second": round(fitted.n_steps_ * args.batch_size / seconds, 1),
        "peak_mib": round(torch.cuda.max_memory_allocated() / 2**20) if on_gpu else None,
        "first": fitted.history_[0],
        "last": fitted.history_[-1],
    }


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--preset", default="base")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--sets", type=int, default=60, help="simulated data sets")
    parser.add_argument("--channels", type=int, default=700)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16")
    parser.add_argument("--device", default="cpu", help="cpu or a CUDA device")
    parser.add_argument("--output", type=Path, help="JSON file")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Pretrain, and print or write what was measured."""
    args = parse(argv)
    text = json.dumps(measure(args), indent=2) + "\n"
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
