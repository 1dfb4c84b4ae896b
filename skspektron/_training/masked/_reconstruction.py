"""Reconstruction of hidden patches by a trained network, with its baselines."""

from typing import NamedTuple

import numpy as np
import torch

from ..._bridge import Spectra, to_array
from ..._nn.network import SpektronNetwork
from ..._nn.views import Views
from ._batches import keep_maskable, masked_batch
from ._probe import interpolation_error, mean_error
from ._survey import scan_spectra


class Reconstruction(NamedTuple):
    """Spectra with hidden patches, from low to high wavenumber."""

    wavenumber: np.ndarray  # (n_samples, n_channels) in cm-1, NaN after the end of a row
    values: np.ndarray  # (n_samples, n_channels), NaN where not measured
    reconstruction: np.ndarray  # (n_samples, n_channels)
    hidden: np.ndarray  # (n_samples, n_channels) bool: measured, but hidden from the network
    errors: dict[str, float]  # mean squared, over all hidden channels


def reconstruct(
    network: SpektronNetwork,
    spectra: Spectra,
    mask_ratio: float,
    *,
    seed: int,
    device: str,
    batch_size: int = 256,
) -> Reconstruction:
    """Hide patches of `spectra` and reconstruct them with `network`, which is on `device`.

    Spectra in which no patch or every patch would be hidden are ignored, with a warning.
    """
    maskable, mean = scan_spectra(spectra, network, mask_ratio)
    if not maskable.any():
        raise ValueError(
            f"mask_ratio={mask_ratio:g} hides none or all of the usable patches of "
            f"{network.architecture.patch_length} channels in all {spectra.n_samples} spectra. "
            "Pass another mask_ratio, or a network with shorter patches."
        )
    spectra = keep_maskable(spectra, network, mask_ratio, maskable)
    rows = torch.arange(spectra.n_samples)
    batch = masked_batch(spectra, network, mask_ratio, seed, -1, rows)
    hidden = network.hidden_channels(batch["mask"], batch["valid"])
    parts = []
    with torch.inference_mode():
        for some in rows.split(batch_size):
            part = {name: tensor[some].to(device) for name, tensor in batch.items()}
            parts.append(Views(network, part).reconstruction.cpu())
    reconstruction = torch.cat(parts)
    errors = {
        "masked_mse": (reconstruction - batch["values"])[hidden].square().mean().item(),
        "mean_mse": mean_error(batch, mean.mean(), hidden),
        "interpolation_mse": interpolation_error(batch, hidden),
    }
    return Reconstruction(
        to_array(batch["wavenumber"]),
        to_array(batch["values"].masked_fill(~batch["valid"], torch.nan)),
        to_array(reconstruction),
        to_array(hidden),
        errors,
    )
