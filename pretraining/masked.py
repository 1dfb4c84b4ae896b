"""Pretrain the weights `masked`, which ship with the package, on real spectra.

    OMP_NUM_THREADS=1 python pretraining/masked.py --data DIRECTORY \
        --output skspektron/weights/masked.safetensors

DIRECTORY (or the environment variable SKSPEKTRON_DATA) contains the spectra listed in
`real_spectra.py` as .npz files. After an interruption the same command resumes from the checkpoint
and ends at the same weights.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from command import run
from real_spectra import GROUPS, build_worlds, read_sources

from skspektron import SpektronPretrainer
from skspektron.foundation import Architecture

N_WORLDS, MAX_STEPS = 400, 400  # 400 worlds of 32 spectra: two passes in batches of 64
NOT_SHIPPED = ("cane",)  # groups on which transfers with these weights are measured
SHIPPED = Architecture(
    tokenizer="raw",
    kernel_length=31,
    patch_length=8,
    d_model=32,
    d_state=32,
    n_layers=2,
    position="sinusoidal",
    decoder="correction",
)
BACKBONES = {"dlinoss": SHIPPED, "cnn": replace(SHIPPED, backbone="cnn", n_layers=3)}


def train(
    output: Path,
    folder: Path,
    *,
    backbone: str = "dlinoss",
    held_out: Sequence[str] = (),
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> SpektronPretrainer:
    """Pretrain on all groups but those `held_out`, save the network, and return the pretrainer."""
    files = [file for file, group in GROUPS.items() if group not in held_out]
    X, world, axes = build_worlds(read_sources(folder, files), N_WORLDS, seed)
    pretrainer = SpektronPretrainer(
        BACKBONES[backbone],
        wavenumber=axes,
        max_steps=max_steps,
        batch_size=64,
        learning_rate=4e-3,
        warmup_steps=20,
        report_every=100,
        checkpoint=checkpoint
        or Path(tempfile.gettempdir()) / f"{output.stem}.checkpoint.safetensors",
        device="cpu",
        random_state=seed,
        verbose=1,
    ).fit(X, instrument=world)
    pretrainer.save(output, corpus=[f"{file}: spectra, no labels" for file in files])
    return pretrainer


if __name__ == "__main__":
    run(train, __doc__.splitlines()[0], MAX_STEPS, held_out=NOT_SHIPPED)
