"""Pretrain the weights `small`, which ship with the package, for use in calibrations.

    OMP_NUM_THREADS=1 python pretraining/small.py --data DIRECTORY \
        --output skspektron/weights/small.safetensors

DIRECTORY (or the environment variable SKSPEKTRON_DATA) contains the real spectra listed in
`corpus.py` as .npz files. After an interruption the same command resumes from the checkpoint and
ends at the same weights.
"""

import tempfile
from pathlib import Path

from command import run
from corpus import REAL, build_corpus

from skspektron import SpektronPretrainer

N_SIMULATED, N_REAL, MAX_STEPS = 350, 350, 800  # data sets; more steps gain nothing
OBJECTIVES = {"complement": 1.0, "masked": 0.2}


def train(
    output: Path,
    folder: Path,
    *,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> SpektronPretrainer:
    """Pretrain on the corpus, save the network, and return the pretrainer."""
    X, y, instrument, sample_id, wavenumber = build_corpus(
        N_SIMULATED, N_REAL, folder, seed, snv=False
    )
    print(f"{len(X)} spectra, {len(wavenumber)} instruments, {X.shape[1]} channels", flush=True)
    pretrainer = SpektronPretrainer(
        "calibration",
        objectives=OBJECTIVES,
        wavenumber=wavenumber,
        max_steps=max_steps,
        batch_size=128,
        learning_rate=3e-3,
        warmup_steps=max(max_steps // 10, 1),
        report_every=100,
        checkpoint=checkpoint
        or Path(tempfile.gettempdir()) / f"{output.stem}.checkpoint.safetensors",
        device="cpu",
        random_state=seed,
        verbose=1,
    ).fit(X, y, instrument=instrument, sample_id=sample_id)
    sources = [f"{file}: {name} spectra, no labels" for file in REAL for name in REAL[file]]
    simulated = f"simulated spectra: pretraining/corpus.py, seed {seed}"
    pretrainer.save(output, corpus=[simulated, *sources])
    return pretrainer


if __name__ == "__main__":
    run(train, __doc__.splitlines()[0], MAX_STEPS)
