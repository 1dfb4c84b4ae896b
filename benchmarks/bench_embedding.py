"""Compare PLS on embeddings with PLS on the spectra themselves, data set by data set.

Each set comes from one instrument and is SNV corrected. Samples are held out in five folds; the
number of components (1 to 15) is chosen by five inner folds, or is 10. Each row of the CSV has the
RMSEP of one target over all folds, that of `SNV -> PLS` with the same settings and folds
(`rmsep_plain`), and the `ratio` of the two. `features` names the input of PLS: the first derivative
("derivative"), or the embedding by the shipped weights ("small"), by random weights of the same
architecture, drawn for each repeat ("random"), or by a file (`--weights`). With "scratch", there is
no PLS: network and head of `SpektronRegressor` are trained on the calibration samples from random
weights, and `ratio` compares with PLS on scaled channels and a chosen number of components. Classes
are predicted as zeros and ones. Rows already in the CSV are not computed again.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_embedding --data DIRECTORY --repeats 3 \
        --output embedding.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from chemotools.derivative import SavitzkyGolay
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

import skspektron
from benchmarks import sidecar
from skspektron import SNV, SpektronEmbedder
from skspektron._bridge import FrozenNetwork
from skspektron._nn.presets import PRESETS
from skspektron._training._pretraining import new_network
from skspektron.datasets import make_instruments
from skspektron.foundation import SpektronRegressor
from skspektron.foundation._weights import save_network
from skspektron.metrics import rmsep

KEY = ("set", "features", "fraction", "repeat")
COLUMNS = ("set", "target", "n_samples", "features", "pls", "scale", "fraction", "repeat")
COLUMNS += ("rmsep", "rmsep_plain", "ratio")
PACKAGES = ("skspektron", "numpy", "scikit-learn", "chemotools", "torch")
N_FOLDS, N_COMPONENTS, N_FIXED, MIN_LABELLED = 5, 15, 10, 10
CALIBRATIONS = (("chosen", True), ("chosen", False), ("10", True))  # components, scale
WITHOUT_PLS = ("none", "none")
FEATURES = ("derivative", "small", "random", "scratch")

CANE = ("F750", "MicroNIR1700_rep1", "MicroNIR1700_rep2", "MicroNIR1700_rep3", "MicroNIR2200")
CANE += ("NIRONE22", "NIRscanNano", "SCIO", "TellSpec")
FTIR = ("fresh_meat", "fruit_puree", "instant_coffee", "olive_oil")
FILES = {  # set: file, name of its spectra, names of its reference values (None: classes)
    "barley": ("barley_auroranir", "AuroraNIR", ("moisture", "protein")),
    "diesel": ("diesel_swri", "NIR", ("BP50", "CN", "D4052", "FLASH", "FREEZE", "TOTAL", "VISC")),
    "gasoline": ("gasoline_kalivas", "NIR", ("octane",)),
    "limesoda": ("soil_limesoda_ssp_460", "visNIR", ("SOC", "pH", "Clay")),
    "nirsoil": ("soil_nirsoil", "NIR", ("total_nitrogen", "carbon", "CEC")),
    "tecator": ("tecator", "NIT", ("moisture", "fat", "protein")),
    **{f"cane {name}": ("sugarcane_chaix", name, ("TS", "CP", "ADF", "IVOMD")) for name in CANE},
    **{name.replace("_", " "): (f"ftir_{name}", "MIR", None) for name in FTIR},
}


@dataclass(frozen=True)
class SpectralSet:
    """Spectra of one instrument and their reference values."""

    name: str
    wavenumber: NDArray  # (n_features,), cm-1
    X: NDArray  # (n_rows, n_features), SNV corrected
    y: Mapping[str, NDArray]  # target: (n_rows,), NaN where unknown
    sample_id: NDArray  # (n_rows,) numbers; the folds keep spectra of a sample together

    def take(self, rows: NDArray) -> "SpectralSet":
        """Return some rows."""
        y = {name: values[rows] for name, values in self.y.items()}
        return SpectralSet(self.name, self.wavenumber, self.X[rows], y, self.sample_id[rows])


def load(name: str, folder: Path | None) -> SpectralSet:
    """Return a data set by name, from its file or simulated."""
    if name == "simulated":
        return simulated()
    file, array, targets = FILES[name]
    path = None if folder is None else folder / f"{file}.npz"
    if path is None or not path.exists():
        raise SystemExit(
            f"Set {name!r} needs {file}.npz, which is not in {folder or '--data'}. Pass the folder "
            "with --data or in SKSPEKTRON_DATA, or exclude the set with --sets."
        )
    data = np.load(path)
    y = classes(data["label"]) if targets is None else {t: data[t].astype(float) for t in targets}
    X = SNV().fit_transform(data[f"X_{array}"].astype(float))
    unique = ~data["duplicate_of_earlier"] if "duplicate_of_earlier" in data else slice(None)
    return SpectralSet(name, axis(data, array), X, y, samples(data, len(X))).take(unique)


def simulated() -> SpectralSet:
    """Return 40 simulated samples, every other one measured twice."""
    data = make_instruments(40, wavelength=np.arange(1100.0, 2500.0, 20.0), random_state=0)
    rows = np.sort(np.r_[np.arange(40), np.arange(0, 40, 2)])
    noise = 1e-3 * np.random.default_rng(0).standard_normal((len(rows), 70))
    y = {f"component {i}": data.y[rows, i] for i in range(2)}
    X = SNV().fit_transform(data.X["A"][rows] + noise)
    return SpectralSet("simulated", 1e7 / data.wavelength, X, y, rows)


def axis(data, array: str) -> NDArray:
    """Return the axis of an array in cm-1."""
    if "wavenumbers" in data:
        return data["wavenumbers"]
    own = f"wavelengths_{array}"
    return 1e7 / data[own if own in data else "wavelengths"]


def classes(label: NDArray) -> dict[str, NDArray]:
    """Return indicators (0 or 1) of the classes by name; one where there are two classes."""
    names = np.unique(label)
    return {str(name): (label == name) * 1.0 for name in names[: None if len(names) > 2 else 1]}


def samples(data, n_rows: int) -> NDArray:
    """Return a number for each row's sample; identifiers are unique within a class only."""
    if "sample_id" not in data:
        return np.arange(n_rows)
    label = data["label"] if "label" in data else np.full(n_rows, "")
    named = np.char.add(np.char.add(label, "/"), data["sample_id"].astype(str))
    return np.unique(named, return_inverse=True)[1]


