"""SpektronRegressor: the scikit-learn contract, inputs, training, refusals."""

import pickle

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron._nn.architecture import Architecture
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer, SpektronRegressor
from skspektron.preprocessing import SNV


def fitted_pretrainer():
    architecture = Architecture(patch_length=10, d_model=32, d_state=2, n_layers=1)
    pretrainer = SpektronPretrainer(
        architecture, wavelength=range(1100, 1140), max_steps=1, random_state=0
    )
    return pretrainer.fit(np.random.default_rng(0).normal(size=(8, 40)))


@pytest.mark.filterwarnings(
    "ignore:No axis", "ignore:.*spectra have no patch", "ignore:Linear interpolation"
)
@parametrize_with_checks(
    [
        SpektronRegressor(
            fitted_pretrainer(),
            trainable=trainable,
            hidden_layer_sizes=(32,),
            dropout=0.0,
            max_epochs=n_epochs,
            n_iter_no_change=n_epochs,
            learning_rate=0.05,
        )
        for trainable, n_epochs in (("head", 4), ("all", 3))
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_a_subclass_may_set_parameters_itself(pretrained, bunch, X, y):
    class Head(SpektronRegressor):
        def __init__(self):
            super().__init__(pretrained, wavelength=bunch.wavelength, max_epochs=2, random_state=0)

    parameters = {"wavelength": bunch.wavelength, "max_epochs": 2, "random_state": 0}
    expected = SpektronRegressor(pretrained, **parameters).fit(X, y)
    np.testing.assert_array_equal(Head().fit(X, y).predict(X), expected.predict(X))


@pytest.fixture(scope="module")
def y(bunch):
    return bunch.y[:, :2]


@pytest.fixture
def regressor(pretrained, bunch):
    """A regressor that is trained for ten epochs."""
    return SpektronRegressor(
        pretrained,
        wavelength=bunch.wavelength,
        hidden_layer_sizes=(16,),
        max_epochs=10,
        batch_size=8,
        learning_rate=1e-2,
        n_iter_no_change=None,
        random_state=0,
    )


def tensors(network):
    return {name: tensor.clone() for name, tensor in network.tensors().items()}


def test_learns_the_concentration_of_a_compound():
    data = make_instruments(300, wavelength=np.linspace(1100, 2498, 60), random_state=0)
    X, y = data.X["A"], data.y[:, 0]
    model = SpektronRegressor(wavelength=data.wavelength, max_epochs=500, random_state=0)
    assert model.fit(X[:200], y[:200]).score(X[200:], y[200:]) >= 0.95
    assert len(model.history_) < 500  # those held out no longer profit
    assert {"mse", "validation_mse", "seconds"} == model.history_[-1].keys()


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_the_shared_network_is_never_changed(regressor, pretrained, X, y, trainable):
    before = tensors(pretrained.network_)
    regressor.set_params(trainable=trainable).fit(X, y)
    after = tensors(pretrained.network_)
    assert all(torch.equal(after[name], before[name]) for name in before)
    own = tensors(regressor.network_)
    assert (regressor.network_ is pretrained.network_) == (trainable == "head")
    assert all(torch.equal(own[name], before[name]) for name in before) == (trainable == "head")
    assert not any(p.requires_grad for p in regressor.network_.on("cpu").parameters())


def test_head_computes_every_latent_once(regressor, pretrained, X, y):
    pretrained.network_._cache.clear()
    counts = []
    hook = pretrained.network_.on("cpu").register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(len(kwargs["values"])), with_kwargs=True
    )
    regressor.fit(X, y).predict(X)
    hook.remove()
    assert sum(counts) == len(X)


def test_predicts_from_the_latent_only(regressor, pretrained, bunch, X, y):
    Z = SpektronEmbedder(
        pretrained, wavelength=bunch.wavelength, pooling="latent", n_layers=None
    ).fit_transform(X)
    model = regressor.set_params(hidden_layer_sizes=()).fit(X, y)
    np.testing.assert_array_equal(model.embedder_.transform(X), Z)
    head = {name.removeprefix("head."): array for name, array in model.head_.items()}
    standardized = (Z - model.head_["mean"]) / model.head_["scale"]
    expected = standardized @ head["predict.0.weight"].T + head["predict.0.bias"]
    expected = model.head_["head.mean"] + model.head_["head.scale"] * expected
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_the_instrument_part_of_a_bottleneck_is_ignored(
    make_pretrainer, regressor, X, y, trainable
):
    sizes = {"d_latent": 4, "d_instrument": 3}
    architecture = Architecture(
        patch_length=6, d_model=8, d_state=4, n_layers=1, latent="vib", **sizes
    )
    pretrainer = make_pretrainer(architecture=architecture).fit(X)
    model = regressor.set_params(weights=pretrainer, trainable=trainable).fit(X, y)
    expected = model.predict(X)
    own, given = tensors(model.network_), tensors(pretrainer.network_)
    assert model.embedder_.transform(X).shape == (24, 4)
    for name in ("latent.instrument.weight", "latent.instrument.bias"):
        assert torch.equal(own[name], given[name])  # not even trained
    network = model.network_.on("cpu")
    permutation = torch.arange(6).roll(1)
    try:
        network.latent.instrument.weight.copy_(own["latent.instrument.weight"][permutation] + 1)
        model.network_._cache.clear()
        np.testing.assert_array_equal(model.predict(X), expected)
        network.latent.chemistry.bias += 1
        model.network_._cache.clear()
        assert np.abs(model.predict(X) - expected).max() > 1e-3
    finally:
        network.load_state_dict(own)
        model.network_._cache.clear()


def test_dimensions_of_y_are_kept(regressor, X, y):
    assert regressor.fit(X, y).predict(X).shape == (24, 2)
    assert regressor.fit(X, y[:, :1]).predict(X).shape == (24, 1)
    assert regressor.fit(X, y[:, 0]).predict(X).shape == (24,)


def test_predictions_scale_with_the_units_of_y(regressor, X, y):
    expected = regressor.fit(X, y).predict(X)
    scaled = regressor.fit(X, y * [1e4, 1e-3] + [1e6, -1.0]).predict(X)
    np.testing.assert_allclose((scaled - [1e6, -1.0]) / [1e4, 1e-3], expected, atol=1e-3)


def test_an_offset_of_y_costs_no_more_than_its_rounding(regressor, X, y):
    expected = regressor.fit(X, y).predict(X)
    units, offsets = np.array([1.0, 1e-15]), np.array([123456789.123, 1e-9])
    moved = regressor.fit(X, y * units + offsets).predict(X)
    np.testing.assert_allclose((moved - offsets) / units, expected, atol=1e-5)


def test_a_constant_target_is_predicted_in_any_unit(regressor, X, y):
    expected = regressor.fit(X, y).predict(X)
    for value in (0.0, 1e-9, 7.1, 1e9):
        predictions = regressor.fit(X, np.full(len(X), value)).predict(X)
        np.testing.assert_allclose(predictions, value, rtol=1e-12)
    both = regressor.fit(X, np.column_stack([y[:, 0], np.full(len(X), 1e-9)])).predict(X)
    np.testing.assert_allclose(both[:, 1], 1e-9, rtol=1e-12)
    assert np.ptp(both[:, 0]) > 0.1 * np.ptp(expected[:, 0])


@pytest.mark.parametrize(
    "change",
    [
        {"trainable": "all"},
        {"hidden_layer_sizes": (8, 8)},
        {"dropout": 0.5},
        {"max_epochs": 12},
        {"batch_size": 6},
        {"learning_rate": 2e-2},
        {"n_iter_no_change": 2},
        {"random_state": 1},
    ],
)
def test_every_setting_has_an_effect(regressor, X, y, change):
    expected = regressor.fit(X, y).predict(X)
    assert np.abs(regressor.set_params(**change).fit(X, y).predict(X) - expected).max() > 1e-6


def test_one_hidden_layer_may_be_an_int(regressor, X, y):
    expected = regressor.set_params(hidden_layer_sizes=(7,)).fit(X, y).predict(X)
    found = regressor.set_params(hidden_layer_sizes=7).fit(X, y).predict(X)
    np.testing.assert_array_equal(found, expected)


def test_validation_fraction_has_an_effect(regressor, X, y):
    losses = [
        regressor.set_params(n_iter_no_change=5, validation_fraction=share).fit(X, y).history_[0]
        for share in (0.1, 0.4)
    ]
    assert losses[0]["validation_mse"] != losses[1]["validation_mse"]


def test_domain_reaches_the_network(make_pretrainer, regressor, X, y):
    architecture = Architecture(patch_length=6, d_model=8, d_state=4, n_layers=1, domain_token=True)
    regressor.set_params(weights=make_pretrainer(architecture=architecture).fit(X))
    predictions = [
        regressor.set_params(domain=domain, trainable=trainable).fit(X, y).predict(X)
        for trainable in ("head", "all")
        for domain in ("NIR", "RAMAN")
    ]
    assert np.abs(predictions[0] - predictions[1]).max() > 1e-6
    assert np.abs(predictions[2] - predictions[3]).max() > 1e-6


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_pickle_and_seed_repeat_the_predictions(regressor, X, y, trainable):
    state = torch.get_rng_state()
    model = regressor.set_params(trainable=trainable).fit(X, y)
    expected = model.predict(X)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), expected)
    assert copy.network_ is model.network_
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_searches_share_the_network(regressor, pretrained, X, y):
    model = make_pipeline(SNV(), regressor.set_params(max_epochs=2))
    search = GridSearchCV(
        model, {"spektronregressor__hidden_layer_sizes": [(), (4,)]}, error_score="raise"
    )
    best = search.fit(X, y).best_estimator_
    assert best[-1].network_ is pretrained.network_


