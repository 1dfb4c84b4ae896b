"""First derivative and SNV: literal formulas, bad channels, padding, offset and resolution."""

import numpy as np
import pytest
import torch

from skspektron._nn.tokens.derivative import (
    CURVED_WINDOW,
    FLAT_UNITS,
    HALF_WINDOW,
    curvature,
    first_derivative,
    mean_step,
    row_size,
    standard_normal,
)
from skspektron.preprocessing import SNV


def draw(n_samples=3, n_channels=40, seed=0):
    """Return random spectra, which of their channels are good, and an uneven axis."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(n_samples, n_channels, generator=generator, dtype=torch.float64)
    seen = torch.rand(n_samples, n_channels, generator=generator) < 0.6
    axis = 1e7 / torch.linspace(2500, 1100, n_channels, dtype=torch.float64)
    return values, seen, axis.expand(n_samples, -1)


def slow_derivative(values, seen, axis):
    """Return the slopes of lines fitted to the good channels around each good channel."""
    n = len(values)
    slopes = np.zeros(n)
    for j in np.flatnonzero(seen):
        around = np.arange(max(j - HALF_WINDOW, 0), min(j + HALF_WINDOW + 1, n))
        around = around[seen[around]]
        if len(around) > 1:
            slopes[j] = np.polyfit(around, values[around], 1)[0]
    return slopes / (np.abs(axis[-1] - axis[0]) / (n - 1))


def test_derivative_is_the_slope_of_the_good_channels():
    arguments = draw()
    rows = zip(*(argument.numpy() for argument in arguments), strict=True)
    expected = [slow_derivative(*row) for row in rows]
    np.testing.assert_allclose(first_derivative(*arguments).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("function", [first_derivative, lambda v, s, w: standard_normal(v, s)[0]])
@pytest.mark.parametrize("value", [1e9, torch.nan, torch.inf])
def test_channels_that_are_not_seen_are_ignored(function, value):
    values, seen, axis = draw()
    changed = function(values.masked_fill(~seen, value), seen, axis)
    assert torch.equal(changed, function(values, seen, axis))
    assert changed.isfinite().all() and (changed[~seen] == 0).all()


@pytest.mark.parametrize("function", [first_derivative, lambda v, s, w: standard_normal(v, s)[0]])
def test_padding_is_ignored(function):
    values, seen, axis = draw()
    pad = torch.full((3, 5), torch.nan, dtype=torch.float64)
    padded = function(
        torch.cat([values, pad], 1),
        torch.cat([seen, torch.zeros(3, 5, dtype=torch.bool)], 1),
        torch.cat([axis, pad], 1),
    )
    torch.testing.assert_close(padded[:, :40], function(values, seen, axis))


def test_derivative_of_a_line_does_not_depend_on_the_resolution():
    for n_channels in (20, 200):
        axis = torch.linspace(4000, 9000, n_channels, dtype=torch.float64).expand(2, -1)
        derivative = first_derivative(3e-4 * axis + 1, torch.ones_like(axis, dtype=bool), axis)
        torch.testing.assert_close(derivative, torch.full_like(axis, 3e-4))
        sizes = row_size(derivative, torch.ones_like(axis, dtype=bool))
        torch.testing.assert_close(sizes, torch.full((2,), 3e-4, dtype=torch.float64))


def test_one_channel_has_no_derivative_and_no_deviation():
    one = torch.ones(2, 1)
    assert mean_step(one).tolist() == [[1], [1]]
    assert first_derivative(one, one.bool(), one).tolist() == [[0], [0]]
    snv, mean, deviation = standard_normal(one, one.bool())
    assert snv.tolist() == [[0], [0]] and mean.tolist() == [[1], [1]] and not deviation.any()


def test_snv_is_that_of_the_transformer():
    values, seen, _ = draw()
    expected = SNV().fit_transform(values.masked_fill(~seen, torch.nan).numpy())
    snv, mean, deviation = standard_normal(values, seen)
    np.testing.assert_allclose(snv.numpy(), np.nan_to_num(expected), atol=1e-12)
    torch.testing.assert_close((snv * deviation + mean)[seen], values[seen])


def test_constant_spectra_become_zero():
    flat = torch.full((1, 30), 7.3)
    flat[0, 3] *= 1 + 4e-7  # a few units of rounding
    assert 0 < flat.max() - flat.min() < FLAT_UNITS * torch.finfo(flat.dtype).eps * 7.3
    snv, _, deviation = standard_normal(flat, torch.ones_like(flat, dtype=torch.bool))
    assert not snv.any() and not deviation.any()


def test_autocast_does_not_round_derivatives():
    values, seen, axis = draw()
    values = (values.float() * 1e-3 + 1).contiguous()
    expected = first_derivative(values, seen, axis)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(first_derivative(values, seen, axis), expected)


# Departure from lines around each channel -----------------------------------------------


def test_curvature_is_the_residual_of_lines_over_its_root_mean_square():
    values, seen, _ = draw(n_channels=60)
    found, size = curvature(values, seen)
    for x, good, row, scale in zip(*(t.numpy() for t in (values, seen, found, size)), strict=True):
        departure = np.zeros(60)
        for j in np.flatnonzero(good):
            around = np.arange(max(j - CURVED_WINDOW, 0), min(j + CURVED_WINDOW + 1, 60))
            around = around[good[around]]
            departure[j] = x[j] - np.polyval(np.polyfit(around, x[around], 1), j)
        expected = np.sqrt(np.mean(departure[good] ** 2))
        np.testing.assert_allclose(scale, expected)
        np.testing.assert_allclose(row, departure / expected, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("line", [torch.linspace(0.2, 0.9, 60), torch.full((60,), 7.3)])
def test_straight_spectra_have_no_curvature(dtype, line):
    found, size = curvature(line[None].double().to(dtype), torch.ones(1, 60, dtype=torch.bool))
    assert size.abs().max() < 1e-6 and found.isfinite().all()


def test_curvature_ignores_offset_slope_unit_and_channels_that_are_not_seen():
    values, seen, _ = draw(n_channels=60)
    reference, size = curvature(values, seen)
    other = (1e3 * (values + torch.linspace(5, 9, 60, dtype=torch.float64))).masked_fill(
        ~seen, torch.nan
    )
    found, larger = curvature(other, seen)
    torch.testing.assert_close(found, reference)
    torch.testing.assert_close(larger, 1e3 * size)


@pytest.mark.parametrize("unit", [-100, -70, 70, 100])
def test_sizes_of_any_unit_are_those_of_the_spectra(unit):
    values = torch.tensor(np.random.default_rng(0).normal(size=(3, 30)), dtype=torch.float32)
    seen = torch.ones_like(values, dtype=torch.bool)
    snv, _, deviation = standard_normal(values, seen)
    in_unit, _, deviation_in_unit = standard_normal(values * 2.0**unit, seen)
    assert torch.equal(in_unit, snv)
    assert torch.equal(deviation_in_unit, deviation * 2.0**unit)
    assert torch.equal(row_size(values * 2.0**unit, seen), row_size(values, seen) * 2.0**unit)
    departure, size = curvature(values, seen)
    in_unit, size_in_unit = curvature(values * 2.0**unit, seen)
    assert torch.equal(in_unit, departure) and torch.equal(size_in_unit, size * 2.0**unit)
