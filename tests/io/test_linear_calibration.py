"""Calibrations as coefficients predict the same as the estimators they come from."""

import numpy as np
import pandas as pd
import pytest
from chemotools.derivative import SavitzkyGolay
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_array

from skspektron.datasets import make_instruments
from skspektron.io import LinearCalibration
from skspektron.model_selection import stack_instruments
from skspektron.preprocessing import SNV
from skspektron.transfer import (
    CCATransfer,
    DSTransfer,
    EnsembleTransfer,
    FNOTransfer,
    MeanCentredTransfer,
    NoTransfer,
    PDSTransfer,
    PFCETransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests.transfer.methods import METHODS

AXIS = np.linspace(1100, 2498, 60)
BENCH, HANDHELD = np.arange(1100.0, 1900.0, 20.0), np.arange(1050.0, 1700.0, 15.0)


def is_linear(method):
    """Return whether a method uses neither SNV nor a network."""
    return method is not EnsembleTransfer and getattr(method, "func", method) is not FNOTransfer


LINEAR = [method for method in METHODS if is_linear(method)]


def derivative():
    return SavitzkyGolay(window_length=7, polyorder=2)


def assert_same_predictions(calibration, X, y_pred):
    """Compare predictions to 1e-8 of their largest value, as documented."""
    np.testing.assert_allclose(
        calibration.predict(X), y_pred, rtol=0, atol=1e-8 * abs(y_pred).max()
    )


def fit_transfer(model, stacked):
    X, y, instrument, sample_id = stacked
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


class OnAnyChannels(LinearCalibration):
    """Repeat the coefficients on as many channels as a check of scikit-learn uses."""

    def fit(self, X, y=None):
        self._n_channels = check_array(X).shape[1]
        return super().fit(X, y)

    @property
    def coef_(self):
        return np.resize(super().coef_, getattr(self, "_n_channels", len(self.coef)))


@parametrize_with_checks(
    [OnAnyChannels([0.5, -1.0, 2.0])],
    expected_failed_checks=lambda _: {
        "check_n_features_in": "the number of channels is known before fit, from the coefficients"
    },
)
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_targets", [None, 1, 3])
def test_prediction_is_the_sum_over_channels(n_targets):
    rng = np.random.default_rng(0)
    X, coef = rng.normal(size=(4, 5)), rng.normal(size=(n_targets or 1, 5))
    intercept = rng.normal(size=n_targets or 1)
    expected = np.array(
        [[b0 + sum(b * x for b, x in zip(b_k, row, strict=True))
          for b_k, b0 in zip(coef, intercept, strict=True)] for row in X]
    )  # fmt: skip
    if n_targets is None:
        coef, intercept, expected = coef[0], intercept[0], expected[:, 0]
    model = LinearCalibration(coef, intercept=intercept)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-13)
    assert model.fit(X).predict(X).shape == expected.shape


@pytest.mark.parametrize("place", ["alone", "inside", "outside"])
@pytest.mark.parametrize("method", LINEAR)
def test_linear_transfers_become_coefficients(method, place, stacked, two_instruments):
    X, y, instrument, sample_id = stacked
    inner = (
        make_pipeline(derivative(), StandardScaler(), Ridge(1e-3)) if place == "inside" else None
    )
    transfer = method(inner, source="source", target="target")
    model = make_pipeline(derivative(), transfer) if place == "outside" else transfer
    prefix = f"{model.steps[-1][0]}__" if place == "outside" else ""
    model.fit(X, y, **{prefix + "instrument": instrument, prefix + "sample_id": sample_id})
    X_target, X_source = (two_instruments.X[name] for name in ("target", "source"))
    assert_same_predictions(
        LinearCalibration.from_estimator(model, X_target), X_target, model.predict(X_target)
    )
    of_source = LinearCalibration.from_estimator(model, instrument="source")
    assert_same_predictions(
        of_source, X_source, model.predict(X_source, instrument=["source"] * len(X_source))
    )


