"""Spectra as tensors, a tiny network, and functions that train it."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from skspektron._bridge import to_spectra
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network, pretrain
from skspektron._training.engine import _net
from skspektron._training.engine._net import StepNet
from tests.training.one_run import split

SETTINGS = {
    "objectives": {"masked": 1.0},
    "mask_ratio": 0.35,
    "max_steps": 10,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "warmup_steps": 3,
    "seed": 0,
    "device": "cpu",
    "report_every": 5,
    "verbose": 0,
}


@pytest.fixture
def make_spectra():
    """Return a function that turns an array of spectra into tensors."""

    def make(X):
        return to_spectra(X, [np.linspace(4000, 9000, X.shape[1])], np.zeros(len(X), dtype=int))

    return make


@pytest.fixture
def noise():
    """White noise, whose hidden values cannot be predicted."""
    return np.random.default_rng(0).normal(size=(20, 40))


@pytest.fixture
def tiny_network():
    return new_network(Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1), seed=0)


@pytest.fixture
def run():
    """Return a function that pretrains for ten steps."""
    return _run


def _run(network, spectra, **settings):
    recipe, others = split(SETTINGS | settings)
    return pretrain(network, spectra, recipe, **others)


@pytest.fixture
def stop_at(monkeypatch):
    """Return a function that raises KeyboardInterrupt in the given step, once."""

    def stop(step):
        train_step = _net.StepNet.train_step_single

        def interrupted(self, *args, **kwargs):
            if self.sampler.step == step:
                monkeypatch.setattr(_net.StepNet, "train_step_single", train_step)
                raise KeyboardInterrupt
            return train_step(self, *args, **kwargs)

        monkeypatch.setattr(_net.StepNet, "train_step_single", interrupted)

    return stop


class Line(nn.Module):
    """A linear model of points (B, 3) with one loss, which records the calls of `after_step`."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.unused = nn.Parameter(torch.ones(1))
        self.register_buffer("target", torch.ones(3))
        self.progress = []

    def forward(self, x, y, weight, **batch):
        """Return the mean squared error of the points with weight."""
        return {"error": ((x @ self.weight - y)[weight] ** 2).mean()}

    def after_step(self, progress):
        """Record the progress, and update the target."""
        self.progress.append(progress)
        self.target.lerp_(self.weight.detach(), 0.1)


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def points():
    """Return a batch of 64 points, some of them without weight."""
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 3, generator=rng), torch.randn(64, generator=rng)
    weight = torch.rand(64, generator=rng) > torch.linspace(0.1, 0.8, 64)
    return {"x": x, "y": y, "weight": weight, "progress": torch.tensor(0.5)}


@pytest.fixture
def fit_points(points):
    """Return a function that trains a module on the points for `max_steps` steps."""
    return partial(_fit_points, points)


def _fit_points(points, module, *, max_steps=10, window=5, make_batch=None, **settings):
    length = {"max_steps": max_steps, "warmup_steps": 3, "report_every": window}
    defaults = {"batch_size": 64, "learning_rate": 0.1, "seed": 0, "device": "cpu"}
    recipe, others = split(length | defaults | settings)
    make_batch = make_batch or (lambda step, rows: points)
    return StepNet(module, recipe, make_batch, 64, weights={"error": 1.0}, **others).train()
