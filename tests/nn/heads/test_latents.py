"""Latents: norms, bottleneck parts, and sampling in training only."""

import pytest
import torch

from skspektron._nn.heads.latents import BottleneckLatent, PlainLatent, SphereLatent


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_plain_latent_is_the_pooled_tokens():
    latent, pooled = PlainLatent(6), torch.randn(3, 6)
    assert torch.equal(latent(pooled).z, pooled)
    assert latent.d_latent == 6 and not list(latent.parameters())


@pytest.mark.parametrize("size", [1e-30, 1e-8, 1.0, 1e8, 1e30])
def test_sphere_has_norm_1_at_every_amplitude_and_keeps_the_direction(size):
    latent, pooled = SphereLatent(6, 4), torch.randn(3, 6)
    torch.nn.init.zeros_(latent.project.bias)
    z = latent(size * pooled).z
    assert (z.norm(dim=1) - 1).abs().max() < 1e-5
    torch.testing.assert_close(z, latent(pooled).z, rtol=0, atol=1e-5)


def test_zero_is_mapped_to_the_sphere_with_a_finite_gradient():
    latent, pooled = SphereLatent(6, 4), torch.zeros(2, 6, requires_grad=True)
    torch.nn.init.zeros_(latent.project.bias)
    z = latent(pooled).z
    assert torch.equal(z.norm(dim=1), torch.ones(2))
    z.sum().backward()
    assert pooled.grad.isfinite().all()


def test_bottleneck_has_the_published_sizes_and_finite_variances():
    latent = BottleneckLatent(32, 128, 64)(1e6 * torch.randn(5, 32))
    for gaussian, d in ((latent.chemistry, 128), (latent.instrument, 64)):
        assert all(tensor.shape == (5, d) for tensor in gaussian)
        assert gaussian.logvar.min() == -10 and gaussian.logvar.max() == 10
        assert all(tensor.isfinite().all() for tensor in gaussian)


def test_bottleneck_samples_in_training_and_returns_means_otherwise():
    latent = BottleneckLatent(3, 2, 1)
    pooled = torch.randn(1, 3).expand(20000, -1)
    drawn = latent(pooled).chemistry
    torch.testing.assert_close(drawn.sample.mean(0), drawn.mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(drawn.sample.var(0).log(), drawn.logvar[0], rtol=0, atol=0.05)
    latent.eval()
    assert torch.equal(latent(pooled).z, drawn.mean)


def test_latent_does_not_depend_on_the_instrument_part():
    latent, pooled = BottleneckLatent(8, 4, 3).eval(), torch.randn(5, 8)
    before = latent(pooled)
    torch.nn.init.normal_(latent.instrument.weight)
    after = latent(pooled)
    assert torch.equal(after.z, before.z) and after.z.shape == (5, latent.d_latent)
    assert not torch.equal(after.instrument.mean, before.instrument.mean)