def subsample(data: SpectralSet, n: int, seed: int) -> SpectralSet:
    """Return at most `n` rows, drawn at random."""
    if len(data.X) <= n:
        return data
    return data.take(np.sort(np.random.default_rng(seed).permutation(len(data.X))[:n]))


def represent(features: str, data: SpectralSet, weights: Mapping) -> NDArray | None:
    """Return the input of PLS, (n_rows, n_outputs); None for "scratch"."""
    if features == "scratch":
        return None
    if features == "derivative":
        transformer = SavitzkyGolay(window_length=11, polyorder=2, mode="interp")
    else:
        transformer = SpektronEmbedder(weights[features], wavenumber=data.wavenumber, device="cpu")
    return transformer.fit_transform(data.X)


def untrained(folder: str, seed: int) -> Path:
    """Write random weights of the shipped architecture to a file, and return its path."""
    path = Path(folder) / f"{seed}.safetensors"
    network = new_network(PRESETS["calibration"], seed=seed)
    save_network(path, FrozenNetwork.of(network.architecture, network.state_dict()), record={})
    return path


def folds(sample_id: NDArray, seed: int, fraction: float = 1.0) -> Iterator[tuple]:
    """Yield training and test rows; a fraction of the training samples, at least 10, is kept."""
    cv = GroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    for train, test in cv.split(sample_id, groups=sample_id):
        drawn = np.random.default_rng(seed).permutation(np.unique(sample_id[train]))
        n_labelled = max(round(fraction * len(drawn)), MIN_LABELLED)
        yield train[np.isin(sample_id[train], drawn[:n_labelled])], test


def pls(K: NDArray, K_test: NDArray, y: NDArray, limit: int = N_COMPONENTS) -> NDArray:
    """Return predictions by PLS with 1, 2, ... components from inner products, (A, n_test).

    PLS of one y by the kernel K = XX' of centred X: every score is a combination of its rows
    (Lindgren, Geladi & Wold, J. Chemom. 7 (1993) 45-59).
    """
    n_components = min(limit, len(y) - 1)
    T, C = np.zeros((2, n_components, len(y)))  # scores t, and c with t = Kc
    steps = np.zeros((n_components, len(K_test)))
    residual = y - y.mean()
    smallest = 1e-12 * np.trace(K) * np.linalg.norm(residual)
    for a in range(n_components):
        t, c = K @ residual, residual
        for _ in range(2):  # orthogonalized twice against rounding
            h = T[:a] @ t
            t, c = t - h @ T[:a], c - h @ C[:a]
        norm = np.linalg.norm(t)
        if norm <= smallest:
            break
        T[a], C[a] = t / norm, c / norm
        q = T[a] @ residual
        steps[a] = q * (K_test @ C[a])
        residual = residual - q * T[a]
    return y.mean() + steps.cumsum(axis=0)


