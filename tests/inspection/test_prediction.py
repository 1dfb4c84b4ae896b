"""Figures of merit as in skspektron.metrics, and the lines, bars and box of the display."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skspektron.inspection import PredictionDisplay
from skspektron.metrics import bias, r2, rmsep, slope
from skspektron.transfer import NoTransfer

pytest.importorskip("matplotlib")

Y_TRUE = np.array([1.0, 2.0, 4.0, 5.0])
Y_PRED = np.array([1.5, 2.0, 4.5, 4.4])
INTERVALS = np.array([[1.2, 1.8], [1.5, 2.5], [3.5, 5.5], [4.0, 4.8]])


@pytest.fixture
def ax(make_axes):
    return make_axes(1)[0]


def test_figures_equal_the_metrics_and_are_in_the_box(ax):
    display = PredictionDisplay(Y_TRUE, Y_PRED, name="moisture", unit="%").plot(ax)
    expected = {metric.__name__: metric(Y_TRUE, Y_PRED) for metric in (bias, slope, rmsep, r2)}
    assert display.figures_ == {**expected, "n": 4}
    text = display.text_.get_text()
    assert text.splitlines() == [
        "n = 4",
        f"Bias {expected['bias']:.3g} %",
        f"Slope {expected['slope']:.3g}",
        f"RMSEP {expected['rmsep']:.3g} %",
        f"R² {expected['r2']:.3g}",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "Moisture, reference / %",
        "Moisture, predicted / %",
    )
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert display.error_bars_ is None


def test_lines_are_the_identity_and_the_regression(ax):
    display = PredictionDisplay(Y_TRUE, Y_PRED).plot(ax)
    assert display.one_to_one_.get_slope() == 1
    np.testing.assert_allclose(np.ptp(display.one_to_one_.get_xy1()), 0)
    coefficient, constant = np.polyfit(Y_TRUE, Y_PRED, 1)
    line = display.regression_line_
    assert line.get_slope() == pytest.approx(coefficient)
    x, y = line.get_xy1()
    assert y == pytest.approx(constant + coefficient * x)
    np.testing.assert_array_equal(display.points_.get_xydata(), np.c_[Y_TRUE, Y_PRED])
    styles = {line.get_linestyle() for line in (display.one_to_one_, display.regression_line_)}
    assert len(styles) == 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Reference", "Predicted")


def test_intervals_are_bars_and_their_coverage_is_in_the_box(ax):
    display = PredictionDisplay(Y_TRUE, Y_PRED, intervals=INTERVALS).plot(ax)
    (bars,) = display.error_bars_.lines[2]
    np.testing.assert_allclose([bar[:, 1] for bar in bars.get_segments()], INTERVALS)
    assert display.figures_["coverage"] == 0.5
    assert "50% in their interval" in display.text_.get_text()


def test_missing_reference_values_are_counted_but_not_plotted(ax):
    y_true = np.r_[Y_TRUE, np.nan, np.nan]
    intervals = np.r_[INTERVALS, [[0, 1]] * 2]
    display = PredictionDisplay(y_true, np.r_[Y_PRED, 9, 9], intervals=intervals).plot(ax)
    assert display.figures_["rmsep"] == rmsep(Y_TRUE, Y_PRED)
    assert (display.n_missing_, display.figures_["n"], display.figures_["coverage"]) == (2, 4, 0.5)
    assert display.text_.get_text().startswith("n = 4, 2 unknown")


def test_equal_reference_values_have_no_regression_line(ax):
    with pytest.warns(UserWarning, match="slope"):
        display = PredictionDisplay([2.0, 2.0], [1.0, 3.0]).plot(ax)
    assert display.regression_line_ is None
    display.figure_.canvas.draw()


class WithIntervals(LinearRegression):
    def predict_interval(self, X):
        y = self.predict(X)
        return y, np.c_[y - 1, y + 1]


def test_estimators_that_predict_intervals(make_axes):
    X = Y_TRUE[:, None]
    model = WithIntervals().fit(X, Y_PRED)
    first, second = make_axes(2)
    display = PredictionDisplay.from_estimator(model, X, Y_TRUE, ax=first)
    np.testing.assert_allclose(display.y_pred, model.predict(X))
    assert display.figures_["coverage"] == 1
    plain = LinearRegression().fit(X, Y_PRED)
    assert PredictionDisplay.from_estimator(plain, X, Y_TRUE, ax=second).error_bars_ is None


def test_instruments_are_passed_to_predict(stacked, ax):
    X, y, instrument, sample_id = stacked
    transfer = NoTransfer(LinearRegression(), source="source", target="target")
    transfer.fit(X, y, instrument=instrument, sample_id=sample_id)
    display = PredictionDisplay.from_estimator(transfer, X, y, instrument=instrument, ax=ax)
    np.testing.assert_array_equal(display.y_pred, transfer.predict(X, instrument=instrument))
    with pytest.raises(ValueError, match="lamp"):
        PredictionDisplay.from_estimator(transfer, X, y, instrument=["lamp"] * len(X), ax=ax)


def test_one_of_several_targets(make_axes):
    y_true, y_pred = np.c_[Y_TRUE, -Y_TRUE], np.c_[Y_PRED, -Y_PRED]
    first, second = make_axes(2)
    display = PredictionDisplay.from_predictions(y_true, y_pred, target=1, ax=first)
    np.testing.assert_array_equal(display.y_true, -Y_TRUE)
    column = PredictionDisplay.from_predictions(y_true[:, :1], y_pred[:, :1], ax=second)
    np.testing.assert_array_equal(column.y_pred, Y_PRED)
    with pytest.raises(ValueError, match=r"y has 2 targets.*target="):
        PredictionDisplay.from_predictions(y_true, y_pred)
    with pytest.raises(ValueError, match=r"target must be a column of the 2 targets, got 2"):
        PredictionDisplay.from_predictions(y_true, y_pred, target=2)
    with pytest.raises(ValueError, match=r"y_true must have .* got \(4, 2\).*target="):
        PredictionDisplay(y_true, y_pred).plot()


def test_invalid_values_raise():
    with pytest.raises(ValueError, match=r"All 2 reference values are NaN"):
        PredictionDisplay([np.nan] * 2, [1.0, 2.0]).plot()
    with pytest.raises(ValueError, match=r"intervals must have shape \(4, 2\), got \(2, 4\)"):
        PredictionDisplay(Y_TRUE, Y_PRED, intervals=INTERVALS.T).plot()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PredictionDisplay(Y_TRUE, Y_PRED[:3]).plot()


def test_new_figure_and_no_matplotlib(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("the display shows itself"))
    plt.switch_backend("Agg")
    display = PredictionDisplay(Y_TRUE, Y_PRED).plot()
    assert plt.gcf() is display.figure_
    display.figure_.canvas.draw()
    plt.close(display.figure_)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"PredictionDisplay needs matplotlib.*'skspektron\[plot\]'"
    ):
        PredictionDisplay.from_estimator(None, None, None)  # before anything is predicted


@pytest.mark.parametrize("intervals", [[[0, 1], [np.nan, 3]], [[0, 1], [3, 2]]])
def test_intervals_that_are_none_raise(intervals, ax):
    with pytest.raises(ValueError, match=r"1 of the 2 intervals are NaN, or their lower end"):
        PredictionDisplay([1.0, 2.0], [1.0, 2.0], intervals=intervals).plot(ax)


@pytest.mark.parametrize("target", [True, "a", 1.0])
def test_a_target_that_is_no_column_raises(target, ax):
    with pytest.raises(ValueError, match=r"target must be an int or None, got"):
        PredictionDisplay.from_predictions(np.ones((3, 2)), np.ones((3, 2)), target=target, ax=ax)
