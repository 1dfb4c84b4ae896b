"""The rules that the comparison of maps applies, and its summary."""

import numpy as np
import pytest

from benchmarks import bench_maps


def test_rules_choose_from_squared_disagreements():
    squares = np.array([[4.0, 3.0, 3.0], [2.0, 1.5, 1.5], [1.5, 0.8, 1.0], [0.2, 0.9, 1.1]])
    squares = np.concatenate([squares, squares[-1:] + 0.1, squares[-1:] + 0.2])
    chosen = bench_maps.rules(squares.mean(axis=1), squares)
    assert chosen["smallest error"] == 3
    assert chosen["one standard error"] == 2  # 0.37 worse, standard error 0.47
    assert chosen["median of likelihood"] == 3
    assert chosen["penalty 0.1"] == 3


def test_summary_is_over_data_sets_and_against_an_offset():
    rows = [
        (data, "raw", method, rule, 5, score)
        for data, offset, score in (("a", 0.5, 0.6), ("a", 0.7, 0.6), ("b", -9.0, 0.0))
        for method, rule, score in (("MeanCentredTransfer", "", offset), ("DSTransfer", "x", score))
    ]
    found = {row[1]: tuple(map(float, row[-2:])) for row in bench_maps.summary(rows)}
    assert found["MeanCentredTransfer"] == pytest.approx((-0.2, 0.0))
    assert found["DSTransfer"] == pytest.approx((0.3, 0.0))
