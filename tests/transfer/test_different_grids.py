"""Every method transfers between different grids, without extrapolation."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.foundation import SpektronEmbedder
from skspektron.model_selection import TransferGroupKFold, stack_instruments
from skspektron.preprocessing import SNV
from skspektron.transfer import (
    MeanCentredTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests.transfer.conftest import SOURCE_AXIS
from tests.transfer.methods import MAPPED, METHODS, OWN_GRID, UNLABELLED, fit, make


def native(stack):
    """Return the target rows on the channels of the target, as a frame."""
    X, _, instrument, _ = stack
    return X[instrument == "B"].dropna(axis=1)


def errors(model, stack):
    """Return the root mean square error on the target rows."""
    X, y, instrument, _ = stack
    target = instrument == "B"
    return np.sqrt(np.mean((model.predict(X[target]) - y[target]) ** 2))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_accepts_different_grids(method, make_grids, reference_on_grids):
    X, _, instrument, _ = stack = make_grids()
    model = reference_on_grids(method)
    assert len(model.source_channels_) == 18 and len(model.target_channels_) == 28
    if method is not NoTransfer:
        assert errors(model, stack) < 0.5 * errors(reference_on_grids(NoTransfer), stack)
    rows = X[instrument == "B"]
    expected = model.predict(rows)
    for same in (native(stack), native(stack).to_numpy(), native(stack).astype(np.float32)):
        np.testing.assert_allclose(model.predict(same), expected, atol=1e-4)
    np.testing.assert_array_equal(model.predict(native(stack)), expected)


@pytest.mark.parametrize("method", METHODS)
def test_source_rows_are_predicted_on_the_channels_of_the_calibration(
    method, make_grids, reference_on_grids
):
    X, _, instrument, _ = make_grids()
    model = reference_on_grids(method)
    order = np.random.default_rng(0).permutation(len(X))
    mixed = model.predict(X.iloc[order], instrument=instrument[order])
    source = instrument[order] == "A"
    expected = model.estimator_.predict(X.iloc[order[source], model.source_channels_])
    np.testing.assert_allclose(mixed[source], expected, rtol=1e-10)
    np.testing.assert_allclose(
        mixed[~source], model.predict(X.iloc[order[~source]]), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("method", [method for method in METHODS if method not in OWN_GRID])
def test_a_target_with_all_source_channels_gives_the_result_of_one_grid(method, make_grids):
    source = np.arange(1100, 1500, 20.0)
    X, y, instrument, sample_id = stack = make_grids(source, np.arange(1080, 1530, 10.0))
    one_grid = X[[f"{channel:.1f} nm" for channel in source]].to_numpy()
    expected = fit(make(method), (one_grid, y, instrument, sample_id)).predict(one_grid)
    model = fit(make(method), stack)
    assert len(model.source_channels_) == 20
    mixed = model.predict(X, instrument=instrument)
    target = instrument == "B"
    np.testing.assert_allclose(mixed[target], expected[target], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_direction_of_the_axis_does_not_matter(method, make_grids, reference_on_grids):
    X, *rest = stack = make_grids()
    flipped = (X[X.columns[::-1]], *rest)
    model, reference = fit(make(method), flipped), reference_on_grids(method)
    expected = reference.predict(native(stack))
    np.testing.assert_allclose(model.predict(flipped[0][24:]), expected, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(native(stack).to_numpy()[:, ::-1]), expected, atol=1e-6
    )


@pytest.mark.parametrize("method", [method for method in METHODS if method not in UNLABELLED])
def test_without_standards_it_is_no_transfer(method, make_grids, reference_on_grids):
    X, *_ = make_grids()
    model, reference = reference_on_grids(method, 0), reference_on_grids(NoTransfer)
    np.testing.assert_array_equal(model.predict(X[24:]), reference.predict(X[24:]))
    if method in MAPPED:
        np.testing.assert_array_equal(
            model.transform(X[24:]), reference._layout.grids.to_source(X[24:].to_numpy())
        )


@pytest.mark.parametrize("method", METHODS)
def test_channels_of_the_calibrations(method, reference_on_grids):
    model = reference_on_grids(method)
    assert model.estimator_.n_features_in_ == 18
    fitted = next(
        (getattr(model, name) for name in ("map_", "target_estimator_") if hasattr(model, name)),
        model.estimator_,
    )
    assert fitted.n_features_in_ == (28 if method in OWN_GRID else 18)


class ColumnReader(LinearRegression):
    """Record the columns that it is given."""

    def fit(self, X, y):
        self.columns_ = [list(X.columns)]
        return super().fit(X, y)

    def predict(self, X):
        self.columns_.append(list(X.columns))
        return super().predict(X)


def test_estimators_get_the_names_of_their_channels(make_grids):
    X, *_ = stack = make_grids()
    model = TargetOnly(ColumnReader(), source="A", target="B", n_transfer=20)
    fit(model, stack).predict(native(stack))
    within = list(X.columns[model.source_channels_])
    assert within[0] == "1100.0 nm" and within[-1] == "1440.0 nm"
    assert set(map(tuple, model.estimator_.columns_)) == {tuple(within)}
    assert model.target_estimator_.columns_ == [list(native(stack).columns)] * 2


@pytest.mark.parametrize("method", MAPPED)
def test_mapped_spectra_have_the_channels_of_the_calibration(method, make_grids):
    X, _, instrument, _ = stack = make_grids()
    model = fit(make(method).set_output(transform="pandas"), stack)
    mapped = model.transform(X, instrument=instrument)
    assert list(mapped.columns) == list(X.columns[model.source_channels_])
    assert list(mapped.columns) == list(model.get_feature_names_out())
    pd.testing.assert_frame_equal(mapped[instrument == "A"], X[mapped.columns][instrument == "A"])
    np.testing.assert_allclose(
        model.transform(native(stack)), mapped[instrument == "B"], rtol=1e-9, atol=1e-12
    )
    assert np.isfinite(mapped).all(axis=None)


@pytest.mark.parametrize("method", METHODS)
def test_refuses_nan_in_a_channel_of_the_target(method, make_grids, reference_on_grids):
    X, _, instrument, _ = make_grids()
    model, rows = reference_on_grids(method), X[instrument == "B"].copy()
    rows.iloc[2, model.target_channels_[5]] = np.nan
    for gaps in (rows, rows.iloc[:, model.target_channels_]):
        with pytest.raises(ValueError, match="contains NaN"):
            model.predict(gaps)


@pytest.mark.parametrize(
    ("rename", "n_other"),
    [(lambda names: [f"{n[:-3]}1 nm" for n in names], 28), (lambda names: ["x", *names[1:]], 1)],
)
def test_refuses_a_frame_with_other_channels(rename, n_other, make_grids):
    stack = make_grids()
    model, frame = fit(make(PDSTransfer), stack), native(stack)
    for method in (model.predict, model.transform):
        with pytest.raises(ValueError, match=f"{n_other} of the 28 columns of X are not named"):
            method(frame.set_axis(rename(list(frame.columns)), axis=1))


@pytest.mark.parametrize("kind", [pd.DataFrame.copy, pd.DataFrame.to_numpy])
def test_refuses_too_many_or_too_few_channels_of_the_target(kind, make_grids):
    stack = make_grids()
    model, frame = fit(make(PDSTransfer), stack), native(stack)
    first, last = frame.columns[[0, -1]]
    n_all = stack[0].shape[1]
    message = f"the target has 28 channels from '{first}' to '{last}'. Pass .* all {n_all} columns"
    for X in (frame.iloc[:, 1:], frame.assign(note=1.0)):
        for method in (model.predict, model.transform):
            with pytest.raises(ValueError, match=f"X has {X.shape[1]} columns, and {message}"):
                method(kind(X))


@pytest.mark.parametrize("method", METHODS)
def test_channels_of_a_third_instrument_are_ignored(method, make_grids):
    axis = np.arange(1100, 1500, 20.0)
    X, y, instrument, sample_id = stack = make_grids(axis, axis)
    frame = X.assign(**{"1600.0 nm": np.nan, "1700.0 nm": np.nan})
    third = frame[:5].assign(**{name: np.nan for name in X.columns}).fillna(1.0)
    both = (
        pd.concat([frame, third], ignore_index=True),
        np.concatenate([y, y[:5]]),
        np.concatenate([instrument, ["C"] * 5]),
        np.concatenate([sample_id, sample_id[:5]]),
    )
    model = fit(make(method), both)
    assert len(model.source_channels_) == len(model.target_channels_) == 20
    expected = fit(make(method), stack).predict(X)
    for rows in (frame, X, X.to_numpy()):
        np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-9, atol=1e-8)


class Filler(StandardScaler):
    """Replace NaN by zero and record its fraction."""

    def fit(self, X, y=None):
        self.missing_ = [np.isnan(np.asarray(X)).mean()]
        return super().fit(np.nan_to_num(X))

    def transform(self, X):
        self.missing_.append(np.isnan(np.asarray(X)).mean())
        return super().transform(np.nan_to_num(X))


BASELINES = [NoTransfer, PooledTransfer, SlopeBiasTransfer, TargetOnly]


@pytest.mark.parametrize("method", BASELINES)
@pytest.mark.parametrize("front", [SNV(), Filler()])
def test_steps_that_keep_nan_get_the_grid_of_the_source(method, front, make_grids):
    X, *_ = stack = make_grids()
    model = method(make_pipeline(front, Ridge()), source="A", target="B", n_transfer=10)
    fit(model, stack)
    assert np.isfinite(model.predict(X[-24:])).all()
    assert 0 < len(model.source_channels_) < X.shape[1]


@pytest.mark.parametrize("method", [MeanCentredTransfer, PDSTransfer])
def test_a_map_matches_the_channels_also_if_the_estimator_accepts_nan(method, make_grids):
    stack = make_grids()
    model = method(make_pipeline(Filler(), Ridge()), source="A", target="B", n_transfer=10)
    assert np.isfinite(fit(model, stack).transform(native(stack))).all()
    assert errors(model, stack) < 0.2


PAIRS = [("MicroNIR2200", "MicroNIR1700_rep1", 64, 125), ("F750", "SCIO", 110, 331)]


@pytest.mark.parametrize(("source", "target", "n_source", "n_target"), PAIRS)
def test_two_handhelds_with_overlapping_ranges(source, target, n_source, n_target, data_dir):
    with np.load(data_dir / "sugarcane_chaix.npz") as data:
        y, sample_id = data["CP"], data["sample_id"]
        handhelds = {name: (data[f"X_{name}"], y, sample_id) for name in (source, target)}
        axes = {name: data[f"wavelengths_{name}"] for name in handhelds}
    X, y, instrument, sample_id = stack_instruments(handhelds, wavelength=axes)
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = TransferGroupKFold(3, target=target, shuffle=True, random_state=0)
    search = GridSearchCV(
        PDSTransfer(source=source, target=target),
        {"n_transfer": [0, 15]},
        scoring="neg_root_mean_squared_error",
        cv=list(cv.split(X, y, **metadata)),
        error_score="raise",
    ).fit(X, y, **metadata)
    none, fifteen = search.cv_results_["mean_test_score"]
    assert fifteen > 0.9 * none
    model = search.best_estimator_
    assert (len(model.source_channels_), len(model.target_channels_)) == (n_source, n_target)
    low, high = axes[target].min(), axes[target].max()
    used = [float(name.removesuffix(" nm")) for name in X.columns[model.source_channels_]]
    assert low <= min(used) and max(used) <= high
    np.testing.assert_allclose(
        search.predict(handhelds[target][0]), search.predict(X[instrument == target]), rtol=1e-4
    )


def embedding_pipeline(wavelength):
    """Return a calibration on embeddings, unfitted."""
    return make_pipeline(SNV(), SpektronEmbedder(wavelength=wavelength), Ridge(1e-3))


def nanometres(X):
    """Return the merged axis."""
    return [float(name.removesuffix(" nm")) for name in X.columns]


def test_a_calibration_frozen_on_the_merged_axis_gets_the_gaps(make_grids):
    X, y, instrument, _ = stack = make_grids()
    source, target = X[instrument == "A"], X[instrument == "B"]
    pipeline = embedding_pipeline(nanometres(X)).fit(source, y[instrument == "A"])
    for calibration in (
        FrozenEstimator(pipeline),
        make_pipeline(SNV(), FrozenEstimator(pipeline[1]), Ridge(1e-3)),
    ):
        model = NoTransfer(calibration, source="A", target="B")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the samples it was trained on
            predictions = fit(model, stack).predict(target)
            expected = pipeline.predict(target)
            own = model.predict(native(stack))
        np.testing.assert_allclose(predictions, expected, atol=1e-5)
        np.testing.assert_array_equal(own, predictions)


@pytest.mark.parametrize("method", [*BASELINES, PDSTransfer])
def test_an_embedder_gets_the_axis_of_its_channels(method, make_grids):
    X, _, instrument, _ = stack = make_grids()
    merged, source = nanometres(X), SOURCE_AXIS
    named = make_pipeline(SNV().set_output(transform="pandas"), SpektronEmbedder(), Ridge(1e-3))
    array = (X.to_numpy(), *stack[1:])
    cases = [
        (embedding_pipeline(merged), stack),
        (embedding_pipeline(merged), array),
        (embedding_pipeline(source), stack),
        (named, stack),
    ]
    if method is TargetOnly:
        cases.pop(2)  # it refits on the channels of the target
    expected = None
    for estimator, rows in cases:
        model = fit(method(estimator, source="A", target="B", n_transfer=10), rows)
        predictions = model.predict(rows[0][instrument == "B"])
        expected = predictions if expected is None else expected
        np.testing.assert_allclose(predictions, expected, atol=1e-9)
        np.testing.assert_array_equal(model.predict(native(stack).to_numpy()), predictions)
        np.testing.assert_allclose(
            1e7 / model.estimator_[1].wavenumber_, np.array(merged)[model.source_channels_]
        )
    assert np.ptp(expected) > 0.5


def test_a_frozen_step_of_the_user_is_not_changed(make_grids):
    X, _, instrument, _ = stack = make_grids()
    embedder = SpektronEmbedder(wavelength=nanometres(X)).fit(X[instrument == "A"])
    estimator = make_pipeline(FrozenEstimator(embedder), Ridge(1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # missing channels
        fit(NoTransfer(estimator, source="A", target="B"), stack)
    assert len(embedder.wavelength) == X.shape[1]
