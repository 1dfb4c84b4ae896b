"""Gradient reversal for adversarial training."""

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    """Identity in the forward pass; multiplies the gradient by `-strength` in the backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor, strength: Tensor | float) -> Tensor:
        """Return `x`."""
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        """Return the reversed gradient for `x`, and none for `strength`."""
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: Tensor | float) -> Tensor:
    """Return `x`, and multiply its gradient by ``-strength`` in the backward pass [1]_.

    References
    ----------
    .. [1] Ganin & Lempitsky, ICML (2015) 1180-1189, arXiv:1409.7495.
    """
    return _Reverse.apply(x, strength)


def reversal_strength(progress: Tensor) -> Tensor:
    """Return 2 / (1 + exp(-10 p)) - 1 at progress p, from 0 at p = 0 to 0.9999 at p = 1 [1]_.

    References
    ----------
    .. [1] Ganin, Ustinova, Ajakan et al., JMLR 17 (59) (2016) 1-35, section 5.2.2.
    """
    return torch.tanh(5 * progress)  # the same function without overflow
