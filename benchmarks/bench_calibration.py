"""Compare KernelEnsembleRegressor with PLS on sets of spectra from one instrument.

"best PLS" chooses the preprocessing (`preprocessings`), the scaling of channels and the number of
components (1 to 20) by five inner folds; "SNV, PLS" chooses the number of components alone. Samples
are held out in five folds, all rows of a sample together, and 10, 20 or 30 samples are drawn three
times, with at most 60 others for the test. Channels are averaged to at most 300 and samples drawn
to at most 200. The set "simulated" has 5,000 training and 1,000 test samples with 700 channels, one
property that is linear in the spectra and one that is not. Each row of the CSV has the RMSEP of one
property over all folds or draws, the fraction of reference values within 1.96 standard deviations
of the prediction, and the CPU time of the set. Rows already in the CSV are not computed again. The
constants of the estimator were chosen on these sets, except those of `UNSEEN`: classes of samples
as zeros and ones in four sets of mid-infrared spectra, the simulated set, and single instruments of
the reporting sets of bench_transfer.py.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_calibration --output calibration.csv
"""

import argparse
import csv
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tqdm import tqdm

from benchmarks.bench_embedding import FTIR, axis, classes, pls, samples
from benchmarks.bench_transfer import DATA
from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron import SNV, KernelEnsembleRegressor, SpektronEmbedder
from skspektron.datasets import make_instruments

COLUMNS = ("set", "property", "n_samples", "method", "n_test", "rmsep", "coverage", "seconds")
MAX_COMPONENTS, MAX_SAMPLES, MAX_CHANNELS, N_FOLDS = 20, 200, 300, 5
SIZES, LARGE, N_DRAWS, MIN_TEST, MAX_TEST = ("all", "10", "20", "30"), "5000", 3, 5, 60
CANE = ("TS", "CP", "ADF", "IVOMD")
FILES = {  # set: file, names of its spectra (replicates of the same samples), properties
    "barley": ("barley_auroranir", ["AuroraNIR"], ("moisture", "protein")),
    **{
        f"diesel {name}": ("diesel_swri", ["NIR"], (name,))
        for name in ("CN", "TOTAL", "D4052", "FREEZE")
    },
    "gasoline": ("gasoline_kalivas", ["NIR"], ("octane",)),
    "limesoda": ("soil_limesoda_ssp_460", ["visNIR"], ("SOC", "pH", "Clay")),
    "nirsoil": ("soil_nirsoil", ["NIR"], ("total_nitrogen", "carbon", "CEC")),
    "geeves": ("soil_geeves", ["visNIR"], ("clay", "silt", "total_carbon")),
    "tecator": ("tecator", ["NIT"], ("moisture", "fat", "protein")),
    "porkfat": ("raman_porkfat", ["Raman"], ("IV", "C16_0", "C18_1", "C18_2", "C18_0")),
    **{
        f"cane {name}": ("sugarcane_chaix", [name], CANE)
        for name in ("F750", "MicroNIR2200", "NIRONE22", "NIRscanNano", "SCIO", "TellSpec")
    },
    "cane MicroNIR1700": ("sugarcane_chaix", [f"MicroNIR1700_rep{i}" for i in (1, 2, 3)], CANE),
    **{name.replace("_", " "): (f"ftir_{name}", ["MIR"], None) for name in FTIR},
    "simulated": ("", [], None),
}

# Instruments and conditions of the reporting sets of bench_transfer.py.
REPORTING = {
    f"{data} {instrument}": (data, instrument)
    for data, instruments in {
        "corn": ("m5", "mp5", "mp6"),
        "tablets": ("instrument1", "instrument2"),
        "alcohol": ("T30", "T40", "T50", "T60", "T70"),
        "soil-moisture": ("airdry", "wet", "wet_dried1day"),
        "cassava": ("C16_intact", "C16_mashed", "U16_intact", "U16_mashed"),
    }.items()
    for instrument in instruments
}
UNSEEN = (*(name.replace("_", " ") for name in FTIR), "simulated", *REPORTING)  # no choice on these


