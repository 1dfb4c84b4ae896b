"""Exponential moving average of the weights during training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from skorch.callbacks import Callback
from torch import Tensor


class WeightAverage(Callback):
    r"""Exponential moving average of the trained weights, which the run returns.

    Starting from the initial weights, every completed step updates
    :math:`\bar w \leftarrow \tau \bar w + (1 - \tau) w` [1]_.

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
        """Start with the initial weights."""
        self.average_ = {name: p.detach().clone() for name, p in _trained(net)}

    def on_batch_end(self, net, **kwargs):
        """Update the average, unless the step was skipped."""
        if net.history[-1, "batches", -1, "skipped"]:
            return
        with torch.no_grad():
            for name, parameter in _trained(net):
                self.average_[name].mul_(self.decay).add_(parameter, alpha=1 - self.decay)

    def on_train_end(self, net, **kwargs):
        """Put the average into the network."""
        self._swap(net)

    @contextmanager
    def in_place(self, net) -> Iterator[None]:
        """Put the average into the network inside the context; the optimizer is not affected."""
        self._swap(net)
        try:
            yield
        finally:
            self._swap(net)

    def _swap(self, net) -> None:
        """Exchange weights and average without copying."""
        for name, parameter in _trained(net):
            parameter.data, self.average_[name] = self.average_[name], parameter.data

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average, for a checkpoint."""
        return self.average_

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the average of a checkpoint."""
        for name, average in self.average_.items():
            average.copy_(state[name])


def _trained(net) -> list[tuple[str, Tensor]]:
    """Return the trained parameters by name."""
    return [(name, p) for name, p in net.module_.named_parameters() if p.requires_grad]
