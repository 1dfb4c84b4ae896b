"""Searches and pipelines give the same numbers with metadata routing off and on."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skspektron.model_selection import TransferGroupKFold
from tests.transfer.methods import METHODS, make


def splits(X, y, **metadata):
    cv = TransferGroupKFold(n_splits=3, target="B", shuffle=True, random_state=0)
    return list(cv.split(X, y, **metadata))


@pytest.mark.parametrize("method", METHODS)
def test_grid_search_scores_do_not_depend_on_routing(method, make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    cv = splits(X, y, **metadata)
    scores = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            search = GridSearchCV(
                make(method),
                {"n_transfer": [0, 3, 6]},
                scoring="neg_root_mean_squared_error",
                cv=cv,
                error_score="raise",
            ).fit(X, y, **metadata)
            scores.append(search.cv_results_["mean_test_score"])
            assert search.predict(X[:4]).shape == (4,)
    np.testing.assert_array_equal(*scores)


def test_routing_hands_metadata_to_the_splitter_too(make_stack):
    X, y, instrument, sample_id = make_stack()
    metadata = {"instrument": instrument, "sample_id": sample_id}
    model = make(METHODS[-1])
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
    assert len(pipeline[-1].transfer_ids_) == (0 if method is METHODS[0] else 10)
    with config_context(enable_metadata_routing=True):
        pipeline.fit(X, y, **metadata)
        np.testing.assert_array_equal(pipeline.predict(X), reference)
        by_row = pipeline.predict(X, instrument=instrument)
    source = instrument == "A"
    scaled = pipeline[0].transform(X[source])
    np.testing.assert_allclose(by_row[source], pipeline[-1].estimator_.predict(scaled))