@pytest.mark.parametrize(
    "model",
    [
        PLSRegression(4),
        make_pipeline(StandardScaler(), PLSRegression(4, scale=False)),
        make_pipeline(derivative(), LinearRegression()),
        GridSearchCV(make_pipeline(derivative(), Ridge()), {"ridge__alpha": [1e-3, 1.0]}),
    ],
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_fitted_pipelines_with_one_target_and_more(model, n_targets, two_instruments):
    X, y = two_instruments.X["source"], two_instruments.y[:, :n_targets]
    frame = pd.DataFrame(X, columns=[f"{nm} nm" for nm in AXIS])
    frozen = FrozenEstimator(model.fit(frame, y))
    calibration = LinearCalibration.from_estimator(frozen, frame[:5])
    assert_same_predictions(calibration, X, np.asarray(model.predict(frame)))
    assert_same_predictions(calibration, frame, np.asarray(model.predict(frame)))
    np.testing.assert_array_equal(calibration.wavelength, AXIS)


@pytest.fixture(scope="module")
def two_grids():
    """Simulate 30 samples on a bench instrument and on a handheld, stacked, and by instrument."""
    axes = {"bench": BENCH, "handheld": HANDHELD}
    lab = make_instruments(30, tuple(axes), wavelength=axes, random_state=0)
    rows = {name: (X, lab.y[:, 0], lab.sample_id) for name, X in lab.X.items()}
    return stack_instruments(rows, wavelength=axes), lab.X


@pytest.mark.parametrize("method", [DSTransfer, PDSTransfer, CCATransfer, TargetOnly])
def test_target_with_other_channels(method, two_grids):
    stacked, X = two_grids
    model = fit_transfer(method(source="bench", target="handheld"), stacked)
    calibration = LinearCalibration.from_estimator(model)
    np.testing.assert_array_equal(calibration.wavelength, HANDHELD)
    assert_same_predictions(calibration, X["handheld"], model.predict(X["handheld"]))
    of_source = LinearCalibration.from_estimator(model, instrument="bench")
    assert of_source.n_features_in_ == len(model.source_channels_)
    assert of_source.wavelength.max() < BENCH.max()  # within the range of the handheld


def test_monotone_interpolation_raises(two_grids):
    model = fit_transfer(MeanCentredTransfer(source="bench", target="handheld"), two_grids[0])
    match = r"MeanCentredTransfer \(which may interpolate 44 channels at .* is not linear"
    with pytest.raises(ValueError, match=match):
        LinearCalibration.from_estimator(model)


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (make_pipeline(SNV(), PLSRegression(3)), r"The step 'snv' \(SNV\)"),
        (make_pipeline(StandardScaler(), SNV(), Ridge()), r"The step 'snv' \(SNV\)"),
        (NoTransfer(make_pipeline(SNV(), Ridge())), r"The step 'snv' \(SNV\)"),
        (make_pipeline(derivative(), NoTransfer(make_pipeline(SNV(), Ridge()))), "'snv'"),
        (make_pipeline(StandardScaler(), RandomForestRegressor(3)), "'randomforestregressor'"),
        (RandomForestRegressor(3), "RandomForestRegressor"),
        (make_pipeline(FunctionTransformer(np.abs), Ridge()), "FunctionTransformer"),
    ],
)
def test_error_names_the_step_that_is_not_linear(model, step, two_instruments):
    model.fit(two_instruments.X["source"], two_instruments.y[:, 0])
    match = rf"differ by up to [\d.e+-]+ from a linear function.*{step}.* is not linear"
    with pytest.raises(ValueError, match=match):
        LinearCalibration.from_estimator(model, two_instruments.X["source"])


def test_error_names_a_step_that_rejects_synthetic_spectra(two_instruments):
    log = FunctionTransformer(lambda R: -np.log10(R), validate=True)
    X = np.exp(-two_instruments.X["source"])
    model = make_pipeline(log, Ridge()).fit(X, two_instruments.y[:, 0])
    with pytest.raises(
        ValueError, match=r"does not predict a synthetic spectrum.*'functiontransformer'"
    ):
        LinearCalibration.from_estimator(model)


def test_estimator_not_linear_at_the_given_spectra_raises(two_instruments):
    class Kinked(Ridge):
        def predict(self, X):
            y = super().predict(X)
            return np.where(np.abs(X - self.spectrum).max(axis=1) == 0, y + 0.25, y)

    X = two_instruments.X["source"]
    model = Kinked().fit(X, two_instruments.y[:, 0])
    model.spectrum = X[3]
    LinearCalibration.from_estimator(model)
    with pytest.raises(ValueError, match=r"differ by up to 0\.25 from a linear function"):
        LinearCalibration.from_estimator(model, X)


@pytest.mark.parametrize(
    "method", [PDSTransfer, SlopeBiasTransfer, PFCETransfer, MeanCentredTransfer]
)
def test_transfer_moves_a_calibration_of_other_software(method, stacked, two_instruments):
    X, y, instrument, _ = stacked
    pls = PLSRegression(5).fit(X[instrument == "source"], y[instrument == "source"])
    at_zero = pls.predict(np.zeros((1, 60)))[0]
    vector = LinearCalibration(pls.coef_[0], intercept=at_zero, wavelength=AXIS)
    parameters = {"source": "source", "target": "target", "trained_on": two_instruments.sample_id}
    moved = [
        fit_transfer(method(FrozenEstimator(model), **parameters), stacked).predict(X)
        for model in (vector, pls)
    ]
    np.testing.assert_allclose(*moved, rtol=1e-8)
    assert not np.allclose(moved[0], vector.predict(X))


