"""Train a network on the errors of a calibration with its embedding beside the spectra.

The objective "calibration" trains a network so that a ridge regression on its embedding predicts
well; "complement" does so for a ridge regression on the embedding and on fixed features together,
as in KernelEnsembleRegressor: spectra after SNV, first and second derivatives, the derivative of
SNV, autoscaled SNV, and random Fourier features of the first two, all of the same size. Both read
SNV and derivatives, are trained as in bench_inputs on one half of the groups of related sets, and
are measured on the sets of the other. A row of the CSV is one property and number of calibration
samples. Figures are RMSEP, as in bench_calibration: `plain` of PLS after SNV, `engine` of
KernelEnsembleRegressor, `alone` with the embedding as its only view, `view` with it as one more;
and, with all samples, as in bench_inputs: `pls` of PLS with scaled columns on the embedding, after
SNV, and `pls_plain` of that on SNV. Weights are kept in a folder, and a run resumes where it was
interrupted. The shipped `small` is measured too; spectra of two sets are in its corpus.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_complement --weights FOLDER \
        --output benchmarks/results/complement.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import wilcoxon
from tqdm import tqdm

from benchmarks import bench_inputs
from benchmarks.bench_calibration import SpectralSet, ensemble, load, snv_pls, splits
from benchmarks.bench_embedding import geometric_mean, nested, read_rows
from benchmarks.bench_inputs import SETS, half_without, trained
from benchmarks.markdown import digits, markdown
from benchmarks.sidecar import PACKAGES, record_run
from skspektron import SNV, SpektronEmbedder
from skspektron._nn.presets import PRESETS

SIZES = "all", "10"
KEY = "set", "property", "n_samples", "network", "seed"
FIGURES = "plain", "engine", "alone", "view", "pls", "pls_plain"
N_STEPS = 800
NETWORKS = "calibration", "complement"  # objectives
READS = PRESETS["calibration"]


def rows_of(name: str, data: SpectralSet, embedder, size: str) -> Iterator[dict[str, str]]:
    """Yield the figures of a set, property by property."""
    methods = {
        "plain": snv_pls,
        "engine": ensemble,
        "alone": lambda *fold: ensemble(*fold, [embedder]),
        "view": lambda *fold: ensemble(*fold, ["auto", embedder]),
    }
    errors: dict[str, list] = {method: [] for method in methods}
    for train, test in splits(data.sample_id, size):
        for method, fit in methods.items():
            errors[method].append(fit(data, train, test)[0] - data.Y[test])
    found = {key: np.sqrt((np.concatenate(e) ** 2).mean(axis=0)) for key, e in errors.items()}
    if size == "all":
        folds = nested(np.unique(data.sample_id, return_inverse=True)[1], 0, 1.0)
        corrected = SNV().fit_transform(data.X)
        F = embedder.fit_transform(corrected)
        found["pls"] = bench_inputs.errors(F, data, folds, True)
        found["pls_plain"] = bench_inputs.errors(corrected, data, folds, True)
    for j, prop in enumerate(data.properties):
        yield {"property": prop} | {key: f"{values[j]:.5g}" for key, values in found.items()}


def ratios(rows: Sequence[dict], figure: str, rival: str) -> dict[str, float]:
    """Return the geometric mean over properties and seeds of a ratio, by set."""
    logs: dict[str, list[float]] = {}
    for row in rows:
        if row[figure]:
            value = np.log(float(row[figure]) / float(row[rival]))
            logs.setdefault(row["set"], []).append(value)
    return {name: float(np.exp(np.mean(values))) for name, values in logs.items()}


COMPARED = (  # figure, rival, size
    *((figure, "plain", size) for size in SIZES for figure in ("engine", "alone")),
    *(("view", "engine", size) for size in SIZES),
    ("pls", "pls_plain", "all"),
)


def summary(rows: Sequence[dict]) -> Iterator[tuple]:
    """Yield network, figure, rival, size, mean ratio, worst set's, sets below 1, sets, and p."""
    for network in (*NETWORKS, "small"):
        own = [row for row in rows if row["network"] == network]
        for figure, rival, size in COMPARED:
            found = ratios([r for r in own if r["n_samples"] == size], figure, rival)
            v = np.array(list(found.values()))
            if len(v):
                p = wilcoxon(np.log(v)).pvalue
                yield (network, figure, rival, size, geometric_mean(found), v.max(), sum(v < 1), p)


def table(rows: Sequence[dict]) -> str:
    """Return the table of docs/network_measurements.md: mean ratios, and the worst of a set."""
    cells: dict[str, list[str]] = {}
    for network, figure, _, _, mean, worst, _, p in summary(rows):
        if figure == "engine":
            continue
        shown = f", p {digits(p, 2)}" if figure == "view" else f" ({worst:.2f})"
        cells.setdefault(network, []).append(f"{mean:.3f}{shown}")
    header = [
        "network",
        "alone, all samples",
        "alone, 10",
        "one more view, all samples",
        "one more view, 10",
        "PLS, all samples",
    ]
    return markdown(header, [[f"`{n}`" if n == "small" else n, *c] for n, c in cells.items()])


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--worlds", nargs=2, type=int, default=[350, 350])
    parser.add_argument("--weights", type=Path, required=True, help="folder of trained weights")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Train what is missing, write the CSV and print the table."""
    args = parse(argv)
    torch.set_num_threads(1)
    args.weights.mkdir(parents=True, exist_ok=True)
    record_run(args.output, argv, (*PACKAGES, "torch"))
    rows = read_rows(args.output)
    done = {(row["set"], row["n_samples"], row["network"], row["seed"]) for row in rows}
    runs = [(network, str(seed)) for seed in args.seeds for network in NETWORKS]
    for network, seed in tqdm([*runs, ("small", "0")]):
        for name, size in ((name, size) for name in args.sets for size in SIZES):
            if (name, size, network, seed) in done:
                continue
            weights, data = network, load(name, Path(args.data))
            if network != "small":
                half = half_without(name)
                path = args.weights / f"{network}-{seed}-{half}.safetensors"
                objectives = {network: 1.0, "masked": 0.2}
                weights = trained(path, READS, objectives, args.steps, int(seed), half, args)
            embedder = SpektronEmbedder(weights, wavenumber=data.wavenumber, device="cpu")
            labels = {"set": name, "n_samples": size, "network": network, "seed": seed}
            rows += [labels | row for row in rows_of(name, data, embedder, size)]
            with args.output.open("w", newline="") as file:
                writer = csv.DictWriter(file, (*KEY, *FIGURES), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(*summary(rows), table(rows), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
