"""SpektronPretrainer: the contract, repeatable training, grids, refusals."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron._nn.architecture import Architecture
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer
from skspektron.model_selection import stack_instruments
from tests.foundation.weights import SMALLEST, weights


# One channel a patch, so that spectra of two channels have one to hide and one to see.
@pytest.mark.filterwarnings("ignore:No axis", "ignore:Linear interpolation")
@parametrize_with_checks([SpektronPretrainer(SMALLEST, max_steps=2, random_state=0)])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_defaults_are_those_of_the_publication():
    pretrainer = SpektronPretrainer()
    assert pretrainer.mask_ratio == 0.35
    assert pretrainer.weight_decay == 0.01


def test_same_random_state_gives_the_same_weights(make_pretrainer, pretrained, X):
    assert torch.equal(weights(make_pretrainer().fit(X)), weights(pretrained))
    assert not torch.equal(weights(make_pretrainer(random_state=1).fit(X)), weights(pretrained))
    drawn = [make_pretrainer(random_state=np.random.RandomState(5)).fit(X) for _ in range(2)]
    assert torch.equal(*map(weights, drawn))


@pytest.mark.parametrize(
    "change",
    [
        {"mask_ratio": 0.5},
        {"max_steps": 12},
        {"batch_size": 6},
        {"learning_rate": 2e-3},
        {"weight_decay": 10.0},
        {"warmup_steps": 5},
        {"objectives": {"masked": 0.01}},
    ],
)
def test_every_setting_has_an_effect(make_pretrainer, pretrained, X, change):
    assert not torch.equal(weights(make_pretrainer(**change).fit(X)), weights(pretrained))


def test_fit_does_not_change_global_generator_or_input(make_pretrainer, bunch):
    X, wavelength = bunch.X["a"].copy(), bunch.wavelength.copy()
    torch_state, numpy_state = torch.get_rng_state(), joblib.hash(np.random.mtrand._rand)
    model = make_pretrainer(wavelength=wavelength, verbose=1).fit(X)
    model.partial_fit(X).transform(X)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert joblib.hash(np.random.mtrand._rand) == numpy_state
    np.testing.assert_array_equal(X, bunch.X["a"])
    np.testing.assert_array_equal(wavelength, bunch.wavelength)


def test_history_has_both_baselines(pretrained):
    assert [record["step"] for record in pretrained.history_] == [5, 10]
    for record in pretrained.history_:
        losses = {"train_loss", "masked", "masked_mse", "mean_mse", "interpolation_mse"}
        assert losses | {"step", "seconds", "n_skipped"} == record.keys()
        assert np.isfinite(list(record.values())).all()
    assert pretrained.n_steps_ == 10


def test_verbose_shows_progress(make_pretrainer, X, capsys):
    make_pretrainer().fit(X)
    assert capsys.readouterr() == ("", "")
    make_pretrainer(verbose=1).fit(X)
    out, err = capsys.readouterr()
    assert out == "" and "pretraining" in err and "10/10" in err
    assert all(f"{name}=" in err for name in ("masked", "mean", "interpolation"))


def test_oscillators_are_those_of_the_network(make_pretrainer, X):
    sizes = Architecture(patch_length=6, d_model=8, d_state=4, n_layers=2)
    model = make_pretrainer(architecture=sizes).fit(X)
    assert model.frequency_.shape == model.damping_.shape == (2, 4)
    for layer, block in enumerate(model.network_.on("cpu").blocks):
        r, _ = (value.numpy() for value in block.filter.poles())
        np.testing.assert_allclose(1 + model.damping_[layer], r**-2)
        assert (model.frequency_ > 0).all()


def test_transform_is_the_mean_token(pretrained, bunch, X):
    embedder = SpektronEmbedder(pretrained, wavelength=bunch.wavelength, pooling="mean")
    np.testing.assert_array_equal(pretrained.transform(X), embedder.fit_transform(X))
    assert list(pretrained.get_feature_names_out()) == [f"spektronpretrainer{i}" for i in range(8)]


def test_partial_fit_continues_without_changing_embedders(make_pretrainer, bunch, X):
    model = make_pretrainer().fit(X)
    embedder = SpektronEmbedder(model, wavelength=bunch.wavelength).fit(X)
    first, before = weights(model).clone(), embedder.transform(X)
    network = embedder.network_
    model.partial_fit(X)
    assert embedder.network_ is network and model.network_ is not network
    assert torch.equal(torch.cat([t.flatten() for t in network.tensors().values()]), first)
    network._cache.clear()
    np.testing.assert_array_equal(embedder.transform(X), before)
    assert not torch.equal(weights(model), first)
    assert [record["step"] for record in model.history_] == [5, 10, 15, 20]
    assert model.n_steps_ == 20
    again = make_pretrainer().fit(X).partial_fit(X)
    assert torch.equal(weights(again), weights(model))


def test_first_partial_fit_equals_fit(make_pretrainer, pretrained, X):
    assert torch.equal(weights(make_pretrainer().partial_fit(X)), weights(pretrained))


def test_pickle_round_trip(pretrained, X):
    loaded = pickle.loads(pickle.dumps(pretrained))
    np.testing.assert_array_equal(loaded.transform(X), pretrained.transform(X))


def test_two_grids_in_one_fit(make_pretrainer):
    rng = np.random.default_rng(0)
    axes = {"a": np.linspace(1100, 2498, 700), "b": np.linspace(1150, 2400, 650)}
    raw = {name: rng.normal(size=(6, len(axis))) for name, axis in axes.items()}
    stack = {name: (X, None, [f"{name}{i}" for i in range(6)]) for name, X in raw.items()}
    X, _, instrument, sample_id = stack_instruments(stack)
    sizes = Architecture(patch_length=27, d_model=8, d_state=4, n_layers=1)
    model = make_pretrainer(architecture=sizes, wavelength=axes, batch_size=5, max_steps=6)
    model.fit(X, instrument=instrument, sample_id=sample_id)
    assert {name: len(axis) for name, axis in model.wavenumber_.items()} == {"a": 700, "b": 650}
    assert np.isfinite([list(record.values()) for record in model.history_]).all()
    for name, axis in axes.items():
        embedder = SpektronEmbedder(model, wavelength=axis, pooling="mean", n_layers=None)
        Z = embedder.fit_transform(raw[name])
        padded = stack_instruments({"b": stack["b"], "a": stack["a"]})[0]
        rows = padded[6:] if name == "a" else padded[:6]
        alone = embed_on(model, axis, rows, len(axis))
        np.testing.assert_allclose(alone, Z, atol=1e-5)
    with pytest.raises(ValueError, match="trained on several axes"):
        model.transform(X)


def embed_on(model, axis, rows, n_channels):
    """Embed padded rows together with spectra on a longer grid."""
    from skspektron._bridge import to_spectra

    longer = np.random.default_rng(1).normal(size=(3, rows.shape[1] + 100))
    X = np.full((3 + len(rows), longer.shape[1]), np.nan)
    X[:3], X[3:, : rows.shape[1]] = longer, rows
    grid = np.repeat([0, 1], [3, len(rows)])
    spectra = to_spectra(X, [np.linspace(4000, 9000, X.shape[1]), 1e7 / axis[:n_channels]], grid)
    model.network_._cache.clear()
    return model.network_.embed(spectra, pooling="mean", batch_size=32, device="cpu")[3:]


def test_instruments_on_one_axis_train_as_one(make_pretrainer, pretrained, bunch, X):
    axes = dict.fromkeys("ab", bunch.wavelength)
    model = make_pretrainer(wavelength=axes).fit(X, instrument=np.repeat(["a", "b"], 12))
    assert torch.equal(weights(model), weights(pretrained))


def test_several_axes_are_not_saved(make_pretrainer, bunch, X, tmp_path):
    axes = dict.fromkeys("ab", bunch.wavelength)
    model = make_pretrainer(wavelength=axes).fit(X, instrument=np.repeat(["a", "b"], 12))
    model.save(tmp_path / "weights")
    with pytest.raises(ValueError, match="trained on several axes"):
        SpektronPretrainer.load(tmp_path / "weights").transform(X)


def test_missing_channels_and_spectra_give_finite_weights(make_pretrainer, X):
    X = X.copy()
    X[2, 10:20], X[5] = np.nan, np.nan
    with pytest.warns(UserWarning, match="in 1 of 24 spectra"):
        model = make_pretrainer(batch_size=1, max_steps=30).fit(X)
    assert weights(model).isfinite().all()


def test_column_names_are_an_axis(make_pretrainer, pretrained, bunch, X):
    frame = pd.DataFrame(X, columns=[f"{nm!r} nm" for nm in bunch.wavelength.tolist()])
    model = make_pretrainer(wavelength=None).fit(frame)
    np.testing.assert_allclose(model.wavenumber_, pretrained.wavenumber_)
    assert torch.equal(weights(model), weights(pretrained))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mask_ratio": 0.0}, "mask_ratio must be .*, got 0.0"),
        ({"mask_ratio": 1.0}, "mask_ratio must be .*, got 1.0"),
        ({"objectives": {"magic": 1.0}}, "objectives must be .*'masked', .*, got {'magic': 1.0}"),
        ({"objectives": {}}, "objectives must be a mapping .*, got {}"),
        (
            {"architecture": "huge"},
            "architecture must be 'tiny', .* or an Architecture, got 'huge'",
        ),
        ({"max_steps": 0}, "max_steps must be an int of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be an int of at least 1, got 2.5"),
        ({"warmup_steps": -1}, "warmup_steps must be an int of at least 0, got -1"),
        ({"learning_rate": 0}, "learning_rate must be a .*, got 0"),
        ({"wavenumber": np.arange(1, 61), "wavelength": np.arange(1, 61)}, "both given"),
        ({"wavelength": np.arange(1, 60)}, r"wavelength .*\(59,\)"),
        ({"wavelength": np.r_[1:31, 30:60]}, "must be strictly monotonic"),
        (
            {"wavelength": {"a": np.arange(1, 61)}},
            "wavelength is given for 1 instruments, and the instruments",
        ),
    ],
)
def test_bad_settings_are_refused(make_pretrainer, X, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_pretrainer(**parameters).fit(X)


@pytest.mark.parametrize(
    ("axes", "instrument", "message"),
    [
        ({"a": 60}, ["a"] * 23 + ["b"], "1 of 2 instruments have no axis: b"),
        ({"a": 59}, ["a"] * 24, "axis of a has 59 channels, its spectra 60 of 60 columns"),
        ({"a": 61}, ["a"] * 24, "axis of a has 61 channels"),
        ({"a": 60}, ["a"] * 23, "instrument has 23 entries, X has 24 rows"),
    ],
)
def test_axes_that_do_not_fit_the_rows_are_refused(make_pretrainer, X, axes, instrument, message):
    axes = {name: np.arange(1100, 1100 + n) for name, n in axes.items()}
    with pytest.raises(ValueError, match=message):
        make_pretrainer(wavelength=axes).fit(X, instrument=instrument)


def test_infinite_values_are_refused(make_pretrainer, X):
    X = X.copy()
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        make_pretrainer().fit(X)
