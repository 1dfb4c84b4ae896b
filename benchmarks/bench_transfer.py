"""Compare transfer methods on public spectra, with the same splits and standards for all.

A task is an ordered pair of instruments and a property. A repeat holds out a quarter of the
physical samples on all instruments; standards are chosen from the rest by Kennard-Stone. Each row
of the CSV is one fit, scored on the spectra of the held-out samples from the target instrument.
Rows already in the CSV are not computed again, so an interrupted run can be resumed.

    python -m benchmarks.bench_transfer --data corn tablets --repeats 10 --n-jobs 2 \
        --output transfer.csv

Classes and functions of any package run on the same splits: `--method package.module:Class`.
PROTOCOL.md describes what is measured, and what such a class has to do.
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, partial
from importlib import import_module
from importlib.metadata import packages_distributions
from inspect import signature
from itertools import groupby, permutations
from operator import attrgetter
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter
from types import SimpleNamespace

import numpy as np
import torch
from chemotools.derivative import SavitzkyGolay
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.conditions import CONDITIONS
from benchmarks.development import STRENGTHS, replicated, second_instrument, single_instrument_sets
from benchmarks.sidecar import PACKAGES, fingerprint, read_runs
from benchmarks.sidecar import record_run as record
from skspektron import SpektronPretrainer, metrics, transfer
from skspektron.datasets import fetch_corn, fetch_tablets, make_instruments
from skspektron.model_selection import TransferShuffleSplit, dask_parallel, stack_instruments

KEY = ("task", "method", "n_transfer", "repeat")
COLUMNS = (*KEY, "rmsep", "r2", "bias", "sep", "seconds")
TEST_SIZE = 0.25  # fraction of the samples
N_HASHED = 20  # splits of a task whose hash a sidecar has
FEWEST_REPEATS = 6  # with fewer, a Wilcoxon test cannot reach p < 0.05
R2_FLOOR = -1.0  # keeps one failed task from dominating the mean

# Outliers excluded by published code; rows are counted from 0 within their subset.
TABLET_OUTLIERS = {
    "calibrate": (18, 121, 125, 126),
    "test": (4, 8, 10, 144, 266, 293, 294, 312, 340, 341, 343),
}
HANDHELDS = ("MicroNIR1700_rep1", "MicroNIR1700_rep2", "MicroNIR2200", "NIRscanNano", "TellSpec")
SUGARCANE_PROPERTIES = ("TS", "CP", "ADF", "IVOMD")
TABLET_MAX_WAVELENGTH = 1650.0  # nm; beyond it the detector is noisy


@dataclass(frozen=True)
class Task:
    """A calibration to transfer from `source` to `target`, as stacked rows."""

    name: str  # e.g. corn/m5-mp6/moisture
    source: str
    target: str
    wavelength: NDArray  # (n_features,), nm
    X: NDArray  # (n_rows, n_features)
    y: NDArray  # (n_rows,)
    instrument: NDArray  # (n_rows,)
    sample_id: NDArray  # (n_rows,)
    all_y: NDArray  # (n_rows, n_properties); `y` is one of the columns
    column: int = 0


@dataclass(frozen=True)
class Method:
    """How to build a transfer estimator, and the numbers of standards to run it with."""

    estimator: str  # class in `skspektron.transfer`
    build: Callable  # (task, n_transfer, seed) -> estimator
    derivative: bool = True  # first derivative of the spectra, or the spectra as measured
    sizes: Callable = lambda requested: requested  # requested n_transfer -> n_transfer to run
    rows: Callable = lambda task, train, seed: train  # training rows -> rows to fit on
    joint: bool = False  # one fit for all properties of a pair, which share the map


def classical(name: str, sizes: Callable, rows: Callable = Method.rows, **params) -> Method:
    """Return the method of a class in `skspektron.transfer`, on cross-validated PLS."""

    def build(task, n_transfer, seed):
        estimator = getattr(transfer, name)
        return estimator(
            source=task.source,
            target=task.target,
            n_transfer=n_transfer,
            random_state=seed,
            **params,
        )

    return Method(name, build, sizes=sizes, rows=rows)


def with_axis(name: str, sizes: Callable, *, joint: bool = True, **lazy: Callable) -> Method:
    """Return the method of a class that reads the spectra as measured, and their axis.

    Functions in `lazy` return parameters; they are called when the estimator is built.
    """

    def build(task, n_transfer, seed):
        estimator = getattr(transfer, name)
        return estimator(
            source=task.source,
            target=task.target,
            n_transfer=n_transfer,
            wavelength=task.wavelength,
            random_state=seed,
            **{name: make() for name, make in lazy.items()},
        )

    return Method(name, build, derivative=False, sizes=sizes, joint=joint)


@cache
def random_weights() -> str:
    """Write an untrained network with the architecture of the weights `small`; return its path."""
    data = make_instruments(4, random_state=0)
    network = SpektronPretrainer(
        "calibration", wavelength=data.wavelength, max_steps=1, learning_rate=1e-30, random_state=0
    )
    path = Path(mkdtemp()) / "random.safetensors"
    network.fit(data.X["A"]).save(path)
    return str(path)


def positive(requested: Iterable[int]) -> list[int]:
    """Return the sizes above 0, where a method needs standards."""
    return [n for n in requested if n > 0]


def zero(requested: Iterable[int]) -> list[int]:
    """Return 0 alone: the method runs without standards."""
    return [0]


def positive_or_zero(requested: Iterable[int]) -> list[int]:
    """Return the sizes above 0, or 0 if no other is requested."""
    return positive(requested) or zero(requested)


def half_of_samples(*, other: bool) -> Callable:
    """Return a function that keeps half of the samples, with `other` one half per instrument."""

    def rows(task: Task, train: NDArray, seed: int) -> NDArray:
        ids = np.unique(task.sample_id[train])
        chosen = np.random.default_rng(seed).permutation(ids)[: len(ids) // 2]
        is_kept = np.isin(task.sample_id[train], chosen)
        if other:
            is_kept ^= task.instrument[train] == task.target
        return train[is_kept]

    return rows


UNLABELLED = {
    "mean-centring": "MeanCentredTransfer",
    "coral": "CORALTransfer",
    "di-pls": "DIPLSTransfer",
}
# Unlabelled target spectra of the same samples as on the source, or of other samples.
HALVES = {
    f"{name}-{'other' if other else 'same'}-half": classical(
        method, sizes=zero, rows=half_of_samples(other=other)
    )
    for name, method in UNLABELLED.items()
    for other in (False, True)
}
METHODS = {
    "no-transfer": classical("NoTransfer", sizes=zero),
    **{name: classical(method, sizes=list) for name, method in UNLABELLED.items()},
    "slope-bias": classical("SlopeBiasTransfer", sizes=positive),
    "ds": classical("DSTransfer", sizes=positive),
    "pds": classical("PDSTransfer", sizes=positive),
    "sst": classical("SSTTransfer", sizes=positive),
    "cca": classical("CCATransfer", sizes=positive),
    "ds-published": classical("DSTransfer", sizes=positive, learns="spectrum"),
    "pds-published": classical("PDSTransfer", sizes=positive, learns="spectrum"),
    "sst-published": classical("SSTTransfer", sizes=positive, learns="spectrum"),
    "cca-published": classical("CCATransfer", sizes=positive, learns="spectrum"),
    "epo": classical("EPOTransfer", sizes=positive),
    "nar": classical("NARTransfer", sizes=positive),
    "pfce-ns": classical("PFCETransfer", sizes=positive, uses="spectra"),
    "pfce-ss": classical("PFCETransfer", sizes=positive, uses="labels"),
    "pfce-fs": classical("PFCETransfer", sizes=positive, uses="both"),
    "pooled": classical("PooledTransfer", sizes=positive),
    "target-only": classical("TargetOnly", sizes=positive),
    "full-recalibration": classical("TargetOnly", sizes=lambda requested: [None]),
    "fno": classical("FNOTransfer", sizes=positive),
    "ensemble": with_axis("EnsembleTransfer", sizes=positive),
    "lora": with_axis("LoRATransfer", sizes=list),
    "lora-random": with_axis("LoRATransfer", sizes=positive, weights=random_weights),
    "ttt": with_axis("TTTTransfer", sizes=zero, joint=False),
    **HALVES,
}


@cache
def method_of(name: str) -> Method:
    """Return a method by its name in `METHODS`, or that of a class or function "module:name"."""
    if ":" not in name:
        return METHODS[name]
    module, _, attribute = name.partition(":")
    factory = attrgetter(attribute)(import_module(module))
    accepted = {*signature(factory).parameters}
    if any(each.kind is each.VAR_KEYWORD for each in signature(factory).parameters.values()):
        accepted |= {"n_transfer", "random_state"}

    def build(task, n_transfer, seed):
        known = {"n_transfer": n_transfer, "random_state": seed, "wavelength": task.wavelength}
        known = {key: value for key, value in known.items() if key in accepted}
        return factory(source=task.source, target=task.target, **known)

    # A class that takes the axis gets the spectra as measured, as those of this package do.
    return Method(label_of(name), build, "wavelength" not in accepted, sizes=positive_or_zero)


def label_of(name: str) -> str:
    """Return the name of a method in the rows: of "module:Class", that of the class."""
    return name.rpartition(":")[2].rpartition(".")[2]


# The first method of each class, which the documentation quotes.
NAMES = {method.estimator: name for name, method in reversed(METHODS.items())}


def corn_tasks() -> Iterator[Task]:
    """Yield 24 tasks: 6 ordered pairs of instruments, 4 properties."""
    corn = fetch_corn()
    yield from pair_tasks("corn", corn.X, corn.y, corn)


def tablet_tasks() -> Iterator[Task]:
    """Yield 6 tasks: 2 directions, 3 properties, without published outliers."""
    tablets = fetch_tablets()
    keep = np.ones(len(tablets.y), dtype=bool)
    for subset, outliers in TABLET_OUTLIERS.items():
        keep[np.flatnonzero(tablets.subset == subset)[list(outliers)]] = False
    channels = tablets.wavelength <= TABLET_MAX_WAVELENGTH
    tablets.wavelength = tablets.wavelength[channels]
    tablets.sample_id = tablets.sample_id[keep]
    X = {name: spectra[keep][:, channels] for name, spectra in tablets.X.items()}
    yield from pair_tasks("tablets", X, tablets.y[keep], tablets)


def sugarcane_tasks() -> Iterator[Task]:
    """Yield 80 tasks: 20 ordered pairs of handhelds, 4 properties, on the channels in common.

    Settings were chosen on these tasks, so their results are not an independent test.
    """
    folder = os.environ.get("SKSPEKTRON_DATA")
    if folder is None:
        raise SystemExit("SKSPEKTRON_DATA is not set. Set it to the folder of sugarcane_chaix.npz.")
    data = np.load(Path(folder) / "sugarcane_chaix.npz")
    for source, target in permutations(HANDHELDS, 2):
        axes = {name: data[f"wavelengths_{name}"] for name in (source, target)}
        for name in SUGARCANE_PROPERTIES:
            known = np.isfinite(data[name])
            spectra = {key: (axis, data[f"X_{key}"][known]) for key, axis in axes.items()}
            label = f"sugarcane/{source}-{target}/{name}"
            yield on_source_axis(label, spectra, data[name][known], np.flatnonzero(known))


def on_source_axis(
    label: str, spectra: dict[str, tuple[NDArray, NDArray]], y: NDArray, ids: NDArray
) -> Task:
    """Return a task whose target spectra are interpolated at channels of the source.

    `spectra` are axis in nm and spectra (n, p) of the source and of the target, in this order.
    Channels of the source outside of the target's range are dropped.
    """
    (source, (axis, X)), (target, (target_axis, X_target)) = spectra.items()
    shared = (axis >= target_axis.min()) & (axis <= target_axis.max())
    on_target = PchipInterpolator(target_axis, X_target, axis=1)(axis[shared])
    pair = {key: (each, y, ids) for key, each in ((source, X[:, shared]), (target, on_target))}
    rows, y, *labels = stack_instruments(pair)
    return Task(label, source, target, axis[shared], rows, y, *labels, y[:, None])


def simulated_tasks() -> Iterator[Task]:
    """Yield 4 tasks on simulated instruments, which need no file."""
    bunch = make_instruments(
        60, n_components=2, wavelength=np.arange(1100.0, 2500.0, 10.0), random_state=0
    )
    yield from pair_tasks("simulated", bunch.X, bunch.y, bunch)


def pair_tasks(
    data: str, X: dict[str, NDArray], y: NDArray, bunch, pairs: Iterable | None = None
) -> Iterator[Task]:
    """Yield a task for every pair of instruments, by default all ordered ones, and property."""
    for source, target in permutations(X, 2) if pairs is None else pairs:
        pair = {key: (X[key], y, bunch.sample_id) for key in (source, target)}
        rows, all_y, *labels = stack_instruments(pair)
        for column, name in enumerate(bunch.target_names):
            label = f"{data}/{source}-{target}/{name}"
            axis, one = bunch.wavelength, all_y[:, column]
            yield Task(label, source, target, axis, rows, one, *labels, all_y, column)


def development_tasks() -> Iterator[Task]:
    """Yield 52 tasks: both directions between real and simulated instruments, see development.py.

    Settings are chosen on these tasks, so their results are not an independent test.
    """
    for seed, (name, wavelength, X, properties) in enumerate(single_instrument_sets()):
        y, ids = np.column_stack(list(properties.values())), np.arange(len(X))
        names = SimpleNamespace(wavelength=wavelength, target_names=list(properties), sample_id=ids)
        for kind, strength in STRENGTHS.items():
            other = second_instrument(X, strength, seed)
            spectra = {"real": replicated(X, seed), "simulated": other}
            yield from pair_tasks(f"{name}-{kind}", spectra, y, names)


def condition_tasks(name: str) -> Iterator[Task]:
    """Yield the tasks of one set in which the conditions change, see conditions.py."""
    for wavelength, X, properties, ids, pairs in CONDITIONS[name]():
        y = np.column_stack(list(properties.values()))
        bunch = SimpleNamespace(wavelength=wavelength, target_names=list(properties), sample_id=ids)
        yield from pair_tasks(name, X, y, bunch, pairs)


DATA = {
    "corn": corn_tasks,
    "tablets": tablet_tasks,
    "sugarcane": sugarcane_tasks,
    **{name: partial(condition_tasks, name) for name in CONDITIONS},
    "development": development_tasks,
    "simulated": simulated_tasks,
}


@cache
def joint_fits_by_pair() -> dict:
    """Return the joint fits of the last pair and split of this process, by pair and seed."""
    return {}


def joint_fits(task: Task, seed: int) -> dict:
    """Return the joint fits of the pair and split of a task; drop those of any other."""
    is_alone = task.all_y.shape[1] == 1
    pair = task.name if is_alone else pair_of(task)
    known = joint_fits_by_pair()
    if (pair, seed) not in known:
        known.clear()
    return known.setdefault((pair, seed), {})


def pair_of(task: Task) -> str:
    """Return the data set and the instruments of a task, as in its name."""
    return task.name.rsplit("/", 1)[0]


def run_pair(units: list[tuple], seed: int) -> list[dict]:
    """Run the units of one pair of instruments on one split, which share the joint fits."""
    return [row for unit in units for row in run_unit(*unit, seed)]


def run_unit(task: Task, repeat: int, todo: list[tuple], seed: int) -> list[dict]:
    """Fit and score the (method, n_transfer) pairs in `todo` on one split of one task."""
    torch.set_num_threads(1)  # threadpool_limits only limits libraries that are loaded
    train, test = split(task, seed + repeat)
    derivative = first_derivative(task.X)
    rows = []
    for name, n_transfer in todo:
        method = method_of(name)
        X = derivative if method.derivative else task.X
        if method.joint:
            fits = joint_fits(task, seed + repeat)
            if (name, n_transfer) not in fits:
                fits[name, n_transfer] = predict(
                    task, method, n_transfer, seed + repeat, X, train, test
                )
            y_pred, seconds = fits[name, n_transfer]
            y_pred = y_pred[:, task.column]
        else:
            y_pred, seconds = predict(task, method, n_transfer, seed + repeat, X, train, test)
            y_pred = y_pred.reshape(len(test))
        key = (task.name, label_of(name), size_label(n_transfer), str(repeat))
        rows.append(dict(zip(KEY, key, strict=True)) | score(task.y[test], y_pred, seconds))
    return rows


def split(task: Task, seed: int) -> tuple[NDArray, NDArray]:
    """Return the rows of three quarters of the samples, and the target rows of the others."""
    cv = TransferShuffleSplit(1, target=task.target, test_size=TEST_SIZE, random_state=seed)
    metadata = {"instrument": task.instrument, "sample_id": task.sample_id}
    [(train, test)] = cv.split(task.X, task.y, **metadata)
    return train, test


def first_derivative(X: NDArray) -> NDArray:
    """Return the derivative of each spectrum, which depends on no other: nothing leaks."""
    return SavitzkyGolay(window_length=11, polyorder=2, mode="interp").fit_transform(X)


def predict(task, method, n_transfer, seed, X, train, test, **params) -> tuple[NDArray, float]:
    """Return predictions for the test rows, and the seconds that fit and predict took."""
    estimator = method.build(task, n_transfer, seed).set_params(**params)
    used = method.rows(task, train, seed)
    y = task.all_y if method.joint else task.y
    known = {"instrument": task.instrument[used], "sample_id": task.sample_id[used]}
    start = perf_counter()
    with threadpool_limits(1):  # for small arrays, several threads are slower
        y_pred = estimator.fit(X[used], y[used], **known).predict(X[test])
    return y_pred, perf_counter() - start


def score(y_true: NDArray, y_pred: NDArray, seconds: float) -> dict[str, float]:
    """Return the figures of merit and the seconds of one row."""
    values = {n: getattr(metrics, n)(y_true, y_pred) for n in ("rmsep", "r2", "bias", "sep")}
    rounded = {name: float(f"{value:.5g}") for name, value in values.items()}
    return rounded | {"seconds": round(seconds, 3)}


def size_label(n_transfer: int | None) -> str:
    """Return a number of standards as the CSV writes it; None is "all"."""
    return "all" if n_transfer is None else str(n_transfer)


def n_candidates(task: Task) -> int:
    """Return the number of samples that can be standards: paired, and not held out."""
    ids = [task.sample_id[task.instrument == name] for name in (task.source, task.target)]
    return int((1 - TEST_SIZE) * len(np.intersect1d(*ids)))


def plan(tasks, names, sizes, repeats, done) -> Iterator[tuple[Task, int, list[tuple]]]:
    """Yield the fits that are missing, grouped by task and split.

    Numbers of standards above the number of candidates are left out.
    """
    fits = [(name, n) for name in names for n in method_of(name).sizes(sizes)]
    largest = {task.name: n_candidates(task) for task in tasks}
    for repeat in range(repeats):
        for task in tasks:
            todo = [
                (name, n)
                for name, n in fits
                if (n is None or n <= largest[task.name])
                and (task.name, label_of(name), size_label(n), str(repeat)) not in done
            ]
            if todo:
                yield task, repeat, todo


def read_rows(path: Path) -> list[dict]:
    """Return the rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def identities(tasks: Iterable[Task], seed: int) -> dict[str, str]:
    """Return hashes of the arrays of every task, and of its first `N_HASHED` splits."""
    result = {}
    for task in tasks:
        data = task.wavelength, task.X, task.y, task.instrument, task.sample_id
        splits = (part for repeat in range(N_HASHED) for part in split(task, seed + repeat))
        result[task.name] = f"{fingerprint(data)} {fingerprint(splits)}"
    return result


