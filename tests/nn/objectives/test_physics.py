"""Physical constraints: values, gradients, hidden and bad channels, mixtures."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.objectives.physics import (
    SLOPE_UNIT,
    BeerLambert,
    Derivative,
    NonNegativity,
    PeakSymmetry,
    Smoothness,
    pairs_of_one_grid,
    slope,
)
from skspektron._nn.views import Views

AXIS = torch.linspace(4000, 4400, 101, dtype=torch.float64)
LAWS = [Smoothness, NonNegativity, Derivative, PeakSymmetry]


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def band(axis=AXIS, centre=4200.0, width=20.0):
    return torch.exp(-(((axis - centre) / width) ** 2) / 2).float()


def views(reconstruction, target=None, axis=AXIS, valid=None, hidden=None):
    """Return the views of a batch, with all good channels hidden by default."""
    target = torch.zeros_like(reconstruction) if target is None else target
    valid = torch.ones_like(target, dtype=torch.bool) if valid is None else valid
    return SimpleNamespace(
        batch={"values": target, "valid": valid, "wavenumber": axis.expand(len(target), -1)},
        hidden=valid if hidden is None else hidden & valid,
        reconstruction=reconstruction,
    )


def loss(law, *args, **kwargs):
    return law(None, 1)(views(*args, **kwargs))


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


# Single constraints --------------------------------------------------------------------


def test_smoothness_is_0_for_a_constant_and_large_for_noise():
    assert loss(Smoothness, torch.full((2, 101), 0.7)) == 0
    rough = band() + 0.1 * noise(1, 101)
    assert loss(Smoothness, rough) > 5 * loss(Smoothness, band()[None])


def test_smoothness_does_not_depend_on_sampling():
    fine = torch.linspace(4000, 4400, 201, dtype=torch.float64)
    even_in_nm = 1e7 / torch.linspace(2500, 1e7 / 4400, 101, dtype=torch.float64)
    for axis in (AXIS, fine, even_in_nm):
        line = ((axis - 4000) / 100).float()[None]
        assert loss(Smoothness, line, axis=axis).item() == pytest.approx(0.05**2, rel=0.01)
    for axis in (AXIS, fine):  # per 5 cm-1 the slope of x^2 is 0.1 x, for x from 0 to 4
        curve = ((axis - 4000) / 100).float()[None] ** 2
        assert loss(Smoothness, curve, axis=axis).item() == pytest.approx(0.1**2 * 16 / 3, rel=0.01)


def test_slopes_on_uneven_axes():
    axis = torch.tensor([[0.0, 10.0, 25.0, 30.0, 70.0, 80.0]], dtype=torch.float64)
    torch.testing.assert_close(
        slope(3 * axis / SLOPE_UNIT, axis), torch.full_like(axis[:, 1:], 3.0)
    )


def test_non_negativity_is_the_mean_negative_part():
    assert loss(NonNegativity, band()[None]) == 0
    y = torch.tensor([[-0.3, 0.2, -0.1, 0.4]])
    assert loss(NonNegativity, y, axis=AXIS[:4]).item() == pytest.approx(0.1)


def test_derivative_ignores_an_offset_and_equals_the_squared_slope():
    target = band()[None]
    assert loss(Derivative, target, target) == 0
    assert loss(Derivative, target + 0.5, target) < 1e-10
    tilted = target + ((AXIS - 4000) / 100).float()
    assert loss(Derivative, tilted, target).item() == pytest.approx(0.05**2, rel=1e-3)


def test_peak_symmetry_is_0_for_symmetric_and_positive_for_skewed_bands():
    assert loss(PeakSymmetry, band()[None]) < 1e-12
    skewed = torch.where(AXIS < 4200, band(width=10.0), band(width=30.0))[None]
    x = (skewed[0, 50 - 3 : 50].flip(0) - skewed[0, 51 : 51 + 3]).square().mean()
    torch.testing.assert_close(loss(PeakSymmetry, skewed), x)
    both = torch.cat([skewed, band()[None]])
    torch.testing.assert_close(loss(PeakSymmetry, both), x / 2)  # the mean over two bands
    assert loss(PeakSymmetry, torch.linspace(0, 1, 101)[None]) == 0  # no band


# All constraints on reconstructions ----------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_gradient_is_that_of_the_reconstruction_only(law):
    y, target = noise(2, 101).requires_grad_(), band().repeat(2, 1).requires_grad_()
    loss(law, y, target).backward()
    assert y.grad.abs().max() > 0 and target.grad is None
    assert {"absorbance"} == law.NEEDS


@pytest.mark.parametrize("law", LAWS)
def test_only_hidden_channels_are_penalized(law):
    hidden = torch.zeros(2, 101, dtype=torch.bool)
    hidden[:, 40:60] = True
    y, target = noise(2, 101).requires_grad_(), noise(2, 101).flip(1)
    loss(law, y, target, hidden=hidden).backward()
    assert y.grad[~hidden].eq(0).all() and y.grad[hidden].ne(0).any()
    nothing = loss(law, y, target, hidden=torch.zeros_like(hidden))
    nothing.backward()
    assert nothing == 0


def test_slopes_include_the_boundary_to_measured_channels():
    hidden = torch.zeros(1, 101, dtype=torch.bool)
    hidden[:, 40:60] = True
    constant = torch.full((1, 101), 0.5)
    for law in (Smoothness, Derivative):
        assert loss(law, constant, constant, hidden=hidden) == 0
        assert loss(law, constant + 0.1, constant, hidden=hidden) > 1e-4


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
@pytest.mark.parametrize("law", LAWS)
def test_bad_channels_and_padding_are_ignored(law, garbage):
    pad = torch.nn.functional.pad
    y, target = noise(2, 101) * 0.1 + band(), band().repeat(2, 1)
    bad = torch.zeros(2, 101, dtype=torch.bool)
    bad[:, [20, 71]] = True
    expected = loss(law, y, target, valid=~bad)
    bad, axis = pad(bad, (0, 9), value=True), pad(AXIS, (0, 9), value=torch.nan)
    y, target = (pad(x, (0, 9)).masked_fill(bad, garbage) for x in (y, target))
    y.requires_grad_()
    value = loss(law, y, target, axis=axis, valid=~bad)
    value.backward()
    torch.testing.assert_close(value, expected)
    assert y.grad.isfinite().all() and y.grad[bad].eq(0).all()


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
@pytest.mark.parametrize("law", LAWS)
def test_spectra_of_few_channels_are_finite(law, n_channels):
    assert loss(law, noise(2, n_channels), axis=AXIS[:n_channels]).isfinite()


# Beer-Lambert --------------------------------------------------------------------------


def mixtures(encode, grid=(0, 0, 0, 0, 1, 1), bad=(), garbage=0.0):
    """Return the loss of six spectra, and the spectra that were encoded for it."""
    generator, encoded = torch.Generator().manual_seed(2), []
    values = torch.rand(6, 20, generator=generator, dtype=torch.float64)
    valid = torch.ones(6, 20, dtype=torch.bool)
    for row, channel in bad:
        valid[row, channel] = False
    grid = torch.tensor(grid)

    def record(spectra):
        encoded.append(spectra)
        z = encode(spectra["values"].where(spectra["valid"], 0))
        return z if isinstance(z, SimpleNamespace) else SimpleNamespace(z=z, chemistry=None)

    batch = {
        "values": values.masked_fill(~valid, garbage),
        "valid": valid,
        "wavenumber": torch.linspace(0, 1, 20).double() + grid[:, None],
        "grid": grid,
    }
    return BeerLambert(None, 1)(SimpleNamespace(batch=batch, encode=record)), encoded


WEIGHT = torch.randn(20, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def linear(x):
    return x @ WEIGHT + 2


def squared(x):
    return (x @ WEIGHT) ** 2


@pytest.mark.parametrize("bad", [(), [(0, 3), (1, 7), (4, 3)]])
@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_linear_latents_give_0_and_quadratic_latents_do_not(bad, garbage):
    assert mixtures(linear, bad=bad, garbage=garbage)[0] < 1e-8
    assert mixtures(squared, bad=bad, garbage=garbage)[0] > 1e-2


def test_loss_does_not_depend_on_the_scale_of_the_latents():
    torch.manual_seed(1)
    expected = mixtures(squared)[0]
    torch.manual_seed(1)
    torch.testing.assert_close(mixtures(lambda x: 1e-3 * squared(x))[0], expected)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    mixtures(lambda x: scale * squared(x))[0].backward()
    assert abs(scale.grad) < 1e-12


def test_variational_latents_are_compared_by_their_means():
    def bottleneck(x):
        return SimpleNamespace(z=torch.randn(len(x), 5), chemistry=SimpleNamespace(mean=linear(x)))

    assert mixtures(bottleneck)[0] < 1e-8


def test_mixtures_are_of_two_spectra_on_one_grid():
    _, (spectra,) = mixtures(linear)
    first, second, mixed = spectra["values"].chunk(3)
    assert len(mixed) == 3
    fraction = ((mixed - second) / (first - second)).mean(1, keepdim=True)
    assert (fraction > 0).all() and (fraction < 1).all()
    torch.testing.assert_close(mixed, fraction * first + (1 - fraction) * second)
    assert spectra["grid"].chunk(3)[0].tolist().count(1) == 1
    torch.testing.assert_close(
        spectra["wavenumber"] - torch.linspace(0, 1, 20).double(),
        spectra["grid"][:, None].expand(-1, 20).double(),
    )


def test_batch_without_pairs_has_zero_loss_and_a_gradient():
    value, encoded = mixtures(squared, grid=range(6))
    value.backward()
    assert value == 0 and not encoded


@pytest.mark.parametrize("grid", [[0] * 7, [2, 0, 2, 1, 0, 2, 2, 5], [3]])
def test_pairs_are_disjoint_on_one_grid_and_as_many_as_possible(grid):
    draws = set()
    for _ in range(5):
        first, second = pairs_of_one_grid(torch.tensor(grid))
        rows = torch.cat([first, second]).tolist()
        assert len(set(rows)) == len(rows)
        assert [grid[i] for i in first] == [grid[j] for j in second]
        assert len(first) == sum(grid.count(g) // 2 for g in set(grid))
        draws.add(tuple(rows))
    assert len(draws) > 1 or len(grid) == 1


def test_beer_lambert_trains_the_network(make_network, make_batch):
    network, batch = make_network(), make_batch()
    value = BeerLambert(network, 1)(Views(network, batch))
    value.backward()
    assert value > 0 and network.tokens.project.weight.grad.abs().max() > 0
