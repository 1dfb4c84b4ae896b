"""Calibrations of several instruments: their rows, their channels, their differences."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skspektron import SNV, SpektronEmbedder, transfer
from skspektron.inspection import EmbeddingDisplay, TransferSpectraDisplay
from skspektron.io import LinearCalibration
from skspektron.model_selection import (
    TransferGroupKFold,
    TransferShuffleSplit,
    stack_instruments,
    transfer_curve,
)
from skspektron.reliability import ConformalTransfer
from skspektron.transfer import (
    CORALTransfer,
    DIPLSTransfer,
    EPOTransfer,
    MeanCentredTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests.transfer.methods import LABELLED, MAPPED, METHODS, fit, make

AXES = {
    "A": np.arange(1100.0, 1500.0, 20.0),  # nm
    "C": np.arange(1080.0, 1470.0, 17.0),
    "B": np.arange(1050.0, 1460.0, 15.0),
}
GAIN, PERIOD = {"A": 1.0, "C": 1.02, "B": 1.03}, {"A": 50.0, "C": 70.0, "B": 90.0}  # nm
N_SAMPLES = 24
FLEET = ["A", "C"]


@cache
def fleet(*, one_axis=True, missing=0):
    """Return stacked rows of A, C and B; the first `missing` samples were not measured on C."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(N_SAMPLES, 3))
    ids = np.array([f"s{i:02d}" for i in range(N_SAMPLES)])
    position = np.array([[1150.0], [1300.0], [1450.0]])
    parts, axes = {}, {name: AXES["A" if one_axis else name] for name in AXES}
    for name, axis in axes.items():
        at = rng.permutation(np.arange(missing if name == "C" else 0, N_SAMPLES))
        X = scores[at] @ np.exp(-(((axis - position) / 70) ** 2))
        X = X * (GAIN[name] + 0.02 * np.sin(axis / 50 + len(parts))) + np.cos(axis / PERIOD[name])
        parts[name] = X + 1e-4 * rng.normal(size=X.shape), scores[at, 0], ids[at]
    X, y, instrument, sample_id = stack_instruments(parts, wavelength=axes)
    return (X.to_numpy() if one_axis else X), y, instrument, sample_id


def of(stack, *names):
    """Return the rows of some instruments."""
    rows = np.isin(stack[2], names)
    return tuple(part[rows] for part in stack)


@cache
def fitted(method, source=("A", "C"), **fleet_parameters):
    """Return a method fitted on the fleet."""
    model = make(method, 6).set_params(source=list(source))
    return fit(model, fleet(**fleet_parameters))


@pytest.mark.parametrize("method", [MeanCentredTransfer, PDSTransfer, NARTransfer, PooledTransfer])
def test_a_list_of_one_source_gives_the_fit_of_its_label(method):
    stack = fleet(one_axis=False)
    X = stack[0][stack[2] == "B"]
    model = fit(make(method, 6), of(stack, "A", "B"))
    for source in (["A"], ("A",), np.array(["A"])):
        same = fit(make(method, 6).set_params(source=source), stack)
        assert same.source_ == "A"
        np.testing.assert_array_equal(same.predict(X), model.predict(X))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_several_sources_on_their_own_axes(method):
    check_predictions(method, one_axis=False)


@pytest.mark.parametrize("method", [CORALTransfer, NARTransfer, TargetOnly])
def test_methods_take_several_sources_on_one_axis(method):
    check_predictions(method, one_axis=True)