def record_run(path: Path, seed: int, argv: Sequence[str], tasks=(), packages=()) -> None:
    """Add a run to the file beside the CSV; refuse another seed, other data or other splits.

    A run lists the hashes of those tasks that no earlier run of the file has.
    """
    runs = read_runs(path)
    if any(run["seed"] != seed for run in runs):
        raise SystemExit(
            f"{path} was made with seed {runs[0]['seed']}, this run has seed {seed}. "
            "Pass the same --seed, or another --output."
        )
    known = {name: value for run in runs for name, value in run.get("tasks", {}).items()}
    found = identities(tasks, seed)
    changed = [name for name, value in found.items() if known.get(name, value) != value]
    if changed:
        raise SystemExit(
            f"{path} was made with other data or splits of {changed[0]} ({known[changed[0]]}, "
            f"now {found[changed[0]]}). Pass another --output."
        )
    new = {name: value for name, value in found.items() if name not in known}
    settings = {"seed": seed} | ({"tasks": new} if new else {})
    record(path, argv, (*PACKAGES, "torch", *packages), **settings)


def own_packages(names: Iterable[str]) -> list[str]:
    """Return the distributions that methods "module:Class" come from, where they are installed.

    Those that a module calls are named in its constant `PACKAGES`.
    """
    by_module = packages_distributions()
    modules = {name.partition(":")[0] for name in names if ":" in name}
    found = {dist for module in modules for dist in by_module.get(module.partition(".")[0], ())}
    called = {dist for name in modules for dist in getattr(import_module(name), "PACKAGES", ())}
    installed = {dist for of_module in by_module.values() for dist in of_module}
    return sorted((found | called & installed) - {*PACKAGES, "torch"})


