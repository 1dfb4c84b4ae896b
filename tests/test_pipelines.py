"""Steps of pipelines and frozen estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skspektron._pipelines import front_pipeline, last_step, split_last_step, unwrap
from skspektron.inspection import EmbeddingDisplay, TransferSpectraDisplay
from skspektron.transfer import (
    DIPLSTransfer,
    DSTransfer,
    EnsembleTransfer,
    EPOTransfer,
    NARTransfer,
    PFCETransfer,
)

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))


class RowNormalizer(TransformerMixin, BaseEstimator):
    """A step of one's own, which sets no attribute in `fit`."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X / np.linalg.norm(X, axis=1, keepdims=True)


CALIBRATIONS = {
    "own step": make_pipeline(RowNormalizer(), Ridge()),
    "own step, nested": make_pipeline(StandardScaler(), make_pipeline(RowNormalizer(), Ridge())),
    "regressor": Ridge(),
    "pipeline": make_pipeline(StandardScaler(), Ridge()),
    "one step": make_pipeline(Ridge()),
    "nested": make_pipeline(MinMaxScaler(), make_pipeline(StandardScaler(), Ridge())),
    "passthrough": make_pipeline("passthrough", Ridge()),
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_front_and_last_step_are_the_calibration(calibration, frozen):
    calibration = calibration.fit(X, Y)
    front, final = split_last_step(FrozenEstimator(calibration) if frozen else calibration)
    assert isinstance(final, Ridge)
    np.testing.assert_allclose(final.predict(front(X)), calibration.predict(X))
    again = pickle.loads(pickle.dumps(front))
    np.testing.assert_array_equal(again(X), front(X))


def test_the_last_step_of_nested_and_frozen_pipelines():
    ridge = Ridge()
    frozen = FrozenEstimator(FrozenEstimator(make_pipeline(PCA(), make_pipeline(PCA(), ridge))))
    assert last_step(frozen) is ridge and last_step(ridge) is ridge
    assert unwrap(frozen) is frozen.estimator.estimator and unwrap(ridge) is ridge


def test_all_steps_before_the_last_are_the_front():
    steps = [StandardScaler(), PCA(3), MinMaxScaler()]
    inner = make_pipeline(*steps[1:], Ridge()).fit(X, Y)
    nested = make_pipeline(steps[0].fit(X), FrozenEstimator(inner))
    front = front_pipeline(nested)
    assert [type(step) for _, step in front.steps[:-1]] == [type(step) for step in steps]
    np.testing.assert_array_equal(front.transform(X), split_last_step(nested)[0](X))
    assert front_pipeline(Ridge()) is None and front_pipeline(make_pipeline(Ridge())) is None


@pytest.mark.parametrize(
    "method", [NARTransfer, EPOTransfer, DIPLSTransfer, PFCETransfer, EnsembleTransfer]
)
def test_transfers_refit_the_step_after_one_of_ones_own(method):
    spectra = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 12)) + 5
    rows = np.concatenate([spectra, 1.1 * spectra]), np.tile(spectra[:, 0], 2)
    model = method(make_pipeline(RowNormalizer(), Ridge(1e-6)), source="A", target="B")
    sample_id = np.tile(np.arange(20), 2)
    model.fit(*rows, instrument=np.repeat(["A", "B"], 20), sample_id=sample_id)
    assert np.isfinite(model.predict(1.1 * spectra)).all()
    assert method is not EnsembleTransfer or "estimator" in model.view_weights_


@pytest.mark.parametrize("display", [TransferSpectraDisplay, EmbeddingDisplay])
def test_displays_take_spectra_before_a_step_of_ones_own(display):
    spectra = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 12)) + 5
    rows, instrument = np.concatenate([spectra, 1.1 * spectra]), np.repeat(["A", "B"], 20)
    metadata = {"instrument": instrument, "sample_id": np.tile(np.arange(20), 2)}
    step = make_pipeline(RowNormalizer(), Ridge(1e-6))
    transfer = DSTransfer(step, source="A", target="B").fit(rows, rows[:, 0], **metadata)
    display.from_estimator(transfer, rows, **metadata)
