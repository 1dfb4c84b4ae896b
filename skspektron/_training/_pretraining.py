"""Self-supervised training of a network on spectra."""

import warnings
from collections.abc import Mapping
from functools import partial

import numpy as np
from skorch.callbacks import Callback
from torch import Tensor

from .._bridge import Spectra, seeded
from .._nn.architecture import Architecture
from .._nn.masking import count_hidden, draw_patch_mask
from .._nn.network import SpektronNetwork
from .._nn.objectives import PretrainingTask
from ._callbacks import ProgressBar
from ._checkpoint import Checkpoint
from ._net import Batches, StepNet, StepSampler, step_generator
from ._probe import MaskedLossProbe, masked_loss_probe

UNDECAYED = ("*.bias", "*norm*", "*.nu", "*.phi", "*.D")
MASK_TOKEN_RATE = 10  # times the learning rate of the rest


def new_network(architecture: Architecture, seed: int) -> SpektronNetwork:
    """Return a network with freshly drawn weights."""
    with seeded(seed):
        return SpektronNetwork(architecture)


def masked_batch(
    spectra: Spectra,
    network: SpektronNetwork,
    mask_ratio: float,
    seed: int,
    step: int,
    rows: Tensor,
) -> dict[str, Tensor]:
    """Return rows of `spectra` with patches hidden at random, a function of seed and step."""
    batch = spectra.batch(rows)
    usable = network.patch_valid(batch["valid"])
    batch["mask"] = draw_patch_mask(usable, mask_ratio, step_generator(seed, step))
    return batch


def instructive(spectra: Spectra, network: SpektronNetwork, mask_ratio: float) -> Spectra:
    """Return the spectra with hidden and with visible patches; the others teach nothing."""
    usable = network.patch_valid(spectra.valid)
    n_hidden = count_hidden(usable, mask_ratio)
    rows = ((n_hidden > 0) & (n_hidden < usable.sum(1, keepdim=True))).flatten()
    if rows.all():
        return spectra
    n_idle, (n_samples, n_channels) = int((~rows).sum()), spectra.values.shape
    message = (
        f"mask_ratio={mask_ratio:g} hides none or all of the usable patches of "
        f"{network.architecture.patch_length} channels in {n_idle} of {n_samples} spectra "
        f"(n_features = {n_channels}). "
    )
    way_out = "They are left out: drop them."
    if n_idle == n_samples:
        way_out = "The weights stay as they are: pass an architecture with shorter patches."
    warnings.warn(message + way_out, stacklevel=2)
    return spectra._replace(
        values=spectra.values[rows], valid=spectra.valid[rows], grid=spectra.grid[rows]
    )


def pretrain(
    network: SpektronNetwork,
    spectra: Spectra,
    *,
    objectives: Mapping[str, float],
    mask_ratio: float,
    max_steps: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    warmup_steps: int,
    seed: int,
    device: str,
    report_every: int,
    verbose: int,
    checkpoint=None,
    fingerprint: Mapping | None = None,
) -> list[dict[str, float]]:
    """Train `network` in place; return one record a reporting window."""
    spectra = instructive(spectra, network, mask_ratio)
    if not len(spectra.values):
        return []
    make_batch = partial(masked_batch, spectra, network, mask_ratio, seed)
    width = spectra.wavenumber.isfinite().sum(1)[spectra.grid]
    sampler = StepSampler(width, batch_size, seed=seed, max_steps=max_steps, window=report_every)
    callbacks: list[Callback] = [masked_loss_probe(spectra, make_batch)]
    if checkpoint is not None:
        callbacks.append(Checkpoint(checkpoint, dict(fingerprint or {})))
    if verbose:  # behind the checkpoint, which says where the bar begins
        callbacks.append(ProgressBar("pretraining", MaskedLossProbe.SHOWN))
    net = StepNet(
        PretrainingTask(network, objectives),
        Batches(make_batch, len(width)),
        sampler,
        weights=objectives,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup_steps=warmup_steps,
        device=device,
        param_groups=[
            (
                "*.mask_token",
                {"lr": MASK_TOKEN_RATE * learning_rate, "weight_decay": 0.0},
            ),
            *((pattern, {"weight_decay": 0.0}) for pattern in UNDECAYED),
        ],
        callbacks=callbacks,
    ).train()
    seconds = np.cumsum([record["dur"] for record in net.history])
    kept = (*MaskedLossProbe.RECORDED, "train_loss", *objectives)
    return [
        {name: float(record[name]) for name in kept} | {"seconds": float(elapsed)}
        for record, elapsed in zip(net.history, seconds, strict=True)
    ]
