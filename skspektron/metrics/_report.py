"""Table of the figures of merit of several methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from .._parameters import BOOLEAN, check_arguments, declares
from ._figures import bias, check_pair, r2, rmsep, rpd, rpiq, sep, slope

FIGURES_OF_MERIT = {f.__name__: f for f in (rmsep, bias, sep, slope, r2, rpd, rpiq)}


@declares(output_dict=BOOLEAN)
def transfer_report(
    y_true: ArrayLike,
    predictions: ArrayLike | Mapping[str, ArrayLike],
    *,
    output_dict: bool = False,
) -> str | dict[str, dict[str, Any]]:
    """Return a table of all figures of merit, one row per method.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Reference values of one target.
    predictions : array-like of shape (n_samples,) or mapping of str to array-like
        Predicted values, or the predicted values of each method.
    output_dict : bool, default=False
        Return a dict of numbers instead of text.

    Returns
    -------
    report : str or dict
        Columns rmsep, bias, sep (in the unit of `y`), slope, r2, rpd, rpiq and the number of
        samples n. As a dict, ``report[method][figure]``.

    Examples
    --------
    >>> from skspektron.metrics import transfer_report
    >>> print(transfer_report([1, 2, 3], {"PDS": [1, 2, 4]}))
              rmsep      bias       sep     slope        r2       rpd      rpiq     n
    PDS      0.5774    0.3333    0.5774       1.5       0.5     1.732     1.732     3
    """
    check_arguments(transfer_report, locals())
    if not isinstance(predictions, Mapping):
        predictions = {"prediction": predictions}
    n_samples, n_targets = check_pair(y_true, y_true)[0].shape
    if n_targets > 1:
        raise ValueError(
            f"y_true must have one target, got {n_targets}. "
            "Pass y_true[:, j] and the predictions of that target."
        )
    report = {
        method: {name: f(y_true, y_pred) for name, f in FIGURES_OF_MERIT.items()} | {"n": n_samples}
        for method, y_pred in predictions.items()
    }
    return report if output_dict else _format(report, [*FIGURES_OF_MERIT, "n"])


def _format(report, columns):
    """Return the report as text, with four significant digits."""
    width = max(map(len, report), default=0)
    lines = [" " * width + "".join(f"{c:>{_width(c)}}" for c in columns)]
    for method, row in report.items():
        cells = "".join(f"{row[column]:>{_width(column)}.4g}" for column in columns)
        lines.append(f"{method:<{width}}{cells}")
    return "\n".join(lines)


def _width(column):
    """Return the width of a column; a sign, four digits and an exponent need 10 characters."""
    return 6 if column == "n" else 12
