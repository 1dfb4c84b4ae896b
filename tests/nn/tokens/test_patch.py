"""Tokens of patches: projection, receptive field, padding, hidden channels, gradients."""

import pytest
import torch

from skspektron._nn.tokens.patch import PatchTokens
from skspektron._nn.tokens.windows import fill, n_windows


def tokenizer(patch_length=5):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PatchTokens(patch_length, 6)


def spectra(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("n_channels", [1, 4, 5, 23, 60])
def test_token_is_the_projection_of_its_patch(n_channels):
    tokens, values = tokenizer(), spectra(2, n_channels)
    actual = tokens(values, torch.tensor([n_channels, n_channels]))
    assert actual.shape == (2, n_windows(n_channels, tokens.span, tokens.stride), 6)
    for i, start in enumerate(range(0, n_channels, 5)):
        patch = values[:, start : start + 5]
        mean = patch.mean(1, keepdim=True).expand(-1, 5 - patch.shape[1])
        expected = tokens.project(torch.cat([patch, mean], dim=1))
        torch.testing.assert_close(actual[:, i], expected)


def test_token_depends_on_its_patch_only():
    tokens, values, length = tokenizer(), spectra(1, 60), torch.tensor([60])
    moved = values.clone()
    moved[0, 32] += 1
    changed = (tokens(moved, length) != tokens(values, length)).any(-1)[0]
    assert changed.nonzero()[:, 0].tolist() == [6]


@pytest.mark.parametrize("n_channels", [38, 40])
def test_padding_has_no_influence(n_channels):
    tokens, values, length = tokenizer(), spectra(1, n_channels), torch.tensor([n_channels])
    padded = torch.cat([values, torch.full((1, 20), torch.nan)], dim=1)
    torch.testing.assert_close(
        tokens(padded, length)[:, :8], tokens(values, length), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("hidden", [torch.nan, 1e6])
def test_hidden_channels_have_no_influence(hidden):
    tokens, values, length = tokenizer(), spectra(1, 60), torch.tensor([60])
    seen = torch.arange(60)[None] // 5 % 3 != 1
    other = values.masked_fill(~seen, hidden)
    assert torch.equal(tokens(fill(other, seen, 5), length), tokens(fill(values, seen, 5), length))


def test_every_channel_has_a_gradient():
    values = spectra(1, 42).requires_grad_()
    tokenizer()(values, torch.tensor([42])).square().sum().backward()
    assert values.grad.isfinite().all() and values.grad.ne(0).all()
