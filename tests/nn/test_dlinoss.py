"""D-LinOSS: the literal recurrence, its gradients, its matrix, its directions, its precision."""

import math

import numpy as np
import pytest
import torch

from skspektron._nn.dlinoss import DLinOSS, DLinOSSBlock
from tests import oracles


def layer(d_model=3, d_state=4, bidirectional=True, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DLinOSS(d_model, d_state, bidirectional=bidirectional)


def spectra(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def literal(module, u):
    """Return the oracle's output (L, D) for one sequence, in float64."""
    r, theta = module.poles()
    weights = (weight.double() for weight in (module.B, module.C, module.D))
    return torch.stack(oracles.dlinoss(u.double(), r, theta, *weights, module.n_forward))


def assert_equals_recurrence(module, length, tolerance):
    """Compare values, and gradients of a random functional, with the float64 loop."""
    u = spectra(length, module.B.shape[1]).requires_grad_()
    weight = spectra(*u.shape, seed=2)
    leaves = [u, *module.parameters()]
    expected, actual = literal(module, u), module(u[None])[0]
    wanted = torch.autograd.grad((expected * weight).sum(), leaves)
    got = torch.autograd.grad((actual * weight).sum(), leaves)
    for a, b in zip((actual, *got), (expected, *wanted), strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max() + 1e-7


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("length", [1, 2, 17, 64, 65, 128, 700])
def test_values_and_gradients_equal_the_recurrence(length, bidirectional):
    assert_equals_recurrence(layer(bidirectional=bidirectional), length, 1e-4)


@pytest.mark.parametrize("phi", [-10.0, 10.0])
@pytest.mark.parametrize("length", [64, 700])
def test_poles_at_the_ends_of_the_ring_equal_the_recurrence(length, phi):
    module = layer()
    with torch.no_grad():
        module.nu.fill_(-9.0)
        module.phi.fill_(phi)
    assert_equals_recurrence(module, length, 1e-3)


@pytest.mark.parametrize(("nu", "phi"), [(-50.0, 50.0), (50.0, -50.0), (-50.0, -50.0)])
def test_no_parameter_makes_it_unstable(nu, phi):
    module = layer()
    with torch.no_grad():
        module.nu.fill_(nu)
        module.phi.fill_(phi)
    r, theta = module.poles()
    assert (r < 1).all() and (theta > 0).all() and (theta < math.pi).all()
    y = module(spectra(2, 2048, 3))
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_impulse_response_equals_closed_form():
    module = DLinOSS(1, 1, bidirectional=False)
    with torch.no_grad():
        for weight in (module.B, module.C):
            weight.fill_(1.0)
        module.D.zero_()
    r, theta = (value.item() for value in module.poles())
    impulse = torch.zeros(1, 256, 1)
    impulse[0, 0] = 1.0
    k = np.arange(256)
    gain = (1 - r) * abs(1 - r * np.exp(-2j * theta))
    expected = gain * r**k * np.sin((k + 1) * theta) / np.sin(theta)
    np.testing.assert_allclose(module(impulse)[0, :, 0].detach(), expected, atol=1e-5 * gain)


def test_accessor_gives_the_imex_matrix_of_the_poles():
    module = layer(d_state=16)
    frequency, damping = (value.detach().numpy() for value in module.oscillators())
    r, theta = (value.detach().numpy() for value in module.poles())
    for A, G, radius, angle in zip(frequency**2, damping, r, theta, strict=True):
        M, S = oracles.imex_matrix(A, G), 1 + G
        assert np.linalg.det(M) == pytest.approx(1 / S, abs=1e-9)
        assert np.trace(M) == pytest.approx(1 / S + 1 - A / S, abs=1e-9)
        assert np.trace(M) == pytest.approx(2 * radius * np.cos(angle), abs=1e-9)
        np.testing.assert_allclose(abs(np.linalg.eigvals(M)), S**-0.5, rtol=1e-6)


def test_poles_begin_in_the_ring():
    r, theta = layer(d_state=512).poles()
    assert r.min() >= 0.9 and r.max() < 1
    assert theta.min() < 0.1 * math.pi and theta.max() > 0.9 * math.pi


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("length", [17, 70])
def test_only_a_bidirectional_layer_looks_back(length, bidirectional):
    module, u = layer(bidirectional=bidirectional), spectra(1, length, 3)
    changed = u.clone()
    changed[0, -1] += 10
    difference = (module(changed) - module(u)).abs().amax(-1)[0]
    assert difference[-1] > 1e-4
    assert bool(difference[0] > 1e-4) is bidirectional
    if not bidirectional:
        assert difference[:-1].max() == 0


@pytest.mark.parametrize("length", [17, 70])
def test_autocast_does_not_reach_the_layer(length):
    module, u = layer(d_model=8, d_state=8), spectra(2, length, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (u @ u.mT).dtype == torch.bfloat16
        inside, low = module(u), module(u.bfloat16())
    assert torch.equal(inside, module(u))
    assert low.dtype == torch.bfloat16
    assert (low - module(u)).abs().max() <= 1e-2 * module(u).abs().max()


@pytest.mark.parametrize("length", [1, 2, 17, 700])
def test_block_keeps_the_shape_and_sees_no_batch(length):
    block = DLinOSSBlock(4, 6, bidirectional=True, dropout=0.0)
    x, valid = spectra(5, length, 4), torch.ones(5, length, 1)
    y = block(x, valid)
    assert y.shape == x.shape
    torch.testing.assert_close(block(x[2:3], valid[:1]), y[2:3], rtol=0, atol=1e-5)


def test_dropout_acts_in_training_only():
    block, x, valid = (
        DLinOSSBlock(4, 4, bidirectional=True, dropout=0.5),
        spectra(2, 9, 4),
        torch.ones(2, 9, 1),
    )
    assert not torch.equal(block(x, valid), block(x, valid))
    assert torch.equal(block.eval()(x, valid), block(x, valid))
