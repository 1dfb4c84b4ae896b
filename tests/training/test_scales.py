"""Scales of derivatives in training: by instrument or axis, of the corpus, and of episodes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skspektron._bridge import derivative_scale, derivative_sizes, to_spectra
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network
from skspektron._training._scales import with_derivative_scales
from skspektron._training.masked._episodes import Episodes

SIZES = {"patch_length": 4, "d_model": 8, "d_state": 4, "n_layers": 1}
GAINS = np.repeat([1.0, 30.0], 60)  # of two instruments


def spectra(instrument=None, grid=None):
    """Return spectra of 60 samples on two instruments with different gains."""
    X = np.random.default_rng(0).normal(size=(120, 40)).cumsum(axis=1) * GAINS[:, None]
    axes = [np.linspace(4000, 9000, 40), np.linspace(4000, 6500, 40)]
    grid = np.zeros(120, dtype=int) if grid is None else grid
    y = np.random.default_rng(1).normal(size=(120, 1))
    return to_spectra(X, axes, grid, instrument=instrument, targets=y)


def network(**parts):
    return new_network(Architecture(**SIZES, **{"normalize": "snv+derivative"} | parts), seed=0)


@pytest.mark.parametrize("by", ["instrument", "grid"])
def test_scale_is_that_of_the_instrument_or_axis(by):
    rows = spectra(**{by: (GAINS > 1).astype(int)})
    found = with_derivative_scales(rows, network()).derivative_scale
    sizes = derivative_sizes(rows)
    for gain in (1.0, 30.0):
        own = torch.tensor(gain == GAINS)
        assert (found[own] == sizes[own].median()).all()
    # The second axis has half the step: the same slopes per channel are twice those per cm-1.
    expected = 60 if by == "grid" else 30
    assert (found[-1] / found[0]).item() == pytest.approx(expected, rel=0.2)


def test_scale_of_the_corpus_is_stored_once():
    model = network(derivative_scale="corpus")
    rows = with_derivative_scales(spectra(), model)
    assert rows.derivative_scale is None
    assert model.derivative_scale.item() == pytest.approx(derivative_scale(derivative_sizes(rows)))
    stored = model.derivative_scale.clone()
    with_derivative_scales(replace(rows, values=10 * rows.values), model, keeps_corpus=True)
    assert torch.equal(model.derivative_scale, stored)


def test_spectra_are_unchanged_for_networks_without_a_derivative():
    rows = spectra()
    assert with_derivative_scales(rows, network(normalize="snv")) is rows


def test_bad_spectra_do_not_change_the_scale():
    sizes = torch.tensor([0.0, 1.0, 2.0, 3.0, 1e9, torch.nan])
    assert derivative_scale(sizes) == 2
    assert derivative_scale(torch.zeros(3)) == 1 and derivative_scale(torch.empty(0)) == 1


def test_an_episode_has_the_scale_of_its_training_samples():
    label = (GAINS > 1).astype(int)
    rows = spectra(instrument=label)
    rows = replace(rows, sample=torch.arange(60).repeat(2), targets=rows.targets[:60].repeat(2, 1))
    rows = with_derivative_scales(rows, network())
    known = {int(i): s for i, s in zip(rows.instrument, rows.derivative_scale, strict=True)}
    between = 0
    for episode in Episodes(rows, torch.arange(120), 0).batch(0, 64 * 20):
        batch = episode["spectra"]
        assert (batch["derivative_scale"] == known[int(batch["instrument"][0])]).all()
        between += len(batch["instrument"].unique()) == 2
    assert between > 2
