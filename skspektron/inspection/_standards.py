"""Disagreement of transfer standards with what the others predict."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._drawing import COLOURS, MARKERS, import_pyplot, new_axes
from .._parameters import Kind, Rules, check_arguments, check_parameters, declares

KINDS = {"spectra": "spectral_disagreement", "reference values": "label_disagreement"}


def is_table(value: Any) -> bool:
    """Return whether a value is a mapping or a data frame with the columns that are drawn."""
    return hasattr(value, "keys") and {"id", *KINDS.values()} <= {str(key) for key in value}


TABLE = Kind("the standards_ of a fitted transfer", is_table, way_out="Pass model.standards_.")


class StandardsDisplay:
    """Plot how far each standard is from what the others predict.

    A row per standard, the one that disagrees most at the top. A standard right of the line at 1
    has less than half weight, and should be measured again.

    Parameters
    ----------
    standards : mapping of str to array-like of shape (n_transfer,)
        Table of a fitted transfer, ``model.standards_``, or a data frame made of it. `id`: sample.
        `spectral_disagreement`: distance of the difference between both spectra, or between their
        predictions, from what the other standards predict, in units of the largest that is
        accepted. `label_disagreement`: the same for the reference value and the prediction of the
        calibration. Both are NaN where unknown, as with fewer than 3 standards. `leverage`: 1 / n
        for a standard in the centre of the others, near 1 for one that alone determines what is
        predicted for it. `weight`, `label_weight`: weight of its spectra and its reference value.

    Attributes
    ----------
    points_ : dict of str to matplotlib Line2D
        The standards, for "spectra" and, if any are known, for "reference values".
    limit_ : matplotlib Line2D
        The line at 1.
    ax_ : matplotlib Axes
        Axes of the drawing.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    InfluenceDisplay : Outliers among the spectra of a calibration.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import StandardsDisplay
    >>> table = {"id": ["a", "b", "c"], "spectral_disagreement": [0.2, 3.0, 0.4],
    ...          "label_disagreement": [0.1, 0.2, 0.1]}
    >>> display = StandardsDisplay(table).plot(Figure().subplots())
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['a', 'c', 'b']
    """

    _parameters: ClassVar[Rules] = {"standards": TABLE}

    def __init__(self, standards: Any):
        self.standards = standards

    def plot(self, ax: Any = None) -> StandardsDisplay:
        """Plot the disagreements.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : StandardsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the table has no standards.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        names = np.asarray(self.standards["id"])
        if len(names) == 0:
            raise ValueError(
                "standards must have at least 1 row, got 0. Fit the transfer with n_transfer above "
                "0 on rows of both instruments."
            )
        columns = {kind: np.asarray(self.standards[key], float) for kind, key in KINDS.items()}
        largest = np.nan_to_num(np.fmax(*columns.values()))
        order = np.argsort(largest, kind="stable")
        if ax is None:
            ax = new_axes(type(self).__name__, figsize=(4.8, 1.2 + 0.22 * len(names)))[0]
        self.ax_, self.figure_ = ax, ax.figure
        self.limit_ = ax.axvline(1, color="black", linestyle="--", linewidth=1)
        self.points_ = {}
        for kind, colour, marker in zip(columns, COLOURS, MARKERS, strict=False):
            values = columns[kind][order]
            if kind == "spectra" or np.isfinite(values).any():
                (self.points_[kind],) = ax.plot(
                    values, np.arange(len(names)), marker, color=colour, label=kind
                )
        ax.set_yticks(np.arange(len(names)), labels=[str(name) for name in names[order]])
        ax.set(xlabel="Disagreement / limit", ylabel="Standard")
        ax.set_xlim(left=0)
        ax.legend(fontsize="small", loc="lower right")
        return self

    @classmethod
    @declares()
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Any = None) -> StandardsDisplay:
        """Plot the standards of a fitted transfer.

        Parameters
        ----------
        estimator : estimator
            Fitted ``*Transfer``, or a pipeline that ends in one.
        ax : matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : StandardsDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator has no table of standards.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        transfer: Any = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        check_is_fitted(transfer)
        if not hasattr(transfer, "standards_"):
            raise TypeError(
                f"estimator must be a fitted transfer, got {type(transfer).__name__}. Pass one "
                "that learns from standards, such as a NARTransfer."
            )
        return cls(transfer.standards_).plot(ax)
