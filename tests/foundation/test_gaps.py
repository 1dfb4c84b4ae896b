"""Interpolation of gaps: Gaussian processes, blocks hidden in turn, wide gaps and ends."""

import numpy as np
import pytest

from skspektron.foundation import _gaps
from skspektron.foundation._gaps import (
    Window,
    covariances,
    interpolate_gaps,
    interpolate_hidden,
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    centre, width = rng.uniform(0, 300, (2, 9, 1)), rng.uniform(10, 25, (9, 1))
    bands = np.exp(-0.5 * ((np.arange(300) - centre[0]) / width) ** 2)
    return rng.uniform(0.5, 1, (4, 9)) @ bands


def hide(*gaps, p=300):
    hidden = np.zeros(p, dtype=bool)
    for start, stop in gaps:
        hidden[start:stop] = True
    return hidden


def predict(positions, nodes, at):
    """Return the processes at positions, by their definition."""
    K = covariances(positions, positions) + _gaps.NOISE * np.eye(len(positions))
    return np.stack(
        [
            k @ np.linalg.solve(M, nodes.T)
            for k, M in zip(covariances(at, positions), K, strict=True)
        ]
    )


def test_gap_is_the_weighted_mean_of_a_line_and_three_processes(X):
    hidden = hide((140, 152), (170, 180))
    window = Window.around(hidden, 140, 152)
    channels = np.arange(140 - window.lead, 140 - window.lead + 176)
    channels = channels[(channels >= 0) & (channels < 300)]
    channels = channels[~hidden[channels]]
    np.testing.assert_array_equal(window.position, channels - 140)
    x = X[:1, channels] - X[:1, channels].mean()
    fills = [interpolate_hidden(X[:1], hidden)[0, :12] - X[:1, channels].mean()]
    fills += list(predict(window.position, x, np.arange(12))[:, :, 0])
    errors = np.zeros(4)
    for block in (each.at for each in window.blocks()):
        rest = np.setdiff1d(np.arange(len(channels)), block)
        line = np.interp(window.position[block], window.position[rest], x[0, rest])
        found = [line, *predict(window.position[rest], x[:, rest], window.position[block])[:, :, 0]]
        errors += np.log(np.mean((x[0, block] - found) ** 2, axis=1))
    weights = np.exp(-errors / len(window.blocks()))
    expected = weights @ fills / weights.sum() + X[0, channels].mean()
    np.testing.assert_allclose(interpolate_gaps(X[:1], hidden)[0, :12], expected, rtol=1e-4)


def test_is_better_than_a_line_within_bands(X):
    for hidden in (hide((90, 106), (200, 216)), hide((120, 160)), hide((60, 64), (220, 230))):
        error = np.sum((interpolate_gaps(X, hidden) - X[:, hidden]) ** 2)
        line = np.sum((interpolate_hidden(X, hidden) - X[:, hidden]) ** 2)
        assert error < 0.3 * line


def test_offset_and_gain_of_a_spectrum_do_not_matter(X):
    hidden = hide((50, 62), (100, 190))
    expected = 3 + 2 * interpolate_gaps(X, hidden)
    np.testing.assert_allclose(interpolate_gaps(3 + 2 * X, hidden), expected, rtol=1e-6)


def test_direction_of_the_axis_does_not_matter(X):
    hidden = hide((0, 10), (50, 62), (100, 116))
    backward = interpolate_gaps(X[:, ::-1], hidden[::-1])[:, ::-1]
    np.testing.assert_allclose(backward, interpolate_gaps(X, hidden), rtol=1e-5)


def test_end_is_extrapolated_with_weights_from_blocks_hidden_up_to_it(X):
    hidden = hide((0, 10))
    window, visible = Window.around(hidden, 0, 10), np.arange(10, 93)
    np.testing.assert_array_equal(window.position, visible)
    x = X[:1, visible] - X[:1, visible].mean()
    fills = [np.full(10, x[0, 0]), *predict(visible, x, np.arange(10))[:, :, 0]]
    errors = np.zeros(4)
    for block in window.blocks():
        np.testing.assert_array_equal(block.hidden, np.arange(block.at[-1] + 1))
        rest = np.arange(block.at[-1] + 1, len(visible))
        constant = np.full(10, x[0, rest[0]])
        found = [constant, *predict(visible[rest], x[:, rest], visible[block.at])[:, :, 0]]
        errors += np.log(np.mean((x[0, block.at] - found) ** 2, axis=1))
    weights = np.exp(-errors / len(window.blocks()))
    expected = weights @ fills / weights.sum() + X[0, visible].mean()
    np.testing.assert_allclose(interpolate_gaps(X[:1], hidden)[0], expected, rtol=1e-4)


def test_wide_ends_get_the_nearest_value(X):
    hidden = hide((0, 17), (280, 300))
    expected = np.repeat(X[:, [17, 279]], [17, 20], axis=1)
    np.testing.assert_array_equal(interpolate_gaps(X, hidden), expected)


@pytest.mark.parametrize("p", [3, 10, 40])
def test_short_spectra_get_a_line(X, p):
    hidden = hide((1, p - 1), p=p)
    np.testing.assert_allclose(
        interpolate_gaps(X[:, :p], hidden), interpolate_hidden(X[:, :p], hidden)
    )


def test_constant_and_straight_spectra_stay_so():
    hidden = hide((60, 70), (100, 160))
    X = np.stack([np.full(300, 2.0), np.linspace(1, 5, 300), np.zeros(300)])
    np.testing.assert_allclose(interpolate_gaps(X, hidden), X[:, hidden], atol=1e-3)
