"""Simulate the tests of `validate_predictions`: how often each rejects, and with what power.

"exact" rows have normal errors that do not depend on the predictions, and a standard error of
calibration with 40 degrees of freedom. Without a deviation they give the type I error; with the
deviation that the report states as detectable, the power, which should be 0.8. "calibration" rows
compare SEP with the error of a least-squares calibration from 60 samples and 5 components that is
right: with SEC, and with the error of leave-one-out cross-validation.

    python -m benchmarks.bench_validation --output benchmarks/results/validation.csv
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron.validation._statistics import (
    detectable_ratio,
    detectable_shift,
    error_p,
    fit_bias,
    fit_line,
)

COLUMNS = ("data", "n_samples", "test", "deviation", "rejected")
SIZES = (10, 20, 40, 80)
TESTS = ("bias", "SEP", "slope")
HEADERS = {
    "detectable": (
        "bias, in SEP",
        "slope, in SEP / standard deviation of the predictions",
        "SEP, in SEC with 40 degrees of freedom",
    ),
    "rates": (*TESTS, "joint", "any of three", *(f"power, {test}" for test in TESTS)),
    "of SEC": ("SEC", "SECV"),
}
ALPHA = 0.05
SEC_DOF = 40
SPREAD = 5.0  # standard deviation of the predictions, in standard errors
N_CALIBRATION, N_COMPONENTS = 60, 5


def exact_set(
    rng: np.random.Generator, n: int, n_simulations: int, *, bias=0.0, slope=0.0, ratio=1.0
) -> tuple[NDArray, NDArray, NDArray]:
    """Return reference values and predictions (n, n_simulations), and SEC, for true SEC 1.

    `slope` is its deviation from 1 in standard errors of the slope, `bias` in those of the bias.
    """
    y_pred = rng.normal(0, SPREAD, (n, n_simulations))
    centred = y_pred - y_pred.mean(axis=0)
    line = slope * centred / np.sqrt((centred**2).sum(axis=0))
    y_true = y_pred + line - bias / np.sqrt(n) + ratio * rng.normal(size=y_pred.shape)
    return y_true, y_pred, np.sqrt(rng.chisquare(SEC_DOF, n_simulations) / SEC_DOF)


def p_values(y_true: NDArray, y_pred: NDArray, sec: NDArray) -> dict[str, NDArray]:
    """Return the p-values of all tests, (n_simulations,) each."""
    bias, line = fit_bias(y_true, y_pred, ALPHA), fit_line(y_true, y_pred, ALPHA)
    return {
        "bias": bias.p,
        "SEP": error_p(bias.sep, sec, SEC_DOF, len(y_true) - 1),
        "slope": line.slope_p,
        "joint": line.joint_p,
    }


def exact_rows(rng: np.random.Generator, n: int, n_simulations: int) -> Iterator[tuple]:
    """Yield the type I errors, that of all tests of the verdict together, and the powers."""
    p = p_values(*exact_set(rng, n, n_simulations))
    for test, values in p.items():
        yield "exact", n, test, "none", np.mean(values < ALPHA)
    smallest = np.min([p[test] for test in ("bias", "SEP", "slope")], axis=0)
    yield "exact", n, "any of three", "none", np.mean(smallest < ALPHA)
    deviations = {
        "bias": {"bias": detectable_shift(n - 1, ALPHA)},
        "SEP": {"ratio": detectable_ratio(n - 1, SEC_DOF, ALPHA)},
        "slope": {"slope": detectable_shift(n - 2, ALPHA)},
    }
    for test, deviation in deviations.items():
        values = p_values(*exact_set(rng, n, n_simulations, **deviation))[test]
        yield "exact", n, test, "detectable", np.mean(values < ALPHA)


def calibration_rows(rng: np.random.Generator, n: int, n_simulations: int) -> Iterator[tuple]:
    """Yield how often SEP of a right calibration is above the limit of its SEC and SECV."""
    n_terms = N_COMPONENTS + 1
    X = rng.normal(size=(n_simulations, N_CALIBRATION + n, n_terms))
    X[:, :, 0] = 1
    y = rng.normal(size=X.shape[:2])  # the calibration is right for any coefficients, also 0
    basis, triangle = np.linalg.qr(X[:, :N_CALIBRATION])
    y_train = y[:, :N_CALIBRATION]
    projected = np.einsum("sij,si->sj", basis, y_train)
    residual = y_train - np.einsum("sij,sj->si", basis, projected)
    left_out = residual / (1 - (basis**2).sum(axis=2))
    coef = np.linalg.solve(triangle, projected[:, :, None])
    error = (X[:, N_CALIBRATION:] @ coef)[:, :, 0] - y[:, N_CALIBRATION:]
    sep = np.std(error, axis=1, ddof=1)
    dof = N_CALIBRATION - n_terms
    sec = {
        "SEP against SEC": np.sqrt((residual**2).sum(axis=1) / dof),
        "SEP against SECV": np.sqrt((left_out**2).mean(axis=1)),
    }
    for test, values in sec.items():
        yield "calibration", n, test, "none", np.mean(error_p(sep, values, dof, n - 1) < ALPHA)


def run(n_simulations: int, seed: int = 0) -> list[dict]:
    """Return the rows of the CSV."""
    rng = np.random.default_rng(seed)
    rows = [
        (*row, f"{rejected:.4f}")
        for n in SIZES
        for make in (exact_rows, calibration_rows)
        for *row, rejected in make(rng, n, n_simulations)
    ]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def tables(rows: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return the tables of docs/validation.md: detectable deviations, rates, errors of SEC."""
    rates = {tuple(row[name] for name in COLUMNS[:-1]): float(row["rejected"]) for row in rows}
    shown: dict[str, list[list[str]]] = {"detectable": [], "rates": [], "of SEC": []}
    for n in SIZES:
        bias = detectable_shift(n - 1, ALPHA) / np.sqrt(n)
        slope = detectable_shift(n - 2, ALPHA) / np.sqrt(n - 1)
        deviations = bias, slope, detectable_ratio(n - 1, SEC_DOF, ALPHA)
        shown["detectable"].append([str(n), *(f"{value:.2f}" for value in deviations)])
        keys = [("exact", test, "none") for test in (*TESTS, "joint", "any of three")]
        keys += [("exact", test, "detectable") for test in TESTS]
        sec = [("calibration", f"SEP against {name}", "none") for name in ("SEC", "SECV")]
        for kind, of_kind in (("rates", keys), ("of SEC", sec)):
            cells = (f"{rates[(data, str(n), *rest)]:.3f}" for data, *rest in of_kind)
            shown[kind].append([str(n), *cells])
    return {kind: markdown(["samples", *HEADERS[kind]], lines) for kind, lines in shown.items()}


def main(argv: Sequence[str]) -> None:
    """Write the rates of rejection."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=20_000)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args(argv)
    record_run(arguments.output, argv, is_only=True)
    with arguments.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(run(arguments.simulations))


if __name__ == "__main__":
    main(sys.argv[1:])
