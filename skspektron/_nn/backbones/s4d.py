"""Diagonal structured state-space layer and block (S4D)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class S4D(nn.Module):
    r"""Filter every channel through its own bank of damped modes.

    The modes of :math:`\dot x = Ax + u,\ y = 2\,\mathrm{Re}(Cx)` with diagonal A, discretized by
    a zero-order hold with step :math:`\Delta`, have the impulse response
    :math:`K_l = 2\,\mathrm{Re} \sum_n C_n \frac{e^{\Delta A_n} - 1}{A_n} e^{l \Delta A_n}`
    [1]_. The real part of A is minus an exponential, so that they are stable by construction.

    Parameters
    ----------
    d_model : int
        Number of channels D of input and output.
    d_state : int
        Number of modes P per channel, each a conjugate pair of poles.
    bidirectional : bool, default=True
        Whether the second half of the modes runs from the last token to the first.

    Notes
    -----
    The kernel over L tokens is a product with a Vandermonde matrix. Powers are split as
    :math:`l = iT + j` with T close to the square root of L, which makes it one real matrix
    product with only 2 D P T powers in memory. The kernel is computed in float64 and the
    convolution by FFT in float32, under autocast too. The cost is O(D (P L + B L log L)).

    Initial poles are :math:`A_n = -1/2 + i\pi n` (S4D-Lin). They are stored as flat vectors, so
    that weight decay and low-rank adaptation, which apply to matrices, leave them out.

    References
    ----------
    .. [1] Gu, Gupta, Goel & Re, arXiv:2206.11893 (2022).
    """

    def __init__(self, d_model: int, d_state: int, *, bidirectional: bool = True):
        super().__init__()
        self.n_forward = d_state // 2 if bidirectional else d_state
        n_backward = d_state - self.n_forward
        order = torch.cat([torch.arange(self.n_forward), torch.arange(n_backward)])
        self.log_step = nn.Parameter(torch.empty(d_model).uniform_(math.log(1e-3), math.log(1e-1)))
        self.log_decay = nn.Parameter(torch.full((d_model * d_state,), math.log(0.5)))
        self.frequency = nn.Parameter((math.pi * order).repeat(d_model))
        self.C = nn.Parameter(torch.randn(d_model, d_state, 2) * math.sqrt(0.5))
        self.D = nn.Parameter(torch.randn(d_model))

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        dtype, length = u.dtype, u.shape[1]
        u = u.to(self.D.dtype)
        size = _fft_length(2 * length - 1)  # long enough for a linear convolution
        spectrum = torch.fft.rfft(u.mT, size) * torch.fft.rfft(self._kernel(length, size))
        y = torch.fft.irfft(spectrum, size)[..., :length].mT  # (B, L, D)
        return (y + self.D * u).to(dtype)

    def exponents(self) -> tuple[Tensor, Tensor]:
        """Return decay and phase of every mode per token, float64, (D, P) each."""
        step = self.log_step.double()[:, None]
        decay = (self.log_decay.double().view(len(step), -1) + step).clamp(-12, 5).exp()
        return decay, self.frequency.double().view_as(decay) * step.exp()

    def _kernel(self, length: int, size: int) -> Tensor:
        """Return the impulse responses (D, size); those of backward modes are at negative lags."""
        decay, angle = self.exponents()
        exponent = torch.complex(-decay, angle)  # Delta A
        # (exp(Delta A) - 1) / A, with B = 1.
        drive = self.log_step.double().exp()[:, None] * exponent.expm1() / exponent
        weight = 2 * torch.view_as_complex(self.C.double()) * drive
        n = self.n_forward
        forward = _powers(weight[:, :n], exponent[:, :n], length)
        backward = _powers(weight[:, n:], exponent[:, n:], length)
        kernel = F.pad(forward, (0, size - length))
        # In a circular convolution, lag -l is lag size - l.
        kernel[:, 0] += backward[:, 0]
        kernel[:, size - length + 1 :] += backward[:, 1:].flip(1)
        return kernel.to(self.D.dtype)


def _powers(weight: Tensor, exponent: Tensor, length: int) -> Tensor:
    """Return Re(sum_n weight_n exp(l exponent_n)) for l < `length`, (D, L), of modes (D, P)."""
    size = math.isqrt(length - 1) + 1
    steps = torch.arange(size, device=weight.device)[:, None]
    coarse = weight[:, None] * torch.exp(exponent[:, None] * size * steps)  # (D, T, P)
    fine = torch.exp(exponent[:, None] * steps)
    # Re(a b) is a real product of (Re a, -Im a) and (Re b, Im b).
    a, b = torch.view_as_real(coarse.conj().resolve_conj()), torch.view_as_real(fine)
    return (a.flatten(2) @ b.flatten(2).mT).flatten(1)[:, :length]


def _fft_length(length: int) -> int:
    """Return the next power of two; FFTs of lengths with large prime factors are slow."""
    return 1 << (length - 1).bit_length()


class S4DBlock(nn.Module):
    """Residual block of norm, S4D, GELU and gated linear unit."""

    def __init__(self, d_model: int, d_state: int, *, bidirectional: bool, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.filter = S4D(d_model, d_state, bidirectional=bidirectional)
        self.gate = nn.Linear(d_model, 2 * d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens with `usable` 0 are zero input."""
        y = self.dropout(F.gelu(self.filter(self.norm(x) * usable)))
        return x + self.dropout(F.glu(self.gate(y), dim=-1))