@contextmanager
def workers(n_jobs: int, cluster: str | None) -> Iterator[None]:
    """Run jobs in local processes, or on the Dask cluster of a scheduler."""
    if cluster is None:
        with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
            yield
    else:
        from distributed import Client

        with Client(cluster) as client, dask_parallel(client):
            yield


def compute(units: list, args: argparse.Namespace) -> None:
    """Run the units in parallel and append their rows as they are computed."""
    path = args.output
    is_new = not path.exists() or not path.stat().st_size  # empty after an interrupted run
    with (
        path.open("a", newline="") as file,
        workers(args.n_jobs, args.cluster),
        tqdm(total=sum(len(todo) for *_, todo in units), unit="fit", mininterval=1) as bar,
    ):
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        pairs = groupby(units, key=lambda unit: (pair_of(unit[0]), unit[1]))
        jobs = (delayed(run_pair)(list(of_pair), args.seed) for _, of_pair in pairs)
        for rows in Parallel(return_as="generator_unordered")(jobs):
            writer.writerows(rows)
            file.flush()
            bar.update(len(rows))


def regrets(rows: Iterable[dict]) -> dict[tuple[str, str, str], float]:
    """Return the distance in mean R2 to the best method, by data set, method and n_transfer.

    The means are over the splits that the method was run on. Methods that were not run on all of
    them are not compared with it, nor are those on half of the samples.
    """
    r2: dict[tuple, dict[tuple, float]] = {}
    for row in rows:
        cell = row["task"].split("/")[0], row["method"], row["n_transfer"]
        r2.setdefault(cell, {})[row["task"], row["repeat"]] = max(float(row["r2"]), R2_FLOOR)
    result = {}
    for (data, method, n), own in r2.items():
        rivals = [
            sum(other[split] for split in own) / len(own)
            for (other_data, name, other_n), other in r2.items()
            if (other_data, other_n) == (data, n)
            and name not in HALVES
            and own.keys() <= other.keys()
        ]
        mean = sum(own.values()) / len(own)
        result[data, method, n] = max([mean, *rivals]) - mean
    return result


