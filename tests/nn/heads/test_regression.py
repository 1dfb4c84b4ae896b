"""Regression head: units of y, missing labels, fit of a linear relation."""

import pytest
import torch

from skspektron._nn.heads.regression import RegressionHead


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_layers_are_as_published():
    layers = [m for m in RegressionHead(16, 3).modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in layers] == [(16, 256), (256, 128), (128, 3)]


def test_loss_does_not_depend_on_the_unit_of_the_labels():
    head, z, y = RegressionHead(4, 2).eval(), torch.randn(50, 4), torch.randn(50, 2)
    head.standardize(y)
    loss, predicted = head.loss(z, y), head(z)
    factor, offset = torch.tensor([1e3, 1e-2]), torch.tensor([-5e3, 4.0])
    head.standardize(factor * y + offset)
    torch.testing.assert_close(head.loss(z, factor * y + offset), loss, rtol=1e-3, atol=0)
    torch.testing.assert_close(head(z), factor * predicted + offset, rtol=1e-3, atol=1e-3)


def test_loss_is_the_mean_squared_error_of_known_labels():
    head, z, y = RegressionHead(4, 2).eval(), torch.randn(5, 4), torch.randn(5, 2)
    y[0, 0] = y[3] = torch.nan
    head.standardize(y)
    error = (head(z) - y) / head.scale
    literal = [e**2 for row in error.tolist() for e in row if e == e]
    assert head.loss(z, y).item() == pytest.approx(sum(literal) / 7, rel=1e-5)


def test_unknown_labels_have_zero_loss_and_gradient():
    head, z = RegressionHead(4, 2), torch.randn(5, 4, requires_grad=True)
    y = torch.full((5, 2), torch.nan)
    head.standardize(y)
    head.loss(z, y).backward()
    assert head.loss(z, y) == 0 and z.grad.eq(0).all()
    assert head.mean.tolist() == [0, 0] and head.scale.tolist() == [1, 1]


def test_equal_labels_keep_a_scale_of_1():
    head = RegressionHead(4, 1)
    head.standardize(torch.full((7, 1), 0.1))
    assert head.scale.item() == 1 and head.mean.item() == pytest.approx(0.1)


def test_fits_a_linear_relation_with_two_targets():
    z, coef = torch.randn(300, 6), torch.randn(6, 2)
    y = 10 + 0.01 * z @ coef
    head = RegressionHead(6, 2)
    head.standardize(y[:200])
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    for _ in range(250):
        optimizer.zero_grad()
        head.loss(z[:200], y[:200]).backward()
        optimizer.step()
    error = (head.eval()(z[200:]) - y[200:]).square().mean(0)
    assert (1 - error / y[200:].var(0, correction=0)).min() >= 0.95
