"""Compare what a network could be used for with the strongest method that needs none.

"damage": spikes, dead and saturated channels, interferents and foreign spectra are found by the
errors of filling in hidden patches, or by residuals of PCA (`benchmarks/damage.py`). "axes":
calibrations are transferred between instruments with unlike axes that measured no sample in common
(`benchmarks/unlike_axes.py`). A third job, transfer with standards, is read from the rows of
`bench_adapters.py`. Each seed draws spectra, damage and splits again.

Rows that the CSVs have are not computed again; rows of a network whose weights have changed under
the same name are replaced. Afterwards `python -m benchmarks.tables` writes the tables.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_jobs
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks import damage, unlike_axes
from benchmarks.bench_adapters import SPEED
from benchmarks.bench_calibration import load
from benchmarks.bench_embedding import read_rows
from benchmarks.bench_transfer import wilcoxon_p
from benchmarks.markdown import markdown
from benchmarks.sidecar import record_run
from skspektron.foundation._weights import resolve_weights

RESULTS = Path(__file__).parent / "results"
SOURCES = {"damage": "jobs_damage", "axes": "jobs_axes", "adapters": "adapters"}  # files of rows
SIZES = (5, 20, 50)  # good spectra to learn from
FOREIGN = 5  # the foreign spectra of a set are those of the set so many places later
KEYS = {
    "damage": ("set", "n_good", "method", "weights", "seed"),
    "axes": ("task", "method", "weights", "seed"),
}
FIGURES = {
    "damage": tuple(f"{kind}_{name}" for kind in damage.KINDS for name in ("auc", "found")),
    "axes": ("error",),
}
WON, SIGNIFICANT = 0.95, 0.01  # ratio of errors, p
FLOOR = 1e-3  # of errors whose logarithms are averaged
Errors = dict[str, dict[tuple, float]]  # by method, and by set or task, ..., seed
Unit = tuple[tuple, Callable[[], dict[str, float]]]


def label(weights: str) -> str:
    """Return the name of weights, with the first digits of their digest."""
    return f"{Path(weights).stem} {resolve_weights(weights).digest[:8]}"


def damage_units(args: argparse.Namespace) -> Iterator[Unit]:
    """Yield the key of every row of damaged spectra, and the function that computes the rest."""
    names = damage.SETS
    sets = {name: load(name, args.data) for name in names}
    for i, name in enumerate(names):
        foreign = sets[names[(i + FOREIGN) % len(names)]]
        found = damage.Product.of(name, sets[name], foreign)
        for n_good, seed in product(SIZES, args.seeds if name in args.sets else ()):
            draw = damage.Draw.of(found, n_good, seed)
            for method, score in damage.METHODS.items():
                for weights in args.weights if method.startswith("network") else [""]:
                    network = resolve_weights(weights) if weights else None
                    key = (name, n_good, method, weights and label(weights), seed)
                    yield key, lambda s=score, d=draw, w=network: damage.figures(s(d, w))


def axes_units(args: argparse.Namespace) -> Iterator[Unit]:
    """Yield the key of every row of instruments with unlike axes, and the function for the rest."""
    given = {"": [""], "masked": args.weights, "small": args.embedder}
    for pair, seed in product(unlike_axes.pairs(), args.seeds):
        for name, method in unlike_axes.METHODS.items():
            for weights in given[method.weights]:
                key = (pair.task.name, name, weights and label(weights), seed)
                yield (
                    key,
                    lambda p=pair, m=method, w=weights, s=seed: {
                        "error": unlike_axes.error(p, m, w, s)
                    },
                )


UNITS = {"damage": damage_units, "axes": axes_units}


def run(job: str, args: argparse.Namespace) -> None:
    """Compute the rows of a job that are missing."""
    path, columns = args.output / f"{SOURCES[job]}.csv", (*KEYS[job], *FIGURES[job])
    current = {label(weights) for weights in (*args.weights, *args.embedder)}
    rows = [row for row in read_rows(path) if not is_stale(row["weights"], current)]
    done = {tuple(row[name] for name in KEYS[job]) for row in rows}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        for key, compute in tqdm(UNITS[job](args), desc=job, unit="fit", mininterval=10):
            if tuple(map(str, key)) not in done:
                found = {name: f"{value:.3f}" for name, value in compute().items()}
                writer.writerow(dict(zip(KEYS[job], key, strict=True)) | found)
                file.flush()


def is_stale(weights: str, current: Iterable[str]) -> bool:
    """Return whether weights have the name of current ones and another digest."""
    return weights not in current and weights.split(" ")[0] in {w.split(" ")[0] for w in current}


def named(row: Mapping[str, str]) -> str:
    """Return the method of a row, with the name of its weights."""
    weights = row["weights"].split(" ")[0]
    return f"{row['method']}, `{weights}`" if weights else row["method"]


def errors_of(job: str, rows: Iterable[Mapping[str, str]]) -> Errors:
    """Return by method an error for every set or task, size and seed.

    The error of damage is the fraction of damaged spectra that are not found, a mean over kinds.
    """
    result: Errors = {}
    for row in rows:
        if job == "axes":
            key, error = (row["task"], row["seed"]), float(row["error"])
        else:
            found = [float(row[f"{kind}_found"]) for kind in damage.KINDS]
            key, error = (row["set"], row["n_good"], row["seed"]), 1 - float(np.mean(found))
        result.setdefault(named(row), {})[key] = error
    return result


def standards_of(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Errors]:
    """Return the errors of `bench_adapters.py` by number of standards and samples."""
    result: dict[tuple[str, str], Errors] = {}
    for row in rows:
        if not row["task"].startswith(SPEED):
            of_size = result.setdefault((row["n_transfer"], row["samples"]), {})
            of_size.setdefault(row["method"], {})[row["task"], "0"] = float(row["error"])
    return dict(sorted(result.items(), key=lambda item: (int(item[0][0]), item[0][1])))


def is_network(method: str) -> bool:
    """Return whether a method uses a network."""
    return "`" in method or method.startswith(("lora", "ttt"))


def mean_error(errors: Mapping[tuple, float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(np.maximum([*errors.values()], FLOOR)))))


def best(errors: Errors, *, network: bool) -> str:
    """Return the method with the lowest mean error, with or without a network."""
    names = [name for name in errors if is_network(name) == network]
    return min(names, key=lambda name: mean_error(errors[name]))


def compare(own: Mapping, rival: Mapping) -> dict:
    """Return ratio of errors, its range over seeds, and the Wilcoxon test over sets."""
    of_set: dict[str, list[float]] = {}
    of_seed: dict[str, list[float]] = {}
    for key in sorted(own.keys() & rival.keys()):
        ratio = np.log(max(own[key], FLOOR) / max(rival[key], FLOOR))
        of_set.setdefault(key[0], []).append(ratio)
        of_seed.setdefault(key[-1], []).append(ratio)
    means = np.array([np.mean(values) for values in of_set.values()])
    seeds = np.exp([np.mean(values) for values in of_seed.values()])
    return {
        "ratio": float(np.exp(means.mean())),
        "range": (float(seeds.min()), float(seeds.max())),
        "better": int(np.sum(means < 0)),
        "n": len(means),
        "p": wilcoxon_p(means),
    }


def verdict(found: Mapping) -> str:
    """Return whether a network wins: by 5 % or more, and not by chance."""
    if found["p"] < SIGNIFICANT and found["ratio"] <= WON:
        return "won"
    return "lost" if found["ratio"] > 1 else "open"


def comparisons(rows: Mapping[str, Sequence[Mapping]]) -> Iterator[tuple[str, dict]]:
    """Yield every job, and the best method with a network over the best one without."""
    for size in map(str, SIZES):
        errors = errors_of("damage", [row for row in rows["damage"] if row["n_good"] == size])
        yield f"damage, {size} good spectra", compare_best(errors)
    errors = errors_of("axes", rows["axes"])
    for title, kept in (("all pairs", ""), ("sugarcane", "sugarcane/")):
        some = {m: {k: e for k, e in own.items() if kept in k[0]} for m, own in errors.items()}
        if all(some.values()):
            yield f"unlike axes, {title}", compare_best(some)
    for (size, samples), errors in standards_of(rows["adapters"]).items():
        kind = f", {samples} samples" if size == "0" else ""
        yield f"{size} standards{kind}", compare_best(errors)


def compare_best(errors: Errors) -> dict:
    """Return the best method with and the best one without a network, and their comparison."""
    rival, own = (best(errors, network=network) for network in (False, True))
    return {"rival": rival, "own": own} | compare(errors[own], errors[rival])


def summary(rows: Mapping[str, Sequence[Mapping]]) -> str:
    """Return the table of all jobs."""
    lines = []
    for title, found in comparisons(rows):
        low, high = found["range"]
        spread = "" if low == high else f" ({low:.2f} to {high:.2f})"
        better = f"{found['better']} of {found['n']}"
        cells = [title, found["rival"], found["own"], f"{found['ratio']:.2f}{spread}", better]
        lines.append([*cells, f"{found['p']:.2g}", verdict(found)])
    header = ["job", "without a network", "with a network", "ratio", "better on", "p", "network"]
    return markdown(header, lines)


def damage_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return areas under the ROC curve by size, method and kind, and the fraction found."""
    lines = []
    for size, method in product(map(str, SIZES), dict.fromkeys(map(named, rows))):
        own = [row for row in rows if row["n_good"] == size and named(row) == method]
        auc = [mean_of(own, f"{kind}_auc") for kind in damage.KINDS]
        found = np.mean([mean_of(own, f"{kind}_found") for kind in damage.KINDS])
        lines.append([size, method, *(f"{value:.2f}" for value in (*auc, np.mean(auc), found))])
    return markdown(["good spectra", "method", *damage.KINDS, "mean", "found"], lines)


