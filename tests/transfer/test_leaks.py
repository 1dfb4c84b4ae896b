"""No transfer method may see what it would not have on the day it is used."""

import numpy as np
import pytest

from skspektron.transfer import MeanCentredTransfer, NoTransfer, PDSTransfer
from tests.transfer.methods import LABELLED, METHODS, WITH_STANDARDS, make


def fit(model, stack):
    X, y, instrument, sample_id = stack
    return model.fit(X, y, instrument=instrument, sample_id=sample_id)


@pytest.mark.parametrize("replacement", [np.nan, 1e6])
@pytest.mark.parametrize("method", METHODS)
def test_labels_of_unselected_target_rows_are_not_read(method, replacement, make_stack):
    X, y, instrument, sample_id = make_stack()
    reference = make(method).fit(X, y, instrument=instrument, sample_id=sample_id)
    unselected = (instrument == "B") & ~np.isin(sample_id, reference.transfer_ids_)
    changed = np.where(unselected, replacement, y)
    model = make(method).fit(X, changed, instrument=instrument, sample_id=sample_id)
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))


@pytest.mark.parametrize("method", LABELLED)
def test_labels_of_selected_rows_are_read(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    reference = fit(make(method), (X, y, instrument, sample_id))
    selected = (instrument == "B") & np.isin(sample_id, reference.transfer_ids_)
    model = fit(make(method), (X, np.where(selected, y + 1, y), instrument, sample_id))
    assert np.abs(model.predict(X) - reference.predict(X)).max() > 0.1


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_target_spectra_of_standards_are_read(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    reference = fit(make(method), (X, y, instrument, sample_id))
    changed = np.where((instrument == "B")[:, None], X[:, ::-1], X)
    model = fit(make(method), (changed, y, instrument, sample_id))
    assert np.abs(model.predict(X) - reference.predict(X)).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shuffled", ["A", "B"])
def test_row_order_of_one_instrument_changes_nothing(method, shuffled, make_stack):
    stack = make_stack()
    rows = np.flatnonzero(stack[2] == shuffled)
    order = np.arange(len(stack[0]))
    order[rows] = np.random.default_rng(1).permutation(rows)
    reference = fit(make(method, selection="random", random_state=0), stack)
    model = fit(make(method, selection="random", random_state=0), [part[order] for part in stack])
    np.testing.assert_array_equal(model.predict(stack[0]), reference.predict(stack[0]))


@pytest.mark.parametrize("method", METHODS)
def test_order_of_replicates_changes_nothing(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    noise = 1e-3 * np.random.default_rng(0).normal(size=X.shape)
    stack = [
        np.concatenate(p) for p in ((X, X + noise), (y, y), (instrument,) * 2, (sample_id,) * 2)
    ]
    reference = fit(make(method), stack)
    model = fit(make(method), [part[::-1] for part in stack])
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))


@pytest.mark.parametrize("method", WITH_STANDARDS)
@pytest.mark.parametrize("selection", ["kennard-stone", "random"])
def test_standards_for_5_are_the_first_of_those_for_10(method, selection, make_stack):
    parameters = {"selection": selection, "random_state": 0}
    five, ten = (fit(make(method, n, **parameters), make_stack()).transfer_ids_ for n in (5, 10))
    assert len(five) == 5 and len(set(ten)) == 10
    np.testing.assert_array_equal(five, ten[:5])


@pytest.mark.parametrize("method", [m for m in METHODS if m is not MeanCentredTransfer])
def test_no_standards_is_no_transfer(method, make_stack):
    stack = make_stack()
    model, reference = fit(make(method, 0), stack), fit(make(NoTransfer), stack)
    assert len(model.transfer_ids_) == 0
    np.testing.assert_array_equal(model.predict(stack[0]), reference.predict(stack[0]))


@pytest.mark.parametrize("method", METHODS)
def test_other_instruments_are_ignored(method, make_stack):
    stack = make_stack()
    X, y, _, sample_id = stack
    third = (X[:9] + 7, y[:9], np.repeat("C", 9), sample_id[:9])
    both = [np.concatenate(parts) for parts in zip(stack, third, strict=True)]
    np.testing.assert_array_equal(
        fit(make(method), both).predict(X), fit(make(method), stack).predict(X)
    )


@pytest.mark.parametrize("method", METHODS)
def test_source_rows_pass_unmapped(method, make_stack):
    X, _, instrument, _ = stack = make_stack()
    model = fit(make(method), stack)
    source = instrument == "A"
    mixed = model.predict(X, instrument=instrument)
    np.testing.assert_allclose(mixed[source], model.estimator_.predict(X[source]), rtol=1e-10)
    np.testing.assert_allclose(mixed[~source], model.predict(X[~source]), rtol=1e-10)


def test_pairs_are_made_by_id(make_stack):
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
