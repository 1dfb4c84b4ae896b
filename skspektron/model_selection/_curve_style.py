"""Line styles and axis labels of transfer curves."""

import numpy as np

from .._drawing import COLOURS, LINE_STYLES, MARKERS

_LABELS = {"neg_root_mean_squared_error": "RMSEP", "r2": "R²"}


def curve_style(index):
    """Return the colour, marker and line style of one method."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": LINE_STYLES[index % len(LINE_STYLES)],
    }


def size_ticks(curves):
    """Return the position of each size on the axis; None (all standards) is last."""
    sizes = {n for curve in curves for n in np.asarray(curve.n_transfer).tolist()}
    ticks = {n: n for n in sorted(sizes - {None})}
    if None in sizes:
        widest = np.diff([0, *ticks]).max(initial=1)
        ticks[None] = max(ticks, default=0) + int(widest)
    return ticks


def name_of_score(scoring):
    """Return the name of a score, or None if it has none."""
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", None)


def sign_and_label(score_name):
    """Return the sign with which a score is drawn, and the label of its axis."""
    if score_name is None:
        return 1, "Score"
    plain = score_name.removeprefix("neg_")
    label = plain.replace("_", " ") if plain.isidentifier() else plain
    label = _LABELS.get(score_name, label[:1].upper() + label[1:])
    return (1 if plain == score_name else -1), label
