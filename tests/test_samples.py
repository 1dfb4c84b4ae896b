"""Numbers of samples that neither their names nor the order of the rows decide."""

import numpy as np
import pytest

from skspektron._samples import number_samples, warn_of_alike_ids
from skspektron.model_selection import TransferShuffleSplit
from skspektron.transfer import MeanCentredTransfer

generator = np.random.default_rng(0)
X = generator.normal(size=(12, 5))
IDS = np.array(list("aabbccddeeff"))


def order_of(X, ids, *args, **options):
    """Return the ids by number."""
    return list(number_samples(X, ids, *args, **options)[1])


def literal_order(ids, X, is_target):
    """Return the ids ordered by source spectra, each with sorted channels, and shuffled."""
    keys = {
        i: sorted(
            (bool(t), *np.sort(row))
            for row, t in zip(X[ids == i], is_target[ids == i], strict=True)
        )
        for i in set(ids)
    }
    in_order = sorted(keys, key=keys.get)
    n_source = len(set(ids[~is_target]))
    both = in_order[:n_source], in_order[n_source:]
    return [part[k] for part in both for k in np.random.RandomState(0).permutation(len(part))]


@pytest.mark.parametrize("n_target", [0, 5, 12])
def test_equals_a_literal_sort(n_target):
    is_target = np.arange(12) >= 12 - n_target
    order = literal_order(IDS, X, is_target)
    assert order_of(X, IDS, is_target=is_target) == order
    numbers, names, rows = number_samples(X, IDS, is_target=is_target)
    np.testing.assert_array_equal(names[numbers], IDS)
    assert (np.diff(numbers[rows]) >= 0).all()


@pytest.mark.parametrize("signs", [1, -1])
def test_gain_offset_channels_and_rows_do_not_matter(signs):
    numbers, _, rows = number_samples(signs * np.abs(X), IDS)
    shuffled = generator.permutation(12)
    changed = 3 + 2 * signs * np.abs(X)[shuffled][:, ::-1]
    renamed = np.array(list("zzyyxxwwvvuu"))[shuffled]
    others, _, other_rows = number_samples(changed, renamed)
    np.testing.assert_array_equal(others, numbers[shuffled])
    np.testing.assert_array_equal(shuffled[other_rows], rows)


def test_equal_spectra_are_ordered_by_values():
    y = np.arange(12.0)[::-1]
    flat = np.zeros((12, 5))
    expected = np.array(list("fedcba"))[np.random.RandomState(0).permutation(6)]
    assert order_of(flat, IDS, y) == list(expected)
    assert order_of(flat[::-1], IDS[::-1], y[::-1]) == list(expected)


def test_target_labels_decide_last():
    is_target = np.tile([False, True], 6)
    y = np.where(is_target, np.nan, np.repeat(np.arange(6.0), 2))
    flat = np.zeros((12, 5))
    expected = order_of(flat, IDS, y, is_target=is_target)
    labelled = np.where(is_target, generator.normal(size=12), y)
    assert order_of(flat, IDS, labelled, is_target=is_target) == expected


def test_samples_without_source_spectra_change_no_other_number():
    is_target = np.arange(12) >= 8
    numbers = number_samples(X, IDS, is_target=is_target)[0]
    without = number_samples(X[:8], IDS[:8])[0]
    np.testing.assert_array_equal(numbers[:8], without)


def test_signs_of_zero_and_of_nan_do_not_matter():
    gaps = np.where(X > 1, np.nan, np.where(X < -1, 0.0, X))
    other = np.where(X > 1, -np.nan, np.where(X < -1, -0.0, X))
    assert order_of(other, IDS) == order_of(gaps, IDS)


@pytest.mark.parametrize(
    ("first", "second", "n"), [("s1", "s1 ", 2), ("S1", "s1", 2), ("\ts1", "S1", 2)]
)
def test_ids_that_differ_in_spelling_only_are_named(first, second, n):
    source = np.array([first, "both", "b"], dtype=object)
    target = np.array([second, "both", "B ", "new"], dtype=object)
    with pytest.warns(UserWarning, match=f"^{n} of 4 target samples are not paired") as record:
        warn_of_alike_ids(source, target)
    assert "'B ' and 'b'" in str(record[0].message)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["a", "A"], ["A"]),  # two samples, and one of them measured again
        (["a", "b"], ["a", "c "]),
        ([1, 2], [2, 3]),
        (["a"], []),
    ],
)
def test_other_ids_are_not_named(source, target, recwarn):
    warn_of_alike_ids(np.array(source), np.array(target, dtype=np.array(source).dtype))
    assert not recwarn.list


def test_transfers_and_splitters_warn_of_a_trailing_blank():
    spectra = np.vstack([X, X + 1])
    ids = np.r_[[f"s{k}" for k in range(12)], [f"s{k}" for k in range(10)], ["s10 ", "s11"]]
    on = np.repeat(["old", "new"], 12)
    metadata = {"instrument": on, "sample_id": ids}
    with pytest.warns(UserWarning, match="1 of 12 target samples"):
        MeanCentredTransfer(source="old", target="new").fit(spectra, spectra[:, 0], **metadata)
    with pytest.warns(UserWarning, match="1 of 12 target samples"):
        next(TransferShuffleSplit(target="new").split(spectra, spectra[:, 0], **metadata))
