"""Tokens of single channels: convolution, receptive field, padding, gradients."""

import pytest
import torch

from skspektron._nn.tokens.convolution import ConvolutionTokens
from skspektron._nn.tokens.windows import n_windows


def tokenizer(kernel_length=15):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConvolutionTokens(6, kernel_length=kernel_length)


def spectra(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kernel_length", [1, 3, 15])
@pytest.mark.parametrize("n_channels", [1, 2, 14, 60])
def test_equals_a_convolution_with_zero_padding(n_channels, kernel_length):
    tokens, values = tokenizer(kernel_length), spectra(2, n_channels)
    literal = torch.nn.functional.conv1d(
        values[:, None],
        tokens.project.weight[:, None],
        tokens.project.bias,
        padding=kernel_length // 2,
    ).mT
    actual = tokens(values, torch.full((2,), n_channels))
    assert actual.shape == (2, n_windows(n_channels, tokens.span, tokens.stride), 6)
    torch.testing.assert_close(actual, literal)


def test_token_depends_on_7_channels_on_either_side():
    tokens, values, length = tokenizer(), spectra(1, 60), torch.tensor([60])
    moved = values.clone()
    moved[0, 30] += 1
    changed = (tokens(moved, length) != tokens(values, length)).any(-1)[0]
    assert changed.nonzero()[:, 0].tolist() == list(range(23, 38))


def test_padding_has_no_influence():
    tokens, values = tokenizer(), spectra(1, 40)
    padded = torch.cat([values, torch.full((1, 20), 1e6)], dim=1)
    together = tokens(padded, torch.tensor([40]))[:, :40]
    torch.testing.assert_close(together, tokens(values, torch.tensor([40])), rtol=0, atol=1e-5)


def test_every_channel_has_a_gradient():
    values = spectra(1, 40).requires_grad_()
    tokenizer()(values, torch.tensor([40])).square().sum().backward()
    assert values.grad.isfinite().all() and values.grad.ne(0).all()
