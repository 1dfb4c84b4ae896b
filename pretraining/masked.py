"""Pretrain the weights `masked`, which ship with the package, on simulated spectra only.

    python pretraining/masked.py --output skspektron/weights/masked.safetensors

After an interruption the same command resumes from the checkpoint and ends at the same weights.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from skspektron import SNV, SpektronPretrainer, stack_instruments
from skspektron.datasets import make_instruments

N_AXES, N_WORLDS, N_SAMPLES, N_INSTRUMENTS = 24, 384, 50, 4


def draw_axis(rng):
    """Return a wavenumber axis, mostly in the near infrared, otherwise in the infrared."""
    if rng.random() < 0.8:
        low, high = rng.uniform(600, 1500), rng.uniform(1600, 2500)
        return 1e7 / np.linspace(low, high, round((high - low) / rng.choice([2, 2, 3.5, 6])))
    low, high = rng.uniform(400, 1000), rng.uniform(1800, 4000)
    return np.linspace(low, high, round((high - low) / rng.choice([2, 4, 8])))


def simulate_corpus(seed):
    """Return stacked spectra, their instruments and samples, and the axis of every instrument."""
    rng = np.random.default_rng(seed)
    axes = [draw_axis(rng)[:1024] for _ in range(N_AXES)]
    spectra, wavenumber = {}, {}
    for world in range(N_WORLDS):
        axis = axes[world % N_AXES]
        names = [f"{world}/{i}" for i in range(N_INSTRUMENTS)]
        data = make_instruments(
            N_SAMPLES,
            names,
            n_components=int(rng.integers(3, 9)),
            spread=10 ** rng.uniform(-1.3, 0),
            wavenumber=axis,
            distortion=rng.uniform(0.3, 2.0),
            scatter=rng.uniform(0.3, 2.0),
            noise=10 ** rng.uniform(-4.3, -3.3),
            random_state=int(rng.integers(2**31)),
        )
        ids = [f"{world}/{sample}" for sample in data.sample_id]
        for name in names:
            spectra[name] = SNV().fit_transform(data.X[name]), None, ids
            wavenumber[name] = axis
    return *stack_instruments(spectra), wavenumber


def main():
    """Parse the command line, build the corpus, pretrain and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=None)
    parser.add_argument("--max-steps", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    X, _, instrument, sample_id, wavenumber = simulate_corpus(arguments.seed)
    print(f"{len(X)} spectra, {len(wavenumber)} instruments, {N_AXES} axes", flush=True)
    pretrainer = SpektronPretrainer(
        "small",
        wavenumber=wavenumber,
        max_steps=arguments.max_steps,
        warmup_steps=500,
        report_every=250,
        checkpoint=arguments.checkpoint
        or Path(tempfile.gettempdir()) / f"{arguments.output.stem}.checkpoint.safetensors",
        random_state=arguments.seed,
        verbose=1,
    )
    pretrainer.fit(X, instrument=instrument, sample_id=sample_id)
    for record in pretrainer.history_[:: max(len(pretrainer.history_) // 10, 1)]:
        print({name: round(value, 6) for name, value in record.items()})
    print({name: round(value, 6) for name, value in pretrainer.history_[-1].items()})
    corpus = f"simulated spectra: pretraining/masked.py, seed {arguments.seed}"
    pretrainer.save(arguments.output, corpus=[corpus])


if __name__ == "__main__":
    main()