def test_missing_channels_are_masked(regressor, X, y):
    X = X.copy()
    X[:, 7] = X[:, [6, 8, 9, 10, 11]].mean(axis=1)  # what a missing channel is taken for
    expected = regressor.fit(X, y).predict(X)
    X[:, 7] = np.nan
    np.testing.assert_allclose(regressor.predict(X), expected, rtol=1e-3)
    X[3] = np.nan
    with pytest.warns(UserWarning, match="1 of 24 spectra have no patch of 6 channels"):
        assert np.isfinite(regressor.predict(X)).all()


def test_missing_reference_values_are_refused(regressor, X, y):
    y = y.copy()
    y[0, 0] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        regressor.fit(X, y)


def test_verbose_shows_progress(regressor, X, y, capsys):
    regressor.fit(X, y)
    assert capsys.readouterr() == ("", "")
    regressor.set_params(verbose=1, n_iter_no_change=10).fit(X, y)
    out, err = capsys.readouterr()
    assert out == "" and "fitting" in err and "mse=" in err and "validation_mse=" in err


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trainable": "tail"}, "trainable must be 'head' or 'all', got 'tail'. Pass 'head'"),
        ({"hidden_layer_sizes": (16, 0)}, r"hidden_layer_sizes must be .* got \(16, 0\)"),
        (
            {"hidden_layer_sizes": 0},
            "hidden_layer_sizes must be an int of at least 1 or a sequence of such, got 0",
        ),
        ({"dropout": 1.0}, r"dropout must be .*, got 1\.0\. Pass 0\.1"),
        ({"max_epochs": 0}, "max_epochs must be an int of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be an int of at least 1, got 2.5"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be an int of at least 1 or None, got 0"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be .*, got 1\.0"),
        ({"learning_rate": 0}, "learning_rate must be .*, got 0"),
        ({"n_iter_no_change": 5, "validation_fraction": 0.99}, "holds out 24 of 24 samples"),
        ({"domain": "NIR"}, "domain must be None .*, got 'NIR'"),
        ({"weights": "huge"}, "weights must be .*got 'huge', which"),
        ({"wavelength": np.arange(1, 60)}, r"\(59,\)"),
    ],
)
def test_bad_settings_are_refused(regressor, X, y, parameters, message):
    with pytest.raises(ValueError, match=message):
        regressor.set_params(**parameters).fit(X, y)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("trainable", ["head", "all"])
