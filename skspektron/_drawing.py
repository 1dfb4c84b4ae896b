"""Styles and axes of all displays; matplotlib is imported here, when a display is plotted."""

from typing import Any

import numpy as np

# Okabe and Ito's colours without yellow and black. 7 markers and 3 line styles distinguish 21
# series without colour. Dashed lines are references.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINE_STYLES = ("-", "-.", ":")


def import_pyplot(display: str) -> Any:
    """Return matplotlib.pyplot; raise ImportError naming the extra to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{display} needs matplotlib, which is not installed. "
            "Install it with pip install 'skspektron[plot]'."
        ) from error
    return plt


def new_axes(display: str, n_rows: int = 1, n_columns: int = 1, **options: Any) -> Any:
    """Return the axes of a new figure as a flat array, row by row."""
    options = {"layout": "constrained", "squeeze": False, **options}
    return import_pyplot(display).subplots(n_rows, n_columns, **options)[1].ravel()


def check_axes(ax: Any, n_axes: int) -> Any:
    """Return the axes that the user gave as a flat array of `n_axes`."""
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_axes:
        raise ValueError(
            f"ax must hold {n_axes} Axes, got {len(axes)}. Pass an array of {n_axes} Axes, or None "
            "for a new figure."
        )
    return axes
