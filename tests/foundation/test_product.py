"""Spectra of a product that fill each other in: passes, choice of spectra, and errors."""

import numpy as np
import pytest

from skspektron.foundation._filling import HiddenRidge
from skspektron.foundation._gaps import interpolate_gaps
from skspektron.foundation._product import Product, patterns


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    bands = np.exp(-0.5 * ((np.arange(60) - rng.uniform(0, 60, (4, 1))) / 6) ** 2)
    return rng.uniform(1, 2, (8, 4)) @ bands


def hide(*gaps):
    hidden = np.zeros(60, dtype=bool)
    for start, stop in gaps:
        hidden[start:stop] = True
    return hidden


def test_gaps_are_filled_one_after_the_other_from_spectra_measured_there(X):
    X = X.copy()
    X[:2, 20:26], X[2:4, 40:44] = np.nan, np.nan
    first, second = hide((20, 26)), hide((40, 44))
    interpolated = X.copy()
    interpolated[:2, first] = interpolate_gaps(X[:2], first)
    interpolated[2:4, second] = interpolate_gaps(X[2:4], second)
    order = [4, 5, 6, 7, 0, 1, 2, 3]  # complete ones first
    expected = interpolated.copy()
    expected[:2, first] = HiddenRidge.fit(interpolated[order][[0, 1, 2, 3, 6, 7]], first).predict(
        interpolated[:2]
    )
    expected[2:4, second] = HiddenRidge.fit(
        interpolated[order][[0, 1, 2, 3, 4, 5]], second
    ).predict(interpolated[2:4])
    product = Product.of(X)
    np.testing.assert_allclose(product.spectra, expected[order], rtol=1e-9)
    both, new = first | second, X[4:6] * 1.1
    new[:, both] = interpolate_gaps(new, both)
    filled = product.fill(new, both)
    for _ in range(2):
        for gap in (first, second):
            new[:, gap] = product.regression(gap).predict(new)
    np.testing.assert_array_equal(filled, new)


def test_complete_spectra_fill_all_channels_at_once(X):
    both = hide((20, 26), (40, 44))
    filled = Product.of(X).fill(X[:2] * 1.1, both)
    np.testing.assert_array_equal(filled[:, both], HiddenRidge.fit(X, both).predict(X[:2] * 1.1))


def test_errors_are_those_at_measured_channels(X):
    gaps = X.copy()
    gaps[0, 54:] = np.nan
    spectra, squares, count = Product.of(gaps).spectra, 0.0, 0
    for start in range(0, 60, 6):
        hidden = hide((start, start + 6))
        ridge = HiddenRidge.fit(spectra[:7] if start == 54 else spectra, hidden)  # [0] is the last
        squares += np.sum((ridge.scale * ridge.held_out()) ** 2)
        count += ridge.held_out().size
    found = Product.of(gaps).held_out_errors()
    np.testing.assert_allclose(found["spectra"], np.sqrt(squares / count))


def test_patterns_have_their_rows():
    X = np.zeros((5, 3))
    X[[0, 3], 1], X[4, 2] = np.nan, np.nan
    found = {tuple(pattern): rows.tolist() for rows, pattern in patterns(X)}
    assert found == {(False, True, False): [0, 3], (False, False, True): [4]}
