"""bench_masked and its corpus: ranges of real spectra, fills, trainings once, the table."""

import sys

import numpy as np
import pytest
import torch

from benchmarks import bench_masked
from benchmarks.bench_masked import CLASSICAL, blend, score
from skspektron.datasets import make_instruments
from skspektron.foundation import Architecture

real_spectra = sys.modules["real_spectra"]  # bench_masked has added its folder to the path


def source(name="tecator/NIT", n_channels=120, seed=0):
    """Return simulated spectra in place of a file."""
    axis = np.linspace(4000.0, 9000.0, n_channels)
    data = make_instruments(40, ["A"], wavenumber=axis, noise=1e-5, random_state=seed)
    return real_spectra.Source(name, axis, data.X["A"])


def test_worlds_are_ranges_of_real_spectra_after_snv_on_their_own_axis():
    sources = [source(), source("diesel_swri/NIR", 300, 1)]
    X, world, axes = real_spectra.build_worlds(sources, 8, seed=0)
    again = real_spectra.build_worlds(sources, 8, seed=0)[0]
    np.testing.assert_array_equal(X, again)
    assert len(X) == len(world) == 8 * real_spectra.N_ROWS and len(axes) == 8
    for number, axis in axes.items():
        p, rows = len(axis), X[world == number]
        assert real_spectra.SHORTEST <= p <= 300 and np.all(np.diff(axis) > 0)
        assert np.isfinite(rows[:, :p]).all() and np.isnan(rows[:, p:]).all()
        np.testing.assert_allclose(rows[:, :p].mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(rows[:, :p].std(axis=1, ddof=1), 1, atol=1e-5)


def test_corpus_has_no_set_that_is_reported_on_or_may_not_be_shipped():
    files = set(real_spectra.GROUPS)
    assert not files & (bench_masked.REPORTING | set(bench_masked.NEVER_TRAINED_ON))
    groups = set(real_spectra.GROUPS.values()) | set(bench_masked.NEVER_TRAINED_ON.values())
    assert sorted(group for fold in bench_masked.FOLDS for group in fold) == sorted(groups)


def test_blend_is_closer_to_the_better_fill():
    data = source()
    Z, hidden = data.X - data.X.mean(), np.zeros(120, dtype=bool)
    hidden[[30, 31, 32, 33, 60, 61, 62, 63]] = True
    exact = lambda axis, Z, hidden: Z[:, hidden]  # noqa: E731
    zero = lambda axis, Z, hidden: np.zeros_like(Z[:, hidden])  # noqa: E731
    both = blend([zero, exact], data.axis, Z, hidden)
    np.testing.assert_allclose(both, Z[:, hidden], atol=1e-6)


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_fills_return_hidden_channels_without_reading_them(name):
    data, hidden = source(), np.isin(np.arange(120), np.arange(40, 52))
    fill, spoilt = CLASSICAL[name], data.X.copy()
    spoilt[:, hidden] = 1e6
    found = fill(data.axis, spoilt, hidden)
    np.testing.assert_array_equal(found, fill(data.axis, data.X, hidden))
    assert found.shape == (40, 12) and np.abs(found - data.X[:, hidden]).max() < np.ptp(data.X)


@pytest.mark.filterwarnings("ignore:Linear interpolation")
def test_networks_are_trained_once_and_untrained_ones_are_straight_lines(tmp_path, monkeypatch):
    tiny = Architecture(
        tokenizer="raw",
        kernel_length=3,
        patch_length=8,
        d_model=4,
        d_state=4,
        n_layers=1,
        decoder="correction",
    )
    masked = sys.modules["masked"]
    monkeypatch.setitem(masked.BACKBONES, "dlinoss", tiny)
    monkeypatch.setattr(masked, "N_WORLDS", 2)
    monkeypatch.setattr(masked, "read_sources", lambda folder, files: [source()])
    argv = ["--weights", str(tmp_path), "--data", str(tmp_path), "--max-steps", "1"]
    args = bench_masked.parse(argv)
    path = bench_masked.weights_of(("fuel",), "dlinoss", 0, args)
    before = path.read_bytes()
    assert bench_masked.weights_of(("fuel",), "dlinoss", 0, args).read_bytes() == before
    assert list(bench_masked.trainings(args)) == ["dlinoss-fuel-0"]
    network = bench_masked.fill_of(path)
    for parameter in network.args[0].head.parameters():
        torch.nn.init.zeros_(parameter)
    for gaps in bench_masked.GAPS:
        figures = score(source(), gaps, {"dlinoss 0": network, "imputer": CLASSICAL["imputer"]})
        assert float(figures["dlinoss 0"]) == pytest.approx(1, rel=0.01)
        assert float(figures["imputer"]) < 1.5
