"""Sinkhorn divergence: explicit plans, limits, gradients, pairs of instruments, precision."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.objectives import sinkhorn
from skspektron._nn.objectives.sinkhorn import (
    Sinkhorn,
    cost,
    potentials,
    sinkhorn_divergence,
    soft_minima,
)


def cloud(n, d=3, seed=0, shift=0.0, scale=1.0):
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def sphere(n, seed):
    return torch.nn.functional.normalize(cloud(n, 128, seed), dim=1)


def loss(z, instrument, **options):
    views = SimpleNamespace(
        latent=SimpleNamespace(z=z), batch={"instrument": torch.as_tensor(instrument)}
    )
    return Sinkhorn(None, 3, **options)(views)


@pytest.mark.parametrize("reg", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("n_iterations", [1, 50])
def test_divergence_is_0_for_equal_and_positive_for_different_clouds(reg, n_iterations):
    x, y = cloud(20), cloud(15, seed=1, shift=1.0)
    shuffled = x[torch.randperm(20, generator=torch.Generator().manual_seed(2))]
    assert abs(sinkhorn_divergence(x, x, reg, n_iterations)) <= 1e-5
    assert abs(sinkhorn_divergence(x, shuffled, reg, n_iterations)) <= 1e-5
    forth, back = (sinkhorn_divergence(*pair, reg, n_iterations) for pair in ((x, y), (y, x)))
    assert forth > 0.1
    torch.testing.assert_close(forth, back, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_divergence_is_not_negative(seed):
    assert sinkhorn_divergence(cloud(12, seed=seed), cloud(17, seed=seed + 10), 1.0) >= 0


def test_divergence_equals_that_of_explicit_transport_plans():
    x, y, reg = cloud(6).double(), cloud(4, seed=1, shift=0.5).double(), 0.7

    def literal(x, y):
        C = torch.tensor([[((a - b) ** 2).sum() for b in y] for a in x], dtype=torch.float64)
        kernel, u = torch.exp(-C / reg), torch.ones(len(x), dtype=torch.float64)
        for _ in range(2000):
            v = 1 / len(y) / (kernel.T @ u)
            u = 1 / len(x) / (kernel @ v)
        P = u[:, None] * kernel * v
        return (P * C).sum() + reg * (P * (P * len(x) * len(y)).log()).sum()

    expected = literal(x, y) - literal(x, x) / 2 - literal(y, y) / 2
    torch.testing.assert_close(sinkhorn_divergence(x, y, reg, 500), expected, rtol=1e-4, atol=0)


def test_small_reg_gives_the_wasserstein_distance():
    x, y = cloud(30, 1).sort(0).values, cloud(30, 1, seed=1, shift=1.0, scale=0.5).sort(0).values
    exact = (x - y).square().mean().item()
    assert sinkhorn_divergence(x, y, 1e-3, 100).item() == pytest.approx(exact, rel=0.02)


def test_large_reg_gives_the_distance_of_the_means():
    x, y = cloud(30).double(), cloud(20, seed=1, shift=1.0, scale=1.5).double()
    expected = (x.mean(0) - y.mean(0)).square().sum().item()
    assert sinkhorn_divergence(x, y, 1e4).item() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("reg", "n_iterations"), [(0.05, 100), (1.0, 50)])
def test_plans_have_the_correct_marginals_in_float32(reg, n_iterations):
    x, y = sphere(32, 0), sphere(24, 1)
    member = torch.eye(2).repeat_interleave(torch.tensor([32, 24]), 0)
    towards = potentials(torch.cat([x, y]), member, reg, n_iterations)
    f, g = towards[:32, 1], towards[32:, 0]
    P = torch.exp((f[:, None] + g - cost(x, y)) / reg) / (32 * 24)
    assert P.dtype == torch.float32 and sinkhorn_divergence(x, y, reg).isfinite()
    torch.testing.assert_close(32 * P.sum(1), torch.ones(32), rtol=0, atol=1e-3)
    torch.testing.assert_close(24 * P.sum(0), torch.ones(24), rtol=0, atol=1e-3)


def test_gradient_equals_finite_differences():
    x = cloud(7).double().requires_grad_()
    y = cloud(5, seed=1, shift=0.5).double().requires_grad_()
    torch.autograd.gradcheck(
        lambda x, y: sinkhorn_divergence(x, y, 2.0, 300), (x, y), atol=1e-3, rtol=1e-3
    )


def test_gradient_descent_aligns_clouds_without_collapse():
    x, y = cloud(32).requires_grad_(), cloud(32, seed=1, shift=1.0)
    optimizer = torch.optim.SGD([x], lr=8.0)
    for _ in range(30):
        optimizer.zero_grad()
        sinkhorn_divergence(x, y, 1.0).backward()
        optimizer.step()
    assert (x.detach().mean(0) - y.mean(0)).norm() < 0.05
    assert x.detach().var(0).sum() / y.var(0).sum() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("value", ["divergence", "objective"])
def test_equal_clouds_keep_their_variance(value):
    x, fixed = cloud(32).requires_grad_(), cloud(32)
    optimizer = torch.optim.SGD([x], lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        if value == "divergence":
            sinkhorn_divergence(x, fixed, 1.0).backward()
        else:
            loss(torch.cat([x, fixed]), torch.arange(64) // 32).backward()
        optimizer.step()
    assert x.detach().var(0).sum() / fixed.var(0).sum() == pytest.approx(1.0, abs=0.05)


def test_objective_averages_pairs_of_instruments_with_two_rows():
    z, label = (
        torch.cat([cloud(8), cloud(6, seed=1), cloud(5, seed=2)]),
        [0] * 8 + [2] * 6 + [5] * 5,
    )
    centred = z - z.mean(0)
    x, y, w = (centred / centred.square().sum(1).mean().sqrt()).split((8, 6, 5))
    pairs = [sinkhorn_divergence(*pair, 1.0) for pair in ((x, y), (x, w), (y, w))]
    torch.testing.assert_close(loss(z, label), sum(pairs) / 3)
    torch.testing.assert_close(loss(100 * z + 7, label), sum(pairs) / 3, rtol=1e-3, atol=0)
    alone = torch.tensor([*label[:-5], 7, 8, 9, 10, 11])
    scale = centred.square().sum(1).mean().sqrt()
    expected = sinkhorn_divergence(centred[:8] / scale, centred[8:14] / scale, 1.0)
    torch.testing.assert_close(loss(z, alone), expected)


def test_number_of_updates_does_not_depend_on_the_number_of_instruments(monkeypatch):
    shapes = []

    def record(C, *args):
        shapes.append(C.shape)
        return soft_minima(C, *args)

    monkeypatch.setattr(sinkhorn, "soft_minima", record)
    z, order = cloud(40), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    for n_instruments in (2, 20):
        loss(z[order], order % n_instruments, n_iterations=5)
    assert shapes == [(40, 40)] * 14  # first, five and last update, for each call


def test_potentials_do_not_synchronize_with_the_device(monkeypatch):
    def refuse(self, *args):
        raise AssertionError("synchronizes with the device")

    x, y = cloud(20), cloud(15, seed=1)
    member = torch.eye(2).repeat_interleave(torch.tensor([20, 15]), 0)
    for name in ("item", "__bool__", "__float__"):
        monkeypatch.setattr(torch.Tensor, name, refuse)
    potentials(torch.cat([x, y]), member, 1.0, 50)


@pytest.mark.parametrize("label", [[0] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 1]])
def test_batch_without_two_clouds_has_zero_loss_and_gradient(label):
    z = cloud(6).requires_grad_()
    value = loss(z, label)
    value.backward()
    assert value == 0 and z.grad.eq(0).all()


def test_equal_latents_have_a_finite_gradient():
    z = torch.ones(6, 3, requires_grad=True)
    loss(z, [0, 0, 0, 1, 1, 1]).backward()
    assert z.grad.isfinite().all()


def test_autocast_does_not_affect_the_divergence():
    x, y = cloud(20, 16), cloud(20, 16, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = sinkhorn_divergence(x, y, 0.1)
        low = sinkhorn_divergence(x.bfloat16(), y.bfloat16(), 0.1)
    assert inside == sinkhorn_divergence(x, y, 0.1)
    assert low.dtype == torch.float32
