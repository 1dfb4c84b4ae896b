"""What tells transfer curves apart, and what is written at their axes."""

import numpy as np

from .._drawing import COLOURS, LINE_STYLES, MARKERS

_LABELS = {"neg_root_mean_squared_error": "RMSEP", "r2": "R²"}


def curve_style(index):
    """Return colour, marker and line style of one method."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": LINE_STYLES[index % len(LINE_STYLES)],
    }


def size_ticks(curves):
    """Return each size and its position on the axis; None, all standards, comes last."""
    sizes = {n for curve in curves for n in np.asarray(curve.n_transfer).tolist()}
    ticks = {n: n for n in sorted(sizes - {None})}
    if None in sizes:
        widest = np.diff([0, *ticks]).max(initial=1)
        ticks[None] = max(ticks, default=0) + int(widest)
    return ticks


def name_of_score(scoring):
    """Return the name of a score, None where it has none."""
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", None)


def sign_and_label(score_name):
    """Return the sign to draw a score with, and what to write at its axis."""
    if score_name is None:
        return 1, "Score"
    plain = score_name.removeprefix("neg_")
    label = plain.replace("_", " ") if plain.isidentifier() else plain
    label = _LABELS.get(score_name, label[:1].upper() + label[1:])
    return (1 if plain == score_name else -1), label
