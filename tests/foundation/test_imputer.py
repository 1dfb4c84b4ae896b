"""SpektronImputer: contract, complete spectra, interpolation, refusals, frames."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronImputer

N_CHANNELS = 60


@pytest.fixture(scope="module")
def X():
    data = make_instruments(
        40, ("A",), wavelength=np.linspace(1100, 2500, N_CHANNELS), random_state=0
    )
    return data.X["A"]


def with_gaps(X, seed=0):
    """Return spectra with one of three patterns of missing channels each."""
    X = X.copy()
    for row, start in zip(X, np.random.default_rng(seed).choice([0, 20, 52], len(X)), strict=True):
        row[start : start + 8] = np.nan
    return X


def rms(filled, X, gaps):
    return np.sqrt(np.mean((filled - X)[np.isnan(gaps)] ** 2))


@parametrize_with_checks([SpektronImputer(), SpektronImputer(method="interpolation")])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_complete_spectra_are_returned_unchanged(X):
    filled = SpektronImputer().fit(X[:10]).transform(X)
    np.testing.assert_array_equal(filled, X)
    assert filled is not X


def test_visible_channels_are_unchanged_and_input_is_not_modified(X):
    gaps = with_gaps(X[10:])
    before = gaps.copy()
    filled = SpektronImputer().fit(X[:10]).transform(gaps)
    np.testing.assert_array_equal(gaps, before)
    seen = ~np.isnan(gaps)
    np.testing.assert_array_equal(filled[seen], gaps[seen])
    assert np.isfinite(filled).all()


def test_complete_spectra_beat_interpolation(X):
    gaps = with_gaps(X[10:])
    model = SpektronImputer().fit(X[:10])
    line = SpektronImputer(method="interpolation").fit(X[:10])
    assert (model.method_, line.method_) == ("spectra", "interpolation")
    error = rms(model.transform(gaps), X[10:], gaps)
    assert error < 0.2 * rms(line.transform(gaps), X[10:], gaps)


def test_reports_errors_of_held_out_spectra(X):
    model = SpektronImputer().fit(X[:12])
    assert model.n_complete_ == 12
    errors = model.held_out_errors_
    assert list(errors) == ["spectra", "interpolation"]
    blocks = np.array_split(np.arange(N_CHANNELS), 10)
    line, squares = SpektronImputer(method="interpolation").fit(X), []
    for block in blocks:
        gaps = X[:12].copy()
        gaps[:, block] = np.nan
        squares.append(((line.transform(gaps) - X[:12])[:, block] ** 2).ravel())
    np.testing.assert_allclose(errors["interpolation"], np.sqrt(np.mean(np.concatenate(squares))))
    assert errors["spectra"] < errors["interpolation"]
    assert SpektronImputer().fit(X[:3]).held_out_errors_ == {}


def test_rows_do_not_depend_on_each_other(X):
    gaps = with_gaps(X[10:])
    model = SpektronImputer().fit(X[:10])
    alone = np.concatenate([model.transform(row[None]) for row in gaps])
    np.testing.assert_allclose(alone, model.transform(gaps), rtol=1e-10)


def test_incomplete_rows_do_not_count_beside_ten_complete_ones(X):
    both = np.concatenate([with_gaps(X[10:20]), X[:10]])
    model, gaps = SpektronImputer().fit(both), with_gaps(X[20:])
    assert (model.n_complete_, model.n_spectra_) == (10, 10)
    expected = SpektronImputer().fit(X[:10]).transform(gaps)
    np.testing.assert_array_equal(model.transform(gaps), expected)


@pytest.mark.parametrize("n_complete", [0, 3])
def test_incomplete_spectra_fill_each_other(X, n_complete):
    gaps = with_gaps(X)
    gaps[:n_complete] = X[:n_complete]
    model = SpektronImputer().fit(gaps[:20])
    assert (model.method_, model.n_complete_, model.n_spectra_) == ("spectra", n_complete, 20)
    alone = SpektronImputer(method="interpolation").fit(X)
    for rows in (slice(20), slice(20, 40)):
        error = rms(model.transform(gaps[rows]), X[rows], gaps[rows])
        assert error < 0.2 * rms(alone.transform(gaps[rows]), X[rows], gaps[rows])
    errors = model.held_out_errors_
    assert errors["spectra"] < 0.5 * errors["interpolation"]


def test_gap_of_too_many_spectra_is_interpolated(X):
    gaps = X[:10].copy()
    gaps[:8, 20:28] = np.nan
    model = SpektronImputer().fit(gaps)
    assert (model.method_, model.n_complete_) == ("spectra", 2)
    alone = SpektronImputer(method="interpolation").fit(X)
    np.testing.assert_array_equal(model.transform(gaps), alone.transform(gaps))


def test_channels_that_no_spectrum_has_are_interpolated(X):
    dead = X.copy()
    dead[:, [5, 6, 30]] = np.nan
    model = SpektronImputer().fit(dead[:10])
    assert (model.n_complete_, model.method_) == (10, "spectra")
    filled = model.transform(with_gaps(dead[10:]))
    assert np.isfinite(filled).all()
    whole = SpektronImputer().fit(np.delete(X[:10], [5, 6, 30], axis=1))
    rest = whole.transform(np.delete(with_gaps(dead[10:]), [5, 6, 30], axis=1))
    np.testing.assert_allclose(np.delete(filled, [5, 6, 30], axis=1), rest, rtol=1e-9)
    rest = filled.copy()
    rest[:, [5, 6, 30]] = np.nan
    interpolated = SpektronImputer(method="interpolation").fit(X).transform(rest)
    np.testing.assert_allclose(filled, interpolated)


@pytest.mark.parametrize("n", [1, 2])
def test_interpolates_without_enough_spectra(X, n):
    empty = np.full((4, N_CHANNELS), np.nan)
    model = SpektronImputer().fit(np.concatenate([X[:n], empty]))
    assert (model.method_, model.n_complete_, model.n_spectra_) == ("interpolation", n, 0)
    alone = SpektronImputer(method="interpolation").fit(X)
    gaps = with_gaps(X[10:])
    np.testing.assert_array_equal(model.transform(gaps), alone.transform(gaps))
    with pytest.raises(ValueError, match=f"at least 3 spectra .* X has {n} in {n + 4} rows"):
        clone(model).set_params(method="spectra").fit(np.concatenate([X[:n], empty]))


def test_refuses_spectra_with_too_few_visible_channels(X):
    gaps = X[10:14].copy()
    gaps[1, :43], gaps[2, :50] = np.nan, np.nan
    model = SpektronImputer().fit(X[:10])
    with pytest.raises(ValueError, match=r"2 of 4 spectra have more than 70 % of 60 .* up to 50"):
        model.transform(gaps)
    assert np.isfinite(model.set_params(max_missing=0.9).transform(gaps)).all()


def test_flat_and_equal_spectra_are_filled(X):
    gaps = np.full((2, N_CHANNELS), 3.0)
    gaps[:, 10:15] = np.nan
    for train in (X[:10], np.ones((5, N_CHANNELS)), np.repeat(X[:1], 5, axis=0)):
        filled = SpektronImputer().fit(train).transform(gaps)
        np.testing.assert_allclose(filled, 3.0)


def test_many_complete_spectra_are_thinned_out_evenly(X):
    many = np.concatenate([X + shift for shift in np.arange(6) / 10])
    model = SpektronImputer().fit(many)
    assert (model.n_complete_, model.n_spectra_) == (240, 200)
    np.testing.assert_array_equal(model._product.spectra[[0, -1]], many[[0, -1]])


def test_float32_is_kept(X):
    gaps = with_gaps(X[10:]).astype(np.float32)
    filled = SpektronImputer().fit(X[:10].astype(np.float32)).transform(gaps)
    assert filled.dtype == np.float32
    expected = SpektronImputer().fit(X[:10]).transform(with_gaps(X[10:]))
    np.testing.assert_allclose(filled, expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_keep_names_and_are_put_in_order(X, kind):
    library = pytest.importorskip(kind)
    names = [f"{w:g} nm" for w in np.linspace(1100, 2280, N_CHANNELS)]
    frame = lambda values, names: library.DataFrame(  # noqa: E731
        dict(zip(names, values.T, strict=True))
    )
    model = SpektronImputer().set_output(transform=kind).fit(frame(X[:10], names))
    gaps = with_gaps(X[10:])
    out = model.transform(frame(gaps[:, ::-1], names[::-1]))
    assert list(out.columns) == names
    expected = SpektronImputer().fit(X[:10]).transform(gaps)
    np.testing.assert_allclose(out.to_numpy(), expected)
