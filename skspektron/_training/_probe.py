"""Masked loss beside what it must beat: the mean spectrum and linear interpolation."""

import warnings
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from .._bridge import Spectra, to_array
from .._nn.objectives import masked_error

N_SPECTRA = 256


class MaskedLossProbe(Callback):
    """Record the masked loss on fixed spectra and masks after every window.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Some training spectra, with masks that training does not draw.
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
        self.mean_mse_ = _mean_error(self.batch, self.mean, hidden)
        self.interpolation_mse_ = _interpolation_error(self.batch, hidden)
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
        batch = {name: tensor.to(net.device) for name, tensor in self.batch.items()}
        net.module_.eval()
        with torch.inference_mode():
            masked_mse = masked_error(net.module_.network, batch).mean().item()
        values = net.sampler.step, masked_mse, self.mean_mse_, self.interpolation_mse_
        for name, value in zip(self.RECORDED, values, strict=True):
            net.history.record(name, value)


def masked_loss_probe(
    spectra: Spectra, make_batch: Callable[[int, Tensor], Mapping[str, Tensor]]
) -> MaskedLossProbe:
    """Return the probe on evenly spaced rows of the training spectra."""
    n_samples = len(spectra.values)
    rows = torch.linspace(0, n_samples - 1, min(N_SPECTRA, n_samples)).round().long()
    total, n_valid = (
        torch.zeros(spectra.wavenumber.shape).index_add_(0, spectra.grid, rows_of_grid)
        for rows_of_grid in (spectra.values, spectra.valid.float())
    )
    return MaskedLossProbe(make_batch(-1, rows), total / n_valid.clamp(min=1))


def _mean_error(batch: Mapping[str, Tensor], mean: Tensor, hidden: Tensor) -> float:
    """Mean squared error of the mean spectrum at the hidden channels."""
    error = mean[:, : hidden.shape[1]][batch["grid"]] - batch["values"]
    return (error[hidden] ** 2).mean().item()


def _interpolation_error(batch: Mapping[str, Tensor], hidden: Tensor) -> float:
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
