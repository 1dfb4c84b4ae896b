"""Embeddings of target spectra on the target's own axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import Pipeline

from ..._interpolation import fill_gaps, interpolate_monotone
from ...foundation import SpektronEmbedder
from .._core._grids import Layout


class TakeChannels(TransformerMixin, BaseEstimator):
    """Take some channels of spectra, as an array."""

    def __init__(self, channels, n_channels):
        self.channels = channels
        self.n_channels = n_channels

    @property
    def n_features_in_(self) -> int:
        """Number of channels of the spectra."""
        return int(self.n_channels)

    def fit(self, X, y=None):
        """Return the transformer unchanged; nothing is learnt."""
        return self

    def transform(self, X):
        """Return the channels of `X`."""
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_channels:
            raise ValueError(
                f"X has shape {X.shape}, and the target has {self.n_channels} channels. Pass "
                "spectra on the target's own channels."
            )
        return X[:, self.channels]

    def __sklearn_is_fitted__(self):
        return True


class InterpolateTokens(TransformerMixin, BaseEstimator):
    """Interpolate the tokens of spectra linearly at the positions of other tokens.

    `weights` (n_tokens, n_tokens_in) are those of `token_weights`.
    """

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        """Return the transformer unchanged; nothing is learnt."""
        return self

    def transform(self, X):
        """Return tokens (n, n_tokens d_model) of tokens (n, n_tokens_in d_model)."""
        tokens = np.asarray(X).reshape(len(X), self.weights.shape[1], -1)
        return (self.weights @ tokens).reshape(len(X), -1)

    def __sklearn_is_fitted__(self):
        return True


def token_weights(embedder: SpektronEmbedder, other: SpektronEmbedder) -> NDArray[np.float64]:
    """Return the weights that interpolate the tokens of `other` at those of `embedder`.

    Tokens lie at the mean wavenumber of their channels. Beyond the ends the last token is taken.
    """
    at, known = _token_positions(embedder), _token_positions(other)
    return np.array([np.interp(at, known, row) for row in np.eye(len(known))]).T


def _token_positions(embedder: SpektronEmbedder) -> NDArray[np.float64]:
    """Return the mean wavenumber of the channels of every token, in ascending order."""
    axis, architecture = np.sort(embedder.wavenumber_), embedder.network_.architecture
    span, stride = architecture.window
    starts = stride * np.arange(architecture.n_tokens(len(axis)))
    return np.array([axis[start : start + span].mean() for start in starts])


@dataclass(frozen=True)
class TargetAxis:
    """How spectra of the target become embeddings comparable with those of the source.

    `before` are the steps before the embedder, the same as for the source if both instruments have
    the same channels. Otherwise they begin by taking the target's channels within the range of the
    source, and `axes` are these channels and those of the source in cm-1. If the later steps are
    frozen (`keeps_head`), `tokens` are the weights that interpolate tokens at those of the source.
    """

    before: list[tuple[str, Any]]
    embedder: SpektronEmbedder
    axes: tuple[NDArray[Any], NDArray[Any]] | None = None
    tokens: NDArray[np.float64] | None = None
    keeps_head: bool = False

    @classmethod
    def of(
        cls,
        layout: Layout,
        before: list[tuple[str, Any]],
        embedder: SpektronEmbedder,
        X: NDArray[Any],
        y: NDArray[Any],
        *,
        keeps_head: bool,
    ) -> TargetAxis:
        """Return the steps for the target, given those of the source and the source rows.

        Steps before the embedder that learn from spectra are fitted on the source rows,
        interpolated at the target's channels.
        """
        axis_target, axis_source = layout.axes
        if axis_target is None or axis_source is None:
            return cls(before, embedder)
        channels = _within(axis_target, axis_source)
        axes = axis_target[channels], axis_source
        rows = move(X, axes)
        steps = [(name, clone(step)) for name, step in before if step not in (None, "passthrough")]
        if steps:
            rows = np.asarray(
                Pipeline(steps).set_output(transform="default").fit_transform(rows, y)
            )
        take = TakeChannels(channels, len(axis_target))
        other = clone(embedder).set_params(wavelength=None, wavenumber=axes[0])
        other = other.set_output(transform="default").fit(rows)
        other.network_ = embedder.network_
        tokens = None
        if keeps_head and embedder.pooling == "tokens":
            tokens = token_weights(embedder, other)
        return cls([("channels", take), *steps], other, axes, tokens, keeps_head)

    def steps(
        self, embedder: SpektronEmbedder, name: str, last: Sequence[tuple[str, Any]] = ()
    ) -> list[tuple[str, Any]]:
        """Return the steps up to the embeddings, with `embedder` in place of its own.

        The steps in `last` come directly before it.
        """
        steps = [*self.before, *last, (name, embedder)]
        return (
            steps if self.tokens is None else [*steps, ("tokens", InterpolateTokens(self.tokens))]
        )

    def transform_source(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return source spectra, interpolated at the target's channels, before the embedder."""
        X = move(X, self.axes)
        return np.asarray(Pipeline(self.before[1:]).transform(X)) if self.before[1:] else X

    def interpolate(self, Z: NDArray[Any]) -> NDArray[Any]:
        """Return embeddings of target spectra at the tokens of the source."""
        return Z if self.tokens is None else InterpolateTokens(self.tokens).transform(Z)


def _within(axis: NDArray[Any], other: NDArray[Any]) -> NDArray[np.intp]:
    """Return the channels of `axis` that span `other`: those inside and one beyond each end."""
    low = axis[axis <= other.min()].max(initial=axis.min())
    high = axis[axis >= other.max()].min(initial=axis.max())
    return np.flatnonzero((axis >= low) & (axis <= high))


def move(X: NDArray[Any], axes: tuple[NDArray[Any], NDArray[Any]] | None) -> NDArray[Any]:
    """Return spectra on the second axis at the channels of the first, constant beyond the ends."""
    if axes is None:
        return X
    to, axis = axes
    return interpolate_monotone(fill_gaps(X), axis, np.clip(to, axis.min(), axis.max()))
