"""Average `EnsembleTransfer` and Gaussian processes on the development tasks of bench_ensemble.py.

For each view, kernel, strength and ratio r, a Gaussian process f is fitted to source rows, f(x) + b
with noise variance s2, to labelled target spectra of the standards, f(x) + b + a with noise r s2,
and to differences between both spectra of the standards as in the ensemble. b and a have flat
priors; s2 maximizes the evidence, the density of the reference values given the differences
(Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006). A process is
weighted by powers of the evidence and of the densities of held-out standards and source rows.

    python -m benchmarks.bench_gaussian --output gaussian.csv
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from benchmarks.bench_ensemble import r2, tasks
from benchmarks.bench_transfer import Task, split
from benchmarks.sidecar import record_run
from skspektron.calibration._ridge import RidgePath, _groups_of_one_size
from skspektron.transfer import EnsembleTransfer
from skspektron.transfer._averaging import _ensemble
from skspektron.transfer._averaging._ensemble import view_rows
from skspektron.transfer._averaging._members import DIFFERENCE_WEIGHT, KERNELS, _Features
from skspektron.transfer._averaging._views import view_fractions

RATIOS = (10.0, 2.0, 0.5, 0.1, 0.02, 0.003)
STRENGTHS = 10.0 ** np.arange(-7.5, 0.0)  # s2 over the variance of f, per source row
VARIANTS = {  # fraction of the processes; powers of evidence, standards and source rows; kernels
    "0.3": (0.3, (0.2, 0.5, 0.0), KERNELS),
    "0.5": (0.5, (0.2, 0.5, 0.0), KERNELS),
    "alone": (1.0, (0.2, 0.5, 0.0), KERNELS),
    "0.3, linear kernel": (0.3, (0.2, 0.5, 0.0), KERNELS[:1]),
    "0.3, no evidence": (0.3, (0.0, 0.5, 0.0), KERNELS),
    "0.3, source rows for evidence": (0.3, (0.0, 0.5, 0.1), KERNELS),
}
COLUMNS = ("task", "n_transfer", "repeats", "ensemble", *VARIANTS)


def log_determinant(path: RidgePath, strengths: NDArray) -> NDArray:
    """Return the logarithm (s,) of the determinants in the restricted likelihood for s2 = 1."""
    _, free = np.linalg.slogdet(path.free.T @ (path.weights[:, None] * path.free))
    return np.log1p(path.values / strengths[:, None]).sum(axis=1) + free


def held_out(path: RidgePath, groups: NDArray) -> tuple[NDArray, NDArray]:
    """Return errors (s, N) and variances over s2 of f + b + a, from the rows of other groups."""
    errors, variances = np.empty((2, len(path.shrinkage), len(groups)))
    for at in _groups_of_one_size(groups, *path.shrinkage.shape):  # (g, m)
        scores, free = path.scores[at], path.free[at]
        G = (scores * path.shrinkage[:, None, None]) @ scores.swapaxes(1, 2)
        G = G + free @ path.inverse @ free.swapaxes(1, 2)  # (s, g, m, m)
        error = path.y[at] - (path.scores @ path.coef)[:, at]
        inner = np.eye(at.shape[1]) - G * path.weights[at][:, None]
        errors[:, at] = np.linalg.solve(inner, error)[..., 0]
        variances[:, at] = np.diagonal(np.linalg.solve(inner, G), axis1=2, axis2=3)
    return errors, variances


def fits(rows: _Features, source, standards) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
    """Yield logarithms of densities (3, s), coefficients and intercepts of every ratio."""
    kinds = np.repeat([0, 1, 2], [len(source.X), len(standards), len(standards)])
    Phi = np.concatenate([rows.source, rows.differences, rows.target])
    values = np.concatenate([source.y, np.zeros_like(standards.y), standards.y])
    free = np.array([[1.0, 0.0], [0.0, -rows.scale], [1.0, 1.0]])[kinds]
    ids = np.concatenate([source.ids, standards.ids, standards.ids])
    strengths, pull = STRENGTHS * len(source.X), DIFFERENCE_WEIGHT * standards.weights
    is_null, labels = kinds == 1, standards.weights * standards.label_weights
    null = RidgePath.fit(Phi[is_null], values[is_null], strengths, pull, free[is_null][:, 1:])
    for ratio in RATIOS:
        weights = np.concatenate([np.ones(len(source.X)), pull, labels / ratio])
        path = RidgePath.fit(Phi, values, strengths, weights, free)
        n = len(source.X) + np.count_nonzero(labels) - 1  # the differences alone determine a
        residuals = path.y[:, 0] - (path.scores @ path.coef)[:, :, 0]
        s2 = residuals @ (weights * path.y[:, 0]) / n
        scale = np.log(labels[labels > 0] / ratio).sum()
        scale += log_determinant(null, strengths) - log_determinant(path, strengths)
        errors, variances = held_out(path, ids)
        noise = s2[:, None] * (np.where(kinds == 2, ratio, 1.0) + variances)
        density = -0.5 * (errors**2 / noise + np.log(noise))
        of_rows = density[:, kinds == 2] @ labels, density[:, kinds == 0].sum(axis=1)
        evidence = 0.5 * (scale - n * np.log(s2))
        coef, intercept = path.coefficients()
        yield np.stack([evidence, *of_rows]), coef[..., 0], intercept


def scores(task: Task, n_transfer: int, repeat: int) -> list[float]:
    """Return the R2 of the ensemble and of every variant."""
    train, test = split(task, repeat)
    model = EnsembleTransfer(
        source=task.source, target=task.target, n_transfer=n_transfer, wavelength=task.wavelength
    )
    known = {"instrument": task.instrument[train], "sample_id": task.sample_id[train]}
    with threadpool_limits(1), mock.patch.object(_ensemble, "view_rows", wraps=view_rows) as call:
        model.fit(task.X[train], task.y[train], **known)
        transform, source, standards, _ = call.call_args.args
        views, viewed = view_rows(transform, source, standards, None)[0], transform(task.X[test])
        found = []
        for name, fraction in view_fractions(views).items():
            target, offset = views[name].aligned(standards.weights)
            for kernel in KERNELS:
                rows = _Features.of(kernel, views[name], target, standards.weights)
                Phi = rows.features.transform(viewed[name] + offset)
                for logs, coef, intercept in fits(rows, source, standards):
                    found.append((kernel, np.log(fraction), logs, coef @ Phi.T + intercept))
    means = [ensemble := model.predict(task.X[test])]
    for fraction, powers, kernels in VARIANTS.values():
        used = [each for each in found if each[0] in kernels]
        weights = softmax(np.concatenate([prior + powers @ logs for _, prior, logs, _ in used]))
        mean = weights @ np.concatenate([predicted for *_, predicted in used])
        means.append((1 - fraction) * ensemble + fraction * mean)
    return [r2(task.y[test], mean) for mean in means]


def gains(rows: Sequence[dict], variant: str, sizes=("5", "10")) -> NDArray:
    """Return the change of R2 of every task, the mean over numbers of standards."""
    found: dict[str, list[float]] = {}
    for row in (row for row in rows if row["n_transfer"] in sizes):
        found.setdefault(row["task"], []).append(float(row[variant]) - float(row["ensemble"]))
    return np.array([np.mean(values) for values in found.values()])


def main(argv: Sequence[str]) -> None:
    """Write a CSV of the mean R2 over repeats by task and number of standards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("gaussian.csv"))
    args = parser.parse_args(argv)
    record_run(args.output, argv, is_only=True)
    with args.output.open("w", newline="") as file:
        (writer := csv.writer(file, lineterminator="\n")).writerow(COLUMNS)
        for task, n in product([*tasks("sugarcane"), *tasks("development")], (5, 10)):
            values = [scores(task, n, repeat) for repeat in range(args.repeats)]
            means = (f"{value:.4f}" for value in np.mean(values, axis=0))
            writer.writerow([task.name, n, args.repeats, *means])
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