def test_column_names_are_compared_with_the_axis():
    model = LinearCalibration([1.0, 2.0, 3.0], wavelength=[1100.0, 1110.0, 1120.0])
    X = np.ones((2, 3))
    in_nm = ["1100 nm", "1110 nm", "1120.0 nm"]
    in_cm = ["9090.91 cm-1", "9009.01 cm-1", "8928.57 cm-1"]
    for columns in (in_nm, in_cm):
        frame = pd.DataFrame(X, columns=columns)
        np.testing.assert_array_equal(model.predict(frame), [6.0, 6.0])
    assert model.predict(pd.DataFrame(X, columns=list("abc"))).tolist() == [6.0, 6.0]
    frame = pd.DataFrame([[1.0, 0.0, 0.0]], columns=in_nm)
    for other in (frame, frame.rename(columns=lambda name: float(name.split()[0]))):
        assert model.predict(other.iloc[:, ::-1]).tolist() == [1.0]
    other = pd.DataFrame(X, columns=["1101 nm", "1111 nm", "1120 nm"])
    with pytest.raises(ValueError, match=r"calibration on 2 of 3 channels: 3 channels, 1101 to"):
        model.predict(other)
    with pytest.raises(ValueError, match=r"calibration on 3 of 3 channels: 3 channels, 1120 to"):
        model.predict(other[other.columns[::-1]])
    with pytest.raises(ValueError, match=r"X has 2 features.*expecting 3 .*1100 to 1120 nm"):
        model.fit(X[:, :2])


def test_on_axis_predicts_interpolated_spectra():
    own, other = np.linspace(1200, 1600, 41), np.linspace(1150.0, 1650.0, 26)[::-1]
    model = LinearCalibration(np.linspace(-1, 2, 41), intercept=3.0, wavelength=own)
    moved = model.on_axis(wavelength=other)

    def spectra(axis):  # cubic in cm-1: a cubic spline has them exactly
        nu = 1e7 / axis / 7000 - 1
        return np.stack([np.ones_like(nu), nu, nu**2 - nu, nu**3])

    np.testing.assert_allclose(
        moved.predict(spectra(other)), model.predict(spectra(own)), rtol=1e-9
    )
    assert moved.n_features_in_ == 26 and model.n_features_in_ == 41
    with pytest.raises(ValueError, match=r"has 41 channels, 1200 to 1600 nm.*extrapolated"):
        model.on_axis(wavelength=np.linspace(1300, 1650, 26))
    with pytest.raises(ValueError, match="on_axis got no axis"):
        model.on_axis()
    with pytest.raises(ValueError, match="The calibration has no axis"):
        LinearCalibration([1.0, 2.0]).on_axis(wavelength=other)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"coef": [1.0, np.nan]}, "coef contains NaN"),
        ({"coef": np.ones((1, 1, 2))}, r"coef must have shape .* got \(1, 1, 2\)"),
        ({"intercept": [1.0, 2.0]}, r"intercept must be .* got \[1.0, 2.0\]"),
        ({"intercept": np.inf}, "intercept must be .* got inf"),
        ({"wavelength": [1100.0]}, r"wavelength has shape \(1,\), X has 2 channels"),
        ({"wavelength": [1100.0, 1100.0]}, "must be strictly monotonic"),
    ],
)
def test_invalid_parameters_raise(parameters, match):
    with pytest.raises(ValueError, match=match):
        LinearCalibration(**{"coef": [1.0, 2.0]} | parameters).predict([[1.0, 1.0]])


def test_more_channels_than_one_batch():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 600)), rng.normal(size=(12, 2))
    model = Ridge().fit(X, y)
    calibration = LinearCalibration.from_estimator(model)
    np.testing.assert_allclose(calibration.coef_, model.coef_, atol=1e-12)
    np.testing.assert_allclose(calibration.intercept_, model.intercept_, rtol=1e-12)


def test_from_estimator_checks_the_axis(two_instruments):
    model = Ridge().fit(two_instruments.X["source"], two_instruments.y[:, 0])
    with pytest.raises(ValueError, match=r"wavelength has shape \(59,\), X has 60 channels"):
        LinearCalibration.from_estimator(model, wavelength=AXIS[:-1])


class WithoutChannels(BaseEstimator):
    """Predict without n_features_in_."""

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return 2 * X[:, 0] + 1

    def __sklearn_is_fitted__(self):
        return True


def test_estimator_without_n_features_in_needs_spectra():
    calibration = LinearCalibration.from_estimator(WithoutChannels(), np.eye(3))
    assert (calibration.coef_.tolist(), calibration.intercept_) == ([2, 0, 0], 1)
    with pytest.raises(ValueError, match="WithoutChannels has no n_features_in_"):
        LinearCalibration.from_estimator(WithoutChannels())
