"""S4D: explicit recurrence, gradients, stability, precision."""

import math

import pytest
import torch

from skspektron._nn.backbones.s4d import S4D


def layer(d_model=3, d_state=4, bidirectional=True):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return S4D(d_model, d_state, bidirectional=bidirectional)


def tokens(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def literal(module, u):
    """Return the output (L, D) for one sequence, token by token, in float64."""
    step = module.log_step.double().exp()[:, None]
    real = -module.log_decay.double().exp().view(len(step), -1)
    A = torch.complex(real, module.frequency.double().view_as(real))
    C = torch.view_as_complex(module.C.double())
    decay, drive = torch.exp(step * A), (torch.exp(step * A) - 1) / A  # zero-order hold, B = 1

    def outputs(modes, order):
        x, y = 0 * A[:, modes], {}
        for n in order:
            x = decay[:, modes] * x + drive[:, modes] * u[n].double()[:, None]
            y[n] = 2 * (C[:, modes] * x).real.sum(-1)
        return torch.stack([y[n] for n in range(len(u))])

    split, time = module.n_forward, range(len(u))
    forward = outputs(slice(0, split), time)
    return forward + outputs(slice(split, None), reversed(time)) + module.D.double() * u.double()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("length", [1, 2, 17, 64, 130])
def test_values_and_gradients_equal_the_recurrence(length, bidirectional):
    module, u = layer(bidirectional=bidirectional), tokens(length, 3).requires_grad_()
    weight, leaves = tokens(length, 3, seed=2), [u, *module.parameters()]
    expected, actual = literal(module, u), module(u[None])[0]
    wanted = torch.autograd.grad((expected * weight).sum(), leaves)
    got = torch.autograd.grad((actual * weight).sum(), leaves)
    for a, b in zip((actual, *got), (expected, *wanted), strict=True):
        assert (a - b).abs().max() <= 1e-5 * b.abs().max() + 1e-7


def test_initial_poles_are_as_published():
    module = layer(d_model=2, d_state=6, bidirectional=True)
    decay, angle = module.exponents()
    step = module.log_step.double().exp()[:, None]
    torch.testing.assert_close(decay / step, torch.full((2, 6), 0.5).double())
    expected = math.pi * torch.tensor([0, 1, 2, 0, 1, 2]).double().expand(2, -1)
    torch.testing.assert_close(angle / step, expected)
    assert (step >= 1e-3).all() and (step <= 1e-1).all()


@pytest.mark.parametrize("log_decay", [-50.0, 50.0])
@pytest.mark.parametrize("frequency", [0.0, 1e6])
def test_layer_is_stable_for_extreme_poles(log_decay, frequency):
    module = layer()
    with torch.no_grad():
        module.log_decay.fill_(log_decay)
        module.frequency.fill_(frequency)
    y = module(tokens(2, 2048, 3))
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_autocast_does_not_affect_the_layer():
    module, u = layer(), tokens(2, 17, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (u @ u.mT).dtype == torch.bfloat16
        inside, low = module(u), module(u.bfloat16())
    assert torch.equal(inside, module(u))
    assert low.dtype == torch.bfloat16
