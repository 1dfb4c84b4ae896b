"""What a trained network fills hidden patches with, beside what it must beat."""

from typing import NamedTuple

import numpy as np
import torch

from ..._bridge import Spectra, to_array
from ..._nn.network import SpektronNetwork
from ..._nn.views import Views
from ._batches import instructive, masked_batch
from ._probe import interpolation_error, mean_error
from ._survey import survey


class Reconstruction(NamedTuple):
    """Spectra with hidden patches; arrays run from low to high wavenumber."""

    wavenumber: np.ndarray  # (n_samples, n_channels) in cm-1, NaN behind a row's own end
    values: np.ndarray  # (n_samples, n_channels), NaN where not measured
    reconstruction: np.ndarray  # (n_samples, n_channels)
    hidden: np.ndarray  # (n_samples, n_channels) bool: measured and not shown to the network
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
    """Hide patches of `spectra` and have `network`, which is on `device`, fill them in.

    Spectra in which no patch or every patch would be hidden are left out, with a warning.
    """
    teaching, mean = survey(spectra, network, mask_ratio)
    if not teaching.any():
        raise ValueError(
            f"mask_ratio={mask_ratio:g} hides none or all of the usable patches of "
            f"{network.architecture.patch_length} channels in all {spectra.n_samples} spectra. "
            "Pass another share, or a network with shorter patches."
        )
    spectra = instructive(spectra, network, mask_ratio, teaching)
    rows = torch.arange(spectra.n_samples)
    batch = masked_batch(spectra, network, mask_ratio, seed, -1, rows)
    hidden = network.hidden_channels(batch["mask"], batch["valid"])
    filled = []
    with torch.inference_mode():
        for some in rows.split(batch_size):
            part = {name: tensor[some].to(device) for name, tensor in batch.items()}
            filled.append(Views(network, part).reconstruction.cpu())
    reconstruction = torch.cat(filled)
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
