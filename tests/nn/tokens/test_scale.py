"""Scales of spectra: median and area, hidden channels, padding, spectra without a scale."""

import warnings

import numpy as np
import pytest
import torch

from skspektron._nn.tokens.scale import SCALES


def positive(n_samples=3, n_channels=50):
    return 0.1 + torch.rand(n_samples, n_channels, generator=torch.Generator().manual_seed(0))


def uneven_axis(n_samples=3, n_channels=50):
    """Return an axis in cm-1 that is equally spaced in nm."""
    return (1e7 / torch.linspace(2500, 1100, n_channels, dtype=torch.float64)).expand(n_samples, -1)


def scale(name, values, seen=None):
    seen = torch.ones_like(values, dtype=torch.bool) if seen is None else seen
    return SCALES[name](values, seen, uneven_axis(*values.shape))


def test_scale_is_1_without_normalization():
    assert torch.equal(scale(None, positive()), torch.ones(3, 1))


@pytest.mark.parametrize("n_channels", [1, 50, 51])
def test_scaled_spectra_have_median_1(n_channels):
    values = 7 * positive(n_channels=n_channels)
    medians = np.median((values / scale("median", values)).numpy(), axis=1)
    np.testing.assert_allclose(medians, 1, rtol=0, atol=1e-6)


def test_scaled_spectra_have_area_1_over_the_unit_interval():
    values = 7 * positive()
    axis = uneven_axis()[0].numpy()
    scaled = (values / scale("area", values)).double().numpy()
    areas = np.trapezoid(scaled, (axis - axis[0]) / (axis[-1] - axis[0]), axis=1)
    np.testing.assert_allclose(areas, 1, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["median", "area"])
def test_scale_is_positive_and_proportional_to_the_gain(name):
    values = positive()
    assert torch.equal(scale(name, -values), scale(name, values))
    torch.testing.assert_close(scale(name, 3 * values), 3 * scale(name, values))


@pytest.mark.parametrize("name", ["median", "area"])
@pytest.mark.parametrize("hidden", [torch.nan, torch.inf, 1e6])
def test_channels_that_are_not_seen_are_ignored(name, hidden):
    values = positive()
    seen = torch.arange(50).expand(3, -1) // 10 != 2
    expected = scale(name, values, seen)
    assert torch.equal(scale(name, values.masked_fill(~seen, hidden), seen), expected)
    assert not torch.equal(scale(name, values), expected)


def test_median_is_that_of_the_seen_values():
    values = positive(1, 6)
    seen = torch.tensor([[True, False, True, True, False, True]])
    expected = np.median(values[seen].numpy())
    assert scale("median", values, seen).item() == pytest.approx(expected, abs=1e-7)


def test_area_scale_of_a_constant_spectrum_does_not_depend_on_the_seen_channels():
    seen = torch.arange(50).expand(3, -1) >= 20
    torch.testing.assert_close(
        scale("area", torch.full((3, 50), 2.5), seen), torch.full((3, 1), 2.5)
    )


@pytest.mark.parametrize("name", ["median", "area"])
def test_padding_has_no_influence(name):
    values, axis = positive(), uneven_axis()
    pad = torch.full((3, 9), torch.nan)
    seen = torch.arange(59).expand(3, -1) < 50
    padded = SCALES[name](torch.cat([values, pad], 1), seen, torch.cat([axis, pad.double()], 1))
    torch.testing.assert_close(padded, scale(name, values), rtol=1e-6, atol=0)


def all_zero(values):
    values[1] = 0


def median_zero(values):
    values[1] = torch.linspace(-1, 1, 50)


def nothing_seen(values):
    values[1] = torch.nan


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("median", all_zero),
        ("median", median_zero),
        ("median", nothing_seen),
        ("area", all_zero),
        ("area", nothing_seen),
    ],
)
def test_spectrum_without_a_scale_is_unchanged_with_one_warning(name, spoil):
    values = positive()
    expected = scale(name, values)
    spoil(values)
    with pytest.warns(UserWarning, match=f"not divided by their {name}") as caught:
        actual = scale(name, values, values.isfinite())
    assert len(caught) == 1
    assert torch.equal(actual, torch.stack([expected[0], torch.ones(1), expected[2]]))


def test_area_of_a_spectrum_with_both_signs_is_that_of_its_magnitude():
    values = torch.linspace(-1, 1, 51)[None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        even = torch.arange(51, dtype=torch.float64)[None]
        actual = SCALES["area"](values, torch.ones_like(values, dtype=torch.bool), even)
    assert actual.item() == pytest.approx(0.5, abs=0.01)
