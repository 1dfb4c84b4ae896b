"""Batches of pretraining: spectra with hidden patches, and partners on other instruments."""

import warnings
from typing import Any

import torch
from torch import Tensor

from ..._bridge import Rows
from ..._nn.masking import draw_patch_mask
from ..._nn.network import SpektronNetwork
from ..._nn.objectives import OBJECTIVES
from ..engine._steps import step_generator
from ._episodes import Episodes
from ._survey import scan_spectra


def masked_batch(
    spectra: Rows,
    network: SpektronNetwork,
    mask_ratio: float,
    seed: int,
    step: int,
    rows: Tensor,
) -> dict[str, Tensor]:
    """Return rows of `spectra` with patches hidden at random, drawn by seed and step."""
    batch = spectra.batch(rows)
    usable = network.patch_valid(batch["valid"])
    batch["mask"] = draw_patch_mask(usable, mask_ratio, step_generator(seed, step))
    return batch


class Partners:
    """Draw, for every row, a row of the same sample on another instrument, with equal probability.

    In rows sorted by sample and instrument, those of a sample are consecutive, and so are those
    of one of its instruments, which a draw skips.

    Parameters
    ----------
    spectra : Spectra or LazySpectra
        Rows with numbers of their sample and instrument.
    seed : int
        Seed of the run.
    """

    def __init__(self, spectra: Rows, seed: int):
        self.spectra, self.seed = spectra, seed
        both = spectra.sample * spectra.n_instruments + spectra.instrument
        self.order = both.argsort(stable=True)
        start, count = _runs(spectra.sample[self.order])
        own, n_own = _runs(both[self.order])
        place = self.order.argsort()  # position of every row in that order
        self.start, self.count = start[place], (count - n_own)[place]
        self.own, self.n_own = own[place], n_own[place]

    def batch(self, step: int, rows: Tensor) -> dict[str, Any]:
        """Return the partner of every row, or the row itself, and whether there is one."""
        generator = step_generator(self.seed + 1, step)  # masks use the seed itself
        fraction = torch.rand(len(rows), generator=generator)
        paired = self.count[rows] > 0
        which = self.start[rows] + (fraction * self.count[rows]).long()
        which += self.n_own[rows] * (which >= self.own[rows])
        partner = torch.where(paired, self.order[which.where(paired, 0)], rows)
        return {"partner": self.spectra.batch(partner), "paired": paired}


def _runs(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Return start and length of the run of equal numbers of every element (n,)."""
    _, run, length = numbers.unique_consecutive(return_inverse=True, return_counts=True)
    return (length.cumsum(0) - length)[run], length[run]


def keep_maskable(
    spectra: Rows, network: SpektronNetwork, mask_ratio: float, maskable: Tensor | None = None
) -> Rows:
    """Return the spectra that have hidden and visible patches; warn of the others.

    `maskable` (n_samples,) bool is the result of `scan_spectra`. None: it is computed.
    """
    rows = scan_spectra(spectra, network, mask_ratio)[0] if maskable is None else maskable
    if rows.all():
        return spectra
    n_samples, n_channels = spectra.n_samples, spectra.wavenumber.shape[1]
    n_idle = int((~rows).sum())
    message = (
        f"mask_ratio={mask_ratio:g} hides none or all of the usable patches of "
        f"{network.architecture.patch_length} channels in {n_idle} of {n_samples} spectra "
        f"(n_features = {n_channels}). "
    )
    way_out = "They are ignored: drop them."
    if n_idle == n_samples:
        way_out = "The weights are not changed: pass an architecture with shorter patches."
    warnings.warn(message + way_out, stacklevel=2)
    return spectra.take(rows)


class PretrainingBatches:
    """Batches with everything that the objectives need.

    Parameters
    ----------
    spectra : Spectra or LazySpectra
        Training spectra.
    network : SpektronNetwork
        Determines which patches may be hidden.
    objectives : iterable of str
        Names of the objectives.
    mask_ratio : float
        Fraction of the usable patches of a spectrum that are hidden.
    rows : Tensor of shape (n_rows,)
        The training rows; the others are held out for early stopping.
    seed, max_steps : int
        Seed and length of the run.
    """

    def __init__(self, spectra, network, objectives, mask_ratio, *, rows, seed, max_steps):
        self.spectra, self.network, self.mask_ratio = spectra, network, mask_ratio
        self.seed, self.max_steps = seed, max_steps
        needs = needs_of(objectives)
        # Objectives compare instruments within a batch: batches must contain all grids.
        self.mixed = bool(needs & {"instruments", "pairs"})
        self.partners = Partners(spectra, seed) if "pairs" in needs else None
        self.episodes = Episodes(spectra, rows, seed) if "labels" in needs else None

    def __call__(self, step: int, rows: Tensor) -> dict[str, Any]:
        """Return the batch of a step; step -1 is the probe, which is not trained on."""
        batch: dict[str, Any] = masked_batch(
            self.spectra, self.network, self.mask_ratio, self.seed, step, rows
        )
        batch["progress"] = torch.tensor(max(step, 0) / self.max_steps)
        if self.partners:
            batch |= self.partners.batch(step, rows)
        if self.episodes and step >= 0:
            batch["episodes"] = self.episodes.batch(step, len(rows))
        return batch

    def width(self, rows: Tensor) -> Tensor:
        """Return the number of channels by which rows are batched, (n_rows,)."""
        width = self.spectra.wavenumber.isfinite().sum(1)[self.spectra.grid[rows]]
        return torch.zeros_like(width) if self.mixed else width


def needs_of(objectives) -> frozenset[str]:
    """Return the requirements of objectives on data and network."""
    return frozenset().union(*(OBJECTIVES[name].NEEDS for name in objectives))
