"""Fourier neural operator: a map between functions, whatever the grid they are sampled on."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FourierOperator(nn.Module):
    r"""Map functions of one coordinate to functions of the same coordinate.

    The functions are lifted to `width` values a point, pass layers
    :math:`v^+ = \mathrm{gelu}(Wv + \mathcal F^{-1}(R_k\,(\mathcal F v)_k)_{k < K})` [1]_ and are
    projected back. Nothing in it knows the number of points: lifting, W and projection act on
    values, the coefficients of the transform are means over the range, and the ends are
    continued by a share of its length. The last layer starts at zero, and so does the output.

    Parameters
    ----------
    n_inputs, n_outputs : int, default=1
        Functions in and out. A vector enters as functions that are constant.
    width : int, default=64
        Values at a point between the layers.
    n_modes : int, default=32
        Frequencies K that a layer weighs, from the constant one up; fewer on a grid that does not
        resolve them.
    n_layers : int, default=4
        Fourier layers.

    References
    ----------
    .. [1] Li, Kovachki, Azizzadenesheli et al., ICLR (2021), arXiv:2010.08895.
    """

    def __init__(
        self,
        n_inputs: int = 1,
        n_outputs: int = 1,
        *,
        width: int = 64,
        n_modes: int = 32,
        n_layers: int = 4,
    ):
        super().__init__()
        self.lift = nn.Linear(n_inputs + 1, width)
        self.layers = nn.ModuleList(FourierLayer(width, n_modes) for _ in range(n_layers))
        self.project = nn.Linear(width, n_outputs)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, values: Tensor, position: Tensor) -> Tensor:
        """Map functions (B, L, n_inputs) at evenly spaced `position` (L,) to (B, L, n_outputs).

        Positions are shares of the range, 0 to 1, the same for the same physical coordinate.
        """
        x = position.to(values.dtype)[:, None].expand(*values.shape[:2], 1)  # (B, L, 1)
        v = self.lift(torch.cat([values, x], dim=-1))  # (B, L, D)
        for layer in self.layers:
            v = layer(v)
        return self.project(v)  # (B, L, n_outputs)


class FourierLayer(nn.Module):
    """One layer of a Fourier neural operator.

    Parameters
    ----------
    width : int
        Values at a point, D.
    n_modes : int
        Frequencies K.
    """

    def __init__(self, width: int, n_modes: int):
        super().__init__()
        self.W = nn.Linear(width, width)
        # Real and imaginary parts; every frequency adds to the output, hence the root of K.
        self.R = nn.Parameter(torch.randn(2, n_modes, width, width) / math.sqrt(width * n_modes))

    def forward(self, v: Tensor) -> Tensor:
        """Map (B, L, D) to the same shape."""
        length = v.shape[1]
        closed = close(v)  # (B, L + pad, D)
        coefficients = torch.fft.rfft(closed, dim=1, norm="forward")  # (B, frequencies, D)
        n_modes = min(self.R.shape[1], (closed.shape[1] + 1) // 2)  # below the Nyquist frequency
        weighed = torch.einsum(
            "bki,kio->bko", coefficients[:, :n_modes], torch.complex(*self.R[:, :n_modes])
        )
        smooth = torch.fft.irfft(weighed, n=closed.shape[1], dim=1, norm="forward")
        return F.gelu(self.W(v) + smooth[:, :length])


def close(v: Tensor) -> Tensor:
    """Append a quarter of the length to (B, L, D), so that the last point meets the first.

    It holds the reflections at both ends, faded into each other: a jump would make the
    coefficients depend on the grid.
    """
    n_pad = v.shape[1] // 4
    fade = torch.arange(1, n_pad + 1, device=v.device, dtype=v.dtype)[:, None] / (n_pad + 1)
    behind, before = v.flip(1)[:, :n_pad], v[:, :n_pad].flip(1)
    return torch.cat([v, (1 - fade) * behind + fade * before], dim=1)
