"""Reconstruct hidden channels of real spectra by networks that never saw their kind.

Networks of `pretraining/masked.py` are trained without groups of related sets, which they score.
A row of the CSV is one instrument and one kind of gaps, and a figure the sum of squared errors over
that of a straight line, in spectra standardized by their visible channels, as geometric mean over
draws of the gaps. `imputer` is the interpolation of SpektronImputer without other spectra; `cubic`,
`pchip`, `matern12`, `matern32` and `rbf` are a spline, a monotone one and Gaussian processes.
`dlinoss 0`, ... are networks by backbone and seed, and `with 0`, ... the average of `imputer` and
of the network of this seed, with weights inversely proportional to their squared errors in blocks
hidden around a gap. `shipped` are the weights `masked`, on the sets that no choice was made on.
The .json beside the CSV has steps, parameters and CPU seconds of the trainings. Weights are kept in
a folder, and a run resumes where it was interrupted.

    OMP_NUM_THREADS=1 python -m benchmarks.bench_masked --weights FOLDER \
        --output benchmarks/results/masked.csv
"""

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits

from benchmarks.bench_imputer import REPORTING, block, classics, data_sets, patches
from benchmarks.markdown import digits, markdown
from benchmarks.sidecar import PACKAGES, record_run
from skspektron._nn.network import SpektronNetwork
from skspektron.foundation._filling import standardize_visible
from skspektron.foundation._gaps import gaps_of, interpolate_gaps, interpolate_hidden
from skspektron.foundation._weights import resolve_weights

sys.path.insert(0, str(Path(__file__).parents[1] / "pretraining"))
from masked import BACKBONES, MAX_STEPS, train
from real_spectra import GROUPS, Source, read_sources

FOLDS = (("soil", "fuel", "raman"), ("cane", "grain"), ("ftir", "forensic"))
NEVER_TRAINED_ON = {  # same survey as soil_moisture, share-alike, or without a stated licence
    "soil_geeves": "soil",
    "soil_limesoda_ssp_460": "soil",
    "gasoline_kalivas": "fuel",
    "raman_porkfat": "raman",
}
GAPS = {
    "patches of 8": partial(patches, length=8),
    "patches of 16": partial(patches, length=16),
    "patches of 24": partial(patches, length=24),
    "block of 10 %": partial(block, fraction=0.1),
    "block of 30 %": partial(block, fraction=0.3),
}
RIVALS = ["cubic", "pchip", "matern12", "matern32", "rbf"]
NAMES = {  # of the table
    "imputer": "`SpektronImputer`, no spectra",
    "cubic": "cubic spline",
    "pchip": "monotone spline",
    "matern32": "Gaussian process",
    "dlinoss": "network",
    "cnn": "network, convolutions",
    "with": "`SpektronImputer` and network",
    "shipped": "`masked`",
}
N_SPECTRA, N_DRAWS = 12, 2
ROUNDS = -2, -1, 1, 2  # blocks hidden around a gap, by their distance in widths
Fill = Callable[[NDArray, NDArray, NDArray], NDArray]  # axis, Z (n, p), hidden (p,) -> (n, h)


def spline(make: Callable, axis: NDArray, Z: NDArray, hidden: NDArray) -> NDArray:
    """Return the hidden channels by a spline of the visible ones, constant beyond the ends."""
    at, visible = np.flatnonzero(hidden), np.flatnonzero(~hidden)
    inside = np.clip(at, visible[0], visible[-1])
    return make(visible, Z[:, visible], axis=1)(inside)


def process(kernel: Callable, length: float, axis: NDArray, Z: NDArray, hidden: NDArray) -> NDArray:
    """Return the hidden channels by a Gaussian process with an unknown mean."""
    channel = np.arange(len(hidden)) / length
    K = kernel(np.abs(channel[:, None] - channel)) + 100
    visible = K[np.ix_(~hidden, ~hidden)] + 1e-6 * np.eye(np.count_nonzero(~hidden))
    return np.linalg.solve(visible, Z[:, ~hidden].T).T @ K[np.ix_(~hidden, hidden)]


CLASSICAL: dict[str, Fill] = {
    "imputer": lambda axis, Z, hidden: interpolate_gaps(Z, hidden),
    "cubic": partial(spline, CubicSpline),
    "pchip": partial(spline, PchipInterpolator),
    "matern12": partial(process, lambda r: np.exp(-r), 64.0),
    "matern32": partial(process, lambda r: (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r), 64.0),
    "rbf": partial(process, lambda r: np.exp(-(r**2) / 2), 12.0),
}


