"""Interpolation at the channels of another axis."""

import numpy as np
import pytest

from skspektron._interpolation import interpolate_linear, interpolate_monotone

AXIS = np.array([2500.0, 2000.0, 1600.0, 1000.0])
X = np.array([[1.0, 2.0, 0.5, 3.0], [0.0, 0.0, 4.0, 4.0]])


@pytest.mark.parametrize("interpolate", [interpolate_linear, interpolate_monotone])
def test_values_at_the_channels_are_kept_in_any_order(interpolate):
    np.testing.assert_allclose(interpolate(X, AXIS, AXIS), X, atol=1e-12)
    np.testing.assert_allclose(interpolate(X, AXIS, AXIS[::-1]), X[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(interpolate(X[:, ::-1], AXIS[::-1], AXIS), X, atol=1e-12)


def test_linear_interpolation_halves_the_way_between_two_channels():
    midpoints = (AXIS[1:] + AXIS[:-1]) / 2
    np.testing.assert_allclose(interpolate_linear(X, AXIS, midpoints), (X[:, 1:] + X[:, :-1]) / 2)


def test_monotone_interpolation_does_not_overshoot():
    new_axis = np.linspace(1000, 2500, 301)
    found = interpolate_monotone(X, AXIS, new_axis)
    assert found.min() >= X.min() and found.max() <= X.max()
    flat = new_axis > 2000
    np.testing.assert_allclose(found[1, flat], 0, atol=1e-12)