def summary(rows: list[dict]) -> str:
    """Return a table of R2, its spread and regret by data set, method and n_transfer."""
    groups: dict[tuple, list] = {}
    for row in rows:
        data = row["task"].split("/")[0]
        groups.setdefault((data, row["method"], row["n_transfer"]), []).append(row)
    regret = regrets(rows)
    lines = [
        f"{'data':<10} {'method':<20} {'n':>4} {'fits':>5} {'mean R2*':>9} {'regret':>7} "
        f"{'median R2':>10} {'IQR':>6} {'seconds':>8}"
    ]
    for (data, method, n_transfer), group in groups.items():
        r2 = np.array([float(row["r2"]) for row in group])
        q1, median, q3 = np.quantile(r2, [0.25, 0.5, 0.75])
        seconds = np.median([float(row["seconds"]) for row in group])
        lines.append(
            f"{data:<10} {method:<20} {n_transfer:>4} {len(group):>5} "
            f"{np.maximum(r2, R2_FLOOR).mean():>9.3f} {regret[data, method, n_transfer]:>7.3f} "
            f"{median:>10.3f} {q3 - q1:>6.3f} {seconds:>8.2f}"
        )
    notes = (
        f"* R2 of each fit floored at {R2_FLOOR:.0f}; regret: distance to the best method on the "
    )
    return "\n".join([*lines, f"{notes}same splits; seconds: the median"])


