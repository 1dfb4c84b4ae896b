"""Low-rank adaptation of a frozen network."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .network import SpektronNetwork


class LowRankAdapter(nn.Module):
    r"""Add :math:`(\alpha / r) B A` to weight matrices of a network that stays as it is [1]_.

    The network is shared and never written to: an adapter computes the sums and calls the
    network with them, so switching instruments is switching adapters. `B` begins at zero:
    an untrained adapter changes nothing.

    Parameters
    ----------
    network : nn.Module
        Called through the adapter; its parameters are neither trained nor registered here.
    names : sequence of str
        Parameters of `network`, all matrices, that are adapted.
    rank : int
        Rank r of the change.
    alpha : float
        Scale of the change; its step size grows with alpha / r.

    References
    ----------
    .. [1] Hu, Shen, Wallis et al., arXiv:2106.09685 (2021).
    """

    def __init__(self, network: nn.Module, names, *, rank: int, alpha: float):
        super().__init__()
        # functional_call writes into the module for a moment, so every adapter has modules of
        # its own around the shared tensors. In a tuple: not a submodule.
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
        """Return the adapted weights by name; loaded into a copy of the network they merge."""
        parameters = dict(self._network[0].named_parameters())
        return {
            name: parameters[name] + self.scale * self.B[_key(name)] @ self.A[_key(name)]
            for name in self._names
        }

    def forward(self, *args, **kwargs):
        """Call the network with the adapted weights."""
        return functional_call(self._network[0], self.merged(), args, kwargs)


def _key(name: str) -> str:
    return name.replace(".", "/")


def adaptable(network: SpektronNetwork, n_layers: int | None = None) -> tuple[str, ...]:
    """Return the weight matrices between a spectrum and its tokens behind `n_layers` blocks."""
    passed = nn.ModuleDict({"tokens": network.tokens, "blocks": network.blocks[:n_layers]})
    return tuple(name for name, parameter in passed.named_parameters() if parameter.ndim == 2)
