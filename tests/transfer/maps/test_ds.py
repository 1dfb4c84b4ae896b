"""DS against the pseudo-inverse, inside and outside the span of the standards."""

import numpy as np
import pytest

from skspektron.transfer import DS, PDS
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra


@pytest.mark.parametrize("n_standards", [2, 12, 60])
@pytest.mark.parametrize("n_source", [40, 33])
@pytest.mark.parametrize("n_components", [1, 5, None])
def test_equals_the_pseudo_inverse(n_standards, n_source, n_components):
    target, source = noisy_pair(n_standards, n_source=n_source)
    ds = DS(learns="spectrum", n_components=n_components).fit(target, source)
    expected = oracles.ds(target, source, new_spectra(), n_components)
    np.testing.assert_allclose(ds.transform(new_spectra()), expected, atol=1e-8)
    np.testing.assert_allclose(new_spectra() @ ds.coef_ + ds.intercept_, expected, atol=1e-8)


def test_standards_are_mapped_to_their_source_spectra():
    target, source = noisy_pair()
    np.testing.assert_allclose(
        DS(learns="spectrum").fit(target, source).transform(target), source, atol=1e-10
    )


def test_an_offset_is_removed_exactly_within_the_span_of_two_standards():
    source = spectra(2)
    offset = np.linspace(0.1, 0.3, 40)
    ds = DS(learns="spectrum").fit(source + offset, source)
    between = np.array([[0.3, 0.7], [2.0, -1.0]]) @ source
    np.testing.assert_allclose(ds.transform(between + offset), between, atol=1e-12)


def test_variation_outside_the_standards_is_lost():
    target, source = noisy_pair(5)
    outside = np.random.default_rng(0).normal(size=40)
    centred = target - target.mean(axis=0)
    outside -= np.linalg.pinv(centred) @ (centred @ outside)
    ds = DS(learns="spectrum").fit(target, source)
    moved = ds.transform(new_spectra() + outside)
    np.testing.assert_allclose(moved, ds.transform(new_spectra()), atol=1e-10)


def test_one_standard_maps_every_spectrum_to_its_source_spectrum():
    target, source = noisy_pair(1)
    mapped = DS(learns="spectrum").fit(target, source).transform(new_spectra())
    np.testing.assert_allclose(mapped, np.repeat(source, 7, axis=0))


@pytest.mark.parametrize("constant", ["target", "source"])
def test_a_constant_channel(constant):
    pair = dict(zip(("target", "source"), noisy_pair(), strict=True))
    pair[constant][:, 4] = 0.1  # deviations from its mean are rounding error
    ds = DS(learns="spectrum").fit(pair["target"], pair["source"])
    assert not (ds.coef_[4] if constant == "target" else ds.coef_[:, 4]).any()
    np.testing.assert_allclose(ds.transform(pair["target"]), pair["source"], atol=1e-8)


def test_standards_without_variation_give_their_mean():
    target, source = np.ones((4, 6)), np.arange(24.0).reshape(4, 6)
    mapped = DS(learns="spectrum").fit(target, source).transform(np.zeros((2, 6)))
    np.testing.assert_allclose(mapped, np.repeat(source.mean(axis=0)[None], 2, axis=0))


def test_n_components_is_limited_by_the_rank():
    target, source = spectra(12), 1.1 * spectra(12)  # three bands
    most, full = (DS(learns="spectrum", n_components=k).fit(target, source) for k in (3, 11))
    assert full.left_.shape == (40, 3)
    np.testing.assert_array_equal(most.coef_, full.coef_)


def test_n_components_matters_on_noisy_standards():
    target, source = noisy_pair(30)
    X_new = spectra(50, seed=4)
    errors = [
        np.abs(
            DS(learns="spectrum", n_components=k).fit(target, source).transform(X_new)
            - 1.1 * X_new
            - 0.2
        ).mean()
        for k in (3, None)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_is_pds_with_a_window_over_all_channels():
    target, source = noisy_pair()
    pds = PDS(learns="spectrum", window_length=81, n_components=None).fit(target, source)
    np.testing.assert_allclose(
        DS(learns="spectrum").fit(target, source).coef_, pds.coef_, atol=1e-8
    )


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "all"])
def test_refuses_invalid_n_components(n_components):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}. Pass"):
        DS(learns="spectrum", n_components=n_components).fit(*noisy_pair())


def test_refuses_unpaired_standards():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DS(learns="spectrum").fit(spectra(5), spectra(6))
