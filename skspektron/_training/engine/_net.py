"""skorch's net, counted in optimiser steps."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from torch import Tensor, nn

from ..._bridge import seeded
from ._average import WeightAverage
from ._callbacks import WarmupCosine, WindowMeans
from ._guard import GradientGuard
from ._parts import Size, n_rows, parts
from ._precision import check_precision, computing_in
from ._processes import Processes, join
from ._steps import Batches, StepSampler, step_generator, step_seed

__all__ = ["Batches", "StepNet", "StepSampler", "step_generator"]


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

    What skorch calls a batch is an optimiser step here, in however many micro-batches and
    processes its gradient is computed, and what it calls an epoch is a reporting window of
    steps: history, progress and checkpoints come once a window, with losses averaged over it.

    Parameters
    ----------
    module : nn.Module
        Called with the batch as keywords; returns a dict of losses. Its method
        ``after_step(progress)``, if there is one, is called after every completed step.
    batches : Batches
        What to train on.
    sampler : StepSampler
        Which rows, in which order, for how many steps.
    weights : mapping of str to float
        Weight of each loss in the total.
    learning_rate, weight_decay : float
        Of AdamW; what decays is said by `param_groups`.
    warmup_steps : int
        Steps over which the learning rate rises, before it falls along a cosine.
    device : str
        Where to train.
    param_groups : list of (pattern, dict)
        skorch's parameter groups, for parameters that learn differently.
    callbacks : list of skorch callbacks
        Beside the schedule, the guard of the gradient and the record of every loss.
    micro_batch_size : int or None, default=None
        Most rows in one forward pass; None: all of a step. The gradient is that of the whole
        batch for losses that are means over rows, or over what `size` counts. A loss that
        compares rows with each other compares those of a micro-batch.
    size : callable, default=n_rows
        From a batch to the number of things its losses are means over.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the forward pass.
    ema_decay : float or None, default=None
        Of a moving average of the weights, which is then what the run returns.
    parallel : bool, default=False
        Whether processes of one launcher share the rows of a step.
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
        micro_batch_size: int | None = None,
        size: Size = n_rows,
        precision: str = "float32",
        ema_decay: float | None = None,
        parallel: bool = False,
    ):
        check_precision(precision, device)
        self.batches, self.sampler, self.weights = batches, sampler, dict(weights)
        self.micro_batch_size, self.size, self.precision = micro_batch_size, size, precision
        self.parallel, self.processes = parallel, Processes()
        self.average = None if ema_decay is None else WeightAverage(ema_decay)
        own = [
            WarmupCosine(sampler.max_steps, warmup_steps),
            GradientGuard(),
            WindowMeans(["train_loss", *weights]),
            *([] if self.average is None else [self.average]),
        ]
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
            callbacks=[(type(callback).__name__, callback) for callback in (*own, *callbacks)],
        )

    @property
    def _default_callbacks(self):
        return [c for c in super()._default_callbacks if c[0] == "epoch_timer"]

    def train(self) -> "StepNet":
        """Train from the step the sampler is at; an interruption is raised, not swallowed."""
        self.processes = join(self.device) if self.parallel else Processes()
        self.initialize()
        self.processes.begin(self.module_, self.sampler.seed)
        with seeded(self.sampler.seed):
            self.notify("on_train_begin", X=self.batches, y=None)
            while not self._finished():
                self.fit_loop(self.batches, epochs=1)
            self.notify("on_train_end", X=self.batches, y=None)
        return self

    def _finished(self) -> bool:
        """Whether all steps are taken, or a callback recorded that these are enough."""
        stopped = bool(self.history) and self.history[-1].get("stopped", False)
        return stopped or self.sampler.step >= self.sampler.max_steps

    @contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """Have the module inside as the run would return it now: average weights, no dropout."""
        self.module_.eval()
        with nullcontext() if self.average is None else self.average.in_place(self):
            yield self.module_

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Take the steps of a window; skorch's own wants all tensors of a batch equally long."""
        if iterator is None:
            return
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            self.history.record_batch("train_loss", step["loss"].item())
            self.history.record_batch("train_batch_size", n_rows(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)

    def train_step(self, batch, **fit_params):
        """Take a step, and tell the module if it was completed."""
        step = super().train_step(batch, **fit_params)
        if hasattr(self.module_, "after_step") and not self.history[-1, "batches", -1, "skipped"]:
            self.module_.after_step((self.sampler.step + 1) / self.sampler.max_steps)
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the gradient of this process's rows, part by part, and add up all processes'.

        Dropout is drawn from the step's own seed, and every loss is recorded.
        """
        self._set_training(True)
        torch.manual_seed(step_seed(self.sampler.seed, self.sampler.step) + self.processes.rank)
        Xi, yi = unpack_data(batch)
        rows = self.processes.rows(n_rows(Xi))
        losses = torch.zeros(len(self.weights), device=self.device)
        for part, share in parts(Xi, rows, self.micro_batch_size, self.size):
            with computing_in(self.precision, self.device):
                y_pred = self.infer(part, **fit_params)
                loss = self.get_loss(y_pred, yi, X=part, training=True)
            (share * loss).backward()
            losses += share * torch.stack([y_pred[name].detach() for name in self.weights])
        losses = self.processes.add_up(self.module_, losses)
        named = dict(zip(self.weights, losses, strict=True))
        for name, value in named.items():
            self.history.record_batch(name, value.item())
        return {"loss": self.get_loss(named, yi, X=Xi, training=True), "y_pred": named}
