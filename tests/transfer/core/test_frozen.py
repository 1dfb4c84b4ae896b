"""Frozen calibrations: not refitted, and checked for held-out samples."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.model_selection import TransferGroupKFold
from skspektron.transfer import DIPLSTransfer, NoTransfer, PDSTransfer
from tests.transfer.methods import METHODS, REFITTED, fit

UNCHANGED = [method for method in METHODS if method is not DIPLSTransfer]  # it always refits


@pytest.fixture
def frozen(make_stack):
    """A calibration fitted on all source rows."""
    X, y, instrument, _ = make_stack()
    return FrozenEstimator(Ridge(alpha=1e-3).fit(X[instrument == "A"], y[instrument == "A"]))


def prefit(method, frozen, trained_on=None, n_transfer=0):
    return method(frozen, source="A", target="B", n_transfer=n_transfer, trained_on=trained_on)


@pytest.mark.parametrize("method", UNCHANGED)
def test_warns_without_trained_on(method, frozen, make_stack):
    with pytest.warns(UserWarning, match=r"not known which samples .* trained_on=\[\]"):
        model = fit(prefit(method, frozen), make_stack())
    assert model.estimator_ is frozen


def test_the_warning_names_the_line_of_the_user(frozen, make_stack):
    X, y, instrument, sample_id = make_stack()
    with pytest.warns(UserWarning, match="not known which samples") as caught:
        prefit(NoTransfer, frozen).fit(X, y, instrument=instrument, sample_id=sample_id)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("n_transfer", [0, 5])
def test_no_warning_if_fitted_on_training_rows(n_transfer, frozen, make_stack):
    stack = make_stack()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(prefit(PDSTransfer, frozen, sorted(set(stack[3])), n_transfer), stack)
    assert model.estimator_ is frozen


@pytest.mark.parametrize("trained_on", [[], (), np.array([])])
def test_no_warning_if_fitted_on_other_data(trained_on, frozen, make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(prefit(NoTransfer, frozen, trained_on), stack)
        prefit(NoTransfer, frozen, trained_on).fit(X, y, instrument=instrument)
        metadata = {"instrument": instrument, "sample_id": sample_id}
        cv = list(TransferGroupKFold(3, target="B").split(X, y, **metadata))
        model = prefit(NoTransfer, frozen, trained_on)
        cross_val_score(model, X, y, cv=cv, params=metadata, error_score="raise")


@pytest.mark.parametrize("has_instruments", [True, False])
@pytest.mark.parametrize(("n_held_out", "n_trained"), [(10, 10), (10, 4), (10, 30), (1, 1)])
def test_warns_in_the_fold_that_holds_them_out(
    n_held_out, n_trained, has_instruments, frozen, make_stack
):
    X, y, instrument, sample_id = make_stack()
    samples = np.unique(sample_id)
    kept = ~np.isin(sample_id, samples[:n_held_out])
    model = prefit(NoTransfer, frozen, samples[:n_trained])
    if not has_instruments:
        model.set_params(source=None, target=None)
    stack = X[kept], y[kept], instrument[kept] if has_instruments else None, sample_id[kept]
    n_absent = min(n_held_out, n_trained)
    match = f"on {n_trained} samples, and {n_absent} of them are not among"
    with pytest.warns(UserWarning, match=match):
        fit(model, stack)


def test_warns_if_fitted_on_held_out_samples(frozen, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    model = prefit(NoTransfer, frozen, np.unique(sample_id))
    cv = list(TransferGroupKFold(3, target="B").split(X, y, **metadata))
    with pytest.warns(UserWarning, match="on 30 samples, and 10 of them are not among") as caught:
        cross_val_score(model, X, y, cv=cv, params=metadata, error_score="raise")
    assert len(caught) == 3


def test_trained_on_belongs_to_a_frozen_estimator(make_stack):
    model = prefit(NoTransfer, Ridge(), ["s00", "s01"])
    with pytest.raises(ValueError, match=r"must be None for .*, got 2 samples"):
        fit(model, make_stack())


def test_trained_on_must_be_ids(frozen, make_stack):
    with pytest.raises(ValueError, match=r"trained_on is missing \(None or NaN\) on 1 of 2 rows"):
        fit(prefit(NoTransfer, frozen, ["s00", None]), make_stack())


@pytest.mark.parametrize("method", REFITTED)
def test_methods_that_refit_refuse_it(method, frozen, make_stack):
    stack = make_stack()
    model = prefit(method, frozen, np.unique(stack[3]), n_transfer=5)
    with pytest.raises(ValueError, match=r"a FrozenEstimator cannot be refitted\. Pass the est"):
        fit(model, stack)


def test_trained_on_needs_ids(frozen, make_stack):
    X, y, instrument, _ = make_stack()
    with pytest.raises(ValueError, match="trained_on names 2 samples, and sample_id is None"):
        prefit(NoTransfer, frozen, ["s00", "s01"]).fit(X, y, instrument=instrument)


@pytest.mark.filterwarnings("ignore:It is not known which samples")
def test_more_channels_than_the_target_covers_are_refused(make_grids):
    frame, y, instrument, _ = stack = make_grids()
    source = frame[instrument == "A"].dropna(axis=1)
    frozen = FrozenEstimator(Ridge().fit(source.to_numpy(), y[instrument == "A"]))
    used = fit(NoTransfer(Ridge(), source="A", target="B"), stack).source_channels_
    match = f"fitted on {source.shape[1]} channels, and {len(used)} channels of the source"
    with pytest.raises(ValueError, match=match):
        fit(prefit(NoTransfer, frozen), stack)


@pytest.mark.parametrize("method", REFITTED)
def test_a_frozen_last_step_is_frozen(method, frozen, make_stack):
    pipeline = make_pipeline(StandardScaler(), frozen)
    model = method(pipeline, source="A", target="B", n_transfer=5)
    with (
        pytest.warns(UserWarning, match="not known which samples"),
        pytest.raises(ValueError, match="a FrozenEstimator cannot be refitted"),
    ):
        fit(model, make_stack())


def test_trained_on_of_another_type_is_refused(frozen, make_stack):
    with pytest.raises(TypeError, match="none of its 2 samples can be found"):
        fit(prefit(NoTransfer, frozen, [1, 2]), make_stack())


@pytest.mark.parametrize("method", [NoTransfer, PDSTransfer])
def test_one_fitted_on_arrays_predicts_stacked_frames_without_a_warning(method, frozen, make_stack):
    X, *others = make_stack()
    frame = pd.DataFrame(X, columns=[f"{1100 + 2 * j} nm" for j in range(X.shape[1])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(prefit(method, frozen, trained_on=[], n_transfer=5), (frame, *others))
        predictions = model.predict(frame)
    other = fit(prefit(method, frozen, trained_on=[], n_transfer=5), (X, *others))
    np.testing.assert_allclose(predictions, other.predict(X), rtol=1e-12)
