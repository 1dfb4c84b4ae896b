"""Fourier neural operator: explicit sums, and independence of the grid."""

import math

import pytest
import torch
from torch.nn import functional as F

from skspektron._nn.heads.fno import FourierLayer, FourierOperator, extend_periodically


@pytest.fixture
def operator():
    """Return an operator of the published size with a last layer that is not zero."""
    torch.manual_seed(0)
    operator = FourierOperator(2)
    torch.nn.init.normal_(operator.project.weight)
    return operator


def smooth(position, n_functions=2, n_samples=4):
    """Return smooth, not periodic functions, (n_samples, len(position), n_functions)."""
    generator = torch.Generator().manual_seed(1)
    frequency = torch.arange(12)
    waves = torch.cos(0.9 * math.pi * frequency * position[:, None] + frequency) / (1 + frequency)
    scores = torch.randn(n_samples, n_functions, 12, generator=generator)
    return torch.einsum("lk,bck->blc", waves, scores)


def at_two_resolutions(operator, values, length):
    """Return the outputs on `length` points and on every second of 2 * `length` points."""
    with torch.no_grad():
        fine = torch.arange(2 * length) / (2 * length)
        return operator(values(fine[::2]), fine[::2]), operator(values(fine), fine)[:, ::2]


def relative(a, b):
    """Return the distance of two outputs relative to their variation."""
    return float((a - b).norm() / (a - a.mean(dim=(0, 1))).norm())


def literal_layer(layer, v):
    """Evaluate gelu(W v + sum over frequencies) term by term for one function (L, D)."""
    extended = extend_periodically(v[None])[0]
    n, (n_modes, width) = len(extended), layer.R.shape[1:3]
    R = torch.complex(*layer.R)
    smooth = torch.zeros(len(v), width)
    for k in range(min(n_modes, (n + 1) // 2)):
        wave = torch.exp(2j * math.pi * k * torch.arange(n) / n)
        coefficient = (extended * wave.conj()[:, None]).sum(0) / n  # (D,)
        term = wave[: len(v), None] * (coefficient @ R[k])
        smooth += term.real * (1 if k == 0 else 2)  # the negative frequency is the conjugate
    return F.gelu(v @ layer.W.weight.T + layer.W.bias + smooth)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 16, 41])
def test_layer_equals_the_sum_over_frequencies(length):
    torch.manual_seed(0)
    layer, v = FourierLayer(3, 5), torch.randn(2, length, 3)
    expected = torch.stack([literal_layer(layer, one) for one in v])
    torch.testing.assert_close(layer(v), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [256, 700])
def test_output_does_not_depend_on_the_resolution(operator, length):
    assert relative(*at_two_resolutions(operator, smooth, length)) < 0.01


@pytest.mark.parametrize("length", [256, 700])
def test_constant_inputs_give_the_same_function_at_every_resolution(length):
    torch.manual_seed(0)
    operator, z = FourierOperator(8), torch.randn(4, 1, 8)
    torch.nn.init.normal_(operator.project.weight)
    outputs = at_two_resolutions(operator, lambda x: z.expand(-1, len(x), -1), length)
    assert relative(*outputs) < 0.01
    assert outputs[0].std(dim=1).min() > 1e-3  # a function of the position, not a constant


def test_short_grid_uses_fewer_modes(operator):
    position = torch.linspace(0, 1, 20)  # 12 of 32 frequencies, with the periodic extension
    output = operator(smooth(position), position)
    for layer in operator.layers:
        layer.R.data[:, 13:] = torch.nan
    torch.testing.assert_close(operator(smooth(position), position), output)


def test_extension_joins_the_ends():
    ramp = torch.linspace(0, 1, 64)[None, :, None]
    jumps = extend_periodically(ramp).roll(-1, dims=1) - extend_periodically(ramp)
    assert extend_periodically(ramp).shape == (1, 80, 1)
    assert jumps.abs().max() < 0.1


def test_initial_output_is_zero():
    position = torch.linspace(0, 1, 50)
    assert not FourierOperator(2)(smooth(position), position).any()


def test_output_does_not_depend_on_the_batch(operator):
    position = torch.linspace(0, 1, 50)
    values = smooth(position)
    alone = operator(values[:1], position)
    torch.testing.assert_close(operator(values, position)[:1], alone, rtol=1e-4, atol=1e-5)


def test_output_depends_on_the_position(operator):
    position = torch.linspace(0, 1, 50)
    values = smooth(position)
    assert (operator(values, position) - operator(values, position + 0.5)).abs().max() > 1e-3


def test_every_weight_has_a_gradient(operator):
    position = torch.linspace(0, 1, 100)
    operator(smooth(position), position).square().mean().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in operator.parameters())
