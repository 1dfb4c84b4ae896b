"""FNO: the mean difference, better where the standards say so, and no worse elsewhere."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from skspektron.datasets import make_instruments
from skspektron.transfer import FNO, FNOTransfer, MeanCentredTransfer
from skspektron.transfer._maps._fno import fewest_passes, interpolate
from tests.transfer.methods import SMALL_FNO, fit, make
from tests.transfer.standards import new_spectra, noisy_pair, spectra

AXIS = np.arange(1100.0, 2500.0, 28.0)


@pytest.fixture(scope="module")
def gained():
    """A map learnt from 12 standards whose gain varies along the axis, and the true gain."""
    gain = 1 + 0.3 * np.sin(np.linspace(0, 3, 40))
    source = spectra(12)
    return FNO(random_state=0, width=8, n_modes=8, max_epochs=15, learning_rate=0.02).fit(
        gain * source + 0.2, source
    ), gain


def rmse(X, expected):
    """Return the root mean square difference of spectra."""
    return np.sqrt(np.mean((X - expected) ** 2))


def test_beats_the_mean_difference_on_spectra_that_are_held_out():
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


def test_learns_a_gain(gained):
    fno, gain = gained
    X = spectra(50, seed=4)
    offset = (gain * X + 0.2) - fno.target_mean_ + fno.source_mean_
    assert rmse(fno.transform(gain * X + 0.2), X) < 0.5 * rmse(offset, X)


@pytest.mark.parametrize("n_standards", [1, 2])
def test_is_the_mean_difference_where_nothing_can_be_left_out(n_standards):
    target, source = noisy_pair(n_standards)
    fno = FNO().fit(target, source)
    expected = new_spectra() - target.mean(axis=0) + source.mean(axis=0)
    np.testing.assert_allclose(fno.transform(new_spectra()), expected, atol=1e-12)
    assert fno.history_ == [{"epoch": 0, "validation_mse": 1.0}]


def test_is_the_mean_difference_where_the_rest_is_noise():
    source = spectra(6)
    target = source + 0.2 + 0.05 * np.random.default_rng(0).normal(size=source.shape)
    fno = FNO(random_state=0, width=4, n_modes=8, max_epochs=10).fit(target, source)
    assert fno.n_epochs_ == 0 and len(fno.history_) == 11


def test_an_offset_is_removed_exactly():
    source, offset = spectra(8), np.linspace(0.1, 0.3, 40)
    fno = FNO(random_state=0, max_epochs=2).fit(source + offset, source)
    np.testing.assert_allclose(fno.transform(new_spectra() + offset), new_spectra(), atol=1e-9)


def test_passes_are_the_fewest_within_one_standard_error():
    #                   the same      better by chance  better in every sample
    errors = np.array([[1.0, 1.0, 1.0], [0.2, 1.2, 1.0], [0.5, 0.5, 0.6], [0.5, 0.5, 0.59]])
    assert fewest_passes(errors[:2]) == 0
    assert fewest_passes(errors[[0, 2, 3]]) == 1
    assert fewest_passes(errors[[0, 2, 2]]) == 1
    assert fewest_passes(np.array([[1.0, 1.0], [np.nan, np.nan]])) == 0


def test_a_descending_axis_is_the_same():
    target, source = noisy_pair(9, n_source=30)
    axes = np.linspace(1000, 2000, 40), np.linspace(1100, 1900, 30)
    parameters = {"random_state": 0, "width": 4, "n_modes": 8, "n_layers": 1, "max_epochs": 3}
    fno = FNO(target_axis=axes[0], source_axis=axes[1], **parameters).fit(target, source)
    flipped = FNO(target_axis=axes[0][::-1], source_axis=axes[1][::-1], **parameters)
    flipped.fit(target[:, ::-1], source[:, ::-1])
    mapped = flipped.transform(new_spectra()[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(mapped, fno.transform(new_spectra()), atol=1e-7)


def test_an_uneven_axis_is_evened_out_for_the_operator(gained):
    fno, gain = gained
    uneven = 1 + np.linspace(0, 1, 40) ** 2
    source = spectra(12)
    parameters = {
        "random_state": 0,
        "width": 8,
        "n_modes": 8,
        "max_epochs": 15,
        "learning_rate": 0.02,
    }
    other = FNO(target_axis=uneven, source_axis=uneven, **parameters)
    other.fit(gain * source + 0.2, source)
    X = spectra(50, seed=4)
    errors = [rmse(m.transform(gain * X + 0.2), X) for m in (other, fno)]
    assert errors[0] != errors[1] and errors[0] < 2 * errors[1]


def test_source_channels_between_those_of_the_target():
    position = np.linspace(0, 1, 40), np.linspace(0, 1, 25)
    target, source = (np.sin(3 * p + np.arange(4)[:, None]) for p in position)
    fno = FNO(max_epochs=0).fit(target + 0.5, source)
    np.testing.assert_allclose(fno.transform(target + 0.5), source, atol=2e-3)
    assert fno.get_feature_names_out().shape == (25,)


def test_interpolation_is_the_identity_on_its_own_channels_in_any_order():
    known, X = np.array([0.9, 0.5, 0.0]), np.array([[1.0, 2.0, 4.0]])
    np.testing.assert_allclose(interpolate(X, known, known[::-1]), X[:, ::-1])
    np.testing.assert_array_equal(interpolate(X[:, :1], known[:1], known), np.ones((1, 3)))


def test_seed_decides_and_the_global_generator_is_left_alone():
    pair = noisy_pair(6)
    small = {"width": 4, "n_modes": 4, "n_layers": 1, "max_epochs": 2}
    before = torch.random.get_rng_state()
    first, again, other = (FNO(random_state=s, **small).fit(*pair) for s in (0, 0, 1))
    first.transform(new_spectra())
    assert torch.equal(torch.random.get_rng_state(), before)
    name = "layers.0.R"
    np.testing.assert_array_equal(first.weights_[name], again.weights_[name])
    assert np.abs(first.weights_[name] - other.weights_[name]).max() > 0.01


@pytest.mark.parametrize("name", ["width", "n_modes", "n_layers", "learning_rate"])
def test_every_size_matters(name):
    source = spectra(6)
    small = {"width": 4, "n_modes": 4, "n_layers": 1, "max_epochs": 3, "learning_rate": 0.02}
    small |= {"random_state": 0}
    maps = [FNO(**small), FNO(**small | {name: 2 * small[name]})]
    losses = [m.fit(1.3 * source, source).history_[-1]["validation_mse"] for m in maps]
    assert abs(losses[0] - losses[1]) > 1e-6


def test_no_tensor_is_kept_and_pickle_keeps_the_map(gained):
    fno, _ = gained
    assert fno.n_epochs_ > 0
    assert all(type(array) is np.ndarray for array in fno.weights_.values())
    loaded = pickle.loads(pickle.dumps(fno))
    assert b"torch" not in pickle.dumps(fno)
    mapped = fno.transform(new_spectra())
    assert mapped.dtype == np.float64
    np.testing.assert_array_equal(loaded.transform(new_spectra()), mapped)


def test_a_progress_bar_on_request(capsys):
    small = {"width": 4, "n_modes": 4, "n_layers": 1, "max_epochs": 10, "random_state": 0}
    source = spectra(6)
    for verbose in (0, 1):
        fno = FNO(**small, learning_rate=0.02, verbose=verbose).fit(1.3 * source, source)
        assert fno.n_epochs_ > 0
        assert ("mapping" in capsys.readouterr().err) == bool(verbose)


def test_transfer_is_the_map_in_front_of_the_calibration(make_stack):
    X, _, instrument, _ = stack = make_stack()
    model = fit(
        make(FNOTransfer, max_epochs=10, learning_rate=0.02, random_state=0, width=8, n_modes=8),
        stack,
    )
    mapped = model.map_.transform(X[instrument == "B"])
    np.testing.assert_array_equal(model.transform(X[instrument == "B"]), mapped)
    np.testing.assert_array_equal(
        model.predict(X[instrument == "B"]), model.estimator_.predict(mapped)
    )
    mean = fit(make(MeanCentredTransfer), stack)
    target, source = X[instrument == "B"], X[instrument == "A"]
    order = [np.argsort(stack[3][instrument == name]) for name in "AB"]
    errors = [rmse(m.transform(target)[order[1]], source[order[0]]) for m in (model, mean)]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"width": 0}, "width must be an int of at least 1, got 0"),
        ({"n_modes": 2.5}, "n_modes must be an int of at least 1, got 2.5"),
        ({"n_layers": 0}, "n_layers must be an int of at least 1, got 0"),
        ({"max_epochs": -1}, "max_epochs must be an int of at least 0, got -1"),
        ({"learning_rate": 0}, "learning_rate is 0. Pass a number above 0"),
    ],
)
def test_refuses_a_bad_operator(parameters, message, make_stack):
    with pytest.raises(ValueError, match=message):
        FNO(**parameters).fit(*noisy_pair())
    with pytest.raises(ValueError, match=message):
        fit(SMALL_FNO(Ridge(), source="A", target="B", n_transfer=0, **parameters), make_stack())


def test_refuses_source_channels_beyond_the_target():
    axes = {"target_axis": np.arange(1, 41.0), "source_axis": np.arange(5, 45.0)}
    with pytest.raises(ValueError, match="4 of the 40 source channels lie outside the range"):
        FNO(**axes).fit(*noisy_pair())
