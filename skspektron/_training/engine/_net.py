"""skorch's net, with training counted in optimizer steps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from torch import Tensor, nn

from ..._bridge import one_torch_thread, seeded, work_of
from ._average import WeightAverage
from ._callbacks import WarmupCosine, WindowMeans
from ._guard import GradientGuard
from ._parts import Size, n_rows, parts
from ._precision import check_precision, computing_in
from ._processes import Processes, join
from ._recipe import Recipe
from ._steps import Batches, StepSampler, step_seed


class WeightedSum(nn.Module):
    """Weighted sum of named losses."""

    def __init__(self, weights: Mapping[str, float]):
        super().__init__()
        self.weights = dict(weights)

    def forward(self, losses: Mapping[str, Tensor], _target) -> Tensor:
        """Return the weighted sum."""
        return sum(weight * losses[name] for name, weight in self.weights.items())


class StepNet(NeuralNet):
    """Train a module that maps a batch to named losses, for a number of optimizer steps.

    What skorch calls a batch is an optimizer step here, in however many micro-batches and
    processes its gradient is computed. What skorch calls an epoch is a reporting window of
    steps: history, progress and checkpoints are written once a window, with losses averaged
    over it.

    Parameters
    ----------
    module : nn.Module
        Called with the batch as keywords; returns a dict of losses. Its method
        ``after_step(progress)``, if there is one, is called after every completed step.
    recipe : Recipe
        Parameters of the run.
    make_batch : callable
        Returns the batch of a step from the number of the step and its rows, int64 (n,).
    n_samples : int
        Number of rows that are trained on.
    weights : mapping of str to float
        Weight of each loss in the total.
    width : Tensor of shape (n_samples,), default=None
        Rows of similar width are put into the same batch. None: any rows.
    param_groups : list of (pattern, dict)
        skorch's parameter groups, for parameters with a learning rate or decay of their own.
    callbacks : sequence of skorch callbacks
        Added to the schedule, the gradient guard and the record of every loss.
    size : callable, default=n_rows
        From a batch to the number of items that its losses are averaged over. With micro-batches
        the gradient is that of the whole batch for losses that are such means. A loss that
        compares rows with each other compares those of a micro-batch.
    parallel : bool, default=False
        Whether the processes of one launcher divide the rows of a step among them.
    """

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe,
        make_batch: Callable[[int, Tensor], Mapping[str, Tensor]],
        n_samples: int,
        *,
        weights: Mapping[str, float],
        width: Tensor | None = None,
        param_groups=(),
        callbacks: Sequence[Callback] = (),
        size: Size = n_rows,
        parallel: bool = False,
    ):
        check_precision(recipe.precision, recipe.device)
        self.recipe = recipe = recipe.in_steps(n_samples)
        self.batches, self.weights, self.size = Batches(make_batch, n_samples), dict(weights), size
        self.sampler = sampler = StepSampler(
            torch.zeros(n_samples) if width is None else width,
            recipe.batch_size,
            seed=recipe.seed,
            max_steps=recipe.max_steps,
            window=recipe.report_every,
        )
        self.parallel, self.processes = parallel, Processes()
        self.average = None if recipe.ema_decay is None else WeightAverage(recipe.ema_decay)
        own = [
            WarmupCosine(recipe.max_steps, recipe.warmup_steps),
            GradientGuard(),
            WindowMeans(["train_loss", *weights]),
            *([] if self.average is None else [self.average]),
        ]
        super().__init__(
            module,
            criterion=WeightedSum(weights),
            optimizer=torch.optim.AdamW,
            lr=recipe.learning_rate,
            optimizer__weight_decay=recipe.weight_decay,
            optimizer__param_groups=list(param_groups),
            max_epochs=-(-recipe.max_steps // recipe.report_every),
            iterator_train__sampler=sampler,
            iterator_train__batch_size=None,
            iterator_train__generator=torch.Generator(),  # otherwise the global generator is used
            train_split=None,
            device=recipe.device,
            verbose=0,
            callbacks=[(type(callback).__name__, callback) for callback in (*own, *callbacks)],
        )

    @property
    def _default_callbacks(self):
        return [c for c in super()._default_callbacks if c[0] == "epoch_timer"]

    def train(self) -> "StepNet":
        """Train from the current step of the sampler; KeyboardInterrupt is raised."""
        self.processes = join(self.device) if self.parallel else Processes()
        self.initialize()
        self.processes.synchronize(self.module_, self.sampler.seed)
        work = work_of(self.module_, self.recipe.micro_batch_size or self.recipe.batch_size)
        with seeded(self.sampler.seed), one_torch_thread(work):
            self.notify("on_train_begin", X=self.batches, y=None)
            while not self._finished():
                self.fit_loop(self.batches, epochs=1)
            self.notify("on_train_end", X=self.batches, y=None)
        return self

    def _finished(self) -> bool:
        """Return whether all steps are taken or a callback recorded "stopped"."""
        stopped = bool(self.history) and self.history[-1].get("stopped", False)
        return stopped or self.sampler.step >= self.sampler.max_steps

    @contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """Return the module as the run would return it now: averaged weights, no dropout."""
        self.module_.eval()
        with nullcontext() if self.average is None else self.average.in_place(self):
            yield self.module_

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Take the steps of a window; unlike skorch, allow tensors of different lengths."""
        if iterator is None:
            return
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            self.history.record_batch("train_loss", step["loss"].item())
            self.history.record_batch("train_batch_size", n_rows(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)

    def train_step(self, batch, **fit_params):
        """Take a step, and call `after_step` of the module if the step was not skipped."""
        step = super().train_step(batch, **fit_params)
        if hasattr(self.module_, "after_step") and not self.history[-1, "batches", -1, "skipped"]:
            self.module_.after_step((self.sampler.step + 1) / self.sampler.max_steps)
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute the gradient of the batch, summed over micro-batches and processes.

        Dropout is drawn with the seed of the step, and every loss is recorded.
        """
        self._set_training(True)
        # On a CPU, torch.manual_seed would format a traceback for every kind of GPU.
        generator = torch.default_generator if self.device == "cpu" else torch
        generator.manual_seed(step_seed(self.sampler.seed, self.sampler.step) + self.processes.rank)
        Xi, yi = unpack_data(batch)
        rows = self.processes.rows(n_rows(Xi))
        losses = torch.zeros(len(self.weights), device=self.device)
        for part, fraction in parts(Xi, rows, self.recipe.micro_batch_size, self.size):
            with computing_in(self.recipe.precision, self.device):
                y_pred = self.infer(part, **fit_params)
                loss = self.get_loss(y_pred, yi, X=part, training=True)
            (fraction * loss).backward()
            losses += fraction * torch.stack([y_pred[name].detach() for name in self.weights])
        losses = self.processes.sum_up(self.module_, losses)
        named = dict(zip(self.weights, losses, strict=True))
        for name, value in named.items():
            self.history.record_batch(name, value.item())
        return {"loss": self.get_loss(named, yi, X=Xi, training=True), "y_pred": named}
