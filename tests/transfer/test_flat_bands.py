"""Bands that are constant up to rounding in training do not blow up the predictions."""

import numpy as np
import pytest
from chemotools.derivative import SavitzkyGolay
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.preprocessing import SNV
from skspektron.transfer import (
    DS,
    EPO,
    PDS,
    SST,
    CCAMap,
    CCATransfer,
    CORALTransfer,
    DIPLSTransfer,
    DSTransfer,
    EnsembleTransfer,
    EPOTransfer,
    MeanCentredTransfer,
    PDSTransfer,
    PFCETransfer,
    SlopeBiasTransfer,
    SSTTransfer,
)
from tests.transfer.methods import METHODS, SMALL_FNO

N_SAMPLES, N_CHANNELS = 16, 30
BAND = slice(10, 18)
SATURATED = 3.0
MODELS = [
    *((method, {}) for method in METHODS),
    *(
        (method, settings)
        for method in (DSTransfer, SSTTransfer, CCATransfer)
        for settings in ({"penalty": 0.0}, {"learns": "spectrum", "n_components": None})
    ),
    (PDSTransfer, {"learns": "spectrum", "n_components": None}),
    (PDSTransfer, {"learns": "spectrum", "n_components": 3, "window_length": (5, 3)}),
    (PDSTransfer, {"penalty": 0.0, "window_length": (5, 3)}),
    (EPOTransfer, {"n_components": None}),
    (SlopeBiasTransfer, {"mode": "slope"}),
    (PFCETransfer, {"uses": "labels", "min_correlation": 0.5}),
    (DIPLSTransfer, {"n_components": 4}),
    *((method, {"n_transfer": 0}) for method in (DIPLSTransfer, CORALTransfer)),
    (MeanCentredTransfer, {"n_transfer": 0}),
]
FLAT = {
    "band of the target": {"B": BAND},
    "band of both": {"A": BAND, "B": BAND},
    "target": {"B": slice(None)},
    "both": {"A": slice(None), "B": slice(None)},
}


def constant(rng, shape, value=SATURATED):
    """Return a constant up to the last digits."""
    return value * (1 + np.finfo(np.float64).eps * rng.integers(-2, 3, size=shape))


def spectra(flat):
    """Return the spectra of A and B, partly constant up to rounding, and reference values."""
    rng = np.random.default_rng(0)
    scores, channel = rng.normal(size=(N_SAMPLES, 3)), np.linspace(0, 3, N_CHANNELS)
    bands = np.exp(-((channel - np.array([[0.5], [1.5], [2.5]])) ** 2) / 0.2)
    X = {"A": 1 + 0.1 * scores @ bands + 1e-4 * rng.normal(size=(N_SAMPLES, N_CHANNELS))}
    X["B"] = X["A"] * (1 + 0.1 * np.sin(channel)) + 0.05
    for name, channels in flat.items():
        X[name][:, channels] = constant(rng, X[name][:, channels].shape)
    return X, scores[:, 0] + 0.1 * rng.normal(size=N_SAMPLES)


@pytest.mark.filterwarnings("ignore:.*do not vary with y")
@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize(("method", "parameters"), MODELS)
def test_predictions_stay_within_the_range_of_y(method, parameters, kind):
    X, y = spectra(FLAT[kind])
    rows = np.concatenate([X["A"], X["B"]]), np.concatenate([y, y])
    instrument, ids = np.repeat(["A", "B"], N_SAMPLES), np.tile(np.arange(N_SAMPLES), 2)
    model = method(source="A", target="B", **{"n_transfer": 8, **parameters})
    model.fit(*rows, instrument=instrument, sample_id=ids)
    off = np.random.default_rng(1).random(X["B"].shape)
    below = np.array(X["B"])
    below[:, FLAT[kind]["B"]] -= 1e-3
    for spectra_to_predict in (X["B"] - 1e-9, X["B"] - 1e-9 * off, X["B"] - 1e-6 * off, below):
        deviation = np.abs(model.predict(spectra_to_predict) - y.mean())
        assert deviation.max() < 8 * np.ptp(y)


