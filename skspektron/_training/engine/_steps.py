"""The rows and the seed of every optimizer step."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler


class StepSampler(Sampler):
    """The rows of every optimizer step, which depend on seed and step only, for resuming.

    One iteration is one reporting window. A pass over the rows is a permutation cut into batches
    of rows of similar `width` (n_rows,), in random order.
    """

    def __init__(self, width: Tensor, batch_size: int, *, seed: int, max_steps: int, window: int):
        self.width, self.batch_size, self.seed = width, batch_size, seed
        self.max_steps, self.window = max_steps, window
        self.step = 0

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        batches, current = [], -1
        for step in range(self.step, min(self.step + self.window, self.max_steps)):
            n_batches = -(-len(self.width) // self.batch_size)
            if step // n_batches != current:
                current = step // n_batches
                batches = self._shuffle(current)
            yield step, batches[step % n_batches]
            self.step = step + 1

    def _shuffle(self, pass_number: int) -> list[Tensor]:
        generator = step_generator(self.seed, pass_number)
        rows = torch.randperm(len(self.width), generator=generator)
        rows = rows[self.width[rows].argsort(stable=True)]
        batches = rows.split(self.batch_size)
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


class Batches(Dataset):
    """Dataset whose items are the batches `make_batch(step, rows)`."""

    def __init__(self, make_batch: Callable[[int, Tensor], Mapping[str, Tensor]], n_rows: int):
        self.make_batch, self.n_rows = make_batch, n_rows

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, key: tuple[int, Tensor]):
        # skorch expects a target; the objectives read theirs from the batch.
        return self.make_batch(*key), torch.empty(0)


def step_seed(seed: int, step: int) -> int:
    """Return the seed of a step of a run."""
    return (seed * 1_000_003 + step * 7_919 + 1) % 2**63


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return the generator of a step of a run, on the CPU."""
    return torch.Generator().manual_seed(step_seed(seed, step))
