"""transfer_report: the figures of merit in a table, one row per method."""

import numpy as np
import pytest

from skspektron import metrics

Y_TRUE = np.array([1.0, 2.0, 3.0, 5.0])
PREDICTIONS = {"none": Y_TRUE + 1, "PDS": np.array([[1.1], [2.0], [2.8], [5.3]])}
COLUMNS = ["rmsep", "bias", "sep", "slope", "r2", "rpd", "rpiq"]


def test_dict_contains_all_figures():
    report = metrics.transfer_report(Y_TRUE, PREDICTIONS, output_dict=True)
    assert list(report) == ["none", "PDS"]
    for method, row in report.items():
        assert row.pop("n") == 4
        assert row == {
            name: getattr(metrics, name)(Y_TRUE, PREDICTIONS[method]) for name in COLUMNS
        }


def test_text_has_the_same_numbers_in_aligned_columns():
    header, *rows = metrics.transfer_report(Y_TRUE, PREDICTIONS).splitlines()
    assert header.split() == [*COLUMNS, "n"]
    report = metrics.transfer_report(Y_TRUE, PREDICTIONS, output_dict=True)
    for line in rows:
        name, *cells = line.split()
        assert [float(c) for c in cells] == pytest.approx(list(report[name].values()), rel=1e-3)
        assert len(line) == len(header)


def test_a_single_prediction_is_one_row():
    assert list(metrics.transfer_report(Y_TRUE, Y_TRUE + 0.5, output_dict=True)) == ["prediction"]


def test_several_targets_raise():
    with pytest.raises(ValueError, match="y_true must have one target, got 2"):
        metrics.transfer_report(np.ones((4, 2)), np.ones((4, 2)))
