"""Largest residual of a channel relative to its mean, and the names of channels."""

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._pipelines import front_pipeline

# Means below this fraction of the average channel count as this fraction, so that the last digit of
# a channel that is constant in fit, such as one clipped at 0, does not make a spectrum outside. On
# the spectra of benchmarks/bench_domain.py, values from 1e-12 to 0.1 find as many damaged ones.
LEAST_MEAN = 0.01


def bounded(means: NDArray[np.float64], rounding: float) -> NDArray[np.float64]:
    """Return mean squared residuals of channels, the last axis, raised to the least mean."""
    average = means.mean(axis=-1, keepdims=True)
    return np.maximum(means, np.maximum(LEAST_MEAN * average, rounding))


def largest_ratios(
    squares: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the largest ratio of a squared residual to its mean, and the channel that has it."""
    ratios = squares / means
    channel = ratios.argmax(axis=1)
    return np.take_along_axis(ratios, channel[:, None], axis=1)[:, 0], channel


def held_out_ratios(
    squares: NDArray[np.float64], ids: NDArray[Any], rounding: float
) -> NDArray[np.float64]:
    """Return the largest ratio of each spectrum to means without the spectra of its sample.

    In a mean of few spectra, a large residual would hide itself.
    """
    _, sample, counts = np.unique(ids, return_inverse=True, return_counts=True)
    own = np.zeros((len(counts), squares.shape[1]))
    np.add.at(own, sample, squares)
    means = (squares.sum(axis=0) - own) / (len(squares) - counts)[:, None]
    return largest_ratios(squares, bounded(means, rounding)[sample])[0]


def channel_names(
    estimator: Any, names: NDArray[Any] | None, n_channels: int
) -> NDArray[Any] | None:
    """Return the names of channels after the steps before the last, None if they have none.

    Steps that do not name their output keep the names if they keep the number of channels.
    """
    if names is None:
        return None
    steps, found = front_pipeline(estimator), names
    with suppress(AttributeError, ValueError):
        found = names if steps is None else steps[:-1].get_feature_names_out(names)
    return np.asarray(found) if len(found) == n_channels else None
