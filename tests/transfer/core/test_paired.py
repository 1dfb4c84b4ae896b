"""Methods with a regression map: what they choose, against the same choice written out."""

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skspektron.transfer import (
    DS,
    PDS,
    SST,
    CCAMap,
    CCATransfer,
    DSTransfer,
    MeanCentredTransfer,
    PDSTransfer,
    SSTTransfer,
)
from tests.transfer.methods import fit, make
from tests.transfer.standards import standard_spectra

RANKED = [(DSTransfer, DS), (SSTTransfer, SST), (CCATransfer, CCAMap)]
MAPS = [*RANKED, (PDSTransfer, PDS)]
PENALTIES = [np.inf, 10.0, 1.0, 0.1, 0.01, 0.001]


def noisy(make_stack, size=0.05, seed=0):
    X, y, instrument, sample_id = make_stack(random_state=seed)
    noise = size * np.random.default_rng(seed).normal(size=X.shape)
    return X + noise, y, instrument, sample_id


def held_out_error(model, stack, spectral_map):
    """Return the mean squared disagreement of a map in five folds of the standards."""
    target, source = standard_spectra(model, stack)
    fold, squares = np.arange(len(target)) % 5, []
    for k in range(5):
        spectral_map.fit(target[fold != k], source[fold != k])
        predictions = model.estimator_.predict(spectral_map.transform(target[fold == k]))
        squares.extend((predictions - model.estimator_.predict(source[fold == k])) ** 2)
    return np.mean(squares)


@pytest.mark.parametrize(("method", "map_class"), MAPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_penalty_is_the_median_of_the_likelihoods(method, map_class, seed, make_stack):
    stack = noisy(make_stack, seed=seed)
    settings = {"window_length": 7} if map_class is PDS else {}
    model = fit(make(method, 9, **settings), stack)
    errors = [held_out_error(model, stack, map_class(penalty=a, **settings)) for a in PENALTIES]
    weights = np.power(errors, -9 / 2)
    expected = PENALTIES[np.argmax(np.cumsum(weights) >= weights.sum() / 2)]
    assert model.map_.penalty == expected


def test_the_window_of_the_largest_likelihood_is_used(make_stack):
    stack = noisy(make_stack)
    model = fit(make(PDSTransfer, 9), stack)
    likelihoods = []
    for length in (5, 11, 21):
        maps = [PDS(window_length=length, penalty=penalty) for penalty in PENALTIES]
        errors = [held_out_error(model, stack, spectral_map) for spectral_map in maps]
        likelihoods.append(np.sum(np.power(errors, -9 / 2)))
    assert model.map_.window_length == (5, 11, 21)[np.argmax(likelihoods)]


@pytest.mark.parametrize(("method", "map_class"), RANKED)
@pytest.mark.parametrize("seed", [0, 1])
def test_number_of_components_of_a_published_map(method, map_class, seed, make_stack):
    stack = noisy(make_stack, 0.1, seed)
    model = fit(make(method, 9, learns="spectrum"), stack)
    errors = [
        held_out_error(model, stack, map_class(learns="spectrum", n_components=k))
        for k in range(1, 7)  # 7 standards differ in 6 directions in the smallest fold
    ]
    assert model.map_.n_components == 1 + np.argmin(errors)


@pytest.mark.parametrize(
    ("given", "windows", "counts"),
    [
        ({}, (5, 11, 21), (1, 2, 3)),
        ({"window_length": (3, 3)}, ((3, 3),), (1, 2, 3)),
        ({"n_components": None}, (5, 11, 21), (None,)),
    ],
)
def test_window_and_components_of_published_pds(given, windows, counts, make_stack):
    stack = noisy(make_stack)
    model = fit(make(PDSTransfer, 9, learns="spectrum", **given), stack)
    errors = {
        (w, k): held_out_error(
            model, stack, PDS(learns="spectrum", window_length=w, n_components=k)
        )
        for w, k in product(windows, counts)
    }
    assert (model.map_.window_length, model.map_.n_components) == min(errors, key=errors.get)


@pytest.mark.parametrize(("method", "map_class"), MAPS)
@pytest.mark.parametrize("n_transfer", [1, 2])
def test_fewer_than_three_standards_correct_an_offset(method, map_class, n_transfer, make_stack):
    X, *_ = stack = make_stack()
    model = fit(make(method, n_transfer), stack)
    assert model.map_.penalty == np.inf
    expected = fit(make(MeanCentredTransfer, n_transfer), stack)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-9)
    published = fit(make(method, n_transfer, learns="spectrum"), stack).map_
    assert published.n_components == 1
    assert getattr(published, "window_length", 5) == 5


