"""Source rows replayed as the target would have measured them, and embeddings that do not vary."""

import numpy as np
import pytest

from skspektron.transfer._adaptation._replay import (
    as_on_target,
    equal_rows_refused,
    linear_head,
    vary,
    without_rounding,
)


def test_source_rows_are_shifted_by_the_mean_difference_of_the_standards():
    source = np.random.default_rng(0).normal(size=(6, 4))
    shift = np.array([0.3, -1.0, 0.0, 2.0])
    noise = np.array([[1.0], [-1.0]])
    moved = as_on_target(source, source[:2], source[:2] + shift + noise)
    np.testing.assert_allclose(moved, source + shift)


def test_embeddings_that_differ_by_rounding_errors_are_equal():
    Z = np.random.default_rng(0).normal(size=(1, 5)).repeat(7, axis=0)
    rounded = Z.astype(np.float32).astype(np.float64)
    rounded[::2] = np.nextafter(rounded[::2].astype(np.float32), np.float32(9))
    assert not vary(rounded) and not vary(np.where(np.eye(7, 5) > 0, np.nan, Z))
    np.testing.assert_array_equal(without_rounding(rounded), rounded[:1].repeat(7, axis=0))
    Z[3, 2] += 1e-3
    assert vary(Z)
    np.testing.assert_array_equal(without_rounding(Z), Z)
    one_flat = np.random.default_rng(0).normal(size=(7, 5))
    assert without_rounding(one_flat) is one_flat
    one_flat[:, 2] = 1e-7 * one_flat[:, 2]
    constant = without_rounding(one_flat)
    assert (constant[:, 2] == one_flat[0, 2]).all()
    np.testing.assert_array_equal(np.delete(constant, 2, axis=1), np.delete(one_flat, 2, axis=1))


def test_a_head_on_equal_embeddings_predicts_the_mean():
    y = np.arange(8.0).reshape(4, 2)
    coef, intercept = linear_head(np.ones((4, 3)), y)
    assert not coef.any() and coef.shape == (3, 2)
    np.testing.assert_allclose(intercept, y.mean(axis=0))


def test_only_errors_on_equal_rows_are_explained():
    rows = np.ones((4, 3))
    with (
        pytest.raises(ValueError, match=r"The 4 spectra .* are equal .*\(a NaN\)"),
        equal_rows_refused(rows, "spectra"),
    ):
        raise ValueError("a NaN")
    with pytest.raises(ValueError, match=r"^a NaN$"), equal_rows_refused(np.eye(3), "spectra"):
        raise ValueError("a NaN")
