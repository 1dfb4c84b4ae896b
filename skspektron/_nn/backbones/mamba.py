"""Selective state-space layer and block (Mamba)."""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

CHUNK_LENGTH = 16  # tokens whose states are held in memory at once, to fit in a core's cache


class SelectiveSSM(nn.Module):
    r"""Short causal convolution, then a recurrence with token-dependent step, input and output.

    Every channel has N states, with the recurrence
    :math:`h_t = e^{\Delta_t A} h_{t-1} + \Delta_t B_t x_t` and the output
    :math:`y_t = C_t h_t + D x_t`, where B and C are linear in the token and :math:`\Delta_t` is
    the softplus of a linear map of it [1]_. The step of an unusable token is 0, so that it
    leaves the states unchanged.

    Parameters
    ----------
    d_inner : int
        Number of channels E of input and output.
    d_state : int
        Number of states N per channel.
    d_conv : int
        Number of tokens under the kernel of the convolution.
    step_rank : int
        Rank of the map from a token to the step sizes of its channels.

    Notes
    -----
    Step sizes are positive and A is negative, so that the states decay and do not overflow. The
    cost is O(B L E N), in float32 under autocast too. Only the states of one chunk are held in
    memory; they are recomputed for the gradient.

    Initial values are -1, ..., -N for A in every channel (S4D-real) and 1e-3 to 1e-1 for
    :math:`\Delta`. A is stored as a flat vector, so that weight decay and low-rank adaptation,
    which apply to matrices, leave it out.

    References
    ----------
    .. [1] Gu & Dao, arXiv:2312.00752 (2023).
    """

    def __init__(self, d_inner: int, d_state: int, *, d_conv: int, step_rank: int):
        super().__init__()
        self.sizes = (step_rank, d_state, d_state)
        self.filter = nn.Conv1d(d_inner, d_inner, d_conv, groups=d_inner)
        self.select = nn.Linear(d_inner, sum(self.sizes), bias=False)
        self.step = nn.Linear(step_rank, d_inner)
        nn.init.uniform_(self.step.weight, -(step_rank**-0.5), step_rank**-0.5)
        step = torch.empty(d_inner).uniform_(math.log(1e-3), math.log(1e-1)).exp()
        with torch.no_grad():
            self.step.bias.copy_(step.expm1().log())  # inverse of softplus
        self.log_A = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat_interleave(d_inner))
        self.D = nn.Parameter(torch.ones(d_inner))

    def forward(self, u: Tensor, usable: Tensor) -> Tensor:
        """Map channels (B, L, E), zero where `usable` (B, L, 1) is 0, to the same shape."""
        dtype = u.dtype
        with torch.autocast(u.device.type, enabled=False):
            u = u.to(self.D.dtype)
            x = F.silu(self.filter(F.pad(u.mT, (self.filter.kernel_size[0] - 1, 0))).mT)
            step, B, C = self.select(x).split(self.sizes, dim=-1)
            step = F.softplus(self.step(step)) * usable
            return (self._scan(x, step, B, C) + self.D * x).to(dtype)

    def _scan(self, x: Tensor, step: Tensor, B: Tensor, C: Tensor) -> Tensor:
        """Return C h (B, L, E) of the recurrence over x, step (B, L, E) and B, C (B, L, N)."""
        A = -self.log_A.exp().view(-1, x.shape[-1])  # (N, E)
        h = x.new_zeros(len(x), *A.shape)
        # Tokens first, so that each token is contiguous in memory: (L, B, E) and (L, B, N).
        rows = [t.transpose(0, 1).contiguous() for t in (step, step * x, B, C)]
        y = []
        for chunk in zip(*(row.split(CHUNK_LENGTH) for row in rows), strict=True):
            y_chunk, h = _ScanChunk.apply(h, A, *chunk)
            y.append(y_chunk)
        return torch.cat(y).transpose(0, 1)


class _ScanChunk(torch.autograd.Function):
    """Recurrence over one chunk: h_t = exp(step_t A) h_{t-1} + B_t drive_t, y_t = C_t h_t."""

    @staticmethod
    def forward(ctx, h, A, step, drive, B, C):
        """Return outputs (T, B, E) and the last state, given the previous state (B, N, E)."""
        ctx.save_for_backward(h, A, step, drive, B, C)
        states, _ = _states(h, A, step, drive, B)
        return (C[:, :, None] @ states)[:, :, 0], states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, grad_last):
        """Recompute the states, and propagate their gradient g from the last to the first."""
        h, A, step, drive, B, C = ctx.saved_tensors
        states, decay = _states(h, A, step, drive, B)
        grad_C = states @ grad_y[..., None]  # (T, B, N, 1)
        g = C[..., None] * grad_y[:, :, None]  # (T, B, N, E)
        g[-1] += grad_last
        for t in range(len(g) - 1, 0, -1):
            g[t - 1].addcmul_(decay[t], g[t])
        grad_drive, grad_B = B[:, :, None] @ g, g @ drive[..., None]
        grad_h = decay[0] * g[0]
        exponent = decay.mul_(g)  # times the previous states: gradient with respect to step A
        exponent[0] *= h
        exponent[1:] *= states[:-1]
        grad_A = (exponent * step[:, :, None]).sum((0, 1))
        grad_step = exponent.mul_(A).sum(2)
        return grad_h, grad_A, grad_step, grad_drive[:, :, 0], grad_B[..., 0], grad_C[..., 0]


def _states(h: Tensor, A: Tensor, step: Tensor, drive: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Return the states of a chunk and their decay factors, (T, B, N, E) each."""
    decay = (step[:, :, None] * A).exp_()
    states = B[..., None] * drive[:, :, None]
    for decay_t, h_t in zip(decay, states, strict=True):
        h = h_t.addcmul_(decay_t, h)
    return states, decay


class MambaBlock(nn.Module):
    """Residual block of norm and gated selective state-space layer [1]_.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    d_state : int, default=16
        Number of states per inner channel.
    d_conv : int, default=4
        Number of tokens under the kernel of the convolution.
    expand : int, default=2
        Number of inner channels over `d_model`.
    bidirectional : bool
        Whether half of the inner channels run from the last token to the first.
    dropout : float
        Fraction of activations set to zero in training.

    References
    ----------
    .. [1] Gu & Dao, arXiv:2312.00752 (2023).
    """

    def __init__(
        self,
        d_model: int,
        *,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        bidirectional: bool,
        dropout: float,
    ):
        super().__init__()
        d_inner, n_directions = expand * d_model, 1 + bidirectional
        sizes = {"d_conv": d_conv, "step_rank": math.ceil(d_model / 16)}
        self.norm = nn.LayerNorm(d_model)
        self.enter = nn.Linear(d_model, 2 * d_inner, bias=False)
        self.filters = nn.ModuleList(
            SelectiveSSM(d_inner // n_directions, d_state, **sizes) for _ in range(n_directions)
        )
        self.leave = nn.Linear(d_inner, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens with `usable` 0 are zero input."""
        u, gate = self.enter(self.norm(x) * usable).chunk(2, dim=-1)  # (B, L, E) each
        y = self._filter(u, usable) * F.silu(gate)
        return x + self.dropout(self.leave(y))

    def _filter(self, u: Tensor, usable: Tensor) -> Tensor:
        """Run the first filter forward and the second, if any, backward, (B, L, E)."""
        if len(self.filters) == 1:
            return self.filters[0](u, usable)
        first, second = u.chunk(2, dim=-1)
        backward = self.filters[1](second.flip(1), usable.flip(1)).flip(1)
        return torch.cat([self.filters[0](first, usable), backward], dim=-1)
