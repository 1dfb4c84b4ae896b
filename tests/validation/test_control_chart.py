"""Control charts: a literal loop, chunks, files, scans of a sample, and errors."""

import json
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from skspektron import SNV
from skspektron._samples import number_samples
from skspektron.metrics import bias, sep
from skspektron.reliability import ApplicabilityDomain
from skspektron.reliability._limits import far_limit
from skspektron.validation import ControlChart

from ..oracles import control_chart

NUMBERS = ("error", "z", "ewma", "cusum_high", "cusum_low", "hotelling_t2", "q_residuals")


@pytest.fixture(scope="module")
def rows(two_instruments):
    """Return 40 spectra, their reference values and predictions with an error of about 0.5."""
    y = two_instruments.y[:, 0]
    return two_instruments.X["source"], y, y + np.random.default_rng(0).normal(0.2, 0.5, len(y))


@pytest.fixture
def chart(rows):
    """Return a chart from 25 samples."""
    X, y, y_pred = rows
    return ControlChart(PCA(3)).fit(X[:25], y[:25], y_pred[:25])


def added(chart, rows, at=slice(25, 40), **options):
    """Return the chart with new points."""
    X, y, y_pred = rows
    return chart.partial_fit(X[at], y[at], y_pred[at], **options)


def assert_same(one, other):
    """Compare two histories bit for bit."""
    assert one.keys() == other.keys()
    for name, column in one.items():
        np.testing.assert_array_equal(other[name], column, err_msg=name)


def test_limits_come_from_the_validation(chart, rows):
    X, y, y_pred = (values[:25] for values in rows)
    assert (chart.bias_, chart.sep_) == pytest.approx((bias(y, y_pred), sep(y, y_pred)))
    assert chart.n_samples_ == 25
    t2, q = np.empty(25), np.empty(25)
    numbers, _, _ = number_samples(X, np.arange(25), None)
    for train, test in GroupKFold(10).split(X, groups=numbers):
        pca = PCA(3).fit(X[train])
        scores = pca.transform(X[test])
        t2[test] = np.sum(scores**2 / pca.explained_variance_, axis=1)
        q[test] = np.sum((X[test] - pca.inverse_transform(scores)) ** 2, axis=1)
    assert chart.limits_.hotelling_t2 == pytest.approx(far_limit(t2, 1 - 1 / 370))
    assert chart.limits_.q_residuals == pytest.approx(far_limit(q, 1 - 1 / 370))
    for arl in chart.average_run_length().values():
        assert arl == pytest.approx(370)
    shifted = chart.average_run_length(1.0)
    assert shifted.ewma == pytest.approx(9.79, abs=0.01)
    assert shifted.cusum == pytest.approx(9.92, abs=0.01)
    assert shifted.shewhart == pytest.approx(43.9, abs=0.1)


def test_new_spectra_have_the_expected_false_alarms():
    rng = np.random.default_rng(0)
    bands = np.exp(-(((np.arange(60) - np.array([[10], [30], [45]])) / 5) ** 2))
    concentrations = 1 + 0.2 * rng.standard_normal((10, 460, 3))
    signals = []
    for X in concentrations @ bands + 0.01 * rng.standard_normal((10, 460, 60)):
        chart = ControlChart(PCA(3), arl=50.0, bias=0.0, sep=1.0).fit(X[:60])
        found, limits = chart.domain_.statistics(X[60:]), chart.limits_
        signals.append([np.mean(found[name] > limits[name]) for name in NUMBERS[5:]])
    assert 50 * np.mean(signals, axis=0) == pytest.approx(0.9, abs=0.3)


