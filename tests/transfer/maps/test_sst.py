"""SST against the full singular value decomposition, inside and outside its loadings."""

import numpy as np
import pytest

from skspektron.transfer import DS, SST
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra


@pytest.mark.parametrize(("n_standards", "n_components"), [(2, 1), (12, 1), (12, 5), (60, 30)])
def test_equals_the_full_decomposition(n_standards, n_components):
    target, source = noisy_pair(n_standards)
    sst = SST(learns="spectrum", n_components=n_components).fit(target, source)
    expected = oracles.sst(target, source, new_spectra(), n_components)
    np.testing.assert_allclose(sst.transform(new_spectra()), expected, atol=1e-8)
    np.testing.assert_allclose(new_spectra() @ sst.coef_ + sst.intercept_, expected, atol=1e-8)


@pytest.mark.parametrize("n_components", [1, 4, None])
def test_is_the_identity_when_the_instruments_agree(n_components):
    target, _ = noisy_pair()
    sst = SST(learns="spectrum", n_components=n_components).fit(target, target)
    np.testing.assert_allclose(sst.transform(new_spectra()), new_spectra(), atol=1e-12)


@pytest.mark.parametrize("n_standards", [1, 5])
def test_an_offset_is_removed_exactly(n_standards):
    source = spectra(9)
    target = source + np.linspace(0.1, 0.3, 40)
    sst = SST(learns="spectrum").fit(target[:n_standards], source[:n_standards])
    np.testing.assert_allclose(sst.transform(target), source, atol=1e-12)


def test_standards_are_mapped_to_their_source_spectra():
    target, source = noisy_pair()
    np.testing.assert_allclose(
        SST(learns="spectrum").fit(target, source).transform(target), source, atol=1e-8
    )


def test_variation_outside_the_standards_is_kept():
    target, source = noisy_pair(5)
    outside = np.random.default_rng(0).normal(size=40)
    centred = target - target.mean(axis=0)
    outside -= np.linalg.pinv(centred) @ (centred @ outside)
    sst = SST(learns="spectrum").fit(target, source)
    moved = sst.transform(new_spectra() + outside) - sst.transform(new_spectra())
    np.testing.assert_allclose(moved, np.repeat(outside[None], 7, axis=0), atol=1e-8)


def test_different_numbers_of_channels_give_direct_standardization():
    target, source = noisy_pair(n_source=33)
    sst, ds = (
        model.fit(target, source) for model in (SST(learns="spectrum"), DS(learns="spectrum"))
    )
    assert sst.transform(new_spectra()).shape == (7, 33)
    np.testing.assert_allclose(sst.transform(new_spectra()), ds.transform(new_spectra()), atol=1e-6)


@pytest.mark.parametrize("constant", ["target", "source"])
def test_a_constant_channel(constant):
    pair = dict(zip(("target", "source"), noisy_pair(), strict=True))
    pair[constant][:, 4] = 0.1
    sst = SST(learns="spectrum").fit(pair["target"], pair["source"])
    np.testing.assert_allclose(sst.transform(pair["target"]), pair["source"], atol=1e-8)


def test_standards_without_variation_give_the_offset():
    target, source = np.ones((4, 6)), np.repeat(np.arange(6.0)[None], 4, axis=0)
    mapped = SST(learns="spectrum").fit(target, source).transform(np.zeros((2, 6)))
    np.testing.assert_allclose(mapped, np.repeat(np.arange(-1.0, 5.0)[None], 2, axis=0))


def test_a_constant_target_is_corrected_by_the_offset():
    target, source = np.ones((4, 6)), np.random.default_rng(0).normal(size=(4, 6))
    mapped = SST(learns="spectrum").fit(target, source).transform(target + 1)
    np.testing.assert_allclose(mapped, np.repeat(source.mean(axis=0)[None] + 1, 4, axis=0))


def test_n_components_is_limited_by_the_rank():
    target, source = spectra(12), 1.1 * spectra(12)
    most, full = (SST(learns="spectrum", n_components=k).fit(target, source) for k in (3, 11))
    assert full.left_.shape == (40, 3)
    np.testing.assert_array_equal(most.coef_, full.coef_)


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "all"])
def test_refuses_invalid_n_components(n_components):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}. Pass"):
        SST(learns="spectrum", n_components=n_components).fit(*noisy_pair())


def test_refuses_unpaired_standards():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SST(learns="spectrum").fit(spectra(5), spectra(6))
