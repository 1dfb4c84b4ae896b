"""Wavelet tokens: filters, explicit transform, alignment, padding, hidden channels."""

import math

import numpy as np
import pytest
import torch

from skspektron._nn.tokens.wavelet import (
    HIGH_PASS,
    LOW_PASS,
    WaveletTokens,
    n_levels,
    split,
    wavelet_bands,
)
from skspektron._nn.tokens.windows import fill, n_windows

H, G = np.array(LOW_PASS), np.array(HIGH_PASS)
K = np.arange(8)


def tokenizer(d_model=6):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WaveletTokens(d_model)


def spectra(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mirrored(x, index):
    """Return x at any index, extended by reflection with the end values repeated."""
    index %= 2 * len(x)
    return x[index] if index < len(x) else x[2 * len(x) - 1 - index]


def filtered(x, taps):
    """Return every second value of the filtered x, with reflection at the ends."""
    return np.array(
        [
            sum(taps[k] * mirrored(x, 2 * o - 6 + k) for k in range(8))
            for o in range((len(x) + 7) // 2)
        ]
    )


def literal_bands(x):
    """Return a4, d4 ... d1 of one spectrum at its channels, level by level, in float64."""
    # Centres of mass of the filters: of the values of h, of the energy of g.
    h_at, g_at = K @ H / H.sum() - 6, K @ G**2 - 6
    a, where, details = x, np.arange(len(x), dtype=float), []
    for _ in range(4):
        step = where[1] - where[0]
        d, d_at = filtered(a, G), where[0] + step * g_at
        a, a_at = filtered(a, H), where[0] + step * h_at
        details.append(np.interp(np.arange(len(x)), d_at + 2 * step * np.arange(len(d)), d))
        where = a_at + 2 * step * np.arange(len(a))
    return np.stack([np.interp(np.arange(len(x)), where, a), *reversed(details)])


def test_filters_are_orthonormal_with_4_vanishing_moments():
    assert H.sum() == pytest.approx(math.sqrt(2), abs=1e-12)
    for shift in range(4):
        overlap = 8 - 2 * shift
        for one in (H, G):
            assert one[:overlap] @ one[2 * shift :] == pytest.approx(float(shift == 0), abs=1e-12)
        assert H[:overlap] @ G[2 * shift :] == pytest.approx(0, abs=1e-12)
        assert G[:overlap] @ H[2 * shift :] == pytest.approx(0, abs=1e-12)
    for moment in range(4):
        assert G @ (K / 7) ** moment == pytest.approx(0, abs=1e-12)
    # Of the filters with these properties, the Daubechies filter has its mass at the start.
    assert K @ H / H.sum() == pytest.approx(1.0053932, abs=1e-6)


@pytest.mark.parametrize("n_channels", [14, 15, 60, 61])
def test_spectrum_is_reconstructed_from_one_level(n_channels):
    x = spectra(1, n_channels).double()
    a, d = (band[0].numpy() for band in split(x))
    assert len(a) == len(d) == (n_channels + 7) // 2
    rebuilt = [
        sum(
            a[o] * H[i - 2 * o + 6] + d[o] * G[i - 2 * o + 6]
            for o in range(len(a))
            if 0 <= i - 2 * o + 6 < 8
        )
        for i in range(n_channels)
    ]
    np.testing.assert_allclose(rebuilt, x[0], atol=1e-12)


@pytest.mark.parametrize("n_channels", [112, 127, 200])
def test_bands_equal_the_explicit_transform(n_channels):
    values = spectra(2, n_channels)
    for row, bands in zip(values, wavelet_bands(values), strict=True):
        np.testing.assert_allclose(bands, literal_bands(row.double().numpy()), atol=1e-5)


def test_details_of_polynomials_are_0_and_the_approximation_is_aligned():
    channel = torch.linspace(-1, 1, 512, dtype=torch.float64)[None]
    inside = slice(130, -130)  # away from the ends, where reflection makes a kink
    line = wavelet_bands(2 + channel)[0, :, inside]
    torch.testing.assert_close(line[0] / 4, 2 + channel[0, inside], rtol=0, atol=1e-8)
    cubic = wavelet_bands(channel**3 - channel)[0, 1:, inside]
    assert cubic.abs().max() < 1e-10


@pytest.mark.parametrize(
    ("n_channels", "levels"),
    [(1, 0), (13, 0), (14, 1), (27, 1), (28, 2), (56, 3), (111, 3), (112, 4), (5000, 4)],
)
def test_short_spectra_have_fewer_levels(n_channels, levels):
    assert n_levels(n_channels) == levels
    bands = wavelet_bands(spectra(1, n_channels))[0]
    assert bands.shape == (5, n_channels)
    assert bands.ne(0).any(1).tolist() == [True] + [False] * (4 - levels) + [True] * levels


def test_number_of_tokens_on_the_published_grid():
    tokens = tokenizer()(spectra(1, 2048), torch.tensor([2048]))
    assert tokens.shape == (1, 127, 6)


def test_token_is_the_projection_of_its_window_of_all_bands():
    values, tokens = spectra(2, 150), tokenizer()
    actual = tokens(values, torch.tensor([150, 150]))
    bands = torch.nn.functional.pad(wavelet_bands(values), (0, 32))
    for i in range(n_windows(150, 32, 16)):
        window = bands[:, :, 16 * i : 16 * i + 32]
        torch.testing.assert_close(actual[:, i], tokens.project(window.flatten(1)))


def test_padding_does_not_change_a_spectrum():
    tokens, lengths = tokenizer(), torch.tensor([200, 20, 133, 1])
    batch = spectra(4, 200)
    together = tokens(batch, lengths)
    for row, length, got in zip(batch, lengths, together, strict=True):
        alone = tokens(row[None, :length], length[None])[0]
        torch.testing.assert_close(got[: len(alone)], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("hidden", [torch.nan, 1e6])
def test_hidden_channels_have_no_influence(hidden):
    tokens, values, length = tokenizer(), spectra(2, 160), torch.tensor([160, 160])
    seen = torch.arange(160).expand(2, -1) // 16 % 3 != 1
    other = values.masked_fill(~seen, hidden)
    assert torch.equal(
        tokens(fill(other, seen, 16), length), tokens(fill(values, seen, 16), length)
    )
    # Masking after the filters would not be enough: hidden channels change all tokens.
    moved = tokens(torch.where(seen, values, values + 1), length)
    assert (moved != tokens(values, length)).any(-1).all()


def test_every_channel_has_a_gradient():
    values = spectra(1, 150).requires_grad_()
    tokenizer()(values, torch.tensor([150])).square().sum().backward()
    assert values.grad.isfinite().all() and values.grad.ne(0).all()


def test_details_are_not_rounded_under_autocast():
    values = 100 + 0.01 * spectra(1, 150)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = wavelet_bands(values)
    assert torch.equal(rounded, wavelet_bands(values))
