"""Figures of merit: values computed by hand, identities, edge cases."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score, root_mean_squared_error

from skspektron.metrics import bias, r2, rmsep, rpd, rpiq, sep, slope

FIGURES = [bias, r2, rmsep, rpd, rpiq, sep, slope]


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    y_true = rng.normal(10, 2, size=(30, 2))
    return y_true, 0.9 * y_true + 1.5 + rng.normal(size=y_true.shape)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        # errors 1, -1, 3: bias 1; deviations from it 0, -2, 2
        (bias, 1.0),
        (rmsep, np.sqrt(11 / 3)),
        (sep, 2.0),
        (slope, 2.0),
        (r2, 1 - 11 / 2),
        (rpd, 1 / 2),
        (rpiq, 1 / 2),
    ],
)
def test_values_by_hand(figure, expected):
    assert figure([1.0, 2.0, 3.0], [2.0, 1.0, 6.0]) == pytest.approx(expected)


def test_sep_squared_is_rmsep_squared_without_bias(pair):
    n, kw = len(pair[0]), {"multioutput": "raw_values"}
    expected = n / (n - 1) * (rmsep(*pair, **kw) ** 2 - bias(*pair, **kw) ** 2)
    np.testing.assert_allclose(sep(*pair, **kw) ** 2, expected)


def test_equal_to_scikit_learn(pair):
    assert r2(*pair) == pytest.approx(r2_score(*pair))
    assert rmsep(*pair) == pytest.approx(root_mean_squared_error(*pair))


def test_slope_and_bias_of_scaled_and_shifted_predictions(pair):
    y = pair[0][:, 0]
    assert (bias(y, y + 1), slope(y, y + 1)) == pytest.approx((1, 1))
    assert slope(y, 3 - 2 * y) == pytest.approx(-2)


def test_an_offset_does_not_change_the_slope(pair):
    y_true, y_pred = pair[0][:, 0], pair[1][:, 0]
    expected = slope(y_true, y_pred)
    assert slope(y_true + 1e7, y_pred + 1e7) == pytest.approx(expected, rel=1e-7)
    assert slope(y_true, y_pred + 1e7) == pytest.approx(expected, rel=1e-7)


def test_rpd_uses_the_standard_deviation_and_rpiq_the_quartiles(pair):
    y_true, y_pred = pair[0][:, 0], pair[1][:, 0]
    assert rpd(y_true, y_pred) == pytest.approx(np.std(y_true, ddof=1) / sep(y_true, y_pred))
    q1, q3 = np.percentile(y_true, [25, 75])
    assert rpiq(y_true, y_pred) == pytest.approx((q3 - q1) / sep(y_true, y_pred))


@pytest.mark.parametrize("figure", FIGURES)
def test_multioutput_gives_each_target_or_their_mean(figure, pair):
    raw = figure(*pair, multioutput="raw_values")
    single = [figure(pair[0][:, j], pair[1][:, j]) for j in range(2)]
    np.testing.assert_allclose(raw, single)
    assert figure(*pair) == pytest.approx(np.mean(single))
    assert figure(pair[0][:, 0], pair[1][:, :1]) == pytest.approx(single[0])


@pytest.mark.parametrize("figure", [r2, rpd, rpiq, sep, slope])
def test_one_sample_gives_nan_and_a_warning(figure):
    with pytest.warns(UndefinedMetricWarning, match="got 1 samples"):
        assert np.isnan(figure([1.0], [2.0]))


def test_one_sample_has_rmsep_and_bias():
    assert (rmsep([1.0], [3.0]), bias([1.0], [3.0])) == (2, 2)


def test_constant_reference_values():
    y_true, y_pred = [0.1] * 3, [0.1, 0.2, 0.3]
    with pytest.warns(UndefinedMetricWarning, match="slope needs different reference values"):
        assert np.isnan(slope(y_true, y_pred))
    assert (r2(y_true, y_pred), rpd(y_true, y_pred), rpiq(y_true, y_pred)) == (0, 0, 0)


def test_exact_predictions_give_infinite_ratios():
    y = [1.0, 2.0, 4.0]
    assert rpd(y, y) == rpiq(y, y) == np.inf


@pytest.mark.parametrize("figure", FIGURES)
def test_invalid_input_raises(figure):
    with pytest.raises(ValueError, match="2 targets, y_pred has 1"):
        figure([[1.0, 2.0], [3.0, 5.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        figure([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        figure([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(ValueError, match=r"multioutput must be .*, got 'median'"):
        figure([1.0, 2.0], [1.0, 3.0], multioutput="median")
