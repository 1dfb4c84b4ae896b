"""The same results for arrays, pandas and polars, with any output container of scikit-learn."""

import sys
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron import SNV, LoRATransfer, SpektronEmbedder, SpektronPretrainer, _frames
from skspektron.cluster import CosineKMeans, VonMisesFisherMixture
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronImputer, SpektronRegressor
from skspektron.io import LinearCalibration
from skspektron.model_selection import (
    TransferGroupKFold,
    kennard_stone,
    stack_instruments,
    transfer_curve,
)
from skspektron.reliability import ApplicabilityDomain
from skspektron.transfer import (
    DS,
    EPO,
    FNO,
    PDS,
    SST,
    CCAMap,
    EnsembleTransfer,
    NoTransfer,
    PDSTransfer,
    TTTTransfer,
)
from tests.foundation.weights import SMALLEST
from tests.transfer.methods import MAPPED, METHODS

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

WAVELENGTH = np.arange(1100.0, 2500.0, 60.0)
NAMES = [f"{w} nm" for w in WAVELENGTH]
FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES, index=np.arange(len(X))[::-1]),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES, orient="row"),
}
SERIES = {
    "list": list,
    "pandas": lambda values: pd.Series(values, index=np.arange(len(values))[::-1]),
    "polars": lambda values: pl.Series(values.tolist()),
}
DATA = make_instruments(20, wavelength=WAVELENGTH, random_state=3)
X, Y, INSTRUMENT, SAMPLE_ID = stack_instruments(
    {name: (spectra, DATA.y[:, 0], DATA.sample_id) for name, spectra in DATA.X.items()}
)
NEW = X[20:]


@pytest.fixture(scope="module")
def weights():
    """Return the smallest possible pretrained network."""
    pretrainer = SpektronPretrainer(
        SMALLEST, wavelength=WAVELENGTH, max_steps=2, warmup_steps=1, batch_size=8, random_state=0
    )
    return pretrainer.fit(SNV().fit_transform(X))


def transfer(method, **parameters):
    """Return a transfer, with the axis if it would read it from column names."""
    if method is EnsembleTransfer:
        parameters["wavelength"] = WAVELENGTH
    if method is not NoTransfer:
        parameters["n_transfer"] = 6
    return method(Ridge(1e-3), source="A", target="B", **parameters)


def predictions(model, spectra, series, new):
    """Return predictions of `model` after a fit on stacked rows in some container."""
    metadata = {"instrument": series(INSTRUMENT), "sample_id": series(SAMPLE_ID)}
    y = clone(model).fit(spectra, series(Y), **metadata).predict(new)
    assert type(y) is np.ndarray
    return y


def assert_same_predictions(model, kinds):
    """Compare data frames with arrays, for each output setting of scikit-learn."""
    expected = predictions(model, X, np.asarray, NEW)
    for kind, output in [(k, o) for k in kinds for o in ("default", k)]:
        frame = FRAMES[kind]
        # scikit-learn would warn of names that only some steps have.
        with sklearn.config_context(transform_output=output), warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*feature names")
            y = predictions(model, frame(X), SERIES[kind], frame(NEW))
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-9, err_msg=f"{kind}, {output}")


@pytest.mark.parametrize("method", METHODS)
def test_transfers_do_not_depend_on_the_container(method):
    assert_same_predictions(transfer(method), FRAMES)


@pytest.mark.parametrize("method", [LoRATransfer, TTTTransfer])
def test_adapted_networks_do_not_depend_on_the_container(method, weights):
    brief = {"max_epochs": 1} if method is LoRATransfer else {"max_steps": 1}
    calibration = make_pipeline(SpektronEmbedder(weights, wavelength=WAVELENGTH), Ridge(1e-3))
    model = method(calibration, source="A", target="B", random_state=0, **brief)
    assert_same_predictions(model, FRAMES)


def test_recommended_pipeline_does_not_depend_on_the_container():
    model = LoRATransfer(
        source="A", target="B", n_transfer=4, wavelength=WAVELENGTH, max_epochs=1, random_state=0
    )
    assert_same_predictions(model, ["pandas"])


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_metadata_may_be_any_sequence(series):
    model = transfer(PDSTransfer)
    expected = predictions(model, X, np.asarray, NEW)
    np.testing.assert_array_equal(predictions(model, X, series, NEW), expected)


