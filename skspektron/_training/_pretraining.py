"""Self-supervised training of a network on spectra."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from skorch.callbacks import Callback

from .._bridge import Rows, one_torch_thread, seeded, work_of
from .._nn.architecture import Architecture
from .._nn.network import SpektronNetwork
from .._nn.objectives import PretrainingTask
from .._typing import PathLike
from ._scales import with_derivative_scales
from .engine._callbacks import ProgressBar
from .engine._checkpoint import Checkpoint
from .engine._groups import parameter_groups
from .engine._log import HistoryLog, records
from .engine._net import StepNet
from .engine._processes import join
from .engine._recipe import Recipe
from .engine._stopping import EarlyStopping, hold_out
from .masked._batches import PretrainingBatches, keep_maskable, needs_of
from .masked._probe import MaskedLossProbe, masked_loss_probe, n_counted
from .masked._survey import scan_spectra


def new_network(architecture: Architecture, seed: int) -> SpektronNetwork:
    """Return a network with random initial weights."""
    with seeded(seed):
        return SpektronNetwork(architecture)


def _new_task(
    network: SpektronNetwork, objectives: Mapping[str, float], n_instruments: int, seed: int
) -> PretrainingTask:
    """Return a network with its objectives, whose parameters are random."""
    with seeded(seed + 1):  # not the random numbers of the network's weights
        return PretrainingTask(network, objectives, n_instruments)


def _check_uncut(objectives: Mapping[str, float], recipe: Recipe) -> None:
    """Refuse to cut batches that hold episodes."""
    if "labels" not in needs_of(objectives):
        return
    n_processes = join(recipe.device).count
    length = min(recipe.micro_batch_size or recipe.batch_size, recipe.batch_size)
    if n_processes > 1 or length < recipe.batch_size:
        raise ValueError(
            f"batch_size={recipe.batch_size} is split into parts of {length} in {n_processes} "
            "processes, and the episodes of 'calibration' and 'complement' must not be split. Pass "
            "micro_batch_size=None and train in one process, or remove the objective."
        )


def pretrain(
    network: SpektronNetwork, spectra: Rows, recipe: Recipe, **options: Any
) -> list[dict[str, float]]:
    """Train `network` in place, as `_pretrain`, on one thread if it is small."""
    _check_uncut(options["objectives"], recipe)
    work = work_of(network, recipe.micro_batch_size or recipe.batch_size)
    with one_torch_thread(work):
        return _pretrain(network, spectra, recipe, **options)


def _pretrain(
    network: SpektronNetwork,
    spectra: Rows,
    recipe: Recipe,
    *,
    objectives: Mapping[str, float],
    mask_ratio: float,
    hold_out_seed: int | None = None,
    checkpoint: PathLike | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    log: PathLike | None = None,
    earlier: Sequence[dict[str, float]] = (),
) -> list[dict[str, float]]:
    """Train `network` in place; return the `earlier` records and one per reporting window.

    With early stopping, all rows of a physical sample are either trained on or held out;
    `hold_out_seed` (None: the seed of the recipe) draws which.
    """
    spectra = with_derivative_scales(spectra, network, keeps_corpus=bool(earlier))
    maskable, mean = scan_spectra(spectra, network, mask_ratio, recipe.verbose)
    spectra = keep_maskable(spectra, network, mask_ratio, maskable)
    n_samples, stops_early = spectra.n_samples, recipe.n_iter_no_change is not None
    if not n_samples:
        return list(earlier)
    rows, held_out = torch.arange(n_samples), torch.arange(0)
    if stops_early:
        seed = recipe.seed if hold_out_seed is None else hold_out_seed
        rows, held_out = hold_out(n_samples, recipe.validation_fraction, seed, spectra.sample)
        mean.remove(spectra, held_out)
    make_batch = PretrainingBatches(
        spectra,
        network,
        objectives,
        mask_ratio,
        rows=rows,
        seed=recipe.seed,
        max_steps=recipe.max_steps,
    )
    recorded = (*MaskedLossProbe.RECORDED, "train_loss", *objectives, "n_skipped")
    # The order matters: the probe records what early stopping reads, the checkpoint saves the
    # decision, and where it resumes, log and progress bar follow.
    callbacks: dict[Callback, bool] = {
        masked_loss_probe(make_batch, rows, held_out, mean): True,
        EarlyStopping(recipe.n_iter_no_change): stops_early,
        Checkpoint(checkpoint, dict(fingerprint or {})): checkpoint is not None,
        HistoryLog(log, recorded, earlier): log is not None,
        ProgressBar("pretraining", MaskedLossProbe.SHOWN): bool(recipe.verbose),
    }
    net = StepNet(
        _new_task(network, objectives, spectra.n_instruments, recipe.seed),
        recipe,
        lambda step, chosen: make_batch(step, rows[chosen]),
        len(rows),
        weights=objectives,
        width=make_batch.width(rows),
        param_groups=parameter_groups(recipe.learning_rate),
        callbacks=[callback for callback, wanted in callbacks.items() if wanted],
        size=partial(n_counted, network),
        parallel=True,
    ).train()
    return records(net.history, recorded, earlier)
