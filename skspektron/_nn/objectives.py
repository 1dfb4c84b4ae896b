"""What pretraining minimises."""

from collections.abc import Mapping

from torch import Tensor, nn

from .network import SpektronNetwork


class MaskedReconstruction(nn.Module):
    """Mean squared error of the hidden channels; what the encoder saw does not count."""

    def forward(self, network: SpektronNetwork, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch."""
        return masked_error(network, batch).mean()


OBJECTIVES = {"masked": MaskedReconstruction}


class PretrainingTask(nn.Module):
    """A network and its weighted objectives: a batch in, the value of every objective out."""

    def __init__(self, network: SpektronNetwork, objectives: Mapping[str, float]):
        super().__init__()
        self.network = network
        self.objectives = nn.ModuleDict({name: OBJECTIVES[name]() for name in objectives})

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return each objective's loss, unweighted."""
        return {name: term(self.network, batch) for name, term in self.objectives.items()}


def masked_error(network: SpektronNetwork, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the squared error of every hidden channel of a batch, one flat tensor."""
    values, valid, mask = batch["values"], batch["valid"], batch["mask"]
    tokens = network(values, valid, batch["wavenumber"], batch["grid"], mask)
    hidden = network.hidden_channels(mask, valid)
    return (network.reconstruct(tokens, values.shape[1])[hidden] - values[hidden]) ** 2
