"""Pretraining, saving and embedding of networks that correct linear interpolation."""

import pickle

import numpy as np
import pytest

from skspektron.foundation import Architecture, SpektronEmbedder, SpektronPretrainer
from skspektron.inspection import ReconstructionDisplay

SIZES = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 1, "decoder": "correction"}
pytestmark = pytest.mark.filterwarnings("ignore:Linear interpolation")


@pytest.fixture(scope="module")
def pretrainer(make_pretrainer, X):
    return make_pretrainer(architecture=Architecture(**SIZES), learning_rate=1e-9).fit(X)


def test_masked_error_starts_at_that_of_interpolation(pretrainer):
    record = pretrainer.history_[0]
    assert record["masked_mse"] == pytest.approx(record["interpolation_mse"], rel=1e-4)


def test_loss_is_a_logarithm_and_its_gradient_has_no_unit(make_pretrainer, X):
    first, second = (
        make_pretrainer(architecture=Architecture(**SIZES)).fit(factor * X) for factor in (1, 1e3)
    )
    for a, b in zip(first.history_, second.history_, strict=True):
        assert b["masked"] - a["masked"] == pytest.approx(2 * np.log(1e3), rel=1e-4)
        assert b["masked_mse"] == pytest.approx(1e6 * a["masked_mse"], rel=1e-2)


def test_saved_and_pickled_weights_embed_equally_in_any_unit(pretrainer, X, bunch, tmp_path):
    embedder = SpektronEmbedder(pretrainer, wavelength=bunch.wavelength)
    Z = embedder.fit_transform(X)
    pretrainer.save(tmp_path / "file.safetensors")
    loaded = SpektronPretrainer.load(tmp_path / "file.safetensors")
    again = SpektronEmbedder(loaded, wavelength=bunch.wavelength).fit(X)
    np.testing.assert_array_equal(again.transform(X), Z)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(embedder)).transform(X), Z)
    np.testing.assert_allclose(embedder.transform(10 * X + 3), Z, atol=1e-4)


def test_display_shows_the_interpolation_of_an_untrained_network(pretrainer, X, bunch):
    pytest.importorskip("matplotlib")
    embedder = SpektronEmbedder(pretrainer, wavelength=bunch.wavelength).fit(X)
    display = ReconstructionDisplay.from_estimator(embedder, X, n_spectra=1, random_state=0)
    errors = display.errors
    assert errors["masked_mse"] == pytest.approx(errors["interpolation_mse"], rel=1e-3)
