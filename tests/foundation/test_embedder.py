"""SpektronEmbedder: the contract, independence of batch and grid, sharing, refusals."""

import pickle
import tracemalloc
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron._bridge import embeddings_not_cached
from skspektron._nn.architecture import Architecture
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer
from skspektron.preprocessing import SNV

pytestmark = pytest.mark.filterwarnings("ignore:Linear interpolation")


def fitted_pretrainer(normalize=None):
    sizes = {"patch_length": 2, "d_model": 4, "d_state": 2, "n_layers": 1}
    architecture = Architecture(**sizes, normalize=normalize)
    pretrainer = SpektronPretrainer(
        architecture, wavelength=range(1100, 1110), max_steps=1, random_state=0
    )
    return pretrainer.fit(np.random.default_rng(0).normal(size=(8, 10)))


@pytest.mark.filterwarnings("ignore:No axis", "ignore:.*spectra have no patch")
@parametrize_with_checks(
    [
        SpektronEmbedder(fitted_pretrainer()),
        SpektronEmbedder(fitted_pretrainer("snv+derivative"), pooling="mean"),
        SpektronEmbedder(),
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def embedder(pretrained, bunch):
    return SpektronEmbedder(pretrained, wavelength=bunch.wavelength)


@pytest.fixture
def forget(pretrained):
    """Return a function that clears the cache of embeddings."""
    return pretrained.network_._cache.clear


def test_transform_twice_is_bitwise_equal(embedder, X, forget):
    Z = embedder.fit_transform(X)
    np.testing.assert_array_equal(embedder.transform(X), Z)
    forget()
    np.testing.assert_array_equal(embedder.transform(X), Z)


@pytest.mark.parametrize("pooling", ["tokens", "mean"])
def test_embedding_does_not_depend_on_batch_or_order(embedder, X, forget, pooling):
    embedder.set_params(pooling=pooling)
    Z = embedder.fit_transform(X)
    for batch_size in (1, 5):
        forget()
        smaller = clone(embedder).set_params(batch_size=batch_size).fit(X)
        np.testing.assert_allclose(smaller.transform(X), Z, atol=1e-5)
    forget()
    np.testing.assert_allclose(embedder.transform(X[::-1])[::-1], Z, atol=1e-5)
    forget()
    np.testing.assert_allclose(embedder.transform(X[7:8]), Z[7:8], atol=1e-5)


def test_shipped_weights_do_not_depend_on_the_batch(bunch, X):
    embedder = SpektronEmbedder(wavelength=bunch.wavelength).fit(X)
    Z = embedder.transform(X)
    assert Z.shape == (24, 60 * 16)
    embedder.network_._cache.clear()
    np.testing.assert_allclose(
        np.concatenate([embedder.transform(x[None]) for x in X]), Z, atol=1e-5
    )


def test_direction_and_unit_of_the_axis_have_no_effect(pretrained, bunch, X, forget):
    wavenumber = 1e7 / bunch.wavelength
    Z = SpektronEmbedder(pretrained, wavelength=bunch.wavelength).fit_transform(X)
    forget()
    in_cm = SpektronEmbedder(pretrained, wavenumber=wavenumber).fit_transform(X)
    forget()
    reverse = SpektronEmbedder(pretrained, wavenumber=wavenumber[::-1]).fit_transform(X[:, ::-1])
    np.testing.assert_allclose(in_cm, Z, atol=1e-5)
    np.testing.assert_allclose(reverse, Z, atol=1e-5)


def test_embedding_depends_on_the_axis(pretrained, bunch, X):
    Z, moved = (
        SpektronEmbedder(pretrained, wavelength=bunch.wavelength + shift).fit_transform(X)
        for shift in (0, 20)
    )
    assert abs(Z - moved).max() > 1e-3


def test_pooling_returns_tokens_or_their_mean(embedder, X):
    tokens = embedder.fit_transform(X)
    assert tokens.shape == (24, 10 * 8)
    mean = embedder.set_params(pooling="mean").fit_transform(X)
    np.testing.assert_allclose(tokens.reshape(24, 10, 8).mean(axis=1), mean, atol=1e-6)


def test_n_layers_selects_the_block(embedder, X):
    patches, first, last = (
        embedder.set_params(n_layers=n).fit_transform(X).reshape(len(X), -1, 8)
        for n in (0, 1, None)
    )
    changed = X.copy()
    changed[:, :6] += 1.0  # the last patch: tokens run from low to high wavenumber
    other = embedder.set_params(n_layers=0).fit_transform(changed).reshape(patches.shape)
    np.testing.assert_array_equal(other[:, :-1], patches[:, :-1])  # nothing leaves a patch yet
    other = embedder.set_params(n_layers=1).fit_transform(changed).reshape(first.shape)
    assert (np.abs(other - first).max(axis=2) > 1e-6).all()
    norm = embedder.network_.on("cpu").norm  # of a network with one block
    expected = norm(torch.from_numpy(first).float()).numpy()
    np.testing.assert_allclose(last, expected, atol=1e-5)
    assert np.abs(last - first).max() > 1e-2


def test_missing_channels_are_masked(embedder, X):
    X = X.copy()
    X[:, 7] = X[:, [6, 8, 9, 10, 11]].mean(axis=1)  # what a missing channel is taken for
    Z = embedder.fit_transform(X)
    X[:, 7] = np.nan
    np.testing.assert_allclose(embedder.transform(X), Z, atol=1e-5)
    X[:, 7] = 0
    assert abs(embedder.transform(X) - Z).max() > 1e-3


def test_unmeasured_patch_is_excluded_from_the_mean(embedder, X):
    X = X.copy()
    X[:, 12:16] = np.nan
    tokens = embedder.fit_transform(X).reshape(24, 10, 8)
    assert (tokens[:, 7] == 0).all()  # tokens run from low to high wavenumber
    other = X.copy()
    other[:, 16:18] = 1e6  # good channels of an unusable patch
    np.testing.assert_array_equal(embedder.transform(other).reshape(24, 10, 8), tokens)
    mean = embedder.set_params(pooling="mean").fit_transform(X)
    np.testing.assert_allclose(mean, tokens.sum(axis=1) / 9, atol=1e-6)


@pytest.mark.parametrize("pooling", ["tokens", "mean"])
def test_spectrum_without_usable_patch_is_zero_with_a_warning(embedder, X, pooling):
    embedder.set_params(pooling=pooling).fit(X)
    X = X.copy()
    X[3] = np.nan
    with pytest.warns(UserWarning, match="1 of 24 spectra have no patch of 6 channels"):
        Z = embedder.transform(X)
    assert (Z[3] == 0).all() and np.isfinite(Z).all()
    np.testing.assert_allclose(Z[:3], embedder.transform(X[:3]), atol=1e-6)


def test_process_has_one_network_object(embedder, X, tmp_path):
    Z = embedder.fit_transform(X)
    joblib.dump(embedder, tmp_path / "embedder")
    for copy in (pickle.loads(pickle.dumps(embedder)), joblib.load(tmp_path / "embedder")):
        assert copy.network_ is embedder.network_
        np.testing.assert_array_equal(copy.transform(X), Z)
    assert clone(embedder).fit(X).network_ is embedder.network_


def test_clone_keeps_the_fitted_pretrainer(embedder, pretrained, X):
    assert clone(embedder).weights is pretrained
    search = GridSearchCV(
        make_pipeline(SNV(), embedder, Ridge()),
        {"spektronembedder__pooling": ["tokens", "mean"]},
        cv=2,
        error_score="raise",
    )
    search.fit(X, X[:, 0])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_search_computes_every_embedding_once(embedder, pretrained, X, forget):
    forget()
    counts = []
    hook = pretrained.network_.on("cpu").register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(len(kwargs["values"])), with_kwargs=True
    )
    model = make_pipeline(embedder, Ridge())
    GridSearchCV(model, {"ridge__alpha": [0.1, 1.0, 10.0]}, cv=3).fit(X, X[:, 0])
    hook.remove()
    assert sum(counts) == len(X)


def test_file_and_pretrainer_give_the_same_embeddings(pretrained, embedder, bunch, X, tmp_path):
    path = tmp_path / "weights.safetensors"
    pretrained.save(path)
    for weights in (path, str(path)):
        loaded = SpektronEmbedder(weights, wavelength=bunch.wavelength)
        np.testing.assert_array_equal(loaded.fit_transform(X), embedder.fit_transform(X))


def test_column_names_are_an_axis(pretrained, embedder, bunch, X):
    frame = pd.DataFrame(X, columns=[repr(nm) for nm in bunch.wavelength.tolist()])
    named = SpektronEmbedder(pretrained).fit(frame)
    np.testing.assert_allclose(named.wavenumber_, 1e7 / bunch.wavelength)
    np.testing.assert_allclose(named.transform(frame), embedder.fit_transform(X), atol=1e-5)


def test_missing_axis_warns(pretrained, X):
    with pytest.warns(UserWarning, match=r"No axis for 60 channels.*10000 to 4000 cm-1"):
        embedder = SpektronEmbedder(pretrained).fit(X)
    np.testing.assert_allclose(embedder.wavenumber_, np.linspace(10_000, 4_000, 60))


def test_output_frames_and_names(embedder, X):
    embedder.set_params(pooling="mean").set_output(transform="pandas")
    frame = embedder.fit_transform(pd.DataFrame(X, index=range(100, 124)))
    assert list(frame.columns) == [f"spektronembedder{i}" for i in range(8)]
    assert list(frame.index) == list(range(100, 124))
    assert list(embedder.get_feature_names_out()) == list(frame.columns)


def test_unfitted_pretrainer_is_refused(bunch, X):
    embedder = SpektronEmbedder(SpektronPretrainer("tiny"), wavelength=bunch.wavelength)
    with pytest.raises(NotFittedError, match="SpektronPretrainer"):
        embedder.fit(X)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"weights": "huge"},
            ValueError,
            r"weights must be .*small.*got 'huge', which",
        ),
        (
            {"weights": 3},
            TypeError,
            "weights must be the name of weights, a path or a fitted .*, got 3",
        ),
        (
            {"pooling": "max"},
            ValueError,
            "pooling must be 'tokens', 'mean' or 'latent', got 'max'",
        ),
        ({"batch_size": 0}, ValueError, "batch_size must be an int of at least 1, got 0"),
        ({"n_layers": 9}, ValueError, "n_layers must be None or an int from 0 to 1, .*got 9"),
        ({"wavelength": np.arange(1, 60)}, ValueError, r"\(59,\)"),
        ({"wavenumber": np.arange(1, 61)}, ValueError, "both given"),
    ],
)
def test_bad_settings_are_refused(embedder, X, parameters, error, message):
    with pytest.raises(error, match=message):
        embedder.set_params(**parameters).fit(X)


