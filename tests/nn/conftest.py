"""Small networks and batches of random spectra."""

import pytest
import torch

from skspektron._nn.architecture import Architecture
from skspektron._nn.network import SpektronNetwork


@pytest.fixture
def make_network():
    """Return a function that builds a network with random weights and patches of 5 channels."""

    def make(**sizes):
        small = {"patch_length": 5, "d_model": 8, "d_state": 6, "n_layers": 2, "n_heads": 2}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return SpektronNetwork(Architecture(**small | sizes))

    return make


@pytest.fixture
def make_batch():
    """Return a function that draws random spectra on one axis with all channels good."""

    def make(n_samples=4, n_channels=60, seed=1):
        generator = torch.Generator().manual_seed(seed)
        axis = torch.linspace(4000, 9000, n_channels, dtype=torch.float64)
        return {
            "values": torch.randn(n_samples, n_channels, generator=generator),
            "valid": torch.ones(n_samples, n_channels, dtype=torch.bool),
            "wavenumber": axis.expand(n_samples, -1),
            "grid": torch.zeros(n_samples, dtype=torch.long),
        }

    return make
