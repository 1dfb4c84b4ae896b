"""Decoders from latents or tokens to spectra."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tokens.positions import WavelengthEncoding


class CorrectionDecoder(nn.Linear):
    """A linear decoder of corrections and of gains, which start at zero.

    Linear interpolation plus the correction plus gain times the bend of a smooth interpolation is
    then linear interpolation before training.

    Parameters
    ----------
    d_model : int
        Width of a token.
    n_channels : int
        Number of channels of a token.
    """

    def __init__(self, d_model: int, n_channels: int):
        super().__init__(d_model, 2 * n_channels)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class LatentDecoder(nn.Module):
    """Reconstruct a spectrum of fixed length from its latent, as in ChemoMAE.

    Parameters
    ----------
    d_latent : int
        Width of the latent.
    n_channels : int
        Number of channels of every spectrum.
    d_hidden : int, default=None
        Width of a hidden layer. None: a linear decoder, whose weights are loadings.
    dropout : float, default=0.0
        Fraction of the hidden layer set to zero in training.
    """

    def __init__(
        self, d_latent: int, n_channels: int, *, d_hidden: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        if d_hidden is None:
            self.decode = nn.Linear(d_latent, n_channels)
        else:
            self.decode = nn.Sequential(
                nn.Linear(d_latent, d_hidden),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(d_hidden, n_channels),
            )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents (B, d_latent) to spectra (B, n_channels)."""
        return self.decode(z)


class GridDecoder(nn.Module):
    """Reconstruct a spectrum on any axis by cross-attention from wavenumbers to tokens [1]_.

    The query of a channel is the encoding of its wavenumber. Queries do not attend to each
    other, so the value at a wavenumber does not depend on the other wavenumbers.

    Parameters
    ----------
    d_model : int
        Width of a token; a multiple of `n_heads`.
    n_heads : int
        Number of heads of the cross-attention.
    d_feedforward : int
        Hidden width of the feed-forward part of a layer.
    n_layers : int
        Number of layers of cross-attention and feed-forward.
    dropout : float
        Fraction of activations set to zero in training.

    References
    ----------
    .. [1] Shen, Lanusse, Parker et al., arXiv:2510.17959 (2025).
    """

    def __init__(
        self, d_model: int, n_heads: int, d_feedforward: int, n_layers: int, dropout: float
    ):
        super().__init__()
        self.position = WavelengthEncoding(d_model)
        self.layers = nn.ModuleList(
            _CrossLayer(d_model, n_heads, d_feedforward, dropout) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, 1)

    def forward(self, tokens: Tensor, usable: Tensor, wavenumber: Tensor) -> Tensor:
        """Return values (B, n) at wavenumbers (B, n) from the `usable` (B, N, 1) of tokens."""
        # Rows of a batch have few different axes, and sines in float64 are expensive.
        axes, which = wavenumber.nan_to_num().unique(dim=0, return_inverse=True)  # (G, n)
        position = self.position.channels(axes)
        x = self.position.project(position.to(tokens))[which]  # (B, n, D)
        for layer in self.layers:
            x = layer(x, tokens, usable)
        return self.head(self.norm(x))[..., 0]


class _CrossLayer(nn.Module):
    """Cross-attention from queries to tokens, then a feed-forward part; pre-norm, residual."""

    def __init__(self, d_model: int, n_heads: int, d_feedforward: int, dropout: float):
        super().__init__()
        self.n_heads = n_heads
        self.norm_queries, self.norm_tokens = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.norm_feedforward = nn.LayerNorm(d_model)
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.join_heads = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)
        self.feedforward = nn.Sequential(
            nn.Linear(d_model, d_feedforward),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(d_feedforward, d_model),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, tokens: Tensor, usable: Tensor) -> Tensor:
        """Map queries (B, n, D) to the same shape; tokens with `usable` 0 are not attended to."""
        q = self._split(self.query(self.norm_queries(x)))
        k, v = map(self._split, self.key_value(self.norm_tokens(tokens)).chunk(2, dim=-1))
        seen = usable.mT > 0  # (B, 1, N)
        # A softmax over no key is NaN: without usable tokens, attention is zero instead.
        anything = seen.any(-1, keepdim=True)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=(seen | ~anything)[:, None])
        y = (y * anything[:, None]).transpose(1, 2).flatten(2)  # (B, n, D)
        x = x + self.dropout(self.join_heads(y))
        return x + self.feedforward(self.norm_feedforward(x))

    def _split(self, x: Tensor) -> Tensor:
        """Split (B, n, D) over the heads, (B, H, n, D / H)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class BasisDecoder(nn.Module):
    """Reconstruct a spectrum on any axis as a sum of learnt functions of the wavenumber [1]_.

    ``value(v) = sum_k scores_k(z) loadings_k(v)``, as in the Beer-Lambert law, but with scores
    that may be nonlinear in the latent.

    Parameters
    ----------
    d_latent : int
        Width of the latent.
    d_model : int
        Width of both hidden layers; even.
    n_basis : int
        Number of functions K.

    References
    ----------
    .. [1] Lu, Jin, Pang, Zhang & Karniadakis, Nat. Mach. Intell. 3 (2021) 218-229.
    """

    def __init__(self, d_latent: int, d_model: int, n_basis: int):
        super().__init__()
        self.scores = nn.Sequential(
            nn.Linear(d_latent, d_model), nn.GELU(), nn.Linear(d_model, n_basis)
        )
        self.position = WavelengthEncoding(d_model)
        self.shape = nn.Sequential(nn.GELU(), nn.Linear(d_model, n_basis))

    def loadings(self, wavenumber: Tensor) -> Tensor:
        """Return the functions at wavenumbers (G, n), (G, n, K)."""
        position = self.position.channels(wavenumber.nan_to_num())
        return self.shape(self.position.project(position))

    def forward(self, z: Tensor, wavenumber: Tensor, grid: Tensor) -> Tensor:
        """Return values (B, n) of latents (B, d_latent) on axes (B, n), numbered by `grid` (B,)."""
        grids, which = grid.unique(return_inverse=True)
        axes = wavenumber[(grid[:, None] == grids).int().argmax(0)]  # (G, n)
        return torch.einsum("bk,bnk->bn", self.scores(z), self.loadings(axes)[which])
