"""Masked loss beside what it must beat: the mean spectrum and linear interpolation."""

import warnings
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from skorch.callbacks import Callback
from skorch.utils import to_device
from torch import Tensor

from .._bridge import to_array
from .._nn.objectives import masked_error
from ._survey import MeanSpectra

N_SPECTRA = 256


class MaskedLossProbe(Callback):
    """Record the masked loss on fixed spectra and masks after every window.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Some spectra, held out or trained on, with masks that training does not draw.
    mean : Tensor of shape (n_grids, n_channels)
        Mean training spectrum of every grid.
    """

    RECORDED = ("step", "masked_mse", "mean_mse", "interpolation_mse")
    SHOWN: ClassVar[Mapping[str, str]] = {
        "masked": "masked_mse",
        "mean": "mean_mse",
        "interpolation": "interpolation_mse",
    }

    def __init__(self, batch: Mapping[str, Tensor], mean: Tensor):
        self.batch, self.mean = batch, mean

    def on_train_begin(self, net, **kwargs):
        """Compute both baselines once."""
        network = net.module_.network
        hidden = network.hidden_channels(
            self.batch["mask"].to(net.device), self.batch["valid"].to(net.device)
        ).cpu()
        self.mean_mse_ = mean_error(self.batch, self.mean, hidden)
        self.interpolation_mse_ = interpolation_error(self.batch, hidden)
        if self.interpolation_mse_ < self.mean_mse_:
            warnings.warn(
                "Linear interpolation across the hidden patches has a mean squared error of "
                f"{self.interpolation_mse_:.3g}, the mean spectrum {self.mean_mse_:.3g}: patches "
                f"of {network.architecture.patch_length} channels are narrower than the bands "
                "and teach little. Pass an architecture with longer patches.",
                stacklevel=2,
            )

    def on_epoch_end(self, net, **kwargs):
        """Record the losses at the end of a window."""
        batch = to_device(self.batch, net.device)
        with net.evaluated() as module, torch.inference_mode():
            masked_mse = masked_error(module.network, batch).mean().item()
        values = net.sampler.step, masked_mse, self.mean_mse_, self.interpolation_mse_
        for name, value in zip(self.RECORDED, values, strict=True):
            net.history.record(name, value)


def masked_loss_probe(
    make_batch: Callable[[int, Tensor], Mapping[str, Tensor]],
    rows: Tensor,
    held_out: Tensor,
    mean: MeanSpectra,
) -> MaskedLossProbe:
    """Return the probe on evenly spaced rows of those held out, or else of those trained on."""
    probed = held_out if len(held_out) else rows
    chosen = torch.linspace(0, len(probed) - 1, min(N_SPECTRA, len(probed))).round().long()
    return MaskedLossProbe(make_batch(-1, probed[chosen]), mean.mean())


def mean_error(batch: Mapping[str, Tensor], mean: Tensor, hidden: Tensor) -> float:
    """Mean squared error of the mean spectrum at the hidden channels."""
    error = mean[:, : hidden.shape[1]][batch["grid"]] - batch["values"]
    return (error[hidden] ** 2).mean().item()


def interpolation_error(batch: Mapping[str, Tensor], hidden: Tensor) -> float:
    """Mean squared error of interpolating the visible channels, ends held."""
    values, wavenumber, visible, hidden = map(
        to_array, (batch["values"], batch["wavenumber"], batch["valid"] & ~hidden, hidden)
    )
    errors = [
        np.interp(axis[hide], axis[see], row[see]) - row[hide]
        for row, axis, see, hide in zip(values, wavenumber, visible, hidden, strict=True)
        if see.any()
    ]
    return float(np.mean(np.concatenate(errors) ** 2))
