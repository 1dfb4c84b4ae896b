import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge

from skspektron.transfer import MeanCentredTransfer, NoTransfer, PDSTransfer
from skspektron.validation import choose_remedy
from tests import oracles


class First(RegressorMixin, BaseEstimator):
    """Predict the first channel, so that spectra are predictions."""

    def fit(self, X, y=None, **metadata):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X)[:, 0]


class Recorder(First):
    """Refuse to predict what it was fitted on, by the second channel."""

    seen: ClassVar = []

    def fit(self, X, y, *, instrument, sample_id):
        self.known_ = set(np.asarray(sample_id).tolist())
        self.seen.append((len(X), sorted(set(instrument))))
        return super().fit(X)

    def predict(self, X):
        assert self.known_.isdisjoint(np.asarray(X)[:, 1].tolist())
        return super().predict(X)


TRANSFER = First().fit(None)


def draw(n=24, seed=0):
    """Return predictions and reference values with an error of 1."""
    rng = np.random.default_rng(seed)
    y_pred = rng.normal(20, 5, n)
    return y_pred, y_pred + rng.normal(size=n)


def two_instruments(n_source=30, n_check=15):
    """Return spectra of a calibration and of check samples, their reference values and ids."""
    rng = np.random.default_rng(3)
    pure = rng.normal(size=(2, 12))
    amounts = rng.uniform(0, 1, (n_source + n_check, 2))
    X = amounts @ pure + 1e-3 * rng.normal(size=(n_source + n_check, 12))
    y, ids = amounts[:, 0], np.arange(n_source + n_check)
    return X, y, ids, slice(0, n_source), slice(n_source, None), rng


