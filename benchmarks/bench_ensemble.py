"""Compare choices in the average of `EnsembleTransfer` on the development tasks.

Every member is fitted once per task and number of standards; the choices differ in the members that
are averaged and in their weights. R2 on the target is floored at -1, as in bench_transfer.py.

    python -m benchmarks.bench_ensemble --n-transfer 5 10 20 --output ensemble.csv
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.bench_transfer import DATA, R2_FLOOR, Task
from benchmarks.sidecar import record_run
from skspektron.calibration import _weights as error_weights
from skspektron.calibration._kernels import RBF, Linear, Matern
from skspektron.model_selection import TransferShuffleSplit
from skspektron.transfer import EnsembleTransfer
from skspektron.transfer._averaging import _ensemble, _members, _weights

KERNELS = {
    "linear": Linear(),
    "autoscaled": Linear(autoscale=True),
    "rbf": RBF(1.0),
    "autoscaled rbf": RBF(1.0, autoscale=True),
    "wide rbf": RBF(2.0, autoscale=True),
    "matern": Matern(3.0),
}
DEFAULT = ("linear", "autoscaled rbf")
NO_SECOND = {"IGNORED_LABELS": 10**6}
STEP = {"sugarcane": (0, 3, 7), "development": (0, 3)}  # tasks of each ten, and of each four


def kernels(*names: str) -> Callable:
    """Return whether a member has one of the kernels; those on target labels have none."""
    return lambda member, kernel: kernel in (*names, None)


VARIANTS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "chosen": (kernels(*DEFAULT), {}),
    "linear kernel": (kernels("linear"), {}),
    "with autoscaled": (kernels(*DEFAULT, "autoscaled"), {}),
    "with matern": (kernels(*DEFAULT, "matern"), {}),
    "with both": (kernels(*DEFAULT, "autoscaled", "matern"), {}),
    "rbf for autoscaled rbf": (kernels("linear", "rbf"), {}),
    "wide for autoscaled rbf": (kernels("linear", "wide rbf"), {}),
    "without a map": (lambda m, k: not m.is_mapped and k in (*DEFAULT, None), {}),
    "without second average": (kernels(*DEFAULT), NO_SECOND),
    "without labels": (lambda m, k: k in DEFAULT and not m.uses_labels, NO_SECOND),
    "label prior 0.02": (kernels(*DEFAULT), {"LABEL_PRIOR": 0.02}),
    "exponents halved": (kernels(*DEFAULT), {"EXPONENT": 0.2}),
    "exponents doubled": (kernels(*DEFAULT), {"EXPONENT": 0.8}),
    "bands as whole views": (kernels(*DEFAULT), {"bands": 1.0}),
    "without bands": (lambda m, k: " at " not in m.view and k in (*DEFAULT, None), {}),
}


def tasks(data: str) -> list[Task]:
    """Return the tasks of a data set that choices are made on."""
    period = 10 if data == "sugarcane" else 4
    return [task for i, task in enumerate(DATA[data]()) if i % period in STEP[data]]


def fitted(task: Task, n_transfer: int, repeat: int) -> tuple[dict[str, Any], list, list, Any]:
    """Return the arguments of the weights, predictions and kernels of members, and test values."""
    cv = TransferShuffleSplit(1, target=task.target, test_size=0.25, random_state=repeat)
    known = {"instrument": task.instrument, "sample_id": task.sample_id}
    [(train, test)] = cv.split(task.X, task.y, **known)
    seen: dict[str, Any] = {}

    def record(members, fractions, source, standards):
        seen.update(members=members, fractions=fractions, source=source, standards=standards)
        return _weights.member_weights(members, fractions, source, standards)

    model = EnsembleTransfer(
        source=task.source, target=task.target, n_transfer=n_transfer, wavelength=task.wavelength
    )
    with (
        mock.patch.object(_members, "KERNELS", tuple(KERNELS.values())),
        mock.patch.object(_ensemble, "member_weights", record),
        threadpool_limits(1),
    ):
        model.fit(task.X[train], task.y[train], **{k: v[train] for k, v in known.items()})
    predictions = predict_each(model, seen["members"], task.X[test])
    return seen, predictions, names_of(seen["members"]), task.y[test]


def predict_each(model: EnsembleTransfer, members: list, X: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the predictions (s, n) of every member for target spectra."""
    viewed, difference_map = {False: model._transform_views(X)}, model._ensemble.difference_map
    if difference_map is not None:
        viewed[True] = model._transform_views(difference_map.transform(X))
    predictions = []
    for member in members:
        Phi = member.features.transform(viewed[member.is_mapped][member.view] + member.offset)
        predictions.append(member.coef[..., 0] @ Phi.T + member.intercept)
    return predictions


def names_of(members: list) -> list[str | None]:
    """Return the name of the kernel of each member, in the order of `fit_view`."""
    names: list[str | None] = []
    features: dict[int, str | None] = {}
    for member in members:
        if np.isinf(member.source_error).all():
            names.append(None)
            continue
        key = id(member.features)
        if key not in features:
            features[key] = list(KERNELS)[len(features) % len(KERNELS)]
        names.append(features[key])
    return names


def scores(task: Task, n_transfer: int, repeat: int) -> Iterator[tuple[str, float]]:
    """Yield the R2 of every variant."""
    seen, predictions, names, y = fitted(task, n_transfer, repeat)
    for variant, (keep, constants) in VARIANTS.items():
        at = [i for i, m in enumerate(seen["members"]) if keep(m, names[i])]
        yield variant, r2(y, average(seen, predictions, at, constants))


def average(seen, predictions, at, constants) -> NDArray[Any]:
    """Return the weighted mean of the members at the positions `at`."""
    members, fractions = [seen["members"][i] for i in at], seen["fractions"][at]
    fractions = np.where(fractions < 1, constants.get("bands", fractions), fractions)
    with ExitStack() as stack:
        for module in (_weights, error_weights):
            for name in constants.keys() & vars(module).keys():
                stack.enter_context(mock.patch.object(module, name, constants[name]))
        weights = _weights.member_weights(members, fractions, seen["source"], seen["standards"])
    return sum(w[:, 0] @ predictions[i] for w, i in zip(weights, at, strict=True))


def r2(y: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the coefficient of determination, floored."""
    return max(R2_FLOOR, 1 - float(np.mean((predicted - y) ** 2) / np.var(y)))


def main(argv: Sequence[str]) -> None:
    """Write a CSV of the mean R2 by data set, number of standards and variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=STEP, default=list(STEP))
    parser.add_argument("--n-transfer", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("ensemble.csv"))
    args = parser.parse_args(argv)
    record_run(args.output, argv, is_only=True)
    with args.output.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["data", "n_transfer", "variant", "tasks", "r2"])
        for data in args.data:
            for n_transfer in args.n_transfer:
                found: dict[str, list[float]] = {}
                for task in tasks(data):
                    for repeat in range(args.repeats):
                        for variant, value in scores(task, n_transfer, repeat):
                            found.setdefault(variant, []).append(value)
                for variant, values in found.items():
                    row = [data, n_transfer, variant, len(values), f"{np.mean(values):.4f}"]
                    writer.writerow(row)
                file.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
