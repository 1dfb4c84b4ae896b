"""Damped linear oscillatory state-space layer (D-LinOSS)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LONGEST_CHUNK = 64  # tokens filtered by one matrix; longer sequences are cut into CHUNK
CHUNK = 32


class DLinOSS(nn.Module):
    r"""Filter a sequence through a bank of learnable damped oscillators.

    The IMEX step of :math:`\ddot x = -Ax - G\dot x + Bu` with step :math:`\Delta` is
    :math:`x_n = 2 r\cos\theta\, x_{n-1} - r^2 x_{n-2} + \Delta^2 r^2 (Bu)_n` with
    :math:`r^2 = 1/(1 + \Delta G)` [1]_, so its impulse response is
    :math:`r^k \sin((k+1)\theta)/\sin\theta`. The poles :math:`r e^{\pm i\theta}` are the
    parameters: stable by construction. :math:`\Delta` only scales the input, as B does,
    and a gain brings every resonance to about unit height.

    Parameters
    ----------
    d_model : int
        Channels of input and output.
    d_state : int
        Number of oscillators.
    bidirectional : bool, default=True
        The second half of the oscillators runs from the last token to the first.
    r_min : float, default=0.9
        Smallest radius at initialization; radii are uniform over the ring up to 1.

    Notes
    -----
    Exact and parallel: chunks of T tokens are filtered by one T x T Toeplitz matrix an
    oscillator, and two numbers an oscillator carry from chunk to chunk; O(B L T d_state).
    The carry is position and velocity, or, for poles in the left half plane, position and
    the velocity of the sign-alternating sequence: the other choice of the two loses all
    digits in float32 near angle 0 or pi. Kernels are built in float64, and the layer runs
    in float32 whatever the autocast.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).
    """

    def __init__(
        self, d_model: int, d_state: int, *, bidirectional: bool = True, r_min: float = 0.9
    ):
        super().__init__()
        self.n_forward = d_state // 2 if bidirectional else d_state
        radius = torch.empty(d_state).uniform_(r_min**2, 1 - 1e-6).sqrt()
        self.nu = nn.Parameter((-radius.log()).log())
        self.phi = nn.Parameter(torch.logit(torch.rand(d_state), eps=1e-4))
        self.B = nn.Parameter(torch.randn(d_state, d_model) / math.sqrt(d_model))
        self.C = nn.Parameter(torch.randn(d_model, d_state) / math.sqrt(d_state))
        self.D = nn.Parameter(torch.ones(d_model))

    def poles(self) -> tuple[Tensor, Tensor]:
        """Return radius and angle of every oscillator's pole, float64, (d_state,) each."""
        r = torch.exp(-torch.exp(self.nu.double().clamp(-12, 2)))
        return r, math.pi * torch.sigmoid(self.phi.double().clamp(-10, 10))

    def oscillators(self) -> tuple[Tensor, Tensor]:
        """Return angular frequency sqrt(A) and damping G in units of one token's step."""
        r, theta = self.poles()
        A = ((1 - r) ** 2 + 4 * r * torch.sin(theta / 2) ** 2) / r**2  # |1 - lambda|^2 / r^2
        return A.sqrt(), (1 - r**2) / r**2

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        dtype = u.dtype
        with torch.autocast(u.device.type, enabled=False):
            u = u.to(self.B.dtype)
            batch, length, d_model = u.shape
            drive = self.B @ u.reshape(-1, d_model).T  # (P, B * L)
            x = self._filter(drive.view(-1, batch, length))
            y = x.reshape(-1, batch * length).T @ self.C.T
            return (y.view(u.shape) + self.D * u).to(dtype)

    def _filter(self, drive: Tensor) -> Tensor:
        """Return the positions (P, B, L) of all oscillators under their drive (P, B, L)."""
        n_states, batch, length = drive.shape
        size = length if length <= LONGEST_CHUNK else CHUNK
        drive = F.pad(drive, (0, -length % size))
        n_chunks = drive.shape[-1] // size
        matrices = _Chunk(*self.poles(), size, self.n_forward, drive.dtype)
        chunks = drive.reshape(n_states, batch * n_chunks, size)
        x = chunks @ matrices.response  # (P, B * K, T)
        if n_chunks > 1:
            ends = (chunks @ matrices.end).view(n_states, batch, n_chunks, 2)
            carry = self._carry(ends, matrices.step).reshape(n_states, -1, 2)
            x = torch.baddbmm(x, carry, matrices.decay)
        return x.view(n_states, batch, -1)[..., :length]

    def _carry(self, ends: Tensor, step: Tensor) -> Tensor:
        """Return the state in which every chunk begins, (P, B, K, 2)."""
        n = self.n_forward
        # Time runs along K for the forward half and against it for the backward half.
        ends = torch.cat([ends[:n], ends[n:].flip(2)])
        states = [torch.zeros_like(ends[:, :, 0])]
        for k in range(ends.shape[2] - 1):
            states.append(torch.baddbmm(ends[:, :, k], states[-1], step))
        carry = torch.stack(states, dim=2)
        return torch.cat([carry[:n], carry[n:].flip(2)])


