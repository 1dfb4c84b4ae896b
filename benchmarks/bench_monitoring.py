"""Compare average run lengths of control charts with theory, and measure what few samples do.

``python -m benchmarks.bench_monitoring --output benchmarks/results/monitoring.csv``

Each row of the CSV is one chart under one condition:

- shift: the mean error changes by `setting` standard errors before the first point. `theory` is the
  integral equation that the limits come from, `markov_chain` the approximation of Brook & Evans,
  Biometrika 59 (1972) 539-549; `simulated` is the mean of simulated run lengths, `error` its
  standard error.
- drift: the mean error changes by `setting` standard errors with each point. `theory` follows the
  distribution of the statistic from point to point, as Gan, J. Stat. Comput. Simul. 38 (1991)
  181-200 and Statistician 41 (1992) 71-84.
- validation: bias and SEP are estimated from `setting` samples. `simulated` is the median, `low`
  and `high` are the 10 % and 90 % quantiles of the average run length of the charts that result.
- spectra: T2 and Q of new spectra with limits from `setting` spectra; `simulated` is one over the
  fraction that signals, over all draws, `error` its standard error. "chi-square" is the limit of
  `ApplicabilityDomain` at the same level, without allowance for the moments of few spectra. The
  components are three of 60 other spectra, "normal" and "simulator" with 70 channels and "normal,
  700 channels"; or those of `ControlChart()`, fitted to the same spectra as the limits. The real
  sets are split at random in each draw; `low` is the set with most alarms.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

from benchmarks.development import single_instrument_sets
from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron.datasets import make_instruments
from skspektron.reliability import ApplicabilityDomain
from skspektron.validation import ControlChart
from skspektron.validation._history import cusum_step, ewma_step
from skspektron.validation._limits import limits_of_errors
from skspektron.validation._run_length import cusum_arl, ewma_arl, shewhart_arl

ARL, WEIGHT, K = 370.0, 0.2, 0.5  # the defaults of ControlChart
CHARTS = ("shewhart", "ewma", "cusum")
SHIFTS = (0.0, 0.5, 1.0, 2.0)
DRIFTS = (0.01, 0.03, 0.1)
N_VALIDATION = (10, 20, 30, 50, 100, 300)
N_SPECTRA = (30, 60, 120)
N_NEW = 2000  # new spectra in each draw
KINDS = ("normal", "normal, 700 channels", "normal, 700 channels, default", "simulator")
MIN_REAL = 200  # spectra of a real set
STATISTICS = {"T2": "hotelling_t2", "Q": "q_residuals"}
N_STATES = 101
COLUMNS = (
    *("kind", "setting", "chart", "n", "theory", "markov_chain"),
    *("simulated", "error", "low", "high"),
)


def theory(limits: dict[str, float], shift: float, spread: float = 1.0) -> dict[str, float]:
    """Return the average run length of each chart of the error."""
    return {
        "shewhart": shewhart_arl(limits["shewhart"], shift, spread),
        "ewma": ewma_arl(limits["ewma"], WEIGHT, shift, spread),
        "cusum": cusum_arl(limits["cusum"], K, shift, spread),
    }


def markov_chain(limits: dict[str, float], shift: float) -> dict[str, float]:
    """Return the average run lengths of EWMA and CUSUM by the chains of Brook & Evans."""
    ewma, h = limits["ewma"], limits["cusum"]
    half = ewma / N_STATES
    middle = np.linspace(half - ewma, ewma - half, N_STATES)
    arrive = (middle - (1 - WEIGHT) * middle[:, None]) / WEIGHT
    inside = norm.cdf(arrive + half / WEIGHT, shift) - norm.cdf(arrive - half / WEIGHT, shift)
    return {
        "shewhart": shewhart_arl(limits["shewhart"], shift),
        "ewma": _absorption(inside)[N_STATES // 2],
        "cusum": 1 / sum(1 / _absorption(_cusum_chain(h, side * shift))[0] for side in (1, -1)),
    }


def _cusum_chain(h: float, shift: float) -> NDArray:
    """Return the transition probabilities between the states of the upper CUSUM, 0 the first."""
    width = 2 * h / (2 * N_STATES - 1)
    middle = width * np.arange(N_STATES)
    upper = norm.cdf(middle + width / 2 - middle[:, None] + K, shift)
    return np.diff(upper, axis=1, prepend=0)


def _absorption(inside: NDArray) -> NDArray:
    """Return the mean number of steps up to the first outside, from each state."""
    return np.linalg.solve(np.eye(len(inside)) - inside, np.ones(len(inside)))


def theory_of_drift(limits: dict[str, float], drift: float) -> dict[str, float]:
    """Return the average run length of each chart where the mean of point t is ``drift * t``."""
    ewma, shewhart = limits["ewma"], limits["shewhart"]
    nodes, weights = np.polynomial.legendre.leggauss(101)
    x, w = ewma * nodes, ewma * weights
    y, v = limits["cusum"] * (nodes + 1) / 2, limits["cusum"] / 2 * weights
    survive = {name: 1.0 for name in CHARTS}
    arl = {name: 0.0 for name in CHARTS}
    # At the nodes: probability of the EWMA; of the sums above 0, the first being that of 0 itself.
    at, start = np.ones(1), np.zeros(1)
    sums = [(np.ones(1), np.zeros(1))] * 2
    for t in range(1, 20_000):
        for name in CHARTS:
            arl[name] += survive[name]
        mean = drift * t
        at = at @ (w * norm.pdf((x - (1 - WEIGHT) * start[:, None]) / WEIGHT, mean) / WEIGHT)
        start = x
        sums = [
            _move_sum(probability, before, y, v, side * mean)
            for side, (probability, before) in zip((1, -1), sums, strict=True)
        ]
        survive["shewhart"] *= 1 - 1 / shewhart_arl(shewhart, mean)
        survive["ewma"] = at.sum()
        # The two sums are nearly independent: the lower one is far from its limit.
        survive["cusum"] = sums[0][0].sum() * sums[1][0].sum()
        if max(survive.values()) < 1e-9:
            break
    return arl


def _move_sum(
    probability: NDArray, before: NDArray, y: NDArray, v: NDArray, mean: float
) -> tuple[NDArray, NDArray]:
    """Return the probabilities of a CUSUM at 0 and at the nodes `y` after one more point."""
    to_zero = norm.cdf(K - before, mean)[:, None]
    above = v * norm.pdf(y - before[:, None] + K, mean)
    return probability @ np.hstack([to_zero, above]), np.append(0.0, y)


def run_lengths(
    limits: dict[str, float],
    mean_at: Callable[[int], float],
    n_runs: int,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    """Simulate charts with the steps of `ControlChart`, and return the run length of each."""
    lengths = {name: np.zeros(n_runs, dtype=int) for name in CHARTS}
    runs = np.arange(n_runs)
    ewma, high, low = np.zeros((3, n_runs))
    t = 0
    while len(runs):
        t += 1
        z = mean_at(t) + rng.standard_normal(len(runs))
        ewma = ewma_step(ewma, z, WEIGHT)
        high, low = cusum_step(high, low, z, K)
        values = dict(zip(CHARTS, (np.abs(z), np.abs(ewma), np.maximum(high, low)), strict=True))
        for name, value in values.items():
            first = runs[(value > limits[name]) & (lengths[name][runs] == 0)]
            lengths[name][first] = t
        stays = np.any([lengths[name][runs] == 0 for name in CHARTS], axis=0)
        runs, ewma, high, low = runs[stays], ewma[stays], high[stays], low[stays]
    return lengths | {"any of three": np.min(list(lengths.values()), axis=0)}


def measure_run_lengths(n_runs: int) -> Iterator[dict]:
    """Yield rows of shifts and drifts."""
    limits = limits_of_errors(ARL, WEIGHT, K)
    rng = np.random.default_rng(0)
    for kind, settings in (("shift", SHIFTS), ("drift", DRIFTS)):
        for setting in settings:
            mean_at = {"shift": lambda t, s=setting: s, "drift": lambda t, s=setting: s * t}[kind]
            exact = (theory if kind == "shift" else theory_of_drift)(limits, setting)
            chain = markov_chain(limits, setting) if kind == "shift" else {}
            for name, lengths in run_lengths(limits, mean_at, n_runs, rng).items():
                yield {
                    **{"kind": kind, "setting": setting, "chart": name, "n": n_runs},
                    **{"theory": exact.get(name), "markov_chain": chain.get(name)},
                    "simulated": lengths.mean(),
                    "error": lengths.std(ddof=1) / np.sqrt(n_runs),
                }


def measure_validations(n_draws: int) -> Iterator[dict]:
    """Yield rows of charts whose bias and SEP are estimated from few samples."""
    limits = limits_of_errors(ARL, WEIGHT, K)
    rng = np.random.default_rng(1)
    for n_samples in N_VALIDATION:
        bias = rng.standard_normal(n_draws) / np.sqrt(n_samples)
        sep = np.sqrt(rng.chisquare(n_samples - 1, n_draws) / (n_samples - 1))
        found = [theory(limits, -b / s, 1 / s) for b, s in zip(bias, sep, strict=True)]
        for name in CHARTS:
            low, median, high = np.quantile([arl[name] for arl in found], (0.1, 0.5, 0.9))
            yield {
                **{"kind": "validation", "setting": n_samples, "chart": name, "n": n_draws},
                **{"theory": ARL, "simulated": median, "low": low, "high": high},
            }


def spectra_of(kind: str, n: int, rng: np.random.Generator) -> NDArray:
    """Return spectra of three components with normal concentrations, or of the simulator."""
    axis = np.arange(1100.0, 2500.0, 2.0 if "700" in kind else 20.0)
    if kind == "simulator":
        lab = make_instruments(n, ("A",), wavelength=axis, random_state=int(rng.integers(2**31)))
        return lab.X["A"][rng.permutation(n)]  # the lamp drifts from row to row
    bands = np.exp(-(((axis - np.array([[1450], [1730], [2100]])) / 60) ** 2) / 2)
    noise = 0.01 * rng.standard_normal((n, len(axis)))
    return (1 + 0.2 * rng.standard_normal((n, 3))) @ bands + noise


def signals_of(estimator: BaseEstimator | None, X: NDArray, new: NDArray) -> list[float]:
    """Return the fractions of new spectra above each limit that comes from `X`."""
    chart = ControlChart(estimator, arl=ARL, bias=0, sep=1).fit(X)
    found = chart.domain_.statistics(new)
    level = (1 - 1 / ARL) ** 3  # at which each limit of the domain is at 1 - 1 / ARL
    before = ApplicabilityDomain(estimator, confidence_level=level).fit(X)
    return [
        np.mean(found[name] > limit)
        for name in STATISTICS.values()
        for limit in (chart.limits_[name], getattr(before, f"{name}_limit_"))
    ]


def row_of_spectra(kind: str, n_samples: int, n: int, fractions: NDArray) -> Iterator[dict]:
    """Yield the rows of fractions (draws, 4) that signal."""
    names = [f"{chart}{limit}" for chart in STATISTICS for limit in ("", ", chi-square")]
    for name, fraction in zip(names, fractions.T, strict=True):
        mean = max(fraction.mean(), 1 / n)
        yield {
            **{"kind": f"spectra, {kind}", "setting": n_samples, "chart": name},
            **{"n": n, "theory": ARL, "simulated": 1 / mean},
            "error": fraction.std(ddof=1) / np.sqrt(len(fraction)) / mean**2,
        }


def measure_spectra(n_draws: int) -> Iterator[dict]:
    """Yield rows of T2 and Q on new spectra of the population that the limits come from."""
    for kind, n_samples in product(KINDS, N_SPECTRA):
        rng = np.random.default_rng(2)
        signals = []
        for _ in range(n_draws):
            X = spectra_of(kind, 60 + n_samples + N_NEW, rng)
            model = None if "default" in kind else FrozenEstimator(PCA(3).fit(X[:60]))
            signals.append(signals_of(model, X[60 : 60 + n_samples], X[60 + n_samples :]))
        yield from row_of_spectra(kind, n_samples, n_draws * N_NEW, np.array(signals))


def measure_real_spectra(n_draws: int) -> Iterator[dict]:
    """Yield rows of T2 and Q on the development sets of one instrument with enough spectra."""
    sets = [X for _, _, X, _ in single_instrument_sets(N_NEW) if len(X) >= MIN_REAL]
    for n_samples in N_SPECTRA:
        rng = np.random.default_rng(3)
        signals = np.empty((len(sets), n_draws, 2 * len(STATISTICS)))
        for (i, X), draw in product(enumerate(sets), range(n_draws)):
            X = rng.permutation(X)
            signals[i, draw] = signals_of(None, X[:n_samples], X[n_samples:])
        of_sets = signals.mean(axis=1)
        n = n_draws * sum(len(X) - n_samples for X in sets)
        rows = row_of_spectra("real", n_samples, n, of_sets)
        for row, most in zip(rows, of_sets.max(axis=0), strict=True):
            yield row | {"low": 1 / max(most, 1 / n)}


def write_rows(path: Path, rows: Iterator[dict], argv: Sequence[str]) -> None:
    """Write the rows with four digits, and versions and command to a file beside them."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            rounded = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
            writer.writerow(rounded)
    record_run(path, argv, is_only=True)