def network_fill(network: SpektronNetwork, axis: NDArray, Z: NDArray, hidden: NDArray) -> NDArray:
    """Return the hidden channels of spectra (n, p) by a network with patches of one channel."""
    n, p = Z.shape
    wavenumber = torch.tensor(axis.copy()).expand(n, -1)
    with torch.inference_mode():
        encoded = network(
            torch.tensor(np.where(hidden, 0, Z), dtype=torch.float32),
            torch.ones(n, p, dtype=torch.bool),
            wavenumber,
            torch.zeros(n, dtype=torch.long),
            torch.tensor(hidden).expand(n, -1),
        )
        return network.decode(encoded, wavenumber).double().numpy()[:, hidden]


def fill_of(weights: Path | str) -> Fill:
    """Return the fill of weights, of which any channels can be hidden."""
    frozen = resolve_weights(weights)
    network = SpektronNetwork(replace(frozen.architecture, patch_length=1))
    network.load_state_dict(frozen.tensors())
    return partial(network_fill, network.eval())


def blend(fills: Sequence[Fill], axis: NDArray, Z: NDArray, hidden: NDArray) -> NDArray:
    """Return the average of fills, weighted by their errors in blocks around every gap."""
    gaps = list(gaps_of(hidden))
    errors = np.zeros((len(fills), len(Z), len(gaps)))
    for distance in ROUNDS:
        blocks = [around(gap, distance, hidden) for gap in gaps]
        more = hidden.copy()
        for found in blocks:
            more[found] = True
        for error, fill in zip(errors, fills, strict=True):
            filled = np.zeros_like(Z)
            filled[:, more] = fill(axis, Z, more)
            for k, found in enumerate(blocks):
                error[:, k] += ((filled - Z)[:, found] ** 2).sum(axis=1)
    weights = 1 / (errors + 1e-14)
    weights /= weights.sum(axis=0)
    number = np.concatenate([np.full(stop - start, k) for k, (start, stop) in enumerate(gaps)])
    each = [w[:, number] * f(axis, Z, hidden) for w, f in zip(weights, fills, strict=True)]
    return np.sum(each, axis=0)


def around(gap: tuple[int, int], distance: int, hidden: NDArray) -> slice:
    """Return a visible block of the width of a gap, some widths away; an empty one without."""
    start, stop = gap
    moved = distance * (stop - start + 1)
    found = slice(start + moved, stop + moved)
    free = found.start > 0 and found.stop < len(hidden) and not hidden[found].any()
    return found if free else slice(0)


def score(source: Source, gaps: str, fills: dict[str, Fill]) -> dict[str, str]:
    """Return the errors of fills over that of a straight line, as text."""
    rng = np.random.default_rng([len(gaps), *source.name.encode(), *gaps.encode()])
    logs = []
    for _ in range(N_DRAWS):
        hidden = GAPS[gaps](source.X.shape[1], rng=rng)
        X = source.X[rng.permutation(len(source.X))[:N_SPECTRA]]
        Z = standardize_visible(X, hidden)[0]
        guesses = [interpolate_hidden(Z, hidden)]
        guesses += [fill(source.axis, Z, hidden) for fill in fills.values()]
        errors = [np.sum((guess - Z[:, hidden]) ** 2) for guess in guesses]
        logs.append(np.log(np.array(errors[1:]) / errors[0]))
    return {k: f"{v:.3g}" for k, v in zip(fills, np.exp(np.mean(logs, axis=0)), strict=True)}


def weights_of(fold: Sequence[str], backbone: str, seed: int, args: argparse.Namespace) -> Path:
    """Return the file of a network, which is trained without a fold if there is none."""
    path = args.weights / f"{backbone}-{'-'.join(fold)}-{seed}.safetensors"
    if path.exists():
        return path
    start, part = time.process_time(), path.with_suffix(".part")
    pretrainer = train(
        part,
        args.data,
        backbone=backbone,
        held_out=fold,
        max_steps=args.max_steps,
        seed=seed,
        checkpoint=path.with_suffix(".checkpoint"),
    )
    seconds = round(time.process_time() - start)
    tensors = pretrainer.network_.tensors().values()
    record = {"seconds": seconds, "n_parameters": sum(t.numel() for t in tensors)}
    path.with_suffix(".json").write_text(json.dumps(record))
    path.with_suffix(".checkpoint").unlink(missing_ok=True)
    return part.rename(path)


def fills_of(fold: Sequence[str], args: argparse.Namespace) -> dict[str, Fill]:
    """Return all fills of the sets of a fold."""
    fills = dict(CLASSICAL)
    for backbone in BACKBONES:
        for seed in range(args.seeds):
            fills[f"{backbone} {seed}"] = fill_of(weights_of(fold, backbone, seed, args))
    for seed in range(args.seeds):
        both = fills["imputer"], fills[f"dlinoss {seed}"]
        fills[f"with {seed}"] = partial(blend, both)
    return fills


