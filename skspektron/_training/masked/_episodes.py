"""The small calibrations that pretraining learns from, drawn from labelled spectra."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..._bridge import Rows
from ..engine._steps import step_generator

TRAIN = (25, 55)  # fewest and most training samples
QUERY = (10, 30)  # and samples that are predicted
LEAST = TRAIN[0] + QUERY[0]  # labelled samples on an instrument
ONE_INSTRUMENT, ONE_COLUMN = 0.6, 0.7  # shares of the episodes
STANDARDS = (0, 3, 10)  # one of these, between two instruments
ROWS_AN_EPISODE = 64


@dataclass(frozen=True)
class Product:
    """Rows on one axis whose instruments have samples in common."""

    rows: Tensor  # (n,)
    instrument: Tensor  # (n,)
    sample: Tensor  # (n,)
    y: Tensor  # (n, n_columns) in standard deviations, NaN where unknown; no column without use

    def draw(self, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return an episode: all its rows, and the targets (n_train,) and (n_query,).

        Rows are the training samples on the source, the standards on the target, the queries.
        The standards are the first of the training samples.
        """
        y = standardise(self._target(generator))
        able = instruments_of(self, y)
        source, target = able[torch.randperm(len(able), generator=generator)[[0, -1]]]
        if torch.rand(1, generator=generator) < ONE_INSTRUMENT:
            target = source
        on_source, on_target = (self._samples(which, y, generator) for which in (source, target))
        most = min(TRAIN[1], min(len(on_source), len(on_target)) - QUERY[0])
        train = on_source[: _integer(TRAIN[0], most, generator)]
        query = on_target[~torch.isin(on_target, train)][: QUERY[1]]
        n_standards = STANDARDS[_integer(0, len(STANDARDS) - 1, generator)]
        shared = torch.isin(train, on_target) & (source != target)
        standards = train[shared][:n_standards]
        train = torch.cat([standards, train[~torch.isin(train, standards)]])
        source_rows = self._rows(source, train, y, generator)
        query_rows = self._rows(target, query, y, generator)
        places = torch.cat([source_rows, self._rows(target, standards, y, generator), query_rows])
        return self.rows[places], y[source_rows], y[query_rows]

    def _target(self, generator: Generator) -> Tensor:
        """Return a column, or a random combination of those that are known for all rows, (n,)."""
        full = self.y[:, self.y.isfinite().all(0)]
        if full.shape[1] < 2 or torch.rand(1, generator=generator) < ONE_COLUMN:
            return self.y[:, _integer(0, self.y.shape[1] - 1, generator)]
        return full @ torch.randn(full.shape[1], generator=generator, dtype=full.dtype)

    def _samples(self, instrument: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Return the labelled samples of an instrument in random order."""
        samples = self.sample[(self.instrument == instrument) & y.isfinite()].unique()
        return samples[torch.randperm(len(samples), generator=generator)]

    def _rows(self, instrument, samples: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Return which row of the product is each sample on an instrument; of replicates, one."""
        own = ((self.instrument == instrument) & y.isfinite()).nonzero().flatten()
        own = own[torch.randperm(len(own), generator=generator)]
        return own[(samples[:, None] == self.sample[own]).int().argmax(1)]


class Episodes:
    """Calibrations for every step, a function of seed and step.

    Parameters
    ----------
    spectra : Spectra or LazySpectra
        Rows with targets (n_samples, n_columns).
    rows : Tensor of shape (n_rows,)
        The rows that are trained on.
    seed : int
        Seed of the run.
    """

    def __init__(self, spectra: Rows, rows: Tensor, seed: int):
        self.spectra, self.seed = spectra, seed
        self.products = [
            product for part in products(spectra, rows) if (product := usable(part)) is not None
        ]
        if not self.products:
            most = max((most_labelled(part) for part in products(spectra, rows)), default=0)
            raise ValueError(
                f"The objective 'calibration' needs {LEAST} labelled samples on one instrument "
                f"and axis, with values that differ, and the most are {most}. Pass more samples, "
                "or leave it out."
            )

    def batch(self, step: int, n_rows: int) -> list[dict]:
        """Return one episode for about every 64 rows of a step."""
        generator = step_generator(self.seed + 2, step)  # masks and partners have the others
        return [self._draw(generator) for _ in range(max(round(n_rows / ROWS_AN_EPISODE), 1))]

    def _draw(self, generator: Generator) -> dict:
        """Return an episode as the objective reads it."""
        product = self.products[_integer(0, len(self.products) - 1, generator)]
        rows, y, goal = product.draw(generator)
        autoscaled = torch.rand((), generator=generator) < 0.5
        spectra = self.spectra.batch(rows)
        return {"spectra": spectra, "y": y, "y_query": goal, "autoscaled": autoscaled}


def products(spectra: Rows, rows: Tensor) -> list[Product]:
    """Return the rows apart by axis, and by which instruments have samples in common."""
    grid, unknown = spectra.grid[rows], torch.zeros_like(rows)
    instrument = unknown if spectra.instrument is None else spectra.instrument[rows]
    sample = rows if spectra.sample is None else spectra.sample[rows]
    label = components(_pairs(grid, instrument), _pairs(grid, sample))
    order = label.argsort(stable=True)
    parts = order.split(label.unique(return_counts=True)[1].tolist())
    y = spectra.targets[rows]
    return [Product(rows[part], instrument[part], sample[part], y[part]) for part in parts]


def components(a: Tensor, b: Tensor) -> Tensor:
    """Return equal numbers (n,) for rows that equal numbers in `a` or `b` (n,) connect."""
    label = a
    while True:
        spread = _least(_least(label, b), a)
        if torch.equal(spread, label):
            return label
        label = spread


def usable(product: Product) -> Product | None:
    """Return a product with the columns that an episode can be drawn of, or None without any."""
    y = standardise(product.y)
    kept = [j for j, column in enumerate(y.T) if len(instruments_of(product, column))]
    if not kept:
        return None
    return Product(product.rows, product.instrument, product.sample, y[:, kept])


def instruments_of(product: Product, y: Tensor) -> Tensor:
    """Return the instruments on which enough samples have a target `y` (n,)."""
    names, counts = _count(product, y)
    return names[counts >= LEAST]


def most_labelled(product: Product) -> int:
    """Return the most samples with a target, in one column and on one instrument."""
    known = [column for column in standardise(product.y).T if column.isfinite().any()]
    return max((int(_count(product, column)[1].max()) for column in known), default=0)


def standardise(y: Tensor) -> Tensor:
    """Return targets (n, ...) with zero mean and unit deviation; NaN where they do not vary."""
    centred = y - y.nanmean(0)
    deviation = centred.square().nanmean(0).sqrt()
    return centred / deviation.where(deviation > 1e-9 * y.abs().nan_to_num().amax(0), torch.nan)


def _count(product: Product, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the instruments, and how many samples of each have a target `y` (n,)."""
    known = y.isfinite()
    pairs = torch.stack([product.instrument[known], product.sample[known]]).unique(dim=1)
    return pairs[0].unique(return_counts=True)


def _pairs(a: Tensor, b: Tensor) -> Tensor:
    """Return a number for every distinct pair, (n,)."""
    return (a * (b.max() + 1) + b).unique(return_inverse=True)[1]


def _least(label: Tensor, group: Tensor) -> Tensor:
    """Return the least label among the rows of the same group, (n,)."""
    least = label.new_full((int(group.max()) + 1,), int(label.max()))
    return least.scatter_reduce(0, group, label, "amin")[group]


def _integer(low: int, high: int, generator: Generator) -> int:
    """Return an integer from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=generator))
