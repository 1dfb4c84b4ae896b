"""Transformer encoder block."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TransformerBlock(nn.Module):
    r"""Multi-head self-attention over the usable tokens, then a feed-forward layer.

    With q, k and v the thirds of a linear map of the normalized tokens, split over the heads,
    attention is :math:`\mathrm{softmax}(q k^T / \sqrt{d})\, v` with d = D / n_heads [1]_. Both
    parts are pre-norm and residual [2]_. The block is equivariant to the order of tokens, which
    contain their positional encoding.

    Parameters
    ----------
    d_model : int
        Width D of a token; a multiple of `n_heads`.
    n_heads : int
        Number of attention heads.
    d_feedforward : int
        Hidden width of the feed-forward layer.
    dropout : float
        Fraction of activations set to zero in training; attention weights are not dropped.

    References
    ----------
    .. [1] Vaswani, Shazeer, Parmar et al., arXiv:1706.03762 (2017).
    .. [2] Xiong, Yang, He et al., arXiv:2002.04745 (2020).
    """

    def __init__(self, d_model: int, *, n_heads: int, d_feedforward: int, dropout: float):
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.merge = nn.Linear(d_model, d_model)
        self.feedforward_norm = nn.LayerNorm(d_model)
        self.widen = nn.Linear(d_model, d_feedforward)
        self.narrow = nn.Linear(d_feedforward, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, usable: Tensor, needed: Tensor | None = None) -> Tensor:
        """Map tokens (B, L, D) to the same shape; tokens with `usable` 0 are not attended to.

        With `needed` (B, L), only these tokens are computed, and most others are zero.
        """
        if needed is None:
            return self._update(x, x, usable)
        n_needed = int(needed.sum(1).max())
        index = needed.int().argsort(dim=1, descending=True, stable=True)[:, :n_needed, None]
        index = index.expand(-1, -1, x.shape[2])
        y = self._update(x.gather(1, index), x, usable)
        return torch.zeros_like(x, dtype=y.dtype).scatter(1, index, y)

    def _update(self, x: Tensor, seen: Tensor, usable: Tensor) -> Tensor:
        """Return tokens (B, R, D) after attention to the tokens `seen` (B, L, D)."""
        queries = keys = self.attention_norm(seen)
        if x is not seen:
            queries = self.attention_norm(x)
        x = x + self.dropout(self._attend(queries, keys, usable))
        hidden = F.gelu(self.widen(self.feedforward_norm(x)))  # (B, R, d_feedforward)
        return x + self.dropout(self.narrow(self.dropout(hidden)))

    def _attend(self, x: Tensor, seen: Tensor, usable: Tensor) -> Tensor:
        """Return the attention (B, R, D) of tokens `x` to the usable ones of `seen` (B, L, D)."""
        D = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        q = F.linear(x, weight[:D], bias[:D]).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        kv = F.linear(seen, weight[D:], bias[D:]).unflatten(-1, (2, self.n_heads, -1))
        k, v = kv.permute(2, 0, 3, 1, 4)  # (B, heads, L, d) each
        keys = usable.mT.bool()  # (B, 1, L)
        # A softmax over no key is NaN before torch 2.5: without usable tokens, attend to all.
        keys = keys | ~keys.any(-1, keepdim=True)
        gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=keys[:, None])
        return self.merge(gathered.transpose(1, 2).flatten(2))
