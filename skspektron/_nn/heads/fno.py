"""Fourier neural operator, a map between functions that does not depend on their sampling."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FourierOperator(nn.Module):
    r"""Map functions of one coordinate to functions of the same coordinate.

    Inputs are lifted to `width` values per point, transformed by layers
    :math:`v^+ = \mathrm{gelu}(Wv + \mathcal F^{-1}(R_k\,(\mathcal F v)_k)_{k < K})` [1]_ and
    projected to the outputs. The parameters do not depend on the number of points: lifting, W
    and projection act on single points, Fourier coefficients are means over the range, and the
    periodic extension is a fixed fraction of its length. The last layer is initialized to zero,
    so the initial output is zero.

    Parameters
    ----------
    n_inputs, n_outputs : int, default=1
        Number of input and output functions. A vector is passed as constant functions.
    width : int, default=64
        Number of values per point between the layers.
    n_modes : int, default=32
        Number of frequencies K with a weight in each layer, starting with the constant; fewer on
        a grid that does not resolve them.
    n_layers : int, default=4
        Number of Fourier layers.

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

        Positions are fractions of the range, 0 to 1; a physical coordinate has the same position
        on every grid.
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
        Number of values per point, D.
    n_modes : int
        Number of frequencies K.
    """

    def __init__(self, width: int, n_modes: int):
        super().__init__()
        self.W = nn.Linear(width, width)
        # Real and imaginary parts. The output is a sum over K frequencies, hence the root of K.
        self.R = nn.Parameter(torch.randn(2, n_modes, width, width) / math.sqrt(width * n_modes))

    def forward(self, v: Tensor) -> Tensor:
        """Map (B, L, D) to the same shape."""
        length = v.shape[1]
        extended = extend_periodically(v)  # (B, L + pad, D)
        coefficients = torch.fft.rfft(extended, dim=1, norm="forward")  # (B, frequencies, D)
        n_modes = min(self.R.shape[1], (extended.shape[1] + 1) // 2)  # below the Nyquist frequency
        filtered = torch.einsum(
            "bki,kio->bko", coefficients[:, :n_modes], torch.complex(*self.R[:, :n_modes])
        )
        smooth = torch.fft.irfft(filtered, n=extended.shape[1], dim=1, norm="forward")
        return F.gelu(self.W(v) + smooth[:, :length])


def extend_periodically(v: Tensor) -> Tensor:
    """Append a quarter of the length to (B, L, D) to make the function periodic.

    The extension blends the reflections at both ends. A jump between the ends would make the
    Fourier coefficients depend on the grid.
    """
    n_pad = v.shape[1] // 4
    fade = torch.arange(1, n_pad + 1, device=v.device, dtype=v.dtype)[:, None] / (n_pad + 1)
    after, before = v.flip(1)[:, :n_pad], v[:, :n_pad].flip(1)
    return torch.cat([v, (1 - fade) * after + fade * before], dim=1)
