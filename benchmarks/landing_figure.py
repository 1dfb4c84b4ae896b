"""Draw the figure of the landing page and the README: ``python -m benchmarks.landing_figure``.

It is drawn from the committed rows of the benchmark on corn and written to
``docs/_static/rmsep_by_standards.svg``. ``tests/test_docs.py`` checks that file against the rows.
"""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.tables import read
from skspektron.model_selection import TransferCurve, TransferCurveDisplay

FIGURE = Path(__file__).parents[1] / "docs" / "_static" / "rmsep_by_standards.svg"
METHODS = {
    "no-transfer": "NoTransfer",
    "target-only": "TargetOnly",
    "pds": "PDSTransfer",
    "nar": "NARTransfer",
    "ensemble": "EnsembleTransfer",
}
N_TRANSFER = [0, 2, 5, 10, 15, 20, 30]
N_REPEATS = 5  # every curve is drawn from the same splits: the first repeats of each task
STYLE = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 11,
    "legend.fontsize": 10,
    "svg.fonttype": "none",  # text stays text: the file is small and the page can be searched
    "svg.hashsalt": "skspektron",  # the same rows give the same file
}


def read_ratios():
    """Return {(method, n_transfer): [ratio, ...]} of the fits that have all tasks and repeats.

    There is one ratio for each of the first `N_REPEATS` repeats: the geometric mean over tasks of
    RMSEP divided by the RMSEP of full recalibration on the same split. It follows from both R2.
    """
    rows = [row for row in read("corn") if int(row["repeat"]) < N_REPEATS]
    recalibrated = {
        (row["task"], row["repeat"]): float(row["r2"])
        for row in rows
        if row["method"] == "full-recalibration"
    }
    logarithms = defaultdict(list)
    for row in rows:
        split = (row["task"], row["repeat"])
        if row["n_transfer"].isdigit() and split in recalibrated:
            fit = (row["method"], int(row["n_transfer"]), row["repeat"])
            unexplained = (1 - float(row["r2"])) / (1 - recalibrated[split])
            logarithms[fit].append(math.log(unexplained) / 2)
    n_tasks = len({task for task, _ in recalibrated})
    ratios = defaultdict(list)
    for (method, n_transfer, _), values in logarithms.items():
        if len(values) == n_tasks:
            ratios[method, n_transfer].append(math.exp(np.mean(values)))
    return {fit: values for fit, values in ratios.items() if len(values) == N_REPEATS}


def make_curve(ratios, method):
    """Return the curve of a method."""
    if method == "no-transfer":  # does not depend on the number of standards
        ratios = {(method, n): ratios[method, 0] for n in N_TRANSFER}
    sizes = [n for n in N_TRANSFER if (method, n) in ratios]
    scores = np.array([ratios[method, n] for n in sizes])
    return TransferCurve(sizes, scores, fit_times=None, score_times=None)


def draw():
    """Return the display of relative RMSEP against the number of standards."""
    from matplotlib.figure import Figure

    ratios = read_ratios()
    curves = {name: make_curve(ratios, method) for method, name in METHODS.items()}
    ax = Figure(figsize=(5.2, 4.4), layout="constrained").subplots()
    display = TransferCurveDisplay(curves, recalibration=np.ones(1)).plot(ax)
    ax.set_yscale("log", base=2)
    ax.set_yticks([1, 1.5, 2, 3, 4, 6], ["1", "1.5", "2", "3", "4", "6"])
    ax.set_ylabel("RMSEP relative to full recalibration")
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.9))
    for name, line in display.lines_.items():
        line.set_gid(name)  # the id of its path in the file
    display.recalibration_line_.set_gid("recalibration")
    return display


def main(path=FIGURE):
    """Write the figure."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        draw().figure_.savefig(path, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
