"""Small calibration problems (episodes) drawn from labelled spectra for pretraining."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..._bridge import Rows
from ..engine._steps import step_generator

N_TRAIN = (25, 55)  # smallest and largest number of training samples
N_QUERY = (10, 30)  # the same for predicted samples
MIN_LABELLED = N_TRAIN[0] + N_QUERY[0]  # labelled samples on an instrument
P_ONE_INSTRUMENT, P_ONE_COLUMN = 0.6, 0.7  # probabilities of these kinds of episodes
N_STANDARDS = (0, 3, 10)  # possible numbers of standards between two instruments
ROWS_PER_EPISODE = 64


@dataclass(frozen=True)
class Product:
    """Rows on one axis whose instruments share samples."""

    rows: Tensor  # (n,)
    instrument: Tensor  # (n,)
    sample: Tensor  # (n,)
    y: Tensor  # (n, n_columns) in standard deviations, NaN where unknown; usable columns only

    def draw(self, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the rows of an episode, and its targets (n_train,) and (n_query,).

        The rows are the training samples on the source, the standards on the target, and the
        predicted samples. The standards come first among the training samples.
        """
        y = standardize(self._target(generator))
        able = instruments_of(self, y)
        source, target = able[torch.randperm(len(able), generator=generator)[[0, -1]]]
        if torch.rand(1, generator=generator) < P_ONE_INSTRUMENT:
            target = source
        on_source, on_target = (self._samples(which, y, generator) for which in (source, target))
        most = min(N_TRAIN[1], min(len(on_source), len(on_target)) - N_QUERY[0])
        train = on_source[: _integer(N_TRAIN[0], most, generator)]
        query = on_target[~torch.isin(on_target, train)][: N_QUERY[1]]
        n_standards = N_STANDARDS[_integer(0, len(N_STANDARDS) - 1, generator)]
        shared = torch.isin(train, on_target) & (source != target)
        standards = train[shared][:n_standards]
        train = torch.cat([standards, train[~torch.isin(train, standards)]])
        source_rows = self._rows(source, train, y, generator)
        query_rows = self._rows(target, query, y, generator)
        places = torch.cat([source_rows, self._rows(target, standards, y, generator), query_rows])
        return self.rows[places], y[source_rows], y[query_rows]

    def _target(self, generator: Generator) -> Tensor:
        """Return a column, or a random combination of the columns without NaN, (n,)."""
        full = self.y[:, self.y.isfinite().all(0)]
        if full.shape[1] < 2 or torch.rand(1, generator=generator) < P_ONE_COLUMN:
            return self.y[:, _integer(0, self.y.shape[1] - 1, generator)]
        return full @ torch.randn(full.shape[1], generator=generator, dtype=full.dtype)

    def _samples(self, instrument: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Return the labelled samples of an instrument in random order."""
        samples = self.sample[(self.instrument == instrument) & y.isfinite()].unique()
        return samples[torch.randperm(len(samples), generator=generator)]

    def _rows(self, instrument, samples: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Return the row of every sample on an instrument, one of its replicates."""
        own = ((self.instrument == instrument) & y.isfinite()).nonzero().flatten()
        own = own[torch.randperm(len(own), generator=generator)]
        return own[(samples[:, None] == self.sample[own]).int().argmax(1)]


class Episodes:
    """Calibration problems of every step, drawn by seed and step.

    Parameters
    ----------
    spectra : Spectra or LazySpectra
        Rows with targets (n_samples, n_columns).
    rows : Tensor of shape (n_rows,)
        The training rows.
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
                f"'calibration' and 'complement' need {MIN_LABELLED} labelled samples on one "
                f"instrument and axis, with reference values that differ, got at most {most}. "
                "Pass more samples, or remove the objective."
            )

    def batch(self, step: int, n_rows: int) -> list[dict]:
        """Return one episode per 64 rows of a step."""
        generator = step_generator(self.seed + 2, step)  # masks and partners use seed and seed + 1
        return [self._draw(generator) for _ in range(max(round(n_rows / ROWS_PER_EPISODE), 1))]

    def _draw(self, generator: Generator) -> dict:
        """Return an episode as the objective expects it."""
        product = self.products[_integer(0, len(self.products) - 1, generator)]
        rows, y, y_query = product.draw(generator)
        autoscaled = torch.rand((), generator=generator) < 0.5
        spectra = self.spectra.batch(rows)
        if "derivative_scale" in spectra:  # that of the training samples, as in an embedder
            spectra["derivative_scale"] = spectra["derivative_scale"][:1].expand(len(rows))
        return {"spectra": spectra, "y": y, "y_query": y_query, "autoscaled": autoscaled}


def products(spectra: Rows, rows: Tensor) -> list[Product]:
    """Return the rows grouped by axis and by instruments that share samples."""
    grid, unknown = spectra.grid[rows], torch.zeros_like(rows)
    instrument = unknown if spectra.instrument is None else spectra.instrument[rows]
    sample = rows if spectra.sample is None else spectra.sample[rows]
    label = components(_pairs(grid, instrument), _pairs(grid, sample))
    order = label.argsort(stable=True)
    parts = order.split(label.unique(return_counts=True)[1].tolist())
    y = spectra.targets[rows]
    return [Product(rows[part], instrument[part], sample[part], y[part]) for part in parts]


def components(a: Tensor, b: Tensor) -> Tensor:
    """Return the connected components (n,) of rows with equal numbers in `a` or `b` (n,)."""
    label = a
    while True:
        spread = _group_min(_group_min(label, b), a)
        if torch.equal(spread, label):
            return label
        label = spread


def usable(product: Product) -> Product | None:
    """Return a product with the columns that have enough labels, or None without any."""
    y = standardize(product.y)
    kept = [j for j, column in enumerate(y.T) if len(instruments_of(product, column))]
    if not kept:
        return None
    return Product(product.rows, product.instrument, product.sample, y[:, kept])


def instruments_of(product: Product, y: Tensor) -> Tensor:
    """Return the instruments with enough samples with a target `y` (n,)."""
    names, counts = _count(product, y)
    return names[counts >= MIN_LABELLED]


def most_labelled(product: Product) -> int:
    """Return the largest number of labelled samples of a column on an instrument."""
    known = [column for column in standardize(product.y).T if column.isfinite().any()]
    return max((int(_count(product, column)[1].max()) for column in known), default=0)


def standardize(y: Tensor) -> Tensor:
    """Return targets (n, ...) with zero mean and unit deviation, or NaN if constant."""
    centred = y - y.nanmean(0)
    deviation = centred.square().nanmean(0).sqrt()
    return centred / deviation.where(deviation > 1e-9 * y.abs().nan_to_num().amax(0), torch.nan)


def _count(product: Product, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the instruments, and the number of samples of each with a target `y` (n,)."""
    known = y.isfinite()
    pairs = torch.stack([product.instrument[known], product.sample[known]]).unique(dim=1)
    return pairs[0].unique(return_counts=True)


def _pairs(a: Tensor, b: Tensor) -> Tensor:
    """Return the number of the pair (a, b) of every row, (n,)."""
    return (a * (b.max() + 1) + b).unique(return_inverse=True)[1]


def _group_min(label: Tensor, group: Tensor) -> Tensor:
    """Return the smallest label among the rows of the same group, (n,)."""
    smallest = label.new_full((int(group.max()) + 1,), int(label.max()))
    return smallest.scatter_reduce(0, group, label, "amin")[group]


def _integer(low: int, high: int, generator: Generator) -> int:
    """Return an integer from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=generator))