def reporting_sets(folder: Path) -> Iterator[Source]:
    """Yield the sets that no choice was made on, on an even axis, which the network ignores."""
    for data in chain(data_sets(folder), classics()):
        if data.file in REPORTING:
            axis = np.linspace(4000.0, 9000.0, data.X.shape[1])
            yield Source(data.name, axis, data.X[:, ::-1])


def all_rows(args: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Yield the rows of all sets."""
    groups = GROUPS | NEVER_TRAINED_ON
    for fold in FOLDS:
        fills = fills_of(fold, args)
        for source in read_sources(args.data, [f for f, g in groups.items() if g in fold]):
            group = groups[source.name.split("/")[0]]
            for gaps in GAPS:
                labels = {"set": source.name, "group": group, "gaps": gaps}
                yield labels | score(source, gaps, fills)
    if args.reporting:
        fills = CLASSICAL | {"shipped": fill_of("masked")}
        for source in reporting_sets(args.data):
            for gaps in GAPS:
                labels = {"set": source.name, "group": "reporting", "gaps": gaps}
                yield labels | score(source, gaps, fills)


def by_set(rows: Sequence[dict], columns: Sequence[str], best: bool = False) -> dict[str, float]:
    """Return the mean log error of every set over `columns` and kinds of gaps."""
    logs: dict[str, list] = {}
    for row in rows:
        logs.setdefault(row["set"], []).append([np.log(float(row[c])) for c in columns])
    # The best column of a set is chosen in hindsight, for all kinds of gaps together.
    return {k: float((np.min if best else np.mean)(np.mean(v, axis=0))) for k, v in logs.items()}


def family_of(column: str) -> str:
    """Return the name of a fill without its seed."""
    return column.split(" ")[0]


def summary(rows: Sequence[dict]) -> Iterator[tuple]:
    """Yield groups, kind of gaps, fill and figures: mean, worst, sets above 1, over the best, p.

    Figures are squared errors over those of a straight line, means over sets; "over the best" is
    over the best of the line, splines and Gaussian processes, chosen for each set in hindsight, and
    p is that of Wilcoxon's signed-rank test of the mean logarithms against `imputer`.
    """
    for reporting, kind in ((r, k) for r in (False, True) for k in ("patches", "block")):
        own = [r for r in rows if (r["group"] == "reporting") is reporting]
        own = [r for r in own if r["gaps"].startswith(kind)]
        families: dict[str, list[str]] = {}
        for name in [c for c in list(rows[0])[3:] if own and own[0][c]]:
            families.setdefault(family_of(name), []).append(name)
        best = by_set(own, RIVALS, best=True) if own else {}
        imputer = by_set(own, ["imputer"])
        for family, columns in families.items():
            mean = by_set(own, columns)
            v = np.array(list(mean.values()))
            over = np.exp((v - [min(best[k], 0.0) for k in mean]).mean())
            p = 1.0
            if family != "imputer":
                p = wilcoxon(v, [imputer[k] for k in mean]).pvalue
            figures = float(np.exp(v.mean())), float(np.exp(v.max())), int((v > 0).sum()), len(v)
            yield ("reporting" if reporting else "held out"), kind, family, *figures, over, p


def table(rows: Sequence[dict]) -> str:
    """Return the table of docs/evidence.md."""
    header = ["sets", "gaps", "fill", "over a line", "worst", "worse on", "over the best", "p"]
    lines = [
        [
            *(group, f"{kind}s" if kind == "block" else kind, NAMES[family]),
            *(f"{mean:.2f}", f"{worst:.2f}", f"{n_worse} of {n}", f"{over:.2f}"),
            "" if family == "imputer" else digits(p, 2),
        ]
        for group, kind, family, mean, worst, n_worse, n, over, p in summary(rows)
        if family in NAMES
    ]
    return markdown(header, lines)


def trainings(args: argparse.Namespace) -> dict[str, dict]:
    """Return what the trainings took."""
    files = sorted(args.weights.glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SKSPEKTRON_DATA"))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--max-steps", type=int, default=MAX_STEPS)
    parser.add_argument("--reporting", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("bench_masked.csv"))
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Run and print the table."""
    args = parse(argv)
    args.weights.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = list(all_rows(args))
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    with args.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    record_run(args.output, argv, (*PACKAGES, "torch"), is_only=True, trainings=trainings(args))
    with args.output.open(newline="") as file:
        print(table(list(csv.DictReader(file))))


if __name__ == "__main__":
    main(sys.argv[1:])
