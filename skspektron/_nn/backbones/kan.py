"""Kolmogorov-Arnold layer, in which every weight is a function."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

N_INTERVALS = 5  # of the spline grid between -1 and 1
N_BASIS = N_INTERVALS + 3  # cubic B-splines on this grid


class KANLinear(nn.Module):
    r"""Sum one learnt function per input, each a SiLU plus a cubic spline [1]_.

    :math:`y_j = \sum_i w_{ji}\,\mathrm{silu}(x_i) + s_{ji}(x_i)` with splines s on 5 equal
    intervals between -1 and 1.

    Parameters
    ----------
    n_in : int
        Width of the input.
    n_out : int
        Width of the output.

    Notes
    -----
    Splines are constant below -1 and above 1. There is no bias, because splines include
    constants, and no separate scale of the spline as in [1]_, because its coefficients
    include it.

    References
    ----------
    .. [1] Liu, Wang, Vaidya et al., arXiv:2404.19756 (2024).
    """

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.base = nn.Linear(n_in, n_out, bias=False)
        self.spline = nn.Linear(n_in * N_BASIS, n_out, bias=False)
        nn.init.normal_(self.spline.weight, std=0.1 / math.sqrt(n_in))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n_in) to (..., n_out)."""
        return self.base(F.silu(x)) + self.spline(cubic_basis(x).flatten(-2))


def cubic_basis(x: Tensor) -> Tensor:
    """Return the cubic B-splines at `x`, clipped to [-1, 1], as (..., 8); they sum to 1."""
    step = 2 / N_INTERVALS
    centres = step * torch.arange(-1, N_BASIS - 1, device=x.device, dtype=x.dtype) - 1
    v = (x.clamp(-1, 1)[..., None] - centres).abs() / step
    return (F.relu(2 - v) ** 3 - 4 * F.relu(1 - v) ** 3) / 6
