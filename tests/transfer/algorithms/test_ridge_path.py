"""Ridge regression on source rows and added rows against the normal equations."""

import numpy as np
import pytest

from skspektron.transfer._algorithms._ridge_path import RowSpace, mean_square, scaled_differences

PENALTIES = np.array([1e-3, 1.0, 30.0])
WEIGHTS = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 7.0], [0.5, 2.0, 100.0], [1e4, 1e4, 1e4]])
rng = np.random.default_rng(0)
Y = rng.normal(size=(15, 2)) + 5.0
TARGETS = rng.normal(size=(3, 2))
X_NEW = rng.normal(size=(4, 20))


def literal(X, y, added, targets, weights, ridge):
    """Return coefficients and intercepts from the normal equations of all weighted rows."""
    rows = np.concatenate([X - X.mean(axis=0), added])
    right = np.concatenate([y - y.mean(axis=0), targets])
    W = np.diag(np.concatenate([np.ones(len(X)), weights]))
    A = rows.T @ W @ rows + ridge * np.eye(X.shape[1])
    b = np.linalg.solve(A, rows.T @ W @ right)
    return b, y.mean(axis=0) - X.mean(axis=0) @ b


def make(n_rows, n_channels, n_targets=2):
    """Return source rows, reference values, added rows and their values."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_rows, n_channels)) + 3.0
    added = rng.normal(size=(3, n_channels))
    return X, Y[:n_rows, :n_targets], added, TARGETS[:, :n_targets]


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize(("n_rows", "n_channels"), [(15, 6), (4, 6), (5, 20), (1, 6)])
def test_every_regression_equals_the_normal_equations(n_rows, n_channels, n_targets):
    X, y, added, targets = make(n_rows, n_channels, n_targets)
    path = RowSpace.of(X, y).fit_path(added, targets, WEIGHTS, PENALTIES)
    new = X_NEW[:, :n_channels]
    predictions = path.predict(new)
    assert predictions.shape == (4, 3, 4, n_targets)
    for c, weights in enumerate(WEIGHTS):
        for e, ridge in enumerate(PENALTIES):
            b, intercept = literal(X, y, added, targets, weights, ridge)
            np.testing.assert_allclose(predictions[c, e], new @ b + intercept, atol=1e-8)


def test_one_dimensional_y_is_one_column():
    X, y, added, targets = make(15, 6, 1)
    space = RowSpace.of(X, y[:, 0])
    assert space.shape == () and RowSpace.of(X, Y).shape == (2,)
    flat, column = (
        s.fit_path(added, targets, WEIGHTS, PENALTIES) for s in (space, RowSpace.of(X, y))
    )
    np.testing.assert_array_equal(flat.predict(X), column.predict(X))


def test_rows_with_zero_weight_do_not_matter():
    X, y, added, targets = make(15, 6)
    space, weights = RowSpace.of(X, y), np.array([[2.0, 0.0, 3.0]])
    path = space.fit_path(added, targets, weights, PENALTIES)
    without = space.fit_path(added[[0, 2]], targets[[0, 2]], weights[:, [0, 2]], PENALTIES)
    np.testing.assert_allclose(path.predict(X), without.predict(X), atol=1e-12)
    no_rows = space.fit_path(np.empty((0, 6)), np.empty((0, 2)), np.empty((1, 0)), PENALTIES)
    b, intercept = literal(X, y, added, targets, np.zeros(3), PENALTIES[1])
    np.testing.assert_allclose(no_rows.predict(X)[0, 1], X @ b + intercept, atol=1e-10)


def test_constant_source_rows_leave_the_added_rows():
    _, y, added, targets = make(4, 6)
    X = np.ones((4, 6))
    path = RowSpace.of(X, y).fit_path(added, targets, WEIGHTS, PENALTIES)
    b, intercept = literal(X, y, added, targets, WEIGHTS[2], PENALTIES[0])
    np.testing.assert_allclose(
        path.predict(X_NEW[:, :6])[2, 0], X_NEW[:, :6] @ b + intercept, atol=1e-8
    )


def test_scaled_differences_have_the_given_mean_square_norm():
    X_source, X_target = np.random.default_rng(3).normal(size=(2, 5, 8))
    D = scaled_differences(X_source, X_target, 7.0)
    assert mean_square(D) == pytest.approx(7.0)
    assert np.linalg.matrix_rank(np.stack([D.ravel(), (X_source - X_target).ravel()])) == 1


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_differences_within_rounding_error_are_zero(scale):
    X = scale * (np.random.default_rng(3).normal(size=(5, 8)) + 2.0)
    offset = scale * np.random.default_rng(4).normal(size=8)
    almost = (X + offset) + (X - (X + offset)).mean(axis=0)
    assert (almost != X).any()
    np.testing.assert_array_equal(scaled_differences(X, almost, 7.0), 0.0)
    small = scaled_differences(X, X * (1 + 1e-9), 7.0)
    assert mean_square(small) == pytest.approx(7.0)


def test_no_rows_have_a_norm_of_zero():
    assert mean_square(np.empty((0, 3))) == 0.0
    assert scaled_differences(np.empty((0, 3)), np.empty((0, 3)), 7.0).shape == (0, 3)