def check_predictions(method, *, one_axis):
    """Check the error on the target, and that a row is predicted alike beside any others."""
    X, y, instrument, _ = fleet(one_axis=one_axis)
    model = fitted(method, one_axis=one_axis)
    assert model.source_ == FLEET and model.target_ == "B"
    assert len(model.source_channels_) == (20 if one_axis else 18)  # of A, within all ranges
    error, unmoved = (
        np.sqrt(np.mean((each.predict(X[instrument == "B"]) - y[instrument == "B"]) ** 2))
        for each in (model, fitted(NoTransfer, one_axis=one_axis))
    )
    assert error < 0.6 * unmoved or method is NoTransfer
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = X[order] if one_axis else X.iloc[order]
    y_pred = np.empty(len(X))
    y_pred[order] = model.predict(shuffled, instrument=instrument[order])
    for name in "ACB":
        rows = instrument == name
        labels = instrument[rows]
        expected = model.predict(X[rows], instrument=labels)
        np.testing.assert_allclose(y_pred[rows], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", [CORALTransfer, DIPLSTransfer, NARTransfer, SlopeBiasTransfer])
def test_on_one_axis_the_order_of_the_sources_does_not_matter(method):
    X, _, instrument, _ = fleet()
    one, other = (fitted(method, source).predict(X[instrument == "B"]) for source in ("AC", "CA"))
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_the_order_of_the_sources_after_the_first_does_not_matter():
    X, y, instrument, sample_id = fleet(one_axis=False)
    on_c = instrument == "C"
    rows = [X, X[on_c] * 1.03], [y, y[on_c]], [instrument, ["D"] * on_c.sum()]
    stack = pd.concat(rows[0]), *map(np.concatenate, (*rows[1:], [sample_id, sample_id[on_c]]))
    one, other = (
        fit(make(PDSTransfer, 6).set_params(source=list(source)), stack)
        for source in ("ACD", "ADC")
    )
    np.testing.assert_array_equal(one.source_channels_, other.source_channels_)
    predictions = (model.predict(X[instrument == "B"]) for model in (one, other))
    np.testing.assert_allclose(*predictions, rtol=1e-7, atol=1e-8)


def test_the_first_source_gives_the_channels():
    X, _, instrument, _ = fleet(one_axis=False)
    for source, n_channels in (("AC", 18), ("CA", 21)):
        model = fitted(NARTransfer, source, one_axis=False)
        assert len(model.source_channels_) == model.estimator_.n_features_in_ == n_channels
        first = X.columns[model.source_channels_]
        assert np.isfinite(X.loc[instrument == source[0], first]).all(axis=None)


@pytest.mark.parametrize("method", METHODS)
def test_standards_that_one_source_did_not_measure_are_used(method):
    X, _, instrument, _ = fleet(missing=12)
    model = fitted(method, missing=12)
    if method is not NoTransfer:
        only_on_a = [name for name in model.transfer_ids_ if name < "s12"]
        assert 0 < len(only_on_a) < 6
    assert np.isfinite(model.predict(X[instrument == "B"])).all()


@pytest.mark.parametrize("n_standards", [1, 3, 6])
def test_standards_are_the_means_of_the_sources_that_measured_them(n_standards):
    """Mean differences, written out."""
    X, _, instrument, sample_id = stack = fleet(missing=12)
    model = make(MeanCentredTransfer, n_standards).set_params(source=FLEET)
    model = fit(model, stack)
    differences = []
    for sample in model.transfer_ids_:
        rows = [X[(sample_id == sample) & (instrument == name)] for name in "ACB"]
        on_sources = np.concatenate(rows[:2])
        differences.append(rows[2][0] - on_sources.mean(axis=0))
    np.testing.assert_allclose(model.shift_, np.mean(differences, axis=0), rtol=1e-9, atol=1e-12)


def pair_differences(model, stack):
    """Return the difference spectra of the standards for all pairs of instruments."""
    X, _, instrument, sample_id = stack
    differences = []
    for first, second in ("AB", "CB", "AC"):
        for sample in model.transfer_ids_:
            rows = [X[(sample_id == sample) & (instrument == name)] for name in (first, second)]
            if all(map(len, rows)):
                differences.append(rows[0][0] - rows[1][0])
    return np.array(differences)


@pytest.mark.parametrize("missing", [0, 12])
def test_differences_of_all_pairs_are_null_rows_of_nar(missing):
    stack = fleet(missing=missing)
    X, y, instrument, _ = stack
    model = NARTransfer(Ridge(1.0), source=FLEET, target="B", n_transfer=6, difference_penalty=5.0)
    model = fit(model, stack)
    D = pair_differences(model, stack)
    assert len(D) == (18 if not missing else 6 + 2 * sum(model.transfer_ids_ >= "s12"))
    source = np.isin(instrument, FLEET)
    mean, y_mean = X[source].mean(axis=0), y[source].mean()
    Z, goal = X[source] - mean, y[source] - y_mean
    D = D * np.sqrt(np.mean(np.sum(Z**2, axis=1)) / np.mean(np.sum(D**2, axis=1)))
    inner = Z.T @ Z + 5.0 * D.T @ D + np.eye(Z.shape[1])
    expected = (X - mean) @ np.linalg.solve(inner, Z.T @ goal) + y_mean
    rows = instrument == "B"
    np.testing.assert_allclose(model.predict(X[rows]), expected[rows], rtol=1e-8)


def test_directions_of_all_pairs_are_removed_by_epo():
    stack = fleet()
    model = fit(
        EPOTransfer(Ridge(1.0), source=FLEET, target="B", n_transfer=6, n_components=2), stack
    )
    Vt = np.linalg.svd(pair_differences(model, stack))[2][:2]
    np.testing.assert_allclose(
        model.map_.components_.T @ model.map_.components_, Vt.T @ Vt, atol=1e-9
    )


@pytest.mark.parametrize("method", MAPPED)
def test_source_rows_are_interpolated_and_not_mapped(method):
    X, _, instrument, _ = fleet(one_axis=False)
    model = fitted(method, one_axis=False)
    mapped = np.asarray(model.transform(X, instrument=instrument))
    on_a, on_c = instrument == "A", instrument == "C"
    np.testing.assert_array_equal(mapped[on_a], X.iloc[on_a, model.source_channels_])
    alone = np.asarray(model.transform(X[on_c], instrument=instrument[on_c]))
    np.testing.assert_array_equal(mapped[on_c], alone)
    own = X[on_c].dropna(axis=1).to_numpy()
    low, high = own.min(axis=1, keepdims=True), own.max(axis=1, keepdims=True)
    assert ((low <= mapped[on_c]) & (mapped[on_c] <= high)).all()


REFUSED = {
    "target among them": (["A", "B"], "B", "got target='B' and 2 sources that include it"),
    "the same twice": (["A", "A"], "B", "got 2 labels of 1 instruments"),
    "unknown": (["A", "Z"], "B", r"one of the 3|of which 1 are not among them: \['Z'\]"),
    "one unknown": (["Z"], "B", "source must be one of the 3 instruments of the rows, got 'Z'"),
    "none": ([], "B", "got 0 labels of 0 instruments"),
    "no target": (["A", "B", "C"], None, "target=None is ambiguous"),
    "a set": ({"A", "C"}, "B", "source must be a str, a finite number, None or a list of labels"),
    "nested": ([["A"], ["C"]], "B", "a list of labels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_lists_that_are_not_several_sources(case):
    source, target, message = REFUSED[case]
    model = NARTransfer(Ridge(), source=source, target=target)
    with pytest.raises(ValueError, match=message):
        fit(model, fleet())


def test_the_target_is_the_label_that_is_no_source():
    assert fit(NoTransfer(Ridge(), source=FLEET), fleet()).target_ == "B"
    model = fit(NoTransfer(Ridge(), source=FLEET), of(fleet(), *FLEET))
    assert (model.source_, model.target_) == (FLEET, None)


def test_numbers_are_labels_of_several_sources():
    X, y, instrument, sample_id = fleet()
    number = np.array([{"A": 1, "C": 2, "B": 3}[name] for name in instrument])
    model = make(NARTransfer, 6).set_params(source=np.array([1, 2]), target=3)
    model = clone(model).fit(X, y, instrument=number, sample_id=sample_id)
    assert model.source_ == [1, 2] and all(type(name) is int for name in model.source_)
    np.testing.assert_array_equal(model.predict(X), fitted(NARTransfer).predict(X))


def test_predict_refuses_other_instruments():
    X, *_ = fleet()
    with pytest.raises(
        ValueError, match=r"\['A', 'C', 'B'\], got \['D'\]. Predict rows of those 3"
    ):
        fitted(NARTransfer).predict(X[:2], instrument=["A", "D"])


def test_refuses_sources_whose_ranges_do_not_overlap():
    X, y, instrument, sample_id = fleet(one_axis=False)
    far = X.copy()
    low = [float(name.split()[0]) < 1300 for name in X.columns]
    far.loc[instrument == "C", low] = np.nan
    far.loc[instrument == "A", ~np.array(low)] = np.nan
    with pytest.raises(ValueError, match="lie within the range of the other sources"):
        fit(make(NARTransfer).set_params(source=FLEET), (far, y, instrument, sample_id))
    names = [f"channel {i}" for i in range(X.shape[1])]
    with pytest.raises(ValueError, match=r"The source measures 20, 23 of the \d+ columns"):
        fit(
            make(NARTransfer).set_params(source=FLEET),
            (X.set_axis(names, axis=1), y, instrument, sample_id),
        )


def test_a_search_chooses_among_lists_of_sources():
    X, y, instrument, sample_id = fleet()
    splits = list(
        TransferGroupKFold(3, target="B").split(X, y, instrument=instrument, sample_id=sample_id)
    )
    for grid in (["A", FLEET], [["A"], FLEET], [["A", "C"], ["C", "A"]]):
        search = GridSearchCV(make(PooledTransfer, 4), {"source": grid}, cv=splits)
        search.fit(X, y, instrument=instrument, sample_id=sample_id)
        assert search.best_params_["source"] in grid
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_splitters_hold_out_samples_on_all_sources():
    X, y, instrument, sample_id = fleet(missing=4)
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = TransferShuffleSplit(2, target="B", random_state=0)
    for train, test in cv.split(X, y, **metadata):
        assert set(instrument[test]) == {"B"} and set(instrument[train]) == {"A", "B", "C"}
        assert not set(sample_id[train]) & set(sample_id[test])
    model = make(NARTransfer, 4).set_params(source=FLEET)
    scores = cross_validate(model, X, y, cv=list(cv.split(X, y, **metadata)), params=metadata)
    curve = transfer_curve(model, X, y, n_transfer=[0, 4], cv=cv, scoring="r2", **metadata)
    np.testing.assert_allclose(curve.test_scores[1], scores["test_score"], rtol=1e-10)


def test_intervals_hold_out_a_standard_on_all_sources():
    X, y, instrument, sample_id = fleet(missing=12)
    model = make(PooledTransfer).set_params(source=FLEET, n_transfer=None)
    for estimator in (model, make(NARTransfer).set_params(source=FLEET, n_transfer=None)):
        conformal = ConformalTransfer(estimator, confidence_level=0.8, n_splits=3)
        conformal.fit(X, y, instrument=instrument, sample_id=sample_id)
        intervals = conformal.predict_interval(X[instrument == "B"])[1]
        assert (intervals[:, 0] <= intervals[:, 1]).all()
        np.testing.assert_allclose(
            conformal.predict(X, instrument=instrument),
            conformal.estimator_.predict(X, instrument=instrument),
        )


def test_coefficients_for_each_instrument_are_exported():
    model = fitted(PDSTransfer)
    for name in "ACB":
        rows = of(fleet(), name)[0]
        exported = LinearCalibration.from_estimator(model, instrument=name)
        expected = model.predict(rows, instrument=[name] * len(rows))
        np.testing.assert_allclose(exported.predict(rows), expected, rtol=1e-8, atol=1e-9)


def test_coefficients_for_channels_that_are_interpolated_are_refused():
    X, _, instrument, _ = fleet(one_axis=False)
    model = fitted(PDSTransfer, one_axis=False)
    for name, n_channels in (("A", 18), ("B", 28)):
        exported = LinearCalibration.from_estimator(model, instrument=name)
        own = X[instrument == name].dropna(axis=1).iloc[:, :n_channels]
        expected = model.predict(X[instrument == name], instrument=[name] * 24)
        np.testing.assert_allclose(exported.predict(own), expected, rtol=1e-6, atol=1e-8)
    with pytest.raises(ValueError, match="interpolation of the 23 channels of 'C' at 18 others"):
        LinearCalibration.from_estimator(model, instrument="C")


def test_a_display_shows_the_mean_over_the_sources():
    pytest.importorskip("matplotlib")
    X, _, instrument, sample_id = fleet(one_axis=False)
    model = fitted(PDSTransfer, one_axis=False)
    display = TransferSpectraDisplay.from_estimator(
        model, X, instrument=instrument, sample_id=sample_id
    )
    mapped = np.asarray(model.transform(X, instrument=instrument))
    source = np.isin(instrument, FLEET)
    expected = [mapped[source & (sample_id == s)].mean(axis=0) for s in np.unique(sample_id)]
    np.testing.assert_allclose(display.X_source, expected, rtol=1e-9)


def test_a_frozen_calibration_of_several_sources_is_used(recwarn):
    X, y, instrument, sample_id = fleet()
    rows = np.isin(instrument, FLEET)
    frozen = FrozenEstimator(Ridge(1e-3).fit(X[rows], y[rows]))
    model = PDSTransfer(frozen, source=FLEET, target="B", n_transfer=6, trained_on=sample_id)
    model = fit(model, (X, y, instrument, sample_id))
    np.testing.assert_allclose(
        model.predict(X[instrument == "B"]), fitted(PDSTransfer).predict(X[instrument == "B"])
    )


def test_memory_caches_the_calibration_by_sources(tmp_path):
    stack = fleet()
    for source in (["A"], FLEET, FLEET[::-1]):
        model = make(NARTransfer, 4).set_params(source=source)
        expected = fit(clone(model), stack).predict(stack[0])
        cached = fit(clone(model).set_params(memory=str(tmp_path)), stack).predict(stack[0])
        np.testing.assert_allclose(cached, expected, rtol=1e-12)


@pytest.mark.parametrize("method", LABELLED)
def test_methods_without_pairs_take_samples_of_the_target_alone(method):
    X, y, instrument, sample_id = fleet(missing=12)
    sample_id = np.where(instrument == "B", np.char.add(sample_id, " on B"), sample_id)
    model = fit(make(method, 6).set_params(source=FLEET), (X, y, instrument, sample_id))
    assert all(name.endswith(" on B") for name in model.transfer_ids_)


def test_renamed_samples_and_shuffled_rows_give_the_same_fit():
    X, y, instrument, sample_id = fleet(missing=5)
    order = np.random.default_rng(1).permutation(len(y))
    renamed = np.array([f"t{99 - int(name[1:])}" for name in sample_id])
    model = make(NARTransfer, 6).set_params(source=FLEET, estimator=LinearRegression())
    expected = fit(clone(model), (X, y, instrument, sample_id)).predict(X)
    other = fit(clone(model), tuple(part[order] for part in (X, y, instrument, renamed)))
    np.testing.assert_array_equal(other.predict(X), expected)


@pytest.mark.parametrize("name", ["TTTTransfer", "LoRATransfer"])
def test_networks_are_adapted_to_the_target_of_several_sources(name, tmp_path):
    X, _, instrument, sample_id = stack = fleet(one_axis=False)
    passes = {"max_epochs": 1} if name == "LoRATransfer" else {"max_steps": 1}
    embedder = SpektronEmbedder(wavelength=[float(column.split()[0]) for column in X.columns])
    model = getattr(transfer, name)(
        make_pipeline(SNV(), embedder, Ridge(1e-3)),
        source=FLEET,
        n_transfer=6,
        random_state=0,
        device="cpu",
        **passes,
    )
    model = fit(model, stack)
    assert (model.source_, model.target_, len(model.source_channels_)) == (FLEET, "B", 18)
    rows = np.arange(20, 52)  # of all instruments
    y = model.predict(X.iloc[rows], instrument=instrument[rows])
    for each in "ACB":
        of_each = rows[instrument[rows] == each]
        alone = model.predict(X.iloc[of_each], instrument=instrument[of_each])
        np.testing.assert_allclose(y[instrument[rows] == each], alone, rtol=1e-4)
    display = EmbeddingDisplay.from_estimator(model, X, instrument=instrument, sample_id=sample_id)
    assert len(display.source) == 48 and len(display.target) == 24
    if name == "LoRATransfer":
        path = tmp_path / "adapter.safetensors"
        model.save_adapter(path)
        y = model.predict(X[instrument == "B"])
        np.testing.assert_array_equal(model.load_adapter(path).predict(X[instrument == "B"]), y)
        model.source_ = ["C", "A"]
        with pytest.raises(ValueError, match=r"for the source \['C', 'A'\]"):
            model.load_adapter(path)
