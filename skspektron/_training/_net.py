"""skorch's net, counted in optimiser steps."""

from collections.abc import Callable, Iterator, Mapping

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, GradientNormClipping, PassthroughScoring
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler

from .._bridge import seeded
from ._callbacks import WarmupCosine


class StepSampler(Sampler):
    """The rows of every optimiser step: a function of seed and step, so that training resumes.

    One iteration is one reporting window. A pass over the rows is a permutation cut into
    batches; `width` (n_rows,) keeps rows of similar length together, in batches whose
    order is drawn too.
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
    """The batch of a step, made by `make_batch(step, rows)`."""

    def __init__(self, make_batch: Callable[[int, Tensor], Mapping[str, Tensor]], n_rows: int):
        self.make_batch, self.n_rows = make_batch, n_rows

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, key: tuple[int, Tensor]):
        # skorch expects a target; every objective finds its own in the batch.
        return self.make_batch(*key), torch.empty(0)


class WeightedSum(nn.Module):
    """The total of named losses."""

    def __init__(self, weights: Mapping[str, float]):
        super().__init__()
        self.weights = dict(weights)

    def forward(self, losses: Mapping[str, Tensor], _target) -> Tensor:
        """Return the weighted sum."""
        return sum(weight * losses[name] for name, weight in self.weights.items())


class StepNet(NeuralNet):
    """Train a module that maps a batch to named losses, for `max_steps` optimiser steps.

    An epoch of skorch is a reporting window of steps here: history, progress and
    checkpoints come once a window, with losses averaged over it.

    Parameters
    ----------
    module : nn.Module
        Called with the batch as keywords; returns a dict of losses.
    batches : Batches
        What to train on.
    sampler : StepSampler
        Which rows, in which order, for how many steps.
    weights : mapping of str to float
        Weight of each loss in the total.
    learning_rate, weight_decay : float
        Of AdamW; matrices alone decay.
    warmup_steps : int
        Steps over which the learning rate rises, before it falls along a cosine.
    device : str
        Where to train.
    param_groups : list of (pattern, dict)
        skorch's parameter groups, for parameters that learn differently.
    callbacks : list of skorch callbacks
        Beside the schedule, the clipping and the record of every loss.
    """

    def __init__(
        self,
        module: nn.Module,
        batches: Batches,
        sampler: StepSampler,
        *,
        weights: Mapping[str, float],
        learning_rate: float,
        weight_decay: float,
        warmup_steps: int,
        device: str,
        param_groups=(),
        callbacks: list[Callback] = (),
    ):
        self.batches, self.sampler = batches, sampler
        super().__init__(
            module,
            criterion=WeightedSum(weights),
            optimizer=torch.optim.AdamW,
            lr=learning_rate,
            optimizer__weight_decay=weight_decay,
            optimizer__param_groups=list(param_groups),
            max_epochs=-(-sampler.max_steps // sampler.window),
            iterator_train__sampler=sampler,
            iterator_train__batch_size=None,
            iterator_train__generator=torch.Generator(),  # else the global one is drawn from
            train_split=None,
            device=device,
            verbose=0,
            callbacks=[
                ("schedule", WarmupCosine(sampler.max_steps, warmup_steps)),
                ("clip", GradientNormClipping(5.0)),
                *((name, PassthroughScoring(name, on_train=True)) for name in weights),
                *((type(callback).__name__, callback) for callback in callbacks),
            ],
        )

    @property
    def _default_callbacks(self):
        return [c for c in super()._default_callbacks if c[0] in ("epoch_timer", "train_loss")]

    def train(self) -> "StepNet":
        """Train from the step the sampler is at; an interruption is raised, not swallowed."""
        self.initialize()
        with seeded(self.sampler.seed):
            self.notify("on_train_begin", X=self.batches, y=None)
            windows_left = -(-(self.sampler.max_steps - self.sampler.step) // self.sampler.window)
            self.fit_loop(self.batches, epochs=windows_left)
            self.notify("on_train_end", X=self.batches, y=None)
        return self

    def train_step_single(self, batch, **fit_params):
        """Draw dropout from the step's own seed, and record every loss."""
        torch.manual_seed(step_seed(self.sampler.seed, self.sampler.step))
        step = super().train_step_single(batch, **fit_params)
        for name, value in step["y_pred"].items():
            self.history.record_batch(name, value.item())
        return step


def step_seed(seed: int, step: int) -> int:
    """Return a seed for one step of one run."""
    return (seed * 1_000_003 + step * 7_919 + 1) % 2**63


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return a generator for one step of one run, on the CPU."""
    return torch.Generator().manual_seed(step_seed(seed, step))
