"""Balance: value for equal and unequal loads, unusable tokens, gradient."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.backbones.experts import Experts
from skspektron._nn.objectives.balance import Balance


def balance(*layers):
    return Balance(None, 1)(SimpleNamespace(gates=list(layers)))


def one_hot(*experts, n_experts=4):
    gates = torch.nn.functional.one_hot(torch.tensor([experts]), n_experts).float()
    return gates, torch.ones(1, len(experts), 1)


@pytest.mark.parametrize(
    ("routed", "expected"), [((0, 1, 2, 3), 0.0), ((0, 1, 0, 1), 1.0), ((2, 2, 2, 2), 3.0)]
)
def test_value_is_the_squared_coefficient_of_variation(routed, expected):
    assert balance(one_hot(*routed)).item() == pytest.approx(expected, abs=1e-6)


def test_equal_gates_give_0():
    gates = torch.full((2, 5, 4), 0.25)
    assert balance((gates, torch.ones(2, 5, 1))).item() == pytest.approx(0, abs=1e-6)


def test_unusable_tokens_are_ignored():
    gates, usable = one_hot(0, 1, 2, 3, 3, 3)
    usable[:, 4:] = 0
    assert balance((gates, usable)).item() == pytest.approx(0, abs=1e-6)
    assert balance((gates, 0 * usable)).isfinite()


def test_value_is_the_mean_over_layers():
    unbalanced, balanced = one_hot(2, 2, 2, 2), one_hot(0, 1, 2, 3)
    assert balance(unbalanced, balanced).item() == pytest.approx(1.5)


@pytest.mark.parametrize("n_active", [1, 2])
def test_gradient_reduces_the_largest_load(n_active):
    torch.manual_seed(0)
    layer = Experts(8, 8, n_experts=4, n_active=n_active, kan=False, dropout=0.0)
    x, usable = torch.randn(8, 16, 8), torch.ones(8, 16, 1)
    with torch.no_grad():
        layer.scores.bias.copy_(torch.tensor([6.0, 2.0, 0.0, 0.0]))
    optimizer = torch.optim.Adam(layer.scores.parameters(), lr=0.1)
    losses, largest = [], []
    for _ in range(100):
        _, gates = layer(x, usable)
        losses.append(balance((gates, usable)))
        largest.append(gates.mean((0, 1)).max().item())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert largest[0] > 0.9 and largest[-1] < 0.4
    assert losses[-1] < 0.1 * losses[0]
