"""Interpolation of hidden channels, and the decoder that corrects it."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline

from skspektron._nn.interpolation import interpolate
from skspektron._nn.objectives import PretrainingTask

MASK = torch.zeros(4, 12, dtype=torch.bool)
MASK[0, [0, 3, 4]] = MASK[1, [5, 10, 11]] = MASK[2, 1:] = MASK[3, ::2] = True


@pytest.fixture
def batch(make_batch):
    """Return spectra on two uneven axes, one of them shorter, with bad channels."""
    batch = make_batch()
    axis = batch["wavenumber"].clone()
    axis[2:] = 1e7 / torch.linspace(2500, 1100, 60, dtype=torch.float64)
    axis[2:, 57:] = torch.nan
    batch["valid"][2:, 57:] = False
    batch["valid"][1, [0, 7, 8]] = False
    return batch | {"wavenumber": axis, "grid": torch.tensor([0, 0, 1, 1])}


def expected(batch, seen):
    """Return the interpolated spectra by numpy, NaN in the padding."""
    lines = np.full(seen.shape, np.nan)
    arrays = (batch["values"].double(), seen, batch["wavenumber"])
    for line, x, good, axis in zip(lines, *(a.numpy() for a in arrays), strict=True):
        own = np.isfinite(axis)
        line[own] = np.interp(axis[own], axis[good], x[good])
    return lines


def test_interpolation_is_that_of_numpy_on_every_axis(batch):
    seen = torch.rand(4, 60, generator=torch.Generator().manual_seed(0)) < 0.4
    seen &= batch["valid"]
    seen[0, :9] = seen[3, 40:] = False
    lines = expected(batch, seen)
    own = np.isfinite(lines)
    values = batch["values"].masked_fill(~seen, torch.nan)
    found = interpolate(values, seen, batch["wavenumber"]).line.numpy()
    np.testing.assert_allclose(found[own], lines[own], rtol=0, atol=1e-6)
    assert np.isfinite(found).all()
    exact = interpolate(batch["values"].double(), seen, batch["wavenumber"]).line.numpy()
    np.testing.assert_allclose(exact[own], lines[own], rtol=0, atol=1e-12)


def test_bend_turns_the_line_into_the_cubic_with_the_slopes_at_both_ends(batch):
    x = torch.linspace(-1, 2, 60, dtype=torch.float64)
    values = torch.stack([x**2, 3 * x - 1, x**3, x**2])
    seen = torch.ones(4, 60, dtype=torch.bool)
    seen[:3, 20:31] = seen[3, :9] = seen[3, 50:] = False
    line, bend = interpolate(values, seen, batch["wavenumber"])
    assert bend[seen].eq(0).all() and bend[1].abs().max() < 1e-12  # a straight spectrum
    assert bend[3].eq(0).all()  # no curve through one end
    for row in (0, 2):
        slope = [np.polyfit(range(4), values[row, j : j + 4], 1)[0] for j in (16, 31)]
        cubic = CubicHermiteSpline([19, 31], values[row, [19, 31]], slope)(np.arange(20, 31))
        even = np.interp(np.arange(20, 31), [19, 31], values[row, [19, 31]])
        np.testing.assert_allclose(bend[row, 20:31], cubic - even, atol=1e-12)
        assert (line + bend - values)[0].abs().max() < 0.3 * (line - values)[0].abs().max()


def test_spectrum_without_visible_channels_is_zero(batch):
    nothing = torch.zeros(4, 60, dtype=torch.bool)
    assert all(x.eq(0).all() for x in interpolate(batch["values"], nothing, batch["wavenumber"]))


@pytest.fixture(params=["patch", "raw", "wavelet"])
def network(request, make_network):
    return make_network(decoder="correction", tokenizer=request.param)


def reconstruct(network, batch):
    return network.decode(network(**batch, mask=MASK), batch["wavenumber"])


def test_reconstruction_starts_as_linear_interpolation(network, batch):
    hidden = network.hidden_channels(MASK, batch["valid"])
    lines = expected(batch, batch["valid"] & ~hidden)
    with torch.inference_mode():
        values = reconstruct(network, batch).numpy()
    np.testing.assert_allclose(values[hidden], lines[hidden], rtol=0, atol=1e-6)


def test_correction_has_a_gradient_at_the_start_and_others_after_a_step(network, batch):
    def gradients():
        network.zero_grad()
        PretrainingTask(network, ["masked"])(**batch, mask=MASK)["masked"].backward()
        return {name: p.grad.abs().max() for name, p in network.named_parameters()}

    assert gradients()["head.weight"] > 0
    torch.nn.init.normal_(network.head.weight)
    after = gradients()
    assert all(after[name] > 0 for name in ("mask_token", "blocks.0.filter.B", "head.bias"))


def test_reconstruction_has_the_unit_of_the_spectrum_and_a_line_is_kept(network, make_batch):
    torch.nn.init.normal_(network.head.weight)
    batch, mask = make_batch(), torch.zeros(4, 12, dtype=torch.bool)
    mask[:, [3, 6, 7]] = True
    line = torch.linspace(-3, 5, 60)
    with torch.inference_mode():
        values, larger, sloped = (
            network.decode(network(**batch | {"values": each}, mask=mask), batch["wavenumber"])
            for each in (batch["values"], 1e3 * batch["values"], batch["values"] + line)
        )
    torch.testing.assert_close(larger, 1e3 * values, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(sloped, values + line, rtol=0, atol=1e-3)


@pytest.mark.parametrize("n_channels", [1, 40])
def test_constant_spectra_stay_constant(make_network, make_batch, n_channels):
    network, batch = make_network(decoder="correction"), make_batch(n_channels=n_channels)
    torch.nn.init.normal_(network.head.weight)
    flat = torch.full_like(batch["values"], 7.3)
    mask = MASK[:, : -(-n_channels // 5)]
    with torch.inference_mode():
        encoded = network(**batch | {"values": flat}, mask=mask)
        values = network.decode(encoded, batch["wavenumber"])
    seen = (batch["valid"] & ~network.hidden_channels(mask, batch["valid"])).any(1)
    torch.testing.assert_close(values[seen], flat[seen])
    assert values[~seen].eq(0).all()
