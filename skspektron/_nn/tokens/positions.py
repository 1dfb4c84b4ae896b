"""Positional encodings of tokens."""

import math

import torch
from torch import Tensor, nn

SHORTEST_PERIOD, LONGEST_PERIOD = 64.0, 32768.0  # cm-1
SINUSOID_BASE = 10000.0  # longest period of SinusoidalPosition, in 2 pi tokens


class WavelengthEncoding(nn.Module):
    """Sines and cosines of the wavenumbers of a token's channels, averaged and projected [1]_.

    Periods are evenly spaced on a log scale from 64 to 32768 cm-1, which resolves neighbouring
    channels as well as the range of the near infrared. The average depends on the position of
    a token and, through the damping of short periods, on its width.

    Parameters
    ----------
    d_model : int
        Width D of a token; even.

    References
    ----------
    .. [1] Shen, Lanusse, Parker et al., arXiv:2510.17959 (2025).
    """

    def __init__(self, d_model: int):
        super().__init__()
        ratio = torch.linspace(0, 1, d_model // 2, dtype=torch.float64)
        period = SHORTEST_PERIOD * (LONGEST_PERIOD / SHORTEST_PERIOD) ** ratio
        self.omega = 2 * math.pi / period  # not a buffer, to stay in float64 on every device
        self.project = nn.Linear(d_model, d_model, bias=False)

    def channels(self, wavenumber: Tensor) -> Tensor:
        """Return the encoding (..., n, D) of wavenumbers (..., n) in cm-1."""
        return sines(wavenumber, self.omega)

    def forward(self, wavenumber: Tensor, measured: Tensor) -> Tensor:
        """Return the encoding (G, N, D) of tokens from their `measured` channels (G, N, span)."""
        weight = measured / measured.sum(-1, keepdim=True).clamp(min=1)
        codes = self.channels(wavenumber.masked_fill(~measured, 0))
        return self.project((codes * weight[..., None]).sum(-2))


class SinusoidalPosition(nn.Module):
    r"""Sines and cosines of the token index, not trained [1]_.

    :math:`PE(i)_{2k} = \sin(i / 10000^{2k/D})` and :math:`PE(i)_{2k+1}` its cosine.

    Parameters
    ----------
    d_model : int
        Width D of a token; even.

    References
    ----------
    .. [1] Vaswani et al., Advances in Neural Information Processing Systems 30 (2017).
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.omega = SINUSOID_BASE ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)

    def forward(self, wavenumber: Tensor, measured: Tensor) -> Tensor:
        """Return the encoding (G, N, D) of tokens with channels (G, N, span)."""
        n_grids, n_tokens, _ = wavenumber.shape
        index = torch.arange(n_tokens, device=wavenumber.device)
        return sines(index, self.omega).expand(n_grids, -1, -1)


class LearnedPosition(nn.Module):
    """One trained vector per token index, for a fixed number of tokens [1]_.

    Parameters
    ----------
    n_tokens : int
        Number of tokens N of every spectrum.
    d_model : int
        Width D of a token.

    References
    ----------
    .. [1] Dosovitskiy et al., ICLR (2021), arXiv:2010.11929.
    """

    def __init__(self, n_tokens: int, d_model: int):
        super().__init__()
        self.table = nn.Parameter(nn.init.trunc_normal_(torch.empty(n_tokens, d_model), std=0.02))

    def forward(self, wavenumber: Tensor, measured: Tensor) -> Tensor:
        """Return the encoding (G, N, D) of tokens with channels (G, N, span)."""
        n_tokens = len(self.table)
        own = measured.any(-1).sum(1)  # (G,), without padding
        if wavenumber.shape[1] != n_tokens or (own != n_tokens).any():
            raise ValueError(
                f"The spectra have {sorted(set(own.tolist()))} tokens, positions were learned for "
                f"{n_tokens}. Pass spectra with as many channels as in training, or train with "
                "position='continuous'."
            )
        return self.table.expand(len(wavenumber), -1, -1)


def sines(position: Tensor, omega: Tensor) -> Tensor:
    """Return alternating sines and cosines (..., 2 K) of positions (...) at K frequencies.

    Phases of thousands of radians need float64, which not every device supports.
    """
    exact = position.device if position.device.type in ("cpu", "cuda") else torch.device("cpu")
    phase = position.to(exact).double()[..., None] * omega.to(exact)
    codes = torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2)
    return codes.float().to(position.device)
