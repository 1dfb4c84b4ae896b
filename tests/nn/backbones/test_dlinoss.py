"""D-LinOSS: explicit recurrence, gradients, poles, directions, precision, benchmark."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from benchmarks import bench_dlinoss
from skspektron._nn.backbones.dlinoss import DLinOSS, DLinOSSBlock
from tests import oracles

VARIANTS = [
    {"damping": damping, "stability": stability}
    for stability in ("poles", "clamp")
    for damping in (True, False)
]


def layer(d_model=3, d_state=4, seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DLinOSS(d_model, d_state, **options)


def spectra(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def physics(module):
    """Return A, G and dt of the oscillators, and the factor of their input."""
    if module.stability == "clamp":
        dt = module.dt.double().sigmoid()
        G = softplus(module.G.double()) if module.damping else 0 * dt
        highest = 1.99 * (1 + dt * G) / dt**2
        return torch.minimum(softplus(module.A.double()), highest), G, dt, 1.0
    r, theta = module.poles()
    S = r**-2
    loss = 1 - r if module.damping else 0.05
    gain = loss * ((1 - r) ** 2 + 4 * r * theta.sin() ** 2) ** 0.5
    return (1 + 1 / S - 2 * r * theta.cos()) * S, S - 1, 1.0, (gain * S)[:, None]


def literal(module, u):
    """Return the oracle's output (L, D) for one sequence, in float64."""
    A, G, dt, scale = physics(module)
    B, C, D = (weight.double() for weight in (module.B, module.C, module.D))
    return oracles.dlinoss(u.double(), A, G, dt, B * scale, C, D, module.n_forward)


