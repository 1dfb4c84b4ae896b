"""Mixture-of-experts feed-forward layer."""

import torch
from torch import Tensor, nn

from .kan import KANLinear

SCORE_NOISE = 0.1  # standard deviation of the noise added to scores in training


class Experts(nn.Module):
    r"""Route every token to its best experts: :math:`x + \sum_e g_e(x)\, f_e(\mathrm{norm}(x))`.

    A linear map of the normalized token scores the experts. The gates g are the softmax over
    the `n_active` highest scores and zero for the other experts [1]_. The routing is learnt
    from the tokens alone, without labels of instrument or spectral domain.

    Parameters
    ----------
    d_model : int
        Width D of a token.
    d_feedforward : int
        Hidden width of one expert.
    n_experts : int
        Number of experts E. 1 is a plain feed-forward layer.
    n_active : int
        Number of experts per token. At least 2, because a single gate is always 1 and has no
        gradient; 1 if there is one expert.
    kan : bool
        Whether experts are two spline layers (`KANLinear`) instead of two linear maps and a
        GELU.
    dropout : float
        Fraction of activations set to zero in training.

    Notes
    -----
    An expert is evaluated for the tokens routed to it only. Gates are float32 under autocast
    too. The returned gates have the gradient of the softmax over *all* scores, so that an
    objective on them also reaches experts without tokens.

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
        """Return tokens (B, L, D) and gates (B, L, E); tokens with `usable` 0 are not routed."""
        tokens = self.norm(x)
        gates, probabilities = self._gates(tokens)
        mixture = self._mixture(tokens.flatten(0, 1), (gates * usable).flatten(0, 1))
        x = x + self.dropout(mixture.view_as(x))
        return x, gates.detach() + (probabilities - probabilities.detach())

    def _gates(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the softmax over the highest scores and over all scores, (B, L, E) each."""
        with torch.autocast(tokens.device.type, enabled=False):
            scores = self.scores(tokens.float())
            if self.training:
                scores = scores + SCORE_NOISE * torch.randn_like(scores)
            best, chosen = scores.topk(self.n_active, dim=-1)
            gates = torch.zeros_like(scores).scatter(-1, chosen, best.softmax(-1))
            return gates, scores.softmax(-1)

    def _mixture(self, tokens: Tensor, gates: Tensor) -> Tensor:
        """Return the expert outputs for tokens (N, D), weighted by gates (N, E) and summed."""
        total = torch.zeros_like(tokens)
        for expert, gate in zip(self.experts, gates.unbind(1), strict=True):
            routed = gate.nonzero().flatten()
            output = gate[routed, None] * expert(tokens[routed])
            total = total.index_add(0, routed, output.to(total.dtype))
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
