"""Gradient reversal: what a head learns to read, the encoder learns to hide."""

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    """Identity forwards, minus `strength` times the gradient backwards."""

    @staticmethod
    def forward(ctx, x: Tensor, strength: Tensor | float) -> Tensor:
        """Return `x`."""
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        """Return the reversed gradient of `x`; `strength` has none."""
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: Tensor | float) -> Tensor:
    """Return `x`, through which gradients pass multiplied by ``-strength`` [1]_.

    References
    ----------
    .. [1] Ganin & Lempitsky, ICML (2015) 1180-1189, arXiv:1409.7495.
    """
    return _Reverse.apply(x, strength)


def reversal_strength(progress: Tensor) -> Tensor:
    """Return 2 / (1 + exp(-10 p)) - 1: 0 where training begins (p = 0), 0.9999 where it ends [1]_.

    References
    ----------
    .. [1] Ganin, Ustinova, Ajakan et al., JMLR 17 (59) (2016) 1-35, section 5.2.2.
    """
    return torch.tanh(5 * progress)  # the same function, and it cannot overflow
