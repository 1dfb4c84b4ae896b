"""One training run as a process that can be killed or be one of several."""

import os
import signal
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from skspektron._bridge import save_tensors, to_spectra
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network, pretrain
from skspektron._training.engine._net import StepNet
from skspektron._training.engine._recipe import Recipe

SETTINGS = {
    "objectives": {"masked": 1.0},
    "mask_ratio": 0.35,
    "max_steps": 10,
    "batch_size": 19,
    "learning_rate": 1e-2,
    "weight_decay": 0.01,
    "warmup_steps": 3,
    "seed": 0,
    "device": "cpu",
    "report_every": 5,
    "verbose": 0,
    "micro_batch_size": 4,
    "ema_decay": 0.9,
}


def split(settings):
    """Return the recipe among the settings, and the others."""
    names = {field.name for field in fields(Recipe)}
    recipe = Recipe(**{name: value for name, value in settings.items() if name in names})
    return recipe, {name: value for name, value in settings.items() if name not in names}


def train(**settings):
    """Return a network after a run on white noise of two grids, and the history."""
    X = np.random.default_rng(0).normal(size=(20, 40))
    grid = np.arange(20) % 2
    X[grid == 1, 20:] = np.nan
    X[:, 3] = np.where(np.arange(20) < 5, np.nan, X[:, 3])
    spectra = to_spectra(X, [np.linspace(4000, 9000, 40), np.linspace(4000, 6000, 20)], grid)
    sizes = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=2)
    recipe, others = split(SETTINGS | settings)
    history = pretrain(network := new_network(sizes, seed=0), spectra, recipe, **others)
    return network, history


def die(event, count):
    """Kill this process when the event happens for the count-th time."""
    left = iter(range(count - 1))
    train_step, write_bytes = StepNet.train_step, Path.write_bytes

    def step_or_die(self, batch, **kwargs):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_step(self, batch, **kwargs)

    def write_or_die(self, data):
        if next(left, None) is None:
            write_bytes(self, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write_bytes(self, data)

    if event == "step":
        StepNet.train_step = step_or_die
    else:
        Path.write_bytes = write_or_die


def main(settings, folder, *, n_threads, env=(), event=None, count=0):
    """Train and save; then start a run whose seed is the rank, and save its error message.

    The process kills itself when the event, the beginning of a step or the middle of writing a
    file, comes for the count-th time.
    """
    os.environ.update(env)
    torch.set_num_threads(n_threads)
    rank = int(os.environ.get("RANK", 0))
    if event is not None:
        die(event, count)
    network, history = train(**settings)
    refusal = ""
    try:
        train(seed=rank, max_steps=1)
    except ValueError as error:
        refusal = str(error)
    header = {"history": history, "refusal": refusal}
    save_tensors(folder / f"rank{rank}.safetensors", network.state_dict(), header)