def comparison(rows: list[dict], one: str, other: str) -> str:
    """Return a table of the tasks in which `one` is better or worse than `other`.

    Repeats are paired: both methods have the same split and the same standards. A task counts as
    better or worse where the two-sided Wilcoxon signed-rank test of R2 has p < 0.05, which takes
    at least six repeats; with fewer, the table has a dash.
    """
    r2 = {tuple(row[key] for key in KEY): max(float(row["r2"]), R2_FLOOR) for row in rows}
    pairs: dict[tuple, list] = {}
    for task, method, n_transfer, repeat in r2:
        if method == one and (task, other, n_transfer, repeat) in r2:
            key = (task.split("/")[0], n_transfer, task)
            difference = r2[task, one, n_transfer, repeat] - r2[task, other, n_transfer, repeat]
            pairs.setdefault(key, []).append(difference)
    lines = [
        f"{one} against {other}, paired by split",
        f"{'data':<10} {'n':>4} {'tasks':>6} {'repeats':>8} {'mean':>7} {'median':>7} "
        f"{'better':>7} {'worse':>6}",
    ]
    for data, n_transfer in dict.fromkeys(key[:2] for key in pairs):
        tasks = [np.array(d) for key, d in pairs.items() if key[:2] == (data, n_transfer)]
        signs = [significant_sign(d) for d in tasks]
        every = np.concatenate(tasks)
        lines.append(
            f"{data:<10} {n_transfer:>4} {len(tasks):>6} {min(map(len, tasks)):>8} "
            f"{every.mean():>7.3f} {np.median(every):>7.3f} "
            f"{counted(signs, 1, tasks):>7} {counted(signs, -1, tasks):>6}"
        )
    return "\n".join(lines)


