"""`make_instruments`: physics, reproducibility, realism and errors."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import r2_score

from skspektron._bands import draw_bands
from skspektron.datasets import make_instruments
from skspektron.datasets._instruments import _Instrument

AXIS = np.linspace(1100, 2498, 50)
IDEAL = {"distortion": 0, "scatter": 0, "noise": 0}


def simulate(n_samples=12, instruments=("A", "B"), **parameters):
    return make_instruments(
        n_samples, instruments, **{"wavelength": AXIS, "random_state": 0, **parameters}
    )


def test_shapes_and_names():
    data = make_instruments(7, ("lab", "field", "line"), n_components=3, random_state=0)
    assert list(data.X) == list(data.parameters) == ["lab", "field", "line"]
    assert {X.shape for X in data.X.values()} == {(7, 700)}
    assert data.X["lab"].dtype == data.y.dtype == np.float64
    np.testing.assert_allclose(data.wavelength, np.arange(1100, 2499, 2))
    np.testing.assert_allclose(data.wavenumber, 1e7 / data.wavelength)
    np.testing.assert_array_equal(data.sample_id, np.arange(1, 8))
    assert data.y.shape == (7, 3) and len(data.target_names) == 3


def test_fractions_are_positive_correlated_and_sum_to_one():
    y = simulate(500, spread=0.3).y
    assert (y > 0).all()
    np.testing.assert_allclose(y.sum(axis=1), 1)
    assert np.abs(np.corrcoef(y.T)[np.triu_indices(5, 1)]).max() > 0.3


def test_ideal_instruments_obey_beer_lambert_exactly():
    data = simulate(30, n_components=4, **IDEAL)
    pure, *_ = np.linalg.lstsq(data.y, data.X["A"], rcond=None)
    np.testing.assert_allclose(data.y @ pure, data.X["A"], atol=1e-12)
    assert np.linalg.matrix_rank(data.X["A"], tol=1e-10) == 4
    np.testing.assert_array_equal(data.X["A"], data.X["B"])
    assert data.X["A"].mean(axis=0).max() == pytest.approx(1)


def test_ideal_instruments_differ_by_scatter_alone():
    data = simulate(30, **{**IDEAL, "scatter": 1})
    difference = data.X["A"] - data.X["B"]
    assert difference.std() > 1e-3
    # Packing has four degrees of freedom; the path length acts on a nearly constant spectrum.
    assert np.linalg.matrix_rank(difference, tol=1e-2 * np.linalg.norm(difference)) <= 4


@pytest.mark.parametrize("fault", ["distortion", "scatter", "noise"])
def test_each_fault_changes_spectra_and_scales(fault):
    ideal = simulate(**IDEAL).X["A"]
    small, large = (
        np.abs(simulate(**{**IDEAL, fault: strength}).X["A"] - ideal).mean()
        for strength in (1e-4, 1e-3)
    )
    assert small > 0
    assert large / small == pytest.approx(10, rel=0.1)


def test_spread_widens_fractions():
    narrow, wide = (simulate(200, spread=spread).y.std(axis=0) for spread in (0.05, 0.5))
    assert (wide > 4 * narrow).all()


def test_measure_equals_the_literal_formula():
    rng = np.random.default_rng(0)
    wavenumber = 1e7 / AXIS
    bands = draw_bands(2, rng)
    device = _Instrument.draw(wavenumber, 1.0, 0.0, rng)
    amounts, packing = 3 * rng.random((5, 2)), rng.standard_normal((5, 4))
    expected = np.empty((5, 50))
    centre = np.median(wavenumber)
    x = 2 * (wavenumber - wavenumber.min()) / np.ptp(wavenumber) - 1
    for i, (path, offset, slope, curvature) in enumerate(packing):
        for j, nu in enumerate(wavenumber):
            seen = nu + device.shift + device.stretch * (nu - centre)
            pure = bands.spectra(np.array([seen]), device.line_width)[:, 0]
            baseline = 0.02 * offset + 0.01 * slope * x[j]
            baseline += 0.005 * curvature * (1.5 * x[j] ** 2 - 0.5)
            transmittance = 10 ** -(np.exp(0.03 * path) * amounts[i] @ pure + baseline)
            stray = device.stray_light
            measured = -np.log10((transmittance + stray) / (1 + stray))
            expected[i, j] = device.gain[j] * measured + device.offset[j]
            expected[i, j] += (i / 2 - 1) * device.drift[j]
    measured = device.measure(amounts, bands, wavenumber, packing, rng)
    np.testing.assert_allclose(measured, expected, atol=1e-12)


def test_noise_has_the_given_size_and_a_1_f_spectrum():
    clean, noisy = (
        make_instruments(300, ("A",), **{**IDEAL, "noise": noise}, random_state=0).X["A"]
        for noise in (0, 1e-4)
    )
    noise = noisy - clean
    # Detector noise is constant in light, so it grows with absorbance; 1/f noise adds half.
    expected = 1e-4 * np.sqrt((10**clean / np.log(10)) ** 2 + 0.25)
    np.testing.assert_allclose(noise.std(axis=0, ddof=1).mean(), expected.mean(), rtol=0.05)
    power = (np.abs(np.fft.rfft(noise, axis=1)) ** 2).mean(axis=0)
    assert power[1] > 10 * power[-5:].mean()


def test_random_state_determines_all_numbers():
    first, again, other = simulate(), simulate(), simulate(random_state=1)
    np.testing.assert_array_equal(first.X["B"], again.X["B"])
    assert not np.allclose(first.X["B"], other.X["B"])
    # The global generator must not move.
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generated = [simulate(random_state=np.random.default_rng(3)).X["A"] for _ in range(2)]
    np.testing.assert_array_equal(*generated)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_new_instrument_does_not_change_the_others():
    two, three = simulate(), simulate(instruments=("A", "B", "C"))
    np.testing.assert_array_equal(two.X["B"], three.X["B"])
    assert not np.allclose(three.X["C"], three.X["B"])
    assert three.parameters["C"]["shift"] != three.parameters["B"]["shift"]


@pytest.mark.parametrize(
    "wavenumber",
    [
        np.linspace(4000, 14000, 80),
        np.linspace(400, 4000, 80),
        np.linspace(200, 3600, 80),
        np.linspace(10500, 5900, 80),
    ],
    ids=["near infrared", "mid infrared", "Raman", "handheld, descending"],
)
def test_every_range_has_bands_of_measurable_height(wavenumber):
    data = make_instruments(20, wavenumber=wavenumber, random_state=0)
    for X in data.X.values():
        assert np.isfinite(X).all()
        assert 0.5 < np.quantile(X, 0.99) < 2
        assert np.ptp(X.mean(axis=0)) > 0.5
    np.testing.assert_array_equal(data.wavenumber, wavenumber)


def test_direction_of_the_axis_does_not_matter():
    up, down = simulate(noise=0), simulate(noise=0, wavelength=AXIS[::-1])
    np.testing.assert_allclose(up.X["B"], down.X["B"][:, ::-1], atol=1e-12)


def test_instruments_may_have_their_own_axes():
    axes = {"A": AXIS, "B": np.linspace(950, 1650, 30)}
    data = simulate(wavelength=axes)
    assert data.X["A"].shape == (12, 50) and data.X["B"].shape == (12, 30)
    for name, axis in axes.items():
        np.testing.assert_allclose(data.wavelength[name], axis)
        np.testing.assert_allclose(data.wavenumber[name], 1e7 / axis)
    np.testing.assert_array_equal(data.X["A"], simulate().X["A"])


@pytest.mark.parametrize("seed", [1, 3])
def test_transfer_is_necessary_and_possible(seed):
    data = make_instruments(150, wavelength=np.linspace(1100, 2498, 140), random_state=seed)
    (A, B), train, test = data.X.values(), slice(100), slice(100, None)
    centred = B - B[train].mean(axis=0) + A[train].mean(axis=0)
    scores = []
    for target in data.y.T:
        model = PLSRegression(10).fit(A[train], target[train])
        scores.append([r2_score(target[test], model.predict(X[test])) for X in (A, B, centred)])
    within, none, mean_centred = np.median(scores, axis=0)
    assert within > 0.95
    assert none < 0.5
    assert 0.8 < mean_centred < within


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"wavenumber": AXIS}, "were both given"),
        ({"wavelength": AXIS[[0, 2, 1]]}, "monotonic"),
        ({"wavelength": [1100.0]}, "1 channels"),
        ({"wavelength": [100.0, 200.0]}, "from 50000 to 100000 cm-1"),
        ({"wavelength": {"A": AXIS}}, r"\['A'\], the instruments are \['A', 'B'\]"),
        ({"instruments": ("A", "A")}, "2 names, 1 of them distinct"),
        ({"instruments": ()}, "0 names"),
        ({"n_samples": 0}, "n_samples must be an int of at least 1, got 0"),
        ({"n_components": 2.5}, "n_components must be an int of at least 1, got 2.5"),
        ({"noise": -1}, "noise must be a finite number of at least 0, got -1"),
        ({"distortion": np.nan}, "distortion must be a finite number of at least 0, got nan"),
        ({"scatter": "much"}, "scatter must be a finite number of at least 0, got 'much'"),
        ({"spread": np.inf}, "spread must be a finite number of at least 0, got inf"),
    ],
)
def test_invalid_parameters_raise(parameters, match):
    with pytest.raises(ValueError, match=match):
        simulate(**parameters)


def test_string_is_not_a_sequence_of_names():
    with pytest.raises(TypeError, match="'lab'"):
        simulate(instruments="lab")