def read_rows(path: Path) -> list[dict]:
    """Return the rows of a CSV."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def tables(rows: Sequence[dict]) -> dict[str, str]:
    """Return the tables of docs/monitoring.md: run lengths, small validations, spectra."""
    found = {(row["kind"], row["setting"], row["chart"]): row for row in rows}

    def pair(kind: str, setting: str, chart: str) -> str:
        row = found[kind, setting, chart]
        theory = f"{float(row['theory']):.3g} / " if row["theory"] else ""
        return f"{theory}{float(row['simulated']):.3g}"

    def spread(setting: str, chart: str) -> str:
        row = found["validation", setting, chart]
        median, low, high = (float(row[name]) for name in ("simulated", "low", "high"))
        return f"{median:.0f} ({low:.0f} to {high:.0f})"

    names = {"shift": "shift of {}", "drift": "drift of {} per point"}
    changes = list(dict.fromkeys((k, s) for k, s, _ in found if k in names))
    lengths = [
        [names[kind].format(setting), *(pair(kind, setting, c) for c in (*CHARTS, "any of three"))]
        for kind, setting in changes
    ]
    sizes = list(dict.fromkeys(s for k, s, _ in found if k == "validation"))
    validations = [[n, *(spread(n, chart) for chart in CHARTS)] for n in sizes]
    of_spectra = list(dict.fromkeys((k, s) for k, s, _ in found if k.startswith("spectra, ")))
    spectra = [
        [kind.removeprefix("spectra, "), n]
        + [
            f"{float(found[kind, n, f'{chart}{limit}']['simulated']):.0f}"
            for chart in STATISTICS
            for limit in ("", ", chi-square")
        ]
        for kind, n in of_spectra
    ]
    charts = ("Shewhart", "EWMA", "CUSUM")
    return {
        "run lengths": markdown(["change, in SEP", *charts, "any of three"], lengths),
        "small validations": markdown(["samples", *charts], validations),
        "limits of spectra": markdown(
            ["spectra", "in fit", "T2", "T2, chi-square", "Q", "Q, chi-square"], spectra
        ),
    }


def measure(n_runs: int, n_draws: int, n_sets: int) -> Iterator[dict]:
    """Yield all rows."""
    with threadpool_limits(1):
        yield from measure_run_lengths(n_runs)
        yield from measure_validations(n_draws)
        yield from measure_spectra(n_sets)
        yield from measure_real_spectra(n_sets)


def main(argv: Sequence[str]) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000, help="simulated run lengths")
    parser.add_argument("--draws", type=int, default=500, help="validations of each size")
    parser.add_argument("--sets", type=int, default=40, help="sets of spectra of each size")
    parser.add_argument("--output", type=Path, default=Path("monitoring.csv"))
    args = parser.parse_args(argv)
    write_rows(args.output, measure(args.runs, args.draws, args.sets), argv)
    print("\n\n".join(tables(read_rows(args.output)).values()))


if __name__ == "__main__":
    main(sys.argv[1:])
