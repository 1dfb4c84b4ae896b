"""Convolution block: explicit sums, and the receptive field of dilations."""

import pytest
import torch

from skspektron._nn.backbones.convolution import ConvolutionBlock


def make_block(d_model=4, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConvolutionBlock(d_model, dropout=0.0, **options)


def tokens(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kernel_length", "dilation"), [(7, 1), (3, 2)])
def test_equals_explicit_sums(kernel_length, dilation):
    block = make_block(kernel_length=kernel_length, dilation=dilation)
    x, usable = tokens(1, 9, 4), torch.ones(1, 9, 1)
    usable[0, 3] = 0
    h, half = block.norm(x[0]), kernel_length // 2
    y = torch.zeros(9, 4)
    for i in range(9):
        for c in range(4):
            y[i, c] = block.filter.bias[c]
            for k in range(kernel_length):
                j = i + (k - half) * dilation
                if 0 <= j < 9 and j != 3:
                    y[i, c] += block.filter.weight[c, 0, k] * h[j, c]
    expected = x[0] + block.narrow(torch.nn.functional.gelu(block.widen(y)))
    torch.testing.assert_close(block(x, usable)[0], expected, rtol=0, atol=1e-5)


def test_receptive_field_is_the_sum_of_dilations():
    stack = [make_block(kernel_length=3, dilation=2**i) for i in range(3)]
    x, changed, usable = tokens(1, 30, 4), tokens(1, 30, 4), torch.ones(1, 30, 1)
    changed[0, 15] = tokens(4, seed=2)
    for block in stack:
        x, changed = block(x, usable), block(changed, usable)
    affected = (x - changed).abs().amax(-1)[0].nonzero()[:, 0]
    assert (affected.min(), affected.max()) == (15 - 7, 15 + 7)
