import dataclasses
import pickle

import numpy as np
import pytest

from skspektron.validation import validate_predictions
from tests import oracles


@pytest.fixture
def predictions():
    """Return 24 reference values and predictions with an error of 0.2."""
    rng = np.random.default_rng(0)
    y_true = rng.uniform(10, 20, 24)
    return y_true, y_true + rng.normal(0, 0.2, 24)


def test_worked_example():
    """Five samples, with the quantiles of printed tables: t(4) 2.776, t(3) 3.182, F(4, 20) 2.866.

    Errors are -0.1, 0.1, -0.2, 0.2, -0.5: mean -0.5 / 5, squares about it 0.30. Of the line,
    Sxy = 10.7 and Sxx = 10; Syy = 11.70, so that 11.70 - 10.7**2 / 10 = 0.251 remains.
    """
    y_true, y_pred = [1.1, 1.9, 3.2, 3.8, 5.5], [1.0, 2.0, 3.0, 4.0, 5.0]
    report = validate_predictions(y_true, y_pred, sec=0.2, sec_dof=20, reference_error=0.1)
    expected = {
        "bias": -0.1,
        "sep": (0.30 / 4) ** 0.5,
        "bias_limit": 2.776 * (0.30 / 4 / 5) ** 0.5,
        "rmsep": (0.35 / 5) ** 0.5,
        "sep_limit": 0.2 * 2.866**0.5,
        "slope": 1.07,
        "intercept": 3.1 - 1.07 * 3,
        "residual_error": (0.251 / 3) ** 0.5,
        "slope_limit": 3.182 * (0.251 / 3 / 10) ** 0.5,
        "rpd": (11.70 / 0.30) ** 0.5,
        "sep_without_reference": (0.30 / 4 - 0.1**2) ** 0.5,
    }
    got = {name: getattr(report, name) for name in expected}
    assert got == pytest.approx(expected, rel=2e-4)
    assert (report.verdict, report.n_samples) == ("accept", 5)


@pytest.mark.parametrize(("n", "sec_dof", "alpha"), [(5, 3, 0.05), (12, 40, 0.01), (60, 9, 0.2)])
def test_figures_are_those_of_the_literal_formulas(n, sec_dof, alpha):
    rng = np.random.default_rng(n)
    y_true = rng.normal(50, 3, n)
    y_pred = 0.9 * y_true + 5.5 + rng.normal(0, 0.5, n)
    report = validate_predictions(y_true, y_pred, sec=0.4, sec_dof=sec_dof, alpha=alpha)
    expected = oracles.validation(y_true.tolist(), y_pred.tolist(), 0.4, sec_dof, alpha)
    got = {name: getattr(report, name) for name in expected}
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_replicates_are_averaged_and_give_the_repeatability(predictions):
    y_true, y_pred = predictions
    ids = np.repeat(np.arange(24), np.tile([1, 2, 3], 8))
    scans = y_pred[ids] + np.random.default_rng(1).normal(0, 0.05, len(ids))
    report = validate_predictions(y_true[ids], scans, sample_id=ids, sec=0.2)
    found = report.repeatability, report.repeatability_dof
    assert found == pytest.approx(oracles.repeatability(scans.tolist(), ids.tolist()))
    means = [scans[ids == i].mean() for i in range(24)]
    alone = validate_predictions(y_true, means, sec=0.2)
    assert (report.n_samples, report.n_rows, alone.repeatability) == (24, 48, None)
    fields = ("bias", "sep", "slope", "joint_p", "detectable_slope", "sep_limit", "rpd")
    assert [getattr(report, f) for f in fields] == pytest.approx(
        [getattr(alone, f) for f in fields]
    )
    order = np.random.default_rng(2).permutation(len(ids))
    names = np.array([f"sample {i}" for i in ids])
    again = validate_predictions(y_true[ids][order], scans[order], sample_id=names[order], sec=0.2)
    assert again.bias_p == pytest.approx(report.bias_p)


