"""Rates at which `ApplicabilityDomain` finds damaged spectra, and alarms on good ones.

A row of the CSV is one set, one number of good spectra in `fit`, one fraction of their variance
that the components explain, and one decision: by T2 and Q, or by these and the channel residual,
both at an expected 5 % of false alarms. The estimator is SNV and PCA. Figures are fractions of the
spectra that are outside, means over four draws: of other good spectra, and of the same spectra
after each kind of damage of `benchmarks/damage.py`.

With `--limits`, a row has the fraction of good spectra whose channel residual is above its limit,
`nominal` being expected, for the quantile of three distributions with the moments of the channel
residuals of held-out spectra, or of their logarithms. The choice of the log-Gumbel rests on it.

    export OMP_NUM_THREADS=1 R=benchmarks/results
    python -m benchmarks.bench_domain --output $R/domain.csv
    python -m benchmarks.bench_domain --limits --output $R/domain_limits.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks import damage
from benchmarks.bench_calibration import load
from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron import SNV
from skspektron.reliability import ApplicabilityDomain
from skspektron.reliability._channel_residual import held_out_ratios
from skspektron.reliability._limits import box_limit, gumbel_limit

SETS = (*damage.SETS, "simulated")
FOREIGN = 5  # the foreign spectra of a set are those of the set so many places later
SIZES = (30, 50, 100)
VARIANCES = (0.99, 0.999)  # that the components explain
DECISIONS = ("T2, Q", "T2, Q, channel residual")
N_DRAWS, N_TEST = 4, 100
LIMITS = ("set", "n_good", "level", "nominal", "chi-square", "log-normal", "log-Gumbel")
COLUMNS = ("set", "n_good", "variance", "decision", "false_alarms", *damage.KINDS)
LEVELS = (0.8, 0.95, 0.99)  # of the decision by three limits
DISTRIBUTIONS = {
    "chi-square": box_limit,
    "log-normal": lambda R, level: np.exp(norm.ppf(level, np.log(R).mean(), np.log(R).std(ddof=1))),
    "log-Gumbel": gumbel_limit,
}


def outside(decision: str, variance: float, good: NDArray, spectra: Sequence[NDArray]) -> list:
    """Return the fractions of groups of spectra that are outside the domain of good ones."""
    level = 1 - damage.FALSE_ALARMS
    if decision == "T2, Q":  # the level at which two of the three limits have this rate
        level **= 1.5
    model = make_pipeline(SNV(), PCA(variance))
    domain = ApplicabilityDomain(model, confidence_level=level).fit(good)
    if decision == "T2, Q":
        return [np.mean((damage.relative_t2_and_q(domain, X) > 1).any(axis=0)) for X in spectra]
    return [np.mean(domain.predict(X) == -1) for X in spectra]


def drawn(found: damage.Product, n_good: int, seed: int) -> tuple[NDArray, np.random.Generator]:
    """Return the spectra in random order, and the generator for the damage."""
    rng = np.random.default_rng([seed, n_good, *found.name.encode()])
    return rng.permutation(found.X), rng


def rates(found: damage.Product, n_good: int, seed: int) -> dict[tuple[float, str], list]:
    """Return the fractions outside of a draw, by variance and decision."""
    X, rng = drawn(found, n_good, seed)
    good, X = X[:n_good], X[n_good:][:N_TEST]
    damaged = [np.stack([hurt(x.copy(), found, rng) for x in X]) for hurt in damage.KINDS.values()]
    return {
        (variance, decision): outside(decision, variance, good, [X, *damaged])
        for variance, decision in product(VARIANCES, DECISIONS)
    }


def rates_of_limits(found: damage.Product, n_good: int, seed: int) -> dict[tuple[float, str], list]:
    """Return the fractions of good spectra above limits, by level of the decision and nominal."""
    Z = SNV().fit_transform(drawn(found, n_good, seed)[0])
    good, Z = Z[:n_good], Z[n_good:][:N_TEST]
    domain = ApplicabilityDomain(PCA(VARIANCES[0])).fit(good)
    ids = np.arange(n_good)
    *_, squares = domain._held_out_statistics(good, None, ids)
    ratios, new = held_out_ratios(squares, ids, 0.0), domain.statistics(Z).channel_residual
    return {
        (each, f"{1 - each ** (1 / 3):.4f}"): [
            np.mean(new > limit(ratios, each ** (1 / 3))) for limit in DISTRIBUTIONS.values()
        ]
        for each in LEVELS
    }


def measure(
    folder: Path | None, names: Sequence[str], n_draws: int, is_of_limits: bool
) -> Iterator[dict]:
    """Yield the rows of all sets with at least 10 other good spectra."""
    of_draw, columns = (rates_of_limits, LIMITS) if is_of_limits else (rates, COLUMNS)
    for name in tqdm(names):
        place = (SETS.index(name) + FOREIGN) % len(damage.SETS)
        found = damage.Product.of(name, load(name, folder), load(damage.SETS[place], folder))
        for n_good in SIZES:
            if len(found.X) < n_good + damage.MIN_TEST:
                continue
            draws = [of_draw(found, n_good, seed) for seed in range(n_draws)]
            for settings in draws[0]:
                values = np.mean([draw[settings] for draw in draws], axis=0)
                row = (name, n_good, *settings, *(f"{v:.3f}" for v in values))
                yield dict(zip(columns, row, strict=True))


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return fractions outside, means over the real sets, and false alarms on simulated ones."""
    lines = []
    for n_good, variance, decision in product(map(str, SIZES), map(str, VARIANCES), DECISIONS):
        own = [
            row
            for row in rows
            if (row["n_good"], row["variance"], row["decision"]) == (n_good, variance, decision)
        ]
        real = [row for row in own if row["set"] != "simulated"]
        if not real:
            continue
        means = [np.mean([float(row[name]) for row in real]) for name in COLUMNS[4:]]
        simulated = [float(row["false_alarms"]) for row in own if row["set"] == "simulated"]
        figures = [*simulated, *means, np.mean(means[1:])]
        lines.append([n_good, variance, decision, *(f"{value:.2f}" for value in figures)])
    alarms = ("false alarms, simulated", "false alarms")
    return markdown(
        ["good spectra", "variance", "limits", *alarms, *damage.KINDS, "mean of damage"], lines
    )


def main(argv: Sequence[str]) -> None:
    """Write the CSV and the JSON beside it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = os.environ.get("SKSPEKTRON_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--draws", type=int, default=N_DRAWS)
    parser.add_argument("--limits", action="store_true", help="compare limits instead")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    with threadpool_limits(1):
        rows = list(measure(args.data, args.sets, args.draws, args.limits))
    with args.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    record_run(args.output, argv, is_only=True)
    if not args.limits:
        print(table([{key: str(value) for key, value in row.items()} for row in rows]))


if __name__ == "__main__":
    main(sys.argv[1:])
