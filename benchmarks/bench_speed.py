"""Time the maps against those of chemotools, and a search over the number of standards.

Both packages take turns to fit the same 20 standards on one thread; the table has medians of the
CPU time. The search tries 6 values of `n_transfer` in 5 folds with a cached calibration, which
should be fitted once per fold and once for the refit.

    python -m benchmarks.bench_speed --repeats 15 --output benchmarks/results/speed.csv
"""

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
from chemotools import adaptation
from chemotools.projection import ExternalParameterOrthogonalization
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from benchmarks.markdown import digits, markdown
from benchmarks.sidecar import record_run
from skspektron.datasets import fetch_corn, make_instruments
from skspektron.model_selection import TransferGroupKFold, kennard_stone, stack_instruments
from skspektron.transfer import DS, EPO, PDS, SST, PDSTransfer
from skspektron.transfer._algorithms._pls import cross_validated_pls

N_TRANSFER = (2, 5, 10, 20, 30, 50)
N_FOLDS = 5
COLUMNS = ("fit", "ours_ms", "theirs_ms")


@dataclass(frozen=True)
class Comparison:
    """The same fit by both packages; each function takes target and source standards."""

    name: str
    ours: Callable[[NDArray, NDArray], object]
    theirs: Callable[[NDArray, NDArray], object]


def fit_epo(target: NDArray, source: NDArray) -> object:
    """Fit the EPO projection of chemotools on paired standards."""
    epo = ExternalParameterOrthogonalization(n_components=2)
    both, sample_ids = np.concatenate([target, source]), np.tile(np.arange(len(target)), 2)
    return epo.fit(source, X_external=both, sample_ids=sample_ids)


def chemotools_fit(name: str, **parameters) -> Callable[[NDArray, NDArray], object]:
    """Return a function that fits a class of `chemotools.adaptation` on standards."""
    peer = getattr(adaptation, name)
    return lambda target, source: peer(**parameters).fit(target, X_source=source)


COMPARISONS = (
    Comparison(
        "PDS, each with its defaults",
        lambda target, source: PDS().fit(target, source),
        chemotools_fit("PiecewiseDirectStandardization"),
    ),
    Comparison(
        "PDS, 51 channels, 2 components",
        lambda target, source: PDS(learns="spectrum", window_length=51, n_components=2).fit(
            target, source
        ),
        chemotools_fit(
            "PiecewiseDirectStandardization", window_length=25, n_components=2, scale=False
        ),
    ),
    Comparison(
        "DS, full rank",
        lambda target, source: DS(learns="spectrum").fit(target, source),
        chemotools_fit("DirectStandardization"),
    ),
    Comparison(
        "SST, 2 components",
        lambda target, source: SST(learns="spectrum", n_components=2).fit(target, source),
        chemotools_fit("SpectralSpaceTransform", n_components=2),
    ),
    Comparison(
        "EPO, 2 components",
        lambda target, source: EPO(n_components=2).fit(target, source),
        fit_epo,
    ),
)


class CountedCalibration(RegressorMixin, BaseEstimator):
    """The default calibration; the class counts its fits."""

    n_fits = 0

    def fit(self, X, y):
        """Fit and count."""
        type(self).n_fits += 1
        self.pls_ = cross_validated_pls(X, y, np.arange(len(X)))
        return self

    def predict(self, X):
        """Return the predictions of the fitted calibration."""
        return self.pls_.predict(X)


