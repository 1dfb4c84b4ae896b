"""Positional encodings: continuous, sinusoidal, learned."""

import math

import pytest
import torch

from skspektron._nn.tokens.positions import LearnedPosition, SinusoidalPosition, WavelengthEncoding

ENCODINGS = {
    "continuous": lambda: WavelengthEncoding(16),
    "sinusoidal": lambda: SinusoidalPosition(16),
    "learned": lambda: LearnedPosition(8, 16),
}


def axis(n_tokens=8, span=5):
    """Return the wavenumbers of one grid in patches, and which of them are measured (all)."""
    wavenumber = torch.linspace(4000, 9000, n_tokens * span, dtype=torch.float64)
    return wavenumber.view(1, n_tokens, span), torch.ones(1, n_tokens, span, dtype=torch.bool)


@pytest.mark.parametrize("name", ENCODINGS)
def test_positions_of_tokens_differ(name):
    wavenumber, measured = axis()
    position = ENCODINGS[name]()(wavenumber.expand(3, -1, -1), measured.expand(3, -1, -1))
    assert position.shape == (3, 8, 16) and position.dtype == torch.float32
    distance = torch.cdist(position[0], position[0]) + torch.eye(8)
    assert distance.min() > 1e-3


@pytest.mark.parametrize("name", ENCODINGS)
def test_parameters_and_buffers_are_float32(name):
    encoding = ENCODINGS[name]()
    assert all(t.dtype == torch.float32 for t in (*encoding.parameters(), *encoding.buffers()))
    before = encoding(*axis())
    assert torch.equal(encoding.float()(*axis()), before)


# Continuous ----------------------------------------------------------------------------


def test_periods_are_evenly_spaced_on_a_log_scale():
    omega = WavelengthEncoding(32).omega
    ratio = omega[1:] / omega[:-1]
    assert (ratio / ratio[0] - 1).abs().max() < 1e-6
    assert 2 * torch.pi / omega[0] == pytest.approx(64)
    assert 2 * torch.pi / omega[-1] == pytest.approx(32768)


def test_channel_encoding_equals_the_formula():
    encoding = WavelengthEncoding(6)
    code = encoding.channels(torch.tensor([7123.4567], dtype=torch.float64))[0]
    for k, period in enumerate([64, math.sqrt(64 * 32768), 32768]):
        phase = 2 * math.pi * 7123.4567 / period
        assert code[2 * k].item() == pytest.approx(math.sin(phase), abs=1e-7)
        assert code[2 * k + 1].item() == pytest.approx(math.cos(phase), abs=1e-7)


def test_channel_encoding_depends_on_the_wavenumber_only():
    encoding = WavelengthEncoding(16)
    coarse = 1e7 / torch.linspace(1100, 2500, 15, dtype=torch.float64)
    fine = 1e7 / torch.linspace(1400, 1600, 201, dtype=torch.float64)
    assert torch.equal(encoding.channels(coarse)[4], encoding.channels(fine)[100])  # 1500 nm


def test_similarity_decreases_with_distance():
    encoding = WavelengthEncoding(32)
    codes = encoding.channels(6000 + 4.0 * torch.arange(6, dtype=torch.float64))
    similarity = codes @ codes[0]
    assert (similarity.diff() < 0).all()


def test_encoding_depends_on_position_and_width_of_a_patch():
    encoding = WavelengthEncoding(16)
    wavenumber, good = axis()
    position = encoding(wavenumber, good)
    assert (encoding(wavenumber + 100, good) - position).abs().amax(-1).min() > 1e-3
    centre = wavenumber.mean(-1, keepdim=True)
    wide = encoding(centre + 2 * (wavenumber - centre), good)
    assert (wide - position).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("padding", [0.0, 1e6, torch.nan])
def test_channels_that_are_not_measured_are_ignored(padding):
    encoding = WavelengthEncoding(16)
    wavenumber, measured = axis()
    measured[0, -1, 3:] = False
    position = encoding(wavenumber.masked_fill(~measured, padding), measured)[0, -1]
    short = encoding(wavenumber[:, -1:, :3], measured[:, -1:, :3])[0, 0]
    torch.testing.assert_close(position, short, rtol=0, atol=1e-6)


# Sinusoidal and learned ----------------------------------------------------------------


def test_sinusoidal_position_equals_the_formula():
    position = SinusoidalPosition(6)(*axis(n_tokens=200))[0]
    for i in (0, 1, 37, 199):
        for k in range(3):
            phase = i / 10000 ** (2 * k / 6)
            assert position[i, 2 * k].item() == pytest.approx(math.sin(phase), abs=1e-6)
            assert position[i, 2 * k + 1].item() == pytest.approx(math.cos(phase), abs=1e-6)


@pytest.mark.parametrize("name", ["sinusoidal", "learned"])
def test_encodings_of_the_token_index_do_not_depend_on_the_axis(name):
    wavenumber, measured = axis()
    encoding = ENCODINGS[name]()
    assert torch.equal(encoding(wavenumber, measured), encoding(wavenumber + 100, measured))


def test_learned_positions_have_small_initial_values_and_gradients():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learned = LearnedPosition(128, 64)
    assert learned.table.std().item() == pytest.approx(0.02, rel=0.05)
    learned(*axis(n_tokens=128)).square().sum().backward()
    assert learned.table.grad.ne(0).all()


@pytest.mark.parametrize("n_tokens", [7, 9])
def test_learned_positions_refuse_other_lengths(n_tokens):
    with pytest.raises(ValueError, match=rf"have \[{n_tokens}\] tokens.* learned for 8\."):
        LearnedPosition(8, 16)(*axis(n_tokens=n_tokens))


def test_learned_positions_refuse_a_short_grid_in_a_padded_batch():
    wavenumber, measured = (x.repeat(2, 1, 1) for x in axis())
    measured[1, 6:] = False
    with pytest.raises(ValueError, match=r"have \[6, 8\] tokens.* learned for 8\."):
        LearnedPosition(8, 16)(wavenumber, measured)
