"""Windows of neighbouring channels, and which of them may be used."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..architecture import n_windows


def windows(x: Tensor, span: int, stride: int) -> Tensor:
    """Cut (B, n) into windows (B, N, span), a new one every `stride` channels.

    The tail is filled with zeros (False).
    """
    n = n_windows(x.shape[-1], span, stride)
    x = F.pad(x, (0, (n - 1) * stride + span - x.shape[-1]))
    return x.unfold(-1, span, stride)


def join(patches: Tensor, n_channels: int, stride: int, usable: Tensor | None = None) -> Tensor:
    """Undo `windows`: (B, N, span) to (B, n), windows that overlap are averaged.

    Windows where `usable` (B, N) is False do not count; a channel of no other window is 0.
    """
    batch, n, span = patches.shape
    if span == stride:
        return patches.reshape(batch, -1)[:, :n_channels]
    counts = patches.new_ones(batch, n) if usable is None else usable.to(patches)
    weights = counts[..., None].expand_as(patches)
    total, count = (_overlap_add(x, stride) for x in (patches * weights, weights))
    return (total / count.clamp(min=1))[:, :n_channels]


def _overlap_add(patches: Tensor, stride: int) -> Tensor:
    """Add windows (B, N, span) where they lie, (B, (N - 1) stride + span)."""
    _, n, span = patches.shape
    size = (1, (n - 1) * stride + span)
    return F.fold(patches.mT, size, (1, span), stride=(1, stride)).flatten(1)


def fill(values: Tensor, seen: Tensor, patch_length: int) -> Tensor:
    """Replace what is not `seen` (B, n) by the mean of what is seen of the same patch.

    `values` (B, n) that are not seen may be anything, also NaN, and change nothing; a patch of
    which nothing is seen becomes zero.
    """
    good = windows(seen, patch_length, patch_length)
    patches = windows(values.masked_fill(~seen, 0), patch_length, patch_length)
    mean = patches.sum(-1, keepdim=True) / good.sum(-1, keepdim=True).clamp(min=1)
    return join(torch.where(good, patches, mean), values.shape[1], patch_length)


def usable_windows(valid: Tensor, span: int, stride: int, length: Tensor | None = None) -> Tensor:
    """Return which windows may be used, (B, N): at most half of their channels are bad.

    What is missing behind a spectrum's own end is bad, unless the whole spectrum is shorter
    than a window. `length` (B,) is where that end is; None: there is no padding. Windows that
    a spectrum would not have alone are not usable.
    """
    if length is None:
        length = torch.full(valid.shape[:1], valid.shape[1], device=valid.device)
    good = windows(valid, span, stride).sum(-1)  # (B, N)
    start = stride * torch.arange(good.shape[1], device=valid.device)
    own = (start == 0) | (start - stride + span < length[:, None])
    return own & (2 * good >= length[:, None].clamp(max=span))
