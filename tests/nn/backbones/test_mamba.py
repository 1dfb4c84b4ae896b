"""Mamba: explicit recurrence, gradients, long sequences, precision."""

import pytest
import torch
from torch.nn import functional as F

from skspektron._nn.backbones.mamba import CHUNK_LENGTH, MambaBlock, SelectiveSSM, _ScanChunk


def layer(d_inner=3, d_state=2, d_conv=4, step_rank=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SelectiveSSM(d_inner, d_state, d_conv=d_conv, step_rank=step_rank)


def tokens(*shape, seed=1, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def literal(module, u, usable):
    """Return the output (L, E) for one sequence, token by token."""
    d_inner, _, d_conv = module.filter.weight.shape
    A = -module.log_A.exp().view(-1, d_inner).T  # (E, N)
    d_state = A.shape[1]
    h, rows = torch.zeros_like(A), []
    for t in range(len(u)):
        x = module.filter.bias
        for k in range(d_conv):
            if t - k >= 0:
                x = x + module.filter.weight[:, 0, d_conv - 1 - k] * u[t - k]
        x = x * torch.sigmoid(x)
        step, B, C = (module.select.weight @ x).split([1, d_state, d_state])
        delta = torch.log1p(torch.exp(module.step.weight @ step + module.step.bias)) * usable[t]
        h = torch.exp(delta[:, None] * A) * h + delta[:, None] * B * x[:, None]
        rows.append(h @ C + module.D * x)
    return torch.stack(rows)


@pytest.mark.parametrize("length", [1, 2, CHUNK_LENGTH, CHUNK_LENGTH + 1, 3 * CHUNK_LENGTH + 5])
def test_values_and_gradients_equal_the_recurrence(length):
    module, usable = layer().double(), torch.ones(length, 1).double()
    usable[length // 2 + 1 : length // 2 + 3] = 0
    u = (tokens(length, 3) * usable).requires_grad_()
    weight, leaves = tokens(length, 3, seed=2), [u, *module.parameters()]
    expected, actual = literal(module, u, usable), module(u[None], usable[None])[0]
    wanted = torch.autograd.grad((expected * weight).sum(), leaves)
    got = torch.autograd.grad((actual * weight).sum(), leaves)
    for a, b in zip((actual, *got), (expected, *wanted), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_gradient_of_a_chunk_equals_finite_differences():
    shapes = [(2, 3, 4), (3, 4), (5, 2, 4), (5, 2, 4), (5, 2, 3), (5, 2, 3)]
    h, A, step, *rest = (tokens(*shape, seed=i) for i, shape in enumerate(shapes))
    inputs = [t.requires_grad_() for t in (h, -A.exp(), step.abs(), *rest)]
    assert torch.autograd.gradcheck(_ScanChunk.apply, inputs)


def test_second_half_of_the_channels_runs_backward():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        block = MambaBlock(4, d_state=2, bidirectional=True, dropout=0.0).double()
    x, usable = tokens(1, 21, 4), torch.ones(1, 21, 1).double()
    u, gate = block.enter(block.norm(x[0])).chunk(2, dim=-1)
    forward = literal(block.filters[0], u[:, :4], usable[0])
    backward = literal(block.filters[1], u[:, 4:].flip(0), usable[0]).flip(0)
    expected = x[0] + block.leave(torch.cat([forward, backward], dim=-1) * F.silu(gate))
    torch.testing.assert_close(block(x, usable)[0], expected, rtol=0, atol=1e-10)


def test_initial_values_are_as_published():
    module = layer(d_inner=50, d_state=3, step_rank=4)
    A = -module.log_A.exp().view(3, 50)
    torch.testing.assert_close(A, -torch.tensor([1.0, 2.0, 3.0])[:, None].expand(-1, 50))
    step = F.softplus(module.step.bias)
    assert step.min() >= 1e-3 * (1 - 1e-3) and step.max() <= 1e-1 * (1 + 1e-3)
    assert module.step.weight.abs().max() <= 4**-0.5


@pytest.mark.parametrize("bias", [-50.0, 50.0])
def test_extreme_step_sizes_are_finite_over_a_long_sequence(bias):
    module = layer()
    with torch.no_grad():
        module.step.bias.fill_(bias)
    y = module(tokens(2, 2048, 3, dtype=torch.float32), torch.ones(2, 2048, 1))
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_autocast_does_not_affect_the_layer():
    module, u = layer(), tokens(2, 17, 3, dtype=torch.float32)
    usable = torch.ones(2, 17, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (u @ u.mT).dtype == torch.bfloat16
        inside, low = module(u, usable), module(u.bfloat16(), usable)
    assert torch.equal(inside, module(u, usable))
    assert low.dtype == torch.bfloat16
