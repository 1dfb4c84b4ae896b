"""Which patches the encoder does not see."""

import torch
from torch import Tensor


def count_hidden(usable: Tensor, mask_ratio: float) -> Tensor:
    """Return how many of the `usable` patches (B, N) of every spectrum are hidden, (B, 1)."""
    return (mask_ratio * usable.sum(1, keepdim=True)).round()


def draw_patch_mask(usable: Tensor, mask_ratio: float, generator: torch.Generator) -> Tensor:
    """Hide round(`mask_ratio` x usable patches) of every spectrum, without replacement.

    `usable` (B, N) is True for patches that may be hidden; the mask (B, N) is True where one is.
    """
    keys = torch.rand(usable.shape, generator=generator).masked_fill(~usable, 2.0)
    rank = keys.argsort(dim=1).argsort(dim=1)
    return rank < count_hidden(usable, mask_ratio)
