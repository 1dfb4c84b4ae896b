"""Interpolation along the axis."""

import numpy as np
import pytest

from skspektron.transfer._algorithms._interpolation import (
    fill_gaps,
    interpolate_linear,
    interpolate_monotone,
)

NAN = np.nan


def test_monotone_interpolation_returns_known_channels_in_any_order():
    known, X = np.array([0.9, 0.5, 0.0]), np.array([[1.0, 2.0, 4.0]])
    assert interpolate_monotone(X, known, known) is X
    np.testing.assert_allclose(interpolate_monotone(X, known, known[::-1]), X[:, ::-1])


def test_monotone_interpolation_of_one_channel_is_constant():
    known, wanted = np.array([0.9]), np.array([0.9, 0.5, 0.0])
    np.testing.assert_array_equal(interpolate_monotone([[2.0]], known, wanted), np.full((1, 3), 2))


def test_linear_interpolation_joins_channels_by_straight_lines():
    X = np.array([[0.0, 2.0, 0.0], [1.0, 1.0, 3.0]])
    expected = [[0.0, 1.0, 1.0], [1.0, 1.0, 2.0]]
    known, wanted = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 1.5])
    np.testing.assert_allclose(interpolate_linear(X, known, wanted), expected)


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
