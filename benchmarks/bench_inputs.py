"""Compare what the network reads: SNV, the first derivative without SNV, or both.

Networks of the preset "calibration" are trained for some minutes on the corpus of
`pretraining/corpus.py` without SNV, and differ in their own normalization only: `normalize`, and
what derivatives are divided by (`derivative_scale`): their size in the spectra that an embedder is
fitted on, or in the corpus. The real spectra of the corpus are of one half of the groups of related
sets (`HALVES`), and the network is measured on the sets of the other half. Each row of the CSV has
the RMSEP of one property by PLS on the embedding, with 1 to 15 components chosen by five inner
folds, over five folds of the samples; that of PLS after SNV, both with scaled columns or neither
(`rmsep_plain`), and the ratio of the two. `before` is the step before the network, and `n_steps` 0
the network before its training. The sets are those of `bench_calibration`. Weights are kept in a
folder, and a run resumes where it was interrupted. The shipped weights `small` are measured too;
the spectra of diesel and fruit puree are in their corpus.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_inputs --weights FOLDER \
        --output benchmarks/results/inputs.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.bench_calibration import FILES, SpectralSet, load
from benchmarks.bench_embedding import cross_validate, geometric_mean, nested, read_rows
from benchmarks.markdown import markdown
from benchmarks.sidecar import PACKAGES, record_run
from skspektron import SNV, SpektronEmbedder, SpektronPretrainer
from skspektron._nn.presets import PRESETS
from skspektron.foundation import Architecture
from skspektron.metrics import rmsep

sys.path.insert(0, str(Path(__file__).parents[1] / "pretraining"))

COLUMNS = ("set", "property", "normalize", "derivative_scale", "n_steps", "seed", "before")
COLUMNS += ("scale", "rmsep", "rmsep_plain", "ratio")
KEY = ("set", "normalize", "derivative_scale", "n_steps", "seed", "before")
NETWORKS = (  # normalize, derivative_scale
    ("snv", "calibration"),
    ("derivative", "calibration"),
    ("snv+derivative", "calibration"),
    ("snv+derivative", "corpus"),
)
BOTH = NETWORKS[2]  # measured after SNV too
SHIPPED = ("small", "")  # the shipped weights, for comparison, as BOTH
SHIPPED_STEPS = 800
SETS = [name for name in FILES if name not in ("porkfat", "simulated", "cane MicroNIR1700")]
TRAINED = ("not trained", "800 steps")  # the networks of the table
HALVES = (  # of the groups of the corpus
    ("sugarcane", "soil", "forensic"),
    ("fuel", "infrared", "grain and meat"),
)
FIRST_HALF = ("cane", "limesoda", "nirsoil", "geeves")  # how the names of its sets start
OBJECTIVES = {"calibration": 1.0, "masked": 0.2}
N_SIMULATED, N_REAL, BATCH_SIZE = 350, 350, 128
Network = tuple[str, str]


@cache
def absorbance(n_simulated: int, n_real: int, folder: Path, half: int, seed: int) -> tuple:
    """Return a corpus of training without SNV, as `build_corpus`, with one half of the groups."""
    from corpus import GROUPS, build_corpus

    groups = [GROUPS[name] for name in HALVES[half]]
    return build_corpus(n_simulated, n_real, folder, seed, snv=False, groups=groups)


def weights_of(
    network: Network, n_steps: int, seed: int, half: int, args: argparse.Namespace
) -> Path:
    """Return the file of a network trained on a half of the groups, which is trained if missing."""
    if network == SHIPPED:
        return files("skspektron") / "weights" / "small.safetensors"
    path = args.weights / f"{'-'.join(network)}-{n_steps}-{seed}-{half}.safetensors"
    normalize, scale = network
    architecture = replace(PRESETS["calibration"], normalize=normalize, derivative_scale=scale)
    return trained(path, architecture, OBJECTIVES, n_steps, seed, half, args)


def trained(
    path: Path,
    architecture: Architecture,
    objectives: dict[str, float],
    n_steps: int,
    seed: int,
    half: int,
    args: argparse.Namespace,
) -> Path:
    """Return the file of a network, which is trained on a half of the groups if it is missing."""
    if path.exists():
        return path
    X, y, instrument, sample_id, wavenumber = absorbance(*args.worlds, args.data, half, seed)
    SpektronPretrainer(
        architecture,
        objectives=objectives,
        wavenumber=wavenumber,
        max_steps=max(n_steps, 1),
        # Without steps, the weights are those of the start, and the corpus gives the scale.
        learning_rate=3e-3 if n_steps else 1e-12,
        warmup_steps=max(n_steps // 10, 1),
        batch_size=BATCH_SIZE,
        checkpoint=path.with_suffix(".checkpoint"),
        random_state=seed,
        verbose=1,
    ).fit(X, y, instrument=instrument, sample_id=sample_id).save(path)
    path.with_suffix(".checkpoint").unlink(missing_ok=True)
    return path


def half_without(name: str) -> int:
    """Return the number of the half of the groups that a set is not in."""
    return int(name.startswith(FIRST_HALF))


def errors(F: NDArray, data: SpectralSet, splits: Sequence[tuple], scale: bool) -> NDArray:
    """Return the RMSEP of every property, (q,), by PLS on features (n, p)."""
    predicted = cross_validate(F, data.Y.T, splits, scale)["chosen"]
    return rmsep(data.Y, predicted.T, multioutput="raw_values")


def rows_of(name: str, data: SpectralSet, runs: Sequence[tuple]) -> Iterator[dict[str, object]]:
    """Yield the rows of a set, for networks with the file of their weights."""
    splits = nested(np.unique(data.sample_id, return_inverse=True)[1], 0, 1.0)
    corrected = SNV().fit_transform(data.X)
    plain = {scale: errors(corrected, data, splits, scale) for scale in (True, False)}
    for network, n_steps, seed, before, path in runs:
        X = corrected if before == "SNV" else data.X
        # The scale of derivatives is one number for all folds: the median over all spectra.
        F = SpektronEmbedder(path, wavenumber=data.wavenumber, device="cpu").fit_transform(X)
        labels = dict(zip(KEY, (name, *network, n_steps, seed, before), strict=True))
        for scale in (True, False):
            found = errors(F, data, splits, scale)
            for prop, error, without in zip(data.properties, found, plain[scale], strict=True):
                figures = {"rmsep": f"{error:.5g}", "rmsep_plain": f"{without:.5g}"}
                figures["ratio"] = f"{error / without:.4f}"
                yield labels | {"property": prop, "scale": scale} | figures


def mean_ratios(rows: Sequence[dict]) -> dict[tuple, dict[str, float]]:
    """Return the geometric mean ratio of each set, by network, step before it and scaling."""
    logs: dict[tuple, dict[str, list[float]]] = {}
    for row in rows:
        key = tuple(row[k] for k in ("normalize", "derivative_scale", "n_steps", "before", "scale"))
        logs.setdefault(key, {}).setdefault(row["set"], []).append(np.log(float(row["ratio"])))
    return {
        key: {name: float(np.exp(np.mean(values))) for name, values in sets.items()}
        for key, sets in logs.items()
    }


def summary(rows: Sequence[dict]) -> str:
    """Return the mean ratio of each network, its worst set, and the number of sets below 1."""
    lines = [f"{'reads, derivative by, steps, before, scaled':<58} {'mean':>6} {'< 1':>6}  worst"]
    for key, ratios in sorted(mean_ratios(rows).items()):
        worst, n_better = max(ratios, key=ratios.__getitem__), sum(v < 1 for v in ratios.values())
        lines.append(
            f"{', '.join(key):<58} {geometric_mean(ratios):>6.3f} {n_better:>3}/{len(ratios):<2}  "
            f"{ratios[worst]:.2f} {worst}"
        )
    return "\n".join(lines)


def table(rows: Sequence[dict]) -> str:
    """Return the table of docs/network_measurements.md: means, and worst sets."""
    found = mean_ratios([row for row in rows if row["normalize"] != SHIPPED[0]])
    lines: dict[tuple, list[str]] = {}
    for key in sorted(found, key=lambda key: (int(key[2]), key[4])):
        normalize, divided_by, _, before, _ = key
        names = normalize, divided_by if "derivative" in normalize else "", before
        mean, worst = geometric_mean(found[key]), max(found[key].values())
        lines.setdefault(names, []).append(f"{mean:.3f} ({worst:.2f})")
    n_cells = max(map(len, lines.values()), default=0)  # not every network is trained
    runs = [f"{runs}, {pls}" for runs in TRAINED for pls in ("not scaled", "scaled")][:n_cells]
    header = ["reads", "derivative divided by its size in", "step before", *runs]
    full = ([*names, *cells, *[""] * (n_cells - len(cells))] for names, cells in lines.items())
    return markdown(header, full)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    folder = os.environ.get("SKSPEKTRON_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--steps", nargs="+", type=int, default=[0, 800])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--worlds", nargs=2, type=int, default=[N_SIMULATED, N_REAL])
    parser.add_argument("--weights", type=Path, required=True, help="folder of trained weights")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Train what is missing, write the CSV and print the table."""
    args = parse(argv)
    torch.set_num_threads(1)
    record_run(args.output, argv, (*PACKAGES, "torch"))
    runs = [
        (network, n_steps, seed, before)
        for seed in args.seeds
        for n_steps in args.steps
        for network in NETWORKS
        for before in ("", "SNV")
        if not before or network == BOTH
    ]
    runs += [(SHIPPED, SHIPPED_STEPS, 0, before) for before in ("", "SNV")]
    rows = read_rows(args.output)
    done = {tuple(row[k] for k in KEY) for row in rows}
    for network, n_steps, seed, before in tqdm(runs):
        for name in args.sets:
            if (name, *network, str(n_steps), str(seed), before) in done:
                continue
            path = weights_of(network, n_steps, seed, half_without(name), args)
            run = (network, n_steps, seed, before, path)
            found = rows_of(name, load(name, args.data), [run])
            rows += [{key: str(value) for key, value in row.items()} for row in found]
            with args.output.open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(summary(rows), table(rows), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
