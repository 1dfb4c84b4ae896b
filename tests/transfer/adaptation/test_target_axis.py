"""Embeddings of target spectra on the target's own axis."""

import numpy as np
import pytest

from skspektron.foundation import SpektronEmbedder
from skspektron.transfer._adaptation._target_axis import (
    InterpolateTokens,
    TakeChannels,
    _within,
    move,
    token_weights,
)

AXIS, OTHER = np.arange(7000.0, 4000.0, -20.0), np.arange(4100.0, 6900.0, 31.0)


def embedder(pretrainer, axis):
    return SpektronEmbedder(pretrainer, wavenumber=axis).fit(np.zeros((1, len(axis))))


@pytest.mark.parametrize("weights", ["small", "own"])
def test_tokens_are_interpolated_at_the_positions_of_other_tokens(weights, pretrainer):
    weights = pretrainer if weights == "own" else weights
    one, other = embedder(weights, AXIS), embedder(weights, OTHER)
    W = token_weights(one, other)
    span = one.network_.architecture.window[0]
    assert W.shape == (-(-len(AXIS) // span), -(-len(OTHER) // span))
    np.testing.assert_allclose(W.sum(axis=1), 1)
    at = [np.sort(AXIS)[i : i + span].mean() for i in range(0, len(AXIS), span)]
    known = [OTHER[i : i + span].mean() for i in range(0, len(OTHER), span)]
    np.testing.assert_allclose(W @ known, np.clip(at, known[0], known[-1]))
    np.testing.assert_allclose(token_weights(one, one), np.eye(len(at)), atol=1e-12)
    tokens = np.random.default_rng(0).normal(size=(2, len(known), 3))
    moved = InterpolateTokens(W).transform(tokens.reshape(2, -1)).reshape(2, len(at), 3)
    np.testing.assert_allclose(moved, np.einsum("st,ntd->nsd", W, tokens))


def test_the_target_is_cut_to_the_channels_that_span_the_source():
    axis = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    np.testing.assert_array_equal(_within(axis, np.array([2.5, 4.0])), [1, 2, 3])
    np.testing.assert_array_equal(_within(axis[::-1], np.array([4.0, 2.5])), [2, 3, 4])
    np.testing.assert_array_equal(_within(axis, np.array([0.5, 9.0])), range(6))


def test_source_spectra_are_moved_without_extrapolation():
    X = np.array([[1.0, 2.0, np.nan, 4.0]])
    moved = move(X, (np.array([0.0, 1.5, 9.0]), np.array([1.0, 2.0, 3.0, 4.0])))
    np.testing.assert_allclose(moved, [[1.0, 1.5, 4.0]])


def test_channels_are_taken_from_spectra_of_one_length():
    take = TakeChannels(np.array([0, 2]), 3)
    np.testing.assert_array_equal(take.transform([[1, 2, 3]]), [[1, 3]])
    assert take.n_features_in_ == 3
    with pytest.raises(ValueError, match=r"X has shape \(1, 4\), and the target has 3 channels"):
        take.transform(np.ones((1, 4)))
