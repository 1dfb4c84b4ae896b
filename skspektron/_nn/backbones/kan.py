"""Linear layer whose every weight is a curve (Kolmogorov-Arnold network)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GRID = 5  # intervals between -1 and 1
N_BASIS = GRID + 3  # cubic splines that are not zero on all of them


class KANLinear(nn.Module):
    r"""Sum a learnt curve of every input, each a silu and a cubic spline.

    :math:`y_j = \sum_i w_{ji}\,\mathrm{silu}(x_i) + s_{ji}(x_i)` with splines on 5 equal intervals
    between -1 and 1, so a unit can answer to a band of values of an input instead of to its
    slope [1]_.

    Parameters
    ----------
    n_in : int
        Numbers of one input.
    n_out : int
        Numbers of one output.

    Notes
    -----
    Beyond -1 and 1 a spline keeps the value it has there; only the silu goes on. Splines can be
    constants, so there is no bias, and their own scale, so the factor in front of the
    spline of [1]_ is part of its coefficients.

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
    """Return the cubic B-splines at `x`, cut to [-1, 1], as (..., 8); they sum to 1."""
    step = 2 / GRID
    centres = step * torch.arange(-1, N_BASIS - 1, device=x.device, dtype=x.dtype) - 1
    v = (x.clamp(-1, 1)[..., None] - centres).abs() / step
    return (F.relu(2 - v) ** 3 - 4 * F.relu(1 - v) ** 3) / 6
