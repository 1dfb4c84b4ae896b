"""PDS against the literal loop, on instruments that it has to correct, and at the edges."""

import numpy as np
import pytest
from sklearn.base import clone

from skspektron.transfer import PDS
from tests import oracles
from tests.transfer.standards import new_spectra, noisy_pair, spectra


@pytest.mark.parametrize("n_standards", [2, 6, 25])
@pytest.mark.parametrize("n_source", [40, 33, 47])
@pytest.mark.parametrize(
    ("window_length", "n_components"), [(1, 1), (5, 2), (11, 3), (99, 4), (7, None)]
)
def test_equals_the_literal_loop(n_standards, n_source, window_length, n_components):
    target, source = noisy_pair(n_standards, n_source=n_source)
    pds = PDS(learns="spectrum", window_length=window_length, n_components=n_components).fit(
        target, source
    )
    expected = oracles.pds(target, source, new_spectra(), window_length, n_components)
    np.testing.assert_allclose(pds.transform(new_spectra()), expected, atol=1e-8)


@pytest.mark.parametrize("n_standards", [2, 12])
@pytest.mark.parametrize("n_source", [40, 33])
@pytest.mark.parametrize("window_length", [(5, 3), (1, 5), (9, 99)])
@pytest.mark.parametrize("n_components", [1, 3, None])
def test_a_double_window_equals_the_literal_loop(
    n_standards, n_source, window_length, n_components
):
    target, source = noisy_pair(n_standards, n_source=n_source)
    pds = PDS(learns="spectrum", window_length=window_length, n_components=n_components).fit(
        target, source
    )
    length, n_pooled = window_length
    expected = oracles.pds(target, source, new_spectra(), length, n_components, n_pooled)
    np.testing.assert_allclose(pds.transform(new_spectra()), expected, atol=1e-8)


def test_a_double_window_of_one_is_a_single_window():
    target, source = noisy_pair()
    single, double = (
        PDS(learns="spectrum", window_length=w).fit(target, source).coef_ for w in (5, (5, 1))
    )
    np.testing.assert_array_equal(single, double)


def test_a_double_window_is_better_with_few_standards():
    rng = np.random.default_rng(0)
    target = spectra(3, 80, 8) + 0.02 * rng.normal(size=(3, 80))
    X_new = spectra(50, 80, 8, seed=4)
    errors = [
        np.abs(
            PDS(learns="spectrum", window_length=w).fit(target, spectra(3, 80, 8)).transform(X_new)
            - X_new
        ).mean()
        for w in (5, (5, 11))
    ]
    assert errors[1] < 0.7 * errors[0]


def test_is_the_identity_when_the_instruments_agree():
    X = noisy_pair(20)[0]
    pds = PDS(learns="spectrum", window_length=7, n_components=None).fit(X, X)
    np.testing.assert_allclose(pds.transform(new_spectra()), new_spectra(), atol=1e-6)
    few_bands = PDS(learns="spectrum", window_length=7, n_components=None).fit(
        spectra(20), spectra(20)
    )
    np.testing.assert_allclose(few_bands.transform(spectra(5, seed=3)), spectra(5, seed=3), 1e-6)


@pytest.mark.parametrize("n_bands", [3, 6])
def test_corrects_gain_offset_and_a_shift_with_10_standards(n_bands):
    source = spectra(60, 201, n_bands)
    channel = np.linspace(0, 1, 200)
    target = source[:, 1:] * (0.9 + 0.1 * channel) + 0.05 * channel  # shifted by one channel
    source = source[:, :-1]
    pds = PDS(learns="spectrum", n_components=3).fit(target[:10], source[:10])
    corrected = pds.transform(target[10:]) - source[10:]
    uncorrected = target[10:] - source[10:]
    assert np.sqrt(np.mean(corrected**2)) <= 0.02 * np.sqrt(np.mean(uncorrected**2))


@pytest.mark.parametrize("n_standards", [2, 4])
def test_n_components_is_limited_by_the_number_of_standards(n_standards):
    target, source = noisy_pair(n_standards)
    most, full = (
        PDS(learns="spectrum", window_length=9, n_components=k).fit(target, source)
        for k in (n_standards - 1, 50)
    )
    np.testing.assert_array_equal(most.coef_, full.coef_)
    np.testing.assert_allclose(
        full.transform(target), source, atol=1e-8
    )  # interpolates the standards


def test_n_components_is_limited_by_the_rank():
    target, source = spectra(12), 1.1 * spectra(12) + 0.2  # three bands
    three, many = (
        PDS(learns="spectrum", n_components=k).fit(target, source).transform(target)
        for k in (3, 11)
    )
    np.testing.assert_allclose(many, three, atol=1e-6)


def test_one_standard_corrects_an_offset():
    source = spectra(6)
    target = source + np.linspace(0.1, 0.3, 40)
    for window_length in (1, 11, (5, 3)):
        pds = PDS(learns="spectrum", window_length=window_length).fit(target[:1], source[:1])
        np.testing.assert_allclose(pds.transform(target), source, atol=1e-12)