def mean_of(rows: Iterable[Mapping[str, str]], column: str) -> float:
    """Return the mean of a column."""
    return float(np.mean([float(row[column]) for row in rows]))


def axes_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the errors of all methods, and their ratio to the best one without a network."""
    errors = errors_of("axes", rows)
    rival = errors[best(errors, network=False)]
    lines = []
    for method, own in errors.items():
        of_cane = {True: {}, False: {}}
        for key, error in own.items():
            of_cane[key[0].startswith("sugarcane/")][key] = error
        ratios = [
            f"{compare(some, rival)['ratio']:.2f}" if some else "" for some in of_cane.values()
        ]
        found = compare(own, rival)
        test = [f"{found['better']} of {found['n']}", f"{found['p']:.2g}"]
        lines.append(
            [method, f"{mean_error(own):.2f}", *ratios, *(["", ""] if own is rival else test)]
        )
    header = ["method", "RMSEP / SD", "over the best, sugarcane", "simulated", "better on", "p"]
    return markdown(header, lines)


def tables(rows: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    """Return the tables of the page Evidence, from the rows of the files in `SOURCES`."""
    return {
        "jobs": summary(rows),
        "damage": damage_table(rows["damage"]),
        "unlike axes": axes_table(rows["axes"]),
    }


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    folder = os.environ.get("SKSPEKTRON_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None)
    parser.add_argument("--sets", nargs="+", choices=damage.SETS, default=damage.SETS)
    parser.add_argument("--jobs", nargs="+", choices=UNITS, default=list(UNITS))
    parser.add_argument(
        "--weights", nargs="+", default=["masked"], help="names or files, to fill in channels"
    )
    parser.add_argument(
        "--embedder", nargs="+", default=["small"], help="names or files, for embeddings"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the CSVs")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Compute the rows that are missing."""
    args = parse(argv)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for job in args.jobs:
            run(job, args)
            record_run(args.output / f"{SOURCES[job]}.csv", argv, is_only=True)


if __name__ == "__main__":
    main(sys.argv[1:])