def test_a_gpu_predicts_as_the_cpu(regressor, X, y, trainable):
    regressor.set_params(trainable=trainable, dropout=0.0)
    on_cpu, on_gpu = (
        clone(regressor).set_params(device=device).fit(X, y).predict(X)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=0.05 * y.std())


def noise_scans(bunch, n_samples=12, n_scans=5):
    """Return scans of samples that differ by noise, random reference values, and ids."""
    generator = np.random.default_rng(0)
    X = np.repeat(bunch.X["a"][:n_samples], n_scans, axis=0)
    X = X + 1e-4 * generator.normal(size=X.shape)
    return X, np.repeat(generator.normal(size=n_samples), n_scans), np.arange(len(X)) // n_scans


@pytest.mark.parametrize(("trainable", "max_epochs"), [("head", 15), ("all", 2)])
def test_all_scans_of_a_sample_are_held_out_together(trainable, max_epochs, regressor, bunch):
    X, y, ids = noise_scans(bunch)
    regressor.set_params(
        trainable=trainable,
        max_epochs=max_epochs,
        hidden_layer_sizes=(128,),
        n_iter_no_change=15,
        validation_fraction=0.3,
    )
    by_sample = regressor.fit(X, y, sample_id=ids).history_
    assert min(record["validation_mse"] for record in by_sample) > 0.85
    if trainable == "head":
        by_row = regressor.fit(X, y).history_
        assert min(record["validation_mse"] for record in by_row) < 0.5


def test_names_and_order_of_samples_do_not_matter(regressor, bunch):
    X, y, ids = noise_scans(bunch)
    regressor.set_params(n_iter_no_change=3, validation_fraction=0.3)
    expected = regressor.fit(X, y, sample_id=ids).predict(X)
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array([f"s{i}" for i in np.random.default_rng(1).permutation(12)])[ids]
    model = clone(regressor).fit(X[order], y[order], sample_id=names[order])
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9, atol=1e-9)


def test_sample_ids_are_routed(regressor, bunch):
    X, y, ids = noise_scans(bunch)
    regressor.set_params(n_iter_no_change=3)
    expected = regressor.fit(X, y, sample_id=ids).predict(X)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline("passthrough", clone(regressor)).fit(X, y, sample_id=ids)
    np.testing.assert_array_equal(pipeline.predict(X), expected)


def test_sample_ids_are_checked(regressor, bunch):
    X, y, ids = noise_scans(bunch)
    with pytest.raises(ValueError, match="sample_id"):
        regressor.fit(X, y, sample_id=ids[:-1])
    with pytest.raises(ValueError, match="holds out 1 of 1 samples"):
        regressor.set_params(n_iter_no_change=3).fit(X, y, sample_id=np.zeros(len(X)))
