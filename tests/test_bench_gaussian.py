"""The benchmark of Gaussian processes: densities by their definition, and the committed results."""

import numpy as np
import pytest

from benchmarks import bench_gaussian
from benchmarks.bench_gaussian import COLUMNS, VARIANTS, gains
from benchmarks.bench_transfer import read_rows, simulated_tasks
from benchmarks.network_tables import RESULTS
from skspektron.transfer._averaging._members import (
    DIFFERENCE_WEIGHT,
    KERNELS,
    ViewedRows,
    _Features,
)
from tests.transfer.standards import rows_and_standards

RATIO, STRENGTH = 0.1, 1e-2


def log_density(C, y, free):
    """Return that of y ~ N(free a, C) with a flat prior of a, without powers of 2 pi."""
    inverse = np.linalg.inv(C)
    precision = free.T @ inverse @ free
    residual = y - free @ np.linalg.solve(precision, free.T @ inverse @ y)
    determinants = np.linalg.slogdet(C)[1] + np.linalg.slogdet(precision)[1]
    return -0.5 * (determinants + residual @ inverse @ residual)


def test_densities_are_those_of_the_gaussian_process(monkeypatch):
    monkeypatch.setattr(bench_gaussian, "RATIOS", (RATIO,))
    monkeypatch.setattr(bench_gaussian, "STRENGTHS", np.array([STRENGTH]))
    source, standards = rows_and_standards(5, n_targets=1)
    n_source, n = len(source.X), len(standards)
    view = ViewedRows(source.X, standards.X_source, standards.X_target)
    rows = _Features.of(KERNELS[0], view, view.aligned(standards.weights)[0], standards.weights)
    [(densities, _, _)] = bench_gaussian.fits(rows, source, standards)

    kinds = np.repeat([0, 1, 2], [n_source, n, n])
    Phi = np.concatenate([rows.source, rows.differences, rows.target])
    noise = np.array([1.0, 1 / DIFFERENCE_WEIGHT, RATIO])[kinds]
    C = Phi @ Phi.T / (STRENGTH * n_source) + np.diag(noise)
    y = np.concatenate([source.y, np.zeros((n, 1)), standards.y])[:, 0]
    free = np.array([[1.0, 0.0], [0.0, -rows.scale], [1.0, 1.0]])[kinds]

    def of(used, C):
        columns = free[used].any(axis=0)
        return log_density(C[np.ix_(used, used)], y[used], free[np.ix_(used, columns)])

    every, nulls = np.arange(len(y)), np.flatnonzero(kinds == 1)
    squares = -2 * (log_density(C, y, free) - log_density(C, 0 * y, free))
    C *= squares / (n_source + n - 1)  # s2 of the largest evidence
    evidence = of(every, C) - of(nulls, C) + (n_source + n - 1) / 2
    ids = np.concatenate([source.ids, standards.ids, standards.ids])
    held_out = np.zeros(3)
    for at in every:
        others = np.flatnonzero(ids != ids[at])
        held_out[kinds[at]] += of(np.append(others, at), C) - of(others, C)
    np.testing.assert_allclose(densities[:, 0], [evidence, held_out[2], held_out[0]], rtol=1e-6)


def test_a_task(monkeypatch):
    monkeypatch.setattr(bench_gaussian, "RATIOS", (RATIO,))
    values = bench_gaussian.scores(next(simulated_tasks()), 5, 0)
    assert len(values) == 1 + len(VARIANTS)
    assert min(values) > 0.9


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_variant_raises_the_committed_r2(variant):
    rows = read_rows(RESULTS / "gaussian.csv")
    assert tuple(rows[0]) == COLUMNS
    assert gains(rows, variant).mean() < 0.005
