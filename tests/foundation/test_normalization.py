"""Networks with their own normalization: no step before them, units, offsets, saving, training."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline

from skspektron._nn.architecture import Architecture
from skspektron._training.engine import _net
from skspektron.foundation import SpektronEmbedder, SpektronImputer, SpektronRegressor
from skspektron.model_selection import stack_instruments
from skspektron.preprocessing import SNV
from skspektron.transfer import LoRATransfer, TTTTransfer
from tests.foundation.weights import weights

pytestmark = pytest.mark.filterwarnings("ignore:Linear interpolation")
SIZES = {"patch_length": 6, "d_model": 8, "d_state": 4, "n_layers": 1}
OWN = ("snv", "derivative", "snv+derivative")


@pytest.fixture(scope="module")
def trained(make_pretrainer, X):
    """Return pretrainers with every normalization of their own."""
    return {
        name: make_pretrainer(architecture=Architecture(**SIZES, normalize=name)).fit(X)
        for name in OWN
    }


@pytest.fixture
def make_embedder(trained, bunch):
    """Return a function that makes an embedder of a normalization."""
    return lambda name, **k: SpektronEmbedder(trained[name], wavelength=bunch.wavelength, **k)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    "change",
    [
        lambda X: X + 1e8,
        lambda X: 100 * X,
        lambda X: 1e-6 * X,
        lambda X: 1e-25 * X,  # squares that single precision does not have
        lambda X: 1e25 * X,
    ],
)
def test_offset_and_unit_of_all_spectra_do_not_matter(make_embedder, X, name, change):
    Z = make_embedder(name).fit_transform(X)
    atol = 1e-3 if change(0) else 1e-5  # an offset of 1e8 rounds to 1e-8
    np.testing.assert_allclose(make_embedder(name).fit_transform(change(X)), Z, atol=atol)


@pytest.mark.parametrize("gaps", [False, True])
def test_snv_inside_is_snv_before(make_embedder, X, gaps):
    X = X.copy()
    if gaps:
        X[2, 7] = X[5, 20:22] = np.nan
    inside = make_embedder("snv").fit_transform(X)
    before = make_embedder("snv").fit_transform(SNV().fit_transform(X))
    np.testing.assert_allclose(before, inside, atol=1e-5)


def test_snv_before_takes_the_size_of_spectra_from_the_derivative_only(make_embedder, X):
    tokens = [
        make_embedder("snv+derivative", n_layers=0).fit_transform(spectra).reshape(len(X), -1, 8)
        for spectra in (X, SNV().fit_transform(X))
    ]
    np.testing.assert_allclose(tokens[0][..., :4], tokens[1][..., :4], atol=1e-5)
    derivative = make_embedder("derivative", n_layers=0)
    assert np.abs(tokens[0][..., 4:] - tokens[1][..., 4:]).max() > 0.01
    gains = [derivative.fit(X).transform(factor * X[:1]) for factor in (0, 1, 2)]
    np.testing.assert_allclose(gains[2] - gains[1], gains[1] - gains[0], atol=1e-5)
    assert np.abs(gains[1] - gains[0]).max() > 0.1


def test_scale_is_the_median_size_of_the_derivatives_of_fit(make_embedder, bunch, X):
    embedder = make_embedder("snv+derivative").fit(X)
    axis, k = 1e7 / bunch.wavelength, np.arange(-3, 4)
    inner = [(k @ np.lib.stride_tricks.sliding_window_view(row, 7).T) / 28 for row in X]
    sizes = np.sqrt(np.mean(np.square(inner), axis=1)) / np.abs(axis[-1] - axis[0]) * 59
    np.testing.assert_allclose(embedder.derivative_scale_, np.median(sizes), rtol=0.05)
    spoilt = X.copy()
    spoilt[0] *= 1e6
    assert make_embedder("snv+derivative").fit(spoilt).derivative_scale_ == pytest.approx(
        embedder.derivative_scale_, rel=0.2
    )
    flat = make_embedder("snv+derivative").fit(np.ones_like(X))
    assert flat.derivative_scale_ == 1 and np.isfinite(flat.transform(X)).all()


@pytest.mark.parametrize("name", OWN)
def test_embedding_does_not_depend_on_batch_fit_or_cache(trained, make_embedder, X, name):
    embedder = make_embedder(name)
    Z = embedder.fit_transform(X)
    make_embedder(name).fit(10 * X).transform(X)  # fills the cache with others
    np.testing.assert_array_equal(embedder.transform(X), Z)
    trained[name].network_._cache.clear()
    np.testing.assert_allclose(embedder.transform(X[7:8]), Z[7:8], atol=1e-5)


@pytest.mark.parametrize("name", OWN)
def test_saved_pickled_and_cloned_weights_embed_equally(trained, make_embedder, X, name, tmp_path):
    embedder = make_embedder(name)
    Z = embedder.fit_transform(X)
    trained[name].save(tmp_path / "file.safetensors")
    loaded = SpektronEmbedder(tmp_path / "file.safetensors", wavelength=embedder.wavelength)
    np.testing.assert_array_equal(loaded.fit_transform(X), Z)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(embedder)).transform(X), Z)
    np.testing.assert_array_equal(clone(embedder).fit_transform(X), Z)


def test_weights_without_a_derivative_have_no_scale(trained):
    for network in ("masked", trained["snv"]):
        embedder = SpektronEmbedder(network, wavelength=range(1100, 1140)).fit(np.eye(40))
        assert "derivative_scale" not in embedder.network_.tensors()
        assert embedder.derivative_scale_ is None


def test_shipped_weights_read_absorbance_in_any_unit(X):
    embedder = SpektronEmbedder(wavelength=np.linspace(1100, 1700, X.shape[1]))
    Z = embedder.fit_transform(X)
    np.testing.assert_allclose(embedder.fit_transform(1e3 * X + 5), Z, atol=1e-4)
    assert embedder.derivative_scale_ > 0


@pytest.mark.parametrize("name", OWN)
def test_spectra_that_are_constant_up_to_rounding_are_constant(make_embedder, X, name):
    rounded = 1 + np.finfo(float).eps * np.random.default_rng(0).integers(-2, 3, size=X.shape)
    assert not SNV().fit_transform(rounded).any()
    embedder = make_embedder(name).fit(X)
    constant = embedder.transform(np.ones((1, X.shape[1])))
    np.testing.assert_array_equal(embedder.transform(rounded[:1]), constant)
    mostly = np.concatenate([rounded, rounded, X])
    assert make_embedder(name).fit(mostly).derivative_scale_ == embedder.derivative_scale_


@pytest.mark.parametrize("scale", ["calibration", "corpus"])
def test_pretrainer_divides_by_the_scale_of_its_corpus(make_pretrainer, make_embedder, X, scale):
    architecture = Architecture(**SIZES, normalize="snv+derivative", derivative_scale=scale)
    model = make_pretrainer(architecture=architecture).fit(X)
    expected = make_embedder("snv+derivative").fit(X).derivative_scale_
    stored = model.network_.tensors()["derivative_scale"].item()
    assert stored == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(model.transform(X[:3]), model.transform(X)[:3], atol=1e-5)
    embedder = SpektronEmbedder(model, wavelength=model.wavelength)
    changes = np.abs(embedder.fit_transform(10 * X) - embedder.fit_transform(X)).max()
    assert (changes > 0.1) == (scale == "corpus")
    model.partial_fit(10 * X)
    assert model.network_.tensors()["derivative_scale"].item() == stored


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("steps", [[], [SNV()]])
def test_frame_of_absorbance_goes_through_the_whole_pipeline(trained, bunch, X, steps):
    frame = pd.DataFrame(X, columns=[f"{w:.1f} nm" for w in bunch.wavelength])
    model = make_pipeline(*steps, SpektronEmbedder(trained["snv+derivative"]), PLSRegression(3))
    y = model.fit(frame, bunch.y[:, 0]).predict(frame)
    embedder = SpektronEmbedder(trained["snv+derivative"], wavelength=bunch.wavelength)
    given = make_pipeline(*steps, embedder, PLSRegression(3)).fit(X, bunch.y[:, 0])
    np.testing.assert_allclose(given.predict(X), y, rtol=1e-3)


def test_regressor_is_fine_tuned_on_absorbance(trained, bunch, X):
    model = SpektronRegressor(
        trained["snv+derivative"],
        wavelength=bunch.wavelength,
        trainable="all",
        max_epochs=2,
        random_state=0,
    )
    predicted = model.fit(X, bunch.y[:, 0]).predict(X)
    again = clone(model).fit(1000 * X, bunch.y[:, 0]).predict(1000 * X)
    np.testing.assert_allclose(again, predicted, rtol=1e-3)


@pytest.mark.parametrize(
    ("method", "length"), [(LoRATransfer, "max_epochs"), (TTTTransfer, "max_steps")]
)
def test_network_is_adapted_on_absorbance(trained, bunch, method, length):
    X, y, labels = stack(bunch)
    embedder = SpektronEmbedder(trained["snv+derivative"], wavelength=bunch.wavelength)
    model = method(
        make_pipeline(embedder, PLSRegression(3)),
        source="a",
        target="b",
        random_state=0,
        **{length: 2},
    )
    predicted = model.fit(X, y, **labels).predict(bunch.X["b"])
    again = clone(model).fit(1000 * X, y, **labels).predict(1000 * bunch.X["b"])
    np.testing.assert_allclose(again, predicted, rtol=2e-2)


def stack(bunch):
    """Return the rows of both instruments with their labels."""
    rows = {name: (bunch.X[name], bunch.y[:, 0], np.arange(24)) for name in ("a", "b")}
    X, y, instrument, sample_id = stack_instruments(rows)
    return X, y, {"instrument": instrument, "sample_id": sample_id}


def test_training_resumes(make_pretrainer, X, tmp_path, monkeypatch):
    architecture = Architecture(**SIZES, normalize="snv+derivative")
    whole = make_pretrainer(architecture=architecture).fit(X)
    model = make_pretrainer(architecture=architecture, checkpoint=tmp_path / "run")
    train_step = _net.StepNet.train_step_single

    def interrupted(self, *args, **kwargs):
        if self.sampler.step == 7:
            raise KeyboardInterrupt
        return train_step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(_net.StepNet, "train_step_single", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert torch.equal(weights(model.fit(X)), weights(whole))


def test_reconstruction_is_in_the_unit_of_the_spectra(make_embedder, X):
    pytest.importorskip("matplotlib")
    from skspektron.inspection import ReconstructionDisplay

    displays = [
        ReconstructionDisplay.from_estimator(
            make_embedder("snv+derivative").fit(spectra), spectra, n_spectra=2, random_state=0
        )
        for spectra in (X, 1000 * X)
    ]
    first, second = (display.reconstruction for display in displays)
    np.testing.assert_allclose(second, 1000 * first, rtol=1e-3, atol=1e-2)
    assert displays[1].errors["masked_mse"] == pytest.approx(1e6 * displays[0].errors["masked_mse"])


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_spectra_in_another_unit_than_in_fit_warn(X, factor):
    embedder = SpektronEmbedder(wavelength=np.linspace(1100, 1700, X.shape[1])).fit(X)
    with pytest.warns(UserWarning, match=r"derivatives of X are (0\.001|1e\+03) times .* unit"):
        embedder.transform(factor * X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedder.transform(2 * X)
        make_pipeline(SNV(), embedder).fit(X).transform(factor * X)


@pytest.mark.parametrize("pooling", ["tokens", "mean"])
def test_scattered_gaps_warn_in_fit(X, pooling):
    gaps = X.copy()
    gaps[3, 5], gaps[7, [8, 9]] = np.nan, np.nan
    axis = np.linspace(1100, 1700, X.shape[1])
    embedder = SpektronEmbedder(wavelength=axis, pooling=pooling)
    message = f"2 of {len(X)} spectra lack up to 2 of {X.shape[1]} tokens"
    with pytest.warns(UserWarning, match=message):
        embedder.fit(gaps)
    filled = SpektronImputer().fit_transform(gaps)
    gaps[:, 5:10] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedder.fit(gaps)  # all spectra lack the same channels
        embedder.fit(filled)