def calibrate(F: NDArray, Y: NDArray, train: NDArray, test: NDArray, scale: bool) -> NDArray:
    """Return the predictions of PLSRegression(scale=scale), (n_targets, n_components, n_test)."""
    Z, Z_test = F[train] - F[train].mean(axis=0), F[test] - F[train].mean(axis=0)
    if scale:
        deviation = Z.std(axis=0, ddof=1)
        deviation[deviation == 0] = 1.0
        Z, Z_test = Z / deviation, Z_test / deviation
    K, K_test = Z @ Z.T, Z_test @ Z.T
    return np.stack([pls(K, K_test, y[train]) for y in Y])


def cross_validate(F: NDArray, Y: NDArray, splits: Sequence[tuple], scale: bool) -> dict:
    """Return predictions (n_targets, n_rows) with chosen and with fixed numbers of components."""
    predicted = {"chosen": np.empty(Y.shape), "10": np.empty(Y.shape)}
    for train, test, inner in splits:
        parts = [(calibrate(F, Y, *split, scale), Y[:, split[1]]) for split in inner]
        n = min(p.shape[1] for p, _ in parts)
        press = sum(((p[:, :n] - y[:, None]) ** 2).sum(axis=2) for p, y in parts)
        by_number = calibrate(F, Y, train, test, scale)
        best = press.argmin(axis=1)
        predicted["chosen"][:, test] = by_number[np.arange(len(Y)), best]
        predicted["10"][:, test] = by_number[:, min(N_FIXED, by_number.shape[1]) - 1]
    return predicted


def nested(sample_id: NDArray, seed: int, fraction: float) -> list[tuple]:
    """Return training rows, test rows and the folds of the training rows, fold by fold."""
    return [
        (train, test, [(train[a], train[b]) for a, b in folds(sample_id[train], seed)])
        for train, test in folds(sample_id, seed, fraction)
    ]


def by_pls(F: NDArray, Y: NDArray, splits: Sequence[tuple]) -> dict[tuple, NDArray]:
    """Return the RMSEP of every target, (n_targets,), by PLS settings."""
    # Unscaled PLS depends on inner products only: n_rows columns of scores suffice.
    centred = F - F.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    scores = vectors * np.sqrt(np.maximum(values, 0))
    predicted = {
        scale: cross_validate(F if scale else scores, Y, splits, scale)
        for scale in {scale for _, scale in CALIBRATIONS}
    }
    return {
        (number, scale): rmsep(Y.T, predicted[scale][number].T, multioutput="raw_values")
        for number, scale in CALIBRATIONS
    }


def from_scratch(data: SpectralSet, Y, splits, weights: Path, seed: int) -> dict[tuple, NDArray]:
    """Return the RMSEP of every target by a network trained on the calibration samples."""
    predicted = np.empty(Y.shape)
    for train, test, _ in splits:
        model = SpektronRegressor(
            weights, wavenumber=data.wavenumber, trainable="all", device="cpu", random_state=seed
        )
        predicted[:, test] = model.fit(data.X[train], Y[:, train].T).predict(data.X[test]).T
    return {WITHOUT_PLS: rmsep(Y.T, predicted.T, multioutput="raw_values")}


def by_known_rows(y: Mapping[str, NDArray]) -> Iterator[tuple[NDArray, list[str]]]:
    """Yield rows, and the targets that are known in exactly these rows."""
    known = {name: np.isfinite(values) for name, values in y.items()}
    for pattern in {mask.tobytes(): mask for mask in known.values()}.values():
        yield np.flatnonzero(pattern), [n for n, mask in known.items() if (mask == pattern).all()]


def measure(data: SpectralSet, represented: Mapping, weights, fraction, seed) -> Iterator[dict]:
    """Yield the CSV rows of all features of a set in one repeat."""
    for rows, names in by_known_rows(data.y):
        part, Y = data.take(rows), np.stack([data.y[name][rows] for name in names])
        splits = nested(part.sample_id, seed, fraction)
        plain = by_pls(part.X, Y, splits)
        plain[WITHOUT_PLS] = plain[CALIBRATIONS[0]]
        for features, F in represented.items():
            if features == "scratch":
                errors = from_scratch(part, Y, splits, weights["random"], seed)
            else:
                errors = by_pls(F[rows], Y, splits)
            for (number, scale), i in product(errors, range(len(names))):
                error, without = errors[number, scale][i], plain[number, scale][i]
                yield {
                    "set": data.name,
                    "target": names[i],
                    "n_samples": len(np.unique(part.sample_id)),
                    "features": features,
                    "pls": number,
                    "scale": scale,
                    "fraction": fraction,
                    "rmsep": f"{error:.5g}",
                    "rmsep_plain": f"{without:.5g}",
                    "ratio": f"{error / without:.4f}",
                }


