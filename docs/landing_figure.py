"""The figure of the landing page, from the rows of the benchmark on corn."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from skspektron.model_selection import TransferCurve, TransferCurveDisplay

ROWS = Path(__file__).parents[1] / "benchmarks" / "results" / "corn.csv"
METHODS = {
    "no-transfer": "NoTransfer",
    "target-only": "TargetOnly",
    "pds": "PDSTransfer",
    "nar": "NARTransfer",
    "ensemble": "EnsembleTransfer",
    "lora": "LoRATransfer",
}
N_TRANSFER = [0, 2, 5, 10, 20, 30, 50]


def read_ratios(path=ROWS):
    """Return {(method, n_transfer): [ratio, ...]}, a ratio for each repeat that has all tasks.

    A ratio is the geometric mean, over tasks, of RMSEP over that of full recalibration on the same
    split.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    level = {
        (row["task"], row["repeat"]): float(row["rmsep"])
        for row in rows
        if row["method"] == "full-recalibration"
    }
    logarithms = defaultdict(list)
    for row in rows:
        split = (row["task"], row["repeat"])
        if row["n_transfer"].isdigit() and split in level:
            fit = (row["method"], int(row["n_transfer"]), row["repeat"])
            logarithms[fit].append(math.log(float(row["rmsep"]) / level[split]))
    n_tasks = len({task for task, _ in level})
    ratios = defaultdict(list)
    for (method, n_transfer, _), values in logarithms.items():
        if len(values) == n_tasks:
            ratios[method, n_transfer].append(math.exp(np.mean(values)))
    return dict(ratios)


def make_curve(ratios, method):
    """Return the curve of a method; where it has fewer repeats than elsewhere, NaN fill up."""
    if method == "no-transfer":  # standards change nothing
        ratios = {(method, n): ratios[method, 0] for n in N_TRANSFER}
    sizes = [n for n in N_TRANSFER if (method, n) in ratios]
    scores = np.full((len(sizes), max(len(ratios[method, n]) for n in sizes)), np.nan)
    for row, n in zip(scores, sizes, strict=True):
        row[: len(ratios[method, n])] = ratios[method, n]
    return TransferCurve(sizes, scores, fit_times=None, score_times=None)


def draw():
    """Draw RMSEP, over that of full recalibration, against the number of standards."""
    from matplotlib import pyplot as plt

    ratios = read_ratios()
    curves = {name: make_curve(ratios, method) for method, name in METHODS.items()}
    ax = plt.figure(figsize=(7.2, 4.4), layout="constrained").subplots()
    TransferCurveDisplay(curves, recalibration=np.ones(1)).plot(ax)
    ax.set_yscale("log", base=2)
    ax.set_yticks([1, 1.5, 2, 3, 4, 6], ["1", "1.5", "2", "3", "4", "6"])
    ax.set_ylabel("RMSEP over that of full recalibration")
    ax.legend(ncols=2)
