"""The part of an adapter that changes spectra before the network."""

import numpy as np
import pytest

from skspektron.transfer._adaptation._input_term import (
    INPUT_TERM,
    input_steps,
    learn_input_term,
    with_input_term,
)
from skspektron.transfer._averaging._difference_map import DifferenceMap
from skspektron.transfer._core._standards import Standards


@pytest.fixture
def standards():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(6, 30)), axis=1)
    X_target = 1.2 * X + 0.5 + 0.01 * rng.normal(size=X.shape)
    return Standards(np.arange(6), X, X_target, np.zeros(6), np.zeros(6))


def test_the_term_is_the_ridge_regression_of_the_differences(standards):
    X = standards.X_target
    term, images = learn_input_term(standards, standards.X_source, X)
    expected = DifferenceMap.of(standards)
    assert tuple(term) == INPUT_TERM
    left, right, constant = term.values()
    assert left.shape == right.T.shape and left.shape[1] <= 5 and constant.shape == (30,)
    new = X[:3] + 0.1
    np.testing.assert_allclose(with_input_term(term, new), expected.transform(new), rtol=1e-9)
    np.testing.assert_array_equal(images, expected.held_out)
    error, before = (np.abs(Z - standards.X_source).mean() for Z in (images, X))
    assert error < 0.5 * before


def test_missing_channels_stay_missing(standards):
    X = standards.X_target.copy()
    X[1, 4] = np.nan
    term, images = learn_input_term(standards, standards.X_source, X)
    assert np.isfinite(term["input.left"]).all()
    moved = with_input_term(term, X)
    for values in (images, moved):
        np.testing.assert_array_equal(np.isnan(values), np.isnan(X))


@pytest.mark.parametrize("n_standards", [1, 2])
def test_few_standards_give_no_term(n_standards, standards):
    few = standards[:n_standards]
    term, images = learn_input_term(few, few.X_source, few.X_target)
    assert term == {} and input_steps(term) == []
    assert images is few.X_target and with_input_term(term, images) is images
