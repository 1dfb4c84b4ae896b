"""Learning-rate schedule, window means and progress bar."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from skorch.callbacks import Callback
from tqdm.auto import tqdm

MIN_FACTOR = 0.01  # of the learning rate, at the first and the last step


class WarmupCosine(Callback):
    """Linear warm-up and cosine decay of the learning rate of every parameter group."""

    def __init__(self, max_steps: int, warmup_steps: int):
        self.max_steps, self.warmup_steps = max_steps, warmup_steps

    def factor(self, step: int) -> float:
        """Return the factor of the full learning rate at `step`, between 0.01 and 1."""
        if step < self.warmup_steps:
            return MIN_FACTOR + (1 - MIN_FACTOR) * step / self.warmup_steps
        progress = (step - self.warmup_steps) / max(self.max_steps - 1 - self.warmup_steps, 1)
        return MIN_FACTOR + (1 - MIN_FACTOR) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """Set the learning rate of the step."""
        factor = self.factor(net.sampler.step)
        for group in net.optimizer_.param_groups:
            group["lr"] = factor * group.setdefault("full_lr", group["lr"])


class WindowMeans(Callback):
    """Record the mean losses over the rows of a window, and the number of skipped steps.

    Skipped steps are excluded from the means, which are NaN if all steps were skipped.
    """

    def __init__(self, names: Sequence[str]):
        self.names = names

    def on_epoch_end(self, net, **kwargs):
        """Record the means of the window."""
        steps = net.history[-1]["batches"]
        taken = [step for step in steps if not step["skipped"]]
        weights = [step["train_batch_size"] for step in taken]
        for name in self.names:
            losses = [step[name] for step in taken]
            net.history.record(name, np.average(losses, weights=weights) if taken else math.nan)
        net.history.record("n_skipped", len(steps) - len(taken))


class ProgressBar(Callback):
    """One bar for all steps, with records of the last window; it moves after every step.

    Parameters
    ----------
    description : str
        Text before the bar.
    shown : mapping of str to str
        Labels after the bar, and the names of their values in the history.
    """

    def __init__(self, description: str, shown: Mapping[str, str]):
        self.description, self.shown = description, shown

    def on_train_begin(self, net, **kwargs):
        """Open the bar at the step where training starts or resumes."""
        sampler = net.sampler
        self.bar_ = tqdm(
            desc=self.description,
            total=sampler.max_steps,
            initial=sampler.step,
            disable=net.processes.rank > 0,
        )

    def on_batch_end(self, net, **kwargs):
        """Advance by a step."""
        self.bar_.update(net.sampler.step + 1 - self.bar_.n)

    def on_epoch_end(self, net, **kwargs):
        """Show the records of the window."""
        last = net.history[-1]
        self.bar_.set_postfix({label: f"{last[name]:.4g}" for label, name in self.shown.items()})

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        self.bar_.close()
