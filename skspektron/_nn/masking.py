"""Random masks of the patches that are hidden from the encoder."""

import torch
from torch import Tensor


def count_hidden(usable: Tensor, mask_ratio: float) -> Tensor:
    """Return the number of `usable` patches (B, N) to hide in every spectrum, (B, 1)."""
    return (mask_ratio * usable.sum(1, keepdim=True)).round()


def draw_patch_mask(usable: Tensor, mask_ratio: float, generator: torch.Generator) -> Tensor:
    """Return a random mask that hides the fraction `mask_ratio` of the usable patches.

    `usable` (B, N) is True for patches that may be hidden. The mask (B, N) is True for hidden
    patches, round(`mask_ratio` x usable patches) in every spectrum.
    """
    keys = torch.rand(usable.shape, generator=generator).masked_fill(~usable, 2.0)
    rank = keys.argsort(dim=1).argsort(dim=1)
    return rank < count_hidden(usable, mask_ratio)
