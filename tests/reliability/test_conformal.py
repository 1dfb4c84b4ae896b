"""Prediction intervals of a transfer: formula, held-out rows, coverage."""

import pickle
import re
from fractions import Fraction
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.model_selection import TransferGroupKFold
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import (
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests import oracles

METHODS = [NoTransfer, NARTransfer, PDSTransfer, PooledTransfer, SlopeBiasTransfer, TargetOnly]


@pytest.fixture
def make_lab():
    """Return a function that draws samples: standards on A and B, others on A, new ones on B."""

    def make(n_standards=10, n_new=20, n_other=15, random_state=0):
        rng = np.random.default_rng(random_state)
        n_samples = n_standards + n_other + n_new
        scores = rng.normal(size=(n_samples, 3))
        bands = np.exp(-((np.linspace(0, 3, 8) - np.array([[0.6], [1.5], [2.4]])) ** 2))
        X_a = scores @ bands + 0.03 * rng.normal(size=(n_samples, 8))
        X_b = scores @ bands * np.linspace(0.9, 1.2, 8) + 0.3
        X_b += 0.03 * rng.normal(size=X_b.shape)
        y = scores[:, 0] + 0.05 * rng.normal(size=n_samples)
        at, old = np.arange(n_standards), np.arange(n_standards + n_other)
        stack = (
            np.vstack([X_a[old], X_b[at]]),
            np.concatenate([y[old], y[at]]),
            np.repeat(["A", "B"], [len(old), len(at)]),
            np.concatenate([old, at]),
        )
        return stack, (X_b[len(old) :], y[len(old) :])

    return make


def make(method, n_transfer=10, **parameters):
    transfer = method(Ridge(alpha=0.1), source="A", target="B", n_transfer=n_transfer)
    return ConformalTransfer(transfer, **parameters)


def fit(model, stack):
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


@parametrize_with_checks(
    [
        ConformalTransfer(Ridge(), confidence_level=0.7),
        ConformalTransfer(PDSTransfer(Ridge(alpha=0.1)), confidence_level=0.7, n_splits=2),
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


def fit_without(stack, method, standards, held_out):
    """Fit without some standards; return a function that predicts one spectrum."""
    X, y, instrument, sample_id = stack
    kept = [k for k in range(len(y)) if sample_id[k] not in standards[held_out]]
    n_transfer = min(9, len(standards) - len(held_out))
    model = method(Ridge(alpha=0.1), source="A", target="B", n_transfer=n_transfer)
    model.fit(X[kept], y[kept], instrument=instrument[kept], sample_id=sample_id[kept])
    return lambda x: model.predict([x])[0]


@pytest.mark.parametrize(
    ("n_standards", "n_splits", "level"),
    [
        (9, "auto", Fraction(9, 10)),
        (10, "auto", Fraction(9, 10)),
        (19, "auto", Fraction(19, 20)),
        (12, 5, Fraction(4, 5)),
        (33, "auto", Fraction(9, 10)),
    ],
)
def test_intervals_are_those_of_the_paper(n_standards, n_splits, level, make_lab):
    stack, (X_new, _) = make_lab(n_standards)
    model = fit(make(PooledTransfer, 9, n_splits=n_splits, confidence_level=float(level)), stack)
    _, intervals = model.predict_interval(X_new[:2])
    n_folds = {"auto": n_standards if n_standards <= 30 else 10}.get(n_splits, n_splits)
    assert model.n_splits_ == n_folds
    assert np.ptp(np.bincount(model.folds_, minlength=n_folds)) <= 1
    standards = np.flatnonzero(stack[2] == "B")
    for x, interval in zip(X_new, intervals, strict=False):
        expected = oracles.jackknife_plus(
            partial(fit_without, stack, PooledTransfer, stack[3][standards]),
            stack[0][standards],
            stack[1][standards],
            model.folds_.tolist(),
            x,
            level,
        )
        np.testing.assert_allclose(interval, expected, rtol=1e-9)


class WithoutMissing(RegressorMixin, BaseEstimator):
    """The transfer as a regressor on standards, for MAPIE: it drops the standards not in `y`.

    Each reference value belongs to one sample only, so that it identifies the sample.
    """

    def __init__(self, transfer, stack):
        self.transfer = transfer
        self.stack = stack

    def fit(self, X, y):
        X_rows, y_rows, instrument, sample_id = self.stack
        missing = np.setdiff1d(y_rows[instrument == "B"], y)
        kept = ~np.isin(y_rows, missing)
        n_transfer = min(self.transfer.n_transfer, len(y))
        self.fitted_ = clone(self.transfer).set_params(n_transfer=n_transfer)
        self.fitted_.fit(
            X_rows[kept], y_rows[kept], instrument=instrument[kept], sample_id=sample_id[kept]
        )
        return self

    def predict(self, X):
        return self.fitted_.predict(X)


@pytest.mark.parametrize(
    ("method", "n_standards", "n_splits", "level"),
    [(method, 10, "auto", 0.9) for method in METHODS]
    + [(SlopeBiasTransfer, 19, "auto", 0.95), (PDSTransfer, 12, 5, 0.7)],
)
def test_intervals_equal_those_of_mapie(method, n_standards, n_splits, level, make_lab):
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    stack, (X_new, _) = make_lab(n_standards)
    model = fit(make(method, 9, n_splits=n_splits, confidence_level=level), stack)
    is_target = stack[2] == "B"
    oracle = regression.CrossConformalRegressor(
        WithoutMissing(model.estimator, stack),
        confidence_level=level - 1e-9,  # MAPIE would round 0.95 * (19 + 1) up to 20
        method="plus",
        cv=PredefinedSplit(model.folds_),
    ).fit_conformalize(stack[0][is_target], stack[1][is_target])
    _, expected = oracle.predict_interval(X_new, allow_infinite_bounds=True)
    np.testing.assert_allclose(model.predict_interval(X_new)[1], expected[:, :, 0], rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_those_of_the_estimator(method, make_lab):
    stack, (X_new, _) = make_lab()
    X, y, instrument, sample_id = stack
    model = fit(make(method), stack)
    alone = clone(model.estimator).fit(X, y, instrument=instrument, sample_id=sample_id)
    y_pred, intervals = model.predict_interval(X_new)
    np.testing.assert_array_equal(y_pred, alone.predict(X_new))
    np.testing.assert_array_equal(y_pred, model.predict(X_new))
    by_row = model.predict(X, instrument=instrument)
    np.testing.assert_array_equal(by_row, alone.predict(X, instrument=instrument))
    assert intervals.shape == (len(X_new), 2)
    assert (intervals[:, 0] < intervals[:, 1]).all()


@pytest.mark.slow
def test_intervals_cover_nine_in_ten_new_samples(make_lab):
    """With ten standards 10 / 11 is expected; the standard error of 30 draws is 0.02."""
    coverages = []
    for draw in range(30):
        stack, (X_new, y_new) = make_lab(random_state=draw)
        _, bounds = fit(make(SlopeBiasTransfer), stack).predict_interval(X_new)
        coverages.append(np.mean((bounds[:, 0] <= y_new) & (y_new <= bounds[:, 1])))
    assert 0.87 <= np.mean(coverages) <= 0.93


class Recorder(LinearRegression):
    """Record the reference values of each fit."""

    fits: ClassVar = []

    def fit(self, X, y):
        Recorder.fits.append(set(y.tolist()))
        return super().fit(X, y)


def test_a_standard_is_held_out_with_its_replicates_and_its_source_row(make_lab):
    (X, y, instrument, sample_id), _ = make_lab()
    again = np.flatnonzero(instrument == "B")[:3]  # second scans, with labels of their own
    X, instrument = np.vstack([X, X[again] + 0.01]), np.append(instrument, instrument[again])
    y, sample_id = np.append(y, y[again] + 0.01), np.append(sample_id, sample_id[again])
    of_sample = {i: set(y[sample_id == i].tolist()) for i in sample_id[again]}
    Recorder.fits.clear()
    transfer = PooledTransfer(Recorder(), source="A", target="B", n_transfer=None)
    model = ConformalTransfer(transfer).fit(X, y, instrument=instrument, sample_id=sample_id)
    np.testing.assert_array_equal(model.standard_ids_, np.arange(10))
    for values in of_sample.values():
        assert len(values) == 2  # of the first and the second scan
        without = [not (known & values) for known in Recorder.fits]
        assert sum(without) == 2  # one fold fits a source calibration and a pooled one


def test_unlabelled_target_rows_are_never_held_out(make_lab):
    stack, _ = make_lab()
    X, y, instrument, sample_id = stack
    at = np.flatnonzero(instrument == "A")[-5:]  # other samples, measured on B without labels
    X, y = np.vstack([X, X[at] + 0.3]), np.append(y, np.full(5, np.nan))
    instrument, sample_id = np.append(instrument, ["B"] * 5), np.append(sample_id, sample_id[at])
    model = fit(make(NARTransfer), (X, y, instrument, sample_id))
    np.testing.assert_array_equal(model.standard_ids_, np.arange(10))
    # NARTransfer does not need labels: 9 of the 10 standards and 5 other samples are candidates.
    assert {len(fitted.transfer_ids_) for fitted in model.fold_estimators_} == {10}
    without = fit(make(NARTransfer), stack)
    assert {len(fitted.transfer_ids_) for fitted in without.fold_estimators_} == {9}


def test_the_level_may_be_set_after_fit(make_lab):
    stack, (X_new, _) = make_lab()  # ten standards
    model = fit(make(NARTransfer, confidence_level=0.9), stack)
    expected = fit(make(NARTransfer, confidence_level=0.6), stack).predict_interval(X_new)[1]
    lower = model.set_params(confidence_level=0.6).predict_interval(X_new)[1]
    np.testing.assert_array_equal(lower, expected)
    with pytest.raises(ValueError, match=r"confidence_level=0\.99 requires at least 99 samples"):
        model.set_params(confidence_level=0.99).predict_interval(X_new)


def test_n_jobs_does_not_change_the_intervals(make_lab):
    stack, (X_new, _) = make_lab()
    with parallel_config("threading"):
        one, two = (fit(make(PDSTransfer, n_jobs=n), stack) for n in (1, 2))
    np.testing.assert_array_equal(one.predict_interval(X_new)[1], two.predict_interval(X_new)[1])


def test_intervals_do_not_depend_on_row_order_or_on_the_global_generator(make_lab):
    stack, (X_new, _) = make_lab()
    shuffled = np.random.default_rng(0).permutation(len(stack[1]))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    intervals = [
        fit(make(PDSTransfer), tuple(part[order] for part in stack)).predict_interval(X_new)[1]
        for order in (slice(None), shuffled)
    ]
    np.testing.assert_allclose(*intervals, rtol=1e-9)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_clone_and_pickle_keep_the_intervals(make_lab):
    stack, (X_new, _) = make_lab()
    model = fit(make(PDSTransfer), stack)
    loaded = pickle.loads(pickle.dumps(model))
    again = fit(clone(model), stack)
    for other in (loaded, again):
        np.testing.assert_array_equal(
            model.predict_interval(X_new)[1], other.predict_interval(X_new)[1]
        )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_their_columns(library, make_lab, recwarn):
    frame = pytest.importorskip(library).DataFrame
    (X, *rest), (X_new, _) = make_lab()
    names = [f"{1100 + 2 * j} nm" for j in range(X.shape[1])]

    def tabulate(X):
        return frame(dict(zip(names, X.T, strict=True)))

    model = fit(make(PDSTransfer), (tabulate(X), *rest))
    assert list(model.feature_names_in_) == names
    expected = fit(make(PDSTransfer), (X, *rest)).predict_interval(X_new)
    for got, wanted in zip(model.predict_interval(tabulate(X_new)), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9)
    assert not [w for w in recwarn if "feature names" in str(w.message)]


def test_polars_frames_do_not_need_pandas(make_lab, without_pandas):
    pl = pytest.importorskip("polars")
    (X, *rest), (X_new, _) = make_lab()
    names = [f"{1100 + 2 * j} nm" for j in range(X.shape[1])]
    expected = fit(make(PDSTransfer), (X, *rest)).predict_interval(X_new)[1]
    model = fit(make(PDSTransfer), (pl.DataFrame(X, schema=names), *rest))
    intervals = model.predict_interval(pl.DataFrame(X_new, schema=names))[1]
    np.testing.assert_allclose(intervals, expected, rtol=1e-9)


def test_instruments_with_different_channels(make_lab):
    (X, y, instrument, sample_id), (X_new, _) = make_lab()
    X = np.where((instrument == "B")[:, None] & (np.arange(8) > 5), np.nan, X)
    frame = pd.DataFrame(X, columns=[f"{1100 + 10 * j} nm" for j in range(8)])
    model = fit(make(TargetOnly), (frame, y, instrument, sample_id))
    own = pd.DataFrame(X_new[:, :6], columns=frame.columns[:6])
    y_pred, intervals = model.predict_interval(own)
    assert np.isfinite(intervals).all()
    np.testing.assert_array_equal(y_pred, model.predict_interval(own.to_numpy())[0])


def test_without_instruments_every_sample_is_held_out(make_lab):
    (X, y, _, sample_id), (X_new, _) = make_lab()
    model = ConformalTransfer(Ridge()).fit(X, y, sample_id=sample_id)
    np.testing.assert_array_equal(model.standard_ids_, np.unique(sample_id))
    assert model.predict_interval(X_new)[1].shape == (len(X_new), 2)


def test_a_pipeline_that_ends_in_a_transfer(make_lab):
    stack, (X_new, _) = make_lab()
    transfer = PDSTransfer(Ridge(alpha=0.1), source="A", target="B", n_transfer=10)
    intervals = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            model = fit(ConformalTransfer(make_pipeline(StandardScaler(), transfer)), stack)
            intervals.append(model.predict_interval(X_new)[1])
    np.testing.assert_array_equal(*intervals)


def test_search_scores_do_not_depend_on_routing(make_lab):
    X, y, instrument, sample_id = make_lab(n_standards=15)[0]
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = list(TransferGroupKFold(2, target="B").split(X, y, **metadata))
    grid = {"estimator__window_length": [1, 3]}
    model = make(PDSTransfer, 5, n_splits=3, confidence_level=0.7)
    scores = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            search = GridSearchCV(model, grid, cv=cv, error_score="raise")
            scores.append(search.fit(X, y, **metadata).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    ("level", "n_standards", "match"),
    [
        (0.9, 8, "requires at least 9 samples .* got 8 samples. Measure .* to at most 0.888"),
        (0.95, 10, "requires at least 19 samples .* got 10 samples. .* to at most 0.909"),
        (0.99, 98, "requires at least 99 samples"),
        (0.9, 1, r"requires at least 9 samples .* got 1 samples\. Measure more\.$"),
    ],
)
def test_too_few_standards_for_the_level(level, n_standards, match, make_lab):
    stack, _ = make_lab(n_standards)
    model = ConformalTransfer(NoTransfer(Ridge(), target="B"), confidence_level=level)
    with pytest.raises(ValueError, match=match):
        fit(model, stack)


@pytest.mark.parametrize("n_standards", [2, 4, 8])
def test_the_suggested_confidence_level_is_accepted(n_standards, make_lab):
    stack, (X_new, _) = make_lab(n_standards)
    with pytest.raises(ValueError, match="Measure more") as error:
        fit(make(NoTransfer, confidence_level=0.95), stack)
    level = float(re.search(r"to at most (.*)\.$", str(error.value))[1])
    _, bounds = fit(make(NoTransfer, confidence_level=level), stack).predict_interval(X_new)
    assert np.isfinite(bounds).all()


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"confidence_level": 1}, "confidence_level must be .* above 0 and below 1, got 1"),
        ({"confidence_level": "high"}, "confidence_level must be .*, got 'high'"),
        ({"n_splits": 1}, "n_splits must be an int of at least 2 or 'auto', got 1"),
        ({"n_splits": 11}, "n_splits must be at most the 10 labelled samples, got 11"),
    ],
)
def test_invalid_parameters_raise(parameters, match, make_lab):
    with pytest.raises(ValueError, match=match):
        fit(make(NoTransfer, **parameters), make_lab()[0])


def test_several_properties_raise(make_lab):
    X, y, instrument, sample_id = make_lab()[0]
    with pytest.raises(ValueError, match=r"y must have one column, got 2\."):
        fit(make(NoTransfer), (X, np.column_stack([y, y]), instrument, sample_id))


def test_instruments_for_a_plain_regressor_raise(make_lab):
    with pytest.raises(ValueError, match="parameter n_transfer, got Ridge with 0"):
        fit(ConformalTransfer(Ridge()), make_lab()[0])


def test_a_search_raises(make_lab):
    stack = make_lab()[0]
    folds = PredefinedSplit(np.arange(len(stack[1])) % 2)
    transfer = NoTransfer(Ridge(), source="A", target="B")
    search = GridSearchCV(transfer, {"n_transfer": [0]}, cv=folds)
    with pytest.raises(ValueError, match=r"got GridSearchCV. Pass the best_estimator_"):
        fit(ConformalTransfer(search), stack)


def test_metadata_of_the_wrong_length_raises(make_lab):
    X, y, instrument, sample_id = make_lab()[0]
    with pytest.raises(ValueError, match="instrument has 7 entries, X has 35 rows"):
        fit(make(NoTransfer), (X, y, instrument[:7], sample_id))