class _Chunk:
    """The matrices that filter one chunk of `size` tokens, from poles in float64."""

    def __init__(self, r: Tensor, theta: Tensor, size: int, n_forward: int, dtype: torch.dtype):
        k = torch.arange(-1, size + 1, device=r.device)
        r, theta = r[:, None], theta[:, None]
        sigma = torch.where(theta <= math.pi / 2, 1.0, -1.0).to(r)
        u = torch.exp(k * r.log()) * torch.sin((k + 1) * theta) / torch.sin(theta)  # u[-1] = 0
        gain = (1 - r) * ((1 - r) ** 2 + 4 * r * torch.sin(theta) ** 2).sqrt()
        response = gain * u[:, :-1]  # h[-1] ... h[T-1]
        speed = response[:, 1:] - sigma * response[:, :-1]
        # Free motion from x_0 and w_0 = x_0 - sigma x_-1: x_n = p[n] x_0 + q[n] w_0.
        q = sigma * r**2 * u[:, :-1]  # q[0] ... q[T]
        p = u[:, 1:] - q

        lag = torch.arange(size, device=r.device) - torch.arange(size, device=r.device)[:, None]
        causal = torch.where(lag >= 0, response[:, 1:][:, lag.clamp(min=0)], 0.0)
        end = torch.stack([response[:, 1:].flip(1), speed.flip(1)], dim=-1)
        decay = torch.stack([p[:, 1:], q[:, 1:]], dim=1)
        last = torch.stack([p[:, -1], q[:, -1]], dim=1)
        before = torch.stack([p[:, -2], q[:, -2]], dim=1)

        self.response = _mirror(causal, n_forward, (1, 2)).to(dtype)  # (P, T, T)
        self.end = _mirror(end, n_forward, (1,)).to(dtype)  # (P, T, 2)
        self.decay = _mirror(decay, n_forward, (2,)).to(dtype)  # (P, 2, T)
        self.step = torch.stack([last, last - sigma * before], dim=-1).to(dtype)  # (P, 2, 2)


def _mirror(matrix: Tensor, n_forward: int, dims: tuple[int, ...]) -> Tensor:
    """Reverse time in the matrices of the oscillators that run backward."""
    return torch.cat([matrix[:n_forward], matrix[n_forward:].flip(dims)])


class DLinOSSBlock(nn.Module):
    """Norm, D-LinOSS, GELU, gated linear unit and a skip connection around them."""

    def __init__(self, d_model: int, d_state: int, *, bidirectional: bool, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.filter = DLinOSS(d_model, d_state, bidirectional=bidirectional)
        self.gate = nn.Linear(d_model, 2 * d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens where `valid` is 0 drive nothing."""
        y = self.dropout(F.gelu(self.filter(self.norm(x) * valid)))
        return x + self.dropout(F.glu(self.gate(y), dim=-1))
