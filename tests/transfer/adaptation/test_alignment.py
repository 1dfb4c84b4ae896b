"""Alignment of token statistics."""

import numpy as np

from skspektron.transfer._adaptation import _alignment
from skspektron.transfer._adaptation._alignment import align_tokens


def tokens(n_spectra, mixing, shift, seed):
    """Return embeddings of 40 tokens of 3 outputs with a covariance and a mean."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n_spectra, 40, 3)) @ mixing + shift).reshape(n_spectra, -1)


def test_aligned_tokens_have_the_mean_and_covariance_of_the_source(monkeypatch):
    monkeypatch.setattr(_alignment, "RIDGE", 1e-9)
    rng = np.random.default_rng(0)
    source = tokens(30, rng.normal(size=(3, 3)), rng.normal(size=(40, 3)), 1)
    target = tokens(25, rng.normal(size=(3, 3)), rng.normal(size=(40, 3)), 2)
    aligned = align_tokens(source, target, 3).transform(target)
    np.testing.assert_allclose(aligned.mean(axis=0), source.mean(axis=0), atol=1e-12)
    covariances = []
    for Z in (aligned, source):
        deviations = (Z - Z.mean(axis=0)).reshape(-1, 3)
        covariances.append(deviations.T @ deviations / len(deviations))
    np.testing.assert_allclose(*covariances, rtol=1e-5, atol=1e-6)


def test_equal_statistics_leave_embeddings_unchanged():
    source = tokens(20, np.diag([1.0, 0.1, 3.0]), 0.5, 3)
    np.testing.assert_allclose(align_tokens(source, source, 3).transform(source), source)


def test_constant_embeddings_become_those_of_the_source():
    source, target = np.full((4, 6), 2.0), np.full((5, 6), -1.0)
    np.testing.assert_allclose(align_tokens(source, target, 3).transform(target), 2.0)
