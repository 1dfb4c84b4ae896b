"""Neither the names of samples nor the order of the rows change a transfer."""

import numpy as np
import pytest
from sklearn.base import clone

from skspektron.reliability import ConformalTransfer
from skspektron.transfer import LoRATransfer, PooledTransfer, TTTTransfer
from tests.transfer.methods import METHODS, fit, make


@pytest.fixture
def noisy(make_stack):
    """Return stacked rows, two scans a sample, on which folds decide what is chosen."""
    generator = np.random.default_rng(0)
    X, y, instrument, sample_id = (np.repeat(part, 2, axis=0) for part in make_stack(20))
    X = X + 0.02 * generator.normal(size=X.shape)
    return X, y + 0.2 * generator.normal(size=y.shape), instrument, sample_id


def renamed(stack, seed=0):
    """Return shuffled rows whose samples have exchanged their names, and the old name of each."""
    generator = np.random.default_rng(seed)
    samples, number = np.unique(stack[3], return_inverse=True)
    names = generator.permutation(samples)
    rows = generator.permutation(len(number))
    X, y, instrument, sample_id = (part[rows] for part in (*stack[:3], names[number]))
    return (X, y, instrument, sample_id), dict(zip(names.tolist(), samples.tolist(), strict=True))


def assert_equal_fits(model, stack):
    """Assert that a fit to renamed, shuffled rows has the same standards and predictions."""
    changed, old_names = renamed(stack)
    reference, other = fit(clone(model), stack), fit(clone(model), changed)
    np.testing.assert_allclose(
        other.predict(stack[0]), reference.predict(stack[0]), rtol=1e-9, atol=1e-9
    )
    return reference, other, old_names


@pytest.mark.parametrize("method", METHODS)
def test_the_default_calibration(method, noisy):
    model = method(source="A", target="B", n_transfer=7, selection="random", random_state=0)
    reference, other, old_names = assert_equal_fits(model, noisy)
    assert [old_names[i] for i in other.transfer_ids_] == list(reference.transfer_ids_)


@pytest.mark.parametrize("method", METHODS)
def test_spectra_of_one_instrument(method, noisy):
    X, y, _, sample_id = noisy
    reference = method().fit(X, y, sample_id=sample_id).predict(X)
    (changed, y, _, names), _ = renamed(noisy)
    predictions = method().fit(changed, y, sample_id=names).predict(X)
    np.testing.assert_allclose(predictions, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_equal_spectra(method, make_stack):
    X, y, instrument, sample_id = make_stack(16)
    half = np.isin(sample_id, np.unique(sample_id)[:8])
    X = np.where(half[:, None], np.where(instrument == "A", 1.0, 1.5)[:, None], X)
    assert_equal_fits(make(method, 6), (X, y, instrument, sample_id))


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_the_target_break_no_ties(method, make_stack):
    X, y, instrument, sample_id = make_stack(16)
    X = np.where((np.arange(32) % 2 == 0)[:, None], X, 1.0)
    model = make(method, 6)
    reference = fit(clone(model), (X, y, instrument, sample_id))
    unselected = (instrument == "B") & ~np.isin(sample_id, reference.transfer_ids_)
    changed = np.where(unselected, np.random.default_rng(0).permutation(y), y)
    predictions = fit(clone(model), (X, changed, instrument, sample_id)).predict(X)
    np.testing.assert_array_equal(predictions, reference.predict(X))


@pytest.mark.parametrize("method", [LoRATransfer, TTTTransfer])
def test_networks(method, calibration, stack):
    passes = {"max_epochs": 1} if method is LoRATransfer else {"max_steps": 2}
    model = method(calibration, source="A", target="B", n_transfer=6, random_state=0, **passes)
    assert_equal_fits(model, [part[np.isin(stack[3], np.unique(stack[3])[:15])] for part in stack])


def test_intervals(noisy):
    model = ConformalTransfer(PooledTransfer(source="A", target="B"), n_splits=4)
    reference, other, old_names = assert_equal_fits(model, noisy)
    folds = dict(zip(reference.standard_ids_, reference.folds_, strict=True))
    changed_folds = {
        old_names[i]: k for i, k in zip(other.standard_ids_, other.folds_, strict=True)
    }
    assert changed_folds == folds
    X = noisy[0][:5]
    intervals = other.predict_interval(X), reference.predict_interval(X)
    for changed, expected in zip(*intervals, strict=True):
        np.testing.assert_allclose(changed, expected, rtol=1e-9, atol=1e-9)
