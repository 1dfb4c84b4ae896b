"""Low-rank adaptation of a frozen network."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .network import SpektronNetwork


class LowRankAdapter(nn.Module):
    r"""Add :math:`(\alpha / r) B A` to weight matrices of a frozen network [1]_.

    The network is not modified: the adapter computes the sums and calls the network with them,
    so several adapters can share one network. `B` is initialized to zero, so an untrained
    adapter has no effect.

    Parameters
    ----------
    network : nn.Module
        Network to adapt. Its parameters are neither trained nor registered in the adapter.
    names : sequence of str
        Names of the adapted parameters of `network`, all of them matrices.
    rank : int
        Rank r of the change.
    alpha : float
        Scale of the change, divided by `rank`.

    References
    ----------
    .. [1] Hu, Shen, Wallis et al., arXiv:2106.09685 (2021).
    """

    def __init__(self, network: nn.Module, names, *, rank: int, alpha: float):
        super().__init__()
        # functional_call modifies the module temporarily, so every adapter has its own modules
        # around the shared tensors. The tuple keeps it from being registered as a submodule.
        shared = {id(t): t for t in (*network.parameters(), *network.buffers())}
        self._network = (copy.deepcopy(network, shared).requires_grad_(False),)
        self._names = tuple(names)
        self.scale = alpha / rank
        self.A, self.B = nn.ParameterDict(), nn.ParameterDict()
        parameters = dict(network.named_parameters())
        for name in self._names:
            n_out, n_in = parameters[name].shape
            A = torch.empty(rank, n_in, device=parameters[name].device)
            self.A[_key(name)] = nn.Parameter(nn.init.kaiming_uniform_(A, a=math.sqrt(5)))
            self.B[_key(name)] = nn.Parameter(A.new_zeros(n_out, rank))

    def merged(self) -> dict[str, Tensor]:
        """Return the adapted weights by name, for the state dict of a merged network."""
        parameters = dict(self._network[0].named_parameters())
        return {
            name: parameters[name] + self.scale * self.B[_key(name)] @ self.A[_key(name)]
            for name in self._names
        }

    def forward(self, *args, **kwargs):
        """Call the network with the adapted weights."""
        return functional_call(self._network[0], self.merged(), args, kwargs)


def _key(name: str) -> str:
    """Return a parameter's name without dots, which ParameterDict does not allow in keys."""
    return name.replace(".", "/")


def adaptable(network: SpektronNetwork, n_layers: int | None = None) -> tuple[str, ...]:
    """Return the names of the weight matrices of the tokenizer and the first `n_layers` blocks."""
    used = nn.ModuleDict({"tokens": network.tokens, "blocks": network.blocks[:n_layers]})
    return tuple(name for name, parameter in used.named_parameters() if parameter.ndim == 2)
