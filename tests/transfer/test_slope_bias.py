"""Slope and bias correction against the normal equations, and where there is no slope."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from skspektron.transfer import SlopeBiasTransfer
from skspektron.transfer._slope_bias import fit_line
from tests import oracles

rng = np.random.default_rng(0)
SCORES = rng.normal(size=20)
X = np.concatenate([SCORES, 1.3 * SCORES + 0.4])[:, None]  # a linear distortion of predictions
Y = np.concatenate([SCORES, SCORES])
METADATA = {"instrument": ["A"] * 20 + ["B"] * 20, "sample_id": [*range(20)] * 2}


def fit(n_transfer, mode="auto", estimator=None, y=Y):
    """Return a slope/bias correction from A to B."""
    model = SlopeBiasTransfer(
        estimator or LinearRegression(), source="A", target="B", n_transfer=n_transfer, mode=mode
    )
    return model.fit(X, y, **METADATA)


def test_removes_a_linear_distortion():
    np.testing.assert_allclose(fit(10).predict(X[20:]), SCORES, atol=1e-8)


def test_line_equals_the_normal_equations():
    predictions, y = rng.normal(size=(2, 12))
    np.testing.assert_allclose(
        fit_line(predictions, y, fits_slope=True), oracles.slope_bias(predictions, y)
    )


def test_every_target_has_its_own_line():
    predictions, y = rng.normal(size=(2, 12, 3))
    lines = np.array(fit_line(predictions, y, fits_slope=True))
    for j in range(3):
        expected = oracles.slope_bias(predictions[:, j], y[:, j])
        np.testing.assert_allclose(lines[:, j], expected)
    model = fit(10, y=np.column_stack([Y, 2 * Y]))
    assert model.slope_.shape == model.intercept_.shape == (2,)
    np.testing.assert_allclose(model.predict(X[20:]), np.outer(SCORES, [1, 2]), atol=1e-8)


@pytest.mark.parametrize(
    ("n_transfer", "mode", "has_slope"),
    [
        (7, "auto", False),
        (8, "auto", True),
        (12, "bias", False),
        (2, "slope", True),
        (1, "slope", False),
    ],
)
def test_which_mode_fits_a_slope(n_transfer, mode, has_slope):
    slope = fit(n_transfer, mode).slope_
    assert slope == pytest.approx(1 / 1.3 if has_slope else 1.0)


def test_bias_alone_removes_the_mean_error():
    model = fit(5, "bias")
    standards = 20 + model.transfer_ids_
    assert model.predict(X[standards]).mean() == pytest.approx(Y[standards].mean())


def test_predictions_without_variance_keep_slope_one():
    model = fit(10, "slope", DummyRegressor())
    assert model.slope_ == 1.0
    np.testing.assert_allclose(model.predict(X[20:]), Y[20 + model.transfer_ids_].mean())


def test_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match=r"one of \['auto', 'bias', 'slope'\], got 'both'"):
        fit(5, "both")
