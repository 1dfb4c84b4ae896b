"""Variance of reference values to divide by."""

import numpy as np
import pytest

from skspektron.metrics._variance import nonzero_variance


@pytest.mark.parametrize("shape", [(9,), (9, 2)])
def test_equals_the_variance_of_targets_that_vary(shape):
    y = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_array_equal(nonzero_variance(y), y.var(axis=0))


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.1] * 7, [0.0, 1e-300]])
def test_is_one_without_variation(values):
    y = np.column_stack([values, np.arange(len(values))])
    np.testing.assert_array_equal(nonzero_variance(y), [1.0, y[:, 1].var()])
