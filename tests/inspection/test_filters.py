"""H(z) against the impulse response of a layer, and the display of the filters."""

import sys

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from skspektron._bridge import oscillator_banks
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer, SpektronRegressor
from skspektron.inspection import FilterDisplay, OscillatorBank

LENGTH = 513  # an impulse in the middle decays before both ends

pytest.importorskip("matplotlib")


@pytest.fixture(
    params=[
        {},
        {"bidirectional": False},
        {"stability": "clamp"},
        {"stability": "clamp", "bidirectional": False},
    ],
    ids=str,
)
def layer_and_bank(request, fit):
    network = fit(n_layers=1, **request.param).network_
    layer = network.on("cpu").blocks[0].filter
    state = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with torch.no_grad():  # the layer is shared by equal weights: it is restored below
        name = "G" if layer.stability == "clamp" else "nu"
        getattr(layer, name).copy_(torch.linspace(0.2, 2, 4) - 2 * (name == "nu"))
    yield layer, OscillatorBank(**oscillator_banks(network)[0])
    layer.load_state_dict(state)


def test_transfer_function_is_the_transform_of_the_impulse_response(layer_and_bank):
    layer, bank = layer_and_bank
    impulses = torch.zeros(8, LENGTH, 8)
    impulses[range(8), LENGTH // 2, range(8)] = 1
    with torch.no_grad():
        response = layer(impulses).double().numpy()  # (input, time, output)
    time = np.arange(LENGTH) - LENGTH // 2
    cycles = np.array([0, 0.01, 0.13, 0.37, 0.5])
    waves = np.exp(-2j * np.pi * np.outer(cycles, time))
    expected = np.einsum("ft,ito->foi", waves, response)
    assert np.abs(response).max() < 100
    np.testing.assert_allclose(
        bank.transfer_function(cycles), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_gains_are_norms_of_the_transfer_function(layer_and_bank):
    _, bank = layer_and_bank
    cycles = np.linspace(0, 0.5, 7)
    H = bank.transfer_function(cycles)
    rms = np.sqrt(np.mean(np.linalg.svd(H, compute_uv=False) ** 2, axis=1))
    np.testing.assert_allclose(bank.filter_gain(cycles), rms)
    through = np.linalg.norm(H - np.diag(bank.D), axis=(1, 2)) / np.sqrt(8)
    np.testing.assert_allclose(bank.filter_gain(cycles, direct=False), through, atol=1e-9)
    h = bank.oscillators(cycles)
    alone = [
        [np.linalg.norm(h[f, p] * np.outer(bank.C[:, p], bank.B[p])) / np.sqrt(8) for p in range(4)]
        for f in range(7)
    ]
    np.testing.assert_allclose(bank.oscillator_gain(cycles), alone)


def test_oscillator_resonates_at_the_angle_of_its_pole():
    radius, angle, one = np.full(1, 0.99), np.full(1, 1.0), np.ones((1, 1))
    trace = 2 * radius * np.cos(angle)
    bank = OscillatorBank(
        1 + radius**2 - trace, radius**2, one[0], radius, angle, one, one, 0 * one[0], n_forward=1
    )
    cycles = np.linspace(0, 0.5, 5001)
    highest = cycles[bank.filter_gain(cycles).argmax()]
    assert 2 * np.pi * highest == pytest.approx(1.0, abs=1e-3)


def test_attributes_equal_those_of_the_pretrainer_and_its_modules(pretrained, make_axes):
    display = FilterDisplay.from_estimator(pretrained, n_frequencies=9, ax=make_axes(4))
    np.testing.assert_allclose(display.frequency_, pretrained.frequency_)
    np.testing.assert_allclose(display.damping_, pretrained.damping_)
    for index, block in enumerate(pretrained.network_.on("cpu").blocks):
        radius, angle = block.filter.poles()
        np.testing.assert_allclose(display.pole_radius_[index], radius.detach())
        np.testing.assert_allclose(display.pole_angle_[index], angle.detach())
    assert display.backward_.tolist() == [[False, False, True, True]] * 2
    assert display.gain_.shape == display.bank_gain_.shape == (2, 9)
    assert display.oscillator_gain_.shape == (2, 4, 9)
    np.testing.assert_allclose(display.stack_gain_**2, display.gain_[0] * display.gain_[1])
    np.testing.assert_allclose(display.cycles_[[0, -1]], [0, 0.5])


def test_plot_of_poles_and_gains(pretrained, make_axes):
    axes = make_axes(4)
    display = FilterDisplay.from_estimator(pretrained, n_frequencies=33, ax=axes)
    assert display.figure_ is axes[0].figure
    forward, backward = axes[1].lines
    assert (forward.get_marker(), backward.get_marker()) == (">", "<")
    np.testing.assert_allclose(forward.get_xdata() * 2 * np.pi, display.pole_angle_[1, :2])
    np.testing.assert_allclose(backward.get_ydata(), display.pole_radius_[1, 2:])
    lines = {line.get_label(): line.get_ydata() for line in axes[3].lines}
    np.testing.assert_array_equal(lines["layer"], display.gain_[1])
    np.testing.assert_array_equal(lines["oscillators"], display.bank_gain_[1])
    np.testing.assert_array_equal(lines["one oscillator"], display.oscillator_gain_[1, -1])
    np.testing.assert_array_equal(lines["mean of layers"], display.stack_gain_)
    styles = {line.get_linestyle() for line in axes[3].lines[-3:]}
    assert len(styles) == 3
    assert [axes.get_title() for axes in axes[:2]] == ["Layer 0", "Layer 1"]


def period_axis(ax):
    (upper,) = (axis for axis in ax.child_axes if axis.get_xlabel())
    ticks = zip(upper.get_xticks(), upper.get_xticklabels(), strict=True)
    return upper.get_xlabel(), {cycles: text.get_text() for cycles, text in ticks}


def test_periods_are_in_the_unit_of_the_axis(pretrained, fit, X, make_axes):
    step = (2498 - 1100) / 59  # nm a channel; a token is six channels
    in_nm = FilterDisplay.from_estimator(pretrained, layer=1, ax=make_axes(2))
    assert period_axis(in_nm.ax_[0]) == (
        "Period / nm",
        {1 / n: f"{6 * n * step:.3g}" for n in (2, 4, 8)},
    )
    embedder = SpektronEmbedder(pretrained, wavenumber=np.linspace(9000, 4000, 60)).fit(X)
    in_cm = FilterDisplay.from_estimator(embedder, layer=[1], ax=make_axes(2))
    assert period_axis(in_cm.ax_[0])[0] == "Period / cm-1"
    assert period_axis(in_cm.ax_[0])[1][0.5] == f"{12 * 5000 / 59:.3g}"
    several = fit(
        parameters={"wavenumber": {"a": np.linspace(4000, 9000, 60)}}, instrument=["a"] * 9
    )
    label, periods = period_axis(FilterDisplay.from_estimator(several, ax=make_axes(4)).ax_[0])
    assert (label, periods[0.25]) == ("Period / tokens", "4")


def test_chosen_layers(pretrained, make_axes):
    all_layers = FilterDisplay.from_estimator(pretrained, ax=make_axes(4))
    one = FilterDisplay.from_estimator(pretrained, layer=1, ax=make_axes(2))
    np.testing.assert_array_equal(one.gain_, all_layers.gain_[1:])
    assert one.ax_[0].get_title() == "Layer 1"
    assert "mean of layers" not in {line.get_label() for line in one.ax_[1].lines}
    for layer in (2, -1, []):
        with pytest.raises(ValueError, match=r"layer must be None or indices from 0 to 1, got"):
            FilterDisplay.from_estimator(pretrained, layer=layer)


def test_network_of_a_regressor_is_the_one_it_predicts_with(pretrained, X, make_axes):
    settings = {
        "hidden_layer_sizes": (),
        "max_epochs": 1,
        "n_iter_no_change": None,
        "random_state": 0,
    }
    regressor = SpektronRegressor(pretrained, wavenumber=np.arange(4000, 4060), **settings)
    display = FilterDisplay.from_estimator(regressor.fit(X, X[:, 0]), ax=make_axes(4))
    np.testing.assert_allclose(display.frequency_, pretrained.frequency_)
    assert (display.unit, display.token_step) == ("cm-1", 6)


def test_undamped_oscillators_lie_on_the_circle(fit, make_axes):
    display = FilterDisplay.from_estimator(fit(damping=False), ax=make_axes(4))
    np.testing.assert_array_equal(display.pole_radius_, 1)
    assert np.isfinite(display.ax_[2].get_ylim()).all()
    display.figure_.canvas.draw()


def test_new_figure(pretrained, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("the display shows itself"))
    plt.switch_backend("Agg")
    display = FilterDisplay.from_estimator(pretrained)
    assert plt.gcf() is display.figure_
    display.figure_.canvas.draw()
    plt.close(display.figure_)
    with pytest.raises(ValueError, match=r"ax must hold 4 Axes, got 3"):
        display.plot([None] * 3)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"FilterDisplay needs matplotlib.*'skspektron\[plot\]'"):
        display.plot()


def test_unsupported_estimators_raise(fit):
    transformer = fit(backbone="transformer", n_heads=2, d_feedforward=8)
    with pytest.raises(ValueError, match=r"must be 'dlinoss', got 'transformer'"):
        FilterDisplay.from_estimator(transformer)
    with pytest.raises(TypeError, match=r"a fitted SpektronPretrainer, .* got Ridge"):
        FilterDisplay.from_estimator(Ridge())
    with pytest.raises(NotFittedError):
        FilterDisplay.from_estimator(SpektronPretrainer())
