"""A network and its weighted objectives."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from ..network import SpektronNetwork
from ..views import Views
from .masked import counted
from .registry import OBJECTIVES


class PretrainingTask(nn.Module):
    """A network and its objectives: a batch in, the value of every objective out.

    Parameters
    ----------
    network : SpektronNetwork
        What is trained.
    objectives : iterable of str
        Names of the `OBJECTIVES`.
    n_instruments : int
        Instruments that the spectra come from.
    """

    def __init__(self, network: SpektronNetwork, objectives: Iterable[str], n_instruments: int = 1):
        super().__init__()
        self.network = network
        self.objectives = nn.ModuleDict(
            {name: OBJECTIVES[name](network, n_instruments) for name in objectives}
        )

    def forward(self, **batch: Any) -> dict[str, Tensor]:
        """Return each objective's loss, unweighted."""
        views = Views(self.network, batch)
        return {name: term(views) for name, term in self.objectives.items()}

    def after_step(self, progress: float) -> None:
        """Tell the objectives that follow the network that an optimiser step is done."""
        for term in self.objectives.values():
            if hasattr(term, "after_step"):
                term.after_step(self.network, progress)


def masked_error(network: SpektronNetwork, batch: Mapping[str, Any]) -> Tensor:
    """Return the squared error of every hidden channel that counts, one flat tensor."""
    views = Views(network, batch)
    chosen = counted(views.hidden, batch.get("weight"))
    return (views.reconstruction[chosen] - batch["values"][chosen]) ** 2
