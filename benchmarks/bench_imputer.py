"""Hide channels of real spectra and fill them in, by what is known of the product.

A row of the CSV is one data set, one kind of gaps and one number of complete spectra of the same
data set. Figures are sums of squared errors over those of a straight line, in spectra standardized
by their visible channels, as geometric means over the repeats: `imputer` is SpektronImputer, which
interpolates if there is no complete spectrum; `pca` a principal component analysis of the complete
spectra, with the number of components that is best for the row in hindsight. With `--incomplete`,
every spectrum that is learnt from has gaps of its own of the same kind: `incomplete` is the error
from these, `complete` from the same spectra without gaps. With `--predict`, a row is one property,
and figures are RMSEP over that with complete spectra, of a calibration (SNV, PLS) on other rows.

    R=benchmarks/results
    python -m benchmarks.bench_imputer --output $R/imputer.csv
    python -m benchmarks.bench_imputer --incomplete --repeats 1 --output $R/imputer_incomplete.csv
    python -m benchmarks.bench_imputer --predict --output $R/imputer_predict.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron import SNV
from skspektron.datasets import fetch_corn, fetch_tablets
from skspektron.foundation import SpektronImputer
from skspektron.foundation._filling import HiddenRidge, standardize_visible
from skspektron.foundation._gaps import interpolate_gaps, interpolate_hidden

SIZES = 0, 5, 10, 20, 50  # complete spectra
FEW = 10, 40  # incomplete spectra
N_TEST = 30  # spectra with gaps
LONGEST = 800  # channels; longer spectra are thinned out
MOST, MOST_ROWS = 20, 80  # components of PCA; a third of the rows of a calibration
COLUMNS = "set", "sets", "gaps", "n_complete", "imputer", "pca"
INCOMPLETE_COLUMNS = "set", "sets", "gaps", "n_spectra", "incomplete", "complete"
PREDICT_COLUMNS = "set", "property", "gaps", "n_complete", "imputer", "interpolation"
REPORTING = {"alcohol_temperature", "soil_moisture", "cassava_presentation", "corn", "tablets"}
NOT_ABSORBANCE = "reflectance"  # in the name of one array, whose other unit is in the set
LABELLED = {
    "barley_auroranir": ("moisture", "protein"),
    "diesel_swri": ("CN", "D4052"),
    "gasoline_kalivas": ("octane",),
    "soil_limesoda_ssp_460": ("SOC", "Clay"),
    "soil_nirsoil": ("total_nitrogen", "carbon"),
    "tecator": ("moisture", "fat", "protein"),
}


class DataSet(NamedTuple):
    """Complete spectra of one product on one instrument."""

    name: str
    file: str
    X: NDArray


def data_sets(folder: Path) -> Iterator[DataSet]:
    """Yield all spectra in the .npz files of a folder, one instrument at a time."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as data:
            for key in sorted(data.files):
                if key.startswith("X_") and NOT_ABSORBANCE not in key:
                    X = data[key].astype(float)
                    X = X[np.isfinite(X).all(axis=1) & (np.ptp(X, axis=1) > 0)]
                    yield DataSet(
                        f"{path.stem}/{key[2:]}", path.stem, X[:, :: -(-X.shape[1] // LONGEST)]
                    )


def classics() -> Iterator[DataSet]:
    """Yield the spectra of corn and tablets."""
    for file, spectra in (("corn", fetch_corn()), ("tablets", fetch_tablets())):
        for name, X in spectra.X.items():
            yield DataSet(f"{file}/{name}", file, X)


def patches(p: int, length: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask of 20 % of the patches of `length` channels."""
    n = p // length
    hidden = np.zeros(p, dtype=bool)
    at = rng.choice(n, max(1, round(0.2 * n)), replace=False) * length + rng.integers(
        p % length + 1
    )
    hidden[(at[:, None] + np.arange(length)).ravel()] = True
    return hidden


def block(p: int, fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask of one block of channels."""
    width = max(2, round(fraction * p))
    start = rng.integers(p - width + 1)
    return np.isin(np.arange(p), np.arange(start, start + width))


GAPS = {
    "patches of 16": partial(patches, length=16),
    "block of 5 %": partial(block, fraction=0.05),
    "block of 10 %": partial(block, fraction=0.1),
    "block of 30 %": partial(block, fraction=0.3),
}


def fill_by_pca(spectra: NDArray, X: NDArray, hidden: NDArray[np.bool_]) -> NDArray:
    """Return the hidden channels (r, n, h) from 1 to r components of standardized spectra."""
    Z, z = standardize_visible(spectra, hidden)[0], standardize_visible(X, hidden)[0]
    mean = Z.mean(axis=0)
    axes = np.linalg.svd(Z - mean, full_matrices=False)[2][: min(len(Z) - 1, MOST)]
    Q, R = np.linalg.qr(axes[:, ~hidden].T)
    along = Q.T @ (z - mean)[:, ~hidden].T
    scores = [np.linalg.solve(R[:r, :r], along[:r]) for r in range(1, len(axes) + 1)]
    return np.array([mean[hidden] + s.T @ axes[: len(s), hidden] for s in scores])


def compare(data: DataSet, gaps: str, n_complete: int, seed: int) -> list[float]:
    """Return the errors of one draw of spectra and gaps over that of a straight line."""
    rng = np.random.default_rng([seed, n_complete, *data.name.encode()])
    rows, hidden = rng.permutation(len(data.X)), GAPS[gaps](data.X.shape[1], rng=rng)
    spectra, X = data.X[rows[:n_complete]], data.X[rows[n_complete:][:N_TEST]]
    z, mean, scale = standardize_visible(X, hidden)
    fills = [interpolate_gaps(z, hidden)]
    if n_complete:
        fills = [(HiddenRidge.fit(spectra, hidden).predict(X) - mean) / scale]
        fills += list(fill_by_pca(spectra, X, hidden))
    line = interpolate_hidden(z, hidden)
    errors = [np.sum((fill - z[:, hidden]) ** 2) for fill in [line, *fills]]
    return [errors[1] / errors[0], min(errors[2:], default=np.nan) / errors[0]]


def compare_incomplete(data: DataSet, gaps: str, n_spectra: int, seed: int) -> list[float]:
    """Return errors from incomplete and from complete spectra over that of a straight line."""
    rng = np.random.default_rng([seed, n_spectra, *data.name.encode()])
    p, draw = data.X.shape[1], GAPS[gaps]
    rows, hidden = rng.permutation(len(data.X)), draw(p, rng=rng)
    spectra, X = data.X[rows[:n_spectra]], data.X[rows[n_spectra:][:N_TEST]]
    own = np.stack([draw(p, rng=rng) for _ in spectra])
    z, mean, scale = standardize_visible(X, hidden)
    fills = [interpolate_hidden(z, hidden)]
    for known in (np.where(own, np.nan, spectra), spectra):
        filled = SpektronImputer().fit(known).transform(np.where(hidden, np.nan, X))
        fills.append((filled[:, hidden] - mean) / scale)
    errors = [np.sum((fill - z[:, hidden]) ** 2) for fill in fills]
    return [errors[1] / errors[0], errors[2] / errors[0]]


def rows_of(data: DataSet, n_repeats: int, incomplete: bool) -> Iterator[tuple]:
    """Yield the rows of a data set."""
    sets = "reporting" if data.file in REPORTING else "development"
    run, sizes = (compare_incomplete, FEW) if incomplete else (compare, SIZES)
    for gaps, size in product(GAPS, sizes):
        if len(data.X) >= size + 10:
            found = [run(data, gaps, size, seed) for seed in range(n_repeats)]
            yield data.name, sets, gaps, size, *means(np.log(found))


def means(logs: NDArray) -> list[str]:
    """Return the geometric means of columns of logarithms, as text."""
    return [f"{mean:.3g}" for mean in np.exp(np.mean(logs, axis=0))]


def split(X: NDArray, y: NDArray, seed: int) -> tuple[Callable, NDArray, NDArray]:
    """Return the predictions of a calibration, and the rows for its training and its test."""
    rows = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(rows[: 3 * MOST_ROWS], [min(2 * len(X) // 3, 2 * MOST_ROWS)])
    search = GridSearchCV(
        make_pipeline(SNV(), PLSRegression(scale=False)),
        {"plsregression__n_components": range(2, 15, 2)},
        scoring="neg_root_mean_squared_error",
        cv=3,
    ).fit(X[train], y[train])
    return lambda X: np.ravel(search.predict(X)), train, test


def predictions_of(X: NDArray, y: NDArray, n_repeats: int) -> Iterator[tuple]:
    """Yield gaps, complete spectra, and RMSEP over that of complete spectra by kind of fill."""
    splits = [split(X, y, seed) for seed in range(n_repeats)]
    for gaps, n_complete in product(GAPS, SIZES[1:]):
        ratios = []
        for seed, (predict, train, test) in enumerate(splits):
            hidden = GAPS[gaps](X.shape[1], rng=np.random.default_rng([seed, n_complete]))
            by_gaps, by_spectra = X[test].copy(), X[test].copy()
            by_gaps[:, hidden] = interpolate_gaps(X[test], hidden)
            by_spectra[:, hidden] = HiddenRidge.fit(X[train[:n_complete]], hidden).predict(X[test])
            errors = [
                np.mean((predict(each) - y[test]) ** 2) for each in (by_spectra, by_gaps, X[test])
            ]
            ratios.append(0.5 * np.log(np.array(errors[:2]) / errors[2]))
        yield gaps, n_complete, *means(np.array(ratios))


def all_rows(args: argparse.Namespace) -> Iterator[tuple]:
    """Yield the rows of all data sets; of one instrument each with `--incomplete`."""
    folder, n_repeats, seen = args.data, args.repeats, set()
    if not args.predict:
        for data in chain(data_sets(folder), classics()):
            if not args.incomplete or data.file not in seen:
                yield from rows_of(data, n_repeats, args.incomplete)
            seen.add(data.file)
        return
    for data in data_sets(folder):
        with np.load(folder / f"{data.file}.npz") as file:
            for name in LABELLED.get(data.file, ()):
                known = np.isfinite(file[name])
                for row in predictions_of(data.X[known], file[name][known], n_repeats):
                    yield data.name, name, *row


def geometric_mean(rows: Sequence[dict], column: str) -> float:
    """Return the geometric mean over files, each of which is that over its instruments."""
    logs: dict[str, list[float]] = {}
    for row in rows:
        logs.setdefault(row["set"].split("/")[0], []).append(np.log(float(row[column])))
    return float(np.exp(np.mean([np.mean(each) for each in logs.values()])))


def common(rows: Sequence[dict]) -> list[dict]:
    """Return the rows of the sets that have all sizes, so that all columns have the same sets."""
    size = list(rows[0])[3]
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["set"], set()).add(row[size])
    every = set.union(*found.values())
    return [row for row in rows if found[row["set"]] == every]


def table(rows: Sequence[dict]) -> str:
    """Return a table in Markdown: the figures of both columns by gaps and size."""
    rows = common(rows)
    first, second = list(rows[0])[4:]
    kinds = sorted({row["sets"] for row in rows}) if "sets" in rows[0] else [""]
    size_column = list(rows[0])[3]
    sizes = sorted({int(row[size_column]) for row in rows})
    lines = []
    for kind, gaps in product(kinds, GAPS):
        cells = []
        for size in sizes:
            own = [r for r in rows if r["gaps"] == gaps and r[size_column] == str(size)]
            own = [r for r in own if r.get("sets", "") == kind]
            pair = [f"{geometric_mean(own, name):.2g}" for name in (first, second)]
            cells.append(pair[0] if pair[1] == "nan" else f"{pair[0]} ({pair[1]})")
        lines.append([gaps + (kind and f", {kind}"), *cells])
    return markdown(["gaps", *map(str, sizes)], lines)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--repeats", type=int, default=2)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--predict", action="store_true")
    kind.add_argument("--incomplete", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("bench_imputer.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run and print the table."""
    args = parse(argv)
    columns = INCOMPLETE_COLUMNS if args.incomplete else COLUMNS
    columns = PREDICT_COLUMNS if args.predict else columns
    record_run(args.output, argv, is_only=True)
    with threadpool_limits(1), args.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in all_rows(args):
            writer.writerow(row)
    with args.output.open(newline="") as file:
        print(table(list(csv.DictReader(file))))


if __name__ == "__main__":
    main(sys.argv[1:])
