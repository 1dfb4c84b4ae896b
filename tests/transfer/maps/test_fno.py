"""FNO: never worse than the mean difference, and better on structured differences."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from skspektron.datasets import make_instruments
from skspektron.transfer import FNO
from skspektron.transfer._maps._fno import fewest_passes
from tests.transfer.methods import SMALL_FNO, fit
from tests.transfer.standards import new_spectra, noisy_pair, rmse, spectra

AXIS = np.arange(1100.0, 2500.0, 28.0)
SMALL = {"random_state": 0, "width": 4, "n_modes": 4, "n_layers": 1}


@pytest.fixture(scope="module")
def gain_map():
    """Return a map learnt from 12 standards whose gain varies along the axis, and the gain."""
    gain = 1 + 0.3 * np.sin(np.linspace(0, 3, 40))
    source = spectra(12)
    fno = FNO(random_state=0, width=8, n_modes=8, max_epochs=15, learning_rate=0.02)
    return fno.fit(gain * source + 0.2, source), gain


def test_beats_the_mean_difference_on_held_out_spectra():
    data = make_instruments(100, spread=0.5, wavelength=AXIS, random_state=0)
    order = np.random.default_rng(0).permutation(100)
    standards, rest = order[:30], order[30:]
    target, source = data.X["B"], data.X["A"]
    fno, mean = (
        FNO(random_state=0, max_epochs=n).fit(target[standards], source[standards]) for n in (8, 0)
    )
    errors = [rmse(m.transform(target[rest]), source[rest]) for m in (fno, mean)]
    assert errors[0] < 0.85 * errors[1]
    losses = [record["validation_mse"] for record in fno.history_]
    assert losses[0] == 1 and losses[fno.n_epochs_] < 0.8
    assert [record["epoch"] for record in fno.history_] == list(range(9))


def test_learns_a_gain(gain_map):
    fno, gain = gain_map
    X = spectra(50, seed=4)
    mean_corrected = (gain * X + 0.2) - fno.target_mean_ + fno.source_mean_
    assert rmse(fno.transform(gain * X + 0.2), X) < 0.5 * rmse(mean_corrected, X)


@pytest.mark.parametrize("n_standards", [1, 2])
def test_equals_the_mean_difference_with_too_few_standards_to_cross_validate(n_standards):
    target, source = noisy_pair(n_standards)
    fno = FNO().fit(target, source)
    expected = new_spectra() - target.mean(axis=0) + source.mean(axis=0)
    np.testing.assert_allclose(fno.transform(new_spectra()), expected, atol=1e-12)
    assert fno.history_ == [{"epoch": 0, "validation_mse": 1.0}]


def test_equals_the_mean_difference_if_the_rest_is_noise():
    source = spectra(6)
    target = source + 0.2 + 0.05 * np.random.default_rng(0).normal(size=source.shape)
    fno = FNO(random_state=0, width=4, n_modes=8, max_epochs=10).fit(target, source)
    assert fno.n_epochs_ == 0 and len(fno.history_) == 11


def test_removes_an_offset_exactly():
    source, offset = spectra(8), np.linspace(0.1, 0.3, 40)
    fno = FNO(random_state=0, max_epochs=2).fit(source + offset, source)
    np.testing.assert_allclose(fno.transform(new_spectra() + offset), new_spectra(), atol=1e-9)


def test_fewest_passes_within_one_standard_error():
    #                   the same      better by chance  better in every sample
    errors = np.array([[1.0, 1.0, 1.0], [0.2, 1.2, 1.0], [0.5, 0.5, 0.6], [0.5, 0.5, 0.59]])
    assert fewest_passes(errors[:2]) == 0
    assert fewest_passes(errors[[0, 2, 3]]) == 1
    assert fewest_passes(errors[[0, 2, 2]]) == 1
    assert fewest_passes(np.array([[1.0, 1.0], [np.nan, np.nan]])) == 0


def test_the_direction_of_the_axis_does_not_matter():
    target, source = noisy_pair(9, n_source=30)
    axes = np.linspace(1000, 2000, 40), np.linspace(1100, 1900, 30)
    parameters = SMALL | {"n_modes": 8, "max_epochs": 3}
    fno = FNO(target_axis=axes[0], source_axis=axes[1], **parameters).fit(target, source)
    flipped = FNO(target_axis=axes[0][::-1], source_axis=axes[1][::-1], **parameters)
    flipped.fit(target[:, ::-1], source[:, ::-1])
    mapped = flipped.transform(new_spectra()[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(mapped, fno.transform(new_spectra()), atol=1e-7)


def test_spectra_on_an_uneven_axis_are_interpolated_for_the_operator(gain_map):
    fno, gain = gain_map
    uneven = 1 + np.linspace(0, 1, 40) ** 2
    source = spectra(12)
    parameters = {name: getattr(fno, name) for name in ("width", "n_modes", "max_epochs")}
    other = FNO(
        target_axis=uneven, source_axis=uneven, random_state=0, learning_rate=0.02, **parameters
    )
    other.fit(gain * source + 0.2, source)
    X = spectra(50, seed=4)
    errors = [rmse(m.transform(gain * X + 0.2), X) for m in (other, fno)]
    assert errors[0] != errors[1] and errors[0] < 2 * errors[1]


def test_target_spectra_are_interpolated_at_the_source_channels():
    position = np.linspace(0, 1, 40), np.linspace(0, 1, 25)
    target, source = (np.sin(3 * p + np.arange(4)[:, None]) for p in position)
    fno = FNO(max_epochs=0).fit(target + 0.5, source)
    np.testing.assert_allclose(fno.transform(target + 0.5), source, atol=2e-3)
    assert fno.get_feature_names_out().shape == (25,)


def test_random_state_decides_and_the_global_generator_is_not_used():
    pair = noisy_pair(6)
    before = torch.random.get_rng_state()
    first, again, other = (
        FNO(**SMALL | {"random_state": seed, "max_epochs": 2}).fit(*pair) for seed in (0, 0, 1)
    )
    first.transform(new_spectra())
    assert torch.equal(torch.random.get_rng_state(), before)
    name = "layers.0.R"
    np.testing.assert_array_equal(first.weights_[name], again.weights_[name])
    assert np.abs(first.weights_[name] - other.weights_[name]).max() > 0.01


@pytest.mark.parametrize("name", ["width", "n_modes", "n_layers", "learning_rate"])
def test_parameters_matter(name):
    source = spectra(6)
    small = SMALL | {"max_epochs": 3, "learning_rate": 0.02}
    maps = [FNO(**small), FNO(**small | {name: 2 * small[name]})]
    losses = [m.fit(1.3 * source, source).history_[-1]["validation_mse"] for m in maps]
    assert abs(losses[0] - losses[1]) > 1e-6


def test_pickle_holds_arrays_and_no_tensor(gain_map):
    fno, _ = gain_map
    assert fno.n_epochs_ > 0
    assert all(type(array) is np.ndarray for array in fno.weights_.values())
    loaded = pickle.loads(pickle.dumps(fno))
    assert b"torch" not in pickle.dumps(fno)
    mapped = fno.transform(new_spectra())
    assert mapped.dtype == np.float64
    np.testing.assert_array_equal(loaded.transform(new_spectra()), mapped)


def test_verbose_shows_a_progress_bar(capsys):
    source = spectra(6)
    for verbose in (0, 1):
        fno = FNO(**SMALL, max_epochs=10, learning_rate=0.02, verbose=verbose)
        assert fno.fit(1.3 * source, source).n_epochs_ > 0
        assert ("mapping" in capsys.readouterr().err) == bool(verbose)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"width": 0}, "width must be an int of at least 1, got 0. Pass 16"),
        ({"n_modes": 2.5}, "n_modes must be an int of at least 1, got 2.5"),
        ({"n_layers": 0}, "n_layers must be an int of at least 1, got 0"),
        ({"max_epochs": -1}, "max_epochs must be an int of at least 0, got -1"),
        ({"learning_rate": 0}, "learning_rate must be a finite number above 0, got 0"),
    ],
)
def test_refuses_invalid_parameters_with_or_without_standards(parameters, message, make_stack):
    with pytest.raises(ValueError, match=message):
        FNO(**parameters).fit(*noisy_pair())
    with pytest.raises(ValueError, match=message):
        fit(SMALL_FNO(Ridge(), source="A", target="B", n_transfer=0, **parameters), make_stack())


def test_refuses_source_channels_outside_the_range_of_the_target():
    axes = {"target_axis": np.arange(1, 41.0), "source_axis": np.arange(5, 45.0)}
    with pytest.raises(ValueError, match="4 of the 40 source channels lie outside the range"):
        FNO(**axes).fit(*noisy_pair())