def test_a_requirement_has_no_error_of_its_own(predictions):
    fixed = validate_predictions(*predictions, sec=0.2)
    known = validate_predictions(*predictions, sec=0.2, sec_dof=10**9)
    assert fixed.sep_limit == pytest.approx(known.sep_limit, rel=1e-6)
    assert fixed.sep_p == pytest.approx(known.sep_p, rel=1e-6)
    assert fixed.detectable_sep == pytest.approx(known.detectable_sep, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "sec", "verdict", "reason"),
    [
        (lambda y: y, 0.2, "accept", "No deviation is significant."),
        (lambda y: y + 0.5, 0.2, "adjust bias", "The bias 0.5"),
        (lambda y: 1.2 * y - 3, 0.2, "adjust slope and bias", "The slope 0.8"),
        (lambda y: y, 0.1, "transfer again", "The error without bias, 0.1"),
        (lambda y: 1.2 * y - 3, 0.1, "transfer again", "The error after adjusting slope and bias"),
        (lambda y: y, None, "accept", "No deviation is significant."),
    ],
)
def test_verdicts(predictions, change, sec, verdict, reason):
    y_true, y_pred = predictions
    report = validate_predictions(y_true, change(y_pred), sec=sec, sec_dof=sec and 60)
    assert report.verdict == verdict
    assert report.reason.startswith(reason)
    scaled = validate_predictions(
        1000 * y_true, 1000 * change(y_pred), sec=sec and 1000 * sec, sec_dof=sec and 60
    )
    assert scaled.verdict == verdict


def test_an_offset_of_all_values_changes_nothing_but_the_intercept(predictions):
    report, moved = (
        validate_predictions(*(values + offset for values in predictions), sec=0.2)
        for offset in (0.0, 1e8)
    )
    for name in ("bias", "sep", "slope", "slope_limit", "slope_p", "joint_p", "residual_error"):
        assert getattr(moved, name) == pytest.approx(getattr(report, name), rel=1e-5), name


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_predictions_without_error_have_no_slope_from_rounding(shift):
    y_true = np.random.default_rng(0).uniform(10, 20, 20)
    report = validate_predictions(y_true, y_true + shift, sec=0.1, sec_dof=30)
    assert report.verdict == ("adjust bias" if shift else "accept")
    assert report.slope_p == 1


def test_the_error_of_the_reference_method_may_be_larger_than_sep(predictions):
    assert validate_predictions(*predictions, reference_error=9.0).sep_without_reference == 0


def test_text_and_html(predictions):
    report = validate_predictions(*predictions, sec=0.2, sec_dof=60, reference_error=0.1)
    text = str(report)
    assert text.startswith("Validation with 24 samples, alpha = 0.05\n")
    assert "\nVerdict: accept. No deviation is significant.\n" in text
    assert f"a bias of {report.detectable_bias:.3g}, " in text
    assert repr(report) == text
    html = report._repr_html_()
    for name, *_ in report._rows():
        assert name in text and f"<td>{name}</td>" in html
    few = str(validate_predictions([1, 2, 3, 4, 5.0], [1, 2, 3, 4, 5.5]))
    assert few.endswith(
        "ASTM E1655 asks for at least 20 samples.\n"
        "SEP was not tested, because sec, the error of the calibration, is not known."
    )
    assert "after slope and bias" in few and "SEC" not in few.split("\n\n")[0]


def test_a_report_is_frozen_and_can_be_pickled(predictions):
    report = validate_predictions(*predictions)
    assert pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.bias = 0.0


Y = np.arange(6.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_true": Y[:4], "y_pred": Y[:4]}, "needs at least 5 samples, got 4"),
        ({"sample_id": [1, 1, 2, 2, 3, 3]}, "needs at least 5 samples, got 3"),
        ({"y_pred": Y[:5]}, r"inconsistent numbers of samples: \[6, 5\]"),
        ({"sample_id": [1, 2]}, r"inconsistent numbers of samples: \[6, 6, 2\]"),
        ({"y_true": [0, 1, np.nan, 3, np.inf, 5]}, "y_true is NaN or infinite on 2 of 6 rows"),
        ({"y_pred": [np.nan, 1, 2, 3, 4, 5]}, "y_pred is NaN or infinite on 1 of 6 rows"),
        ({"y_pred": np.c_[Y, Y]}, "y_pred must have one target, got 2"),
        ({"y_true": np.full(6, 2.5)}, "y_true is 2.5 for all 6 samples"),
        ({"y_pred": np.full(6, 2.5)}, "y_pred is 2.5 for all 6 samples"),
        ({"sec_dof": 7}, "sec_dof must be None without sec, got 7"),
        ({"sec": 0.0}, "sec must be a finite number above 0 or None, got 0.0"),
        ({"alpha": 0.5}, "alpha must be a finite number above 0 and below 0.5, got 0.5"),
    ],
)
def test_wrong_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        validate_predictions(**{"y_true": Y, "y_pred": Y + 0.1, **arguments})


def test_columns_are_accepted(predictions):
    y_true, y_pred = predictions
    column = validate_predictions(y_true[:, None], y_pred[:, None])
    assert column == validate_predictions(y_true, y_pred)
