"""One bad batch does not spoil a run, and many do not pass unnoticed."""

import math

import torch
from skorch.callbacks import Callback
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

LARGEST_NORM = 5.0  # of the gradient of all parameters together
TOO_MANY = 10  # skipped steps in a row


class GradientGuard(Callback):
    """Clip the gradient; skip a step whose loss or gradient is not finite.

    A skipped step leaves weights and optimiser as they were, but it is counted, in the
    history and by the schedule, so that the rows of a step stay a function of its number.
    """

    def __init__(self):
        self.n_in_a_row_ = 0

    def on_train_begin(self, net, **kwargs):
        """Begin to count."""
        self.n_in_a_row_ = 0

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip, or take the gradients away: the optimiser passes over what has none."""
        parameters = [parameter for _, parameter in named_parameters]
        norm = clip_grad_norm_(parameters, LARGEST_NORM)
        losses = [net.history[-1, "batches", -1, name] for name in net.weights]
        skipped = not all(map(math.isfinite, (norm.item(), *losses)))
        net.history.record_batch("skipped", skipped)
        self.n_in_a_row_ = self.n_in_a_row_ + 1 if skipped else 0
        if skipped:
            for parameter in parameters:
                parameter.grad = None
        if self.n_in_a_row_ == TOO_MANY:
            raise FloatingPointError(
                f"The loss or its gradient was not finite in {self.n_in_a_row_} steps in a row, "
                f"up to step {net.sampler.step + 1} of {net.sampler.max_steps}. Lower "
                "learning_rate, or look for extreme values in X."
            )

    def state_dict(self) -> dict[str, Tensor]:
        """Return the count, for a checkpoint."""
        return {"n_in_a_row": torch.tensor(self.n_in_a_row_)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on with the count of a checkpoint."""
        self.n_in_a_row_ = int(state["n_in_a_row"])
