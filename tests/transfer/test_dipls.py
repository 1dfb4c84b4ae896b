"""DIPLSTransfer: the spectra it is given, its intercept, and cases without differences."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import DIPLSTransfer
from tests import oracles

rng = np.random.default_rng(0)
X_SOURCE = rng.normal(size=(14, 10)) @ np.diag(np.arange(1, 11)) + 3
Y = X_SOURCE @ rng.normal(size=10) + rng.normal(size=14)
X_TARGET = X_SOURCE * rng.uniform(0.5, 1.5, size=10) + rng.normal(size=(14, 10)) - 1


def fit(X_source=X_SOURCE, X_target=X_TARGET, y=Y, n_transfer=0, **parameters):
    """Return di-PLS from A to B; sample i of A is sample i of B, and B has no labels."""
    ids = [*range(len(X_source)), *range(len(X_target))]
    model = DIPLSTransfer(Ridge(), source="A", target="B", n_transfer=n_transfer)
    return model.set_params(**parameters).fit(
        np.concatenate([X_source, X_target]),
        np.concatenate([y, np.full((len(X_target), *y.shape[1:]), np.nan)]),
        instrument=["A"] * len(X_source) + ["B"] * len(X_target),
        sample_id=ids,
    )


def pls(n_components, X=X_SOURCE, y=Y):
    return PLSRegression(n_components, scale=False).fit(X, y)


@pytest.mark.parametrize("n_target", [14, 5])
def test_unpaired_spectra_are_centred_by_their_own_mean(n_target):
    X_target = X_TARGET[:n_target]
    model = fit(X_target=X_target, n_components=4, difference_penalty=5.0)
    expected = oracles.dipls(X_SOURCE, Y, X_target, 4, 5.0)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-7)
    predictions = Y.mean() + (X_TARGET - X_target.mean(axis=0)) @ expected
    np.testing.assert_allclose(model.predict(X_TARGET), predictions, rtol=1e-7)


@pytest.mark.parametrize("n_transfer", [1, 6])
def test_paired_spectra_are_centred_by_the_mean_of_the_source(n_transfer):
    model = fit(n_components=3, n_transfer=n_transfer, difference_penalty=5.0)
    differences = (X_SOURCE - X_TARGET)[model.transfer_ids_]
    expected = oracles.dipls(X_SOURCE, Y, X_TARGET, 3, 5.0, differences)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-7)
    predictions = Y.mean() + (X_TARGET - X_SOURCE.mean(axis=0)) @ expected
    np.testing.assert_allclose(model.predict(X_TARGET), predictions, rtol=1e-7)


def test_equals_the_literal_algorithm_with_more_channels_than_rows():
    wide = np.random.default_rng(1).normal(size=(2, 14, 60))
    model = fit(*wide, n_components=3, difference_penalty=5.0)
    expected = oracles.dipls(wide[0], Y, wide[1], 3, 5.0)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-6, atol=1e-9)
    model = fit(*wide, n_components=3, difference_penalty=5.0, n_transfer=4)
    differences = (wide[0] - wide[1])[model.transfer_ids_]
    expected = oracles.dipls(wide[0], Y, wide[1], 3, 5.0, differences)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_transfer", [0, 5])
@pytest.mark.parametrize("n_components", [1, 4, 10])
def test_without_a_penalty_it_is_pls(n_components, n_transfer):
    X_target = X_TARGET - X_TARGET.mean(axis=0) + X_SOURCE.mean(axis=0)
    model = fit(
        X_target=X_target, n_components=n_components, difference_penalty=0, n_transfer=n_transfer
    )
    reference = pls(n_components)
    np.testing.assert_allclose(model.coef_, reference.coef_[0], rtol=1e-8)
    np.testing.assert_allclose(model.predict(X_target), reference.predict(X_target), rtol=1e-8)


@pytest.mark.parametrize("penalty", ["auto", 1e6])
def test_removes_an_offset_without_labels_or_pairs(penalty):
    offset = np.linspace(-20, 30, 10)
    model = fit(X_target=X_SOURCE[::-1] + offset, n_components=4, difference_penalty=penalty)
    expected = pls(4).predict(X_SOURCE)
    np.testing.assert_allclose(model.predict(X_SOURCE + offset), expected, rtol=1e-6)


def test_one_pair_removes_its_difference():
    offset = np.linspace(-20, 30, 10)
    model = fit(X_target=X_SOURCE + offset, n_components=4, n_transfer=1)
    assert abs(offset @ model.coef_) < 1e-4 * np.abs(offset) @ np.abs(model.coef_)
    moved, original = model.predict(X_SOURCE + offset), model.predict(X_SOURCE)
    np.testing.assert_allclose(moved, original, atol=1e-3 * Y.std())


def test_identical_instruments_give_pls():
    for n_transfer in (0, 4):
        model = fit(X_target=X_SOURCE, n_components=3, n_transfer=n_transfer)
        np.testing.assert_allclose(model.coef_, pls(3).coef_[0], rtol=1e-8)
        np.testing.assert_array_equal(model.difference_penalty_, 0)


def test_a_single_target_row_gives_the_mean_only():
    model = fit(X_target=X_TARGET[:1], n_components=3)
    np.testing.assert_allclose(model.coef_, pls(3).coef_[0], rtol=1e-8)
    np.testing.assert_allclose(model.predict(X_TARGET[:1]), Y.mean())


def test_n_components_is_as_asked_for_where_the_rank_is_lower():
    low = X_SOURCE[:, :2] @ np.random.default_rng(1).normal(size=(2, 10))
    model = fit(X_source=low, X_target=low + 1, n_components=5, difference_penalty=0)
    assert model.n_components_ == 5
    assert np.isnan(model.difference_penalty_).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("n_transfer", [0, 3])
def test_constant_values_are_predicted_everywhere(n_transfer):
    model = fit(y=np.full(14, 2.5), n_components=2, n_transfer=n_transfer)
    np.testing.assert_allclose(model.predict(X_TARGET), 2.5)
    assert np.isnan(model.difference_penalty_).all()


def test_constant_spectra_predict_the_mean():
    model = fit(X_source=np.ones((14, 10)), n_components=2)
    np.testing.assert_allclose(model.predict(X_TARGET), Y.mean())


def test_n_components_is_chosen_on_the_source():
    X, y = X_SOURCE[:, :6], X_SOURCE[:, :2].sum(axis=1)
    assert 2 <= fit(X_source=X, X_target=X_TARGET[:, :6], y=y).n_components_ <= 6


@pytest.mark.parametrize("n_transfer", [0, 5])
def test_several_targets_are_fitted_one_by_one(n_transfer):
    y = np.column_stack([Y, X_SOURCE[:, 0], np.ones(14)])
    both = fit(y=y, n_components=3, n_transfer=n_transfer)
    assert both.coef_.shape == (10, 3) and both.difference_penalty_.shape == (3, 3)
    for j in range(3):
        one = fit(y=y[:, j], n_components=3, n_transfer=n_transfer)
        np.testing.assert_allclose(both.predict(X_TARGET)[:, j], one.predict(X_TARGET))


def test_fits_after_the_preprocessing_of_a_pipeline():
    scaler = StandardScaler().fit(X_SOURCE)
    model = fit(n_components=3, estimator=make_pipeline(StandardScaler(), Ridge()))
    reference = fit(scaler.transform(X_SOURCE), scaler.transform(X_TARGET), n_components=3)
    np.testing.assert_allclose(model.coef_, reference.coef_)
    expected = reference.predict(scaler.transform(X_TARGET))
    np.testing.assert_allclose(model.predict(X_TARGET), expected)


def test_beats_the_calibration_on_unseen_samples(make_stack):
    X, y, instrument, sample_id = make_stack()
    held_out = np.isin(sample_id, [f"s{i:02d}" for i in range(8)])
    train, test = ~held_out, held_out & (instrument == "B")
    metadata = {"instrument": instrument[train], "sample_id": sample_id[train]}
    for n_transfer in (0, 10):
        model = DIPLSTransfer(source="A", target="B", n_transfer=n_transfer)
        model.fit(X[train], y[train], **metadata)
        plain = np.mean((model.estimator_.predict(X[test]) - y[test]) ** 2)
        assert np.mean((model.predict(X[test]) - y[test]) ** 2) < 0.1 * plain


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n_components": 0}, "n_components must be an int of at least 1 or None, got 0"),
        ({"difference_penalty": -1.0}, "at least 0 or .auto., got -1.0"),
        ({"difference_penalty": np.inf}, "at least 0 or .auto., got inf"),
        ({"difference_penalty": "cv"}, "difference_penalty must be .* got 'cv'"),
    ],
)
def test_refuses_invalid_parameters(parameters, match):
    with pytest.raises(ValueError, match=match):
        fit(**parameters)


def test_as_many_components_as_directions_warn_that_nothing_is_transferred(make_stack):
    X, y, instrument, sample_id = make_stack()
    X = X[:, ::6] + 0.02 * np.random.default_rng(0).normal(size=(60, 4))
    models = [DIPLSTransfer(source="A", target="B", n_transfer=8, n_components=k) for k in (4, 3)]
    metadata = {"instrument": instrument, "sample_id": sample_id}
    with pytest.warns(UserWarning, match="4 components of DIPLSTransfer span all 4 directions"):
        models[0].fit(X, y, **metadata)
    least_squares = Ridge(1e-9).fit(X[:30], y[:30])
    np.testing.assert_allclose(models[0].predict(X), least_squares.predict(X), rtol=1e-6)
    models[1].fit(X, y, **metadata)  # does not warn


def test_refuses_a_frozen_calibration():
    frozen = FrozenEstimator(Ridge().fit(X_SOURCE, Y))
    with pytest.raises(ValueError, match="DIPLSTransfer refits the estimator, and a Frozen"):
        fit(estimator=frozen, trained_on=range(14))
