"""EPO against the projection matrix."""

import numpy as np
import pytest

from skspektron.transfer import EPO
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra


@pytest.mark.parametrize("n_standards", [5, 12, 60])
@pytest.mark.parametrize("n_components", [1, 4])
def test_equals_the_projection_matrix(n_standards, n_components):
    target, source = noisy_pair(n_standards)
    epo = EPO(n_components=n_components).fit(target, source)
    P = oracles.epo_projection(target, source, n_components)
    mean = source.mean(axis=0)
    np.testing.assert_allclose(epo.coef_, P, atol=1e-8)
    np.testing.assert_allclose(
        epo.transform(new_spectra()), mean + (new_spectra() - mean) @ P, atol=1e-8
    )


@pytest.mark.parametrize("n_components", [1, 5, None])
def test_is_idempotent_and_symmetric(n_components):
    epo = EPO(n_components=n_components).fit(*noisy_pair())
    once = epo.transform(new_spectra())
    np.testing.assert_allclose(epo.transform(once), once, atol=1e-10)
    np.testing.assert_allclose(epo.coef_, epo.coef_.T, atol=1e-10)
    V = epo.components_
    np.testing.assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-10)


def test_removes_the_leading_directions_of_the_differences():
    target, source = noisy_pair()
    values = np.linalg.svd(source - target, compute_uv=False)
    for k in (1, 3, 12):
        epo = EPO(n_components=k).fit(target, source)
        after = np.linalg.svd(epo.transform(source) - epo.transform(target), compute_uv=False)
        np.testing.assert_allclose(after[: 12 - k], values[k:], atol=1e-8)
        np.testing.assert_allclose(after[12 - k :], 0.0, atol=1e-8)


@pytest.mark.parametrize("n_standards", [1, 4])
def test_an_offset_is_one_direction(n_standards):
    source = spectra(9)
    target = source + np.linspace(0.1, 0.3, 40)
    epo = EPO(n_components=None).fit(target[:n_standards], source[:n_standards])
    assert epo.components_.shape == (1, 40)
    np.testing.assert_allclose(epo.transform(target), epo.transform(source), atol=1e-12)


def test_is_the_identity_when_the_instruments_agree():
    epo = EPO(n_components=3).fit(spectra(5), spectra(5))
    assert epo.components_.shape == (0, 40)
    np.testing.assert_array_equal(epo.transform(new_spectra()), new_spectra())


def test_n_components_is_limited_by_the_rank():
    target, source = noisy_pair(4)
    assert EPO(n_components=9).fit(target, source).components_.shape == (4, 40)


def test_source_spectra_are_interpolated_at_the_target_channels():
    position = np.linspace(0, 1, 40)
    source = np.outer([1.0, 2.0], np.linspace(0, 1, 21)) + 0.1  # straight lines
    target = np.outer([1.0, 2.0], position) + 0.1 + 0.3 * position**2
    epo = EPO(n_components=1).fit(target, source)
    expected = 0.3 * position**2 / np.linalg.norm(0.3 * position**2)
    np.testing.assert_allclose(np.abs(epo.components_[0]), expected, atol=1e-12)
    assert len(epo.get_feature_names_out()) == 40


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "all"])
def test_refuses_invalid_n_components(n_components):
    with pytest.raises(ValueError, match=f"at least 1 or None, got {n_components!r}. Pass"):
        EPO(n_components=n_components).fit(*noisy_pair())


def test_refuses_unpaired_standards():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EPO().fit(spectra(5), spectra(6))
