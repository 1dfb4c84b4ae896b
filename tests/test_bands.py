"""Absorption bands of simulated compounds."""

import numpy as np
import pytest

from skspektron._bands import (
    HYDROGENIC,
    SKELETAL,
    Bands,
    channels_near,
    draw_bands,
    transitions,
)


def literal_spectra(bands, wavenumber, line_width):
    """Sum the pseudo-Voigt bands one point at a time."""
    spectra = np.zeros((len(bands.height), len(wavenumber)))
    for c, heights in enumerate(bands.height):
        for b, height in enumerate(heights):
            sigma = np.sqrt(bands.width[b] ** 2 + line_width**2)
            half = sigma * np.sqrt(2 * np.log(2))
            for j, nu in enumerate(wavenumber):
                distance = nu - bands.position[b]
                gauss = np.exp(-(distance**2) / (2 * sigma**2))
                lorentz = half**2 / (half**2 + distance**2)
                mixed = (1 - bands.lorentzian[b]) * gauss + bands.lorentzian[b] * lorentz
                spectra[c, j] += height * bands.width[b] / sigma * mixed
    return spectra


def test_spectra_equal_the_literal_sum():
    bands = draw_bands(2, np.random.default_rng(0))
    wavenumber = np.linspace(4000, 9000, 7)
    np.testing.assert_allclose(
        bands.spectra(wavenumber, 12.0), literal_spectra(bands, wavenumber, 12.0), rtol=1e-10
    )


def test_line_width_is_a_convolution_with_the_slit():
    narrow = Bands(*np.array([[5000.0], [20.0], [0.0]]), height=np.array([[1.0]]))
    wavenumber = np.arange(4000.0, 6001.0)
    slit = np.exp(-0.5 * (np.arange(-200, 201) / 30.0) ** 2)
    convolved = np.convolve(narrow.spectra(wavenumber)[0], slit / slit.sum(), mode="same")
    np.testing.assert_allclose(narrow.spectra(wavenumber, 30.0)[0], convolved, atol=1e-6)


@pytest.mark.parametrize(
    ("group", "wavelength"),  # nm, as in every table of near-infrared assignments
    [
        ("water", 1450),
        ("water", 1940),
        ("free O-H", 1412),
        ("aromatic C-H", 1680),
        ("C-H of CH2", 1740),
        ("C-H of CH2", 2310),
        ("amide N-H", 1515),
        ("amide N-H", 2045),
    ],
)
def test_overtones_and_combinations_are_at_tabulated_wavelengths(group, wavelength):
    position, _, height = transitions(HYDROGENIC[group]).T
    strong = 1e7 / position[height >= 0.05 * height.max()]
    assert np.abs(strong - wavelength).min() < 0.015 * wavelength


def test_each_overtone_is_ten_times_weaker_wider_and_nearer():
    vibration = HYDROGENIC["S-H"]._replace(bendings=())
    position, width, height = transitions(vibration).T
    assert position[0] == pytest.approx(vibration.fundamental)
    assert (np.diff(position, 2) < 0).all()
    np.testing.assert_allclose(height[1:] / height[:-1], 0.1)
    np.testing.assert_allclose(width, vibration.width * np.arange(1, 6))


def test_compounds_differ():
    spectra = draw_bands(6, np.random.default_rng(0)).spectra(np.linspace(4000, 9000, 200))
    similarity = np.corrcoef(spectra)
    assert similarity[np.triu_indices(6, 1)].max() < 0.999
    assert np.linalg.matrix_rank(spectra) == 6


def literal_channels_near(groups, wavenumber, reach, strength):
    """Return channel by channel whether a band that counts is near."""
    bands = [band for name in groups for band in transitions((HYDROGENIC | SKELETAL)[name])]
    low, high = min(wavenumber), max(wavenumber)
    bands = [band for band in bands if low <= band[0] <= high]
    tallest = max((height for _, _, height in bands), default=0.0)
    bands = [band for band in bands if band[2] >= strength * tallest]
    return [any(abs(nu - at) < reach * width for at, width, _ in bands) for nu in wavenumber]


@pytest.mark.parametrize("groups", [("water",), ("C-H of CH2", "C-H of CH3"), ("amide C=O",)])
@pytest.mark.parametrize(("reach", "strength"), [(1.25, 0.15), (0.5, 0.0), (3.0, 1.0)])
def test_channels_near_bands_equal_the_literal_search(groups, reach, strength):
    wavenumber = np.linspace(11000, 1500, 300)  # descending, as wavelengths ascend
    near = channels_near(groups, wavenumber, reach=reach, strength=strength)
    expected = literal_channels_near(groups, wavenumber, reach, strength)
    np.testing.assert_array_equal(near, expected)
    assert near.any()
    np.testing.assert_array_equal(
        channels_near(groups, wavenumber[::-1], reach=reach, strength=strength), expected[::-1]
    )


def test_water_absorbs_at_its_overtone_and_its_combination():
    wavelength = np.arange(1100.0, 2500.0, 2.0)
    near = wavelength[channels_near(("water",), 1e7 / wavelength)]
    first, second = np.split(near, np.flatnonzero(np.diff(near) > 2.0) + 1)
    assert (first[0], first[-1], second[0], second[-1]) == (1410, 1492, 1864, 2012)


def test_bands_outside_the_axis_do_not_count():
    near = channels_near(("water", "amide C=O"), np.linspace(35000, 40000, 20))
    assert near.shape == (20,) and not near.any()
