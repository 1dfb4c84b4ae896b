"""Hidden channels do not reach the network, and errors equal their definitions."""

import numpy as np
import pytest

from skspektron.foundation import SpektronEmbedder
from skspektron.inspection import ReconstructionDisplay

from .conftest import WAVELENGTH

pytest.importorskip("matplotlib")


def display_of(pretrainer, X, make_axes, n=2, **options):
    settings = {"random_state": 0, "n_spectra": n, "ax": make_axes(n)}
    return ReconstructionDisplay.from_estimator(pretrainer, X, **settings | options)


def test_hidden_channels_are_whole_patches_and_do_not_reach_the_network(pretrained, X, make_axes):
    display = display_of(pretrained, X, make_axes, mask_ratio=0.3)
    patches = display.hidden.reshape(9, 10, 6)
    assert (patches.all(2) == patches.any(2)).all()
    assert patches.all(2).sum(1).tolist() == [3] * 9
    hidden = display.hidden[:, ::-1]  # spectra run from low to high wavenumber there
    other = display_of(pretrained, np.where(hidden, 99.0, X), make_axes, mask_ratio=0.3)
    np.testing.assert_array_equal(other.hidden, display.hidden)
    np.testing.assert_array_equal(other.reconstruction, display.reconstruction)


def test_errors_equal_their_definitions(pretrained, X, make_axes):
    X = X.copy()
    X[4, 7:12] = np.nan
    display = display_of(pretrained, X, make_axes)
    axis, values, hidden = 1e7 / display.axis, display.X, display.hidden
    np.testing.assert_allclose(values[:, ::-1], X, rtol=1e-5)
    mean = np.nanmean(values, axis=0)
    errors = {"masked_mse": [], "mean_mse": [], "interpolation_mse": []}
    for i, j in np.argwhere(hidden):
        seen = np.isfinite(values[i]) & ~hidden[i]
        errors["masked_mse"].append(display.reconstruction[i, j] - values[i, j])
        errors["mean_mse"].append(mean[j] - values[i, j])
        errors["interpolation_mse"].append(
            np.interp(axis[i, j], axis[i, seen], values[i, seen]) - values[i, j]
        )
    expected = {name: np.mean(np.square(error)) for name, error in errors.items()}
    assert display.errors == pytest.approx(expected, rel=1e-4)


def test_batches_and_the_seed(pretrained, X, make_axes, monkeypatch):
    from skspektron._training.masked import _reconstruction

    whole = display_of(pretrained, X, make_axes)
    monkeypatch.setattr(_reconstruction.reconstruct, "__kwdefaults__", {"batch_size": 4})
    parts = display_of(pretrained, X, make_axes)
    np.testing.assert_allclose(parts.reconstruction, whole.reconstruction, atol=1e-5)
    other = display_of(pretrained, X, make_axes, random_state=1)
    assert (other.hidden != whole.hidden).any()


def test_plot(pretrained, X, make_axes):
    display = display_of(pretrained, X, make_axes)
    ax = display.ax_[1]
    measured, filled = ax.lines
    hidden = display.hidden[1]
    np.testing.assert_allclose(measured.get_xdata()[::-1], WAVELENGTH)
    np.testing.assert_allclose(measured.get_ydata()[::-1], X[1], rtol=1e-5)
    np.testing.assert_array_equal(filled.get_ydata()[hidden], display.reconstruction[1][hidden])
    assert np.isnan(filled.get_ydata()[~hidden]).all()
    shaded = np.zeros(60, dtype=bool)
    for patch in ax.patches:
        left, right = patch.get_extents().transformed(ax.transData.inverted()).intervalx
        shaded |= (display.axis[1] > left) & (display.axis[1] < right)
    np.testing.assert_array_equal(shaded, hidden)
    assert ax.get_xlabel() == "Wavelength / nm"
    assert f"network {display.errors['masked_mse']:.2g}" in display.ax_[0].get_title()


def test_wavenumbers_of_an_embedder(pretrained, X, make_axes):
    axis = np.linspace(4000, 9000, 60)
    embedder = SpektronEmbedder(pretrained, wavenumber=axis).fit(X)
    display = display_of(embedder, X, make_axes)
    np.testing.assert_array_equal(display.axis[0], axis)
    assert display.ax_[-1].get_xlabel() == "Wavenumber / cm-1"


def test_instruments_with_different_axes(fit, X, make_axes):
    X = X.copy()
    X[6:, 40:] = np.nan
    instrument = ["long"] * 6 + ["short"] * 3
    axes = {"long": WAVELENGTH, "short": WAVELENGTH[:40]}
    pretrainer = fit(
        X=X,
        instrument=instrument,
        parameters={"wavelength": axes, "domain": "NIR"},
        domain_token=True,
    )
    display = display_of(pretrainer, X[5:7], make_axes, instrument=instrument[5:7])
    lengths = [len(ax.lines[0].get_xdata()) for ax in display.ax_]
    assert lengths == [60, 40]
    np.testing.assert_allclose(display.ax_[1].lines[0].get_xdata()[::-1], WAVELENGTH[:40])
    assert set(pretrainer.wavenumber_) == {"long", "short"}  # the estimator is unchanged
    with pytest.raises(ValueError, match=r"trained on 2 axes .* Pass instrument="):
        ReconstructionDisplay.from_estimator(pretrainer, X)


@pytest.mark.parametrize(
    "parts",
    [
        {"tokenizer": "raw"},
        {"tokenizer": "wavelet"},
        {"decoder": "latent"},
        {"backbone": "transformer", "mask_mode": "drop", "decoder": "grid", "n_heads": 2},
    ],
    ids=str,
)
def test_all_kinds_of_reconstruction(parts, fit, X, make_axes):
    display = display_of(fit(**parts, d_feedforward=8), X, make_axes)
    assert np.isfinite(display.reconstruction).all()
    assert display.errors["masked_mse"] > 0


def test_one_channel_and_few_spectra(make_axes):
    display = ReconstructionDisplay([[5.0]], [[1.0]], [[2.0]], [[True]])
    axes = make_axes(1)
    assert display.plot(axes).ax_[0].lines[1].get_ydata().tolist() == [2.0]
    assert axes[0].get_title() == ""


@pytest.mark.parametrize("mask_ratio", [0, 1, -0.1])
def test_ratio_is_a_fraction(mask_ratio, pretrained, X):
    with pytest.raises(ValueError, match="above 0 and below 1, got"):
        ReconstructionDisplay.from_estimator(pretrained, X, mask_ratio=mask_ratio)


def test_spectrum_without_patches_is_omitted(pretrained, X, make_axes):
    dead = X.copy()
    dead[0, 5:] = np.nan
    with pytest.warns(UserWarning, match="in 1 of 9 spectra"):
        display = display_of(pretrained, dead, make_axes)
    np.testing.assert_allclose(display.X[:, ::-1], X[1:], rtol=1e-5)


@pytest.mark.parametrize("mask_ratio", [0.01, 0.99])
def test_ratio_that_hides_no_or_all_patches_raises(mask_ratio, pretrained, X):
    with pytest.raises(ValueError, match=rf"mask_ratio={mask_ratio} hides none or all"):
        ReconstructionDisplay.from_estimator(pretrained, X, mask_ratio=mask_ratio)