def test_errors_are_those_of_the_literal_left_out_comparison():
    y_pred, y = draw(9)
    report = choose_remedy(TRANSFER, y_pred[:, None], y + 2)
    squared = oracles.remedies((y + 2).tolist(), y_pred.tolist())
    names = ["nothing", "bias", "slope and bias"]
    assert list(report.rmsep) == names
    assert list(report.rmsep.values()) == pytest.approx(np.sqrt(squared.mean(axis=0)))
    difference = squared - squared[:, [names.index(report.best)]]
    assert list(report.excess.values()) == pytest.approx(difference.mean(axis=0))
    expected = difference.std(axis=0, ddof=1) / 3
    assert list(report.standard_error.values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (lambda y: y, "nothing"),
        (lambda y: y + 2, "bias"),
        (lambda y: 1.5 * y - 5, "slope and bias"),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_the_simplest_correction_that_is_enough_is_chosen(change, remedy, exact):
    y_pred, y = draw()
    y = change(y_pred if exact else y)
    report = choose_remedy(TRANSFER, y_pred[:, None], y)
    assert report.remedy == remedy
    corrected = report.intercept + report.slope * y_pred
    assert np.mean(corrected - y) == pytest.approx(0, abs=1e-9 if remedy != "nothing" else 0.5)
    assert np.std(corrected - y) < (1e-9 if exact else 1.6)


@pytest.mark.parametrize(("t", "remedy"), [(2.3, "nothing"), (3.2, "bias")])
def test_a_bias_is_worth_a_correction_above_the_stated_t(t, remedy):
    error = np.random.default_rng(0).normal(size=2000)
    error -= error.mean()
    y_pred = np.random.default_rng(1).normal(size=2000)
    bias = t * error.std(ddof=1) / 2000**0.5
    report = choose_remedy(TRANSFER, y_pred[:, None], y_pred + error + bias)
    assert report.remedy == remedy


@pytest.fixture(scope="module")
def fitted():
    """Return a transfer, its rows, and check samples after another change of the target."""
    X, y, ids, source, check, rng = two_instruments()
    old = X[:6] + 0.2
    transfer = MeanCentredTransfer(Ridge(1e-3), source="A", target="B")
    transfer.fit(
        np.r_[X[source], old],
        np.r_[y[source], y[:6]],
        instrument=["A"] * 30 + ["B"] * 6,
        sample_id=np.r_[ids[source], ids[:6]],
    )
    # A lamp that changes each channel in proportion to it.
    moved = X[check] * rng.uniform(0.5, 1.5, 12) + rng.normal(size=12)
    return transfer, X, y, ids, moved


def stacked(fitted, *, paired):
    """Return the arguments for the check samples, with their spectra on the source or without."""
    transfer, X, y, ids, moved = fitted
    n = 45 if paired else 30
    return {
        "transfer": transfer,
        "X": np.r_[X[:n], moved],
        "y": np.r_[y[:n], y[30:]],
        "instrument": ["A"] * n + ["B"] * 15,
        "sample_id": np.r_[ids[:n], ids[30:]],
    }


def test_new_standards_or_a_recalibration_are_chosen_where_no_line_is_enough(fitted):
    arguments = stacked(fitted, paired=True)
    report = choose_remedy(**arguments, cv=4)
    assert report.remedy in ("new standards", "recalibration")
    assert report.slope is None and report.intercept is None
    assert report.rmsep["recalibration"] < 0.2 * report.rmsep["slope and bias"]
    pds = PDSTransfer(Ridge(1e-3), source="A", target="B", window_length=1, n_components=1)
    report = choose_remedy(**arguments, refits={"PDS": pds}, cv=4)
    assert list(report.rmsep) == ["nothing", "bias", "slope and bias", "PDS"]
    assert report.remedy == "PDS"


def test_what_was_not_compared_is_said(fitted):
    transfer, X, y, ids, moved = fitted
    alone = choose_remedy(transfer, moved, y[30:])
    assert set(alone.not_compared) == {"new standards", "recalibration"}
    assert "Not compared: recalibration. It needs source rows" in str(alone)
    third = {"instrument": ["B"] * 15 + ["C"] * 15, "sample_id": np.r_[ids[30:], ids[30:]]}
    report = choose_remedy(transfer, np.r_[moved, moved], np.r_[y[30:], y[30:]], **third)
    assert report.not_compared == alone.not_compared and report.rmsep == alone.rmsep
    arguments = stacked(fitted, paired=False)
    rows = (arguments[name] for name in ("X", "y"))
    names = {"instrument": arguments["instrument"], "sample_id": arguments["sample_id"]}
    pds = PDSTransfer(
        Ridge(1e-3), source="A", target="B", window_length=1, n_components=1, n_transfer=6
    )
    pds.fit(
        np.r_[X[:30], X[:6]],
        np.r_[y[:30], y[:6]],
        instrument=["A"] * 30 + ["B"] * 6,
        sample_id=np.r_[ids[:30], ids[:6]],
    )
    report = choose_remedy(pds, *rows, **names, cv=2)
    assert report.not_compared == {"new standards": "No check sample was measured on the source."}
    none = NoTransfer(Ridge(1e-3), source="A", target="B").fit(
        X[:30], y[:30], instrument=["A"] * 30
    )
    report = choose_remedy(none, **{k: v for k, v in arguments.items() if k != "transfer"}, cv=2)
    assert report.not_compared == {"new standards": "NoTransfer has no standards."}


def test_no_sample_or_group_is_in_the_fit_that_predicts_it():
    y_pred, y = draw(24)
    ids = np.repeat(np.arange(12), 2)
    X = np.c_[y_pred, ids]

    class Fitted(First):
        target_ = "B"
        source_ = "A"

    transfer = Fitted().fit(None)
    Recorder.seen.clear()
    instrument = np.where(np.arange(24) % 2, "B", "A")
    report = choose_remedy(
        transfer,
        X,
        y,
        instrument=instrument,
        sample_id=ids,
        groups=ids // 3,
        refits={"again": Recorder()},
    )
    assert (report.n_samples, report.n_groups) == (12, 4)
    assert [seen for seen in Recorder.seen] == [(18, ["A", "B"])] * 4


def test_replicates_are_averaged_and_rows_may_be_in_any_order():
    y_pred, y = draw(12)
    y_pred += 1.0
    ids = np.tile(np.arange(12), 3)
    scans = y_pred[ids] + np.repeat([-0.1, 0.0, 0.1], 12)
    report = choose_remedy(TRANSFER, scans[:, None], y[ids], sample_id=ids)
    alone = choose_remedy(TRANSFER, y_pred[:, None], y)
    assert report.rmsep == pytest.approx(alone.rmsep)
    assert report.standard_error == pytest.approx(alone.standard_error)
    order = np.random.default_rng(0).permutation(36)
    again = choose_remedy(TRANSFER, scans[order][:, None], y[ids][order], sample_id=ids[order])
    assert again.rmsep == pytest.approx(report.rmsep)


@pytest.mark.parametrize("has_ids", [True, False])
@pytest.mark.parametrize("has_groups", [True, False])
def test_names_and_order_of_samples_do_not_change_the_remedy(has_ids, has_groups):
    y_pred, y = draw(24, seed=5)
    names = np.array([f"s{k}" for k in range(24)])
    batches = np.arange(24) // 2

    def choose(order, names, batches):
        return choose_remedy(
            TRANSFER,
            y_pred[order][:, None],
            y[order] + 0.6,
            sample_id=names[order] if has_ids else None,
            groups=batches[order] if has_groups else None,
            cv=5,
        )

    report = choose(np.arange(24), names, batches)
    again = choose(np.random.default_rng(1).permutation(24), names[::-1], -batches)
    assert again.remedy == report.remedy
    assert again.rmsep == pytest.approx(report.rmsep, rel=1e-12)
    assert again.standard_error == pytest.approx(report.standard_error, rel=1e-9)


def test_the_standard_error_is_that_of_groups():
    y_pred, y = draw(12)
    groups = np.repeat(np.arange(6), 2)
    report = choose_remedy(TRANSFER, y_pred[:, None], y + 1.5, groups=groups)
    every = choose_remedy(
        TRANSFER,
        np.repeat(y_pred, 2)[:, None],
        np.repeat(y, 2),
        groups=np.arange(24) // 2,
        cv=12,
    )
    single = choose_remedy(TRANSFER, y_pred[:, None], y, cv=12)
    assert (report.n_samples, report.n_groups) == (12, 6)
    # Every sample twice is no more information if the two are a group.
    assert every.standard_error == pytest.approx(single.standard_error, rel=1e-9)


@pytest.mark.parametrize("has_groups_of_sources", [True, False])
def test_groups_with_a_common_sample_are_one_group(fitted, has_groups_of_sources):
    """A check sample that was measured on two days joins the days."""
    arguments = stacked(fitted, paired=False)
    is_check = np.asarray(arguments["instrument"]) == "B"
    check = np.flatnonzero(is_check)
    rows = np.r_[np.arange(len(is_check)), check[:2]]  # the first two samples again on day 4
    again = {
        name: np.asarray(values)[rows] for name, values in arguments.items() if name != "transfer"
    }
    days = np.full(len(rows), "calibration")
    if has_groups_of_sources:
        days = np.array([f"row {row}" for row in range(len(rows))])
    days[check] = np.array(["1", "2", "3", "4", "5"])[np.arange(len(check)) % 5]
    days[-2:] = "4"
    report = choose_remedy(arguments["transfer"], **again, groups=days)
    assert report.n_groups == 3  # 1, 2 and 4 are one
    joined = np.where(np.isin(days, ["1", "2", "4"]), "joined", days)
    expected = choose_remedy(arguments["transfer"], **again, groups=joined)
    assert report.rmsep == pytest.approx(expected.rmsep)
    assert report.standard_error == pytest.approx(expected.standard_error)


def test_data_frames_and_unknown_references(fitted):
    arguments = stacked(fitted, paired=True)
    report = choose_remedy(**arguments, refits={})
    frame = pd.DataFrame(np.r_[arguments["X"], arguments["X"][-1:]])
    extra = {
        "X": frame,
        "y": np.r_[arguments["y"], np.nan],
        "instrument": [*arguments["instrument"], "B"],
        "sample_id": np.r_[arguments["sample_id"], 99],
    }
    with_unknown = choose_remedy(fitted[0], **extra, refits={})
    assert with_unknown.rmsep == pytest.approx(report.rmsep)


def test_standards_among_the_check_samples_are_reported():
    y_pred, y = draw(10)

    class Fitted(First):
        transfer_ids_ = np.arange(6, 20)

    with pytest.warns(UserWarning, match=r"4 of the 10 check samples are standards"):
        choose_remedy(Fitted().fit(None), y_pred[:, None], y, sample_id=np.arange(10))


def test_text_html_and_pickle():
    y_pred, y = draw()
    report = choose_remedy(TRANSFER, y_pred[:, None], y + 3)
    text = str(report)
    assert text.startswith("Remedies, with 24 check samples\n")
    assert "\nEnough: bias.\nCorrected prediction: " in text
    assert "<td>slope and bias</td>" in report._repr_html_()
    assert pickle.loads(pickle.dumps(report)) == report
    assert repr(report) == text


X, Y = np.arange(8.0)[:, None], np.arange(8.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X[:4], "y": Y[:4]}, "At least 5 check samples .* are needed, got 4"),
        ({"sample_id": [1, 1, 2, 2, 3, 3, 4, 4]}, "are needed, got 4"),
        ({"y": np.c_[Y, Y]}, "y must have one target, got 2"),
        ({"instrument": ["B"] * 8}, "transfer must have been fitted with instrument=, got a First"),
        ({"groups": [1] * 8}, "at least 2 groups of the 8 check samples"),
        ({"y": list("abcdefgh")}, "y must be numbers, got names of classes"),
        ({"refits": {"bias": TRANSFER}}, r"names of corrections, got \['bias'\]"),
        ({"transfer": LinearRegression().fit(X, np.c_[Y, Y])}, "predict one target, got 2"),
        ({"cv": 1}, "cv must be an int of at least 2, got 1"),
        ({"refits": {"a": 3}}, "refits must be a mapping of names to estimators or None"),
    ],
)
def test_wrong_input_is_refused(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        choose_remedy(**{"transfer": TRANSFER, "X": X, "y": Y, **arguments})


def test_the_transfer_must_be_fitted():
    with pytest.raises(NotFittedError):
        choose_remedy(LinearRegression(), X, Y)
