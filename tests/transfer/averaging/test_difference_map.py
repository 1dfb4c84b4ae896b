"""The map that learns the difference of both spectra, against its formula."""

import numpy as np
import pytest

from skspektron.transfer._averaging._difference_map import STRENGTH, DifferenceMap
from skspektron.transfer._core._standards import Standards
from tests.transfer.standards import new_spectra, noisy_pair


def standards_of(X_source, X_target, weights=None):
    n = len(X_source)
    return Standards(np.arange(n), X_source, X_target, np.zeros(n), np.zeros(n), weights)


def image(X_source, X_target, X, weights):
    """Return images of spectra `X` under the map, written out."""
    means = [np.average(part, axis=0, weights=weights) for part in (X_source, X_target)]
    T, D = X_target - means[1], X_source - means[0] - (X_target - means[1])
    size = np.mean(np.sum((X_target - X_target.mean(axis=0)) ** 2, axis=1))
    gram = T.T @ (weights[:, None] * T) + STRENGTH * size * np.eye(T.shape[1])
    coef = np.linalg.solve(gram, T.T @ (weights[:, None] * D))
    return X + (X - means[1]) @ coef + means[0] - means[1]


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_formula(weighted):
    X_target, X_source = noisy_pair(8)
    weights = np.array([1, 0.5, 1, 0.0, 1, 1, 0.2, 1]) if weighted else np.ones(8)
    found = DifferenceMap.of(standards_of(X_source, X_target, weights))
    X = X_target[:3]
    expected = image(X_source, X_target, X, weights)
    np.testing.assert_allclose(found.transform(X), expected, atol=1e-8)


def test_held_out_images_do_not_depend_on_the_pair():
    X_target, X_source = noisy_pair(8)
    changed = X_source.copy()
    changed[3] += 5.0
    before, after = (
        DifferenceMap.of(standards_of(X, X_target)).held_out for X in (X_source, changed)
    )
    np.testing.assert_allclose(after[3], before[3], atol=1e-9)
    assert np.abs(np.delete(after - before, 3, axis=0)).max() > 0.1


def test_an_offset_is_removed_exactly_and_two_standards_are_too_few():
    X_target, _ = noisy_pair(8)
    found = DifferenceMap.of(standards_of(X_target - 0.7, X_target))
    np.testing.assert_allclose(found.transform(new_spectra()), new_spectra() - 0.7, atol=1e-9)
    assert DifferenceMap.of(standards_of(X_target[:2], X_target[:2])) is None
    weights = np.array([1.0, 1.0, *[0.0] * 6])
    assert DifferenceMap.of(standards_of(X_target, X_target, weights)) is None
