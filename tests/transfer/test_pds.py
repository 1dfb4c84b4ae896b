"""PDS, the map: against the literal loop, on instruments that it must repair, at the edges."""

import numpy as np
import pytest
from sklearn.base import clone

from skspektron.transfer import PDS
from tests import oracles


def spectra(n_samples, n_features=40, n_bands=3, seed=0):
    """Return smooth mixtures of a few bands, (n_samples, n_features)."""
    rng = np.random.default_rng(seed)
    position = np.linspace(0.1, 0.9, n_bands)[:, None]
    bands = np.exp(-((np.linspace(0, 1, n_features) - position) ** 2) / 0.02)
    return rng.uniform(0.2, 1, size=(n_samples, n_bands)) @ bands


@pytest.mark.parametrize("n_standards", [2, 6, 25])
@pytest.mark.parametrize("n_source", [40, 33, 47])
@pytest.mark.parametrize(("window_length", "n_components"), [(1, 1), (5, 2), (11, 3), (99, 4)])
def test_equals_the_literal_loop(n_standards, n_source, window_length, n_components):
    noise = np.random.default_rng(1).normal(size=(n_standards, 40))
    X_target = spectra(n_standards) + 0.01 * noise
    X_source = 1.1 * spectra(n_standards, n_source) + 0.2
    X_new = spectra(7, seed=2)
    pds = PDS(window_length=window_length, n_components=n_components).fit(X_target, X_source)
    expected = oracles.pds(X_target, X_source, X_new, window_length, n_components)
    np.testing.assert_allclose(pds.transform(X_new), expected, atol=1e-8)


def test_is_the_identity_when_the_instruments_agree():
    X = spectra(20) + 0.05 * np.random.default_rng(1).normal(size=(20, 40))
    pds = PDS(window_length=7, n_components=None).fit(X, X)
    np.testing.assert_allclose(pds.transform(X[::-1]), X[::-1], atol=1e-6)
    X_new = spectra(5, seed=3)
    np.testing.assert_allclose(pds.transform(X_new), X_new, atol=1e-6)
    few_bands = PDS(window_length=7).fit(spectra(20), spectra(20))
    np.testing.assert_allclose(few_bands.transform(X_new), X_new, atol=1e-6)


@pytest.mark.parametrize("n_bands", [3, 6])
def test_repairs_gain_offset_and_a_shift_with_10_standards(n_bands):
    source = spectra(60, 201, n_bands)
    channel = np.linspace(0, 1, 200)
    target = source[:, 1:] * (0.9 + 0.1 * channel) + 0.05 * channel  # one channel of shift
    source = source[:, :-1]
    corrected = PDS().fit(target[:10], source[:10]).transform(target[10:]) - source[10:]
    uncorrected = target[10:] - source[10:]
    assert np.sqrt(np.mean(corrected**2)) <= 0.02 * np.sqrt(np.mean(uncorrected**2))


def test_an_offset_alone_needs_one_standard():
    source = spectra(6)
    target = source + np.linspace(0.1, 0.3, 40)
    pds = PDS().fit(target[:1], source[:1])
    np.testing.assert_allclose(pds.transform(target), source, atol=1e-12)


def test_a_constant_channel_gets_an_offset_only():
    target, source = spectra(8), spectra(8)
    source[:, 4] = 0.1
    target[:, 20] = 0.1  # its deviations from the mean are rounding noise
    pds = PDS(window_length=1).fit(target, source)
    assert not pds.coef_[:, [4, 20]].any()
    assert pds.intercept_[4] == pytest.approx(0.1)
    assert pds.intercept_[20] == pytest.approx(source[:, 20].mean())


def test_windows_are_cut_at_the_edges_and_never_wrapped():
    coef = PDS(window_length=5).fit(spectra(9), spectra(9)).coef_
    offset = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    assert not coef[offset > 2].any()
    assert coef[0, 0] != 0 and coef[-1, -1] != 0


def test_a_window_over_all_channels_is_direct_standardization():
    target, source = spectra(12), 1.2 * spectra(12) + 0.1
    pds = PDS(window_length=2 * 40 + 1, n_components=None).fit(target, source)
    centred = target - target.mean(axis=0)
    direct = np.linalg.pinv(centred, rcond=1e-6) @ (source - source.mean(axis=0))
    np.testing.assert_allclose(pds.coef_, direct, atol=1e-6)


def test_rank_matters_on_noisy_standards():
    rng = np.random.default_rng(0)
    target = spectra(10) + 0.02 * rng.normal(size=(10, 40))
    X_new = spectra(50, seed=4)
    errors = [
        np.abs(PDS(n_components=rank).fit(target, spectra(10)).transform(X_new) - X_new).mean()
        for rank in (3, None)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_feature_names_count_the_source_channels():
    pds = PDS().fit(spectra(5), spectra(5, 33))
    assert pds.coef_.shape == (40, 33)
    assert len(pds.get_feature_names_out()) == 33


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"window_length": 4}, "odd int of at least 1, got 4"),
        ({"window_length": -1}, "odd int of at least 1, got -1"),
        ({"window_length": 5.0}, "odd int of at least 1, got 5.0"),
        ({"n_components": 0}, "at least 1 or None, got 0"),
        ({"n_components": 1.5}, "at least 1 or None, got 1.5"),
    ],
)
def test_refuses_bad_parameters(parameters, match):
    with pytest.raises(ValueError, match=match):
        clone(PDS()).set_params(**parameters).fit(spectra(5), spectra(5))


def test_refuses_standards_that_are_not_paired():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PDS().fit(spectra(5), spectra(6))
