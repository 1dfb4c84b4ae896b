"""Damped linear oscillatory state-space layer (D-LinOSS)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LONGEST_CHUNK = 64  # tokens filtered by one matrix; longer sequences are cut into CHUNK
CHUNK = 32
MAX_ALPHA = 1.99  # of stability="clamp"; the recurrence itself is stable below 2 + 2 r^2
UNDAMPED_GAIN = 0.05  # 1 - r of an undamped oscillator's gain: the middle of the ring


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
        Channels of input and output.
    d_state : int
        Number of oscillators.
    bidirectional : bool, default=True
        The second half of the oscillators runs from the last token to the first.
    r_min : float, default=0.9
        Smallest radius at initialization; radii are uniform over the ring up to 1.
    damping : bool, default=True
        False: no G, so every pole stays on the unit circle (LinOSS-IMEX [2]_).
    stability : {"poles", "clamp"}, default="poles"
        "poles": the parameters are r and :math:`\theta`, stable by construction at every
        angle. :math:`\Delta` would only scale the input, as B does; a gain brings every
        resonance to about unit height instead. "clamp": the parameters are A, G and
        :math:`\Delta`, and :math:`\alpha` is cut at 1.99: no angle beyond about 90 degrees,
        and no gradient for an A that is cut. Angles begin where nothing is cut.

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
        """Draw poles over the whole ring."""
        if self.damping:
            radius = torch.empty(d_state).uniform_(r_min**2, 1 - 1e-6).sqrt()
            self.nu = nn.Parameter((-radius.log()).log())
        self.phi = nn.Parameter(torch.logit(torch.rand(d_state), eps=1e-4))

    def _draw_clamped(self, d_state: int, r_min: float) -> None:
        """Draw a step, and A and G that put the pole into that part of the ring that is not cut."""
        self.dt = nn.Parameter(0.5 * torch.randn(d_state))
        dt = torch.sigmoid(self.dt.detach())
        rho = torch.ones(d_state)
        if self.damping:
            rho.uniform_(r_min**2, 1 - 1e-6)
            self.G = nn.Parameter(_softplus_inverse((1 / rho - 1) / dt))
        widest = torch.acos((1 + rho - MAX_ALPHA) / (2 * rho.sqrt()))
        # Responses grow as 1 / sin(angle), and no gain divides it out: not too close to 0.
        angle = widest * torch.empty(d_state).uniform_(0.05, 0.999)
        alpha = (1 - rho.sqrt()) ** 2 + 4 * rho.sqrt() * torch.sin(angle / 2) ** 2
        self.A = nn.Parameter(_softplus_inverse(alpha / rho / dt**2))

    def recurrence(self) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return :math:`\alpha`, :math:`\rho` and the gain of the input, float64, (d_state,) each.

        The transfer function is :math:`gain / (1 - (1 + \rho - \alpha) z^{-1} + \rho z^{-2})`.
        """
        return self._clamped() if self.stability == "clamp" else self._from_poles()

    def _from_poles(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the recurrence of poles r e^{+-i theta}, its resonances about 1 high."""
        r, theta = self.poles()
        alpha = (1 - r) ** 2 + 4 * r * torch.sin(theta / 2) ** 2  # |1 - lambda|^2
        loss = 1 - r if self.damping else UNDAMPED_GAIN
        return alpha, r**2, loss * ((1 - r) ** 2 + 4 * r * torch.sin(theta) ** 2).sqrt()

    def _clamped(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the recurrence of A, G and dt, cut where alpha would pass its bound."""
        dt = torch.sigmoid(self.dt.double())
        G = F.softplus(self.G.double()) if self.damping else torch.zeros_like(dt)
        rho = 1 / (1 + dt * G)
        alpha = (dt**2 * F.softplus(self.A.double()) * rho).clamp(max=MAX_ALPHA)
        return alpha, rho, dt**2 * rho

    def poles(self) -> tuple[Tensor, Tensor]:
        """Return radius and angle of every oscillator's slowest pole, float64, (d_state,) each.

        The angle is in [0, pi]; at 0 and pi the oscillator is overdamped, both poles real.
        """
        if self.stability == "clamp":
            return _slowest_pole(*self._clamped()[:2])
        theta = math.pi * torch.sigmoid(self.phi.double().clamp(-10, 10))
        if not self.damping:
            return torch.ones_like(theta), theta
        return torch.exp(-torch.exp(self.nu.double().clamp(-12, 2))), theta

    def oscillators(self) -> tuple[Tensor, Tensor]:
        """Return angular frequency sqrt(A) and damping G as used, in units of one token's step."""
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
        """Return the positions (P, B, L) of all oscillators under their drive (P, B, L)."""
        n_states, batch, length = drive.shape
        size = length if length <= LONGEST_CHUNK else CHUNK
        spare = -length % size
        if spare:  # padding by nothing would copy
            drive = F.pad(drive, (0, spare))
        n_chunks = drive.shape[-1] // size
        matrices = _Chunk(*self.recurrence(), size, self.n_forward, drive.dtype)
        chunks = drive.reshape(n_states, batch * n_chunks, size)
        x = chunks @ matrices.response  # (P, B * K, T)
        if n_chunks > 1:
            ends = (chunks @ matrices.end).view(n_states, batch, n_chunks, 2)
            carry = self._carry(ends, matrices.step).reshape(n_states, -1, 2)
            x = torch.baddbmm(x, carry, matrices.decay)
        x = x.view(n_states, batch, -1)
        return x[..., :length] if spare else x

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
    """The matrices that filter one chunk of `size` tokens, built in float64."""

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
        speed = response[:, 1:] - sigma * response[:, :-1]
        # Free motion from x_0 and w_0 = x_0 - sigma x_-1: x_n = p[n] x_0 + q[n] w_0.
        q = sigma * rho * u[:, :-1]  # q[0] ... q[T]
        p = u[:, 1:] - q

        k = torch.arange(size, device=u.device)
        lag = k - k[:, None]
        causal = torch.where(lag >= 0, response[:, 1:][:, lag.clamp(min=0)], 0.0)
        end = torch.stack([response[:, 1:].flip(1), speed.flip(1)], dim=-1)
        decay = torch.stack([p[:, 1:], q[:, 1:]], dim=1)
        last = torch.stack([p[:, -1], q[:, -1]], dim=1)
        before = torch.stack([p[:, -2], q[:, -2]], dim=1)

        self.response = _mirror(causal, n_forward, (1, 2)).to(dtype)  # (P, T, T)
        self.end = _mirror(end, n_forward, (1,)).to(dtype)  # (P, T, 2)
        self.decay = _mirror(decay, n_forward, (2,)).to(dtype)  # (P, 2, T)
        self.step = torch.stack([last, last - sigma * before], dim=-1).to(dtype)  # (P, 2, 2)


def _impulse_response(trace: Tensor, rho: Tensor, length: int) -> Tensor:
    """Return u_0 ... u_length, (P, length + 1), of u_k = trace u_{k-1} - rho u_{k-2}.

    By u_{m+k} = u_m u_k - rho u_{m-1} u_{k-1}, so complex, double and real poles are one case.
    """
    u = torch.stack([torch.ones_like(trace), trace], dim=1)
    while u.shape[1] <= length:
        u = torch.cat([u, u[:, -1:] * u[:, 1:] - rho * u[:, -2:-1] * u[:, :-1]], dim=1)
    return u[:, : length + 1]


def _slowest_pole(alpha: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
    """Return radius and angle of the larger pole of a recurrence."""
    half = (1 + rho - alpha) / 2
    apart = half**2 - rho  # squared half distance of the poles; negative: a complex pair
    radius = torch.where(apart < 0, rho.sqrt(), half.abs() + apart.clamp(min=0).sqrt())
    return radius, torch.atan2(apart.neg().clamp(min=0).sqrt(), half)


def _softplus_inverse(x: Tensor) -> Tensor:
    """Return what softplus maps to `x`."""
    return x + torch.log(-torch.expm1(-x))


def _mirror(matrix: Tensor, n_forward: int, dims: tuple[int, ...]) -> Tensor:
    """Reverse time in the matrices of the oscillators that run backward."""
    return torch.cat([matrix[:n_forward], matrix[n_forward:].flip(dims)])


class DLinOSSBlock(nn.Module):
    """Norm, D-LinOSS, GELU, gated linear unit and a skip connection around them."""

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
        """Map tokens (B, L, D) to the same shape; tokens where `usable` is 0 drive nothing."""
        y = self.dropout(F.gelu(self.filter(self.norm(x) * usable)))
        return x + self.dropout(F.glu(self.gate(y), dim=-1))
