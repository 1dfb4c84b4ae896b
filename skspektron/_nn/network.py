"""The Spektron network: tokens, blocks, latent, decoder."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .architecture import DOMAINS, Architecture
from .backbones import make_blocks
from .backbones.experts import Experts
from .heads import make_decoder, make_latent
from .heads.latents import Latent
from .tokens import make_position, make_tokens
from .tokens.scale import SCALES
from .tokens.windows import fill, join, usable_windows, windows

TRUNCATED_STD = 0.02  # of the initial mask, CLS and domain tokens


class Encoded(NamedTuple):
    """What the encoder makes of spectra."""

    tokens: Tensor  # (B, N, D), zero where not usable
    usable: Tensor  # (B, N, 1) of 0 and 1: tokens that the encoder had
    latent: Latent | None  # None where tokens are read before the last block
    gates: list[tuple[Tensor, Tensor]]  # of the expert layers: (B, L, E) and usable (B, L, 1)
    scale: Tensor  # (B, 1) that spectra were divided by


class SpektronNetwork(nn.Module):
    """Encode spectra of any grid as tokens and reconstruct hidden channels from them.

    Spectra of several grids share a batch: rows are padded at the end, where `valid` is
    False, as it is at bad channels, and `wavenumber` is NaN. Rows of one axis have one
    number in `grid`, so that its positions are computed once.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        d_model = architecture.d_model
        self.tokens = make_tokens(architecture)
        self.position = make_position(architecture)
        self.mask_token = nn.Parameter(TRUNCATED_STD * torch.randn(d_model))
        if architecture.cls_token:
            self.cls_token = nn.Parameter(TRUNCATED_STD * torch.randn(d_model))
        if architecture.domain_token:
            self.domain_token = nn.Parameter(TRUNCATED_STD * torch.randn(len(DOMAINS), d_model))
        self.blocks = make_blocks(architecture)
        self.norm = nn.LayerNorm(d_model)
        self.latent = make_latent(architecture)
        self.head = make_decoder(architecture)

    @property
    def d_latent(self) -> int:
        """Width of a spectrum's latent."""
        return self.latent.d_latent

    @property
    def d_instrument(self) -> int:
        """Width of the instrument part of a bottleneck."""
        return self.latent.d_instrument

    def patch_valid(self, valid: Tensor) -> Tensor:
        """Return which patches of channels (B, n) may be hidden, (B, M)."""
        length = self.architecture.patch_length
        return usable_windows(valid, length, length)

    def token_valid(self, valid: Tensor, length: Tensor | None = None) -> Tensor:
        """Return which tokens of channels (B, n) may be used, (B, N).

        `length` (B,) is where a row's own channels end; None: nowhere before the last.
        """
        return usable_windows(valid, *self.architecture.window, length)

    def hidden_channels(self, mask: Tensor, valid: Tensor) -> Tensor:
        """Return the good channels (B, n) of the hidden patches (B, M): what the loss counts."""
        return valid & self._channels(mask, valid.shape[1])

    def forward(
        self,
        values: Tensor,
        valid: Tensor,
        wavenumber: Tensor,
        grid: Tensor,
        mask: Tensor | None = None,
        n_layers: int | None = None,
        domain: Tensor | None = None,
    ) -> Encoded:
        """Encode spectra (B, n) on axes (B, n), patches in `mask` (B, M) hidden.

        Tokens are read behind `n_layers` blocks, or, with None, behind all of them and the norm.
        Where attention is the last block and a linear decoder reads what is hidden, tokens of
        visible channels are not computed: they come out zero.
        `domain` (B,) numbers the `DOMAINS`.
        """
        seen = valid if mask is None else valid & ~self.hidden_channels(mask, valid)
        scale = SCALES[self.architecture.normalize](values, seen, wavenumber)
        x, usable = self._embed(values / scale, valid, seen, wavenumber, grid, mask)
        special = self._special(len(x), domain)
        x = torch.cat([special, x], dim=1)  # (B, S + N, D)
        kept = torch.cat([usable.new_ones(*special.shape[:2], 1), usable], dim=1)
        drop = mask is not None and self.architecture.mask_mode == "drop"
        wanted = None
        if mask is not None and n_layers is None and self._reads_hidden_only:
            wanted = self._wanted(mask, valid.shape[1], special.shape[1])
        x, gates = self._run(x, kept, n_layers, drop, wanted)
        n_special = special.shape[1]
        latent = None
        if n_layers is None:
            x = self.norm(x)
            pooled = (
                x[:, 0] if self.architecture.cls_token else mean_token(x[:, n_special:], usable)
            )
            latent = self.latent(pooled)
        return Encoded(x[:, n_special:] * usable, usable, latent, gates, scale)

    def latent_of(self, values, valid, wavenumber, grid, domain=None) -> Latent:
        """Return the latents of whole spectra."""
        return self(values, valid, wavenumber, grid, domain=domain).latent

    def decode(self, encoded: Encoded, wavenumber: Tensor) -> Tensor:
        """Reconstruct spectra on axes (B, n) from tokens or latent, in the unit of the values."""
        decoder, n_channels = self.architecture.decoder, wavenumber.shape[1]
        if decoder == "linear":
            patches = self.head(encoded.tokens)
            usable = encoded.usable[..., 0] > 0
            values = join(patches, n_channels, self.architecture.window[1], usable)
        elif decoder == "latent":
            values = self.head(encoded.latent.z)
        else:
            values = self.head(encoded.tokens, encoded.usable, wavenumber)
        return values * encoded.scale

    def _embed(self, values, valid, seen, wavenumber, grid, mask) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, D) with their positions, and which the encoder gets (B, N, 1).

        What is hidden is blanked in value space, before any window of channels is formed.
        """
        length = wavenumber.isfinite().sum(1)
        filled = fill(values, seen, self.architecture.patch_length)
        x = self.tokens(filled, length)
        usable = self.token_valid(valid, length)
        if mask is not None:
            hidden = self._hidden_tokens(mask, valid.shape[1], length)
            if self.architecture.mask_mode == "drop":
                usable = usable & ~hidden
            else:
                x = torch.where(hidden[..., None], self.mask_token.to(x.dtype), x)
        return x + self._position(wavenumber, grid), usable[..., None].to(x)

    def _channels(self, mask: Tensor, n_channels: int) -> Tensor:
        """Return which channels (B, n) lie in hidden patches (B, M)."""
        return mask.repeat_interleave(self.architecture.patch_length, 1)[:, :n_channels]

    def _hidden_tokens(self, mask: Tensor, n_channels: int, length: Tensor) -> Tensor:
        """Return which tokens stand for no channel before `length` (B,) but hidden ones, (B, N)."""
        hidden = self._channels(mask, n_channels)
        own = torch.arange(n_channels, device=mask.device) < length[:, None]
        return ~windows(own & ~hidden, *self.architecture.window).any(-1)

    def _position(self, wavenumber: Tensor, grid: Tensor) -> Tensor:
        """Encode where the tokens lie, (B, N, D)."""
        grids, which = grid.unique(return_inverse=True)
        axes = wavenumber[(grid[:, None] == grids).int().argmax(0)]  # (G, n)
        span, stride = self.architecture.window
        measured = windows(axes.isfinite(), span, stride)  # a grid's own end, not a bad channel
        return self.position(windows(axes.nan_to_num(), span, stride), measured)[which]

    def _special(self, batch: int, domain: Tensor | None) -> Tensor:
        """Return the tokens in front, (B, S, D)."""
        tokens = [self.norm.weight.new_zeros(batch, 0, self.architecture.d_model)]
        if self.architecture.cls_token:
            tokens.append(self.cls_token.expand(batch, 1, -1))
        if self.architecture.domain_token:
            if domain is None:
                domain = torch.full(
                    (batch,), DOMAINS.index("UNKNOWN"), device=self.norm.weight.device
                )
            tokens.append(self.domain_token[domain][:, None])
        return torch.cat(tokens, dim=1)

    @property
    def _reads_hidden_only(self) -> bool:
        """Whether CLS and the hidden tokens are all that is read behind the last block."""
        a = self.architecture
        return a.n_attention_layers > 0 and a.cls_token and a.decoder == "linear"

    def _wanted(self, mask: Tensor, n_channels: int, n_special: int) -> Tensor:
        """Return which tokens, special ones in front, reach a hidden channel or are CLS, (B, L)."""
        wanted = windows(self._channels(mask, n_channels), *self.architecture.window).any(-1)
        special = torch.arange(n_special, device=mask.device) == 0
        return torch.cat([special.expand(len(mask), -1), wanted], dim=1)

    def _run(
        self,
        x: Tensor,
        usable: Tensor,
        n_layers: int | None,
        drop: bool,
        wanted: Tensor | None = None,
    ):
        """Pass tokens (B, L, D) through blocks; return them and the gates of experts.

        Behind the last one, attention, only the tokens `wanted` (B, L) are needed.
        """
        if drop:
            # The kept tokens move to the front, and back to their places afterwards.
            order = usable[..., 0].argsort(dim=1, descending=True, stable=True)  # (B, L)
            n_kept = int(usable.sum(1).max())
            index = order[:, :n_kept, None]
            short = x.gather(1, index.expand(-1, -1, x.shape[2]))
            short, gates = self._run(short, usable.gather(1, index), n_layers, False)
            return torch.zeros_like(x).scatter(1, index.expand_as(short), short), gates
        gates = []
        blocks = self.blocks[:n_layers]
        for number, block in enumerate(blocks, start=1):
            if isinstance(block, Experts):
                x, gate = block(x, usable)
                gates.append((gate, usable))
            elif wanted is not None and number == len(blocks):
                x = block(x, usable, wanted)
            else:
                x = block(x, usable)
        return x, gates


def mean_token(tokens: Tensor, usable: Tensor) -> Tensor:
    """Return the mean of the usable tokens (B, N, D), (B, D)."""
    return (tokens * usable).sum(1) / usable.sum(1).clamp(min=1)
