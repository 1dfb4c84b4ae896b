"""Spectra as tensors, a tiny network, and a call of the engine with settings that suit them."""

import numpy as np
import pytest

from skspektron._bridge import to_spectra
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network, pretrain

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
    """Return a function that places an array of spectra on one axis."""

    def make(X):
        return to_spectra(X, [np.linspace(4000, 9000, X.shape[1])], np.zeros(len(X), dtype=int))

    return make


@pytest.fixture
def noise():
    """White noise: what is hidden cannot be known."""
    return np.random.default_rng(0).normal(size=(20, 40))


@pytest.fixture
def tiny_network():
    return new_network(Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1), seed=0)


@pytest.fixture
def run():
    """Return the engine with settings for a run of ten steps."""
    return _run


def _run(network, spectra, **settings):
    return pretrain(network, spectra, **SETTINGS | settings)