@pytest.mark.parametrize(("weight", "k"), [(0.2, 0.5), (0.05, 1.0)])
def test_charts_equal_a_literal_loop(weight, k, rows):
    X, y, y_pred = rows
    y = y.copy()
    y[[27, 33]] = np.nan
    chart = ControlChart(PCA(3), bias=0.1, sep=0.25, ewma_lambda=weight, cusum_k=k).fit(X[:25])
    history = chart.partial_fit(X[25:], y[25:], y_pred[25:]).history_
    errors = [None if np.isnan(e) else e for e in y_pred[25:] - y[25:]]
    expected = np.array(control_chart(errors, 0.1, 0.25, weight, k), dtype=float)
    for name, column in zip(("z", "ewma", "cusum_high", "cusum_low"), expected.T, strict=True):
        np.testing.assert_allclose(history[name], column, rtol=1e-12, err_msg=name)
    spectral = chart.domain_.statistics(X[25:])
    np.testing.assert_array_equal(history.hotelling_t2, spectral.hotelling_t2)
    np.testing.assert_array_equal(history.q_residuals, spectral.q_residuals)


def test_signals_name_the_charts_beyond_their_limits(rows):
    X, y, y_pred = rows
    chart = ControlChart(PCA(3), bias=0.0, sep=0.3, arl=20).fit(X[:25])
    spectra = np.vstack([X[25:39], X[39] + 0.1 * (np.arange(60) == 30)])
    history = chart.partial_fit(spectra, y[25:], y_pred[25:]).history_
    limits = chart.limits_
    expected = {
        "Shewhart high": history.z > limits.shewhart,
        "Shewhart low": history.z < -limits.shewhart,
        "EWMA high": history.ewma > limits.ewma,
        "EWMA low": history.ewma < -limits.ewma,
        "CUSUM high": history.cusum_high > limits.cusum,
        "CUSUM low": history.cusum_low > limits.cusum,
        "T2": history.hotelling_t2 > limits.hotelling_t2,
        "Q": history.q_residuals > limits.q_residuals,
    }
    for i, signals in enumerate(history.signals):
        assert signals == tuple(name for name, beyond in expected.items() if beyond[i])
    assert {"Shewhart high", "EWMA high", "CUSUM high"} <= set(sum(history.signals, ()))
    assert "Q" in history.signals[-1]


def test_points_without_reference_value_update_the_spectra_only(chart, rows):
    X, _, y_pred = rows
    unknown = np.full(5, np.nan)
    chart.partial_fit(X[25:30]).partial_fit(X[30:35], unknown, y_pred[30:35])
    history = chart.history_
    assert np.isnan([history[name] for name in NUMBERS[:5]]).all()
    assert np.isfinite([history[name] for name in NUMBERS[5:]]).all()
    with_gap = added(chart, rows, slice(35, 40)).history_
    without = added(clone(chart).fit(*(v[:25] for v in rows)), rows, slice(35, 40)).history_
    np.testing.assert_array_equal(with_gap.ewma[10:], without.ewma)
    np.testing.assert_array_equal(with_gap.cusum_high[10:], without.cusum_high)


def test_one_chunk_equals_single_points(chart, rows):
    single = pickle.loads(pickle.dumps(chart))
    for i in range(25, 40):
        added(single, rows, slice(i, i + 1))
    whole = added(chart, rows)
    for name in NUMBERS:  # T2 and Q of several rows are one product of matrices
        exactly = name not in ("hotelling_t2", "q_residuals")
        np.testing.assert_allclose(
            single.history_[name], whole.history_[name], rtol=0 if exactly else 1e-9
        )
    assert single.history_.signals == whole.history_.signals
    assert single.history_.sample_id.tolist() == [str(i) for i in range(15)]


