"""Wasserstein distance: band shifts, invariances, hidden and bad channels, gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from skspektron._nn.objectives.wasserstein import Wasserstein

AXIS = torch.linspace(4000, 8000, 401, dtype=torch.float64)


def band(centre, axis=AXIS, height=1.0):
    return (height * torch.exp(-(((axis - centre) / 100) ** 2) / 2)).float()


def views(target, reconstruction, axis=AXIS, valid=None, hidden=None):
    """Return the views of a batch, with all good channels hidden by default."""
    valid = torch.ones_like(target, dtype=torch.bool) if valid is None else valid
    return SimpleNamespace(
        batch={"values": target, "valid": valid, "wavenumber": axis.expand(len(target), -1)},
        hidden=valid if hidden is None else hidden & valid,
        reconstruction=reconstruction,
    )


def loss(*args, **kwargs):
    return Wasserstein(None, 1)(views(*args, **kwargs))


def test_distance_is_proportional_to_the_shift_of_a_band():
    shifts = torch.arange(0, 1600, 100)
    target = band(5000)[None]
    moved = [band(5000 + shift)[None] for shift in shifts.tolist()]
    losses = np.array([loss(target, y).item() for y in moved])
    errors = np.array([(y - target).square().mean().item() for y in moved])
    assert losses[0] == 0
    assert np.corrcoef(shifts, losses)[0, 1] ** 2 > 0.999
    assert np.corrcoef(shifts, errors)[0, 1] ** 2 < 0.7


def test_distance_equals_that_of_scipy():
    target, y = band(5000) + 5, band(6000, height=2.0) + 6  # large: softplus is the identity
    width = np.full(401, 10.0)
    width[[0, -1]] = 5.0
    axis = AXIS.numpy()
    expected = wasserstein_distance(axis, axis, target.numpy() * width, y.numpy() * width) / 4000
    assert loss(target[None], y[None]).item() == pytest.approx(expected, rel=1e-3)


def test_distance_does_not_depend_on_scale_and_sampling():
    target, y = band(5000)[None], band(5300)[None]
    torch.testing.assert_close(loss(3 * target, 3 * y), loss(target, y))
    fine = torch.linspace(4000, 8000, 801, dtype=torch.float64)
    twice = loss(band(5000, fine)[None], band(5300, fine)[None], axis=fine)
    torch.testing.assert_close(twice, loss(target, y), rtol=1e-3, atol=0)


def test_visible_channels_are_taken_as_measured():
    target, hidden = band(5000)[None], torch.zeros(1, 401, dtype=torch.bool)
    hidden[0, 80:120] = True
    y = band(5050)[None].requires_grad_()
    value = loss(target, y, hidden=hidden)
    value.backward()
    assert value > 0
    assert y.grad[~hidden].eq(0).all() and y.grad[hidden].ne(0).any()
    assert loss(target, torch.where(hidden, target, torch.nan), hidden=hidden) == 0


def test_spectra_without_hidden_channels_are_ignored():
    target, y = band(5000).expand(2, -1), band(5300).expand(2, -1)
    hidden = torch.tensor([[True], [False]]).expand(2, 401)
    assert loss(target, y, hidden=hidden) == loss(target[:1], y[:1])
    value = loss(target, y.clone().requires_grad_(), hidden=torch.zeros_like(hidden))
    value.backward()
    assert value == 0


def test_negative_reconstructions_have_a_gradient():
    target = band(5000)[None] + 0.2
    y = torch.full((1, 401), -0.05, requires_grad=True)
    loss(target, y).backward()
    assert y.grad.isfinite().all() and y.grad[0, 80:120].max() < 0  # the band needs more mass
    zero = torch.zeros(1, 401)
    assert loss(zero, zero) == 0


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_bad_channels_and_padding_are_ignored(garbage):
    target, y = band(5000)[None], band(5300)[None]
    bad = torch.zeros(1, 401, dtype=torch.bool)
    bad[0, 60:70] = True
    expected = loss(target, y, valid=~bad)
    padded = torch.nn.functional.pad(AXIS, (0, 50), value=torch.nan)
    bad = torch.nn.functional.pad(bad, (0, 50), value=True)
    target, y = (torch.nn.functional.pad(x, (0, 50)).masked_fill(bad, garbage) for x in (target, y))
    y.requires_grad_()
    value = loss(target, y, axis=padded, valid=~bad)
    value.backward()
    torch.testing.assert_close(value, expected)
    assert y.grad.isfinite().all() and y.grad[bad].eq(0).all()


def test_gradient_is_that_of_the_reconstruction_only():
    target, y = band(5000)[None].requires_grad_(), band(5300)[None].requires_grad_()
    loss(target, y).backward()
    assert target.grad is None and y.grad.abs().max() > 0


def test_distance_of_single_channels_is_0():
    one = torch.ones(1, 1)
    assert loss(one, 2 * one, axis=AXIS[:1]) == 0