def run(data: SpectralSet, args: argparse.Namespace, done: set, write: Callable) -> None:
    """Compute and write the missing rows of a set, repeat by repeat."""
    for repeat in range(args.repeats):
        todo = {
            fraction: [
                name
                for name in args.features
                if (data.name, name, str(fraction), str(repeat)) not in done
            ]
            for fraction in args.fractions
        }
        seed = args.seed + repeat
        with TemporaryDirectory() as folder:
            weights = {"small": "small", "random": untrained(folder, seed)} | args.weights
            wanted = {name for names in todo.values() for name in names}
            represented = {name: represent(name, data, weights) for name in sorted(wanted)}
            for fraction, names in todo.items():
                chosen = {name: represented[name] for name in names}
                if chosen:
                    rows = measure(data, chosen, weights, fraction, seed)
                    write([row | {"repeat": repeat} for row in rows])


def read_rows(path: Path) -> list[dict]:
    """Return the rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, rows: Sequence[dict]) -> None:
    """Append rows to the CSV."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(rows)


def record_run(args: argparse.Namespace, argv: Sequence[str]) -> None:
    """Write versions, weights and command beside the CSV; refuse different settings."""
    runs = sidecar.read_runs(args.output)
    files = {"small": Path(skspektron.__file__).parent / "weights" / "small.safetensors"}
    files = {name: file for name, file in (files | args.weights).items() if name in args.features}
    weights = {name: sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    settings = {"seed": args.seed, "max_samples": args.max_samples} | weights
    for name, value in settings.items():
        earlier = {run["settings"].get(name, value) for run in runs}
        if earlier - {value}:
            raise SystemExit(
                f"{args.output} was made with {name} {min(earlier)}, this run has {value}. "
                "Pass the same, or another --output."
            )
    sidecar.record_run(args.output, argv, PACKAGES, settings=settings)


def mean_ratios(rows: Sequence[dict], name: str = "set") -> dict[tuple, dict[str, float]]:
    """Return {(features, pls, scale, fraction): {set: geometric mean ratio}}, or by `name`."""
    logs: dict[tuple, dict[str, list]] = {}
    for row in rows:
        group = logs.setdefault(tuple(row[k] for k in ("features", "pls", "scale", "fraction")), {})
        group.setdefault(row[name], []).append(np.log(float(row["ratio"])))
    return {
        key: {part: float(np.exp(np.mean(values))) for part, values in group.items()}
        for key, group in logs.items()
    }


def geometric_mean(ratios: Mapping[str, float]) -> float:
    """Return the geometric mean of the values."""
    return float(np.exp(np.mean(np.log(list(ratios.values())))))


def summary(rows: Sequence[dict]) -> str:
    """Return the mean ratio of all settings, the number of sets below 1, and each set."""
    lines = [f"{'features, pls, scale, fraction':<40} {'mean':>6} {'< 1':>4} {'<= 1.02':>7}  worst"]
    for key, ratios in mean_ratios(rows).items():
        values, worst = list(ratios.values()), max(ratios, key=ratios.get)
        lines.append(
            f"{', '.join(key):<40} {geometric_mean(ratios):>6.3f} {sum(v < 1 for v in values):>4} "
            f"{sum(v <= 1.02 for v in values):>4}/{len(values):<2}  {ratios[worst]:.3f} {worst}"
        )
        lines.append("    " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    return "\n".join(lines)


def named_file(text: str) -> tuple[str, Path]:
    """Return name and path of an argument name=path."""
    name, _, path = text.partition("=")
    if not name or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not name=path of a file that exists.")
    return name, Path(path)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--sets", nargs="+", choices=[*FILES, "simulated"], default=list(FILES))
    parser.add_argument(
        "--features", nargs="+", choices=FEATURES, default=["derivative", "small", "random"]
    )
    parser.add_argument(
        "--weights", nargs="+", type=named_file, default=[], help="name=path of further weights"
    )
    parser.add_argument("--fractions", nargs="+", type=float, default=[1.0], help="of the labels")
    parser.add_argument("--repeats", type=int, default=3, help="of the folds")
    parser.add_argument("--max-samples", type=int, default=300, help="of a set, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="repeat r draws from seed + r")
    parser.add_argument("--output", type=Path, default=Path("bench_embedding.csv"))
    args = parser.parse_args(argv)
    args.weights = dict(args.weights)
    args.features = [*args.features, *args.weights]
    args.data = None if args.data is None else Path(args.data)
    return args


def main(argv: Sequence[str]) -> None:
    """Run what is missing and print the summary."""
    args = parse(argv)
    torch.set_num_threads(1)
    sets = [subsample(load(name, args.data), args.max_samples, args.seed) for name in args.sets]
    record_run(args, argv)
    done = {tuple(row[key] for key in KEY) for row in read_rows(args.output)}
    for data in tqdm(sets, unit="set"):
        run(data, args, done, partial(append, args.output))
    print(summary(read_rows(args.output)))


if __name__ == "__main__":
    main(sys.argv[1:])