@pytest.mark.parametrize("way", ["file", "pickle"])
def test_a_stored_chart_continues_as_if_it_had_not_been_stopped(way, chart, rows, tmp_path):
    estimator = make_pipeline(SNV(), PLSRegression(3)).fit(rows[0][:25], rows[1][:25])
    chart = ControlChart(FrozenEstimator(estimator), arl=np.float64(200), sep=0.4)
    chart.fit(*(v[:25] for v in rows))
    added(chart, rows, slice(25, 29), sample_id=list("abcd")).partial_fit(rows[0][29:30])
    chart.restart()
    added(chart, rows, slice(30, 33))
    if way == "file":
        chart.save(tmp_path / "chart.json")
        joblib.dump(chart.domain_, tmp_path / "domain.joblib")
        domain = joblib.load(tmp_path / "domain.joblib")
        other = ControlChart.load(tmp_path / "chart.json", domain)
    else:
        other = pickle.loads(pickle.dumps(chart))
    assert_same(chart.history_, other.history_)
    assert (other.bias_, other.sep_, other.n_samples_) == (chart.bias_, chart.sep_, 25)
    assert other.limits_ == chart.limits_
    assert other.arl == 200 and other.bias is None
    assert_same(
        added(chart, rows, slice(33, 40)).history_, added(other, rows, slice(33, 40)).history_
    )
    if way == "file":  # and writes the same file
        chart.save(tmp_path / "one.json")
        other.save(tmp_path / "other.json")
        assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()


def test_a_new_chart_can_be_stored(chart, rows, tmp_path):
    chart.save(tmp_path / "chart.json")
    other = ControlChart.load(tmp_path / "chart.json", chart.domain_)
    assert_same(added(chart, rows).history_, added(other, rows).history_)


def test_restart_sets_the_sums_to_0(chart, rows):
    added(chart, rows, slice(25, 30)).restart()
    after = added(chart, rows, slice(30, 40)).history_
    fresh = added(clone(chart).fit(*(v[:25] for v in rows)), rows, slice(30, 40)).history_
    np.testing.assert_array_equal(after.ewma[5:], fresh.ewma)
    np.testing.assert_array_equal(after.cusum_low[5:], fresh.cusum_low)
    assert after.run.tolist() == [0] * 5 + [1] * 10


def test_scans_of_a_sample_are_one_point(chart, rows):
    X, y, y_pred = (values[25:40] for values in rows)
    ids = ["b", "a", "b", "c", "a", "b"]
    y = np.array([1.0, np.nan, 1.2, np.nan, 2.0, np.nan])
    history = chart.partial_fit(X[:6], y, y_pred[:6], sample_id=ids).history_
    assert history.sample_id.tolist() == ["b", "a", "c"]
    scans = [[0, 2, 5], [1, 4], [3]]
    expected = [y_pred[at].mean() - np.nanmean(y[at]) for at in scans[:2]]
    np.testing.assert_allclose(history.error, [*expected, np.nan])
    means = np.stack([X[at].mean(axis=0) for at in scans])
    np.testing.assert_allclose(history.q_residuals, chart.domain_.statistics(means).q_residuals)
    again = chart.partial_fit(X[:1], y[:1], y_pred[:1], sample_id=["b"]).history_
    assert again.sample_id.tolist() == ["b", "a", "c", "b"]  # measured again: a new point


def test_scans_are_averaged_in_fit_too(rows):
    X, y, y_pred = (np.repeat(values[:12], 2, axis=0) for values in rows)
    noise = np.tile([0.1, -0.1], 12)
    once = ControlChart(PCA(2)).fit(X[::2], y[::2], y_pred[::2])
    twice = ControlChart(PCA(2)).fit(X, y, y_pred + noise, sample_id=np.repeat(range(12), 2))
    assert (twice.n_samples_, twice.sep_) == (12, pytest.approx(once.sep_))
    assert twice.limits_.q_residuals == pytest.approx(once.limits_.q_residuals)


def test_data_frames_give_the_same_points(chart, rows):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X, y, y_pred = rows
    names = [f"{nm:.2f} nm" for nm in np.linspace(1100, 2498, 60)]
    ids = np.repeat(np.arange(8), 2)[:15]
    expected = added(chart, rows, sample_id=ids).history_
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names, orient="row")):
        named = ControlChart(PCA(3)).fit(frame[:25], pd.Series(y[:25]), y_pred[:25])
        found = named.partial_fit(frame[25:], y[25:], y_pred[25:], sample_id=ids).history_
        for name in NUMBERS:
            np.testing.assert_allclose(found[name], expected[name], err_msg=name)