@dataclass(frozen=True)
class SpectralSet:
    """Spectra X (n, p) on the axis `wavenumber` (p,) in cm-1, properties (n, q) and samples."""

    X: NDArray
    wavenumber: NDArray
    properties: dict[str, NDArray]
    sample_id: NDArray

    @property
    def Y(self) -> NDArray:
        """The properties as columns."""
        return np.column_stack(list(self.properties.values()))


def load(name: str, folder: Path | None) -> SpectralSet:
    """Return a set by name."""
    if name == "simulated":
        return simulated()
    if name in REPORTING:
        return of_one_instrument(*REPORTING[name])
    file, arrays, properties = FILES[name]
    path = None if folder is None else folder / f"{file}.npz"
    if path is None or not path.exists():
        raise SystemExit(
            f"Set {name!r} needs {file}.npz, which is not in {folder or '--data'}. Pass the folder "
            "with --data or in SKSPEKTRON_DATA, or exclude the set with --sets."
        )
    data = np.load(path)
    blocks = [data[f"X_{array}"].astype(float) for array in arrays]
    y = classes(data["label"]) if properties is None else {k: data[k] for k in properties}
    ids = samples(data, len(blocks[0]))
    is_used = np.isfinite(np.column_stack([*y.values(), *blocks])).all(axis=1)
    if "duplicate_of_earlier" in data:
        is_used &= ~data["duplicate_of_earlier"]
    rows = np.random.default_rng(0).permutation(np.flatnonzero(is_used))[:MAX_SAMPLES]
    X, n = np.concatenate([block[rows] for block in blocks]), len(blocks)
    y = {name: np.tile(values[rows].astype(float), n) for name, values in y.items()}
    return SpectralSet(*averaged(X, axis(data, arrays[0])), y, np.tile(ids[rows], n))


