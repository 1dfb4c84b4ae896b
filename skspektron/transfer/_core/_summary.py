"""What a fitted transfer learnt from, chose and warned of, as text and as HTML."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ..._axes import channels_in_names
from ..._axis_units import likely_unit
from ..._documentation import DocumentedEstimator
from ..._pipelines import last_step
from .._algorithms._pls import TargetScaledPLS
from ._instruments import listed
from ._parameters import SHARED
from ._standards import Rows

# Parameters that say nothing of what was learnt, besides those that all methods share.
NOT_CHOICES = {*SHARED, "device", "verbose", "wavelength", "wavenumber"}
COLUMNS = ("weight", "label_weight", "spectral_disagreement", "label_disagreement", "leverage")
WIDTH = 100  # of the text
MAX_VALUES = 6  # of an array that are all written


@dataclass(frozen=True)
class Section:
    """A table of a summary: its rows, and the names of the columns if there are any.

    Rows of one cell are paragraphs.
    """

    title: str
    rows: Sequence[tuple[str, ...]]
    header: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield lines of text with aligned columns."""
        yield self.title
        table = [*([self.header] if self.header else []), *self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            if len(row) == 1:
                yield textwrap.indent(
                    textwrap.fill(row[0], WIDTH - 4, break_long_words=False), "  "
                )
            else:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                yield f"  {'  '.join(cells)}".rstrip()

    def html(self) -> Iterator[str]:
        """Yield lines of HTML."""
        yield f"<p><b>{escape(self.title)}</b></p>"
        yield "<table>"
        for tag, rows in (("th", [self.header] if self.header else []), ("td", self.rows)):
            for row in rows:
                cells = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
                yield f"<tr>{cells}</tr>"
        yield "</table>"


@dataclass(frozen=True, repr=False)
class TransferSummary:
    """What a fitted transfer learnt from, chose and warned of.

    It is text when printed, and tables in a notebook. `sections` are the tables, each with
    `title`, `header` and `rows` of text.
    """

    title: str
    sections: tuple[Section, ...]

    def __str__(self) -> str:
        """Return the tables as text."""
        return "\n\n".join([self.title, *("\n".join(each.lines()) for each in self.sections)])

    def __repr__(self) -> str:
        """Return the tables as text, which a prompt shows."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the tables as HTML, which a notebook shows."""
        parts = [f"<p><b>{escape(self.title)}</b></p>"]
        parts += [line for section in self.sections for line in section.html()]
        return "\n".join(['<div class="skspektron-summary">', *parts, "</div>"])


class SummarizedTransfer(DocumentedEstimator):
    """Base of transfer methods with a summary of their fit."""

    _fit_warnings: tuple[str, ...] = ()  # of the last fit, see `fitting`

    def summary(self) -> TransferSummary:
        """Return what the fit learnt from, chose and warned of, to be printed or displayed.

        Returns
        -------
        summary : TransferSummary
            Text when printed, tables in a notebook, with these sections, of which empty ones are
            absent. *Instruments*: rows, samples and channels that are used of each. *Calibration*:
            the estimator of the source, with the parameters that differ from their defaults.
            *Choices*: parameters of the method, with the values that it chose for "auto", and
            weights of preprocessings. *Held-out errors*: root mean squares in the unit of `y`, for
            each target, where something was chosen by cross-validation; as the choice is the best
            of several, they are slightly too small. *Standards*: the table `standards_`,
            disagreements in units of the largest that is accepted. *Warnings*: those of
            skspektron during the fit.
        """
        check_is_fitted(self)
        sections = (
            Section(
                "Instruments", list(_instrument_rows(self)), ("", "rows", "samples", "channels")
            ),
            Section("Calibration", list(_calibration_rows(self))),
            Section("Choices", [(name, as_text(v, name)) for name, v in self._choices().items()]),
            Section("Held-out errors", list(_error_rows(self))),
            _standards_section(self),
            Section("Warnings", [(message,) for message in self._fit_warnings]),
        )
        return TransferSummary(_title(self), tuple(each for each in sections if each.rows))

    def _start_summary(self, source: Rows, target: Rows | None = None) -> None:
        """Count the rows and samples of each instrument at the start of a fit."""
        parts = [*source.by_source(), *([] if target is None else [target])]
        self._counts = [(len(part.X), len(np.unique(part.ids))) for part in parts]
        self._errors: dict[str, NDArray[Any]] = {}

    def _choices(self) -> dict[str, Any]:
        """Return the parameters of the method with the values that were used, and view weights.

        A value that was chosen is the attribute of this name with an underscore, or a parameter of
        the map. "auto" is left out where nothing was chosen. Methods add what else they found.
        """
        learnt, values = getattr(self, "map_", None), {}
        for name in self._get_param_names():
            if name not in NOT_CHOICES:
                given = getattr(self, name)
                values[name] = getattr(self, f"{name}_", getattr(learnt, name, given))
        chosen = {name: v for name, v in values.items() if not isinstance(v, str) or v != "auto"}
        views = getattr(self, "view_weights_", {})
        return chosen | {f"weight of {view!r}": weight for view, weight in views.items()}

    def _held_out_errors(self) -> dict[str, Any]:
        """Return root mean square errors (n_targets,) by what they are of."""
        calibrations = {
            "source samples, calibration": getattr(self, "estimator_", None),
            "samples of the target calibration": getattr(self, "target_estimator_", None),
        }
        found = {}
        for name, estimator in calibrations.items():
            final = None if estimator is None else last_step(estimator)
            if isinstance(final, TargetScaledPLS) and hasattr(final, "rmsecv_"):
                found[name] = final.rmsecv_
        return found | self._errors


def as_text(value: Any, name: str = "") -> str:
    """Return a value as text with four digits; of a long array, its size and range."""
    if value is None:
        return "all" if name == "n_components" else "none"
    if isinstance(value, bool | str) or not _is_number(value):
        return _shortened(str(value))
    values = np.ravel(np.asarray(value, dtype=float))
    if len(values) > MAX_VALUES:
        return f"{len(values)} values, {np.nanmin(values):.4g} to {np.nanmax(values):.4g}"
    return ", ".join("-" if np.isnan(v) else f"{v:.4g}" for v in values)


def _is_number(value: Any) -> bool:
    """Return whether a value is a number or an array of numbers."""
    return (
        np.asarray(value, dtype=object if isinstance(value, Mapping) else None).dtype.kind in "if"
    )


def _shortened(text: str) -> str:
    """Return text on one line of at most 80 characters."""
    return textwrap.shorten(" ".join(text.split()), 80, placeholder=" ...")


def _title(transfer: Any) -> str:
    """Return the name of the method, and from which instrument to which it transfers."""
    name = type(transfer).__name__
    if transfer.source_ is None:
        return f"{name}, fitted without instruments: nothing is transferred"
    sources = " and ".join(repr(label) for label in listed(transfer.source_))
    return f"{name} from {sources} to {transfer.target_!r}"


def _instrument_rows(transfer: Any) -> Iterator[tuple[str, ...]]:
    """Yield the rows of each instrument: name, numbers of rows and samples, and channels."""
    labels = ["all rows"]
    if transfer.source_ is not None:
        labels = [*listed(transfer.source_), transfer.target_]
    axis, unit = _axis(transfer)
    for k, (label, counts) in enumerate(zip(labels, transfer._counts, strict=False)):
        columns = transfer.source_channels_
        if transfer.source_ is not None:
            columns = transfer._columns_of(label)
            label = f"{label!r} ({'source' if k < len(labels) - 1 else 'target'})"
        channels = f"{len(columns)} channels"
        if axis is not None:
            ends = axis[columns[[0, -1]]]
            channels += f", {ends[0]:.6g} to {ends[1]:.6g} {unit}"
        yield label, *map(str, counts), channels


def _axis(transfer: Any) -> tuple[NDArray[Any] | None, str]:
    """Return the axis of all columns in the unit that it was given in, None if it is unknown."""
    found = None if transfer._layout.names is None else channels_in_names(transfer._layout.names)
    if found is not None:
        values, unit = found
        return values, unit or likely_unit(values.min(), values.max())[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fit has warned of the axis
        wavenumber = transfer._column_axis()
    if wavenumber is None:
        return None, ""
    given = transfer.get_params(deep=True).items()
    if any(name.endswith("wavenumber") and value is not None for name, value in given):
        return wavenumber, "cm-1"
    return 1e7 / wavenumber, "nm"


def _calibration_rows(transfer: Any) -> Iterator[tuple[str, ...]]:
    """Yield the calibration of the source and the number of targets."""
    steps = getattr(transfer.estimator_, "steps", [(None, transfer.estimator_)])
    for _, step in steps:
        text = str(step).replace(TargetScaledPLS.__name__, "PLSRegression")
        yield (_shortened(text),)
    if transfer._n_outputs:
        yield (f"{transfer._n_outputs[0]} targets",)


def _error_rows(transfer: Any) -> Iterator[tuple[str, ...]]:
    """Yield what each held-out error is of, and its size for each target."""
    for of, error in transfer._held_out_errors().items():
        yield of, as_text(error)


def _standards_section(transfer: Any) -> Section:
    """Return the table of the standards in the order of selection."""
    table = transfer.standards_
    columns = [[str(name) for name in table.id]]
    columns += [[_decimals(value) for value in table[name]] for name in COLUMNS]
    how = f"selection={as_text(transfer.selection)}, bad_standards={transfer.bad_standards!r}"
    title = f"{len(table.id)} standards, {how}"
    header = ("id", *(name.replace("_", " ") for name in COLUMNS))
    return Section(title, list(zip(*columns, strict=True)), header)


def _decimals(value: float) -> str:
    """Return a number with two decimals, a dash for NaN."""
    return "-" if np.isnan(value) else f"{value:.2f}"