@pytest.mark.parametrize("kind", FRAMES)
def test_axis_is_read_from_column_names_everywhere(kind, weights):
    frame = FRAMES[kind]
    spectra = SNV().fit_transform(X)
    embedder = SpektronEmbedder(weights).fit(frame(spectra))
    expected = SpektronEmbedder(weights, wavelength=WAVELENGTH).fit_transform(spectra)
    np.testing.assert_allclose(1e7 / embedder.wavenumber_, WAVELENGTH)
    np.testing.assert_allclose(embedder.transform(frame(spectra)), expected, atol=1e-5)
    inside = PDSTransfer(make_pipeline(SpektronEmbedder(weights), Ridge()), source="A", target="B")
    fitted = inside.fit(frame(X), Y, instrument=INSTRUMENT, sample_id=SAMPLE_ID)
    np.testing.assert_allclose(1e7 / fitted.estimator_[0].wavenumber_, WAVELENGTH)


@pytest.mark.parametrize("kind", FRAMES)
def test_pipeline_keeps_the_axis_with_set_output(kind, weights):
    spectra = FRAMES[kind](X)
    kept = make_pipeline(SNV(), SpektronEmbedder(weights)).set_output(transform=kind)
    Z = kept.fit_transform(spectra)
    assert type(Z) is type(spectra)
    assert list(Z.columns) == kept.get_feature_names_out().tolist()
    np.testing.assert_allclose(1e7 / kept[-1].wavenumber_, WAVELENGTH)
    with pytest.warns(UserWarning, match="No axis for 24 channels.* set_output"):
        make_pipeline(StandardScaler(), SpektronEmbedder(weights)).fit(spectra)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", FRAMES)
def test_whole_pipeline_reads_the_axis_of_a_frame_without_a_warning(kind, weights):
    frame = FRAMES[kind]
    embedder = SpektronEmbedder(weights)
    model = make_pipeline(SNV(), embedder, PLSRegression(3)).fit(frame(X), Y)
    np.testing.assert_allclose(1e7 / model[1].wavenumber_, WAVELENGTH)
    given = clone(embedder).set_params(wavelength=WAVELENGTH)
    expected = make_pipeline(SNV(), given, PLSRegression(3)).fit(X, Y).predict(X)
    np.testing.assert_allclose(model.predict(frame(X)), expected, rtol=1e-4)
    search = GridSearchCV(model, {"plsregression__n_components": [2, 3]}, cv=2)
    search.fit(frame(X), Y).predict(frame(X[:2]))


def transformers():
    """Return the transformers."""
    maps = [DS(), PDS(), SST(), CCAMap(), FNO(width=2, n_modes=2, n_layers=1, max_epochs=1)]
    return [*maps, EPO(), SNV(), SpektronImputer(), CosineKMeans(2, random_state=0)]


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("transformer", transformers(), ids=lambda t: type(t).__name__)
def test_transformers_name_their_columns(transformer, kind):
    frame = FRAMES[kind]
    model = clone(transformer).set_output(transform=kind).fit(frame(X[20:]), X[:20])
    out = model.transform(frame(NEW))
    assert type(out) is type(frame(NEW))
    assert list(out.columns) == model.get_feature_names_out().tolist()
    plain = clone(model).set_output(transform="default").fit(X[20:], X[:20])
    if not isinstance(model, FNO):  # trained from another random state
        np.testing.assert_allclose(np.asarray(out), plain.transform(NEW), atol=1e-9)


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("method", MAPPED)
def test_mapped_spectra_keep_the_names_of_channels(method, kind):
    frame = FRAMES[kind]
    model = transfer(method).set_output(transform=kind)
    stacked = {"instrument": INSTRUMENT, "sample_id": SAMPLE_ID}
    both = model.fit_transform(frame(X), Y, **stacked)
    out = model.transform(frame(NEW))
    assert type(both) is type(out) is type(frame(NEW))
    assert list(both.columns) == list(out.columns) == NAMES
    if kind == "pandas":
        assert out.index.tolist() == frame(NEW).index.tolist()


def others(weights):
    """Return the estimators that are not transfers."""
    return [
        SpektronRegressor(weights, wavelength=WAVELENGTH, max_epochs=1, random_state=0),
        CosineKMeans(2, random_state=0),
        VonMisesFisherMixture(2, random_state=0),
        ApplicabilityDomain(make_pipeline(SNV(), PLSRegression(2))),
    ]


@pytest.mark.parametrize("kind", FRAMES)
def test_other_estimators_do_not_depend_on_the_container(kind, weights):
    frame = FRAMES[kind]
    for model in others(weights):
        expected = clone(model).fit(X, Y).predict(NEW)
        for output in ("default", "pandas"):
            with sklearn.config_context(transform_output=output):
                y = clone(model).fit(frame(X), SERIES[kind](Y)).predict(frame(NEW))
            np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", FRAMES)
