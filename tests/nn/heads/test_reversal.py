"""Gradient reversal: reversed gradients and the published schedule."""

import math

import pytest
import torch

from skspektron._nn.heads.reversal import reversal_strength, reverse_gradient


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0, torch.tensor(0.3)])
def test_gradient_is_multiplied_by_minus_strength(strength):
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (plain,) = torch.autograd.grad(x.sin().square().sum(), x)
    y = reverse_gradient(x, strength)
    (reversed_,) = torch.autograd.grad(y.sin().square().sum(), x)
    assert torch.equal(y, x)
    torch.testing.assert_close(reversed_, -strength * plain, rtol=0, atol=1e-6)


def test_strength_grows_from_0_to_1_as_published():
    progress = torch.linspace(0, 1, 11)
    strength = reversal_strength(progress)
    expected = [2 / (1 + math.exp(-10 * p)) - 1 for p in progress.tolist()]
    torch.testing.assert_close(strength, torch.tensor(expected), rtol=0, atol=1e-6)
    assert strength[0] == 0 and strength[-1] > 0.9999
