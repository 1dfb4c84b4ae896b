"""The Spektron network: tokenizer, blocks, latent and decoder."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .architecture import DOMAINS, Architecture
from .backbones import make_blocks
from .backbones.experts import Experts
from .heads import make_decoder, make_latent
from .heads.latents import Latent
from .interpolation import interpolate
from .tokens import make_position, make_tokens
from .tokens.derivative import curvature, first_derivative, standard_normal
from .tokens.scale import SCALES
from .tokens.windows import fill, join, usable_windows, windows

INITIAL_STD = 0.02  # of mask, CLS and domain tokens


class Encoded(NamedTuple):
    """Encoder output for a batch of spectra."""

    tokens: Tensor  # (B, N, D), zero where not usable
    usable: Tensor  # (B, N, 1), 1 for tokens in the encoder input and 0 for others
    latent: Latent | None  # None if tokens are read before the last block
    gates: list[tuple[Tensor, Tensor]]  # per expert layer: gates (B, L, E) and usable (B, L, 1)
    scale: Tensor  # (B, 1), by which the spectra were divided
    offset: Tensor | float = 0.0  # (B, 1), which was subtracted before, or (B, n), interpolated
    bend: Tensor | float = 0.0  # (B, n), of a smooth interpolation


class SpektronNetwork(nn.Module):
    """Encode spectra on any grid as tokens and reconstruct their hidden channels.

    A batch may hold spectra on several grids. Shorter rows are padded at the end; there
    `valid` is False, as at bad channels, and `wavenumber` is NaN. `grid` numbers the axes, so
    that the positions of each are computed once.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        d_model = architecture.d_model
        self.tokens = make_tokens(architecture)
        self.position = make_position(architecture)
        if "derivative" in architecture.inputs:  # of the corpus, for spectra without one
            self.register_buffer("derivative_scale", torch.ones(()))
        self.mask_token = nn.Parameter(INITIAL_STD * torch.randn(d_model))
        if architecture.cls_token:
            self.cls_token = nn.Parameter(INITIAL_STD * torch.randn(d_model))
        if architecture.domain_token:
            self.domain_token = nn.Parameter(INITIAL_STD * torch.randn(len(DOMAINS), d_model))
        self.blocks = make_blocks(architecture)
        self.norm = nn.LayerNorm(d_model)
        self.latent = make_latent(architecture)
        self.head = make_decoder(architecture)

    @property
    def d_latent(self) -> int:
        """Width of the latent."""
        return self.latent.d_latent

    @property
    def d_instrument(self) -> int:
        """Width of the instrument part of the latent of a bottleneck."""
        return self.latent.d_instrument

    def patch_valid(self, valid: Tensor) -> Tensor:
        """Return which patches may be hidden, (B, M), given the good channels (B, n)."""
        length = self.architecture.patch_length
        return usable_windows(valid, length, length)

    def token_valid(self, valid: Tensor, length: Tensor | None = None) -> Tensor:
        """Return which tokens are usable, (B, N), given the good channels (B, n).

        `length` (B,) is the number of channels of each row without padding. None: no padding.
        """
        return usable_windows(valid, *self.architecture.window, length)

    def hidden_channels(self, mask: Tensor, valid: Tensor) -> Tensor:
        """Return the good channels (B, n) of the hidden patches `mask` (B, M)."""
        return valid & self._patch_channels(mask, valid.shape[1])

    def forward(
        self,
        values: Tensor,
        valid: Tensor,
        wavenumber: Tensor,
        grid: Tensor,
        mask: Tensor | None = None,
        n_layers: int | None = None,
        domain: Tensor | None = None,
        derivative_scale: Tensor | None = None,
    ) -> Encoded:
        """Encode spectra (B, n) on axes (B, n) with the patches in `mask` (B, M) hidden.

        Tokens are read after `n_layers` blocks or, with None, after all blocks and the norm.
        With a mask, a final attention block and a linear decoder, only the tokens of hidden
        channels are computed; the other tokens are zero. `domain` (B,) holds indices of
        `DOMAINS`, `derivative_scale` (B,) what derivatives are divided by.
        """
        seen = valid if mask is None else valid & ~self.hidden_channels(mask, valid)
        bend: Tensor | float = 0.0
        if self.architecture.decoder == "correction":  # reads, and adds to, interpolated spectra
            values, bend = interpolate(values, seen, wavenumber)
            seen = wavenumber.isfinite()
        inputs, scale, offset = self._normalize(values, seen, wavenumber, derivative_scale)
        x, usable = self._embed(inputs, valid, seen, wavenumber, grid, mask)
        special = self._special_tokens(len(x), domain)
        x = torch.cat([special, x], dim=1)  # (B, S + N, D)
        kept = torch.cat([usable.new_ones(*special.shape[:2], 1), usable], dim=1)
        drop = mask is not None and self.architecture.mask_mode == "drop"
        needed = None
        if mask is not None and n_layers is None and self._reads_hidden_only:
            needed = self._needed_tokens(mask, valid.shape[1], special.shape[1])
        x, gates = self._run_blocks(x, kept, n_layers, drop, needed)
        n_special = special.shape[1]
        latent = None
        if n_layers is None:
            x = self.norm(x)
            pooled = (
                x[:, 0] if self.architecture.cls_token else mean_token(x[:, n_special:], usable)
            )
            latent = self.latent(pooled)
        return Encoded(x[:, n_special:] * usable, usable, latent, gates, scale, offset, bend)

    def latent_of(self, values, valid, wavenumber, grid, **labels) -> Latent:
        """Return the latents of spectra without hidden patches."""
        return self(values, valid, wavenumber, grid, **labels).latent

    def decode(self, encoded: Encoded, wavenumber: Tensor) -> Tensor:
        """Reconstruct spectra on axes (B, n) from tokens or latents, in their original scale."""
        decoder, n_channels = self.architecture.decoder, wavenumber.shape[1]
        if decoder in ("linear", "correction"):
            usable = encoded.usable[..., 0] > 0
            parts = self.head(encoded.tokens).split(self.architecture.window[0], dim=-1)
            values, *gain = (
                join(each, n_channels, self.architecture.window[1], usable) for each in parts
            )
            if gain:
                return encoded.offset + values * encoded.scale + gain[0] * encoded.bend
        elif decoder == "latent":
            values = self.head(encoded.latent.z)
        else:
            values = self.head(encoded.tokens, encoded.usable, wavenumber)
        return values * encoded.scale + encoded.offset

    def _normalize(self, values, seen, wavenumber, derivative_scale):
        """Return the input of the tokenizer, (B, n) or (B, 2, n), and scale and offset (B, 1)."""
        names = self.architecture.inputs
        if names == ("curvature",):
            return *curvature(values, seen), values
        if names == ("scaled",):
            scale = SCALES[self.architecture.normalize](values, seen, wavenumber)
            return values / scale, scale, 0.0
        snv, mean, deviation = standard_normal(values, seen)
        inputs = {"snv": snv}
        if "derivative" in names:
            centred = values - mean  # products of channels and a large offset would be rounded
            size = self.derivative_scale if derivative_scale is None else derivative_scale[:, None]
            inputs["derivative"] = first_derivative(centred, seen, wavenumber) / size
        chosen = [inputs[name] for name in names]
        return chosen[0] if len(chosen) == 1 else torch.stack(chosen, 1), deviation, mean

    def _embed(self, values, valid, seen, wavenumber, grid, mask) -> tuple[Tensor, Tensor]:
        """Return tokens with positions, (B, N, D), and which are in the encoder input, (B, N, 1).

        Hidden channels are replaced before tokens are formed, because tokens may overlap.
        """
        length = wavenumber.isfinite().sum(1)
        inputs = values.unbind(1) if values.ndim == 3 else (values,)
        filled = [fill(each, seen, self.architecture.patch_length) for each in inputs]
        x = self.tokens(*filled, length=length)
        usable = self.token_valid(valid, length)
        if mask is not None:
            hidden = self._hidden_tokens(mask, valid.shape[1], length)
            if self.architecture.mask_mode == "drop":
                usable = usable & ~hidden
            elif self.architecture.decoder == "correction":
                x = x + self.mask_token.to(x.dtype) * hidden[..., None]
            else:
                x = torch.where(hidden[..., None], self.mask_token.to(x.dtype), x)
        return x + self._position(wavenumber, grid), usable[..., None].to(x)

    def _patch_channels(self, mask: Tensor, n_channels: int) -> Tensor:
        """Return the channels (B, n) of the hidden patches `mask` (B, M)."""
        return mask.repeat_interleave(self.architecture.patch_length, 1)[:, :n_channels]

    def _hidden_tokens(self, mask: Tensor, n_channels: int, length: Tensor) -> Tensor:
        """Return the tokens (B, N) whose channels before `length` (B,) are all hidden."""
        hidden = self._patch_channels(mask, n_channels)
        own = torch.arange(n_channels, device=mask.device) < length[:, None]
        return ~windows(own & ~hidden, *self.architecture.window).any(-1)

    def _position(self, wavenumber: Tensor, grid: Tensor) -> Tensor:
        """Return the positional encoding of the tokens, (B, N, D)."""
        grids, which = grid.unique(return_inverse=True)
        axes = wavenumber[(grid[:, None] == grids).int().argmax(0)]  # (G, n)
        span, stride = self.architecture.window
        measured = windows(axes.isfinite(), span, stride)  # False in the padding only
        return self.position(windows(axes.nan_to_num(), span, stride), measured)[which]

    def _special_tokens(self, batch: int, domain: Tensor | None) -> Tensor:
        """Return the CLS and domain tokens, (B, S, D)."""
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
        """Whether only CLS and hidden tokens of the last block are read, with a mask."""
        a = self.architecture
        return a.n_attention_layers > 0 and a.cls_token and a.decoder == "linear"

    def _needed_tokens(self, mask: Tensor, n_channels: int, n_special: int) -> Tensor:
        """Return which tokens, CLS and domain included, the decoder or the latent reads, (B, L)."""
        needed = windows(self._patch_channels(mask, n_channels), *self.architecture.window).any(-1)
        special = torch.arange(n_special, device=mask.device) == 0
        return torch.cat([special.expand(len(mask), -1), needed], dim=1)

    def _run_blocks(
        self,
        x: Tensor,
        usable: Tensor,
        n_layers: int | None,
        drop: bool,
        needed: Tensor | None = None,
    ):
        """Return tokens (B, L, D) after the blocks, and the gates of the expert layers.

        With `needed` (B, L), the last block, attention, computes these tokens only. With
        `drop`, tokens that are not usable are removed from the input of the blocks.
        """
        if drop:
            # Gather the usable tokens at the start, and scatter them back afterwards.
            order = usable[..., 0].argsort(dim=1, descending=True, stable=True)  # (B, L)
            n_kept = int(usable.sum(1).max())
            index = order[:, :n_kept, None]
            short = x.gather(1, index.expand(-1, -1, x.shape[2]))
            short, gates = self._run_blocks(short, usable.gather(1, index), n_layers, False)
            return torch.zeros_like(x).scatter(1, index.expand_as(short), short), gates
        gates = []
        blocks = self.blocks[:n_layers]
        for number, block in enumerate(blocks, start=1):
            if isinstance(block, Experts):
                x, gate = block(x, usable)
                gates.append((gate, usable))
            elif needed is not None and number == len(blocks):
                x = block(x, usable, needed)
            else:
                x = block(x, usable)
        return x, gates


def mean_token(tokens: Tensor, usable: Tensor) -> Tensor:
    """Return the mean (B, D) of the usable tokens of (B, N, D)."""
    return (tokens * usable).sum(1) / usable.sum(1).clamp(min=1)