def load(data: str, n_channels: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return the spectra of the same samples on source and target, and one property."""
    if data == "corn":
        corn = fetch_corn()
        X_source, X_target, y = corn.X["m5"], corn.X["mp6"], corn.y[:, 0]
    else:
        bunch = make_instruments(80, ("A", "B"), random_state=0)
        X_source, X_target, y = bunch.X["A"], bunch.X["B"], bunch.y[:, 0]
    return X_source[:, :n_channels], X_target[:, :n_channels], y


def seconds(function: Callable, *arguments) -> float:
    """Return the CPU time of one call."""
    start = process_time()
    function(*arguments)
    return process_time() - start


def race(
    comparison: Comparison, target: NDArray, source: NDArray, repeats: int
) -> tuple[float, float]:
    """Return the median seconds of both; they take turns, after one untimed round."""
    rounds = [
        (seconds(comparison.ours, target, source), seconds(comparison.theirs, target, source))
        for _ in range(repeats + 1)
    ]
    ours, theirs = zip(*rounds[1:], strict=True)
    return median(ours), median(theirs)


def search(
    X_source: NDArray, X_target: NDArray, y: NDArray, sizes: Sequence[int]
) -> tuple[float, int]:
    """Return the seconds of a cached search over `n_transfer`, and the number of fits."""
    sample_id = np.arange(len(y))
    X, y, instrument, sample_id = stack_instruments(
        {"source": (X_source, y, sample_id), "target": (X_target, y, sample_id)}
    )
    metadata = {"instrument": instrument, "sample_id": sample_id}
    folds = TransferGroupKFold(N_FOLDS, target="target", shuffle=True, random_state=0)
    CountedCalibration.n_fits = 0
    with TemporaryDirectory() as memory:
        transfer = PDSTransfer(
            CountedCalibration(), source="source", target="target", memory=memory
        )
        grid = GridSearchCV(
            transfer,
            {"n_transfer": list(sizes)},
            scoring="neg_root_mean_squared_error",
            cv=list(folds.split(X, y, **metadata)),
        )
        return seconds(lambda: grid.fit(X, y, **metadata)), CountedCalibration.n_fits


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", choices=("corn", "simulated"), default="corn")
    parser.add_argument("--repeats", type=int, default=15, help="timed fits of each class")
    parser.add_argument("--n-standards", type=int, default=20)
    parser.add_argument("--n-channels", type=int, default=700, help="keep the first channels")
    parser.add_argument("--n-transfer", nargs="+", type=int, default=N_TRANSFER)
    parser.add_argument("--output", type=Path, help="CSV file for the table")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run the comparisons and the search, and print the table."""
    args = parse(argv)
    X_source, X_target, y = load(args.data, args.n_channels)
    standards = kennard_stone(X_source)[: args.n_standards]
    target, source = X_target[standards], X_source[standards]
    print(f"{len(target)} standards of {target.shape[1]} channels ({args.data}), one thread")
    rows = []
    print(f"{'fit':<32} {'ours, ms':>9} {'chemotools, ms':>15} {'ratio':>7}")
    with threadpool_limits(1):
        for comparison in COMPARISONS:
            ours, theirs = race(comparison, target, source, args.repeats)
            cells = comparison.name, f"{1e3 * ours:.4g}", f"{1e3 * theirs:.4g}"
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
            times = f"{1e3 * ours:>9.3f} {1e3 * theirs:>15.3f} {theirs / ours:>7.1f}"
            print(f"{comparison.name:<32} {times}")
        duration, n_fits = search(X_source, X_target, y, args.n_transfer)
    print(
        f"GridSearchCV of PDSTransfer, {len(args.n_transfer)} values of n_transfer x {N_FOLDS} "
        f"folds with memory: {duration:.2f} s, {n_fits} calibrations fitted "
        f"({N_FOLDS} folds and the refit)"
    )
    if args.output:
        searched = {"values": len(args.n_transfer), "folds": N_FOLDS, "calibrations": n_fits}
        record_run(args.output, argv, is_only=True, search=searched)
        with args.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def table(rows: Sequence[dict]) -> str:
    """Return the table of docs/benchmark.md."""
    lines = []
    for row in rows:
        times = [float(row[column]) for column in COLUMNS[1:]]
        ratio = times[1] / times[0]
        lines.append([row["fit"], *(digits(value, 2) for value in (*times, ratio))])
    return markdown(["fit", "here, ms", "chemotools, ms", "ratio"], lines)


if __name__ == "__main__":
    main(sys.argv[1:])
