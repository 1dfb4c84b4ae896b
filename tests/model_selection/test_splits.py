"""Splitters: no leakage, independence of row order, metadata routing, errors."""

from typing import ClassVar

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate

from skspektron.model_selection import TransferGroupKFold, TransferShuffleSplit

N_SAMPLES = 24
SPLITTERS = [
    TransferGroupKFold(4, target="new"),
    TransferGroupKFold(4, target="new", shuffle=True, random_state=0),
    TransferShuffleSplit(4, target="new", random_state=0),
    TransferShuffleSplit(4, target="new", test_size=5, random_state=1),
]
splitters = pytest.mark.parametrize("cv", SPLITTERS, ids=repr)


@pytest.fixture
def rows():
    """Stack 24 samples on "old", half on "other", and 20, some with replicates, on "new"."""
    rng = np.random.default_rng(0)
    on_new = rng.permutation(np.r_[np.arange(4, N_SAMPLES), 5, 6, 7])
    sample_id = np.r_[np.arange(N_SAMPLES), np.arange(0, N_SAMPLES, 2), on_new]
    instrument = np.repeat(["old", "other", "new"], [N_SAMPLES, N_SAMPLES // 2, len(on_new)])
    y = sample_id.astype(float)
    y[(instrument == "new") & np.isin(sample_id, [6, 9])] = np.nan
    return {
        "X": rng.normal(size=(len(y), 3)),
        "y": y,
        "instrument": instrument,
        "sample_id": np.char.add("s", sample_id.astype(str)),
        "groups": sample_id // 3,
    }


@splitters
def test_names_of_classes_are_split_as_numbers_are(cv, rows):
    names = np.array([None if np.isnan(value) else f"kind {value:g}" for value in rows["y"]])
    of_names = cv.split(**{**rows, "y": names})
    for expected, found in zip(cv.split(**rows), of_names, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))


def take(rows, index):
    return {name: values[index] for name, values in rows.items()}


@splitters
@pytest.mark.parametrize("grouped", [False, True])
def test_no_sample_and_no_group_is_in_both_sets(cv, grouped, rows):
    if not grouped:
        rows["groups"] = None
    splits = list(cv.split(**rows))
    assert len(splits) == cv.get_n_splits() == 4
    for train, test in splits:
        assert train.size and test.size
        assert not np.intersect1d(rows["sample_id"][train], rows["sample_id"][test]).size
        assert set(rows["instrument"][test]) == {"new"}
        assert set(rows["instrument"][train]) == {"old", "other", "new"}
        assert np.isfinite(rows["y"][test]).all()
        if grouped:
            assert not np.intersect1d(rows["groups"][train], rows["groups"][test]).size


@splitters
def test_all_rows_of_training_samples_are_in_the_training_set(cv, rows):
    rows["groups"] = None
    for train, test in cv.split(**rows):
        held_out = np.isin(rows["sample_id"], rows["sample_id"][test])
        np.testing.assert_array_equal(train, np.flatnonzero(~held_out))
        tested = held_out & (rows["instrument"] == "new") & np.isfinite(rows["y"])
        np.testing.assert_array_equal(test, np.flatnonzero(tested))


@splitters
def test_permuting_rows_permutes_indices(cv, rows):
    order = np.random.default_rng(3).permutation(len(rows["y"]))
    pairs = zip(cv.split(**rows), cv.split(**take(rows, order)), strict=True)
    for (train, test), (train_again, test_again) in pairs:
        np.testing.assert_array_equal(train, np.sort(order[train_again]))
        np.testing.assert_array_equal(test, np.sort(order[test_again]))


def test_samples_join_through_shared_groups(rows):
    # The batches of a sample differ between instruments, so that all samples are joined.
    sample = np.char.strip(rows["sample_id"], "s").astype(int)
    rows["groups"] = np.where(rows["instrument"] == "old", sample // 6, (sample + 3) // 6)
    with pytest.raises(ValueError, match="got 2 for 1"):
        next(TransferGroupKFold(2, target="new").split(**rows))


def test_without_y_all_target_rows_are_tested(rows):
    rows["y"] = None
    folds = TransferGroupKFold(4, target="new").split(**rows)
    tested = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(rows["instrument"] == "new"))


def test_only_rows_with_all_reference_values_are_tested(rows):
    rows["y"] = np.column_stack([rows["y"], np.arange(len(rows["y"]), dtype=float)])
    for _, test in TransferGroupKFold(4, target="new").split(**rows):
        assert np.isfinite(rows["y"][test]).all()


@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_partition_the_target_samples_evenly(shuffle, rows):
    rows["groups"] = None
    cv = TransferGroupKFold(4, target="new", shuffle=shuffle)
    tested = [set(rows["sample_id"][test]) for _, test in cv.split(**rows)]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 18
    assert {len(samples) for samples in tested} == {4, 5}


def test_shuffling_depends_on_random_state(rows):
    def tests(**kwargs):
        cv = TransferGroupKFold(4, target="new", **kwargs)
        return [test.tolist() for _, test in cv.split(**rows)]

    assert tests(shuffle=True, random_state=0) == tests(shuffle=True, random_state=0)
    assert tests(shuffle=True, random_state=0) != tests(shuffle=True, random_state=1)
    assert tests(shuffle=True, random_state=0) != tests()


@pytest.mark.parametrize(("test_size", "expected"), [(0.25, 5), (0.5, 9), (1, 1), (17, 17)])
def test_test_size_counts_target_samples(test_size, expected, rows):
    rows["groups"] = None
    cv = TransferShuffleSplit(5, target="new", test_size=test_size, random_state=0)
    tests = [test.tolist() for _, test in cv.split(**rows)]
    assert [len(set(rows["sample_id"][test])) for test in tests] == [expected] * 5
    assert len({tuple(test) for test in tests}) > 1


def test_test_size_with_groups_is_approximate(rows):
    # Groups of 2 or 3 target samples, because two of them have no reference value.
    for _, test in TransferShuffleSplit(5, target="new", test_size=5).split(**rows):
        assert 4 <= len(set(rows["sample_id"][test])) <= 6


class Recorder(RegressorMixin, BaseEstimator):
    """Predict the offset; `fit` needs metadata."""

    __metadata_request__fit: ClassVar = {"instrument": True, "sample_id": True}

    def __init__(self, offset=0.0):
        self.offset = offset

    def fit(self, X, y, *, instrument=None, sample_id=None):
        assert len(instrument) == len(sample_id) == len(X)
        return self

    def predict(self, X):
        return np.full(len(X), self.offset)


@splitters
def test_grid_search_does_not_depend_on_routing(cv, rows):
    metadata = {name: rows[name] for name in ("instrument", "sample_id")}
    grid, kwargs = {"offset": [0.0, 10.0]}, {"scoring": "neg_root_mean_squared_error"}
    splits = list(cv.split(rows["X"], rows["y"], **metadata))
    without_routing = GridSearchCV(Recorder(), grid, cv=splits, **kwargs)
    without_routing.fit(rows["X"], rows["y"], **metadata)
    with config_context(enable_metadata_routing=True):
        with_routing = GridSearchCV(Recorder(), grid, cv=cv, **kwargs)
        with_routing.fit(rows["X"], rows["y"], **metadata)
    for k in range(4):
        name = f"split{k}_test_score"
        np.testing.assert_array_equal(
            with_routing.cv_results_[name], without_routing.cv_results_[name]
        )


def test_groups_are_routed(rows):
    cv = TransferGroupKFold(8, target="new")
    metadata = {name: rows[name] for name in ("instrument", "sample_id", "groups")}
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(Recorder(), {"offset": [0.0]}, cv=cv)
        with pytest.raises(ValueError, match="got 8 for 7"):
            search.fit(rows["X"], rows["y"], **metadata)


def test_error_without_routing_explains_the_alternatives(rows):
    metadata = {name: rows[name] for name in ("instrument", "sample_id")}
    search = GridSearchCV(Recorder(), {"offset": [0.0]}, cv=SPLITTERS[0])
    with pytest.raises(ValueError, match=r"instrument=None.*cv=list\(cv.split"):
        search.fit(rows["X"], rows["y"], **metadata)


@splitters
@pytest.mark.parametrize("name", ["instrument", "sample_id"])
def test_missing_metadata_raises(cv, name, rows):
    rows[name] = None
    with pytest.raises(ValueError, match=f"{name}=None.*enable_metadata_routing"):
        next(cv.split(**rows))


@pytest.mark.parametrize(
    ("cv", "match"),
    [
        (
            TransferGroupKFold(target="mp7"),
            r"\['new', 'old', 'other'\], got 'mp7'",
        ),
        (TransferGroupKFold(9, target="new"), "n_splits must be .*, got 9 for 7"),
        (TransferGroupKFold(1, target="new"), "n_splits must be an int of at least 2, got 1"),
        (TransferGroupKFold(2.5, target="new"), "n_splits must be an int of at least 2, got 2.5"),
        (
            TransferGroupKFold(target="new", random_state=0),
            "random_state must be None .*, got 0",
        ),
        (TransferShuffleSplit(0, target="new"), "n_splits must be an int of at least 1, got 0"),
        (TransferShuffleSplit(target="new", test_size=0), "test_size must be .*, got 0"),
        (TransferShuffleSplit(target="new", test_size=1.5), "test_size must be .*, got 1.5"),
        (TransferShuffleSplit(target="new", test_size=True), "test_size must be .*, got True"),
        (
            TransferShuffleSplit(target="new", test_size=18),
            "must keep one of 18 target .*, got 18",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value),
)
def test_invalid_parameters_raise(cv, match, rows):
    with pytest.raises(ValueError, match=match):
        next(cv.split(**rows))


def test_splitting_one_sample_raises():
    cv = TransferShuffleSplit(target="new", test_size=0.5)
    with pytest.raises(ValueError, match="1 target samples in 1 blocks"):
        next(cv.split([[1.0]], instrument=["new"], sample_id=[1]))


def test_repr_shows_the_parameters():
    shown = repr(TransferGroupKFold(3, target="new"))
    assert shown == "TransferGroupKFold(n_splits=3, random_state=None, shuffle=False, target='new')"


def test_splitters_survive_clone():
    search = clone(GridSearchCV(Recorder(), {}, cv=SPLITTERS[0]))
    assert repr(search.cv) == repr(SPLITTERS[0])


class IdsSeen(RegressorMixin, BaseEstimator):
    """Predict 1 where the id in the only feature was among the training rows, 0 elsewhere."""

    def fit(self, X, y, *, instrument, sample_id):
        self.seen_ = set(np.asarray(X)[:, 0])
        return self

    def predict(self, X):
        return np.isin(np.asarray(X)[:, 0], list(self.seen_)).astype(float)


def test_out_of_fold_predictions_of_the_guide_do_not_see_the_sample(rows):
    """The recipe of docs/transfer.md; scikit-learn's own functions refuse the folds."""
    codes = np.unique(rows["sample_id"], return_inverse=True)[1].astype(float)[:, None]
    metadata = {name: rows[name] for name in ("instrument", "sample_id")}
    cv = TransferGroupKFold(4, target="new")
    folds = list(cv.split(codes, rows["y"], **metadata))
    with pytest.raises(ValueError, match="only works for partitions"):
        cross_val_predict(IdsSeen(), codes, rows["y"], cv=folds, params=metadata)
    fits = cross_validate(
        IdsSeen(), codes, rows["y"], params=metadata, cv=folds, return_estimator=True
    )
    y_pred = np.full(len(codes), np.nan)
    for fitted, (_, test) in zip(fits["estimator"], folds, strict=True):
        assert np.isnan(y_pred[test]).all()  # no row is tested twice
        y_pred[test] = fitted.predict(codes[test])
    is_tested = (rows["instrument"] == "new") & np.isfinite(rows["y"])
    assert (y_pred[is_tested] == 0).all()
    assert np.isnan(y_pred[~is_tested]).all()
