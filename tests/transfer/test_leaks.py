"""No transfer method uses data that are not available when it is applied."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skspektron.model_selection import TransferGroupKFold, TransferShuffleSplit
from skspektron.model_selection._orderings import ORDERINGS
from skspektron.transfer import NoTransfer, PDSTransfer
from tests.transfer.methods import (
    LABELLED,
    METHODS,
    PAIRED,
    UNLABELLED,
    WITH_STANDARDS,
    fit,
    make,
)

SPLITTERS = [
    TransferGroupKFold(2, target="B", shuffle=True, random_state=0),
    TransferShuffleSplit(2, target="B", random_state=0),
]


class RowRecorder(Ridge):
    """Record every row that any clone is fitted on."""

    rows = []  # noqa: RUF012

    def fit(self, X, y):
        self.rows.extend(row.tobytes() for row in np.asarray(X))
        return super().fit(X, y)


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("method", METHODS)
def test_held_out_samples_are_in_no_training_row(method, cv, make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    owner = {row.tobytes(): sample for row, sample in zip(X, sample_id, strict=True)}
    for train, test in cv.split(X, y, instrument=instrument, sample_id=sample_id):
        RowRecorder.rows.clear()
        model = method(RowRecorder(), source="A", target="B", n_transfer=5)
        fit(model, [part[train] for part in stack])
        used = {owner[row] for row in RowRecorder.rows if row in owner} | {*model.transfer_ids_}
        assert len(used) >= 15
        assert used.isdisjoint(sample_id[test])


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("method", METHODS)
def test_held_out_samples_do_not_change_the_fitted_model(method, cv, make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    train, test = next(cv.split(X, y, instrument=instrument, sample_id=sample_id))
    held_out = np.isin(sample_id, sample_id[test])
    changed = np.where(held_out[:, None], 1e6, X), np.where(held_out, 1e6, y)
    reference = fit(make(method, 5), [part[train] for part in stack])
    model = fit(make(method, 5), [part[train] for part in (*changed, instrument, sample_id)])
    assert joblib.hash(vars(model)) == joblib.hash(vars(reference))


def unselected_rows(model, instrument, sample_id):
    """Return which target rows are not standards."""
    return (instrument == "B") & ~np.isin(sample_id, model.transfer_ids_)


@pytest.mark.parametrize("n_transfer", [0, 10])
@pytest.mark.parametrize("replacement", [np.nan, 1e6])
@pytest.mark.parametrize("method", METHODS)
def test_labels_of_unselected_target_rows_are_not_used(
    method, replacement, n_transfer, make_stack, reference
):
    X, y, instrument, sample_id = make_stack()
    model = reference(method, n_transfer)
    changed = np.where(unselected_rows(model, instrument, sample_id), replacement, y)
    other = fit(make(method, n_transfer), (X, changed, instrument, sample_id))
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize("n_transfer", [0, 10])
@pytest.mark.parametrize("method", METHODS)
def test_spectra_of_unselected_target_rows_are_used_without_standards_only(
    method, n_transfer, make_stack, reference
):
    X, y, instrument, sample_id = make_stack()
    model = reference(method, n_transfer)
    unselected = unselected_rows(model, instrument, sample_id)
    changed = np.where(unselected[:, None], 9 - X[:, ::-1] ** 2, X)
    other = fit(make(method, n_transfer), (changed, y, instrument, sample_id))
    difference = np.abs(other.predict(X) - model.predict(X)).max()
    if n_transfer == 0 and method in UNLABELLED:
        assert difference > 0.1
    else:
        assert difference == 0


@pytest.mark.parametrize("method", METHODS)
def test_predict_does_not_change_the_model(method, make_stack, reference):
    X, _, instrument, _ = make_stack()
    model = reference(method)
    before = joblib.hash(vars(model))
    expected, order = model.predict(X), np.random.default_rng(1).permutation(len(X))
    model.predict(1e6 * X)
    model.predict(X[order], instrument=instrument[order])
    if hasattr(model, "transform"):
        model.transform(X[order], instrument=instrument[order])
    assert joblib.hash(vars(model)) == before
    np.testing.assert_allclose(model.predict(X[order]), expected[order], rtol=1e-9, atol=1e-9)
    alone = [model.predict(row[None])[0] for row in X[:5]]
    np.testing.assert_allclose(alone, expected[:5], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_arrays_of_the_caller_are_not_changed(method, as_frame, make_stack):
    stack = [part.copy() for part in make_stack()]  # writeable, unlike the fixture's
    if as_frame:
        stack[0] = pd.DataFrame(stack[0], columns=[f"{1100 + j} nm" for j in range(24)])
    before = joblib.hash(stack)
    model = fit(make(method), stack)
    model.predict(stack[0], instrument=stack[2])
    if hasattr(model, "transform"):
        model.transform(stack[0])[:] = 0.0
    assert joblib.hash(stack) == before


@pytest.mark.parametrize("method", LABELLED)
def test_labels_of_selected_rows_are_used(method, make_stack, reference):
    X, y, instrument, sample_id = make_stack()
    model = reference(method)
    selected = (instrument == "B") & np.isin(sample_id, model.transfer_ids_)
    other = fit(make(method), (X, np.where(selected, y + 1, y), instrument, sample_id))
    assert np.abs(other.predict(X) - model.predict(X)).max() > 0.1


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_target_spectra_of_standards_are_used(method, make_stack, reference):
    X, y, instrument, sample_id = make_stack()
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    model = fit(make(method), (changed, y, instrument, sample_id))
    assert np.abs(model.predict(X) - reference(method).predict(X)).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shuffled", ["A", "B"])
def test_row_order_of_one_instrument_does_not_matter(method, shuffled, make_stack, reference):
    stack = make_stack()
    rows = np.flatnonzero(stack[2] == shuffled)
    order = np.arange(len(stack[0]))
    order[rows] = np.random.default_rng(1).permutation(rows)
    settings = {"selection": "random", "random_state": 0}
    model = fit(make(method, **settings), [part[order] for part in stack])
    expected = reference(method, **settings).predict(stack[0])
    np.testing.assert_array_equal(model.predict(stack[0]), expected)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_replicates_does_not_matter(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    noise = 1e-3 * np.random.default_rng(0).normal(size=X.shape)
    stack = [
        np.concatenate(p) for p in ((X, X + noise), (y, y), (instrument,) * 2, (sample_id,) * 2)
    ]
    reference = fit(make(method), stack)
    model = fit(make(method), [part[::-1] for part in stack])
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))


@pytest.mark.parametrize(
    ("method", "selection"),
    [(method, "kennard-stone") for method in WITH_STANDARDS]
    + [(PDSTransfer, selection) for selection in ORDERINGS],
)
def test_standards_for_5_are_the_first_of_those_for_10(method, selection, reference):
    parameters = {"selection": selection, "random_state": 0}
    five, ten = (reference(method, n, **parameters).transfer_ids_ for n in (5, 10))
    assert len(five) == 5 and len(set(ten)) == 10
    np.testing.assert_array_equal(five, ten[:5])


@pytest.mark.parametrize("method", [m for m in METHODS if m not in UNLABELLED])
def test_without_standards_it_is_no_transfer(method, make_stack, reference):
    X, model = make_stack()[0], reference(method, 0)
    assert len(model.transfer_ids_) == 0
    np.testing.assert_array_equal(model.predict(X), reference(NoTransfer).predict(X))


@pytest.mark.parametrize("method", METHODS)
def test_other_instruments_are_ignored(method, make_stack, reference):
    stack = make_stack()
    X, y, _, sample_id = stack
    third = (X[:9] + 7, y[:9], np.repeat("C", 9), sample_id[:9])
    both = [np.concatenate(parts) for parts in zip(stack, third, strict=True)]
    np.testing.assert_array_equal(fit(make(method), both).predict(X), reference(method).predict(X))


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 1e-3)])
@pytest.mark.parametrize("method", METHODS)
def test_rows_of_both_instruments_in_any_order(method, dtype, rtol, make_stack, reference):
    X, _, instrument, _ = make_stack()
    model = reference(method)
    order = np.random.default_rng(0).permutation(len(X))
    rows, source = X[order].astype(dtype), instrument[order] == "A"
    mixed = model.predict(rows, instrument=instrument[order])
    assert mixed.dtype == model.predict(rows).dtype == np.float64
    by_source, by_target = (
        model.estimator_.predict(X[order[source]]),
        model.predict(X[order[~source]]),
    )
    np.testing.assert_allclose(mixed[source], by_source, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(mixed[~source], by_target, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_spectra_give_double_precision_predictions(method, make_stack, reference):
    X, *rest = make_stack()
    model = fit(make(method), (X.astype(np.float32), *rest))
    predictions = model.predict(X.astype(np.float32))
    assert predictions.dtype == np.float64
    np.testing.assert_allclose(predictions, reference(method).predict(X), atol=0.02)
    if hasattr(model, "transform"):
        assert model.transform(X.astype(np.float32)).dtype == np.float32


def test_pairs_are_matched_by_sample_id(make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    target = instrument == "B"
    position = {sample: i for i, sample in enumerate(sample_id[target])}
    same_order = [position[sample] for sample in sample_id[~target]]
    model = fit(make(PDSTransfer, None), stack)
    np.testing.assert_allclose(model.transform(X[target][same_order]), X[~target], atol=0.02)
    wrong_ids = sample_id.copy()
    wrong_ids[target] = wrong_ids[target][::-1]
    wrong = fit(make(PDSTransfer, None), (X, y, instrument, wrong_ids))
    assert np.abs(wrong.transform(X[target][same_order]) - X[~target]).max() > 0.5


@pytest.mark.parametrize("method", PAIRED)
def test_other_sample_ids_give_another_transfer(method, make_stack, reference):
    X, y, instrument, sample_id = make_stack()
    wrong_ids = sample_id.copy()
    wrong_ids[instrument == "B"] = wrong_ids[instrument == "B"][::-1]
    wrong = fit(make(method), (X, y, instrument, wrong_ids))
    assert np.abs(wrong.predict(X) - reference(method).predict(X)).max() > 1e-3


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_repeated_rows_are_one_standard(method, make_stack, reference):
    stack = make_stack()
    repeated = [np.concatenate([part, part[stack[2] == "B"]]) for part in stack]
    model = fit(make(method, None), repeated)
    assert sorted(model.transfer_ids_) == sorted(set(stack[3]))
    expected = reference(method, None).predict(stack[0])
    np.testing.assert_allclose(model.predict(stack[0]), expected, atol=1e-7)


@pytest.mark.parametrize("method", LABELLED)
def test_different_labels_of_one_sample_are_averaged(method, make_stack):
    X, y, instrument, _ = stack = make_stack()
    target = instrument == "B"
    spread = np.random.default_rng(0).normal(size=target.sum())
    repeated = [np.concatenate([part, part[target]]) for part in stack]
    repeated[1] = np.concatenate([y[~target], y[target] + spread, y[target] - spread])
    model, reference = fit(make(method, 8), repeated), fit(make(method, 8), stack)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), atol=1e-7)
    one_missing = [*repeated[:1], np.concatenate([y, np.full(target.sum(), np.nan)]), *repeated[2:]]
    model = fit(make(method, 8), one_missing)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), atol=1e-7)