def test_another_number_of_channels_is_refused(embedder, X):
    with pytest.raises(ValueError, match=r"X has 59 features, but .* is expecting 60"):
        embedder.fit(X).transform(X[:, :59])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_embeddings_of_the_cpu(pretrained, bunch, X):
    on_cpu, on_gpu = (
        SpektronEmbedder(pretrained, wavelength=bunch.wavelength, device=device).fit(X)
        for device in ("cpu", "cuda")
    )
    Z = on_cpu.transform(X)
    pretrained.network_._cache.clear()
    np.testing.assert_allclose(on_gpu.transform(X), Z, atol=1e-4)


def test_warns_of_spectra_without_channels_that_all_spectra_of_fit_have(embedder, X):
    X = X.copy()
    X[0, -1] = np.nan  # may be missing later
    n_channels = X.shape[1]
    embedder.fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedder.transform(X)
    X[1:4, -5:] = np.nan
    message = f"3 of {len(X)} spectra lack up to 4 of the {n_channels - 1} channels that all"
    with pytest.warns(UserWarning, match=message):
        Z = pickle.loads(pickle.dumps(embedder)).transform(X)
    np.testing.assert_array_equal(Z, clone(embedder).fit(X).transform(X))


def test_memory_is_that_of_the_result(X):
    rows = np.tile(X, (-(-400 // len(X)), 1))[:400]
    embedder = SpektronEmbedder(wavelength=np.linspace(1100, 2500, X.shape[1]), batch_size=16)
    embedder.fit(rows)
    tracemalloc.start()
    try:
        with embeddings_not_cached():
            Z = embedder.transform(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert Z.dtype == np.float64
    assert peak < 1.2 * Z.nbytes  # a second copy in single precision is half as large
