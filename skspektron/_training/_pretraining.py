"""Self-supervised training of a network on spectra."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from skorch.callbacks import Callback

from .._bridge import Rows, seeded
from .._nn.architecture import Architecture
from .._nn.network import SpektronNetwork
from .._nn.objectives import PretrainingTask
from .engine._callbacks import ProgressBar
from .engine._checkpoint import Checkpoint
from .engine._groups import parameter_groups
from .engine._log import HistoryLog, records
from .engine._net import StepNet
from .engine._processes import join
from .engine._steps import Batches, StepSampler
from .engine._stopping import EarlyStopping, hold_out
from .masked._batches import PretrainingBatches, instructive, needs_of
from .masked._probe import MaskedLossProbe, masked_loss_probe, n_counted
from .masked._survey import survey


def new_network(architecture: Architecture, seed: int) -> SpektronNetwork:
    """Return a network with freshly drawn weights."""
    with seeded(seed):
        return SpektronNetwork(architecture)


def _new_task(
    network: SpektronNetwork, objectives: Mapping[str, float], n_instruments: int, seed: int
) -> PretrainingTask:
    """Return a network with its objectives, whose own parts are freshly drawn."""
    with seeded(seed + 1):  # not the numbers that the network's weights were drawn with
        return PretrainingTask(network, objectives, n_instruments)


def _refuse_parts(
    objectives, batch_size: int, *, device: str, micro_batch_size: int | None = None, **_settings
) -> None:
    """Refuse to cut a batch whose episodes belong together."""
    if "labels" not in needs_of(objectives):
        return
    n_processes, length = join(device).count, min(micro_batch_size or batch_size, batch_size)
    if n_processes > 1 or length < batch_size:
        raise ValueError(
            f"batch_size={batch_size} is cut into parts of {length} in {n_processes} processes, "
            "and an episode of the objective 'calibration' cannot be. Pass micro_batch_size=None "
            "and train in one process, or leave the objective out."
        )


def pretrain(
    network: SpektronNetwork,
    spectra: Rows,
    *,
    objectives: Mapping[str, float],
    mask_ratio: float,
    max_steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    report_every: int,
    verbose: int,
    checkpoint=None,
    fingerprint: Mapping | None = None,
    log=None,
    earlier: Sequence[dict[str, float]] = (),
    n_iter_no_change: int | None = None,
    hold_out_seed: int | None = None,
    validation_fraction: float = 0.1,
    **settings,
) -> list[dict[str, float]]:
    """Train `network` in place; return one record a reporting window, behind `earlier` ones.

    With `n_iter_no_change`, a physical sample is among those trained on or among those that
    decide when to stop, never both; `hold_out_seed` (None: `seed`) draws them. The other settings
    are those of `StepNet`.
    """
    _refuse_parts(objectives, batch_size, **settings)
    teaching, mean = survey(spectra, network, mask_ratio)
    spectra = instructive(spectra, network, mask_ratio, teaching)
    n_samples = spectra.n_samples
    if not n_samples:
        return list(earlier)
    rows, held_out = torch.arange(n_samples), torch.arange(0)
    if n_iter_no_change is not None:
        draw = seed if hold_out_seed is None else hold_out_seed
        rows, held_out = hold_out(n_samples, validation_fraction, draw, spectra.sample)
        mean.take_away(spectra, held_out)
    make_batch = PretrainingBatches(
        spectra, network, objectives, mask_ratio, rows=rows, seed=seed, max_steps=max_steps
    )
    recorded = (*MaskedLossProbe.RECORDED, "train_loss", *objectives, "n_skipped")
    # The probe records what decides when to stop; the checkpoint, which saves that decision,
    # says where log and progress go on.
    callbacks: dict[Callback, bool] = {
        masked_loss_probe(make_batch, rows, held_out, mean): True,
        EarlyStopping(n_iter_no_change): n_iter_no_change is not None,
        Checkpoint(checkpoint, dict(fingerprint or {})): checkpoint is not None,
        HistoryLog(log, recorded, earlier): log is not None,
        ProgressBar("pretraining", MaskedLossProbe.SHOWN): bool(verbose),
    }
    net = StepNet(
        _new_task(network, objectives, spectra.n_instruments, seed),
        Batches(lambda step, chosen: make_batch(step, rows[chosen]), len(rows)),
        StepSampler(
            make_batch.width(rows), batch_size, seed=seed, max_steps=max_steps, window=report_every
        ),
        weights=objectives,
        learning_rate=learning_rate,
        param_groups=parameter_groups(learning_rate),
        callbacks=[callback for callback, wanted in callbacks.items() if wanted],
        size=partial(n_counted, network),
        parallel=True,
        **settings,
    ).train()
    return records(net.history, recorded, earlier)
