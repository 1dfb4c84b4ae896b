"""Pretrain the weights `small`, which ship with the package, for use in calibrations.

    python pretraining/small.py --data DIRECTORY --output skspektron/weights/small.safetensors

DIRECTORY (or the environment variable SKSPEKTRON_DATA) contains the real spectra listed in
`corpus.py` as .npz files. After an interruption the same command resumes from the checkpoint and
ends at the same weights.
"""

import argparse
import os
import tempfile
from pathlib import Path

from corpus import REAL, build_corpus

from skspektron import SpektronPretrainer
from skspektron._bridge import FrozenNetwork

N_SIMULATED, N_REAL = 350, 200  # data sets
OBJECTIVES = {"calibration": 1.0, "masked": 0.2}
ALPHA = 0.25  # factor of the block; larger ones were worse for spectra unlike the corpus
SETTLING = 0.1  # fraction of the steps and of the rate for the training after that


def damped(network, alpha):
    """Return a network with the outputs of its D-LinOSS blocks multiplied by `alpha`."""
    tensors, d_model = network.tensors(), network.architecture.d_model
    for name in tensors:
        if ".gate." in name:  # of a gated linear unit: the half that is not the gate
            tensors[name] = tensors[name].clone()
            tensors[name][:d_model] *= alpha
    return FrozenNetwork.of(network.architecture, tensors)


def parse():
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=None)
    parser.add_argument("--max-steps", type=int, default=3200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("--data must be a folder, or SKSPEKTRON_DATA must be set.")
    return arguments


def train(arguments):
    """Return the fitted pretrainer."""
    X, y, instrument, sample_id, wavenumber = build_corpus(
        N_SIMULATED, N_REAL, arguments.data, arguments.seed
    )
    print(f"{len(X)} spectra, {len(wavenumber)} instruments, {X.shape[1]} channels", flush=True)
    pretrainer = SpektronPretrainer(
        "calibration",
        objectives=OBJECTIVES,
        wavenumber=wavenumber,
        max_steps=arguments.max_steps,
        batch_size=128,
        report_every=100,
        checkpoint=arguments.checkpoint
        or Path(tempfile.gettempdir()) / f"{arguments.output.stem}.checkpoint.safetensors",
        random_state=arguments.seed,
        verbose=1,
    )
    labels = {"instrument": instrument, "sample_id": sample_id}
    pretrainer.fit(X, y, **labels)
    pretrainer.network_ = damped(pretrainer.network_, ALPHA)
    settings = {name: getattr(pretrainer, name) for name in ("max_steps", "learning_rate")}
    pretrainer.set_params(
        max_steps=max(round(SETTLING * settings["max_steps"]), 1),
        learning_rate=SETTLING * settings["learning_rate"],
        checkpoint=None,
    )
    return pretrainer.partial_fit(X, y, **labels).set_params(**settings)


def main():
    """Train and save."""
    arguments = parse()
    pretrainer = train(arguments)
    for record in pretrainer.history_[:: max(len(pretrainer.history_) // 10, 1)]:
        print({name: round(value, 6) for name, value in record.items()})
    sources = [f"{file}: {name} spectra, no labels" for file in REAL for name in REAL[file]]
    simulated = f"simulated spectra: pretraining/corpus.py, seed {arguments.seed}"
    pretrainer.save(arguments.output, corpus=[simulated, *sources])


if __name__ == "__main__":
    main()