def assert_equals_recurrence(module, length, tolerance):
    """Compare values, and gradients of a random functional, with the recurrence in float64."""
    u = spectra(length, module.B.shape[1]).requires_grad_()
    weight = spectra(*u.shape, seed=2)
    leaves = [u, *module.parameters()]
    expected, actual = literal(module, u), module(u[None])[0]
    wanted = torch.autograd.grad((expected * weight).sum(), leaves)
    got = torch.autograd.grad((actual * weight).sum(), leaves)
    for a, b in zip((actual, *got), (expected, *wanted), strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max() + 1e-12


@pytest.mark.parametrize("length", [1, 2, 17, 64, 65, 700, 2048, 8192])
def test_values_and_gradients_equal_the_recurrence(length):
    assert_equals_recurrence(layer(), length, 1e-5)


@pytest.mark.parametrize("length", [17, 128, 700])
def test_one_direction_equals_the_recurrence(length):
    assert_equals_recurrence(layer(bidirectional=False), length, 1e-5)


@pytest.mark.parametrize("options", VARIANTS[1:])
@pytest.mark.parametrize("length", [1, 17, 2048])
def test_variants_equal_the_recurrence(length, options):
    assert_equals_recurrence(layer(**options), length, 1e-5)


@pytest.mark.parametrize(("A", "G"), [(0.05, 2.0), (1e-3, 0.5), (40.0, 15.0)])
@pytest.mark.parametrize("length", [17, 700])
def test_overdamped_oscillators_equal_the_recurrence(length, A, G):
    module = layer(stability="clamp")
    with torch.no_grad():
        module.A.fill_(A + math.log(-math.expm1(-A)))
        module.G.fill_(G + math.log(-math.expm1(-G)))
        module.dt.copy_(torch.tensor([1.0, 1.2, 1.4, 2.0]))
    _, angle = module.poles()
    assert ((angle == 0) | (angle == math.pi)).all()
    assert_equals_recurrence(module, length, 1e-5)


def test_double_pole_equals_the_recurrence():
    module = layer(stability="clamp", damping=False)
    with torch.no_grad():
        module.A.fill_(-1e4)  # A = 0: motion at constant velocity
    assert_equals_recurrence(module, 17, 1e-5)
    module(spectra(1, 700, 3)).sum().backward()
    assert all(p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("phi", [-10.0, 10.0])
@pytest.mark.parametrize("length", [64, 700])
def test_poles_at_the_ends_of_the_ring_equal_the_recurrence(length, phi):
    module = layer()
    with torch.no_grad():
        module.nu.fill_(-9.0)
        module.phi.fill_(phi)
    assert_equals_recurrence(module, length, 1e-3)


@pytest.mark.parametrize(("nu", "phi"), [(-50.0, 50.0), (50.0, -50.0), (-50.0, -50.0)])
def test_layer_is_stable_for_extreme_parameters(nu, phi):
    module = layer()
    with torch.no_grad():
        module.nu.fill_(nu)
        module.phi.fill_(phi)
    r, theta = module.poles()
    assert (r < 1).all() and (theta > 0).all() and (theta < math.pi).all()
    y = module(spectra(2, 2048, 3))
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_impulse_response_equals_closed_form():
    module = layer(1, 1, bidirectional=False)
    with torch.no_grad():
        for weight in (module.B, module.C):
            weight.fill_(1.0)
        module.D.zero_()
    r, theta = (value.item() for value in module.poles())
    impulse = torch.zeros(1, 256, 1)
    impulse[0, 0] = 1.0
    k = np.arange(256)
    gain = (1 - r) * abs(1 - r * np.exp(-2j * theta))
    expected = gain * r**k * np.sin((k + 1) * theta) / np.sin(theta)
    np.testing.assert_allclose(module(impulse)[0, :, 0].detach(), expected, atol=1e-5 * gain)


@pytest.mark.parametrize("options", VARIANTS)
def test_oscillators_give_the_imex_matrix_of_the_poles(options):
    module = layer(d_state=16, **options)
    frequency, damping = (value.detach().numpy() for value in module.oscillators())
    r, theta = (value.detach().numpy() for value in module.poles())
    for A, G, radius, angle in zip(frequency**2, damping, r, theta, strict=True):
        M, S = oracles.imex_matrix(A, G), 1 + G
        assert np.linalg.det(M) == pytest.approx(1 / S, abs=1e-9)
        assert np.trace(M) == pytest.approx(1 / S + 1 - A / S, abs=1e-9)
        assert np.trace(M) == pytest.approx(2 * radius * np.cos(angle), abs=1e-9)
        np.testing.assert_allclose(abs(np.linalg.eigvals(M)), S**-0.5, rtol=1e-6)


def test_oscillators_are_those_after_clamping():
    module = layer(d_state=16, stability="clamp")
    with torch.no_grad():
        module.A[:8] = 1e6
    frequency, damping = module.oscillators()
    A, G, dt, _ = physics(module)
    torch.testing.assert_close(frequency, A.sqrt() * dt)
    torch.testing.assert_close(damping, G * dt)


def test_clamp_is_the_identity_below_its_bound_and_constant_above():
    module = layer(d_state=3, stability="clamp", damping=False)
    unclamped = torch.tensor([1.0, 1.98, 1e6 / 4], dtype=torch.float64)
    with torch.no_grad():
        module.dt.zero_()  # a step of 0.5
        module.A.copy_(unclamped * 4 + torch.log(-torch.expm1(-unclamped * 4)))
    alpha, _, _ = module.recurrence()
    torch.testing.assert_close(alpha, unclamped.clamp(max=1.99), rtol=0, atol=1e-6)
    assert torch.autograd.grad(alpha.sum(), module.A)[0].ne(0).tolist() == [True, True, False]
    assert module(spectra(1, 4096, 3)).isfinite().all()


@pytest.mark.parametrize("stability", ["poles", "clamp"])
def test_undamped_poles_are_on_the_unit_circle(stability):
    module = layer(d_state=64, damping=False, stability=stability)
    assert not {"nu", "G"} & {name for name, _ in module.named_parameters()}
    frequency, damping = (value.detach().numpy() for value in module.oscillators())
    for A, G in zip(frequency**2, damping, strict=True):
        poles = np.linalg.eigvals(oracles.imex_matrix(A, G))
        np.testing.assert_allclose(abs(poles), 1, atol=1e-6)


def test_only_stability_poles_has_angles_beyond_90_degrees():
    highest = {
        stability: layer(d_state=512, stability=stability).poles()[1].max() / math.pi
        for stability in ("poles", "clamp")
    }
    assert highest["poles"] > 0.95 and 0.45 < highest["clamp"] < 0.55


@pytest.mark.parametrize("stability", ["poles", "clamp"])
def test_initial_poles_are_in_the_ring(stability):
    module = layer(d_state=512, stability=stability)
    r, theta = module.poles()
    assert r.min() >= 0.9 - 1e-6 and r.max() < 1
    assert theta.min() < 0.1 * math.pi
    assert module.recurrence()[0].max() < {"poles": 4, "clamp": 1.99}[stability]


def test_initial_values_are_drawn_as_for_the_shipped_weights():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        radius, fraction = torch.empty(4).uniform_(0.81, 1 - 1e-6).sqrt(), torch.rand(4)
        B, C = torch.randn(4, 3) / 3**0.5, torch.randn(3, 4) / 2
    expected = {"nu": (-radius.log()).log(), "phi": fraction.logit(), "B": B, "C": C}
    state = layer(seed=3).state_dict()
    torch.testing.assert_close(state, expected | {"D": torch.ones(3)})


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("length", [17, 70])
def test_last_token_influences_the_first_only_if_bidirectional(length, bidirectional):
    module, u = layer(bidirectional=bidirectional), spectra(1, length, 3)
    changed = u.clone()
    changed[0, -1] += 10
    difference = (module(changed) - module(u)).abs().amax(-1)[0]
    assert difference[-1] > 1e-4
    assert bool(difference[0] > 1e-4) is bidirectional
    if not bidirectional:
        assert difference[:-1].max() == 0


@pytest.mark.parametrize("length", [17, 70])
def test_autocast_does_not_affect_the_layer(length):
    module, u = layer(d_model=8, d_state=8), spectra(2, length, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (u @ u.mT).dtype == torch.bfloat16
        inside, low = module(u), module(u.bfloat16())
    assert torch.equal(inside, module(u))
    assert low.dtype == torch.bfloat16
    assert (low - module(u)).abs().max() <= 1e-2 * module(u).abs().max()


@pytest.mark.parametrize("length", [1, 2, 17, 700])
def test_block_keeps_the_shape_and_does_not_depend_on_the_batch(length):
    block = DLinOSSBlock(4, 6, bidirectional=True, dropout=0.0)
    x, usable = spectra(5, length, 4), torch.ones(5, length, 1)
    y = block(x, usable)
    assert y.shape == x.shape
    torch.testing.assert_close(block(x[2:3], usable[:1]), y[2:3], rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [17, 700])
def test_unusable_tokens_do_not_influence_others(length):
    block = DLinOSSBlock(4, 6, bidirectional=True, dropout=0.0)
    x, usable = spectra(2, length, 4), torch.ones(2, length, 1)
    usable[:, 5:9] = 0
    changed = x.clone()
    changed[:, 5:9] = 1e3
    keep = usable[0, :, 0].bool()
    assert torch.equal(block(x, usable)[:, keep], block(changed, usable)[:, keep])
    assert block(changed, usable).isfinite().all()


@pytest.mark.parametrize("options", VARIANTS)
def test_block_passes_its_options_to_the_layer(options):
    block = DLinOSSBlock(4, 4, bidirectional=True, dropout=0.0, **options)
    assert (block.filter.damping, block.filter.stability) == tuple(options.values())


def test_dropout_acts_in_training_only():
    block = DLinOSSBlock(4, 4, bidirectional=True, dropout=0.5)
    x, usable = spectra(2, 9, 4), torch.ones(2, 9, 1)
    assert not torch.equal(block(x, usable), block(x, usable))
    assert torch.equal(block.eval()(x, usable), block(x, usable))


@pytest.mark.parametrize("length", [1, 2, 37])
def test_benchmark_compares_equal_layers(length):
    bench_dlinoss.check_equal(bench_dlinoss.Shape(2, length, 8, 6))


def test_committed_benchmark_supports_the_claims():
    seconds = {
        (row["batch"], int(row["length"]), row["model"]): float(row["cpu_seconds"])
        for row in bench_dlinoss.read_rows(bench_dlinoss.RESULTS)
    }
    shapes = {(batch, length) for batch, length, _ in seconds}
    assert {("16", 2048), ("4", 8192)} < shapes
    for shape in shapes:
        assert seconds[(*shape, "block: chunks")] < seconds[(*shape, "transformer")]
        assert seconds[(*shape, "layer: chunks")] < seconds[(*shape, "layer: scan")]
    large = ("16", 2048)
    assert seconds[(*large, "layer: complex scan")] > 4 * seconds[(*large, "layer: chunks")]
