"""Regression of hidden on visible channels: equal to literal ridge and to refits, and weights."""

import numpy as np
import pytest

from skspektron.foundation._filling import (
    PENALTIES,
    HiddenRidge,
    error_weights,
    standardize_visible,
)
from skspektron.foundation._gaps import interpolate_gaps, interpolate_hidden
from tests.oracles import fill_by_ridge

HIDDEN = np.isin(np.arange(30), [0, 1, 9, 10, 11, 20])


@pytest.fixture
def spectra():
    rng = np.random.default_rng(0)
    bands = np.exp(-0.5 * ((np.arange(30) - rng.uniform(0, 30, (4, 1))) / 4) ** 2)
    return rng.uniform(1, 2, (9, 4)) @ bands + 0.01 * rng.normal(size=(9, 30))


def test_interpolation_equals_numpys(spectra):
    expected = [
        np.interp(np.flatnonzero(HIDDEN), np.flatnonzero(~HIDDEN), x[~HIDDEN]) for x in spectra
    ]
    np.testing.assert_allclose(interpolate_hidden(spectra, HIDDEN), expected)


def test_held_out_spectra_equal_refits(spectra):
    Z = standardize_visible(spectra, HIDDEN)[0]
    residuals = HiddenRidge.fit(spectra, HIDDEN).residuals
    np.testing.assert_allclose(residuals[0], Z[:, HIDDEN] - interpolate_gaps(Z, HIDDEN))
    # The penalty is relative to the size of all rows, also for the fit without one of them.
    rows = Z[:, ~HIDDEN] - Z[:, ~HIDDEN].mean(axis=0)
    penalties = PENALTIES * np.sum(rows**2) / len(rows)
    for i in range(len(Z)):
        for s in range(2, len(PENALTIES)):
            filled = fill_by_ridge(np.delete(Z, i, axis=0), Z[i], HIDDEN, penalties[s])
            np.testing.assert_allclose(residuals[1 + s, i], Z[i, HIDDEN] - filled, rtol=1e-5)


def test_fill_is_the_weighted_mean_of_ridge_regressions(spectra):
    train, x = spectra[:8], spectra[8]
    ridge = HiddenRidge.fit(train, HIDDEN)
    Z, z = (standardize_visible(each, HIDDEN)[0] for each in (train, x[None]))
    rows = Z[:, ~HIDDEN] - Z[:, ~HIDDEN].mean(axis=0)
    fills = [interpolate_gaps(z, HIDDEN)[0]]
    for penalty in PENALTIES * np.sum(rows**2) / len(rows):
        fills.append(fill_by_ridge(Z, z[0], HIDDEN, penalty))
    channels = np.flatnonzero(HIDDEN)
    expected = []
    for gap in ([0, 1], [9, 10, 11], [20]):
        at = np.isin(channels, gap)
        errors = np.mean(ridge.residuals[:, :, at] ** 2, axis=(1, 2))
        weights = errors ** (-0.4 * np.sqrt(8))
        expected.append(weights @ np.array(fills)[:, at] / weights.sum())
    scale, mean = x[~HIDDEN].std(), x[~HIDDEN].mean()
    expected = mean + scale * np.concatenate(expected)
    np.testing.assert_allclose(ridge.predict(x[None])[0], expected, rtol=1e-5)


def test_errors_for_the_user_do_not_weight_with_the_own_spectrum(spectra):
    ridge = HiddenRidge.fit(spectra, HIDDEN)
    own = 4
    rest = np.delete(ridge.square_sums(), own, axis=1).sum(axis=1)
    weights = error_weights(rest, len(spectra) - 1)[:, ridge.gaps()]
    expected = (weights * ridge.residuals[:, own]).sum(axis=0)
    np.testing.assert_allclose(ridge.held_out()[own], expected)


@pytest.mark.parametrize("errors", [np.zeros((4, 2)), np.full((4, 2), 1e-300)])
def test_equal_errors_give_equal_weights(errors):
    np.testing.assert_allclose(error_weights(errors, 9), 0.25)


def test_spectra_that_differ_in_offset_and_gain_alone_fill_each_other(spectra):
    train = spectra[:1] * np.linspace(1, 2, 5)[:, None] + np.arange(5)[:, None]
    filled = HiddenRidge.fit(train, HIDDEN).predict(7 + 3 * spectra[:1])
    np.testing.assert_allclose(filled, 7 + 3 * spectra[:1, HIDDEN], rtol=1e-6)