def averaged(X: NDArray, wavenumber: NDArray) -> tuple[NDArray, NDArray]:
    """Return spectra and axis with neighbouring channels averaged, at most `MAX_CHANNELS`."""
    step = -(-X.shape[1] // MAX_CHANNELS)
    X = X[:, : X.shape[1] // step * step].reshape(len(X), -1, step).mean(axis=2)
    return X, wavenumber[: X.shape[1] * step].reshape(-1, step).mean(axis=1)


def of_one_instrument(data: str, instrument: str) -> SpectralSet:
    """Return the spectra of one instrument of a set of several."""
    tasks = [task for task in DATA[data]() if instrument in (task.source, task.target)]
    [task, *_] = tasks
    used = np.flatnonzero(task.instrument == instrument)
    used = np.random.default_rng(0).permutation(used)[:MAX_SAMPLES]
    X, wavenumber = averaged(task.X[used], 1e7 / task.wavelength)
    y = {task.name.rsplit("/")[-1]: task.y[used] for task in tasks}
    return SpectralSet(X, wavenumber, y, task.sample_id[used])


def simulated() -> SpectralSet:
    """Return 6,000 simulated samples."""
    data = make_instruments(6000, random_state=0)
    y = {"amount": data.y[:, 0], "product of amounts": data.y[:, 0] * data.y[:, 1]}
    return SpectralSet(data.X["A"], 1e7 / data.wavelength, y, data.sample_id)


def splits(sample_id: NDArray, size: str) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield training and test rows: five folds for "all", else draws of `size` samples."""
    names = np.unique(sample_id)
    if size == "all":
        yield from five_folds(sample_id)
        return
    n_draws, n_test = (1, 1000) if size == LARGE else (N_DRAWS, MAX_TEST)
    for draw in range(n_draws):
        drawn = np.random.default_rng([int(size), draw]).permutation(names)
        train, test = drawn[: int(size)], drawn[int(size) :][:n_test]
        yield tuple(np.flatnonzero(np.isin(sample_id, part)) for part in (train, test))


def preprocessings(n_channels: int) -> dict[str, Callable[[NDArray], NDArray]]:
    """Return the preprocessings that "best PLS" chooses from."""
    first, second = (
        SavitzkyGolay(window_length=width, polyorder=2, deriv=order, mode="interp")
        for order, width in ((1, 11), (2, 21))
    )
    steps = {
        "none": FunctionTransformer(),
        "SNV": SNV(),
        "first derivative": first,
        "SNV, first derivative": make_pipeline(SNV(), first),
        "SNV, second derivative": make_pipeline(SNV(), second),
    }
    return {name: step.fit_transform for name, step in steps.items()}


def pls_path(Z: NDArray, y: NDArray, Z_test: NDArray, scale: bool, limit: int) -> NDArray:
    """Return the predictions of PLS with 1 to `limit` components, (limit, n_test)."""
    Z, Z_test = Z - Z.mean(axis=0), Z_test - Z.mean(axis=0)
    deviation = Z.std(axis=0, ddof=1)
    if scale:
        deviation = np.where(deviation > 1e-12 * deviation.max(), deviation, np.inf)
        Z, Z_test = Z / deviation, Z_test / deviation
    return pls(Z @ Z.T, Z_test @ Z.T, y, limit)


def chosen_pls(data: SpectralSet, train, test, names: Sequence[str], scales) -> NDArray:
    """Return predictions (n_test, q) of PLS whose settings minimize the error in five folds."""
    X, ids = data.X[train], data.sample_id[train]
    folds = five_folds(ids)
    limit = min(MAX_COMPONENTS, min(len(fit) for fit, _ in folds) - 1)
    steps = preprocessings(X.shape[1])
    viewed = {name: (steps[name](X), steps[name](data.X[test])) for name in names}
    predicted = np.empty((len(test), data.Y.shape[1]))
    for j, y in enumerate(data.Y[train].T):
        press = {}
        for name, scale in product(names, scales):
            Z = viewed[name][0]
            errors = [pls_path(Z[fit], y[fit], Z[out], scale, limit) - y[out] for fit, out in folds]
            press[name, scale] = sum((error**2).sum(axis=1) for error in errors)
        name, scale = min(press, key=lambda settings: press[settings].min())
        n_components = 1 + int(np.argmin(press[name, scale]))
        Z, Z_test = viewed[name]
        predicted[:, j] = pls_path(Z, y, Z_test, scale, n_components)[-1]
    return predicted


def five_folds(ids: NDArray) -> list[tuple[NDArray, NDArray]]:
    """Return training and held-out rows of five folds of the samples."""
    names = np.unique(ids)
    order = np.random.default_rng(0).permutation(len(names))
    fold = (order % N_FOLDS)[np.searchsorted(names, ids)]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(N_FOLDS)]


def best_pls(data: SpectralSet, train: NDArray, test: NDArray) -> tuple:
    """Return predictions of PLS with chosen preprocessing, scaling and number of components."""
    names = tuple(preprocessings(data.X.shape[1]))
    return chosen_pls(data, train, test, names, (False, True)), np.nan


def snv_pls(data: SpectralSet, train: NDArray, test: NDArray) -> tuple:
    """Return predictions of PLS after SNV with a chosen number of components."""
    return chosen_pls(data, train, test, ("SNV",), (False,)), np.nan


def ensemble(data: SpectralSet, train: NDArray, test: NDArray, views="auto") -> tuple:
    """Return predictions of the kernel ensemble and their standard deviations."""
    model = KernelEnsembleRegressor(views=views)
    model.fit(data.X[train], data.Y[train], sample_id=data.sample_id[train])
    mean, std = model.predict(data.X[test], return_std=True)
    return mean.reshape(len(test), -1), std.reshape(len(test), -1)


def ensemble_with_network(data: SpectralSet, train: NDArray, test: NDArray) -> tuple:
    """Return the same with the embedding of the network as one more view."""
    network = SpektronEmbedder("small", wavenumber=data.wavenumber, device="cpu")
    return ensemble(data, train, test, ["auto", network])


METHODS = {
    "kernel ensemble": ensemble,
    "best PLS": best_pls,
    "SNV, PLS": snv_pls,
    "kernel ensemble with network": ensemble_with_network,
}


def rows_of(name: str, data: SpectralSet, size: str, method: str) -> list[dict[str, object]]:
    """Return a row for each property of a set; none if it has too few samples."""
    if size.isdecimal() and len(np.unique(data.sample_id)) < int(size) + MIN_TEST:
        return []
    start, errors, n_inside = process_time(), [], 0.0
    for train, test in splits(data.sample_id, size):
        predicted, std = METHODS[method](data, train, test)
        errors.append(predicted - data.Y[test])
        n_inside += (np.abs(errors[-1]) < 1.96 * std).sum(axis=0)
    error = np.concatenate(errors)
    rmsep, coverage = np.sqrt((error**2).mean(axis=0)), n_inside / len(error)
    seconds = round(process_time() - start, 2)
    return [
        dict(
            zip(
                COLUMNS,
                (
                    *(name, prop, size, method, len(error), f"{rmsep[j]:.5g}"),
                    *("" if np.isnan(std).all() else f"{coverage[j]:.3f}", seconds),
                ),
                strict=True,
            )
        )
        for j, prop in enumerate(data.properties)
    ]


def ratios(rows: Sequence[dict[str, str]], method: str, rival: str, size: str) -> dict[str, float]:
    """Return the geometric mean over the properties of RMSEP over that of a rival, by set."""
    error = {
        (row["set"], row["property"], row["method"]): float(row["rmsep"])
        for row in rows
        if row["n_samples"] == size
    }
    logs: dict[str, list[float]] = {}
    for name, prop, used in error:
        if used == method and (name, prop, rival) in error:
            ratio = error[name, prop, method] / error[name, prop, rival]
            logs.setdefault(name, []).append(np.log(ratio))
    return {name: float(np.exp(np.mean(values))) for name, values in logs.items()}


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(list(values)))))


def summary(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return lines with the mean ratio of every method and number of samples, and the worst set."""
    lines = []
    for rival, method, size in product(("best PLS", "SNV, PLS"), METHODS, (*SIZES, LARGE)):
        found = ratios(rows, method, rival, size) if method != rival else {}
        if found:
            worst = max(found, key=found.__getitem__)
            mean = geometric_mean(found.values())
            lines.append(f"{method} / {rival}, {size}: {mean:.3f} ({worst}: {found[worst]:.2f})")
    return lines


def means(columns: Sequence[dict[str, float]], names: Sequence[str]) -> list[str]:
    """Return the mean over sets of the columns that have all of them; others are empty."""
    return [
        f"**{geometric_mean(column[name] for name in names):.2f}**"
        if column.keys() >= set(names)
        else ""
        for column in columns
    ]


def tables(rows: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return the tables of docs/calibration.md: sets of development, mid-infrared, reporting."""
    columns = [ratios(rows, "kernel ensemble", "best PLS", "all")]
    columns += [ratios(rows, "kernel ensemble", "SNV, PLS", size) for size in SIZES[1:]]
    columns.append(ratios(rows, "kernel ensemble with network", "kernel ensemble", "all"))
    header = ["set", "best PLS, all samples", *(f"SNV and PLS, {size}" for size in SIZES[1:])]
    header.append("with the network over without")
    result = {}
    mid_infrared = [name for name in UNSEEN if name not in REPORTING]
    development = [name for name in FILES if name not in UNSEEN]
    kinds = {"development": development, "mid-infrared": mid_infrared, "reporting": REPORTING}
    for kind, names in kinds.items():
        found = [name for name in names if name in columns[0]]
        lines = [
            [name, *(f"{c[name]:.2f}" if name in c else "" for c in columns)] for name in found
        ]
        if found:
            common = [name for name in found if all(name in column for column in columns)]
            lines.append(["**geometric mean**", *means(columns, found)])
            if common != found:
                lines.append(["**of sets with all columns**", *means(columns, common)])
        result[kind] = markdown(header, lines)
    return result


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    folder = os.environ.get("SKSPEKTRON_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None)
    sets = [*FILES, *REPORTING]
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS)[:3])
    sizes = [*SIZES, LARGE]
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=sizes)
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Write the CSV and the JSON beside it, and print the ratios."""
    args = parse(argv)
    rows: list[dict[str, str]] = []
    if args.output.exists():
        with args.output.open(newline="") as file:
            rows = list(csv.DictReader(file))
    done = {(row["set"], row["n_samples"], row["method"]) for row in rows}
    cells = [
        (name, size, method)
        for name in args.sets
        for size in args.sizes
        for method in args.methods
        if (name == "simulated") == (size == LARGE) and (name, size, method) not in done
    ]
    record_run(args.output, argv)
    for name, size, method in tqdm(cells):
        found = rows_of(name, load(name, args.data), size, method)
        rows += [{key: str(value) for key, value in row.items()} for row in found]
        with args.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(*summary(rows), *tables(rows).values(), sep="\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    main(sys.argv[1:])
