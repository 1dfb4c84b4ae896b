"""Labels of the rows: instruments, samples, domains, noise."""

import numpy as np
import pytest

from skspektron.foundation._corpus import Corpus, number_domains, number_labels, place_noise


def corpus(**labels):
    X = np.array([[1.0, 2.0, np.nan], [-1.0, 3.0, 1.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    numbers = {name: np.array(values) for name, values in labels.items()}
    return Corpus(X, [np.arange(1.0, 4)], np.zeros(4, dtype=int), **numbers)


def test_pairs_are_samples_on_several_instruments():
    assert corpus().n_pairs == corpus(instrument=[0, 0, 1, 1]).n_pairs == 0
    paired = corpus(instrument=[0, 0, 1, 1], sample=[0, 1, 0, 2])
    assert (paired.n_instruments, paired.n_pairs) == (2, 1)
    assert corpus(instrument=[0, 0, 1, 1], sample=[0, 0, 1, 1]).n_pairs == 0


def test_negative_fraction_is_that_of_the_measured_values():
    assert corpus().negative_fraction == 1 / 11


def test_digest_changes_with_every_field():
    kinds = [
        corpus(),
        corpus(instrument=[0, 0, 1, 1]),
        corpus(instrument=[0, 1, 1, 1]),
        corpus(domain=[0, 0, 1, 1]),
    ]
    assert len({kind.digest() for kind in kinds}) == 4
    assert corpus().digest() == corpus().digest()


def test_labels_are_numbered_by_order():
    assert number_labels(["b", "a", "b"], 3, "instrument").tolist() == [1, 0, 1]
    assert number_labels(None, 3, "instrument") is None


def test_domain_for_all_rows_or_by_instrument():
    assert number_domains("nir", None, 2).tolist() == [0, 0]
    by_instrument = number_domains({"a": "IR", "b": "RAMAN"}, ["b", "a"], 2)
    assert by_instrument.tolist() == [2, 1]
    with pytest.warns(UserWarning, match="THz|THZ"):
        assert number_domains("THz", None, 1).tolist() == [3]
    with pytest.raises(ValueError, match="domain is missing for 1 instruments: b"):
        number_domains({"a": "IR"}, ["b", "a"], 2)


def test_noise_for_all_rows_or_by_instrument():
    X = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan]])
    np.testing.assert_array_equal(place_noise([1, 2, 3], None, X), [[1, 2, 3], [1, 2, 3]])
    placed = place_noise({"a": [1, 2, 3], "b": [4, 5]}, ["a", "b"], X)
    np.testing.assert_array_equal(placed, [[1, 2, 3], [4, 5, np.nan]])
    assert place_noise(None, None, X) is None
    with pytest.raises(ValueError, match="given for 1 instruments, and the instruments"):
        place_noise({"a": [1, 2, 3]}, None, X)
    with pytest.raises(ValueError, match=r"noise has shape \(2,\), row 0 of X has 3"):
        place_noise([1, 2], None, X)
    with pytest.raises(ValueError, match="no positive value"):
        place_noise([0, 0, 0], None, X)