@pytest.mark.parametrize("channels", [BAND, slice(None)])
@pytest.mark.parametrize(
    "spectral_map", [DS(), SST(), CCAMap(), EPO(), PDS(), PDS(learns="spectrum", n_components=None)]
)
def test_maps_do_not_regress_on_rounding(spectral_map, channels):
    X, _ = spectra({"B": channels})
    mapped = spectral_map.fit(X["B"], X["A"]).transform(X["B"] - 1e-6)
    assert np.abs(mapped).max() < 4 * SATURATED
    assert np.abs(spectral_map.coef_).max() < 100


def test_instruments_that_agree_up_to_rounding_lose_no_direction():
    X, _ = spectra({})
    agree = X["A"] * constant(np.random.default_rng(1), X["A"].shape, 1.0)
    assert EPO(n_components=None).fit(agree, X["A"]).components_.shape == (0, N_CHANNELS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_snv_of_a_spectrum_that_is_constant_up_to_rounding_is_zero(dtype):
    X = np.full((1, 40), 1234.5, dtype=dtype)
    X[0, ::3] = np.nextafter(X[0, 0], dtype(np.inf))
    assert not SNV().fit_transform(X).any()
    X[0, 0] *= 1 + 100 * np.finfo(dtype).eps
    assert SNV().fit_transform(X).any()


@pytest.mark.parametrize("padding", ["edge", "constant up to rounding"])
def test_steps_that_scale_rounding_errors_are_no_view_of_the_ensemble(padding):
    X, y = spectra({"A": slice(20, 30), "B": slice(20, 30)} if padding != "edge" else {})
    if padding == "edge":
        for rows in X.values():
            rows[:, 20:] = rows[:, 19:20]
    derivative = SavitzkyGolay(window_length=5, polyorder=2, deriv=1)
    front = make_pipeline(derivative, StandardScaler())
    model = EnsembleTransfer(make_pipeline(front, Ridge(1e-3)), source="A", target="B")
    rows = np.concatenate([X["A"], X["B"]]), np.concatenate([y, y])
    instrument, ids = np.repeat(["A", "B"], N_SAMPLES), np.tile(np.arange(N_SAMPLES), 2)
    model.fit(*rows, instrument=instrument, sample_id=ids)
    off = 1e-9 * np.random.default_rng(1).random(X["B"].shape)
    assert np.abs(model.predict(X["B"] - off) - y.mean()).max() < 2 * np.ptp(y)
    assert "estimator" not in model.view_weights_
    model.fit(rows[0][:, :18], rows[1], instrument=instrument, sample_id=ids)
    assert "estimator" in model.view_weights_


@pytest.mark.parametrize("flat", [{"A": slice(None)}, {"B": slice(None)}, FLAT["both"]])
@pytest.mark.parametrize(
    "front",
    [SNV(), SavitzkyGolay(window_length=7, polyorder=2, deriv=1)],
    ids=["SNV", "derivative"],
)
def test_constant_spectra_after_a_step_predict_within_the_range_of_y(front, flat):
    X, y = spectra(flat)
    rows = np.concatenate([X["A"], X["B"]]), np.concatenate([y, y])
    instrument, ids = np.repeat(["A", "B"], N_SAMPLES), np.tile(np.arange(N_SAMPLES), 2)
    off = 1e-9 * np.random.default_rng(1).random(X["B"].shape)
    if isinstance(front, SNV):
        off[:] = off[0, 0]  # SNV scales other deviations to unit variance
    for method in (method for method in METHODS if method is not SMALL_FNO):
        model = method(make_pipeline(front, Ridge(1e-3)), source="A", target="B", n_transfer=8)
        model.fit(*rows, instrument=instrument, sample_id=ids)
        for spectra_to_predict in (X["B"], X["B"] - off):
            deviation = np.abs(model.predict(spectra_to_predict) - y.mean())
            assert deviation.max() < 8 * np.ptp(y), method