def test_the_unit_of_the_reference_values_does_not_matter(chart, rows):
    X, y, y_pred = rows
    other = clone(chart).fit(X[:25], 1000 * y[:25], 1000 * y_pred[:25])
    history = other.partial_fit(X[25:], 1000 * y[25:], 1000 * y_pred[25:]).history_
    np.testing.assert_allclose(history.z, added(chart, rows).history_.z, rtol=1e-9)


def test_an_error_leaves_the_chart_unchanged(chart, rows):
    _, y, y_pred = rows
    before = added(chart, rows).history_
    with pytest.raises(ValueError, match="NaN"):
        chart.partial_fit(np.full((1, 60), np.nan), y[:1], y_pred[:1])
    assert chart.history_ is before


def test_invalid_input_raises(chart, rows):
    X, y, y_pred = rows
    with pytest.raises(NotFittedError):
        ControlChart().partial_fit(X, y, y_pred)
    with pytest.raises(
        ValueError, match=r"at least 10 samples for bias and SEP, got 9\. Pass more"
    ):
        ControlChart().fit(X[:9], y[:9], y_pred[:9])
    with pytest.raises(ValueError, match=r"at least 10 samples for bias and SEP, got 0"):
        ControlChart(bias=0.0).fit(X)
    with pytest.raises(ValueError, match=r"errors of the 40 samples are equal, so that SEP is 0"):
        ControlChart().fit(X, y, y)
    with pytest.raises(ValueError, match=r"y_pred is missing on 3 of the 3 rows of samples with"):
        chart.partial_fit(X[:3], y[:3])
    with pytest.raises(ValueError, match=r"y_true must have one value for each of the 3 rows of X"):
        chart.partial_fit(X[:3], y[:4], y_pred[:3])
    with pytest.raises(ValueError, match=r"y_pred must have .* got shape \(3, 2\)\. Make one Con"):
        chart.partial_fit(X[:3], y[:3], np.c_[y, y][:3])
    with pytest.raises(ValueError, match=r"infinity"):
        chart.partial_fit(X[:1], [np.inf], y_pred[:1])
    with pytest.raises(ValueError, match=r"got \(60,\)\. Pass X\[\[k\]\] instead of X\[k\]"):
        chart.partial_fit(X[0], y[:1], y_pred[:1])
    with pytest.raises(ValueError, match=r"sample_id has 2 entries, X has 3 rows"):
        chart.partial_fit(X[:3], sample_id=["a", "b"])
    with pytest.raises(ValueError, match=r"X has 59 features, but .* is expecting 60"):
        chart.partial_fit(X[:3, 1:])


def test_the_level_of_the_domain_does_not_matter(chart, rows, tmp_path):
    chart.save(tmp_path / "chart.json")
    domain = ApplicabilityDomain(PCA(3), confidence_level=0.5).fit(rows[0][:25])
    other = ControlChart.load(tmp_path / "chart.json", domain)
    assert_same(added(chart, rows).history_, added(other, rows).history_)


def test_another_domain_or_file_raises(chart, rows, tmp_path):
    path = tmp_path / "chart.json"
    added(chart, rows).save(path)
    other = ApplicabilityDomain(PCA(3)).fit(rows[0][:24])
    with pytest.raises(ValueError, match=r"whose limit of hotelling_t2 is \d+.*, got \d+"):
        ControlChart.load(path, other)
    with pytest.raises(NotFittedError):
        ControlChart.load(path, ApplicabilityDomain())
    text = path.read_text()
    path.write_text(text.replace('"run_": 0', '"run_": 1'))
    with pytest.raises(ValueError, match=r"was changed after it was written"):
        ControlChart.load(path, chart.domain_)
    content = json.loads(text)
    del content["history"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"lacks an entry of a control chart: 'history'"):
        ControlChart.load(path, chart.domain_)
    path.write_text(text.replace("control chart", "shopping list"))
    with pytest.raises(ValueError, match=r"must be a 'skspektron control chart', got"):
        ControlChart.load(path, chart.domain_)
