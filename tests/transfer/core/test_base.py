"""What the base of all transfer methods promises: instruments, standards, refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.transfer import (
    MeanCentredTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
    TargetOnly,
)
from tests.transfer.methods import (
    LABELLED,
    MAPPED,
    METHODS,
    PAIRED,
    REFITTED,
    UNLABELLED,
    WITH_STANDARDS,
    fit,
    make,
)


def test_target_is_the_other_of_two_instruments(make_stack):
    assert fit(NoTransfer(Ridge(), source="B"), make_stack()).target_ == "A"


def test_source_is_the_most_frequent_other_instrument(make_stack):
    X, y, instrument, sample_id = make_stack()
    labels = instrument.astype("<U1")
    labels[:10], labels[10:20] = "D", "C"  # A, C and D are left with 10 rows each
    assert fit(NoTransfer(Ridge(), target="B"), (X, y, labels, sample_id)).source_ == "A"
    labels[0] = "C"
    assert fit(NoTransfer(Ridge(), target="B"), (X, y, labels, sample_id)).source_ == "C"


@pytest.mark.parametrize(
    ("source", "target", "match"),
    [
        (
            "A",
            "Z",
            r"target must be one of the 2 instruments .* got 'Z'. Pass one of \['A', 'B'\]",
        ),
        ("Z", "B", "source must be one of the 2"),
        ("A", "A", "must be two instruments, got 'A' for both"),
        (None, None, "is ambiguous .* Pass target="),
    ],
)
def test_refuses_ambiguous_or_unknown_instruments(source, target, match, make_stack):
    with pytest.raises(ValueError, match=match):
        fit(NoTransfer(Ridge(), source=source, target=target), make_stack())


def test_three_instruments_need_a_target(make_stack):
    X, y, instrument, sample_id = make_stack()
    labels = np.where(np.arange(len(X)) == 0, "C", instrument)
    with pytest.raises(ValueError, match="the 3 instruments"):
        fit(NoTransfer(Ridge(), source="A"), (X, y, labels, sample_id))


def test_refuses_rows_of_the_target_alone(make_stack):
    X, y, _, sample_id = make_stack()
    with pytest.raises(ValueError, match="All rows are from target='B'"):
        fit(NoTransfer(Ridge(), target="B"), (X, y, ["B"] * len(X), sample_id))


WITHOUT_TARGET_ROWS = [method for method in METHODS if method not in UNLABELLED]


@pytest.mark.parametrize("method", WITHOUT_TARGET_ROWS)
def test_nothing_learnt_from_the_target_needs_no_target_rows(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    source = instrument == "A"
    stack = X[source], y[source], instrument[source], sample_id[source]
    expected = fit(make(method, n_transfer=0), (X, y, instrument, sample_id)).predict(X)
    for names in ({"source": "A", "target": "B"}, {"target": "B"}, {"source": "A"}):
        model = fit(method(Ridge(1e-3), n_transfer=0, **names), stack)
        assert (model.source_, model.target_) == ("A", names.get("target"))
        np.testing.assert_array_equal(model.predict(X), expected)
        of_source = model.predict(X[:3], instrument=["A"] * 3)
        np.testing.assert_allclose(of_source, expected[:3], rtol=1e-12)
    assert fit(NoTransfer(source="A", target="B"), stack).transfer_ids_.size == 0


@pytest.mark.parametrize("method", METHODS)
def test_what_is_learnt_from_the_target_needs_its_rows(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    source = instrument == "A"
    stack = X[source], y[source], instrument[source], sample_id[source]
    with pytest.raises(ValueError, match="target must be one of the 1 instruments"):
        fit(make(method if method is not NoTransfer else UNLABELLED[0]), stack)


def test_channels_of_other_instruments_are_dropped_without_target_rows(make_grids):
    frame, y, instrument, sample_id = make_grids()
    source = instrument == "A"
    stack = frame[source], y[source], instrument[source], sample_id[source]
    model = fit(make(NoTransfer), stack)
    assert len(model.source_channels_) == np.isfinite(frame[source]).all(axis=0).sum()
    expected = model.estimator_.predict(frame[source].iloc[:, model.source_channels_])
    np.testing.assert_allclose(model.predict(frame[source]), expected, rtol=1e-12)


def test_predict_refuses_an_unknown_instrument(make_stack):
    X = make_stack()[0]
    model = fit(make(NoTransfer), make_stack())
    with pytest.raises(ValueError, match=r"source or target of fit, \['A', 'B'\], got \['C'\]"):
        model.predict(X[:2], instrument=["A", "C"])


@pytest.mark.parametrize("method", METHODS)
def test_without_instruments_the_estimator_predicts(method, make_stack):
    X, y, *_ = make_stack()
    model = method(Ridge()).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), Ridge().fit(X, y).predict(X))
    assert model.source_ is None and len(model.transfer_ids_) == 0


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_too_few_standards_names_both_numbers(method, make_stack):
    with pytest.raises(ValueError, match=r"needs 31 target samples .* have 30"):
        fit(make(method, 31), make_stack())


@pytest.mark.parametrize("method", WITH_STANDARDS)
@pytest.mark.parametrize(("n_transfer", "error"), [(-1, ValueError), (2.5, TypeError)])
def test_refuses_an_invalid_n_transfer(method, n_transfer, error, make_stack):
    with pytest.raises(error, match="n_transfer must be"):
        fit(make(method, n_transfer), make_stack())


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_n_transfer_none_takes_every_candidate(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    y = np.where((instrument == "B") & (sample_id == "s03"), np.nan, y)
    model = fit(make(method, None), (X, y, instrument, sample_id))
    assert len(model.transfer_ids_) == (30 if method in PAIRED else 29)


@pytest.mark.parametrize("method", PAIRED)
def test_pairs_need_ids(method, make_stack):
    X, y, instrument, _ = make_stack()
    with pytest.raises(ValueError, match="not paired by position"):
        make(method).fit(X, y, instrument=instrument)


@pytest.mark.parametrize("method", PAIRED)
def test_unpaired_samples_are_not_candidates(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    other = np.where(
        (instrument == "B") & (sample_id > "s03"), "t" + sample_id.astype(object), sample_id
    )
    stack = (X, y, instrument, other.astype(str))
    assert set(fit(make(method, 4), stack).transfer_ids_) == {"s00", "s01", "s02", "s03"}
    with pytest.raises(ValueError, match=r"paired with the source by sample_id, .* have 4"):
        fit(make(method, 5), stack)


@pytest.mark.parametrize("method", LABELLED)
def test_methods_with_labels_accept_unpaired_samples(method, make_stack):
    X, y, instrument, _ = make_stack()
    model = make(method, 5).fit(X, y, instrument=instrument)  # every row a sample of its own
    assert np.all(instrument[model.transfer_ids_] == "B")


def test_standards_are_chosen_on_source_spectra(make_stack):
    X, y, instrument, sample_id = make_stack()
    reference = fit(make(TargetOnly, 5), (X, y, instrument, sample_id))
    changed = X.copy()
    changed[instrument == "B"] = np.random.default_rng(0).normal(size=(30, X.shape[1]))
    model = fit(make(TargetOnly, 5), (changed, y, instrument, sample_id))
    np.testing.assert_array_equal(model.transfer_ids_, reference.transfer_ids_)


def test_a_callable_orders_the_candidates(make_stack):
    def by_first_channel(X):
        return np.argsort(-X[:, 0])

    X, _, instrument, sample_id = stack = make_stack()
    model = fit(make(TargetOnly, 3, selection=by_first_channel), stack)
    source = instrument == "A"
    expected = sample_id[source][by_first_channel(X[source])[:3]]
    assert list(model.transfer_ids_) == list(expected)


def test_random_standards_follow_the_seed(make_stack):
    drawn = [
        fit(make(TargetOnly, 5, selection="random", random_state=seed), make_stack()).transfer_ids_
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_replicates_are_averaged(method, make_stack):
    X, y, instrument, sample_id = stack = make_stack()
    target = instrument == "B"
    delta = 0.01 * np.random.default_rng(0).normal(size=X[target].shape)
    replicated = (
        np.concatenate([X[~target], X[target] + delta, X[target] - delta]),
        np.concatenate([y[~target], y[target] + 0.1, y[target] - 0.1]),
        np.concatenate([instrument, instrument[target]]),
        np.concatenate([sample_id, sample_id[target]]),
    )
    model, reference = fit(make(method), replicated), fit(make(method), stack)
    np.testing.assert_array_equal(model.transfer_ids_, reference.transfer_ids_)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_source_rows_need_labels(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    y = np.where(sample_id == "s00", np.nan, y)
    with pytest.raises(ValueError, match="NaN in 1 of the 30 reference values"):
        fit(make(method), (X, y, instrument, sample_id))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda X: X[:, 0], "1D array"),
        (lambda X: X[:, :, None], "dim 3"),
        (lambda X: np.where(np.arange(X.shape[1]) == 3, np.inf, X), "infinity"),
        (lambda X: np.full(X.shape, "a", dtype=object), "could not convert string"),
    ],
)
def test_refuses_spectra_that_are_not_a_table_of_numbers(method, spoil, match, make_stack):
    X, y, instrument, sample_id = make_stack()
    with pytest.raises(ValueError, match=match):
        fit(make(method), (spoil(X), y, instrument, sample_id))


@pytest.mark.parametrize("name", ["instrument", "sample_id"])
def test_metadata_of_the_wrong_length(name, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    metadata[name] = metadata[name][:7]
    with pytest.raises(ValueError, match=f"{name} has 7 entries, X has 60 rows"):
        make(PDSTransfer).fit(X, y, **metadata)


@pytest.mark.parametrize("method", WITH_STANDARDS)
def test_one_standard_is_enough(method, make_stack):
    X, *_ = stack = make_stack()
    assert np.isfinite(fit(make(method, 1), stack).predict(X)).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_frozen_calibration_is_not_refitted(method, make_stack):
    X, y, *_ = stack = make_stack()
    calibration = Ridge(alpha=5.0).fit(X[:9], y[:9])
    trained_on = [f"s{i:02d}" for i in range(9)]
    model = method(
        FrozenEstimator(calibration), source="A", target="B", n_transfer=3, trained_on=trained_on
    )
    if method in (TargetOnly, PooledTransfer, *REFITTED):
        with pytest.raises(ValueError, match="a FrozenEstimator cannot be refitted"):
            fit(model, stack)
    else:
        fit(model, stack)
        np.testing.assert_array_equal(model.estimator_.predict(X), calibration.predict(X))


@pytest.mark.parametrize("method", METHODS)
def test_one_column_of_y_gives_one_dimension(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    model = method(PLSRegression(3), source="A", target="B")
    flat = fit(model, (X, y, instrument, sample_id)).predict(X)
    column = fit(model, (X, y[:, None], instrument, sample_id)).predict(X)
    assert flat.shape == (60,) and column.shape == (60, 1)
    np.testing.assert_allclose(flat, column[:, 0])


def test_missing_channels_reach_an_estimator_that_accepts_them(make_stack):
    X, y, instrument, sample_id = make_stack()
    holes = X.copy()
    holes[5, 3] = np.nan
    stack = (holes, y, instrument, sample_id)
    trees = HistGradientBoostingRegressor(max_iter=2)
    model = MeanCentredTransfer(make_pipeline(StandardScaler(), trees), source="A", target="B")
    assert np.isfinite(fit(model, stack).predict(holes)).all()
    assert np.isnan(model.transform(holes)[5, 3])
    with pytest.raises(ValueError, match="PDSTransfer does not accept missing values"):
        fit(PDSTransfer(trees, source="A", target="B"), stack)
    with pytest.raises(ValueError, match="Ridge does not accept missing values"):
        fit(SlopeBiasTransfer(Ridge(), source="A", target="B"), stack)


def test_only_methods_that_map_spectra_transform():
    assert [hasattr(method(), "transform") for method in METHODS] == [m in MAPPED for m in METHODS]


@pytest.mark.parametrize("method", MAPPED)
def test_fit_transform_does_not_change_source_rows(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(method)
    mapped = model.fit_transform(X, y, instrument=instrument, sample_id=sample_id)
    np.testing.assert_array_equal(mapped[instrument == "A"], X[instrument == "A"])
    np.testing.assert_allclose(
        mapped[instrument == "B"], model.transform(X[instrument == "B"]), rtol=1e-12
    )
    assert np.abs(mapped - X)[instrument == "B"].min() > 0


@pytest.mark.parametrize("method", MAPPED)
def test_transform_keeps_column_names(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    frame = pd.DataFrame(X, columns=[f"{1100 + j} nm" for j in range(X.shape[1])])
    model = method(LinearRegression(), source="A", target="B", n_transfer=5)
    model.set_output(transform="pandas").fit(frame, y, instrument=instrument, sample_id=sample_id)
    assert list(model.transform(frame).columns) == list(frame.columns)


@pytest.mark.parametrize("method", METHODS)
def test_a_second_fit_drops_fitted_attributes(method, make_stack):
    X, y, *_ = stack = make_stack()
    model, fresh = fit(make(method), stack), method(Ridge()).fit(X, y)
    model.set_params(source=None, target=None).fit(X, y)
    assert set(vars(model)) - set(vars(fresh)) <= {name for name in vars(model) if name[0] == "_"}


def test_instruments_at_predict_need_instruments_at_fit(make_stack):
    X, y, instrument, _ = make_stack()
    with pytest.raises(ValueError, match="must be None after a fit without instruments"):
        PDSTransfer(Ridge()).fit(X, y).predict(X, instrument=instrument)


def test_one_standard_for_the_default_calibration_of_the_target(make_stack):
    model = TargetOnly(source="A", target="B", n_transfer=1)
    with pytest.warns(UserWarning, match="predicts the mean of y"):
        predictions = fit(model, make_stack()).predict(make_stack()[0])
    assert len(set(predictions)) == 1
