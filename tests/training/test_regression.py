"""Training of SpektronRegressor: units, trained parameters, early stopping."""

import dataclasses

import numpy as np
import pytest
import torch

from skspektron._bridge import FrozenNetwork
from skspektron._training._regression import (
    LatentRegressor,
    RegressionTask,
    fine_tune,
    predict,
    train_head,
)
from skspektron._training.engine._recipe import Recipe
from skspektron._training.engine._stopping import hold_out

RECIPE = Recipe(
    max_epochs=25,
    batch_size=16,
    learning_rate=2e-2,
    n_iter_no_change=None,
    validation_fraction=0.2,
    seed=0,
    device="cpu",
    verbose=0,
)


SIZES = {"d_hidden": (16,), "dropout": 0.0}


def recipe(**changes):
    return dataclasses.replace(RECIPE, **changes)


@pytest.fixture
def lines():
    """Latents (60, 5) and two targets that are linear in them, in very different units."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(60, 5))
    return Z, Z @ rng.normal(size=(5, 2)) * [1e4, 1e-3] + [1e6, 0]


def r2(head, Z, y):
    return 1 - ((predict(head, Z) - y) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)


def test_recovers_linear_functions_in_any_unit(lines):
    Z, y = lines
    head, history = train_head(recipe(), Z, y, **SIZES)
    assert r2(head, Z, y).min() > 0.98
    moved, _ = train_head(recipe(), 1e-2 * Z + 0.3, y, **SIZES)  # as a network's latents are
    assert r2(moved, 1e-2 * Z + 0.3, y).min() > 0.98
    assert [record.keys() for record in history] == [{"mse", "seconds"}] * 25
    assert history[-1]["mse"] < 0.02 < history[0]["mse"]


def test_a_large_offset_of_the_labels_does_not_reduce_precision(lines):
    Z, y = lines
    far = y[:, :1] * 1e-4 - 100 + 1e6  # spread 1, where float32 has steps of 0.06
    head, _ = train_head(recipe(), Z, far, **SIZES)
    near, _ = train_head(recipe(), Z, far - 1e6, **SIZES)
    np.testing.assert_allclose(predict(head, Z) - 1e6, predict(near, Z), atol=5e-3)


def test_constant_latents_are_not_scaled(lines):
    Z, y = lines
    head, _ = train_head(recipe(), np.c_[Z, np.full(60, 0.3)], y, **SIZES)
    changed = predict(head, np.c_[Z, np.full(60, 0.3 + 1e-6)])
    np.testing.assert_allclose(changed, predict(head, np.c_[Z, np.full(60, 0.3)]), rtol=1e-3)


def test_latents_that_vary_by_rounding_errors_are_not_scaled(lines):
    Z, y = lines
    around = np.array([0.5, 1.0, 0.0, -0.3, 1e-4])
    rounded = around + 1e-7 * Z  # single precision at 1
    head, _ = train_head(recipe(max_epochs=2), rounded, y, **SIZES)
    off = predict(head, around + 1e-3 * Z)
    assert (np.abs(off - y.mean(axis=0)) < 2 * y.std(axis=0, ddof=1)).all()


@pytest.mark.parametrize("d_hidden", [(), (7,), (6, 3)])
def test_prediction_is_that_of_the_trained_module(lines, d_hidden):
    Z, y = lines
    head, _ = train_head(recipe(max_epochs=1), Z, y, d_hidden=d_hidden, dropout=0.0)
    regressor = LatentRegressor(5, 2, d_hidden)
    regressor.load_state_dict({name: torch.from_numpy(array) for name, array in head.items()})
    expected = regressor(torch.from_numpy(Z).float()).detach()
    np.testing.assert_allclose(predict(head, Z), expected, rtol=1e-4)


def test_a_linear_head_is_linear(lines):
    Z, y = lines
    head, _ = train_head(recipe(), Z, y, d_hidden=(), dropout=0.0)
    middle = predict(head, Z[:10] / 2 + Z[10:20] / 2)
    np.testing.assert_allclose(middle, predict(head, Z[:20]).reshape(2, 10, 2).mean(axis=0))


def test_stops_by_held_out_rows_and_returns_the_best_weights(lines):
    Z, y = lines
    y = np.random.default_rng(1).permutation(y)  # nothing to be learnt
    patient = recipe(n_iter_no_change=4, max_epochs=200)
    head, history = train_head(patient, Z, y, **SIZES)
    losses = [record["validation_mse"] for record in history]
    assert np.argmin(losses) == len(losses) - 5 and len(losses) < 200
    rows, held_out = hold_out(60, 0.2, seed=0)
    error = ((predict(head, Z) - y) / y[rows].std(axis=0, ddof=0)) ** 2
    scale = head["head.scale"] / y[rows].std(axis=0, ddof=0)
    assert (error[held_out] / scale**2).mean() == pytest.approx(min(losses), rel=1e-3)
    worse = y.copy()
    worse[held_out[0]] += 1e3 * y.std(axis=0, ddof=0)
    assert train_head(patient, Z, worse, **SIZES)[1][0]["mse"] < history[0]["mse"]


def test_validates_as_many_rows_at_once_as_it_trains_on(lines, monkeypatch):
    Z, y = lines
    sizes, loss = [], LatentRegressor.loss

    def note(self, z, y):
        sizes.append(len(z))
        return loss(self, z, y)

    monkeypatch.setattr(LatentRegressor, "loss", note)
    train_head(recipe(batch_size=7, n_iter_no_change=1, max_epochs=1), Z, y, **SIZES)
    assert sorted(sizes) == [5, 6] + 7 * [7]  # 48 = 6 x 7 + 6 rows trained on, 12 = 7 + 5 held out


@pytest.fixture
def frozen(tiny_network):
    return FrozenNetwork.of(tiny_network.architecture, tiny_network.state_dict())


def latents(network, spectra):
    return network.embed(spectra, pooling="latent", batch_size=20, device="cpu").astype(float)


def test_fine_tuning_trains_a_copy_of_the_network(frozen, make_spectra, noise):
    before = {name: tensor.clone() for name, tensor in frozen.tensors().items()}
    spectra, y = make_spectra(noise), noise[:, :2].copy()
    Z = latents(frozen, spectra)
    tuned, head, history = fine_tune(recipe(learning_rate=0.1), frozen, spectra, Z, y, **SIZES)
    after = tuned.tensors()
    assert all(torch.equal(frozen.tensors()[name], before[name]) for name in before)
    changed = {name.split(".")[0] for name in before if not torch.equal(after[name], before[name])}
    assert changed == {"tokens", "position", "blocks", "norm"}  # no decoder, no mask token
    assert len(history) == 50 and history[-1]["mse"] < history[24]["mse"] < history[0]["mse"]
    assert r2(head, latents(tuned, spectra), y).min() > r2(head, Z, y).min()


def test_fine_tuning_that_does_not_help_is_undone(frozen, make_spectra, noise):
    spectra, y = make_spectra(noise), np.random.default_rng(2).normal(size=(20, 1))
    Z = latents(frozen, spectra)
    patient = recipe(learning_rate=0.1, n_iter_no_change=2)
    tuned, head, history = fine_tune(patient, frozen, spectra, Z, y, **SIZES)
    alone, passes = train_head(patient, Z, y, **SIZES)
    losses = [record["validation_mse"] for record in history]
    assert min(losses[len(passes) :]) > min(losses[: len(passes)])
    assert tuned is frozen
    assert all(np.array_equal(head[name], alone[name]) for name in alone)


def test_only_the_head_uses_dropout(tiny_network):
    task = RegressionTask(LatentRegressor(8, 1, (4,), 0.5), tiny_network)
    task.train()
    assert task.regressor.training and not any(m.training for m in tiny_network.modules())
    assert not task.eval().regressor.training
