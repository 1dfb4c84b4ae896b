"""Kolmogorov-Arnold layer: B-spline basis, input shapes, learning a curve."""

import pytest
import torch

from skspektron._nn.backbones.kan import KANLinear, cubic_basis


def cox_de_boor(x, knots, i, order):
    """Return B-spline `i` of `order` at the number `x` by the Cox-de Boor recursion."""
    if order == 0:
        return float(knots[i] <= x < knots[i + 1])
    rise = (x - knots[i]) / (knots[i + order] - knots[i])
    fall = (knots[i + order + 1] - x) / (knots[i + order + 1] - knots[i + 1])
    return rise * cox_de_boor(x, knots, i, order - 1) + fall * cox_de_boor(
        x, knots, i + 1, order - 1
    )


def test_basis_equals_the_recursion():
    knots = [-1 + 0.4 * (i - 3) for i in range(12)]
    x = torch.linspace(-1, 1, 53, dtype=torch.float64)
    expected = [[cox_de_boor(value, knots, i, 3) for i in range(8)] for value in x.tolist()]
    torch.testing.assert_close(cubic_basis(x), torch.tensor(expected, dtype=torch.float64))


def test_basis_sums_to_1():
    x = torch.cat([torch.linspace(-1, 1, 201), torch.tensor([-1e4, -1.01, 1.01, 1e4])])
    torch.testing.assert_close(cubic_basis(x).sum(-1), torch.ones(205), rtol=0, atol=1e-6)


def test_basis_is_constant_outside_the_grid():
    beyond, end = cubic_basis(torch.tensor([-5.0, 5.0])), cubic_basis(torch.tensor([-1.0, 1.0]))
    assert torch.equal(beyond, end)
    assert end.amax(-1).gt(0.5).all()


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (2, 1, 4, 3), (0, 3)])
def test_leading_dimensions_are_mapped_independently(shape):
    torch.manual_seed(0)
    layer, x = KANLinear(3, 5), torch.randn(shape)
    y = layer(x)
    assert y.shape == (*shape[:-1], 5)
    alone = [layer(row) for row in x.reshape(-1, 3)]
    torch.testing.assert_close(y.reshape(-1, 5), torch.stack(alone) if alone else y)


def test_output_is_the_sum_of_one_function_per_input():
    torch.manual_seed(0)
    layer, x = KANLinear(2, 1), torch.randn(6, 2)
    curves = []
    for i in range(2):
        spline = cubic_basis(x[:, i]) @ layer.spline.weight[0, 8 * i : 8 * i + 8]
        curves.append(layer.base.weight[0, i] * x[:, i] * torch.sigmoid(x[:, i]) + spline)
    torch.testing.assert_close(layer(x)[:, 0], curves[0] + curves[1])


def test_learns_a_sine():
    torch.manual_seed(0)
    layer, x = KANLinear(1, 1), torch.linspace(-1, 1, 64)[:, None]
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(200):
        loss = (layer(x) - torch.sin(torch.pi * x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 1e-3