def test_a_constant_channel_gets_an_offset_only():
    target, source = spectra(8), spectra(8)
    source[:, 4] = 0.1
    target[:, 20] = 0.1  # deviations from its mean are rounding error
    pds = PDS(learns="spectrum", window_length=1).fit(target, source)
    assert not pds.coef_[:, [4, 20]].any()
    assert pds.intercept_[4] == pytest.approx(0.1)
    assert pds.intercept_[20] == pytest.approx(source[:, 20].mean())


def test_windows_are_truncated_at_the_edges():
    coef = PDS(learns="spectrum", window_length=5).fit(spectra(9), spectra(9)).coef_
    offset = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    assert not coef[offset > 2].any()
    assert coef[0, 0] != 0 and coef[-1, -1] != 0


def test_a_window_over_all_channels_is_direct_standardization():
    target, source = spectra(12), 1.2 * spectra(12) + 0.1
    pds = PDS(learns="spectrum", window_length=2 * 40 + 1, n_components=None).fit(target, source)
    centred = target - target.mean(axis=0)
    direct = np.linalg.pinv(centred, rcond=1e-6) @ (source - source.mean(axis=0))
    np.testing.assert_allclose(pds.coef_, direct, atol=1e-6)


def test_n_components_matters_on_noisy_standards():
    rng = np.random.default_rng(0)
    target = spectra(10) + 0.02 * rng.normal(size=(10, 40))
    X_new = spectra(50, seed=4)
    errors = [
        np.abs(
            PDS(learns="spectrum", n_components=k).fit(target, spectra(10)).transform(X_new) - X_new
        ).mean()
        for k in (2, None)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_feature_names_out_are_as_many_as_source_channels():
    pds = PDS(learns="spectrum").fit(spectra(5), spectra(5, 33))
    assert pds.coef_.shape == (40, 33)
    assert len(pds.get_feature_names_out()) == 33


def test_windows_are_around_the_nearest_channel_on_the_axes():
    target_axis = np.linspace(1000, 2000, 101)
    source_axis = np.array([1800.0, 1504.0, 1000.0])  # descending, between and on channels
    rng = np.random.default_rng(0)
    target = rng.normal(size=(20, 101))
    source = target[:, [80, 50, 0]] + 3.0
    pds = PDS(
        learns="spectrum",
        window_length=3,
        n_components=None,
        target_axis=target_axis,
        source_axis=source_axis,
    )
    pds.fit(target, source)
    expected = np.zeros((101, 3))
    expected[[80, 50, 0], [0, 1, 2]] = 1.0
    np.testing.assert_allclose(pds.coef_, expected, atol=1e-10)
    np.testing.assert_allclose(pds.intercept_, 3.0)


def test_default_axes_cover_the_same_range():
    target, source = noisy_pair(n_source=34)
    axes = {"target_axis": np.linspace(900, 1700, 40), "source_axis": np.linspace(900, 1700, 34)}
    np.testing.assert_allclose(
        PDS(learns="spectrum", **axes).fit(target, source).coef_,
        PDS(learns="spectrum").fit(target, source).coef_,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("axes", "match"),
    [
        ({"target_axis": np.arange(1, 41)}, "Only one of target_axis and source_axis was given"),
        ({"source_axis": np.arange(1, 41)}, "Only one of target_axis and source_axis was given"),
        (
            {"target_axis": np.arange(101, 141), "source_axis": np.arange(99, 139)},
            "2 of the 40 source channels lie outside the range of the target, 101 to 140",
        ),
        ({"target_axis": np.arange(1, 40), "source_axis": np.arange(1, 41)}, "target_axis has"),
        ({"target_axis": np.ones(40), "source_axis": np.arange(1, 41)}, "strictly"),
    ],
)
def test_refuses_invalid_axes(axes, match):
    with pytest.raises(ValueError, match=match):
        PDS(learns="spectrum", **axes).fit(*noisy_pair())


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"window_length": 4}, "odd int of at least 1 or a pair of such, got 4"),
        ({"window_length": -1}, "odd int of at least 1 or a pair of such, got -1"),
        ({"window_length": 5.0}, "odd int of at least 1 or a pair of such, got 5.0"),
        ({"window_length": True}, "odd int of at least 1 or a pair of such, got True"),
        ({"window_length": (5, 2)}, r"a pair of such, got \(5, 2\)"),
        ({"window_length": (5,)}, r"a pair of such, got \(5,\)"),
        ({"window_length": (5, 3, 1)}, r"a pair of such, got \(5, 3, 1\)"),
        ({"n_components": 0}, "at least 1, None or 'auto', got 0"),
        ({"n_components": 1.5}, "at least 1, None or 'auto', got 1.5"),
    ],
)
def test_refuses_invalid_parameters(parameters, match):
    with pytest.raises(ValueError, match=match):
        clone(PDS(learns="spectrum")).set_params(**parameters).fit(spectra(5), spectra(5))


def test_refuses_unpaired_standards():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PDS(learns="spectrum").fit(spectra(5), spectra(6))