def counted(signs: list, sign: int, tasks: list) -> str:
    """Return the number of tasks with a sign, or a dash with too few repeats for the test."""
    return str(signs.count(sign)) if min(map(len, tasks)) >= FEWEST_REPEATS else "-"


def significant_sign(differences: NDArray) -> float:
    """Return the sign of the median, or 0 where it is not significant."""
    if len(differences) < FEWEST_REPEATS or wilcoxon_p(differences) >= 0.05:
        return 0.0
    return float(np.sign(np.median(differences)))


def wilcoxon_p(differences: NDArray) -> float:
    """Return the p-value of the two-sided Wilcoxon signed-rank test; 1 if no repeat differs."""
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", nargs="+", choices=DATA, default=["corn"])
    parser.add_argument("--tasks", default="*", help="glob of task names, e.g. 'corn/m5-*/oil'")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="all, without --method")
    parser.add_argument(
        "--method",
        nargs="+",
        type=importable,
        default=[],
        metavar="MODULE:CLASS",
        help="classes or functions that return a transfer, in place of --methods or beside them",
    )
    parser.add_argument("--n-transfer", nargs="+", type=int, default=[0, 2, 5, 10, 20, 30, 50])
    parser.add_argument("--repeats", type=int, default=10, help="splits of each task")
    parser.add_argument("--seed", type=int, default=0, help="repeat r draws from seed + r")
    parser.add_argument("--n-jobs", type=int, default=1, help="parallel processes, one thread each")
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster, instead of --n-jobs"
    )
    parser.add_argument("--output", type=Path, default=Path("bench_transfer.csv"))
    parser.add_argument(
        "--compare", nargs=2, metavar=("ONE", "OTHER"), help="also test two methods of the output"
    )
    args = parser.parse_args(argv)
    if args.methods is None:
        args.methods = [] if args.method else list(METHODS)
    args.methods = list(dict.fromkeys([*args.methods, *args.method]))
    labels = [label_of(name) for name in args.methods]
    if len(set(labels)) < len(labels):
        parser.error(f"methods must have different names, got {', '.join(labels)}")
    return args


def importable(name: str) -> str:
    """Return an argument "module:Class" that can be imported."""
    if ":" not in name:
        raise argparse.ArgumentTypeError(f"{name!r} must be like package.module:Class.")
    try:
        method_of(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be used: {error}") from error
    return name


def main(argv: Sequence[str]) -> None:
    """Run the benchmark and print its summary."""
    args = parse(argv)
    tasks = [task for data in args.data for task in DATA[data]() if fnmatch(task.name, args.tasks)]
    if not tasks:
        raise SystemExit(f"No task of {args.data} matches {args.tasks!r}. Names are like a/b-c/d.")
    done = {tuple(row[key] for key in KEY) for row in read_rows(args.output)}
    units = list(plan(tasks, args.methods, args.n_transfer, args.repeats, done))
    record_run(args.output, args.seed, argv, tasks, own_packages(args.methods))
    compute(units, args)
    rows = read_rows(args.output)
    print(summary(rows))
    if args.compare:
        print(comparison(rows, *args.compare))


if __name__ == "__main__":
    # Import by name, so that workers started with PYTHONPATH=. can unpickle the jobs.
    from benchmarks import bench_transfer

    bench_transfer.main(sys.argv[1:])
