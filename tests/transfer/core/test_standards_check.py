"""Bad standards are found, named and lose their influence; good ones keep theirs."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from skspektron.model_selection import TransferGroupKFold
from skspektron.transfer import (
    CORALTransfer,
    DIPLSTransfer,
    DSTransfer,
    EPOTransfer,
    MeanCentredTransfer,
    NARTransfer,
    PFCETransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from skspektron.transfer._core._standards import channel_means
from skspektron.transfer._core._standards_check import RIDGES, _ridge_variance

METHODS = [
    CORALTransfer,
    DIPLSTransfer,
    DSTransfer,
    EPOTransfer,
    MeanCentredTransfer,
    NARTransfer,
    PFCETransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
]
LABELLED = [PooledTransfer, SlopeBiasTransfer, TargetOnly]
N_SAMPLES = 40


def stack(seed=0, n_targets=None):
    """Return rows of A and B: X, y, instrument, sample_id; the standards are samples 0 to 9."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(N_SAMPLES, 3))
    channel = np.linspace(0, 3, 30)
    bands = np.exp(-((channel - np.array([[0.6], [1.5], [2.4]])) ** 2) / 0.3)
    X = scores @ bands + 0.01 * rng.normal(size=(N_SAMPLES, 30))
    X_b = 1.02 * X + 0.1 * channel + 0.01 * rng.normal(size=X.shape)
    y = scores[:, 0] + 0.05 * rng.normal(size=N_SAMPLES)
    if n_targets:
        y = scores[:, :n_targets] + 0.05 * rng.normal(size=(N_SAMPLES, n_targets))
    ids = np.array([f"s{i:02d}" for i in range(N_SAMPLES)])
    instrument = np.repeat(["A", "B"], N_SAMPLES)
    return np.concatenate([X, X_b]), np.concatenate([y, y]), instrument, np.tile(ids, 2)


def first(X):
    """Order samples by their rows."""
    return np.arange(len(X))


def fit(method, data, n_transfer=10, **parameters):
    """Return a transfer from A to B whose standards are the first samples."""
    X, y, instrument, ids = data
    parameters = {"selection": first, **parameters}
    model = method(Ridge(1e-3), source="A", target="B", n_transfer=n_transfer, **parameters)
    return model.fit(X, y, instrument=instrument, sample_id=ids)


def standard(model, i=3):
    """Return the id of a standard and its row on B."""
    name = model.transfer_ids_[i]
    return name, N_SAMPLES + int(name[1:])


def spoiled(data, fault, row):
    """Return the rows with a bad standard."""
    X, y, *labels = data
    X, y = X.copy(), y.copy()
    if fault == "swapped":
        X[row] = X[N_SAMPLES + 30]
    elif fault == "damaged":
        X[row] += 2 * np.exp(-0.5 * ((np.arange(30) - 12) / 2) ** 2)
    else:
        y[row] = 2 * y.max() - y.min()
    return X, y, *labels


@pytest.mark.parametrize("n_transfer", [3, 5, 10, None])
@pytest.mark.parametrize("seed", range(3))
def test_good_standards_are_kept(n_transfer, seed, recwarn):
    model = fit(SlopeBiasTransfer, stack(seed), n_transfer)
    assert not recwarn.list
    table = model.standards_
    assert list(table) == [
        "id",
        "spectral_disagreement",
        "label_disagreement",
        "leverage",
        "weight",
        "label_weight",
    ]
    np.testing.assert_array_equal(table.id, model.transfer_ids_)
    assert (table.weight > 0.9).all() and (table.label_weight > 0.9).all()
    assert (table.leverage > 0).all() and (table.leverage < 1).all()


@pytest.mark.parametrize("fault", ["swapped", "damaged"])
@pytest.mark.parametrize("n_transfer", [3, 4, 10])
def test_a_bad_spectrum_is_named_and_its_label_is_not(fault, n_transfer):
    data = stack()
    name, row = standard(fit(NARTransfer, data, n_transfer), 2)
    with pytest.warns(UserWarning, match=f"1 of the {n_transfer} standards .* '{name}' .spectra"):
        table = fit(SlopeBiasTransfer, spoiled(data, fault, row), n_transfer).standards_
    np.testing.assert_array_equal(table.weight < 0.5, table.id == name)
    assert (table.label_weight > 0.5).all()


