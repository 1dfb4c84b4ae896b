"""Windows of neighbouring channels, and which of them are usable."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..architecture import n_windows


def windows(x: Tensor, span: int, stride: int) -> Tensor:
    """Cut (B, n) into windows (B, N, span) with a distance of `stride` channels.

    The last window is padded with zeros (False).
    """
    n = n_windows(x.shape[-1], span, stride)
    x = F.pad(x, (0, (n - 1) * stride + span - x.shape[-1]))
    return x.unfold(-1, span, stride)


def join(patches: Tensor, n_channels: int, stride: int, usable: Tensor | None = None) -> Tensor:
    """Invert `windows`, from (B, N, span) to (B, n), averaging over windows that overlap.

    Windows where `usable` (B, N) is False are ignored; channels without a usable window are 0.
    """
    batch, n, span = patches.shape
    if span == stride:
        return patches.reshape(batch, -1)[:, :n_channels]
    counts = patches.new_ones(batch, n) if usable is None else usable.to(patches)
    weights = counts[..., None].expand_as(patches)
    total, count = (_overlap_add(x, stride) for x in (patches * weights, weights))
    return (total / count.clamp(min=1))[:, :n_channels]


def _overlap_add(patches: Tensor, stride: int) -> Tensor:
    """Sum windows (B, N, span) at their positions, (B, (N - 1) stride + span)."""
    _, n, span = patches.shape
    size = (1, (n - 1) * stride + span)
    return F.fold(patches.mT, size, (1, span), stride=(1, stride)).flatten(1)


def fill(values: Tensor, seen: Tensor, patch_length: int) -> Tensor:
    """Replace values (B, n) that are not `seen` by the mean of the seen ones in their patch.

    Values that are not seen, including NaN, have no influence. A patch without seen values is
    filled with zeros.
    """
    good = windows(seen, patch_length, patch_length)
    patches = windows(values.masked_fill(~seen, 0), patch_length, patch_length)
    mean = patches.sum(-1, keepdim=True) / good.sum(-1, keepdim=True).clamp(min=1)
    return join(torch.where(good, patches, mean), values.shape[1], patch_length)


def usable_windows(valid: Tensor, span: int, stride: int, length: Tensor | None = None) -> Tensor:
    """Return which windows are usable, (B, N): those with at most half of their channels bad.

    Padding counts as bad, unless the whole spectrum is shorter than a window. `length` (B,) is
    the number of channels without padding. None: no padding. Windows that a spectrum would not
    have without padding are not usable.
    """
    if length is None:
        length = torch.full(valid.shape[:1], valid.shape[1], device=valid.device)
    good = windows(valid, span, stride).sum(-1)  # (B, N)
    start = stride * torch.arange(good.shape[1], device=valid.device)
    own = (start == 0) | (start - stride + span < length[:, None])
    return own & (2 * good >= length[:, None].clamp(max=span))
