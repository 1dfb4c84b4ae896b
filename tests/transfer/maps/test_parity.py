"""The maps agree with the classes of chemotools at equal settings."""

import numpy as np
import pytest
from chemotools.adaptation import (
    DirectStandardization,
    PiecewiseDirectStandardization,
    SpectralSpaceTransform,
)
from chemotools.projection import ExternalParameterOrthogonalization

from skspektron.datasets import fetch_corn
from skspektron.model_selection import kennard_stone
from skspektron.transfer import DS, EPO, PDS, SST
from tests.transfer.standards import new_spectra, noisy_pair


def smooth():
    """Return standards of both instruments and new target spectra, 40 channels."""
    return *noisy_pair(), new_spectra()


def corn():
    """Return 20 standards of mp6 and m5 by Kennard-Stone on m5, and the other spectra of mp6."""
    X = fetch_corn(download_if_missing=False).X
    order = kennard_stone(X["m5"])
    return X["mp6"][order[:20]], X["m5"][order[:20]], X["mp6"][order[20:]]


@pytest.fixture(params=[smooth, corn])
def standards(request):
    """Return target and source standards and new target spectra; corn if it is available."""
    if request.param is corn:
        request.getfixturevalue("data_dir")
    return request.param()


def assert_parity(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_direct_standardization(standards):
    target, source, X = standards
    peer = DirectStandardization()  # does not centre
    peer.fit(target - target.mean(axis=0), X_source=source - source.mean(axis=0))
    expected = peer.transform(X - target.mean(axis=0)) + source.mean(axis=0)
    assert_parity(DS(learns="spectrum").fit(target, source).transform(X), expected)


@pytest.mark.parametrize(("window_length", "n_components"), [(11, 1), (11, 3), (51, 2)])
def test_piecewise_direct_standardization(window_length, n_components, standards):
    target, source, X = standards
    peer = PiecewiseDirectStandardization(
        window_length=window_length // 2, n_components=n_components, scale=False
    )
    expected = peer.fit(target, X_source=source).transform(X)
    pds = PDS(learns="spectrum", window_length=window_length, n_components=n_components)
    assert_parity(pds.fit(target, source).transform(X), expected)


@pytest.mark.parametrize("n_components", [1, 2, 6])
def test_spectral_space_transform(n_components, standards):
    target, source, X = standards
    peer = SpectralSpaceTransform(n_components=n_components).fit(target, X_source=source)
    assert_parity(
        SST(learns="spectrum", n_components=n_components).fit(target, source).transform(X),
        peer.transform(X),
    )


@pytest.mark.parametrize("n_components", [1, 2, 6])
def test_external_parameter_orthogonalization(n_components, standards):
    target, source, X = standards
    peer = ExternalParameterOrthogonalization(n_components=n_components)
    both, ids = np.concatenate([target, source]), np.tile(np.arange(len(target)), 2)
    peer.fit(source, X_external=both, sample_ids=ids)
    assert_parity(
        EPO(n_components=n_components).fit(target, source).transform(X), peer.transform(X)
    )
