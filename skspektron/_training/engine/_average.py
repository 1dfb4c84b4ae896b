"""An average of the weights along the run, smoother than the last ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from skorch.callbacks import Callback
from torch import Tensor


class WeightAverage(Callback):
    r"""Exponential moving average of everything that learns; it is what the run returns.

    Every completed step, :math:`\bar w \leftarrow \tau \bar w + (1 - \tau) w`, from the
    weights at the beginning [1]_.

    Parameters
    ----------
    decay : float
        :math:`\tau`, between 0 and 1. Typical: 0.99 to 0.9999, a memory of 1 / (1 - decay) steps.

    References
    ----------
    .. [1] Polyak & Juditsky, SIAM J. Control Optim. 30 (1992) 838-855.
    """

    def __init__(self, decay: float):
        self.decay = decay

    def on_train_begin(self, net, **kwargs):
        """Begin with the weights as they are."""
        self.average_ = {name: p.detach().clone() for name, p in _learning(net)}

    def on_batch_end(self, net, **kwargs):
        """Move towards the weights of the step, unless it was skipped."""
        if net.history[-1, "batches", -1, "skipped"]:
            return
        with torch.no_grad():
            for name, parameter in _learning(net):
                self.average_[name].mul_(self.decay).add_(parameter, alpha=1 - self.decay)

    def on_train_end(self, net, **kwargs):
        """Leave the average in the network."""
        self._swap(net)

    @contextmanager
    def in_place(self, net) -> Iterator[None]:
        """Have the average in the network inside; the optimiser does not notice."""
        self._swap(net)
        try:
            yield
        finally:
            self._swap(net)

    def _swap(self, net) -> None:
        """Exchange the memory of weights and average; nothing is copied."""
        for name, parameter in _learning(net):
            parameter.data, self.average_[name] = self.average_[name], parameter.data

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average, for a checkpoint."""
        return self.average_

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on with the average of a checkpoint."""
        for name, average in self.average_.items():
            average.copy_(state[name])


def _learning(net) -> list[tuple[str, Tensor]]:
    """Return the parameters that the optimiser moves, by name."""
    return [(name, p) for name, p in net.module_.named_parameters() if p.requires_grad]
