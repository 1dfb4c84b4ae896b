"""Searches and pipelines give the same results with metadata routing off and on."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.model_selection import TransferGroupKFold, TransferShuffleSplit
from skspektron.transfer import (
    EPOTransfer,
    NARTransfer,
    NoTransfer,
    PDSTransfer,
    PooledTransfer,
    SlopeBiasTransfer,
)
from tests.transfer.methods import METHODS, make


def splits(X, y, n_splits=3, **metadata):
    cv = TransferGroupKFold(n_splits, target="B", shuffle=True, random_state=0)
    return list(cv.split(X, y, **metadata))


@pytest.mark.parametrize("method", METHODS)
def test_grid_search_scores_do_not_depend_on_routing(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = splits(X, y, n_splits=2, **metadata)
    scores = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            search = GridSearchCV(
                make(method),
                {"n_transfer": [0, 6]},
                scoring="neg_root_mean_squared_error",
                cv=cv,
                error_score="raise",
            ).fit(X, y, **metadata)
            scores.append(search.cv_results_["mean_test_score"])
            assert search.predict(X[:4]).shape == (4,)
    np.testing.assert_array_equal(*scores)


def test_routing_passes_metadata_to_the_splitter(make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    model = make(SlopeBiasTransfer)
    with config_context(enable_metadata_routing=True):
        cv = TransferGroupKFold(n_splits=3, target="B", shuffle=True, random_state=0)
        routed = cross_val_score(model, X, y, cv=cv, params=metadata, error_score="raise")
    listed = cross_val_score(model, X, y, cv=splits(X, y, **metadata), params=metadata)
    np.testing.assert_array_equal(routed, listed)


@pytest.mark.parametrize("method", METHODS)
def test_outer_pipeline(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    pipeline = Pipeline([("scale", StandardScaler()), ("transfer", make(method))])
    named = {f"transfer__{name}": values for name, values in metadata.items()}
    reference = pipeline.fit(X, y, **named).predict(X)
    assert len(pipeline[-1].transfer_ids_) == (0 if method is NoTransfer else 10)
    with config_context(enable_metadata_routing=True):
        pipeline.fit(X, y, **metadata)
        np.testing.assert_array_equal(pipeline.predict(X), reference)
        by_row = pipeline.predict(X, instrument=instrument)
    source = instrument == "A"
    scaled = pipeline[0].transform(X[source])
    np.testing.assert_allclose(by_row[source], pipeline[-1].estimator_.predict(scaled))


WRONG_LENGTH = "{name} has 7 entries, X has .* rows. .*: scikit-learn splits it with X only if the"


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("name", ["instrument", "sample_id"])
def test_search_explains_metadata_of_the_wrong_length(name, routing, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    search = GridSearchCV(
        make(PDSTransfer), {"n_transfer": [3]}, cv=splits(X, y, **metadata), error_score="raise"
    )
    metadata[name] = metadata[name][:7]
    match = WRONG_LENGTH.format(name=name).replace(".* rows", "40 rows")
    with (
        config_context(enable_metadata_routing=routing),
        pytest.raises(ValueError, match=match),
    ):
        search.fit(X, y, **metadata)


@pytest.mark.parametrize("name", ["instrument", "sample_id"])
def test_pipeline_explains_metadata_of_the_wrong_length(name, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    metadata[name] = metadata[name][:7]
    pipeline = Pipeline([("scale", StandardScaler()), ("transfer", make(PDSTransfer))])
    with pytest.raises(ValueError, match=WRONG_LENGTH.format(name=name)):
        pipeline.fit(X, y, **{f"transfer__{key}": values for key, values in metadata.items()})
    with (
        config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match=WRONG_LENGTH.format(name=name)),
    ):
        pipeline.fit(X, y, **metadata)


def test_predict_refuses_metadata_of_the_wrong_length(make_stack):
    X, y, instrument, sample_id = make_stack()
    model = make(PDSTransfer).fit(X, y, instrument=instrument, sample_id=sample_id)
    for method in (model.predict, model.transform):
        with pytest.raises(ValueError, match="instrument has 7 entries, X has 60 rows"):
            method(X, instrument=instrument[:7])


OWN_PARAMETERS = [
    (PDSTransfer, {"window_length": [1, 7]}),
    (EPOTransfer, {"n_components": [1, 2]}),
    (NARTransfer, {"difference_penalty": [1.0, 1e3]}),
    (SlopeBiasTransfer, {"mode": ["bias", "slope"]}),
    (PooledTransfer, {"weight": [1, 5]}),
]


@pytest.mark.parametrize("n_transfer", [3, 6])
@pytest.mark.parametrize(("method", "grid"), OWN_PARAMETERS)
def test_a_nested_search_does_not_use_the_outer_test_rows(method, grid, n_transfer, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    ((train, test),) = TransferShuffleSplit(1, target="B", random_state=0).split(X, y, **metadata)

    def search(y):
        inner = GridSearchCV(
            make(method, n_transfer),
            grid,
            cv=TransferGroupKFold(2, target="B"),
            scoring="neg_mean_squared_error",
            error_score="raise",
        )
        with config_context(enable_metadata_routing=True):
            results = cross_validate(
                inner,
                X,
                y,
                cv=[(train, test)],
                params=metadata,
                scoring="neg_mean_squared_error",
                return_estimator=True,
                error_score="raise",
            )
        return results["estimator"][0], results["test_score"][0]

    fitted, score = search(y)
    other, other_score = search(np.where(np.isin(np.arange(len(y)), test), 1e6, y))
    assert other_score < score - 1e9
    assert fitted.best_params_ == other.best_params_
    for name in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(fitted.cv_results_[name], other.cv_results_[name])
    np.testing.assert_array_equal(fitted.predict(X), other.predict(X))


FORGOTTEN = "but fit got no instrument="


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("named", [{"source": "A"}, {"target": "B"}, {"source": 0, "target": 1}])
def test_a_transfer_that_does_not_happen_warns_once(method, named, make_stack):
    X, y, _, sample_id = make_stack()
    with pytest.warns(UserWarning, match=FORGOTTEN) as warned:
        model = method(Ridge(), **named).fit(X, y, sample_id=sample_id)
    assert len(warned) == 1 and warned[0].filename == __file__
    assert all(f"{role}={name!r}" in str(warned[0].message) for role, name in named.items())
    np.testing.assert_array_equal(model.predict(X), method(Ridge()).fit(X, y).predict(X))


@pytest.mark.parametrize("routing", [False, True])
def test_a_search_and_a_pipeline_without_instruments_warn_once(routing, make_stack):
    X, y, *_ = make_stack()
    pipeline = Pipeline([("scale", StandardScaler()), ("transfer", make(PDSTransfer))])
    search = GridSearchCV(make(PDSTransfer), {"n_transfer": [2, 5]}, cv=3, error_score="raise")
    nested = GridSearchCV(pipeline, {"transfer__n_transfer": [2, 5]}, cv=3, error_score="raise")
    runs = [pipeline.fit, search.fit, search.fit, nested.fit]
    for run in [*runs, lambda X, y: cross_val_score(nested, X, y, cv=3, params={})]:
        with (
            config_context(enable_metadata_routing=routing),
            pytest.warns(UserWarning, match=FORGOTTEN) as warned,
        ):
            run(X, y)
        assert [each.filename for each in warned] == [__file__]


def test_defaults_without_instruments_do_not_warn(make_stack, recwarn):
    X, y, *_ = make_stack()
    PDSTransfer(Ridge()).fit(X, y)
    assert not recwarn
