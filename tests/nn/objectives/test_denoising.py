"""Denoising: reconstruction error, bad channels, weights, gradients."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.objectives.denoising import Denoising
from skspektron._nn.views import Views


@pytest.fixture
def batch(make_batch):
    batch = make_batch()
    batch["valid"][2, 10:13] = False
    return batch


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def loss(batch, reconstruct, **options):
    views = SimpleNamespace(batch=batch, reconstruct=reconstruct)
    return Denoising(None, 1, **options)(views)


def test_loss_is_0_for_clean_and_positive_for_corrupted_spectra(batch):
    assert loss(batch, lambda spectra: batch["values"]) == 0
    assert loss(batch, lambda spectra: spectra["values"], probability=1.0) > 1e-3


def test_probability_0_gives_the_reconstruction_error(batch):
    def reconstruct(spectra):
        assert torch.equal(spectra["values"], batch["values"])
        return 0.5 * spectra["values"]

    expected = (0.5 * batch["values"][batch["valid"]]).square().mean()
    torch.testing.assert_close(loss(batch, reconstruct, probability=0.0), expected)


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_bad_channels_are_ignored(batch, garbage):
    output = torch.zeros(4, 60, requires_grad=True)
    expected = loss(batch, lambda spectra: output)
    batch["values"] = batch["values"].masked_fill(~batch["valid"], garbage)
    value = loss(batch, lambda spectra: output)
    assert value == expected
    value.backward()
    assert output.grad[~batch["valid"]].eq(0).all() and output.grad[batch["valid"]].ne(0).all()


def test_loss_is_weighted_by_inverse_variances(batch):
    def reconstruct(spectra):
        return torch.zeros_like(spectra["values"])

    weighted = loss(batch | {"weight": torch.full((4, 60), 4.0)}, reconstruct)
    torch.testing.assert_close(weighted, 4 * loss(batch, reconstruct))


def test_gradient_reaches_the_network(make_network, batch):
    network = make_network()

    loss(batch, Views(network, batch).reconstruct).backward()
    assert network.tokens.project.weight.grad.abs().max() > 0
