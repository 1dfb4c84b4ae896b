"""Hide channels of real spectra and fill them in, by what is known of the product.

A row of the CSV is one data set, one kind of gaps and one number of complete spectra of the same
data set. Figures are sums of squared errors over those of linear interpolation, in spectra
standardized by their visible channels, as geometric means over the repeats: `spectra` is
SpektronImputer; `pca` a principal component analysis of the complete spectra, with the number of
components that is best for the row in hindsight. With `--predict`, a row is one property, and
figures are RMSEP over that with complete spectra, of a calibration (SNV, PLS) on other rows.

    python -m benchmarks.bench_imputer --output benchmarks/results/imputer.csv
    python -m benchmarks.bench_imputer --predict --output benchmarks/results/imputer_predict.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skspektron import SNV
from skspektron.datasets import fetch_corn, fetch_tablets
from skspektron.foundation import SpektronImputer
from skspektron.foundation._filling import interpolate_hidden, standardize_visible

SIZES = 5, 10, 20, 50  # complete spectra
N_TEST = 30  # spectra with gaps
LONGEST = 2200  # channels; longer spectra are thinned out
COLUMNS = "set", "sets", "gaps", "n_complete", "spectra", "pca"
PREDICT_COLUMNS = "set", "property", "gaps", "n_complete", "spectra", "interpolation"
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
                        f"{path.stem}/{key[2:]}", path.stem, X[:, :: 1 + X.shape[1] // LONGEST]
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
    "patches of 8": partial(patches, length=8),
    "patches of 16": partial(patches, length=16),
    "patches of 24": partial(patches, length=24),
    "block of 5 %": partial(block, fraction=0.05),
    "block of 10 %": partial(block, fraction=0.1),
    "block of 30 %": partial(block, fraction=0.3),
}


def fill_by_pca(spectra: NDArray, X: NDArray, hidden: NDArray[np.bool_]) -> NDArray:
    """Return the hidden channels (r, n, h) from 1 to r components of standardized spectra."""
    Z, z = standardize_visible(spectra, hidden)[0], standardize_visible(X, hidden)[0]
    mean = Z.mean(axis=0)
    axes = np.linalg.svd(Z - mean, full_matrices=False)[2][: len(Z) - 1]
    fills = []
    for r in range(1, min(len(axes), np.count_nonzero(~hidden)) + 1):
        scores = np.linalg.lstsq(axes[:r, ~hidden].T, (z - mean)[:, ~hidden].T, rcond=None)[0]
        fills.append(mean[hidden] + scores.T @ axes[:r, hidden])
    return np.array(fills)


def compare(data: DataSet, gaps: str, n_complete: int, seed: int) -> dict[str, float]:
    """Return the errors of one draw of spectra and gaps over that of interpolation."""
    rng = np.random.default_rng([seed, n_complete, *data.name.encode()])
    rows, hidden = rng.permutation(len(data.X)), GAPS[gaps](data.X.shape[1], rng=rng)
    spectra, X = data.X[rows[:n_complete]], data.X[rows[n_complete:][:N_TEST]]
    z, mean, scale = standardize_visible(X, hidden)
    filled = SpektronImputer().fit(spectra).transform(np.where(hidden, np.nan, X))

    def error(fill: NDArray) -> NDArray:
        return np.sum((fill - z[:, hidden]) ** 2, axis=(-2, -1))

    line = error(interpolate_hidden(z, hidden))
    return {
        "spectra": error((filled[:, hidden] - mean) / scale) / line,
        "pca": error(fill_by_pca(spectra, X, hidden)).min() / line,
    }


def rows_of(data: DataSet, n_repeats: int) -> Iterator[tuple]:
    """Yield the rows of a data set."""
    sets = "reporting" if data.file in REPORTING else "development"
    for gaps in GAPS:
        for n_complete in SIZES:
            if len(data.X) >= n_complete + 10 and data.X.shape[1] >= 100:
                found = [compare(data, gaps, n_complete, seed) for seed in range(n_repeats)]
                means = [
                    np.exp(np.mean([np.log(each[name]) for each in found])) for name in COLUMNS[4:]
                ]
                yield data.name, sets, gaps, n_complete, *(f"{mean:.3g}" for mean in means)


def predictions_of(
    data: DataSet, properties: NDArray, name: str, n_repeats: int
) -> Iterator[tuple]:
    """Yield RMSEP with filled gaps over RMSEP with complete spectra."""
    known = np.isfinite(properties)
    X, y = data.X[known], properties[known]
    for gaps in GAPS:
        for n_complete in SIZES:
            ratios = []
            for seed in range(n_repeats):
                rng = np.random.default_rng([seed, n_complete, *data.name.encode()])
                rows, hidden = rng.permutation(len(X)), GAPS[gaps](X.shape[1], rng=rng)
                train, test = rows[: 2 * len(X) // 3], rows[2 * len(X) // 3 :]
                search = GridSearchCV(
                    make_pipeline(SNV(), PLSRegression(scale=False)),
                    {"plsregression__n_components": range(1, 16)},
                    scoring="neg_root_mean_squared_error",
                ).fit(X[train], y[train])
                damaged = np.where(hidden, np.nan, X[test])
                errors = []
                for model in (SpektronImputer(), SpektronImputer(method="interpolation")):
                    filled = model.fit(X[train[:n_complete]]).transform(damaged)
                    errors.append(np.mean((np.ravel(search.predict(filled)) - y[test]) ** 2))
                whole = np.mean((np.ravel(search.predict(X[test])) - y[test]) ** 2)
                ratios.append(0.5 * np.log(np.array(errors) / whole))
            means = np.exp(np.mean(ratios, axis=0))
            yield data.name, name, gaps, n_complete, *(f"{mean:.3g}" for mean in means)


def all_rows(folder: Path, predict: bool, n_repeats: int) -> Iterator[tuple]:
    """Yield the rows of all data sets."""
    for data in chain(data_sets(folder), [] if predict else classics()):
        if not predict:
            yield from rows_of(data, n_repeats)
            continue
        with np.load(folder / f"{data.file}.npz") as file:
            for name in LABELLED.get(data.file, ()):
                y = file[name].astype(float)
                if len(y) == len(data.X):
                    yield from predictions_of(data, y, name, n_repeats)


def report(rows: Sequence[dict], columns: Sequence[str]) -> str:
    """Return the geometric means over data sets, and the largest figure."""
    names, lines = columns[4:], [f"{'':<34}" + "".join(f"{name:>22}" for name in columns[4:])]
    for key in sorted({(row.get("sets", ""), row["gaps"], int(row["n_complete"])) for row in rows}):
        own = [r for r in rows if (r.get("sets", ""), r["gaps"], int(r["n_complete"])) == key]
        found = [np.array([float(row[name]) for row in own]) for name in names]
        cells = [f"{np.exp(np.log(f).mean()):>12.4f} ({f.max():>6.2f})" for f in found]
        lines.append(f"{' '.join(map(str, key)):<34}" + " ".join(f"{cell:>21}" for cell in cells))
    return "\n".join(lines)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("bench_imputer.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run and print the table."""
    args = parse(argv)
    columns = PREDICT_COLUMNS if args.predict else COLUMNS
    with threadpool_limits(1), args.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in all_rows(args.data, args.predict, args.repeats):
            writer.writerow(row)
    with args.output.open(newline="") as file:
        print(report(list(csv.DictReader(file)), columns))


if __name__ == "__main__":
    main(sys.argv[1:])
