"""Bottleneck: terms against their formulas, and probes on both parts of the latent."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.nn import functional as F

from skspektron._nn.heads.latents import BottleneckLatent, Gaussian
from skspektron._nn.objectives.bottleneck import Bottleneck, beta, dependence, kl_divergence
from skspektron.datasets import make_instruments


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Toy(nn.Module):
    """Multilayer perceptron with a bottleneck latent."""

    d_latent, d_instrument = 32, 8

    def __init__(self, n_channels):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Linear(n_channels, 96), nn.GELU(), nn.Linear(96, 64), nn.GELU()
        )
        self.latent = BottleneckLatent(64, self.d_latent, self.d_instrument)

    def forward(self, values, valid):
        return self.latent(self.encode(values.masked_fill(~valid, 0)))


def make_views(network, values, instrument, progress=0.5, valid=None):
    valid = torch.ones_like(values, dtype=torch.bool) if valid is None else valid
    axis = torch.linspace(4000, 9000, values.shape[1], dtype=torch.float64)
    batch = {
        "values": values,
        "valid": valid,
        "wavenumber": axis.expand(len(values), -1),
        "grid": torch.zeros(len(values), dtype=torch.long),
        "instrument": instrument,
        "progress": torch.tensor(progress),
    }
    return SimpleNamespace(batch=batch, network=network, latent=network(values, valid))


def gaussian(n=5, d=4):
    mean, logvar = torch.randn(n, d), torch.randn(n, d)
    return Gaussian(mean, logvar, mean)


def test_divergence_equals_torch_distributions():
    mean, logvar, _ = given = gaussian()
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, torch.exp(logvar / 2)), normal(torch.zeros(4), torch.ones(4))
    )
    torch.testing.assert_close(kl_divergence(given), expected.sum(1).mean(), rtol=1e-6, atol=1e-6)
    assert kl_divergence(Gaussian(*torch.zeros(3, 5, 4))) == 0


def test_beta_falls_as_a_half_cosine_over_60_percent_of_the_steps():
    assert beta(torch.tensor(0.0)).item() == pytest.approx(0.1, rel=1e-6)
    assert beta(torch.tensor(0.3)).item() == pytest.approx(0.0505, rel=1e-5)
    for progress in (0.6, 0.7, 1.0):
        assert beta(torch.tensor(progress)) == torch.tensor(1e-3)


def test_dependence_equals_the_sum_over_quadruples():
    z, label = torch.randn(7, 3), torch.tensor([0, 1, 1, 0, 2, 1, 0])
    total, n_quadruples = 0, 0
    x = (z - z.mean(0)) / z.std(0, correction=0)
    squared = [[((a - b) ** 2).sum() for b in x] for a in x]
    mean = sum(map(sum, squared)) / 49
    whitening = torch.linalg.inv(x.T @ x / 7 + 0.1 * torch.eye(3))

    def k(i, j):
        gaussian = sum(math.exp(-squared[i][j] / (width * mean)) for width in (0.25, 1, 4))
        return gaussian + 0.2 * x[i] @ whitening @ x[j]

    def same(i, j):
        return float(label[i] == label[j])

    for i in range(7):
        for j in set(range(7)) - {i}:
            for q in set(range(7)) - {i, j}:
                for r in set(range(7)) - {i, j, q}:
                    total += k(i, j) * (same(i, j) + same(q, r) - 2 * same(i, q))
                    n_quadruples += 1
    expected = torch.as_tensor(total / n_quadruples, dtype=torch.float32)
    torch.testing.assert_close(dependence(z, label), expected, rtol=1e-4, atol=1e-6)


def test_dependence_is_0_on_average_if_independent_and_positive_otherwise():
    label = torch.arange(32) % 2
    independent = torch.stack([dependence(torch.randn(32, 4), label) for _ in range(200)])
    assert independent.mean().abs() < 3 * independent.std() / 200**0.5
    shift = torch.randn(32, 4) + 2 * label[:, None]
    spread = torch.randn(32, 4) * (1 + 4 * label[:, None])
    for z in (shift, spread):
        assert dependence(z, label) > 5 * independent.std()
        scaled = z * torch.tensor([1e-3, 1.0, 1e3, 1e-2])
        torch.testing.assert_close(dependence(scaled, label), dependence(z, label))


@pytest.mark.parametrize("z", [torch.ones(8, 3), torch.ones(3, 3), torch.zeros(1, 3)])
def test_dependence_of_equal_latents_is_0_with_a_finite_gradient(z):
    z = z.requires_grad_()
    value = dependence(z, torch.arange(len(z)) % 2)
    value.backward()
    assert value.abs() < 1e-6 and z.grad.isfinite().all()


def test_dependence_on_a_single_instrument_is_0():
    z = torch.randn(16, 3)
    assert dependence(z, torch.zeros(16, dtype=torch.long)).abs() < 1e-6


def test_loss_is_the_sum_of_its_terms_with_20_instruments():
    network = Toy(30).eval()
    objective, instrument = Bottleneck(network, 20), torch.arange(40) % 20
    seen = make_views(network, torch.randn(40, 30), instrument, progress=0.7)
    chemistry, other = seen.latent.chemistry, seen.latent.instrument
    both = torch.cat([chemistry.sample, other.sample], 1)
    decoded = objective.decoder(both, seen.batch["wavenumber"], seen.batch["grid"])
    values = seen.batch["values"]
    expected = (
        1e-3 * (kl_divergence(chemistry) + kl_divergence(other))
        + 20 * (decoded - values).square().mean() / values.var(1, correction=0).mean()
        + 5 * F.cross_entropy(objective.classifier(other.sample), instrument)
        + 0.1 * F.cross_entropy(objective.adversary(chemistry.sample), instrument)
        + 100 * dependence(chemistry.mean, instrument)
    )
    torch.testing.assert_close(objective(seen), expected)


def test_chemistry_gets_the_reversed_gradient_of_the_adversary():
    network, values = Toy(30).eval(), torch.randn(12, 30)
    objective, instrument = Bottleneck(network, 3), torch.arange(12) % 3
    objective.RECONSTRUCTION_WEIGHT = objective.INDEPENDENCE_WEIGHT = 0.0
    seen = make_views(network, values, instrument, progress=1.0)
    seen.latent.chemistry.mean.retain_grad()
    objective(seen).backward()
    chemistry = seen.latent.chemistry.mean.detach().requires_grad_()
    loss = 0.1 * F.cross_entropy(objective.adversary(chemistry), instrument)
    expected = torch.autograd.grad(loss, [chemistry, *objective.adversary.parameters()])
    prior = 1e-3 * chemistry.detach() / 12  # of the divergence
    strength = math.tanh(5)
    reversed_ = seen.latent.chemistry.mean.grad - prior
    torch.testing.assert_close(reversed_, -strength * expected[0], rtol=1e-3, atol=1e-7)
    for p, gradient in zip(objective.adversary.parameters(), expected[1:], strict=True):
        torch.testing.assert_close(p.grad, gradient)


def test_bad_channels_are_ignored():
    network, values = Toy(30).eval(), torch.randn(6, 30)
    objective, instrument = Bottleneck(network, 2), torch.arange(6) % 2
    valid = torch.rand(6, 30) > 0.2
    reference = objective(make_views(network, values, instrument, valid=valid))
    changed = torch.where(valid, values, 1e6)
    assert torch.equal(objective(make_views(network, changed, instrument, valid=valid)), reference)


def train(network, objective, X, instrument, n_steps, batch_size=64):
    parameters = [*network.parameters(), *objective.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.05)
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 + math.cos(math.pi * step / n_steps)) / 2 + 1e-5
        rows = torch.randint(len(X), (batch_size,))
        loss = 0.15 * objective(make_views(network, X[rows], instrument[rows], step / n_steps))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()


@pytest.mark.slow
def test_probes_find_the_instrument_only_in_the_instrument_part():
    axis = np.linspace(1100, 2498, 64)
    data = make_instruments(400, wavelength=axis, n_components=3, spread=0.3, random_state=2)
    X, y = np.concatenate([data.X["A"], data.X["B"]]), np.tile(data.y, (2, 1))
    instrument = np.repeat([0, 1], 400)
    seen = np.tile(np.arange(400) < 200, 2)  # the same samples on both instruments
    X = torch.tensor((X - X[seen].mean(0)) / X[seen].std(), dtype=torch.float32)
    network = Toy(64)
    train(network, Bottleneck(network, 2), X[seen], torch.tensor(instrument[seen]), 1500)
    with torch.no_grad():
        latent = network.eval()(X, torch.ones_like(X, dtype=torch.bool))
    chemistry, other = latent.z.numpy(), latent.instrument.mean.numpy()

    def accuracy(probe, part):
        return probe.fit(part[seen], instrument[seen]).score(part[~seen], instrument[~seen])

    linear = LogisticRegression(max_iter=2000)
    assert accuracy(linear, other) >= 0.95
    assert accuracy(linear, chemistry) <= 0.6
    assert accuracy(MLPClassifier((32,), max_iter=300, random_state=0), chemistry) <= 0.6
    assert Ridge(1e-3).fit(chemistry[seen], y[seen]).score(chemistry[~seen], y[~seen]) >= 0.9
