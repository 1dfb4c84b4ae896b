"""A network with its pretraining objectives."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from ..network import SpektronNetwork
from ..views import Views
from .masked import counted
from .registry import OBJECTIVES


class PretrainingTask(nn.Module):
    """Compute the losses of all objectives for a batch.

    Parameters
    ----------
    network : SpektronNetwork
        Network in training.
    objectives : iterable of str
        Names of objectives in `OBJECTIVES`.
    n_instruments : int, default=1
        Number of instruments in the training data.
    """

    def __init__(self, network: SpektronNetwork, objectives: Iterable[str], n_instruments: int = 1):
        super().__init__()
        self.network = network
        self.objectives = nn.ModuleDict(
            {name: OBJECTIVES[name](network, n_instruments) for name in objectives}
        )

    def forward(self, **batch: Any) -> dict[str, Tensor]:
        """Return the unweighted loss of each objective."""
        views = Views(self.network, batch)
        return {name: term(views) for name, term in self.objectives.items()}

    def after_step(self, progress: float) -> None:
        """Update objectives that depend on the network, after an optimizer step."""
        for term in self.objectives.values():
            if hasattr(term, "after_step"):
                term.after_step(self.network, progress)


def masked_error(network: SpektronNetwork, batch: Mapping[str, Any]) -> Tensor:
    """Return the squared errors of the good hidden channels of a batch as a flat tensor."""
    views = Views(network, batch)
    chosen = counted(views.hidden, batch.get("weight"))
    return (views.reconstruction[chosen] - batch["values"][chosen]) ** 2
