"""Interpolation at the channels of another axis."""

import numpy as np
import pytest

from skspektron._interpolation import fill_gaps, interpolate_linear, interpolate_monotone

NAN = np.nan

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


def test_monotone_interpolation_of_one_channel_is_constant():
    known, wanted = np.array([0.9]), np.array([0.9, 0.5, 0.0])
    np.testing.assert_array_equal(interpolate_monotone([[2.0]], known, wanted), np.full((1, 3), 2))


@pytest.mark.parametrize(
    ("row", "filled"),
    [
        ([1.0, NAN, NAN, 4.0], [1.0, 2.0, 3.0, 4.0]),
        ([NAN, 2.0, 3.0, NAN], [2.0, 2.0, 3.0, 3.0]),
        ([NAN, NAN, NAN, NAN], [0.0, 0.0, 0.0, 0.0]),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_gaps_are_filled(row, filled):
    X = np.array([row, [5.0, 6.0, 7.0, 8.0]])
    np.testing.assert_allclose(fill_gaps(X), [filled, [5.0, 6.0, 7.0, 8.0]])