def test_exported_calibration_does_not_depend_on_the_container(kind):
    frame = FRAMES[kind]
    with sklearn.config_context(transform_output="pandas"):
        model = transfer(PDSTransfer)
        model.fit(frame(X), Y, instrument=INSTRUMENT, sample_id=SAMPLE_ID)
        exported = LinearCalibration.from_estimator(model)
        np.testing.assert_allclose(
            exported.predict(frame(NEW)), model.predict(frame(NEW)), atol=1e-8
        )


def hide_pandas(monkeypatch):
    """Make pandas neither importable nor found, in a way that scikit-learn 1.6 accepts."""

    class NoPandas:
        def find_spec(self, name, path=None, target=None):
            if name == "pandas":
                raise ImportError("pandas is not installed")

    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(sys, "meta_path", [NoPandas(), *sys.meta_path])
    monkeypatch.setattr(_frames, "find_spec", lambda name: None)


def test_calibrations_are_exported_with_polars_and_without_pandas(monkeypatch):
    model = transfer(PDSTransfer)
    model.fit(FRAMES["polars"](X), Y, instrument=INSTRUMENT, sample_id=SAMPLE_ID)
    expected = LinearCalibration.from_estimator(model).coef_
    hide_pandas(monkeypatch)
    np.testing.assert_allclose(LinearCalibration.from_estimator(model).coef_, expected)


@pytest.mark.parametrize("kind", FRAMES)
def test_searches_and_curves_do_not_depend_on_the_container(kind):
    frame, series = FRAMES[kind], SERIES[kind]
    model = transfer(PDSTransfer)
    results = []
    for spectra, of in ((X, np.asarray), (frame(X), series)):
        metadata = {"instrument": of(INSTRUMENT), "sample_id": of(SAMPLE_ID)}
        cv = list(TransferGroupKFold(3, target="B").split(spectra, of(Y), **metadata))
        search = GridSearchCV(model, {"n_transfer": [2, 5]}, cv=cv)
        search.fit(spectra, of(Y), **metadata)
        curve = transfer_curve(model, spectra, of(Y), n_transfer=[2, 5], cv=3, **metadata)
        results.append([*search.cv_results_["mean_test_score"], *np.ravel(curve.test_scores)])
    np.testing.assert_allclose(*results)
    np.testing.assert_array_equal(kennard_stone(frame(X)), kennard_stone(X))


@pytest.mark.parametrize("kind", FRAMES)
def test_stacked_frames_are_frames_of_the_same_kind(kind):
    frame, series = FRAMES[kind], SERIES[kind]
    parts = {
        name: (frame(spectra), series(DATA.y[:, 0]), series(DATA.sample_id))
        for name, spectra in DATA.X.items()
    }
    stacked, y, instrument, sample_id = stack_instruments(parts)
    assert type(stacked) is type(frame(X))
    assert list(stacked.columns) == NAMES
    np.testing.assert_array_equal(np.asarray(stacked), X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(instrument, INSTRUMENT)
    np.testing.assert_array_equal(sample_id, SAMPLE_ID)
    merged = stack_instruments(parts, wavelength=dict.fromkeys(parts, WAVELENGTH))[0]
    assert type(merged) is type(frame(X))
    np.testing.assert_allclose([float(name.split()[0]) for name in merged.columns], WAVELENGTH)


def test_polars_channels_in_another_order_are_stacked_by_their_names():
    frame = FRAMES["polars"](DATA.X["A"])
    parts = {"A": (frame, None, DATA.sample_id), "B": (frame[NAMES[::-1]], None, DATA.sample_id)}
    stacked = stack_instruments(parts)[0]
    assert stacked.columns == frame.columns
    np.testing.assert_array_equal(
        stacked[: len(frame)].to_numpy(), stacked[len(frame) :].to_numpy()
    )
    parts["B"] = (frame.rename({NAMES[0]: "other"}), None, DATA.sample_id)
    with pytest.raises(ValueError, match="must have the same columns"):
        stack_instruments(parts)


def test_missing_labels_of_polars_raise():
    ids = pl.Series([None, *SAMPLE_ID[1:].tolist()])
    with pytest.raises(ValueError, match=r"sample_id is missing .* on 1 of 40 rows"):
        transfer(PDSTransfer).fit(X, Y, instrument=INSTRUMENT, sample_id=ids)


def test_final_step_gets_the_names_it_was_fitted_with():
    # A forest, unlike ridge, has no coefficients to use instead: it must get a data frame.
    model = PDSTransfer(RandomForestRegressor(3, random_state=0), source="A", target="B")
    assert_same_predictions(model.set_params(n_transfer=6), ["polars"])
