"""What all drawings share: how series are told apart, and where matplotlib is asked for."""

from typing import Any

import numpy as np

# Okabe and Ito's colours without yellow and black. Markers and line styles, 7 and 3, tell 21
# series apart in grey. Dashes are for what series are compared with.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINE_STYLES = ("-", "-.", ":")


def import_pyplot(display: str) -> Any:
    """Return matplotlib's pyplot, or say which extra brings it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{display} draws with matplotlib, and matplotlib is not installed. "
            "Install it with pip install 'skspektron[plot]'."
        ) from error
    return plt


def new_axes(display: str, n_rows: int = 1, n_columns: int = 1, **options: Any) -> Any:
    """Return the axes of a new figure, row by row as one flat array."""
    options = {"layout": "constrained", "squeeze": False, **options}
    return import_pyplot(display).subplots(n_rows, n_columns, **options)[1].ravel()


def check_axes(ax: Any, n_axes: int) -> Any:
    """Return the user's axes as a flat array; another number of them is refused."""
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_axes:
        raise ValueError(
            f"ax holds {len(axes)} axes, {n_axes} are drawn on. Pass an array of {n_axes} Axes, "
            "or None for a new figure."
        )
    return axes
