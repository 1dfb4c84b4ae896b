"""CCAMap against whitened scores by matrix square roots, and its correlations."""

import numpy as np
import pytest

from skspektron.transfer import DS, CCAMap
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra


@pytest.mark.parametrize("n_standards", [5, 12, 60])
@pytest.mark.parametrize("n_source", [40, 33])
@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_equals_whitened_scores(n_standards, n_source, n_components):
    target, source = noisy_pair(n_standards, n_source=n_source)
    cca = CCAMap(learns="spectrum", n_components=n_components).fit(target, source)
    expected, correlations = oracles.cca(target, source, new_spectra(), n_components)
    np.testing.assert_allclose(cca.transform(new_spectra()), expected, atol=1e-8)
    np.testing.assert_allclose(cca.correlations_, correlations, atol=1e-8)
    np.testing.assert_allclose(new_spectra() @ cca.coef_ + cca.intercept_, expected, atol=1e-8)


def test_correlations_of_linearly_related_spectra_are_one():
    target = spectra(12)
    source = target @ np.random.default_rng(0).normal(size=(40, 40)) + 1.0
    cca = CCAMap(learns="spectrum", n_components=3).fit(target, source)  # three bands
    np.testing.assert_allclose(cca.correlations_, 1.0)
    new = spectra(4, seed=3)
    expected = DS(learns="spectrum").fit(target, source).transform(new)
    np.testing.assert_allclose(cca.transform(new), expected, atol=1e-6)


def test_correlations_of_unrelated_spectra_are_far_from_one():
    rng = np.random.default_rng(0)
    cca = CCAMap(learns="spectrum", n_components=2).fit(
        rng.normal(size=(60, 9)), rng.normal(size=(60, 9))
    )
    assert len(cca.correlations_) == 2 and (np.diff(cca.correlations_) <= 0).all()
    assert cca.correlations_.max() < 0.5


def test_correlations_do_not_depend_on_scale_offset_and_rotation():
    target, source = noisy_pair()
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    cca = CCAMap(learns="spectrum", n_components=4).fit(target, source)
    rotated = CCAMap(learns="spectrum", n_components=4).fit(3 * target @ rotation + 2, source)
    np.testing.assert_allclose(rotated.correlations_, cca.correlations_)
    np.testing.assert_allclose(
        rotated.transform(3 * new_spectra() @ rotation + 2), cca.transform(new_spectra())
    )


def test_all_components_give_direct_standardization():
    target, source = noisy_pair(n_source=33)
    cca, ds = (
        CCAMap(learns="spectrum").fit(target, source),
        DS(learns="spectrum").fit(target, source),
    )
    np.testing.assert_allclose(cca.correlations_, 1.0)
    np.testing.assert_allclose(cca.coef_, ds.coef_, atol=1e-8)


def test_one_standard_maps_every_spectrum_to_its_source_spectrum():
    target, source = noisy_pair(1)
    cca = CCAMap(learns="spectrum").fit(target, source)
    assert cca.correlations_.shape == (0,)
    np.testing.assert_allclose(cca.transform(new_spectra()), np.repeat(source, 7, axis=0))


@pytest.mark.parametrize("constant", ["target", "source"])
def test_a_constant_channel(constant):
    pair = dict(zip(("target", "source"), noisy_pair(), strict=True))
    pair[constant][:, 4] = 0.1
    cca = CCAMap(learns="spectrum", n_components=3).fit(pair["target"], pair["source"])
    coef = cca.coef_[4] if constant == "target" else cca.coef_[:, 4]
    np.testing.assert_allclose(coef, 0.0, atol=1e-15)
    assert np.isfinite(cca.transform(new_spectra())).all()


def test_standards_without_variation_give_their_mean():
    target, source = np.ones((4, 6)), np.arange(24.0).reshape(4, 6)
    mapped = CCAMap(learns="spectrum").fit(target, source).transform(np.zeros((2, 6)))
    np.testing.assert_allclose(mapped, np.repeat(source.mean(axis=0)[None], 2, axis=0))


def test_n_components_is_limited_by_both_ranks():
    target, source = spectra(12, n_bands=5), spectra(12)  # five bands and three
    cca = CCAMap(learns="spectrum", n_components=11).fit(target, source)
    assert cca.correlations_.shape == (3,) and cca.left_.shape == (40, 3)


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "all"])
def test_refuses_invalid_n_components(n_components):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}. Pass"):
        CCAMap(learns="spectrum", n_components=n_components).fit(*noisy_pair())


def test_refuses_unpaired_standards():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CCAMap(learns="spectrum").fit(spectra(5), spectra(6))
