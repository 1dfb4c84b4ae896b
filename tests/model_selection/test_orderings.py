"""Kennard-Stone equals its slow version; the dispatcher accepts and refuses."""

import numpy as np
import pytest

from skspektron.model_selection import kennard_stone
from skspektron.model_selection._orderings import order_samples
from tests import oracles


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(25, 4))


def test_equals_slow_version(X):
    assert kennard_stone(X).tolist() == oracles.kennard_stone(X)


def test_equals_slow_version_with_ties():
    X = np.array([[0.0], [1.0], [1.0], [2.0], [0.0], [2.0], [1.0]])
    assert kennard_stone(X).tolist() == oracles.kennard_stone(X)


def test_first_two_are_the_farthest_pair(X):
    i, j = kennard_stone(X)[:2]
    distance = np.linalg.norm(X[:, None] - X, axis=2)
    assert distance[i, j] == distance.max()


@pytest.mark.parametrize(
    ("X", "expected"),
    [([[1.0]], [0]), ([[1.0], [1.0]], [0, 1]), ([[3.0]] * 4, [0, 1, 2, 3])],
)
def test_few_or_identical_samples(X, expected):
    assert kennard_stone(X).tolist() == expected


def test_does_not_depend_on_row_order(X):
    shuffled = np.random.default_rng(1).permutation(25)
    # The pair itself has no order, so it is compared as a set.
    first, again = kennard_stone(X), shuffled[kennard_stone(X[shuffled])]
    assert set(first[:2]) == set(again[:2])
    np.testing.assert_array_equal(first[2:], again[2:])


def test_channels_missing_anywhere_are_left_out(X):
    masked = X.copy()
    masked[3, 1] = np.nan
    np.testing.assert_array_equal(kennard_stone(masked), kennard_stone(np.delete(X, 1, axis=1)))


def test_no_common_channel_is_refused():
    with pytest.raises(ValueError, match=r"None of the 2 channels .* all 2 spectra"):
        kennard_stone([[np.nan, 1.0], [1.0, np.nan]])


def test_dispatch(X):
    np.testing.assert_array_equal(order_samples(X, "kennard-stone"), kennard_stone(X))
    np.testing.assert_array_equal(
        order_samples(X, lambda X: list(range(len(X)))[::-1]), np.arange(25)[::-1]
    )
    drawn = order_samples(X, "random", random_state=0)
    assert sorted(drawn) == list(range(25))
    np.testing.assert_array_equal(drawn, order_samples(X, "random", random_state=0))
    assert drawn.tolist() != order_samples(X, "random", random_state=1).tolist()


@pytest.mark.parametrize("order", [[0, 1], [0] * 25, list(range(1, 26))])
def test_callable_must_return_a_permutation(X, order):
    with pytest.raises(ValueError, match="from 0 to 24 once"):
        order_samples(X, lambda X: order)


def test_unknown_name_is_refused(X):
    with pytest.raises(ValueError, match=r"'spxy' is no known ordering.*'kennard-stone', 'random'"):
        order_samples(X, "spxy")