@pytest.mark.parametrize(("method", "map_class"), MAPS)
def test_the_same_offset_of_all_samples_is_recognized(method, map_class, make_stack):
    X, y, instrument, sample_id = make_stack()
    X = X[instrument == "A"]
    X = np.concatenate([X, X + np.linspace(0.1, 0.3, X.shape[1])])
    stack = X, np.tile(y[instrument == "A"], 2), np.repeat(["A", "B"], len(X) // 2)
    stack += (np.tile(sample_id[instrument == "A"], 2),)
    model = fit(make(method, 6), stack)
    assert model.map_.penalty == np.inf
    np.testing.assert_allclose(model.transform(X[len(X) // 2 :]), X[: len(X) // 2], atol=1e-10)


@pytest.mark.parametrize(("method", "map_class"), MAPS)
@pytest.mark.parametrize(
    "given",
    [
        {"penalty": 0.3},
        {"penalty": 0.3, "n_components": 2},
        {"learns": "spectrum", "n_components": 2},
        {"learns": "spectrum", "n_components": None},
    ],
)
def test_given_settings_are_used(method, map_class, given, make_stack):
    X, *_ = stack = make_stack()
    settings = {"window_length": 7} if map_class is PDS else {}
    model = fit(make(method, 6, **given, **settings), stack)
    reference = map_class(**given, **settings).fit(*standard_spectra(model, stack))
    np.testing.assert_array_equal(model.transform(X), reference.transform(X))
    np.testing.assert_allclose(
        model.predict(X), model.estimator_.predict(reference.transform(X)), rtol=1e-10
    )


@pytest.mark.parametrize(("method", "map_class"), MAPS)
@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"n_components": 0}, "n_components must be an int of at least 1, None or 'auto', got 0"),
        ({"penalty": -1}, "penalty must be a finite number of at least 0, inf or 'auto', got -1"),
        ({"learns": "spectrum", "penalty": 1}, "penalty must be 'auto' with learns='spectrum'"),
    ],
)
def test_refuses_invalid_settings_before_fitting(method, map_class, given, match, make_stack):
    X, y, *_ = make_stack()
    with pytest.raises(ValueError, match=match):
        make(method, 0, **given).fit(X, y)


@pytest.mark.parametrize(("method", "map_class"), MAPS)
@pytest.mark.parametrize("learns", ["difference", "spectrum"])
def test_weights_of_standards_are_used(method, map_class, learns, make_stack, monkeypatch):
    stack = noisy(make_stack)
    settings = {"window_length": 7} if map_class is PDS else {}
    weights = np.array([1.0, 0.2, 1.0, 0.5, 1.0, 0.0])
    learn = method._learn

    def weighted(self, source, target, standards):
        standards.weights[:] = weights
        learn(self, source, target, standards)

    monkeypatch.setattr(method, "_learn", weighted)
    model = fit(make(method, 6, learns=learns, **settings), stack)
    reference = map_class(**model.map_.get_params())
    reference.fit(*standard_spectra(model, stack), sample_weight=weights)
    np.testing.assert_allclose(model.transform(stack[0]), reference.transform(stack[0]))


@pytest.mark.parametrize(("method", "map_class"), MAPS)
def test_is_never_much_worse_than_an_offset_of_few_standards(method, map_class, make_stack):
    X, y, instrument, sample_id = stack = noisy(make_stack, 0.1)
    is_target = instrument == "B"
    for n_transfer in (3, 5):
        errors = []
        for each in (method, MeanCentredTransfer):
            model = each(Ridge(1.0), source="A", target="B", n_transfer=n_transfer)
            fit(model, stack)
            is_new = is_target & ~np.isin(sample_id, model.transfer_ids_)
            errors.append(np.sqrt(np.mean((model.predict(X[is_new]) - y[is_new]) ** 2)))
        assert errors[0] < 1.1 * errors[1]
