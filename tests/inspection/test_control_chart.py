"""Points, limits, signals and labels of control charts."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skspektron.inspection import ControlChartDisplay
from skspektron.validation import ControlChart

pytest.importorskip("matplotlib")


@pytest.fixture
def chart(two_instruments):
    """Return a chart with 12 points: one without a reference value, a shift and a restart."""
    X, y = two_instruments.X["source"], two_instruments.y[:, 0]
    chart = ControlChart(PCA(3), bias=0.0, sep=0.5).fit(X[:25])
    reference = y[25:37].copy()
    reference[2] = np.nan
    errors = np.array([0.1, -0.3, 0, 0.2] + [2.0] * 3 + [0.1] * 5)
    spectra = X[25:37].copy()
    spectra[1, 30] += 0.2
    chart.partial_fit(
        spectra[:7], reference[:7], (y[25:37] + errors)[:7], sample_id=list("abcdefg")
    )
    return chart.restart().partial_fit(spectra[7:], reference[7:], (y[25:37] + errors)[7:])


def test_points_limits_signals_and_labels(chart, make_axes):
    display = ControlChartDisplay.from_estimator(chart, ax=make_axes(3))
    history, limits = chart.history_, chart.limits_
    known = [i for i in range(12) if i != 2]
    expected = {
        "z": history.z,
        "ewma": history.ewma,
        "cusum_high": history.cusum_high,
        "cusum_low": -history.cusum_low,
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(
            display.points_[name].get_xydata(), np.c_[known, values[known]]
        )
    for name in ("hotelling_t2", "q_residuals"):
        np.testing.assert_allclose(display.points_[name].get_ydata(), history[name] / limits[name])
    dashed = [
        sorted(line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--")
        for ax in display.ax_
    ]
    w, c = limits.shewhart, limits.ewma
    assert dashed == [[-w, -c, c, w], [-limits.cusum, limits.cusum], [1]]
    signals = [line.get_xdata().tolist() for line in display.signals_]
    assert signals[0][:3] == [4, 5, 6] and 6 in signals[1] and signals[2] == [1]
    assert [label.get_text() for label in display.labels_] == ["b", "e"]
    assert display.labels_[0].axes is display.ax_[2]
    restarts = [line for line in display.ax_[0].lines if line.get_color() == "0.6"]
    assert [line.get_xdata()[0] for line in restarts] == [6.5]
    display.figure_.canvas.draw()


def test_at_most_eight_labels_and_frames(chart, two_instruments, make_axes):
    X, y = two_instruments.X["source"], two_instruments.y[:, 0]
    error = np.tile([0.0, 1.51], 10)  # beyond 3 standard errors, and back
    chart = ControlChart(PCA(3), bias=0.0, sep=0.5, ewma_lambda=1.0, cusum_k=2.9).fit(X)
    chart.partial_fit(X[:20], y[:20], y[:20] + error)
    history = dict(chart.history_) | {"extra": 0}
    display = ControlChartDisplay(history, dict(chart.limits_)).plot(make_axes(3))
    assert [label.get_text() for label in display.labels_] == [str(i) for i in range(5, 20, 2)]


def test_a_new_figure_has_three_panels(chart):
    display = ControlChartDisplay.from_estimator(chart)
    assert len(display.figure_.axes) == 3
    assert display.ax_[2].get_xlabel() == "Point"


def test_invalid_inputs_raise(chart, two_instruments, make_axes):
    X = two_instruments.X["source"]
    with pytest.raises(TypeError, match=r"must be a fitted ControlChart, got PCA"):
        ControlChartDisplay.from_estimator(PCA(2).fit(X), ax=make_axes(3))
    with pytest.raises(ValueError, match=r"at least 1 point, got 0. Call partial_fit"):
        ControlChartDisplay.from_estimator(ControlChart(bias=0, sep=1).fit(X), ax=make_axes(3))
    with pytest.raises(ValueError, match=r"ax must hold 3 Axes, got 1"):
        ControlChartDisplay.from_estimator(chart, ax=make_axes(1))
    with pytest.raises(ValueError, match=r"history must be the history_ of a fitted ControlChart"):
        ControlChartDisplay({"z": [1]}, chart.limits_).plot(make_axes(3))
