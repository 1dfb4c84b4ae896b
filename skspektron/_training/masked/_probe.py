"""Masked error on fixed spectra, with the baselines mean spectrum and interpolation."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from skorch.callbacks import Callback
from skorch.utils import to_device
from torch import Tensor

from ..._bridge import to_array
from ..._nn.network import SpektronNetwork
from ..._nn.objectives import counted, masked_error
from ..engine._net import StepNet
from ..engine._parts import Batch, Size, n_rows, parts
from ._survey import MeanSpectra

N_SPECTRA = 256


class MaskedLossProbe(Callback):
    """Record the masked error on fixed spectra and masks after every window.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Held-out or training spectra, with masks that training does not draw.
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
                f"of {network.architecture.patch_length} channels are narrower than the bands, and "
                "their reconstruction is too easy. Pass an architecture with longer patches.",
                stacklevel=2,
            )

    def on_epoch_end(self, net, **kwargs):
        """Record the errors at the end of a window."""
        with net.evaluated() as module, torch.inference_mode():
            network = module.network
            masked_mse = mean_in_parts(
                net,
                self.batch,
                partial(n_counted, network),
                lambda part: masked_error(network, part).mean(),
            )
        values = net.sampler.step, masked_mse, self.mean_mse_, self.interpolation_mse_
        for name, value in zip(self.RECORDED, values, strict=True):
            net.history.record(name, value)


def masked_loss_probe(
    make_batch: Callable[[int, Tensor], Mapping[str, Tensor]],
    rows: Tensor,
    held_out: Tensor,
    mean: MeanSpectra,
) -> MaskedLossProbe:
    """Return the probe on evenly spaced held-out rows, or training rows if none are held out."""
    probed = held_out if len(held_out) else rows
    chosen = torch.linspace(0, len(probed) - 1, min(N_SPECTRA, len(probed))).round().long()
    return MaskedLossProbe(make_batch(-1, probed[chosen]), mean.mean())


def n_counted(network: SpektronNetwork, batch: Batch) -> Tensor:
    """Return the number of channels of a batch that the masked error is averaged over."""
    return counted(
        network.hidden_channels(batch["mask"], batch["valid"]), batch.get("weight")
    ).sum()


def mean_in_parts(net: StepNet, batch: Batch, size: Size, mean: Callable[[Batch], Tensor]) -> float:
    """Return a mean over the items that `size` counts, in micro-batches as in training."""
    batch_size = net.sampler.batch_size
    most = min(net.recipe.micro_batch_size or batch_size, batch_size)
    return sum(
        fraction * mean(to_device(part, net.device)).item()
        for part, fraction in parts(batch, range(n_rows(batch)), most, size)
    )


def mean_error(batch: Mapping[str, Tensor], mean: Tensor, hidden: Tensor) -> float:
    """Return the mean squared error of the mean spectrum at hidden channels with weight."""
    error = mean[:, : hidden.shape[1]][batch["grid"]] - batch["values"]
    return (error[counted(hidden, batch.get("weight"))] ** 2).mean().item()


def interpolation_error(batch: Mapping[str, Tensor], hidden: Tensor) -> float:
    """Return the mean squared error of linear interpolation between the visible channels."""
    visible, scored = batch["valid"] & ~hidden, counted(hidden, batch.get("weight"))
    arrays = map(to_array, (batch["values"], batch["wavenumber"], visible, scored))
    errors = [
        np.interp(axis[target], axis[known], row[known]) - row[target]
        for row, axis, known, target in zip(*arrays, strict=True)
        if known.any()
    ]
    return float(np.mean(np.concatenate(errors) ** 2))
