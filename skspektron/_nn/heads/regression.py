"""Reference values from the latent."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class RegressionHead(nn.Module):
    """Predict reference values from the latent by a multilayer perceptron.

    It is trained on standardised targets, whatever their units, and predicts in those units.

    Parameters
    ----------
    d_latent : int
        Width of the latent.
    n_targets : int
        Reference values of a sample.
    d_hidden : sequence of int, default=(256, 128)
        Widths of the hidden layers.
    dropout : float, default=0.1
        Share of every hidden layer dropped in training.
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
        """Take mean and standard deviation (ddof 0) of the labels (n, n_targets), NaN left out.

        A target without spread keeps a scale of 1, one without labels a mean of 0 as well.
        """
        known = y.isfinite()
        count = known.sum(0).clamp(min=1)
        mean = torch.where(known, y, 0).sum(0) / count
        scale = (torch.where(known, y - mean, 0).square().sum(0) / count).sqrt()
        # Rounding of equal labels is no spread.
        flat = scale <= 10 * torch.finfo(y.dtype).eps * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(flat, 1, scale))

    def forward(self, z: Tensor) -> Tensor:
        """Predict targets (B, n_targets), in their units, from latents (B, d_latent)."""
        return self.mean + self.scale * self.predict(z)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error on standardised `y` (B, n_targets), NaN left out."""
        known = y.isfinite()
        goal = torch.where(known, (y - self.mean) / self.scale, 0)
        error = torch.where(known, self.predict(z) - goal, 0)
        return error.square().sum() / known.sum().clamp(min=1)
