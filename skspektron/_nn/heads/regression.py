"""Multilayer perceptron from latents to reference values."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class RegressionHead(nn.Module):
    """Predict reference values from latents by a multilayer perceptron.

    It is trained on standardized reference values and predicts in their original units.

    Parameters
    ----------
    d_latent : int
        Width of the latent.
    n_targets : int
        Number of reference values per sample.
    d_hidden : sequence of int, default=(256, 128)
        Widths of the hidden layers.
    dropout : float, default=0.1
        Fraction of every hidden layer set to zero in training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        d_latent: int,
        n_targets: int,
        d_hidden: Sequence[int] = (256, 128),
        dropout: float = 0.1,
    ):
        super().__init__()
        widths = (d_latent, *d_hidden)
        hidden = [
            nn.Sequential(nn.Linear(n_in, n_out), nn.GELU(), nn.Dropout(dropout))
            for n_in, n_out in pairwise(widths)
        ]
        self.predict = nn.Sequential(*hidden, nn.Linear(widths[-1], n_targets))
        self.register_buffer("mean", torch.zeros(n_targets))
        self.register_buffer("scale", torch.ones(n_targets))

    @torch.no_grad()
    def standardize(self, y: Tensor) -> None:
        """Set mean and scale to mean and standard deviation (ddof 0) of `y` (n, n_targets).

        NaN is ignored. The scale of a constant target is 1; a target without labels has mean 0
        and scale 1.
        """
        known = y.isfinite()
        count = known.sum(0).clamp(min=1)
        mean = torch.where(known, y, 0).sum(0) / count
        scale = (torch.where(known, y - mean, 0).square().sum(0) / count).sqrt()
        # The standard deviation of equal labels may be a rounding error instead of 0.
        constant = scale <= 10 * torch.finfo(y.dtype).eps * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1, scale))

    def forward(self, z: Tensor) -> Tensor:
        """Return predictions (B, n_targets), in original units, from latents (B, d_latent)."""
        return self.mean + self.scale * self.predict(z)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error on standardized `y` (B, n_targets), ignoring NaN."""
        known = y.isfinite()
        expected = torch.where(known, (y - self.mean) / self.scale, 0)
        error = torch.where(known, self.predict(z) - expected, 0)
        return error.square().sum() / known.sum().clamp(min=1)
