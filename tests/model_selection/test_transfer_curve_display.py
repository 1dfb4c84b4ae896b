"""TransferCurveDisplay: medians, quartiles, recalibration, labels, shared splits."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer
from sklearn.pipeline import make_pipeline

from skspektron.metrics import rmsep
from skspektron.model_selection import (
    TransferCurve,
    TransferCurveDisplay,
    TransferShuffleSplit,
    transfer_curve,
)
from skspektron.preprocessing import SNV
from skspektron.transfer import NoTransfer, SlopeBiasTransfer, TargetOnly

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.fixture
def rows(stacked):
    return dict(zip(("X", "y", "instrument", "sample_id"), stacked, strict=True))


def make_curve(sizes, scores):
    scores = np.asarray(scores, dtype=float)
    return TransferCurve(np.asarray(sizes), scores, np.ones_like(scores), np.ones_like(scores))


@pytest.fixture
def curve():
    return make_curve([0, 5, 10], [[-9, -5, -7, -1], [-4, -6, -5, -1], [-3, -2, -2, -1]])


def make_methods(target="target"):
    return {
        "none": NoTransfer(Ridge(), source="source", target=target),
        "slope/bias": SlopeBiasTransfer(Ridge(), source="source", target=target),
    }


def test_median_and_quartiles_over_splits(curve, ax):
    display = TransferCurveDisplay({"PDS": curve}, score_name="r2").plot(ax)
    x, y = display.lines_["PDS"].get_data()
    np.testing.assert_array_equal(x, [0, 5, 10])
    np.testing.assert_array_equal(y, np.median(curve.test_scores, axis=1))
    quartiles = np.percentile(curve.test_scores, [25, 75], axis=1)
    vertices = display.bands_["PDS"].get_paths()[0].vertices
    for position, lower, upper in zip(x, *quartiles, strict=True):
        drawn = vertices[vertices[:, 0] == position, 1]
        assert (drawn.min(), drawn.max()) == (lower, upper)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.recalibration_line_ is None
    assert ax.get_xlabel() == "Number of standards"


def test_failed_fits_are_ignored(ax):
    curve = make_curve([0, 5], [[1, 2, 3], [1, 3, np.nan]])
    line = TransferCurveDisplay({"PDS": curve}).plot(ax).lines_["PDS"]
    np.testing.assert_array_equal(line.get_ydata(), [2, 2])


@pytest.mark.parametrize(
    ("score_name", "sign", "label"),
    [
        (None, 1, "Score"),
        ("r2", 1, "R²"),
        ("explained_variance", 1, "Explained variance"),
        ("neg_root_mean_squared_error", -1, "RMSEP"),
        ("neg_mean_absolute_error", -1, "Mean absolute error"),
        ("neg_RMSEP (% moisture)", -1, "RMSEP (% moisture)"),
        ("$R_p^2$", 1, "$R_p^2$"),
    ],
)
def test_score_name_determines_sign_and_label(score_name, sign, label, curve, ax):
    display = TransferCurveDisplay(
        {"PDS": curve}, score_name=score_name, recalibration=[-1.0, -2.0, -4.0]
    ).plot(ax)
    np.testing.assert_array_equal(
        display.lines_["PDS"].get_ydata(), [-sign * 6, -sign * 4.5, -sign * 2]
    )
    assert set(display.recalibration_line_.get_ydata()) == {-2 * sign}
    assert ax.get_ylabel() == label


def test_ticks_are_the_sizes_of_all_curves(curve, ax):
    other = make_curve([2, 10, None], np.ones((3, 2)))
    lines = TransferCurveDisplay({"a": curve, "b": other}).plot(ax).lines_
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "2", "5", "10", "all"]
    np.testing.assert_array_equal(ax.get_xticks(), [0, 2, 5, 10, 15])
    np.testing.assert_array_equal(lines["b"].get_xdata(), [2, 10, 15])


def test_curve_of_all_standards_only(ax):
    line = TransferCurveDisplay({"a": make_curve([None], [[1, 2]])}).plot(ax).lines_["a"]
    assert len(line.get_xdata()) == 1
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["all"]


def test_methods_differ_in_marker_or_line_style(curve, ax):
    display = TransferCurveDisplay(
        {f"method {i}": curve for i in range(21)}, recalibration=[0.0]
    ).plot(ax)
    lines = display.lines_.values()
    assert len({(line.get_marker(), line.get_linestyle()) for line in lines}) == 21
    assert "--" not in {line.get_linestyle() for line in lines}
    assert display.recalibration_line_.get_linestyle() == "--"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [*display.lines_, "Full recalibration"]


def test_new_figure(curve, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("plot calls show"))
    plt.switch_backend("Agg")
    display = TransferCurveDisplay({"PDS": curve}).plot()
    assert plt.gcf() is display.figure_
    display.figure_.canvas.draw()
    plt.close(display.figure_)


def test_recalibration_as_a_curve_of_one_size(curve, ax):
    one = make_curve([None], [[3.0, 1.0, 2.5]])
    line = TransferCurveDisplay({"PDS": curve}, recalibration=one).plot(ax).recalibration_line_
    assert set(line.get_ydata()) == {2.5}
    with pytest.raises(ValueError, match="recalibration must have one size, got 3"):
        TransferCurveDisplay({"PDS": curve}, recalibration=curve).plot(ax)


def test_from_estimators_scores_all_methods_on_the_same_splits(rows, ax):
    cv = TransferShuffleSplit(3, target="target", random_state=np.random.RandomState(0))
    display = TransferCurveDisplay.from_estimators(
        make_methods(),
        **rows,
        n_transfer=[0, 4],
        cv=cv,
        recalibration=TargetOnly(Ridge(), source="source", target="target", n_transfer=None),
        ax=ax,
    )
    # Each split advances the RandomState: equal scores without standards mean equal splits.
    none, corrected = (display.curves[name].test_scores for name in ("none", "slope/bias"))
    np.testing.assert_array_equal(none[0], corrected[0])
    assert not np.array_equal(none[1], corrected[1])
    cv = TransferShuffleSplit(3, target="target", random_state=np.random.RandomState(0))
    ceiling = transfer_curve(
        TargetOnly(Ridge(), source="source", target="target"), **rows, n_transfer=[None], cv=cv
    )
    np.testing.assert_array_equal(display.recalibration.test_scores, ceiling.test_scores)
    level = display.recalibration_line_.get_ydata()[0]
    assert level == -np.median(ceiling.test_scores)
    assert ax.get_ylabel() == "RMSEP"


def test_default_splits_are_those_of_transfer_curve(rows, ax):
    display = TransferCurveDisplay.from_estimators(make_methods(), **rows, n_transfer=[3], ax=ax)
    for name, estimator in make_methods().items():
        expected = transfer_curve(estimator, **rows, n_transfer=[3])
        np.testing.assert_array_equal(display.curves[name].test_scores, expected.test_scores)


def test_from_estimator_takes_a_pipeline_groups_and_all_standards(rows, ax):
    model = make_pipeline(SNV(), SlopeBiasTransfer(Ridge(), source="source", target="target"))
    options = {"groups": rows["sample_id"] // 5, "n_transfer": [2, None], "cv": 3}
    display = TransferCurveDisplay.from_estimator(model, **rows, **options, scoring="r2", ax=ax)
    expected = transfer_curve(model, **rows, **options, scoring="r2")
    np.testing.assert_array_equal(display.curves["Pipeline"].test_scores, expected.test_scores)
    assert ax.get_ylabel() == "R²"


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"scoring": make_scorer(rmsep, greater_is_better=False)}, "Score"),
        (
            {"scoring": make_scorer(rmsep, greater_is_better=False), "score_name": "neg_rmsep / %"},
            "Rmsep / %",
        ),
        ({"scoring": None}, "Score"),
    ],
)
def test_scorers_without_a_name(options, label, rows, ax):
    display = TransferCurveDisplay.from_estimators(
        make_methods(), **rows, n_transfer=[2], cv=2, ax=ax, **options
    )
    sign = 1 if label == "Score" else -1
    drawn = display.lines_["none"].get_ydata()
    np.testing.assert_array_equal(drawn, sign * np.median(display.curves["none"].test_scores))
    assert ax.get_ylabel() == label


def test_function_scorers_are_labelled_with_their_name(rows, ax):
    def neg_worst_error(estimator, X, y):
        return -np.abs(estimator.predict(X) - y).max()

    TransferCurveDisplay.from_estimators(
        make_methods(), **rows, n_transfer=[2], cv=2, scoring=neg_worst_error, ax=ax
    )
    assert ax.get_ylabel() == "Worst error"


def test_n_jobs_and_verbose(rows, ax, capsys):
    def score(**options):
        return TransferCurveDisplay.from_estimator(
            make_methods()["none"], **rows, n_transfer=[2], cv=2, ax=ax, **options
        ).curves["NoTransfer"]

    one = score()
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(score(n_jobs=2).test_scores, one.test_scores)
    score(verbose=2)
    assert "[CV] END" in capsys.readouterr().out


def test_different_targets_without_splits_raise(rows, ax):
    methods = make_methods()
    methods["none"].set_params(target="source", source="target")
    match = r"2 estimators must have the same target, got \['source', 'target'\]"
    with pytest.raises(ValueError, match=match):
        TransferCurveDisplay.from_estimators(methods, **rows, ax=ax)


@pytest.mark.parametrize("score", [False, True])
def test_no_methods_raise(score, rows, ax):
    with pytest.raises(ValueError, match="at least one method, got 0"):
        if score:
            TransferCurveDisplay.from_estimators({}, **rows, ax=ax)
        else:
            TransferCurveDisplay({}).plot(ax)


def test_missing_matplotlib_raises_before_any_fit(curve, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skspektron\[plot\]'"):
        TransferCurveDisplay({"PDS": curve}).plot()
    monkeypatch.setattr(SlopeBiasTransfer, "fit", lambda *_, **__: pytest.fail("fit is called"))
    with pytest.raises(ImportError, match=r"pip install 'skspektron\[plot\]'"):
        TransferCurveDisplay.from_estimator(make_methods()["slope/bias"], **rows)


def test_sizes_are_drawn_in_order(ax):
    scores = np.arange(12.0).reshape(3, 4)
    curve = TransferCurve(np.array([20, 0, 5]), scores, fit_times=None, score_times=None)
    display = TransferCurveDisplay({"a": curve}).plot(ax)
    x, median = display.lines_["a"].get_data()
    assert np.asarray(x).tolist() == [0, 5, 20]
    np.testing.assert_array_equal(median, np.median(scores, axis=1)[[1, 2, 0]])
