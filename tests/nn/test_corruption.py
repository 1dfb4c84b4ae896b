"""Random instrument effects: size, good channels only, ends, reproducibility."""

import pytest
import torch

from skspektron._nn import corruption
from skspektron._nn.corruption import corrupt


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def spectra():
    """Return 2000 lines over 60 channels with standard deviation 1, and their good channels."""
    line = torch.linspace(0, 1, 60)
    line = (line - line.mean()) / line.std(correction=0)
    return line.repeat(2000, 1), torch.ones(2000, 60, dtype=torch.bool)


@pytest.fixture
def keep_only(monkeypatch):
    """Return a function that disables all effects but one."""

    def keep(name):
        for other in {"_scale", "_shift", "_drift", "_noise"} - {name}:
            monkeypatch.setattr(corruption, other, lambda values, valid, spread: values)

    return keep


def test_probability_zero_leaves_spectra_unchanged(spectra):
    values, valid = spectra
    assert torch.equal(corrupt(values, valid, 0.0), values)


def test_seed_reproduces_and_spectra_differ(spectra):
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(corrupt(*spectra))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert len(draws[0].unique(dim=0)) > 1800  # 1/16 of the spectra are unchanged


@pytest.mark.parametrize("name", ["_scale", "_shift", "_drift", "_noise"])
def test_every_effect_is_applied_to_half_of_the_spectra(spectra, keep_only, name):
    keep_only(name)
    changed = (corrupt(*spectra) != spectra[0]).any(1)
    assert changed.double().mean() == pytest.approx(0.5, abs=0.05)


def test_noise_is_white_and_relative_to_the_standard_deviation(spectra, keep_only):
    keep_only("_noise")
    values, valid = spectra
    noise = corrupt(7 * values + 3, valid, 1.0) - (7 * values + 3)
    assert noise.std() == pytest.approx(0.07, rel=0.02)
    neighbours = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
    assert abs(neighbours) < 0.02


def test_gain_is_between_095_and_105(spectra, keep_only):
    keep_only("_scale")
    values, valid = spectra
    factor = corrupt(values, valid, 1.0)[:, 0] / values[:, 0]
    assert 0.95 <= factor.min() < 0.952 and 1.048 < factor.max() <= 1.05


def test_drift_is_a_polynomial_of_order_1_to_3_without_offset(spectra, keep_only):
    keep_only("_drift")
    values, valid = spectra
    drift = (corrupt(values, valid, 1.0) - values).double()
    position = torch.linspace(-1, 1, 60, dtype=torch.float64)
    powers = torch.stack([position**k for k in range(4)], 1)
    fitted = torch.linalg.lstsq(powers, drift.T).solution  # (4, 2000)
    assert (powers @ fitted - drift.T).abs().max() < 1e-5
    assert fitted[0].abs().max() < 1e-5
    assert fitted[1].std() == pytest.approx(0.005, rel=0.1)
    orders = (fitted[1:].abs() > 1e-5).sum(0)
    assert [int((orders == k).sum()) > 500 for k in (1, 2, 3)] == [True] * 3


def test_shift_interpolates_and_is_constant_at_the_ends(keep_only):
    keep_only("_shift")
    line = torch.arange(60.0).repeat(500, 1)
    shifted = corrupt(line, torch.ones_like(line, dtype=torch.bool), 1.0)
    shift = shifted[:, 30] - 30
    assert shift.abs().max() <= 3 and shift.min() < -2.9 and shift.max() > 2.9
    expected = (line + shift[:, None]).clamp(0, 59)  # a circular shift would move 59 to channel 0
    torch.testing.assert_close(shifted, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_shift_ignores_bad_channels_and_leaves_them_unchanged(keep_only, garbage):
    keep_only("_shift")
    values, valid = torch.arange(20.0).repeat(200, 1), torch.ones(200, 20, dtype=torch.bool)
    valid[:, [0, 7, 8, 17, 18, 19]] = False
    values[~valid] = garbage
    shifted = corrupt(values, valid, 1.0)
    torch.testing.assert_close(shifted[~valid], values[~valid], equal_nan=True)
    assert shifted[valid].min() >= 1 and shifted[valid].max() <= 16


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_all_effects_ignore_invalid_values_at_bad_channels(spectra, garbage):
    values, valid = (x[:50].clone() for x in spectra)
    valid[:, 50:] = False
    valid[0], valid[1, 1:] = False, False
    values[~valid] = garbage
    corrupted = corrupt(values, valid)
    torch.testing.assert_close(corrupted[~valid], values[~valid], equal_nan=True)
    assert (corrupted - values)[valid].abs().max() < 1
