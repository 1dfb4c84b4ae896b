"""Maps that learn the difference: literal ridge regressions, limits, grids, weights, refusals."""

import numpy as np
import pytest

from skspektron.transfer import DS, PDS, SST, CCAMap
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra

MAPS = [DS, SST, CCAMap, PDS]
PENALTIES = [np.inf, 10.0, 0.1, 1e-3, 0.0]
WEIGHTS = np.array([1.0, 2.0, 0.5, 0.0, 1.0, 3.0])
REPEATS = [0, 0, 1, 1, 1, 1, 2, 4, 4, 5, 5, 5, 5, 5, 5]  # of which WEIGHTS are halves


@pytest.mark.parametrize("n_source", [40, 33, 47])
@pytest.mark.parametrize("length", [None, 1, 5, 11, 99])
@pytest.mark.parametrize("penalty", [10.0, 0.1, 1e-3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_equals_a_literal_ridge_regression(n_source, length, penalty, weights):
    target, source = noisy_pair(6, n_source=n_source)
    model = DS(penalty=penalty)
    if length is not None:
        model = PDS(penalty=penalty, window_length=length)
    model.fit(target, source, sample_weight=weights)
    expected = oracles.difference_map(target, source, new_spectra(), penalty, length, weights)
    np.testing.assert_allclose(model.transform(new_spectra()), expected, atol=1e-9)
    affine = new_spectra() @ model.coef_ + model.intercept_
    np.testing.assert_allclose(affine, expected, atol=1e-9)


def test_sst_and_cca_equal_their_formulas():
    target, source = noisy_pair(8)
    T, S, Z = (
        X - mean
        for X, mean in (
            (target, target.mean(0)),
            (source, source.mean(0)),
            (new_spectra(), target.mean(0)),
        )
    )
    for k in (3, 7):
        U, s, Vt = np.linalg.svd(np.hstack([S, T]))
        P_s, P_t = Vt[:k, :40], Vt[:k, 40:]
        F = np.diag(s[:k] ** 2 / (s[:k] ** 2 + 0.3 * np.sum(s**2) / 8))
        expected = source.mean(0) + Z + Z @ np.linalg.pinv(P_t) @ F @ (P_s - P_t)
        sst = SST(penalty=0.3, n_components=k).fit(target, source)
        np.testing.assert_allclose(sst.transform(new_spectra()), expected, atol=1e-9)
        scores = []
        for X in (T, S):
            U, s, _ = np.linalg.svd(X, full_matrices=False)
            shrunk = s[:k] / np.sqrt(s[:k] ** 2 + 0.3 * np.sum(s**2) / 8)
            scores.append(U[:, :k] * shrunk)
        R, rho, Qt = np.linalg.svd(scores[0].T @ scores[1])
        B = np.linalg.lstsq(np.linalg.svd(T)[2][:k].T @ np.linalg.svd(T)[2][:k], np.eye(40))[0]
        B = np.linalg.pinv(T @ B, rcond=1e-10) @ scores[0] @ R
        expected = (
            source.mean(0) + Z + Z @ B @ np.diag(rho) @ (np.linalg.pinv(scores[1] @ Qt.T) @ (S - T))
        )
        cca = CCAMap(penalty=0.3, n_components=k).fit(target, source)
        np.testing.assert_allclose(cca.correlations_, rho)
        np.testing.assert_allclose(cca.transform(new_spectra()), expected, atol=1e-9)


@pytest.mark.parametrize("spectral_map", MAPS)
@pytest.mark.parametrize(("n_standards", "penalty"), [(1, 0.0), (1, 0.1), (6, np.inf)])
@pytest.mark.parametrize("n_source", [40, 33])
def test_one_standard_or_an_infinite_penalty_gives_the_offset(
    spectral_map, n_standards, penalty, n_source
):
    target, source = noisy_pair(n_standards, n_source=n_source)
    model = spectral_map(penalty=penalty).fit(target, source)
    offset = (source - oracles.interpolated(target, n_source)).mean(axis=0)
    expected = oracles.interpolated(new_spectra(), n_source) + offset
    np.testing.assert_allclose(model.transform(new_spectra()), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("spectral_map", "n_source"),  # CCA has no more variates than the source has channels
    [(DS, 40), (DS, 33), (SST, 40), (SST, 33), (PDS, 40), (PDS, 33), (CCAMap, 40)],
)
def test_without_a_penalty_an_affine_instrument_is_recovered(spectral_map, n_source):
    rng = np.random.default_rng(0)
    target = spectra(60, 40) + 0.1 * rng.normal(size=(60, 40))
    distance = np.abs(np.subtract.outer(np.linspace(0, 39, 40), np.linspace(0, 39, n_source)))
    A = np.where(distance < 2, rng.normal(size=(40, n_source)), 0.0)  # inside a window of 5
    source = target @ A + rng.normal(size=n_source)
    for penalty, tolerance in ((0.0, 1e-8), (1e-9, 1e-4)):
        settings = {"window_length": 5} if spectral_map is PDS else {}
        model = spectral_map(penalty=penalty, **settings).fit(target[:50], source[:50])
        np.testing.assert_allclose(model.transform(target[50:]), source[50:], atol=tolerance)


@pytest.mark.parametrize("spectral_map", MAPS)
def test_a_large_penalty_keeps_what_the_standards_do_not_span(spectral_map):
    source = spectra(40, n_bands=6)
    target = source + 0.2 + 0.01 * np.random.default_rng(0).normal(size=source.shape)
    mapped = spectral_map(penalty=1.0).fit(target[:3], source[:3]).transform(target[3:])
    assert np.std(mapped - source[3:]) < 0.02


@pytest.mark.parametrize("spectral_map", MAPS)
def test_units_and_offsets_of_spectra_do_not_matter(spectral_map):
    target, source = noisy_pair(6)
    reference = spectral_map().fit(target, source).transform(new_spectra())
    for scale, offset in ((1e-3, 0.0), (7.0, 2.0)):
        model = spectral_map().fit(scale * target + offset, scale * source + offset)
        mapped = (model.transform(scale * new_spectra() + offset) - offset) / scale
        np.testing.assert_allclose(mapped, reference, atol=1e-9)


@pytest.mark.parametrize("spectral_map", MAPS)
@pytest.mark.parametrize("learns", ["difference", "spectrum"])
def test_weights_count_as_repeated_standards(spectral_map, learns):
    target, source = noisy_pair(6)
    weighted = spectral_map(learns=learns).fit(target, source, sample_weight=2 * WEIGHTS)
    repeated = spectral_map(learns=learns).fit(target[REPEATS], source[REPEATS])
    np.testing.assert_allclose(
        weighted.transform(new_spectra()), repeated.transform(new_spectra()), atol=1e-9
    )


@pytest.mark.parametrize("spectral_map", MAPS)
@pytest.mark.parametrize("n_source", [40, 33])
def test_a_path_equals_single_fits(spectral_map, n_source):
    target, source = noisy_pair(6, n_source=n_source)
    for learns, name, values in (
        ("difference", "penalty", PENALTIES),
        ("spectrum", "n_components", [1, 2, 4]),
    ):
        model = spectral_map(learns=learns)
        path = model._map_path(model._pairs(target, source, WEIGHTS), new_spectra(), values)
        for mapped, value in zip(path, values, strict=True):
            single = spectral_map(learns=learns, **{name: value})
            single.fit(target, source, sample_weight=WEIGHTS)
            np.testing.assert_allclose(mapped, single.transform(new_spectra()), atol=1e-9)


@pytest.mark.parametrize("n_standards", [4, 20])
@pytest.mark.parametrize("n_components", [1, 3])
def test_components_of_a_window_are_those_of_its_principal_components(n_standards, n_components):
    target, source = noisy_pair(n_standards)
    model = PDS(window_length=99, n_components=n_components, penalty=0.1).fit(target, source)
    power = np.mean(np.sum(oracles.windows_of(target - target.mean(0), 40, 79) ** 2, axis=(0, 2)))
    scale = power / 40 / np.mean(np.sum((target - target.mean(0)) ** 2, axis=1))
    expected = DS(n_components=n_components, penalty=0.1 * scale).fit(target, source)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-9)


def test_cca_of_independent_standards_is_ds():
    target, source = noisy_pair(6)
    maps = [each(penalty=0.1).fit(target, source).coef_ for each in (DS, CCAMap)]
    np.testing.assert_allclose(*maps, atol=1e-9)


def test_a_double_window_of_a_small_penalty_is_the_published_regression():
    target, source = noisy_pair(9)
    maps = [
        PDS(window_length=(5, 3), **settings).fit(target, source).coef_
        for settings in ({"penalty": 0}, {"learns": "spectrum", "n_components": None})
    ]
    np.testing.assert_allclose(*maps, atol=1e-8)


@pytest.mark.parametrize("spectral_map", MAPS)
def test_axes_place_the_interpolation(spectral_map):
    target_axis = np.linspace(1000, 2000, 40)
    source_axis = np.array([1803.0, 1500.0, 1000.0])  # descending
    target = noisy_pair(6)[0]
    source = np.array([np.interp(source_axis, target_axis, row) for row in target]) + 3
    axes = {"target_axis": target_axis, "source_axis": source_axis}
    model = spectral_map(penalty=1.0, **axes).fit(target, source)
    expected = [np.interp(source_axis, target_axis, row) + 3 for row in new_spectra()]
    np.testing.assert_allclose(model.transform(new_spectra()), expected, atol=1e-12)
    with pytest.raises(ValueError, match="Only one of target_axis and source_axis was given"):
        spectral_map(target_axis=target_axis).fit(target, source)


@pytest.mark.parametrize("spectral_map", MAPS)
@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"penalty": -1}, "penalty must be a finite number of at least 0, inf or 'auto', got -1"),
        ({"learns": "both"}, "learns must be 'difference' or 'spectrum', got 'both'"),
        ({"learns": "spectrum", "penalty": 1.0}, "penalty must be 'auto' with learns='spectrum'"),
    ],
)
def test_refuses_invalid_parameters(spectral_map, parameters, match):
    with pytest.raises(ValueError, match=match):
        spectral_map(**parameters).fit(*noisy_pair())


def test_refuses_parameters_of_the_other_form():
    axis = np.arange(1.0, 41.0)
    with pytest.raises(ValueError, match="target_axis must be None with learns='spectrum'"):
        DS(learns="spectrum", target_axis=axis, source_axis=axis).fit(*noisy_pair())


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        (np.ones(5), "shape \\(12,\\), got"),
        (np.zeros(12), "not zero for all"),
        (-np.ones(12), "from -1"),
    ],
)
def test_refuses_invalid_weights(weights, match):
    with pytest.raises(ValueError, match=match):
        DS().fit(*noisy_pair(), sample_weight=weights)
