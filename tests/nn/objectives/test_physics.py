"""Laws of absorbance: each has its fixed point, and reaches reconstructions, never targets."""

from types import SimpleNamespace

import pytest
import torch

from skspektron._nn.objectives.physics import (
    UNIT,
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
    """Return the views of a batch in which everything good is hidden, unless told otherwise."""
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


# Each law ------------------------------------------------------------------------------


def test_constant_is_smooth_and_noise_is_not():
    assert loss(Smoothness, torch.full((2, 101), 0.7)) == 0
    rough = band() + 0.1 * noise(1, 101)
    assert loss(Smoothness, rough) > 5 * loss(Smoothness, band()[None])


def test_smoothness_does_not_depend_on_the_sampling():
    fine = torch.linspace(4000, 4400, 201, dtype=torch.float64)
    even_in_nm = 1e7 / torch.linspace(2500, 1e7 / 4400, 101, dtype=torch.float64)
    for axis in (AXIS, fine, even_in_nm):
        line = ((axis - 4000) / 100).float()[None]
        assert loss(Smoothness, line, axis=axis).item() == pytest.approx(0.05**2, rel=0.01)
    for axis in (AXIS, fine):  # per 5 cm-1 the slope of x^2 is 0.1 x, for x from 0 to 4
        curve = ((axis - 4000) / 100).float()[None] ** 2
        assert loss(Smoothness, curve, axis=axis).item() == pytest.approx(0.1**2 * 16 / 3, rel=0.01)


def test_slopes_are_per_unit_on_uneven_axes():
    axis = torch.tensor([[0.0, 10.0, 25.0, 30.0, 70.0, 80.0]], dtype=torch.float64)
    torch.testing.assert_close(slope(3 * axis / UNIT, axis), torch.full_like(axis[:, 1:], 3.0))


def test_non_negativity_is_the_mean_depth_below_zero():
    assert loss(NonNegativity, band()[None]) == 0
    y = torch.tensor([[-0.3, 0.2, -0.1, 0.4]])
    assert loss(NonNegativity, y, axis=AXIS[:4]).item() == pytest.approx(0.1)


def test_derivative_ignores_the_level_and_equals_the_squared_slope():
    target = band()[None]
    assert loss(Derivative, target, target) == 0
    assert loss(Derivative, target + 0.5, target) < 1e-10
    tilted = target + ((AXIS - 4000) / 100).float()
    assert loss(Derivative, tilted, target).item() == pytest.approx(0.05**2, rel=1e-3)


def test_flanks_of_a_symmetric_band_are_equal():
    assert loss(PeakSymmetry, band()[None]) < 1e-12
    skewed = torch.where(AXIS < 4200, band(width=10.0), band(width=30.0))[None]
    x = (skewed[0, 50 - 3 : 50].flip(0) - skewed[0, 51 : 51 + 3]).square().mean()
    torch.testing.assert_close(loss(PeakSymmetry, skewed), x)
    both = torch.cat([skewed, band()[None]])
    torch.testing.assert_close(loss(PeakSymmetry, both), x / 2)  # the mean over two bands
    assert loss(PeakSymmetry, torch.linspace(0, 1, 101)[None]) == 0  # no band


# All that look at a reconstruction -----------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_gradient_reaches_the_reconstruction_and_not_the_target(law):
    y, target = noise(2, 101).requires_grad_(), band().repeat(2, 1).requires_grad_()
    loss(law, y, target).backward()
    assert y.grad.abs().max() > 0 and target.grad is None
    assert {"absorbance"} == law.NEEDS


@pytest.mark.parametrize("law", LAWS)
def test_only_what_is_hidden_is_judged(law):
    hidden = torch.zeros(2, 101, dtype=torch.bool)
    hidden[:, 40:60] = True
    y, target = noise(2, 101).requires_grad_(), noise(2, 101).flip(1)
    loss(law, y, target, hidden=hidden).backward()
    assert y.grad[~hidden].eq(0).all() and y.grad[hidden].ne(0).any()
    nothing = loss(law, y, target, hidden=torch.zeros_like(hidden))
    nothing.backward()
    assert nothing == 0


def test_laws_of_shape_hold_across_the_border_to_measured_channels():
    hidden = torch.zeros(1, 101, dtype=torch.bool)
    hidden[:, 40:60] = True
    level = torch.full((1, 101), 0.5)
    for law in (Smoothness, Derivative):
        assert loss(law, level, level, hidden=hidden) == 0
        assert loss(law, level + 0.1, level, hidden=hidden) > 1e-4


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
@pytest.mark.parametrize("law", LAWS)
def test_bad_channels_and_padding_contribute_nothing(law, garbage):
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
def test_shortest_spectra_are_finite(law, n_channels):
    assert loss(law, noise(2, n_channels), axis=AXIS[:n_channels]).isfinite()


# Beer and Lambert ----------------------------------------------------------------------


def mixtures(encode, grid=(0, 0, 0, 0, 1, 1), bad=(), garbage=0.0):
    """Return the loss of six spectra, and all that is encoded for it."""
    generator, encoded = torch.Generator().manual_seed(2), []
    values = torch.rand(6, 20, generator=generator, dtype=torch.float64)
    valid = torch.ones(6, 20, dtype=torch.bool)
    for row, channel in bad:
        valid[row, channel] = False
    grid = torch.tensor(grid)

    def keep(spectra):
        encoded.append(spectra)
        z = encode(spectra["values"].where(spectra["valid"], 0))
        return z if isinstance(z, SimpleNamespace) else SimpleNamespace(z=z, chemistry=None)

    batch = {
        "values": values.masked_fill(~valid, garbage),
        "valid": valid,
        "wavenumber": torch.linspace(0, 1, 20).double() + grid[:, None],
        "grid": grid,
    }
    return BeerLambert(None, 1)(SimpleNamespace(batch=batch, encode=keep)), encoded


WEIGHT = torch.randn(20, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def linear(x):
    return x @ WEIGHT + 2


def squared(x):
    return (x @ WEIGHT) ** 2


@pytest.mark.parametrize("bad", [(), [(0, 3), (1, 7), (4, 3)]])
@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_linear_model_obeys_and_squared_model_does_not(bad, garbage):
    assert mixtures(linear, bad=bad, garbage=garbage)[0] < 1e-8
    assert mixtures(squared, bad=bad, garbage=garbage)[0] > 1e-2


def test_shrinking_the_latents_is_no_way_out():
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


def test_mixtures_lie_between_two_spectra_of_one_grid():
    _, (spectra,) = mixtures(linear)
    first, second, mixed = spectra["values"].chunk(3)
    assert len(mixed) == 3
    share = ((mixed - second) / (first - second)).mean(1, keepdim=True)
    assert (share > 0).all() and (share < 1).all()
    torch.testing.assert_close(mixed, share * first + (1 - share) * second)
    assert spectra["grid"].chunk(3)[0].tolist().count(1) == 1
    torch.testing.assert_close(
        spectra["wavenumber"] - torch.linspace(0, 1, 20).double(),
        spectra["grid"][:, None].expand(-1, 20).double(),
    )


def test_batch_without_a_pair_is_zero_and_can_be_trained_on():
    value, encoded = mixtures(squared, grid=range(6))
    value.backward()
    assert value == 0 and not encoded


@pytest.mark.parametrize("grid", [[0] * 7, [2, 0, 2, 1, 0, 2, 2, 5], [3]])
def test_pairs_are_disjoint_of_one_grid_and_as_many_as_can_be(grid):
    draws = set()
    for _ in range(5):
        first, second = pairs_of_one_grid(torch.tensor(grid))
        rows = torch.cat([first, second]).tolist()
        assert len(set(rows)) == len(rows)
        assert [grid[i] for i in first] == [grid[j] for j in second]
        assert len(first) == sum(grid.count(g) // 2 for g in set(grid))
        draws.add(tuple(rows))
    assert len(draws) > 1 or len(grid) == 1


def test_network_is_taught_by_it(make_network, make_batch):
    network, batch = make_network(), make_batch()
    value = BeerLambert(network, 1)(Views(network, batch))
    value.backward()
    assert value > 0 and network.tokens.project.weight.grad.abs().max() > 0
