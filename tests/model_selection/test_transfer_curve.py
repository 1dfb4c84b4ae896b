"""transfer_curve: equal to GridSearchCV over n_transfer, pipelines, routing, errors."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline

from skspektron.model_selection import TransferGroupKFold, transfer_curve
from skspektron.preprocessing import SNV
from skspektron.transfer import PooledTransfer, SlopeBiasTransfer

SIZES = [0, 3, 6]


@pytest.fixture
def rows():
    """Stack 20 samples on "old" and "new", which has an offset."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 6))
    y = X @ np.arange(6.0) + 0.1 * rng.normal(size=20)
    return {
        "X": np.vstack([X, X + 0.3 + 0.05 * rng.normal(size=X.shape)]),
        "y": np.r_[y, y],
        "instrument": np.repeat(["old", "new"], 20),
        "sample_id": np.tile(np.arange(20), 2),
    }


@pytest.fixture
def transfer():
    return SlopeBiasTransfer(Ridge(), source="old", target="new")


def test_equals_grid_search_over_n_transfer(rows, transfer):
    curve = transfer_curve(transfer, **rows, n_transfer=SIZES, cv=4)
    cv = TransferGroupKFold(4, target="new")
    search = GridSearchCV(
        transfer,
        {"n_transfer": SIZES},
        cv=list(cv.split(**rows)),
        scoring="neg_root_mean_squared_error",
    )
    X, y = rows.pop("X"), rows.pop("y")
    results = search.fit(X, y, **rows).cv_results_
    expected = np.transpose([results[f"split{k}_test_score"] for k in range(4)])
    np.testing.assert_array_equal(curve.test_scores, expected)
    np.testing.assert_array_equal(curve.n_transfer, SIZES)
    assert curve.fit_times.shape == curve.score_times.shape == (3, 4)
    assert (curve.fit_times > 0).all()


def test_more_standards_improve_the_score_and_the_estimator_is_unchanged(rows, transfer):
    mean = transfer_curve(transfer, **rows, n_transfer=[0, 8]).test_scores.mean(axis=1)
    assert mean[1] > mean[0]
    assert transfer.n_transfer == 10


def test_more_standards_than_samples_raise(rows, transfer):
    with pytest.raises(ValueError, match=r"n_transfer=20 needs 20 .* 16"):
        transfer_curve(transfer, **rows)


@pytest.mark.parametrize("n_steps", [0, 1, 2])
def test_routing_and_pipelines_do_not_change_the_scores(rows, transfer, n_steps):
    estimator = transfer
    for _ in range(n_steps):
        estimator = make_pipeline(SNV(), estimator)
    off = transfer_curve(estimator, **rows, n_transfer=SIZES, cv=3)
    with config_context(enable_metadata_routing=True):
        on = transfer_curve(estimator, **rows, n_transfer=SIZES, cv=3)
    np.testing.assert_array_equal(on.test_scores, off.test_scores)
    plain = transfer_curve(transfer, **rows, n_transfer=SIZES, cv=3)
    assert np.array_equal(off.test_scores, plain.test_scores) == (n_steps == 0)


def test_cv_as_splitter_and_as_iterable(rows, transfer):
    cv = TransferGroupKFold(3, target="new", shuffle=True, random_state=0)
    by_splitter = transfer_curve(transfer, **rows, n_transfer=[2], cv=cv)
    by_list = transfer_curve(transfer, **rows, n_transfer=[2], cv=cv.split(**rows))
    np.testing.assert_array_equal(by_splitter.test_scores, by_list.test_scores)
    five = transfer_curve(transfer, **rows, n_transfer=[2])
    assert five.test_scores.shape == (1, 5)


def test_groups_are_passed_to_the_splitter(rows, transfer):
    groups = rows["sample_id"] // 5
    with pytest.raises(ValueError, match=r"got 5 for 4"):
        transfer_curve(transfer, **rows, groups=groups, n_transfer=[2])
    curve = transfer_curve(transfer, **rows, groups=groups, n_transfer=[2], cv=GroupKFold(4))
    assert np.isfinite(curve.test_scores).all()


def test_none_means_all_candidates(rows, transfer):
    curve = transfer_curve(transfer, **rows, n_transfer=[15, None], cv=4)
    assert curve.n_transfer.tolist() == [15, None]
    # 15 of 20 samples are in the training set.
    np.testing.assert_array_equal(curve.test_scores[0], curve.test_scores[1])


