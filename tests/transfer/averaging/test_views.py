"""Views of the spectra: which bands they hold."""

import numpy as np
import pytest

from skspektron.transfer._averaging._views import fit_views, view_fractions

WAVELENGTH = np.arange(1100.0, 2500.0, 2.0)


def test_an_axis_adds_views_of_bands():
    X = np.tile(WAVELENGTH, (2, 1))  # the value of a channel is its wavelength
    plain = fit_views(X, None)
    assert not any("at" in name.split() for name in plain)
    views = fit_views(X, 1e7 / WAVELENGTH)
    at = {name.rsplit(" ", 1)[1]: view for name, view in views.items() if name not in plain}
    assert set(at) == {"water", "O-H", "N-H", "C-H"}
    near = at["water"][-1].transform(X)[0]
    first, second = np.split(near, np.flatnonzero(np.diff(near) > 2.0) + 1)
    assert (first[0], first[-1]) == pytest.approx((1410, 1492), abs=3)
    assert (second[0], second[-1]) == pytest.approx((1864, 2012), abs=3)


@pytest.mark.parametrize(
    ("wavelength", "absent"),
    [
        (np.linspace(250, 290, 100), {"water", "O-H", "N-H", "C-H"}),  # outside every band
        (np.linspace(1100, 2500, 40), {"water", "C-H"}),  # too few channels at narrow bands
        (np.linspace(1420, 1480, 60), {"water"}),  # all channels are at the water band
    ],
)
def test_a_band_needs_10_channels_and_at_most_80_percent_of_them(wavelength, absent):
    views = fit_views(np.ones((2, len(wavelength))), 1e7 / wavelength)
    names = {name.rsplit(" ", 1)[-1] for name in views}
    assert names.isdisjoint(absent)


def test_views_of_bands_share_the_prior_weight_of_one_view():
    names = ["spectra", "estimator", "first derivative at water", "first derivative at O-H"]
    assert list(view_fractions(names).values()) == [1.0, 1.0, 0.5, 0.5]
    assert view_fractions(["SNV"]) == {"SNV": 1.0}
