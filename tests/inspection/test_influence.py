"""T2 and Q of the applicability domain, and labels of samples outside its limits."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from skspektron.inspection import InfluenceDisplay
from skspektron.reliability import ApplicabilityDomain

pytest.importorskip("matplotlib")

T2, Q = np.array([1.0, 9.0, 2.0, 7.0, 3.0]), np.array([0.1, 0.2, 0.9, 0.7, 0.0])
LIMITS = {"hotelling_t2_limit": 6.0, "q_residuals_limit": 0.5}


def drawn(ax):
    """Return the plotted points by the first word of their label."""
    lines = [line for line in ax.lines if ", n = " in line.get_label()]
    return {line.get_label().split(",")[0]: line for line in lines}


def test_points_limits_and_labels(make_axes):
    ax = make_axes(1)
    display = InfluenceDisplay(T2, Q, **LIMITS, sample_id=list("abcde")).plot(ax)
    assert display.outside_.tolist() == [False, True, True, True, False]
    marks = drawn(ax[0])
    np.testing.assert_array_equal(marks["inside"].get_xydata(), [[1, 0.1], [3, 0]])
    np.testing.assert_array_equal(marks["outside"].get_xydata(), np.c_[T2, Q][1:4])
    assert marks["outside"].get_label() == "outside, n = 3"
    assert marks["inside"].get_marker() != marks["outside"].get_marker()
    assert marks["outside"].get_markerfacecolor() == "none" != marks["inside"].get_color()
    levels = [line for line in ax[0].lines if line.get_linestyle() == "--"]
    assert (levels[0].get_xdata()[0], levels[1].get_ydata()[0]) == (6, 0.5)
    assert [label.get_text() for label in display.labels_] == ["c", "b", "d"]  # farthest first
    assert display.figure_ is ax[0].figure
    assert np.isnan(display.residual_band_)
    display.figure_.canvas.draw()  # a Q of zero has no logarithm


def test_the_channel_residual_decides_too(make_axes):
    third = {"channel_residual": [30.0, 1.0, 1.0, 1.0, 20.0], "channel_residual_limit": 20.0}
    display = InfluenceDisplay(T2, Q, **LIMITS, **third).plot(make_axes(1))
    assert display.outside_.tolist() == [True, True, True, True, False]
    assert [label.get_text() for label in display.labels_] == ["2", "0", "1", "3"]
    del third["channel_residual_limit"]
    with pytest.raises(ValueError, match=r"channel_residual_limit must be given .*, got None"):
        InfluenceDisplay(T2, Q, **LIMITS, **third).plot(make_axes(1))


def test_residuals_against_t2(make_axes):
    residuals = [0.1, 2.0, np.nan, -1.0, -0.3]
    display = InfluenceDisplay(T2, Q, **LIMITS, residuals=residuals, unit="%").plot(make_axes(2))
    marks = drawn(display.ax_[1])
    np.testing.assert_array_equal(marks["inside"].get_xydata(), [[1, 0.1], [3, -0.3]])
    assert display.residual_band_ == pytest.approx(2 * np.sqrt((0.1**2 + 0.3**2) / 2))
    dotted = [line for line in display.ax_[1].lines if line.get_linestyle() == ":"]
    band = display.residual_band_
    assert [line.get_ydata()[0] for line in dotted] == [-band, band]
    assert display.ax_[1].get_ylabel() == "Predicted − reference / %"
    assert [label.get_text() for label in display.labels_] == ["2", "1", "3"]


def test_at_most_eight_labels(make_axes):
    display = InfluenceDisplay(np.arange(30) + 7, np.ones(30), **LIMITS).plot(make_axes(1))
    assert [label.get_text() for label in display.labels_] == [str(29 - i) for i in range(8)]


def test_from_a_domain(two_instruments, make_axes):
    X, y = two_instruments.X["source"], two_instruments.y[:, 0]
    domain = ApplicabilityDomain(PLSRegression(3)).fit(X[:30], y[:30])
    found = domain.statistics(X)
    display = InfluenceDisplay.from_estimator(domain, X, ax=make_axes(1))
    np.testing.assert_array_equal(display.hotelling_t2, found.hotelling_t2)
    np.testing.assert_array_equal(display.outside_, ~found.inside)
    assert display.residuals is None
    own = InfluenceDisplay.from_estimator(domain, X, y, ax=make_axes(2))
    np.testing.assert_allclose(own.residuals, domain.estimator_.predict(X).ravel() - y)
    ridge = Ridge().fit(X, y)
    other = InfluenceDisplay.from_estimator(domain, X, y, regressor=ridge, ax=make_axes(2))
    np.testing.assert_allclose(other.residuals, ridge.predict(X) - y)


def test_invalid_inputs_raise(two_instruments, make_axes):
    X, Y = two_instruments.X["source"], two_instruments.y
    with pytest.raises(TypeError, match=r"got PCA. Pass ApplicabilityDomain"):
        InfluenceDisplay.from_estimator(PCA(2).fit(X), X, ax=make_axes(1))
    domain = ApplicabilityDomain(PCA(2)).fit(X)
    with pytest.raises(TypeError, match=r"PCA has no predict. Pass a fitted calibration"):
        InfluenceDisplay.from_estimator(domain, X, Y[:, 0], ax=make_axes(2))
    both = Ridge().fit(X, Y)
    with pytest.raises(
        ValueError, match=r"y has shape \(40, 5\) and the predictions have \(40, 5\)"
    ):
        InfluenceDisplay.from_estimator(domain, X, Y, regressor=both, ax=make_axes(2))
    with pytest.raises(ValueError, match=r"ax must hold 2 Axes, got 1"):
        InfluenceDisplay(T2, Q, **LIMITS, residuals=T2).plot(make_axes(1))
    with pytest.raises(ValueError, match="sample_id has 2 entries"):
        InfluenceDisplay(T2, Q, **LIMITS, sample_id=["a", "b"]).plot(make_axes(1))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        InfluenceDisplay(T2, Q[:3], **LIMITS).plot(make_axes(1))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"hotelling_t2": [1.0, np.nan]}, r"hotelling_t2 must be finite, got 1 of 2"),
        ({"q_residuals": [np.inf, 1.0]}, r"q_residuals must be finite, got 1 of 2"),
        ({"hotelling_t2_limit": np.nan}, r"hotelling_t2_limit must be a finite number above 0"),
        ({"q_residuals_limit": -1.0}, r"q_residuals_limit must be a finite number above 0"),
    ],
)
def test_statistics_and_limits_that_compare_with_nothing_raise(changed, match, make_axes):
    given = {"hotelling_t2": [1.0, 2.0], "q_residuals": [0.1, 0.2], **LIMITS}
    with pytest.raises(ValueError, match=match):
        InfluenceDisplay(**given | changed).plot(make_axes(1))
