"""Leakage (noise, a network with a leak) and learnability of masked pretraining."""

from dataclasses import astuple
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import bench_pretext
from benchmarks.bench_pretext import NOISE, Combination, draw_mixtures, nre
from skspektron._nn.architecture import CHOICES, Architecture
from skspektron._nn.network import SpektronNetwork
from skspektron._nn.objectives import masked_error
from skspektron._training import _pretraining
from skspektron._training._pretraining import new_network
from skspektron._training.masked._batches import masked_batch
from tests import oracles

SIZES = {"patch_length": 16, "d_model": 64, "d_state": 64, "n_layers": 1}
BUDGET = {"max_steps": 300, "batch_size": 64, "learning_rate": 3e-3, "report_every": 150}


class LeakingNetwork(SpektronNetwork):
    """A network with a leak: the encoder sees the patches that the loss counts as hidden."""

    def _embed(self, values, valid, seen, wavenumber, grid, mask):
        return super()._embed(values, valid, valid, wavenumber, grid, None)


def held_out_nre(network, spectra, mean):
    """Return the ratio of the masked error of unseen spectra to that of the mean spectrum."""
    rows = torch.arange(len(spectra.values))
    batch = masked_batch(spectra, network, 0.35, 1, -1, rows)
    hidden = network.hidden_channels(batch["mask"], batch["valid"])
    with torch.inference_mode():
        error = masked_error(network.eval(), batch).mean()
    values = np.where(hidden, spectra.values.numpy(), 0.0)
    return oracles.normalized_error(error, values, mean, hidden.tolist())


@pytest.mark.slow
@pytest.mark.parametrize(("network", "leaks"), [(SpektronNetwork, False), (LeakingNetwork, True)])
def test_noise_cannot_be_learnt_except_through_a_leak(
    run, make_spectra, monkeypatch, network, leaks
):
    monkeypatch.setattr(_pretraining, "SpektronNetwork", network)
    rng = np.random.default_rng(0)
    # More spectra than the run visits twice: it cannot know them by heart.
    X, X_test = rng.normal(size=(10_000, 128)), rng.normal(size=(64, 128))
    network = new_network(Architecture(**SIZES), seed=0)
    run(network, make_spectra(X), warmup_steps=50, **BUDGET)
    error = held_out_nre(network, make_spectra(X_test), X.mean(axis=0))
    assert error < 0.1 if leaks else error >= 0.97


COMBINATIONS = [
    Combination("raw", "dlinoss", "token", "linear"),
    Combination("wavelet", "dlinoss", "token", "linear"),
    Combination("patch", "transformer", "drop", "grid"),
]
SHORT = {"raw": 25, "wavelet": 40, "patch": 40}  # steps; a leak shows by then


@pytest.mark.slow
@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda c: f"{c.tokenizer}-{c.mask_mode}")
def test_other_tokens_and_ways_to_hide_do_not_leak_either(combination):
    [record] = bench_pretext.pretrain(
        combination, NOISE, max_steps=SHORT[combination.tokenizer]
    ).history_
    assert nre(record) >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("combination", COMBINATIONS[:2], ids=lambda c: c.tokenizer)
def test_a_leak_shows_within_as_many_steps(monkeypatch, combination):
    monkeypatch.setattr(_pretraining, "SpektronNetwork", LeakingNetwork)
    [record] = bench_pretext.pretrain(
        combination, NOISE, max_steps=SHORT[combination.tokenizer]
    ).history_
    assert nre(record) < 0.5


def test_correction_of_interpolation_does_not_leak(run, make_spectra):
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(600, 64)), rng.normal(size=(64, 64))
    sizes = {"tokenizer": "raw", "patch_length": 8, "d_model": 16, "d_state": 8, "n_layers": 1}
    network = new_network(Architecture(**sizes, decoder="correction"), seed=0)
    history = run(network, make_spectra(X), **BUDGET | {"max_steps": 20, "report_every": 10})
    errors = [record["masked_mse"] / record["mean_mse"] for record in history]
    assert errors[0] > errors[-1] >= 0.97  # from interpolation towards the mean
    assert held_out_nre(network, make_spectra(X_test), X.mean(axis=0)) >= 0.97


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_correction_of_interpolation_is_learnt(run, make_spectra):
    X = draw_mixtures(np.random.default_rng(0), 664)
    sizes = {"patch_length": 27, "d_model": 32, "d_state": 16, "n_layers": 1}
    network = new_network(Architecture(**sizes, decoder="correction"), seed=0)
    settings = BUDGET | {"max_steps": 70, "warmup_steps": 10, "batch_size": 32}
    record = run(network, make_spectra(X[:600]), **settings)[-1]
    error = held_out_nre(network, make_spectra(X[600:]), X[:600].mean(axis=0))
    assert error < 0.9 * record["interpolation_mse"] / record["mean_mse"]


def test_committed_results_cover_all_options():
    def is_offered(*parts):
        try:
            return bool(Combination(*parts).architecture(8))
        except ValueError:
            return False

    names = ("tokenizer", "backbone", "mask_mode")
    offered = {
        parts
        for parts in product(*(CHOICES[name] for name in names))
        if any(is_offered(*parts, decoder) for decoder in CHOICES["decoder"])
    }
    results = Path(__file__).parents[2] / "benchmarks" / "results" / "pretext.csv"
    rows = bench_pretext.read_rows(results)
    assert {tuple(row[name] for name in names) for row in rows} == offered
    assert {bench_pretext.key(row) for row in rows} == set(
        map(astuple, bench_pretext.combinations())
    )
    for row in rows:
        assert float(row["nre_noise"]) >= 0.97, row
        learnt = float(row["nre_learnability"])
        assert learnt <= 0.25 and learnt < float(row["interpolation"]), row


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_correlated_bands_are_learnt(run, make_spectra):
    X = draw_mixtures(np.random.default_rng(0), 1064)
    spectra, test = make_spectra(X[:1000]), make_spectra(X[1000:])
    network = new_network(Architecture(**SIZES | {"patch_length": 27}), seed=0)
    history = run(
        network, spectra, max_steps=200, batch_size=64, learning_rate=3e-3, warmup_steps=50
    )
    error = held_out_nre(network, test, X[:1000].mean(axis=0))
    interpolation = history[-1]["interpolation_mse"] / history[-1]["mean_mse"]
    assert error <= 0.25
    assert error < interpolation


def test_same_seed_gives_the_same_weights_and_another_seed_others(run, make_spectra, noise):
    architecture = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1, dropout=0.1)
    weights = []
    for seed in (0, 0, 1):
        run(network := new_network(architecture, seed), make_spectra(noise), seed=seed)
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
