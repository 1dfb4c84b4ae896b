"""LoRATransfer and TTTTransfer between instruments with different channels."""

import warnings

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.foundation import SpektronEmbedder
from skspektron.inspection._embedding_rows import embedding_rows
from skspektron.preprocessing import SNV
from skspektron.transfer import LoRATransfer, NoTransfer, TTTTransfer
from tests.transfer.conftest import SOURCE_AXIS, TARGET_AXIS
from tests.transfer.methods import fit

METHODS = {
    "LoRA": lambda estimator=None: LoRATransfer(
        estimator, source="A", target="B", n_transfer=8, max_epochs=1, random_state=0
    ),
    "TTT": lambda estimator=None: TTTTransfer(
        estimator, source="A", target="B", max_steps=1, random_state=0
    ),
    "TTT, input": lambda estimator=None: TTTTransfer(
        estimator, source="A", target="B", max_steps=1, reset="input", batch_size=2, random_state=0
    ),
}


def merged(X):
    return [float(name.removesuffix(" nm")) for name in X.columns]


def pipeline(wavelength, front=None, **parameters):
    embedder = SpektronEmbedder(wavelength=wavelength, **parameters)
    return make_pipeline(front or SNV(), embedder, Ridge(1e-3))


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("LoRA", "default"),
        ("LoRA", "tokens"),
        ("LoRA", "scaler"),
        ("TTT", "tokens"),
        ("TTT", "mean"),
        ("TTT, input", "tokens"),
    ],
)
def test_target_spectra_are_predicted_on_their_own_channels(method, kind, make_grids):
    X, y, instrument, _ = stack = make_grids()
    estimator = {
        "default": None,
        "tokens": pipeline(merged(X)),
        "mean": pipeline(merged(X), pooling="mean"),
        "scaler": pipeline(merged(X), StandardScaler()),
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = fit(METHODS[method](estimator), stack)
        rows = X[instrument == "B"][:8]
        predictions = model.predict(rows)
        own = model.predict(rows.iloc[:2, model.target_channels_])
    np.testing.assert_allclose(own, predictions[:2], rtol=1e-9)
    assert len(np.unique(predictions.round(6))) == len(predictions)
    assert (len(model.source_channels_), len(model.target_channels_)) == (18, 28)
    assert r2_score(y[instrument == "B"][:8], predictions) > (-2 if "input" in method else 0.2)
    mixed = model.predict(X[22:26], instrument=instrument[22:26])
    np.testing.assert_allclose(mixed[2:], predictions[:2], rtol=1e-9)
    source = X.iloc[22:24, model.source_channels_]
    np.testing.assert_allclose(mixed[:2], model.estimator_.predict(source).ravel())


@pytest.mark.parametrize("method", ["LoRA", "TTT"])
def test_each_instrument_is_embedded_on_its_own_axis(method, make_grids):
    X, _, instrument, _ = stack = make_grids()
    model = fit(METHODS[method](pipeline(SOURCE_AXIS)), stack)
    on_source, on_target = (
        e[-2 if e is model.estimator_ else -3] for e in (model.estimator_, model.target_estimator_)
    )
    np.testing.assert_allclose(1e7 / on_source.wavenumber_, SOURCE_AXIS[:18])
    within = TARGET_AXIS[(TARGET_AXIS >= 1095) & (TARGET_AXIS <= 1440)]
    np.testing.assert_allclose(1e7 / on_target.wavenumber_, within)
    native = X[instrument == "B"].iloc[:, model.target_channels_].to_numpy()
    np.testing.assert_array_equal(
        model.target_estimator_.predict(native).ravel(), model.predict(native)
    )
    with pytest.raises(ValueError, match="the target has 28 channels"):
        model.target_estimator_.predict(native[:, 1:])


@pytest.mark.parametrize("method", METHODS)
def test_the_direction_of_the_axis_does_not_matter(method, make_grids):
    X, *rest = make_grids()
    flipped = X[X.columns[::-1]]
    expected, predictions = (
        fit(METHODS[method](pipeline(merged(rows))), (rows, *rest)).predict(rows[24:28])
        for rows in (X, flipped)
    )
    np.testing.assert_allclose(predictions, expected, atol=1e-3)


@pytest.mark.filterwarnings("ignore:It is not known which samples", "ignore:X has feature names")
@pytest.mark.parametrize(
    ("method", "pooling"), [("LoRA", "tokens"), ("TTT", "mean"), ("TTT, input", "tokens")]
)
def test_frozen_later_steps_get_the_tokens_of_the_source(method, pooling, make_grids):
    X, y, instrument, _ = stack = make_grids()
    source = X[instrument == "A"].dropna(axis=1).to_numpy()[:, :18]
    frozen = pipeline(SOURCE_AXIS[:18], pooling=pooling).fit(source, y[instrument == "A"])
    model = fit(METHODS[method](FrozenEstimator(frozen)), stack)
    assert np.ptp(model.predict(X[24:30])) > 0.1
    if method != "TTT, input":
        assert model.target_estimator_[-1] is frozen[-1]


@pytest.mark.parametrize("method", ["LoRA", "TTT"])
def test_without_an_adaptation_it_is_no_transfer(method, make_grids):
    X, *_ = stack = make_grids()
    model = METHODS[method](pipeline(merged(X)))
    model.set_params(**{"n_transfer": 0} if method == "LoRA" else {"max_steps": 0})
    plain = fit(NoTransfer(pipeline(merged(X)), source="A", target="B"), stack)
    np.testing.assert_array_equal(fit(model, stack).predict(X[24:]), plain.predict(X[24:]))
    assert not hasattr(model, "target_estimator_")


@pytest.mark.parametrize("method", METHODS)
def test_refuses_truncated_spectra(method, make_grids):
    X, *_ = stack = make_grids()
    model = fit(METHODS[method](pipeline(merged(X))), stack)
    rows = X[24:28].to_numpy(copy=True)[:, model.target_channels_]
    rows[:3, -3:] = np.nan
    with pytest.raises(ValueError, match=r"3 of 4 spectra lack up to 3 of the 28 channels .* 'B'"):
        model.predict(rows)


@pytest.mark.parametrize("method", ["LoRA", "TTT"])
def test_embeddings_of_both_instruments_can_be_displayed(method, make_grids):
    X, _, instrument, sample_id = stack = make_grids()
    model = fit(METHODS[method](pipeline(merged(X))), stack)
    rows = embedding_rows(model, X, instrument, sample_id, None, None, None)
    assert rows["source"].shape == rows["target"].shape == rows["adapted"].shape
    assert np.abs(rows["target"] - rows["adapted"]).max() > 1e-6


def test_arrays_need_an_axis_of_all_columns(make_grids):
    X, *rest = make_grids()
    array = (X.to_numpy(), *rest)
    with pytest.raises(ValueError, match="do not name an axis"):
        fit(METHODS["TTT"](), array)
    expected = fit(METHODS["TTT"](), (X, *rest)).predict(X[24:])
    model = METHODS["TTT"]().set_params(wavelength=merged(X))
    np.testing.assert_allclose(fit(model, array).predict(array[0][24:]), expected, atol=1e-4)


@pytest.mark.parametrize("method", ["LoRA", "TTT", "TTT, input"])
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_a_target_in_another_unit_warns_without_snv(method, factor, make_stack):
    X, y, *metadata = make_stack(20)
    X = np.where((metadata[0] == "B")[:, None], factor * X, X)
    embedder = SpektronEmbedder(wavelength=np.arange(1100, 1580, 20.0))
    with pytest.warns(UserWarning, match="derivatives of X are .* unit"):
        fit(METHODS[method](make_pipeline(embedder, Ridge(1e-3))), (X, y, *metadata))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The derivatives")
        fit(METHODS[method](make_pipeline(SNV(), embedder, Ridge(1e-3))), (X, y, *metadata))
