"""Damped linear oscillatory state-space layer and block (D-LinOSS)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_CHUNK_LENGTH = 64  # longest sequence that is filtered as one chunk
CHUNK_LENGTH = 32  # of longer sequences
MAX_ALPHA = 1.99  # with stability="clamp"; the recurrence is stable below 2 + 2 r^2
UNDAMPED_GAIN = 0.05  # replaces 1 - r in the gain of undamped oscillators: the middle of the ring


class DLinOSS(nn.Module):
    r"""Filter a sequence through a bank of learnable damped oscillators.

    The IMEX step of :math:`\ddot x = -Ax - G\dot x + Bu` with step :math:`\Delta` is
    :math:`x_n = (1 + \rho - \alpha)\, x_{n-1} - \rho\, x_{n-2} + \Delta^2 \rho\, (Bu)_n` with
    :math:`\rho = 1/(1 + \Delta G)` and :math:`\alpha = \Delta^2 A \rho` [1]_. Where
    it oscillates its poles are :math:`r e^{\pm i\theta}`, :math:`r^2 = \rho`, and its impulse
    response is :math:`r^k \sin((k+1)\theta)/\sin\theta`.

    Parameters
    ----------
    d_model : int
        Number of channels of input and output.
    d_state : int
        Number of oscillators.
    bidirectional : bool, default=True
        Whether the second half of the oscillators runs from the last token to the first.
    r_min : float, default=0.9
        Smallest radius at initialization. Poles are uniform in the ring from `r_min` to 1.
    damping : bool, default=True
        False: G is 0, so every pole stays on the unit circle (LinOSS-IMEX [2]_).
    stability : {"poles", "clamp"}, default="poles"
        "poles": the parameters are r and :math:`\theta`, so that the recurrence is stable by
        construction at every angle. :math:`\Delta` would only scale the input, as B does. A
        gain scales every resonance to a height of about 1 instead. "clamp": the parameters
        are A, G and :math:`\Delta`, and :math:`\alpha` is clamped at 1.99. Angles are then at
        most about 90 degrees, and a clamped A has no gradient. Initial values are not clamped.

    Notes
    -----
    The layer is exact and parallel. Chunks of T tokens are filtered by one T x T Toeplitz
    matrix per oscillator, and a state of two numbers per oscillator is carried from chunk to
    chunk, in O(B L T d_state). The state is position and velocity or, for poles in the left
    half plane, position and the velocity of the sign-alternating sequence; otherwise all
    digits are lost in float32 near angle 0 or pi. Kernels are computed in float64, and the
    layer runs in float32 under autocast too.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).
    .. [2] Rusch & Rus, arXiv:2410.03943 (2024).
    """

    def __init__(
        self,
        d_model: int,
        d_state: int,
        *,
        bidirectional: bool = True,
        r_min: float = 0.9,
        damping: bool = True,
        stability: str = "poles",
    ):
        super().__init__()
        self.n_forward = d_state // 2 if bidirectional else d_state
        self.damping, self.stability = damping, stability
        draw = {"poles": self._draw_poles, "clamp": self._draw_clamped}[stability]
        draw(d_state, r_min)
        self.B = nn.Parameter(torch.randn(d_state, d_model) / math.sqrt(d_model))
        self.C = nn.Parameter(torch.randn(d_model, d_state) / math.sqrt(d_state))
        self.D = nn.Parameter(torch.ones(d_model))

    def _draw_poles(self, d_state: int, r_min: float) -> None:
        """Draw poles uniformly in the ring."""
        if self.damping:
            radius = torch.empty(d_state).uniform_(r_min**2, 1 - 1e-6).sqrt()
            self.nu = nn.Parameter((-radius.log()).log())
        self.phi = nn.Parameter(torch.logit(torch.rand(d_state), eps=1e-4))

    def _draw_clamped(self, d_state: int, r_min: float) -> None:
        """Draw step sizes, and A and G with poles in the part of the ring that is not clamped."""
        self.dt = nn.Parameter(0.5 * torch.randn(d_state))
        dt = torch.sigmoid(self.dt.detach())
        rho = torch.ones(d_state)
        if self.damping:
            rho.uniform_(r_min**2, 1 - 1e-6)
            self.G = nn.Parameter(_softplus_inverse((1 / rho - 1) / dt))
        widest = torch.acos((1 + rho - MAX_ALPHA) / (2 * rho.sqrt()))
        # Responses grow as 1 / sin(angle) without the gain of "poles": keep away from angle 0.
        angle = widest * torch.empty(d_state).uniform_(0.05, 0.999)
        alpha = (1 - rho.sqrt()) ** 2 + 4 * rho.sqrt() * torch.sin(angle / 2) ** 2
        self.A = nn.Parameter(_softplus_inverse(alpha / rho / dt**2))

    def recurrence(self) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return :math:`\alpha`, :math:`\rho` and the gain of the input, float64, (d_state,) each.

        The transfer function is :math:`gain / (1 - (1 + \rho - \alpha) z^{-1} + \rho z^{-2})`.
        """
        return self._clamped() if self.stability == "clamp" else self._from_poles()

    def _from_poles(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the recurrence of poles r e^{+-i theta}, with resonances of height about 1."""
        r, theta = self.poles()
        alpha = (1 - r) ** 2 + 4 * r * torch.sin(theta / 2) ** 2  # |1 - lambda|^2
        half_width = 1 - r if self.damping else UNDAMPED_GAIN
        return alpha, r**2, half_width * ((1 - r) ** 2 + 4 * r * torch.sin(theta) ** 2).sqrt()

    def _clamped(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the recurrence of A, G and dt, with alpha clamped."""
        dt = torch.sigmoid(self.dt.double())
        G = F.softplus(self.G.double()) if self.damping else torch.zeros_like(dt)
        rho = 1 / (1 + dt * G)
        alpha = (dt**2 * F.softplus(self.A.double()) * rho).clamp(max=MAX_ALPHA)
        return alpha, rho, dt**2 * rho

    def poles(self) -> tuple[Tensor, Tensor]:
        """Return radius and angle of the slowest pole per oscillator, float64, (d_state,) each.

        Angles are in [0, pi]; at 0 and pi the oscillator is overdamped and both poles are real.
        """
        if self.stability == "clamp":
            return _slowest_pole(*self._clamped()[:2])
        theta = math.pi * torch.sigmoid(self.phi.double().clamp(-10, 10))
        if not self.damping:
            return torch.ones_like(theta), theta
        return torch.exp(-torch.exp(self.nu.double().clamp(-12, 2))), theta

    def oscillators(self) -> tuple[Tensor, Tensor]:
        """Return angular frequency sqrt(A) and damping G after clamping, per token."""
        alpha, rho, _ = self.recurrence()
        return (alpha / rho).sqrt(), (1 - rho) / rho

    def forward(self, u: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape."""
        dtype = u.dtype
        with torch.autocast(u.device.type, enabled=False):
            u = u.to(self.B.dtype)
            batch, length, d_model = u.shape
            drive = self.B @ u.reshape(-1, d_model).T  # (P, B * L)
            x = self._filter(drive.view(-1, batch, length))
            y = x.reshape(-1, batch * length).T @ self.C.T
            return torch.addcmul(y.view(u.shape), self.D, u).to(dtype)

    def _filter(self, drive: Tensor) -> Tensor:
        """Return the positions (P, B, L) of all oscillators driven by `drive` (P, B, L)."""
        n_states, batch, length = drive.shape
        size = length if length <= MAX_CHUNK_LENGTH else CHUNK_LENGTH
        n_pad = -length % size
        if n_pad:  # padding by 0 would copy
            drive = F.pad(drive, (0, n_pad))
        n_chunks = drive.shape[-1] // size
        matrices = _Chunk(*self.recurrence(), size, self.n_forward, drive.dtype)
        chunks = drive.reshape(n_states, batch * n_chunks, size)
        x = chunks @ matrices.response  # (P, B * K, T)
        if n_chunks > 1:
            ends = (chunks @ matrices.end).view(n_states, batch, n_chunks, 2)
            carry = self._carry(ends, matrices.step).reshape(n_states, -1, 2)
            x = torch.baddbmm(x, carry, matrices.decay)
        x = x.view(n_states, batch, -1)
        return x[..., :length] if n_pad else x

    def _carry(self, ends: Tensor, step: Tensor) -> Tensor:
        """Return the initial state of every chunk, (P, B, K, 2)."""
        n = self.n_forward
        # Time runs along K for the forward half and against it for the backward half.
        ends = torch.cat([ends[:n], ends[n:].flip(2)])
        states = [torch.zeros_like(ends[:, :, 0])]
        for k in range(ends.shape[2] - 1):
            states.append(torch.baddbmm(ends[:, :, k], states[-1], step))
        carry = torch.stack(states, dim=2)
        return torch.cat([carry[:n], carry[n:].flip(2)])


class _Chunk:
    """Matrices that filter one chunk of `size` tokens, computed in float64."""

    def __init__(
        self,
        alpha: Tensor,
        rho: Tensor,
        gain: Tensor,
        size: int,
        n_forward: int,
        dtype: torch.dtype,
    ):
        trace = 1 + rho - alpha
        rho, sigma = rho[:, None], torch.where(trace >= 0, 1.0, -1.0).to(rho)[:, None]
        u = F.pad(_impulse_response(trace, rho, size), (1, 0))  # u[-1] = 0 ... u[T]
        response = gain[:, None] * u[:, :-1]  # h[-1] ... h[T-1]
        velocity = response[:, 1:] - sigma * response[:, :-1]
        # Free motion from x_0 and w_0 = x_0 - sigma x_-1: x_n = p[n] x_0 + q[n] w_0.
        q = sigma * rho * u[:, :-1]  # q[0] ... q[T]
        p = u[:, 1:] - q

        k = torch.arange(size, device=u.device)
        lag = k - k[:, None]
        causal = torch.where(lag >= 0, response[:, 1:][:, lag.clamp(min=0)], 0.0)
        end = torch.stack([response[:, 1:].flip(1), velocity.flip(1)], dim=-1)
        decay = torch.stack([p[:, 1:], q[:, 1:]], dim=1)
        last = torch.stack([p[:, -1], q[:, -1]], dim=1)
        before = torch.stack([p[:, -2], q[:, -2]], dim=1)

        self.response = _reverse_time(causal, n_forward, (1, 2)).to(dtype)  # (P, T, T)
        self.end = _reverse_time(end, n_forward, (1,)).to(dtype)  # (P, T, 2)
        self.decay = _reverse_time(decay, n_forward, (2,)).to(dtype)  # (P, 2, T)
        self.step = torch.stack([last, last - sigma * before], dim=-1).to(dtype)  # (P, 2, 2)


def _impulse_response(trace: Tensor, rho: Tensor, length: int) -> Tensor:
    """Return u_0 ... u_length, (P, length + 1), of u_k = trace u_{k-1} - rho u_{k-2}.

    Doubling by u_{m+k} = u_m u_k - rho u_{m-1} u_{k-1} holds for complex, double and real poles.
    """
    u = torch.stack([torch.ones_like(trace), trace], dim=1)
    while u.shape[1] <= length:
        u = torch.cat([u, u[:, -1:] * u[:, 1:] - rho * u[:, -2:-1] * u[:, :-1]], dim=1)
    return u[:, : length + 1]


def _slowest_pole(alpha: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
    """Return radius and angle of the pole with the larger radius."""
    half = (1 + rho - alpha) / 2
    discriminant = half**2 - rho  # negative for a complex pair
    radius = torch.where(
        discriminant < 0, rho.sqrt(), half.abs() + discriminant.clamp(min=0).sqrt()
    )
    return radius, torch.atan2(discriminant.neg().clamp(min=0).sqrt(), half)


def _softplus_inverse(x: Tensor) -> Tensor:
    """Return the inverse of softplus at `x`."""
    return x + torch.log(-torch.expm1(-x))


def _reverse_time(matrix: Tensor, n_forward: int, dims: tuple[int, ...]) -> Tensor:
    """Reverse time in the matrices of the backward oscillators."""
    return torch.cat([matrix[:n_forward], matrix[n_forward:].flip(dims)])


class DLinOSSBlock(nn.Module):
    """Residual block of norm, D-LinOSS, GELU and gated linear unit."""

    def __init__(
        self,
        d_model: int,
        d_state: int,
        *,
        bidirectional: bool,
        dropout: float,
        damping: bool = True,
        stability: str = "poles",
    ):
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.filter = DLinOSS(
            d_model, d_state, bidirectional=bidirectional, damping=damping, stability=stability
        )
        self.gate = nn.Linear(d_model, 2 * d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens with `usable` 0 are zero input."""
        y = self.dropout(F.gelu(self.filter(self.norm(x) * usable)))
        return x + self.dropout(F.glu(self.gate(y), dim=-1))
