"""Feed-forward layer of several experts, of which every token asks a few."""

import torch
from torch import Tensor, nn

from .kan import KANLinear

NOISE = 0.1  # standard deviation of what training adds to the scores of a token


class Experts(nn.Module):
    r"""Add what a token's best experts say: :math:`x + \sum_e g_e(x)\, f_e(\mathrm{norm}(x))`.

    A linear map of the normalised token scores the experts; the gates g are the softmax
    over the `n_active` best scores, zero elsewhere [1]_. Which expert answers to what is learnt:
    nothing ties one to an instrument or a kind of spectrum.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    d_feedforward : int
        Neurons of one expert.
    n_experts : int
        Experts E. 1 is a plain feed-forward layer.
    n_active : int
        Experts that a token asks: 2 or more, since a single gate is always 1 and teaches the
        scores nothing; 1 where there is one expert.
    kan : bool
        Experts of two layers of curves (`KANLinear`) instead of two linear maps and a GELU.
    dropout : float
        Share of neurons and of the sum dropped in training.

    Notes
    -----
    Only the experts that are asked compute. Gates are float32 whatever the autocast.
    The returned gates have the gradient of the softmax over *all* scores, so that an
    objective on them also reaches experts that nobody asks.

    References
    ----------
    .. [1] Shazeer, Mirhoseini, Maziarz et al., arXiv:1701.06538 (2017).
    """

    def __init__(
        self,
        d_model: int,
        d_feedforward: int,
        *,
        n_experts: int,
        n_active: int,
        kan: bool,
        dropout: float,
    ):
        super().__init__()
        self.n_active = n_active
        self.norm = nn.LayerNorm(d_model)
        self.scores = nn.Linear(d_model, n_experts)
        self.experts = nn.ModuleList(
            _expert(d_model, d_feedforward, kan=kan, dropout=dropout) for _ in range(n_experts)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens (B, L, D) to the same shape and gates (B, L, E); `usable` 0 asks nobody."""
        tokens = self.norm(x)
        gates, chances = self._gates(tokens)
        answers = self._answers(tokens.flatten(0, 1), (gates * usable).flatten(0, 1))
        x = x + self.dropout(answers.view_as(x))
        return x, gates.detach() + (chances - chances.detach())

    def _gates(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the softmax over the best scores and over all of them, (B, L, E) each."""
        with torch.autocast(tokens.device.type, enabled=False):
            scores = self.scores(tokens.float())
            if self.training:
                scores = scores + NOISE * torch.randn_like(scores)
            best, chosen = scores.topk(self.n_active, dim=-1)
            gates = torch.zeros_like(scores).scatter(-1, chosen, best.softmax(-1))
            return gates, scores.softmax(-1)

    def _answers(self, tokens: Tensor, gates: Tensor) -> Tensor:
        """Return the gated sum of the answers to tokens (N, D) by gates (N, E)."""
        total = torch.zeros_like(tokens)
        for expert, gate in zip(self.experts, gates.unbind(1), strict=True):
            asking = gate.nonzero().flatten()
            answer = gate[asking, None] * expert(tokens[asking])
            total = total.index_add(0, asking, answer.to(total.dtype))
        return total


def _expert(d_model: int, d_feedforward: int, *, kan: bool, dropout: float) -> nn.Sequential:
    """Return one expert, D -> d_feedforward -> D."""
    if kan:
        return nn.Sequential(
            KANLinear(d_model, d_feedforward),
            nn.Dropout(dropout),
            KANLinear(d_feedforward, d_model),
        )
    return nn.Sequential(
        nn.Linear(d_model, d_feedforward),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(d_feedforward, d_model),
    )
