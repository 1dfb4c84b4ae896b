"""Gradient clipping; steps that are not finite are skipped, and ten in a row stop the run."""

import math

import torch
from skorch.callbacks import Callback
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

MAX_NORM = 5.0  # of the gradient of all parameters
MAX_SKIPPED = 10  # steps in a row


class GradientGuard(Callback):
    """Clip the gradient; skip steps whose loss or gradient is not finite.

    A skipped step changes neither weights nor optimizer. It counts in the history and in the
    schedule, so that the rows of a step depend on its number only.
    """

    def __init__(self):
        self.n_in_a_row_ = 0

    def on_train_begin(self, net, **kwargs):
        """Reset the count."""
        self.n_in_a_row_ = 0

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip the gradients, or remove them, so that the optimizer skips the parameters."""
        parameters = [parameter for _, parameter in named_parameters]
        norm = clip_grad_norm_(parameters, MAX_NORM)
        losses = [net.history[-1, "batches", -1, name] for name in net.weights]
        skipped = not all(map(math.isfinite, (norm.item(), *losses)))
        net.history.record_batch("skipped", skipped)
        self.n_in_a_row_ = self.n_in_a_row_ + 1 if skipped else 0
        if skipped:
            for parameter in parameters:
                parameter.grad = None
        if self.n_in_a_row_ == MAX_SKIPPED:
            raise FloatingPointError(
                f"The loss or its gradient was not finite in {self.n_in_a_row_} steps in a row, "
                f"up to step {net.sampler.step + 1} of {net.sampler.max_steps}. Pass a lower "
                "learning_rate, or check X for extreme values."
            )

    def state_dict(self) -> dict[str, Tensor]:
        """Return the count, for a checkpoint."""
        return {"n_in_a_row": torch.tensor(self.n_in_a_row_)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the count of a checkpoint."""
        self.n_in_a_row_ = int(state["n_in_a_row"])
