"""Load balancing of experts."""

from typing import ClassVar

import torch
from torch import Tensor, nn


class Balance(nn.Module):
    r"""Squared coefficient of variation of the experts' loads, averaged over expert layers.

    The load :math:`P_e` of an expert is its mean gate over the usable tokens. Loads sum to 1, so
    the value is :math:`E \sum_e P_e^2 - 1` [1]_: 0 if all loads are equal, E - 1 if one expert
    has all tokens. It is the loss of [2]_ minus its minimum, with gates in place of fractions
    of tokens. As there, the gradient passes through the softmax over all experts, including
    those without tokens.

    Parameters
    ----------
    network, n_instruments
        Not used.

    References
    ----------
    .. [1] Shazeer, Mirhoseini, Maziarz et al., arXiv:1701.06538 (2017), equation 6.
    .. [2] Fedus, Zoph & Shazeer, arXiv:2101.03961 (2021), equation 4.
    """

    NEEDS: ClassVar[frozenset[str]] = frozenset({"experts"})

    def __init__(self, network, n_instruments: int):
        super().__init__()

    def forward(self, views) -> Tensor:
        """Return the mean over layers, ignoring tokens that are not usable."""
        return torch.stack([_variation(gates, usable) for gates, usable in views.gates]).mean()


def _variation(gates: Tensor, usable: Tensor) -> Tensor:
    """Return the squared coefficient of variation of the loads of gates (B, L, E)."""
    load = (gates * usable).sum((0, 1)) / usable.sum().clamp(min=1)  # (E,)
    return len(load) * (load - 1 / len(load)).square().sum()