@pytest.mark.parametrize("n_transfer", [3, 4, 10])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_a_wrong_label_is_named_and_its_spectrum_is_not(n_transfer, n_targets):
    data = stack(n_targets=n_targets)
    name, row = standard(fit(NARTransfer, data, n_transfer), 2)
    with pytest.warns(UserWarning, match=f"'{name}' .reference value"):
        table = fit(SlopeBiasTransfer, spoiled(data, "label", row), n_transfer).standards_
    np.testing.assert_array_equal(table.label_weight < 0.5, table.id == name)
    assert (table.weight > 0.5).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ["swapped", "damaged", "label"])
def test_predictions_are_almost_those_of_good_standards(method, fault):
    data = stack()
    good = fit(method, data)
    _, row = standard(good)
    bad = spoiled(data, fault, row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warned = fit(method, bad)
        kept = fit(method, bad, bad_standards="keep")
    X = data[0][N_SAMPLES + 12 :]
    expected = good.predict(X)
    change, influence = (np.abs(m.predict(X) - expected).mean() for m in (warned, kept))
    assert change <= max(0.5 * influence, 0.03)


def test_dropped_standards_might_as_well_be_absent():
    data = stack()
    name, row = standard(fit(NARTransfer, data))
    bad = spoiled(data, "swapped", row)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # none is issued
        dropped = fit(MeanCentredTransfer, bad, bad_standards="drop")
    assert len(dropped.transfer_ids_) == 10
    table = dropped.standards_
    np.testing.assert_array_equal(table.id[table.weight < 0.5], [name])
    rows = np.array([N_SAMPLES + int(i[1:]) for i in table.id if i != name])
    shift = (bad[0][rows] - bad[0][rows - N_SAMPLES]).mean(axis=0)
    np.testing.assert_allclose(dropped.shift_, shift)


def test_kept_standards_have_full_weight(recwarn):
    data = stack()
    _, row = standard(fit(NARTransfer, data))
    X, y, *labels = spoiled(data, "damaged", row)
    model = fit(MeanCentredTransfer, (X, y, *labels), bad_standards="keep")
    assert not recwarn.list
    assert model.standards_.weight.min() < 0.5
    rows = np.array([N_SAMPLES + int(i[1:]) for i in model.transfer_ids_])
    shift = (X[rows] - X[rows - N_SAMPLES]).mean(axis=0)
    np.testing.assert_allclose(model.shift_, shift)


@pytest.mark.parametrize("method", LABELLED)
def test_a_wrong_label_is_replaced_by_that_of_the_source(method):
    data = stack()
    good = fit(method, data)
    with pytest.warns(UserWarning, match="reference value"):
        model = fit(method, spoiled(data, "label", standard(good)[1]))
    np.testing.assert_allclose(model.predict(data[0]), good.predict(data[0]))


def test_labels_that_a_method_does_not_use_are_listed_without_a_warning(recwarn):
    data = stack()
    name, row = standard(fit(NARTransfer, data))
    table = fit(MeanCentredTransfer, spoiled(data, "label", row)).standards_
    assert not recwarn.list
    np.testing.assert_array_equal(table.id[table.label_weight < 0.5], [name])


def test_unlabelled_and_unpaired_standards():
    X, y, instrument, ids = stack()
    unknown = np.where(np.arange(len(y)) < N_SAMPLES, y, np.nan)
    table = fit(MeanCentredTransfer, (X, unknown, instrument, ids)).standards_
    assert np.isnan(table.label_disagreement).all() and (table.label_weight == 1).all()
    other = np.where(instrument == "B", "t" + ids.astype(object), ids).astype(str)
    model = fit(SlopeBiasTransfer, (X, y, instrument, other))
    assert np.isnan(model.standards_.spectral_disagreement).all()
    row = N_SAMPLES + int(model.transfer_ids_[3][2:])
    with pytest.warns(UserWarning, match="reference value"):
        fit(SlopeBiasTransfer, spoiled((X, y, instrument, other), "label", row))


@pytest.mark.parametrize("n_transfer", [0, 2])
def test_fewer_than_three_standards_are_not_checked(n_transfer):
    table = fit(MeanCentredTransfer, stack(), n_transfer).standards_
    assert len(table.id) == n_transfer
    assert np.isnan(table.spectral_disagreement).all() and (table.weight == 1).all()


def test_units_of_spectra_and_values_do_not_matter():
    _, row = standard(fit(NARTransfer, stack()))
    X, y, *labels = spoiled(stack(), "damaged", row)
    with pytest.warns(UserWarning, match="disagree"):
        expected = fit(MeanCentredTransfer, (X, y, *labels)).standards_
    scaled = MeanCentredTransfer(Ridge(1e9), source="A", target="B", n_transfer=10, selection=first)
    with pytest.warns(UserWarning, match="disagree"):
        scaled.fit(1e6 * X, 1e-8 * y, instrument=labels[0], sample_id=labels[1])
    for key in ("spectral_disagreement", "label_disagreement"):
        np.testing.assert_allclose(scaled.standards_[key], expected[key], rtol=1e-6, atol=1e-6)


def test_equal_instruments_agree(recwarn):
    X, y, instrument, ids = stack()
    X[N_SAMPLES:] = X[:N_SAMPLES]
    table = fit(NARTransfer, (X, y, instrument, ids)).standards_
    assert not recwarn.list
    assert (table.weight == 1).all()


def test_a_search_warns_once():
    _, row = standard(fit(NARTransfer, stack()))
    X, y, instrument, ids = spoiled(stack(), "damaged", row)
    model = MeanCentredTransfer(Ridge(1e-3), source="A", target="B")
    cv = list(TransferGroupKFold(3, target="B").split(X, y, instrument=instrument, sample_id=ids))
    search = GridSearchCV(model, {"n_transfer": [None, 20]}, cv=cv)
    with pytest.warns(UserWarning, match="disagree") as record:
        search.fit(X, y, instrument=instrument, sample_id=ids)
    assert len([w for w in record if "disagree" in str(w.message)]) == 1


def test_frozen_calibrations_and_clones():
    data = stack()
    frozen = FrozenEstimator(Ridge(1e-3).fit(data[0][:N_SAMPLES], data[1][:N_SAMPLES]))
    model = MeanCentredTransfer(frozen, source="A", target="B", n_transfer=10, trained_on=[])
    name, row = standard(fit(NARTransfer, data))
    X, y, instrument, ids = spoiled(data, "swapped", row)
    model.set_params(selection=first, bad_standards="drop")
    copy = clone(model).fit(X, y, instrument=instrument, sample_id=ids)
    np.testing.assert_array_equal(copy.standards_.id[copy.standards_.weight < 0.5], [name])


def test_weighted_means_of_channels_ignore_missing_values():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [9.0, 7.0, np.nan]])
    found = channel_means(values, np.array([1.0, 0.5, 0.0]))
    np.testing.assert_allclose(found, [2.5 / 1.5, 5.0, np.nan])
    np.testing.assert_array_equal(channel_means(values), channel_means(values, np.ones(3)))


def test_refuses_unknown_words():
    with pytest.raises(ValueError, match="bad_standards must be"):
        fit(NARTransfer, stack(), bad_standards="ignore")


@pytest.mark.parametrize("n_channels", [3, 200])
def test_error_of_the_calibration_is_that_of_refitting_without_each_sample(n_channels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, n_channels)) + 5  # of 200, ridges fit all samples exactly
    y = X[:, :2] + rng.normal(size=(25, 2))
    power = ((X - X.mean(axis=0)) ** 2).sum()

    def residuals(penalty):
        for i in range(len(X)):
            others = np.arange(len(X)) != i
            ridge = Ridge(penalty, solver="svd").fit(X[others], y[others])
            yield y[i] - ridge.predict(X[[i]])[0]

    errors = [np.mean(np.square(list(residuals(p * power))), axis=0) for p in RIDGES]
    np.testing.assert_allclose(_ridge_variance(X, y), np.min(errors, axis=0), rtol=1e-6)