def test_scoring_and_n_jobs(rows, transfer):
    one = transfer_curve(transfer, **rows, n_transfer=[3], cv=2, scoring="r2")
    two = transfer_curve(transfer, **rows, n_transfer=[3], cv=2, scoring="r2", n_jobs=2)
    np.testing.assert_array_equal(one.test_scores, two.test_scores)
    assert (one.test_scores <= 1).all()
    rmse = transfer_curve(transfer, **rows, n_transfer=[3], cv=2)
    assert not np.array_equal(one.test_scores, rmse.test_scores)


def test_failing_fit_gets_error_score(rows, transfer):
    # One split has 18 training samples, the other 10, which is too few for 12 standards.
    sample = np.arange(20)
    splits = [
        (np.r_[sample[:n], sample[:n] + 20], sample[n:] + 20)  # test rows on the target
        for n in (18, 10)
    ]
    with pytest.warns(FitFailedWarning):
        curve = transfer_curve(transfer, **rows, n_transfer=[12], cv=splits, error_score=-1.0)
    assert curve.test_scores[0, 0] != -1 == curve.test_scores[0, 1]
    with pytest.raises(ValueError, match="10"):
        transfer_curve(transfer, **rows, n_transfer=[12], cv=splits, error_score="raise")


def test_verbose_shows_progress(rows, transfer, capsys):
    transfer_curve(transfer, **rows, n_transfer=[2], cv=2)
    assert capsys.readouterr().out == ""
    transfer_curve(transfer, **rows, n_transfer=[2], cv=2, verbose=2)
    assert "[CV] END" in capsys.readouterr().out


def test_missing_labels_are_allowed(rows):
    rows["y"][25:30] = np.nan
    pooled = PooledTransfer(Ridge(), source="old", target="new")
    assert np.isfinite(transfer_curve(pooled, **rows, n_transfer=[3], cv=3).test_scores).all()


def test_estimator_without_n_transfer_raises(rows):
    with pytest.raises(ValueError, match="parameter n_transfer, got LinearRegression with 0"):
        transfer_curve(LinearRegression(), **rows)


def test_several_scores_raise(rows, transfer):
    with pytest.raises(ValueError, match=r"scoring must be the name of one score, .*, got \["):
        transfer_curve(transfer, **rows, scoring=["r2", "neg_root_mean_squared_error"])


def test_scikit_learn_splitters_are_accepted(rows, transfer):
    cv = KFold(2, shuffle=True, random_state=0)
    assert transfer_curve(transfer, **rows, n_transfer=[1], cv=cv).test_scores.shape == (1, 2)


def test_pooling_halves_the_error_on_simulated_instruments(stacked):
    X, y, instrument, sample_id = stacked
    pooled = PooledTransfer(PLSRegression(6), source="source", target="target")
    model = make_pipeline(SNV(), pooled)
    curve = transfer_curve(
        model, X, y, instrument=instrument, sample_id=sample_id, n_transfer=[0, 10], cv=3
    )
    without, with_ten = curve.test_scores.mean(axis=1)
    assert with_ten > without / 2  # negated errors


def test_default_folds_without_target_raise():
    with pytest.raises(ValueError, match=r"target of the estimator must be given .* got None"):
        transfer_curve(
            SlopeBiasTransfer(source="A"),
            np.ones((4, 2)),
            np.ones(4),
            instrument=["A", "A", "B", "B"],
            sample_id=[1, 2, 1, 2],
        )


def test_metadata_reach_a_search_over_a_pipeline():
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40.0)
    metadata = {"instrument": ["A"] * 20 + ["B"] * 20, "sample_id": [*range(20)] * 2}
    pipeline = make_pipeline(SNV(), SlopeBiasTransfer(Ridge(), source="A", target="B"))
    search = GridSearchCV(pipeline, {"slopebiastransfer__mode": ["bias", "slope"]}, cv=3)
    curve = transfer_curve(search, X, y, **metadata, n_transfer=[3], cv=3)
    assert np.isfinite(curve.test_scores).all()


def test_no_sizes_raise(rows, transfer):
    with pytest.raises(ValueError, match=r"n_transfer must have at least one size"):
        transfer_curve(transfer, **rows, n_transfer=[])
