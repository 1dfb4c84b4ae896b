"""One-standard-error rule, with given results and in a search."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skspektron.model_selection import TransferGroupKFold, fewest_within_one_se
from skspektron.preprocessing import SNV
from skspektron.transfer import SlopeBiasTransfer


def make_results(n_transfer, scores, name="param_n_transfer"):
    """Return the `cv_results_` of candidates with the given scores (n_candidates, n_splits)."""
    scores = np.asarray(scores, dtype=float)
    splits = {f"split{k}_test_score": scores[:, k] for k in range(scores.shape[1])}
    return {name: n_transfer, "mean_test_score": scores.mean(axis=1), **splits}


def four_scores(mean, spread=0.1):
    """Return four scores with a standard error of spread / sqrt(3)."""
    return mean + spread * np.array([-1.0, 1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    ("mean_of_five", "expected"), [(0.943, 2), (0.942, 1), (1.0, 2), (1.1, 2), (0.0, 1)]
)
def test_fewest_within_one_standard_error_is_selected(mean_of_five, expected):
    # Best mean 1, standard deviation 0.1 sqrt(4/3), 4 splits: standard error 0.0577.
    scores = [four_scores(1.0), four_scores(0.95), four_scores(mean_of_five, spread=0.0)]
    if mean_of_five == 1.1:  # the best mean, with a standard error of 0
        scores[:2] = [four_scores(1.0, 0.0), four_scores(0.95, 0.0)]
    assert fewest_within_one_se(make_results([20, 10, 5], scores)) == expected


def test_spread_of_other_candidates_is_ignored():
    scores = [four_scores(1.0, spread=0.01), four_scores(0.9, spread=5.0)]
    assert fewest_within_one_se(make_results([10, 5], scores)) == 0


def test_none_counts_as_the_largest_number():
    scores = [four_scores(1.0), four_scores(0.99)]
    results = make_results(np.array([None, 50], dtype=object), scores)
    assert fewest_within_one_se(results) == 1
    results = make_results(np.array([None, None], dtype=object), scores)
    assert fewest_within_one_se(results) == 0


def test_ties_select_the_best_mean_and_then_the_first():
    scores = [four_scores(0.97), four_scores(0.98), four_scores(1.0), four_scores(0.98)]
    assert fewest_within_one_se(make_results([5, 5, 10, 5], scores)) == 1


@pytest.mark.parametrize("bad", [np.nan, -np.inf, np.inf])
def test_means_that_are_not_finite_are_never_selected(bad):
    scores = [four_scores(1.0), four_scores(0.99), [bad, 1.0, 1.0, 1.0]]
    assert fewest_within_one_se(make_results([10, 5, 0], scores)) == 1


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"mean_test_score": None, "mean_test_r2": [1, 2]},
            r"mean_test_score, got 1 .*\['r2'\]",
        ),
        ({"param_n_transfer": None}, "must have one parameter n_transfer, got 0"),
        ({"param_a__n_transfer": [1, 2]}, "must have one parameter n_transfer, got 2"),
        ({"mean_test_score": [np.nan, np.nan]}, "None of the 2 candidates"),
        ({"split1_test_score": None}, "at least 2 splits .* got 1"),
        (
            {"param_n_transfer": np.ma.masked_array([1, 2], mask=[True, False])},
            "1 of 2 candidates do not set n_transfer",
        ),
    ],
)
def test_invalid_results_raise(changes, match):
    results = make_results([10, 5], [[1.0, 0.9], [0.8, 0.7]]) | changes
    results = {name: values for name, values in results.items() if values is not None}
    with pytest.raises(ValueError, match=match):
        fewest_within_one_se(results)


@pytest.mark.parametrize("nested", [False, True])
def test_in_a_grid_search(stacked, nested):
    X, y, instrument, sample_id = stacked
    metadata = {"instrument": instrument, "sample_id": sample_id}
    estimator = SlopeBiasTransfer(Ridge(1e-3), source="source", target="target")
    prefix = ""
    if nested:
        estimator, prefix = Pipeline([("snv", SNV()), ("transfer", estimator)]), "transfer__"
    cv = TransferGroupKFold(4, target="target")
    search = GridSearchCV(
        estimator,
        {f"{prefix}n_transfer": [None, 20, 15, 0, 10]},
        cv=list(cv.split(X, y, **metadata)),
        scoring="neg_root_mean_squared_error",
        refit=fewest_within_one_se,
    ).fit(X, y, **{f"{prefix}{name}": values for name, values in metadata.items()})
    results = search.cv_results_
    mean = results["mean_test_score"]
    splits = [results[f"split{k}_test_score"][mean.argmax()] for k in range(4)]
    limit = mean.max() - np.std(splits, ddof=1) / 2
    sizes = np.array([30, 20, 15, 0, 10])  # 30 of 40 samples are in the training set
    assert sizes[search.best_index_] == sizes[mean >= limit].min()
    assert search.best_params_ == {f"{prefix}n_transfer": [None, 20, 15, 0, 10][search.best_index_]}
    assert search.best_index_ not in (0, 3)  # neither None nor 0
    assert np.isfinite(search.predict(X)).all()
