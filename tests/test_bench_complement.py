"""The benchmark of networks trained beside other features: its features, objective and figures."""

import numpy as np
import torch

from benchmarks import bench_complement as bench


def test_features_are_views_of_unit_size():
    rng = np.random.default_rng(0)
    X = 1 + np.cumsum(rng.standard_normal((30, 60)), axis=1)
    F = bench.fixed_features(X, 20).numpy()
    views = np.split(F, [60, 120, 180, 240, 300, 300 + bench.N_FOURIER], axis=1)
    assert len(views) == 7
    for view in views:
        np.testing.assert_allclose(view[:20].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose((view[:20] ** 2).sum(axis=1).mean(), 1)


def test_fourier_features_approximate_a_gaussian_kernel(monkeypatch):
    monkeypatch.setattr(bench, "N_FOURIER", 20_000)
    X = torch.tensor(np.random.default_rng(0).standard_normal((12, 5)))
    F = bench.fourier(X, 12)
    K = torch.exp(-(torch.cdist(X, X) ** 2) / (2 * torch.pdist(X).median() ** 2))
    H = torch.eye(12, dtype=X.dtype) - 1 / 12
    centred = H @ K @ H
    expected = centred / centred.diagonal().mean()
    torch.testing.assert_close(F @ F.T, expected, rtol=0, atol=0.05)


def test_objective_reads_the_embedding_beside_the_features():
    X = np.cumsum(np.random.default_rng(0).standard_normal((12, 60)), axis=1)
    spectra = {"values": torch.tensor(X), "valid": torch.ones(12, 60, dtype=torch.bool)}
    episode = {"spectra": spectra, "y": torch.zeros(8), "autoscaled": torch.tensor(False)}

    class Views:
        @staticmethod
        def embed(spectra):
            return spectra["values"][:, :7]

    F = bench.Complement(None, 1).features(Views, episode)
    own, rest = F[:, :7], F[:, 7:]
    torch.testing.assert_close(own[:8].square().sum(1).mean(), torch.tensor(bench.WEIGHT).double())
    torch.testing.assert_close(rest, bench.fixed_features(X, 8))


def test_ratios_are_means_over_properties_and_seeds():
    rows = [
        {"set": "a", "view": "2", "engine": "1"},
        {"set": "a", "view": "8", "engine": "1"},
        {"set": "b", "view": "1", "engine": "2"},
        {"set": "c", "view": "", "engine": "1"},
    ]
    assert bench.ratios(rows, "view", "engine") == {"a": 4.0, "b": 0.5}
