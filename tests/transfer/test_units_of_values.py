"""Predictions follow the unit of reference values and spectra, and survive a constant offset."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skspektron.preprocessing import SNV
from skspektron.transfer import EnsembleTransfer, NoTransfer
from skspektron.transfer._algorithms._pls import TargetScaledPLS
from tests.transfer.methods import METHODS, SMALL_FNO

# Rounding moves some small singular vectors of its views; its weights are continuous.
TOLERANCES = {EnsembleTransfer: 1e-3}
WITHOUT_NETWORK = [method for method in METHODS if method is not SMALL_FNO]


def predict(method, stack, estimator=None, *, X=None, y=None, **parameters):
    """Return the predictions for the stacked rows, or for other spectra and reference values."""
    X, y = (given if new is None else new for given, new in zip(stack, (X, y), strict=False))
    model = method(estimator, source="A", target="B", n_transfer=6, **parameters)
    return model.fit(X, y, instrument=stack[2], sample_id=stack[3]).predict(X)


def with_noise(stack, deviations):
    """Return stacked rows with noise added to the reference values."""
    X, y, *metadata = stack
    noise = np.random.default_rng(1).normal(size=y.shape)
    return X, y + noise * deviations, *metadata


def assert_same(method, predictions, expected):
    """Compare predictions to a small part of their standard deviations."""
    atol = TOLERANCES.get(method, 1e-6)
    scale = expected.std(axis=0)
    np.testing.assert_allclose(predictions / scale, expected / scale, rtol=0, atol=atol)


@pytest.mark.parametrize("method", WITHOUT_NETWORK)
def test_the_unit_of_a_target_changes_no_other_prediction(method, make_stack):
    # A noisy target, so that the targets compete for the components.
    stack = with_noise(make_stack(14, n_targets=3), [0.03, 0.6, 0.1])
    expected = predict(method, stack, selection="spxy")
    units = np.array([1e15, 10.0, 1e-15])
    changed = predict(method, stack, selection="spxy", y=stack[1] * units) / units
    assert_same(method, changed, expected)


@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("method", WITHOUT_NETWORK)
def test_predictions_follow_unit_and_offset_of_y(method, n_targets, make_stack):
    stack = with_noise(make_stack(14, n_targets=n_targets), 0.05)
    estimator = Ridge(1e-3) if n_targets else None
    expected = predict(method, stack, estimator)
    for unit, offset in ((1e-15, 1e-13), (1e15, -1e17)):
        changed = predict(method, stack, estimator, y=unit * stack[1] + offset)
        assert_same(method, (changed - offset) / unit, expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_unit_of_the_spectra_changes_no_prediction(method, make_stack):
    stack = with_noise(make_stack(14), 0.05)
    expected = predict(method, stack)
    for unit in (1e-9, 1e9):
        assert_same(method, predict(method, stack, X=unit * stack[0]), expected)


@pytest.mark.parametrize("method", METHODS)
def test_an_offset_of_the_spectra_costs_no_more_than_its_rounding(method, make_stack):
    stack = with_noise(make_stack(14), 0.05)
    moved = stack[0] + 1e4
    expected = predict(method, stack, X=moved - 1e4)  # with the same rounding, without the offset
    assert_same(method, predict(method, stack, X=moved), expected)


@pytest.mark.parametrize(
    ("dtype", "offset"),
    [("f8", 1.0), ("f8", 1e3), ("f8", 1e6), ("f4", 0.0), ("f4", 1.0), ("f4", 100.0)],
)
def test_an_offset_takes_no_components_from_the_default_pls(dtype, offset):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(80, 15)) * np.logspace(0, -2, 15)
    X = scores @ rng.normal(size=(15, 200)) + 1e-4 * rng.normal(size=(80, 200))
    y = scores @ np.logspace(0, 2, 15) + 0.05 * rng.normal(size=80)
    moved = (X + offset).astype(dtype)
    without = moved.astype(np.float64) - offset
    fits = [NoTransfer().fit(spectra, y) for spectra in (moved, without)]
    assert [fit.estimator_.n_components for fit in fits] == [15, 15]
    difference = fits[0].predict(moved) - fits[1].predict(without)
    assert np.abs(difference).max() < {"f8": 1e-12 * max(offset, 100), "f4": 3e-4}[dtype] * y.std()


def test_a_constant_target_leaves_the_others_unchanged(make_stack):
    stack = with_noise(make_stack(14, n_targets=2), 0.05)
    y = np.column_stack([stack[1], np.full(len(stack[0]), 7.1)])
    expected, predictions = predict(NoTransfer, stack), predict(NoTransfer, stack, y=y)
    np.testing.assert_allclose(predictions[:, 2], 7.1)
    assert_same(NoTransfer, predictions[:, :2], expected)


@pytest.mark.parametrize("n_targets", [None, 1])
def test_scaled_pls_of_one_target_is_that_of_scikit_learn(n_targets, make_stack):
    X, y, *_ = with_noise(make_stack(14, n_targets=n_targets), 0.05)
    y = 3 * y + 100
    scaled, plain = (kind(4, scale=False).fit(X, y) for kind in (TargetScaledPLS, PLSRegression))
    for name, value in vars(plain).items():
        if name.endswith("_"):
            np.testing.assert_allclose(getattr(scaled, name), value, rtol=1e-10, err_msg=name)
    for name, arguments in {
        "predict": [X],
        "transform": [X, y],
        "inverse_transform": [X[:, :4], X[:, 4:8]],
    }.items():
        expected = getattr(plain, name)(*arguments)
        np.testing.assert_allclose(
            np.hstack(getattr(scaled, name)(*arguments)), np.hstack(expected), rtol=1e-9, atol=1e-12
        )
    assert scaled.inverse_transform(scaled.transform(X)).shape == X.shape


def test_scaled_pls_returns_scores_and_values_in_the_unit_of_y(make_stack):
    X, y, *_ = with_noise(make_stack(14, n_targets=3), 0.05)
    y = y * [1.0, 1e3, 1e-3] + [0.0, 1e5, 1.0]
    scaled = TargetScaledPLS(4, scale=False).fit(X, y)
    plain = PLSRegression(4, scale=False).fit(X, y / y.std(axis=0))
    np.testing.assert_allclose(scaled.predict(X), plain.predict(X) * y.std(axis=0), rtol=1e-9)
    scores, y_scores = scaled.transform(X, y)
    np.testing.assert_allclose(y_scores, plain.transform(X, y / y.std(axis=0))[1], atol=1e-9)
    from_loadings = scores @ scaled.y_loadings_.T + scaled.intercept_
    np.testing.assert_allclose(from_loadings, scaled.predict(X), rtol=1e-9)
    _, values = scaled.inverse_transform(scores, scores)
    np.testing.assert_allclose(values, scaled.predict(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("i1", -128, 127), ("u2", 0, 65535), ("f2", 900, 60000)]
)
@pytest.mark.parametrize("method", WITHOUT_NETWORK)
def test_integers_and_half_precision_predict_as_the_same_numbers_in_double(
    method, dtype, low, high, make_stack
):
    stack = with_noise(make_stack(14), 0.05)
    X = np.interp(stack[0], (stack[0].min(), stack[0].max()), (low, high)).astype(dtype)
    calibration = make_pipeline(SNV(), Ridge(1e-3)) if dtype != "f2" else None
    expected = predict(method, stack, calibration, X=X.astype(np.float64))
    assert_same(method, predict(method, stack, calibration, X=X), expected)
