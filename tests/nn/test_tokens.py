"""Patches, their validity, and the encoding of where they lie."""

import pytest
import torch

from skspektron._nn.tokens import (
    PatchTokens,
    WavelengthEncoding,
    patch_valid,
    patchify,
    unpatchify,
)


@pytest.mark.parametrize(
    ("n_channels", "n_patches"), [(256, 10), (650, 25), (700, 26), (3501, 130)]
)
def test_patchify_round_trip_is_exact(n_channels, n_patches):
    x = torch.randn(2, n_channels)
    patches = patchify(x, 27)
    assert patches.shape == (2, n_patches, 27)
    assert torch.equal(unpatchify(patches, n_channels), x)
    assert patches.reshape(2, -1)[:, n_channels:].eq(0).all()


@pytest.mark.parametrize(("n_bad", "usable"), [(0, True), (5, True), (6, False), (10, False)])
def test_patch_is_usable_up_to_half_bad_channels(n_bad, usable):
    valid = torch.ones(1, 10, dtype=torch.bool)
    valid[0, 3 : 3 + n_bad] = False
    assert patch_valid(valid.roll(-3, 1), 10).item() is usable


@pytest.mark.parametrize(("tail", "usable"), [(4, False), (5, True)])
def test_padding_counts_as_bad(tail, usable):
    valid = torch.ones(1, 10 + tail, dtype=torch.bool)
    assert patch_valid(valid, 10).tolist() == [[True, usable]]


def test_periods_are_evenly_spaced_in_log():
    omega = WavelengthEncoding(32).omega
    ratio = omega[1:] / omega[:-1]
    assert (ratio / ratio[0] - 1).abs().max() < 1e-6
    assert 2 * torch.pi / omega[0] == pytest.approx(64)
    assert 2 * torch.pi / omega[-1] == pytest.approx(32768)


def test_channel_encoding_knows_the_wavenumber_alone():
    encoding = WavelengthEncoding(16)
    coarse = 1e7 / torch.linspace(1100, 2500, 15, dtype=torch.float64)
    fine = 1e7 / torch.linspace(1400, 1600, 201, dtype=torch.float64)
    assert torch.equal(encoding.channels(coarse)[4], encoding.channels(fine)[100])  # 1500 nm


def test_neighbours_are_more_alike_than_strangers():
    encoding = WavelengthEncoding(32)
    codes = encoding.channels(6000 + 4.0 * torch.arange(6, dtype=torch.float64))
    likeness = codes @ codes[0]
    assert (likeness.diff() < 0).all()


def test_shifted_axis_and_wider_patches_change_positions():
    encoding = WavelengthEncoding(16)
    axis = torch.linspace(4000, 9000, 40, dtype=torch.float64).view(1, 8, 5)
    good = torch.ones(1, 8, 5, dtype=torch.bool)
    position = encoding(axis, good)
    assert (encoding(axis + 100, good) - position).abs().amax(-1).min() > 1e-3
    wide = axis.mean(-1, keepdim=True) + 2 * (axis - axis.mean(-1, keepdim=True))
    assert (encoding(wide, good) - position).abs().amax(-1).min() > 1e-3


def test_bad_channel_takes_the_mean_of_its_patch():
    tokens = PatchTokens(4, 6)
    values = torch.tensor([[1.0, 2.0, 3.0, 1e6]])
    valid = torch.tensor([[True, True, True, False]])
    filled = torch.tensor([[1.0, 2.0, 3.0, 2.0]])
    all_good = torch.ones_like(valid)
    assert torch.equal(tokens(values, valid), tokens(filled, all_good))
    assert tokens(torch.full((1, 4), torch.nan), ~all_good).isfinite().all()
