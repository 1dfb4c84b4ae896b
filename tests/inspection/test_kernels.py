"""Classes of known kernels, and the display of the kernels of a tokenizer."""

import numpy as np
import pytest

from skspektron._bridge import patch_kernels
from skspektron.foundation._weights import resolve_weights
from skspektron.inspection import PatchKernelDisplay, classify_kernels

pytest.importorskip("matplotlib")

CHANNELS = np.arange(16)


def band(centre, width):
    return np.exp(-(((CHANNELS - centre) / width) ** 2) / 2)


def planted():
    """Return kernels of one class, with other widths and centres than in the classifier."""
    places = [(centre, width) for centre in (2.3, 7.6, 12.1) for width in (0.9, 1.7)]
    return {
        "peak": [
            shape
            for centre, width in places
            for shape in (
                band(centre, width),
                band(centre, width) - 0.5 * band(centre, 2 * width),
                -band(centre, width) + 0.1,
            )
        ],
        "derivative": [
            sign * np.gradient(band(centre, width)) for centre, width in places for sign in (1, -1)
        ],
        "baseline": [
            constant + slope * (CHANNELS - 7.5)
            for constant, slope in ((1, 0), (0, 1), (-2, 0.1), (1, 0.2), (0.3, -1))
        ],
    }


@pytest.mark.parametrize("noise", [0, 0.15])
@pytest.mark.parametrize("name", ["peak", "derivative", "baseline"])
def test_known_kernels_get_their_class(name, noise):
    kernels = np.array(planted()[name])
    size = np.linalg.norm(kernels, axis=1, keepdims=True) / 4  # of one channel, in the mean
    kernels = kernels + noise * size * np.random.default_rng(0).normal(size=kernels.shape)
    classes = classify_kernels(kernels)
    assert classes.label.tolist() == [name] * len(kernels)
    assert (classes.energy > 0.6).all()
    assert classes.fractions[name] == 1


def test_fractions_sum_to_one_and_scale_does_not_matter():
    kernels = np.array([kernel for kernels in planted().values() for kernel in kernels])
    classes = classify_kernels(kernels)
    assert classes.fractions == pytest.approx(
        {"peak": 18 / 35, "derivative": 12 / 35, "baseline": 5 / 35}
    )
    other = classify_kernels(-1000 * kernels)
    assert (other.label == classes.label).all()
    np.testing.assert_allclose(other.energy, classes.energy)


def test_energy_is_that_of_the_best_shape():
    line = np.stack([np.ones(16), CHANNELS])
    kernel = 1 + 0.3 * CHANNELS + 0.8 * (-1.0) ** CHANNELS
    residual = kernel - np.linalg.lstsq(line.T, kernel, rcond=None)[0] @ line
    label, energy = classify_kernels([kernel])
    assert label.tolist() == ["baseline"]
    assert energy[0] == pytest.approx(1 - np.sum(residual**2) / np.sum(kernel**2))
    assert classify_kernels(np.zeros((1, 8))).energy.tolist() == [0]


def test_noise_has_less_energy_than_known_kernels():
    noise = np.random.default_rng(0).normal(size=(2000, 16))
    classes = classify_kernels(noise)
    assert np.median(classes.energy) == pytest.approx(0.42, abs=0.01)
    assert classes.fractions["peak"] == pytest.approx(0.67, abs=0.02)
    assert classes.fractions["derivative"] == pytest.approx(0.30, abs=0.02)
    shipped = classify_kernels(patch_kernels(resolve_weights("small")))
    assert shipped.fractions == pytest.approx(
        {"peak": 0.69, "derivative": 0.31, "baseline": 0}, abs=0.005
    )
    assert np.median(shipped.energy) == pytest.approx(0.27, abs=0.005)


@pytest.mark.parametrize("shape", [(16,), (3, 4)])
def test_kernels_of_invalid_shape_raise(shape):
    with pytest.raises(ValueError, match=r"at least 5 channels"):
        classify_kernels(np.ones(shape))


@pytest.mark.parametrize("parts", [{}, {"tokenizer": "raw", "kernel_length": 7}])
def test_kernels_are_those_of_the_tokens(parts, fit, make_axes):
    pretrainer = fit(**parts)
    kernels = pretrainer.patch_kernels_
    length = parts.get("kernel_length", 6)
    tokens = pretrainer.network_.on("cpu").tokens
    assert kernels.shape == (8, length)
    display = PatchKernelDisplay.from_estimator(pretrainer, ax=make_axes(3))
    np.testing.assert_array_equal(display.kernels, kernels)
    impulses = tokens.project.weight.new_zeros(length, length).fill_diagonal_(1)
    response = tokens.project(impulses) - tokens.project.bias
    np.testing.assert_allclose(kernels.T, response.detach(), atol=1e-6)
    kernels[:] = 0  # a copy: the network that embedders share must not change
    assert tokens.project.weight.abs().sum() > 0


def test_plot(make_axes):
    peak, line = 2 * -band(5, 1), CHANNELS + 1.0
    axes = make_axes(3)
    noisy = peak + 0.3 * (-1.0) ** CHANNELS
    display = PatchKernelDisplay([noisy, peak, line], channel_step=2.0, unit="nm").plot(axes)
    assert display.figure_ is axes[0].figure
    assert display.classes_.fractions == pytest.approx(
        {"peak": 2 / 3, "derivative": 0, "baseline": 1 / 3}
    )
    titles = [ax.get_title() for ax in axes]
    assert titles[0].startswith("peak: 67%") and titles[1].startswith("derivative: 0%")
    best = axes[0].lines[-1]
    np.testing.assert_allclose(best.get_ydata(), -peak / np.linalg.norm(peak))
    np.testing.assert_allclose(best.get_xdata(), 2 * (CHANNELS - 7.5))
    assert len(axes[0].lines) == 4 and len(axes[1].lines) == 1
    assert axes[0].get_xlabel() == "Position / nm"


def test_step_and_unit_of_the_axis(pretrained, make_axes):
    display = PatchKernelDisplay.from_estimator(pretrained, ax=make_axes(3))
    assert display.unit == "nm"
    assert display.channel_step == pytest.approx((2498 - 1100) / 59)


def test_tokenizers_without_kernels_raise(fit):
    wavelet = fit(tokenizer="wavelet")
    assert not hasattr(wavelet, "patch_kernels_")
    with pytest.raises(ValueError, match=r"must be 'patch' or 'raw', got 'wavelet'"):
        PatchKernelDisplay.from_estimator(wavelet)
    with pytest.raises(ValueError, match=r"got \(8, 3\)"):
        PatchKernelDisplay.from_estimator(fit(patch_length=3))
