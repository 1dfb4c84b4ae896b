"""SlopeBiasTransfer against the normal equations, and without a slope."""

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as t_distribution
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from skspektron.transfer import SlopeBiasTransfer
from skspektron.transfer._slope_bias import SIGNIFICANCE_LEVEL, fit_line
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
        fit_line(predictions, y, mode="slope"), oracles.slope_bias(predictions, y)
    )


def test_auto_fits_slopes_that_are_significant_in_an_f_test():
    predictions = rng.normal(size=(4, 60))
    y = 1.5 * predictions + 0.3 * rng.normal(size=(4, 60)) + 2.0
    slope, intercept = fit_line(predictions, y, mode="auto")
    p_values = [oracles.slope_p_value(*pair) for pair in zip(predictions.T, y.T, strict=True)]
    fitted, expected = slope != 1.0, np.array(p_values) < SIGNIFICANCE_LEVEL
    np.testing.assert_array_equal(fitted, expected)
    assert 0 < fitted.sum() < 60
    for j in range(60):
        line = oracles.slope_bias(predictions[:, j], y[:, j])
        bias = 1.0, np.mean(y[:, j] - predictions[:, j])
        np.testing.assert_allclose((slope[j], intercept[j]), line if expected[j] else bias)


def test_the_f_test_equals_the_t_test_of_a_slope_of_one():
    predictions, y = rng.normal(size=(2, 12))
    line = linregress(predictions, y)
    expected = 2 * t_distribution.sf(abs(line.slope - 1) / line.stderr, 10)
    assert oracles.slope_p_value(predictions, y) == pytest.approx(expected)


def test_several_targets_are_fitted_one_by_one():
    predictions, y = rng.normal(size=(2, 12, 3))
    lines = np.array(fit_line(predictions, y, mode="slope"))
    for j in range(3):
        expected = oracles.slope_bias(predictions[:, j], y[:, j])
        np.testing.assert_allclose(lines[:, j], expected)
    model = fit(10, y=np.column_stack([Y, 2 * Y]))
    assert model.slope_.shape == model.intercept_.shape == (2,)
    np.testing.assert_allclose(model.predict(X[20:]), np.outer(SCORES, [1, 2]), atol=1e-8)


@pytest.mark.parametrize(
    ("n_transfer", "mode", "has_slope"),
    [
        (2, "auto", False),  # two points lie on any line
        (3, "auto", True),  # without noise, the slope explains everything
        (12, "bias", False),
        (2, "slope", True),
        (1, "slope", False),
    ],
)
def test_which_mode_fits_a_slope(n_transfer, mode, has_slope, recwarn):
    slope = fit(n_transfer, mode).slope_
    assert slope == pytest.approx(1 / 1.3 if has_slope else 1.0)
    assert not recwarn.list


def test_bias_removes_the_mean_error():
    model = fit(5, "bias")
    standards = 20 + model.transfer_ids_
    assert model.predict(X[standards]).mean() == pytest.approx(Y[standards].mean())


@pytest.mark.parametrize("mode", ["auto", "slope"])
def test_constant_predictions_give_a_slope_of_one(mode):
    model = fit(10, mode, DummyRegressor())
    assert model.slope_ == 1.0
    np.testing.assert_allclose(model.predict(X[20:]), Y[20 + model.transfer_ids_].mean())


def test_auto_keeps_a_true_slope_of_one():
    predictions = rng.normal(size=8)
    for y in (predictions + 0.5, predictions):
        slope, intercept = fit_line(predictions, y, mode="auto")
        assert slope == 1.0 and intercept == pytest.approx(np.mean(y - predictions))


def test_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="mode must be 'auto', 'bias' or 'slope', got 'both'"):
        fit(5, "both")
