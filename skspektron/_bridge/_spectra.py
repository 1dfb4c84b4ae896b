"""Spectra and their axes as tensors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from ._arrays import to_tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Axes and labels of spectra on one or more grids."""

    wavenumber: Tensor  # (n_grids, n_channels) float64 in cm-1, ascending, padded with NaN
    grid: Tensor  # (n_samples,) index of the axis of a row
    domain: Tensor | None = None  # (n_samples,) number of the domain
    instrument: Tensor | None = None  # (n_samples,) number of the instrument
    sample: Tensor | None = None  # (n_samples,) number of the physical sample
    targets: Tensor | None = None  # (n_samples, n_targets) float64, NaN where unknown
    derivative_scale: Tensor | None = None  # (n_samples,), by which derivatives are divided

    @property
    def n_samples(self) -> int:
        """Number of spectra."""
        return len(self.grid)

    @property
    def n_instruments(self) -> int:
        """Number of instruments, 1 if they are not given."""
        return 1 if self.instrument is None else int(self.instrument.max()) + 1

    def labels(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the labels of rows by name."""
        names = ("domain", "instrument", "sample", "derivative_scale")
        labels = {name: getattr(self, name) for name in names}
        return {name: label[rows] for name, label in labels.items() if label is not None}

    def take(self, rows: Tensor):
        """Return a selection of rows."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "wavenumber"}
        by_row = {name: part[rows] for name, part in parts.items() if isinstance(part, Tensor)}
        return replace(self, **by_row)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra(Rows):
    """Spectra as tensors, from low to high wavenumber."""

    values: Tensor  # (n_samples, n_channels) float32, 0 where not valid
    valid: Tensor  # (n_samples, n_channels) bool
    weight: Tensor | None = None  # (n_samples, n_channels) inverse variance of the noise

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the network's arguments for some rows, cut to their longest axis."""
        grid = self.grid[rows]
        length = int(self.wavenumber[grid.unique()].isfinite().sum(1).max())
        batch = {
            "values": self.values[rows, :length],
            "valid": self.valid[rows, :length],
            "wavenumber": self.wavenumber[grid, :length],
            "grid": grid,
        }
        if self.weight is not None:
            batch["weight"] = self.weight[rows, :length]
        return batch | self.labels(rows)


@dataclass(frozen=True, eq=False, kw_only=True)
class LazySpectra(Rows):
    """Spectra that are read batch by batch, with the interface of `Spectra`."""

    axes: Sequence[np.ndarray]  # in cm-1, in the direction of what is read
    rows: Tensor  # (n_samples,) the numbers by which spectra are read
    read: Callable[[np.ndarray], np.ndarray]  # (n_rows,) to (n_rows, n_channels)
    read_noise: Callable[[np.ndarray], np.ndarray] | None = None  # likewise standard deviations

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Read some rows; return the network's arguments, cut to the longest axis among them."""
        numbers = self.rows[rows].numpy()
        grids, which = np.unique(self.grid[rows].numpy(), return_inverse=True)
        spectra = to_spectra(
            self.read(numbers),
            [self.axes[grid] for grid in grids],
            which,
            noise=None if self.read_noise is None else self.read_noise(numbers),
        )
        batch = spectra.batch(torch.arange(len(numbers)))
        return batch | {"grid": self.grid[rows]} | self.labels(rows)


def to_lazy_spectra(
    read: Callable[[np.ndarray], np.ndarray],
    axes: Sequence[np.ndarray],
    grid: np.ndarray,
    *,
    read_noise: Callable[[np.ndarray], np.ndarray] | None = None,
    **labels: np.ndarray | None,
) -> LazySpectra:
    """Return spectra whose rows `read` and `read_noise` return, as `to_spectra` for arrays."""
    nothing = np.empty((0, max(map(len, axes))))
    return LazySpectra(
        wavenumber=to_spectra(nothing, axes, np.empty(0)).wavenumber,
        grid=to_tensor(grid, np.int64),
        axes=axes,
        rows=torch.arange(len(grid)),
        read=read,
        read_noise=read_noise,
        **_numbers(labels),
    )


def to_spectra(
    X: np.ndarray,
    axes: Sequence[np.ndarray],
    grid: np.ndarray,
    *,
    noise: np.ndarray | None = None,
    **labels: np.ndarray | None,
) -> Spectra:
    """Return the rows of `X` (NaN: not measured) on their axes in cm-1 as tensors.

    Row i is on ``axes[grid[i]]``; columns after the end of that axis are ignored. `noise`, the
    standard deviation of every value, becomes its inverse variance, or 0 if it is not positive.
    `labels` are numbers per row.
    """
    values, wavenumber = _place(X, axes, grid)
    weight = None
    if noise is not None:
        noise = _place(noise, axes, grid)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = to_tensor(np.where(noise > 0, noise**-2, 0))
    return Spectra(
        values=to_tensor(np.nan_to_num(values)),
        valid=to_tensor(np.isfinite(values), bool),
        wavenumber=to_tensor(wavenumber, np.float64),
        grid=to_tensor(grid, np.int64),
        weight=weight,
        **_numbers(labels),
    )


def _numbers(labels: Mapping[str, np.ndarray | None]) -> dict[str, Tensor]:
    """Return the labels that are given, as tensors."""
    dtypes = {"targets": np.float64, "derivative_scale": np.float32}
    return {
        name: to_tensor(label, dtypes.get(name, np.int64)).clone()
        for name, label in labels.items()
        if label is not None
    }


def _place(X, axes, grid) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and axes from low to high wavenumber, padded with NaN."""
    n_channels = max(len(axis) for axis in axes)
    values = np.full((len(X), n_channels), np.nan, dtype=np.float32)
    wavenumber = np.full((len(axes), n_channels), np.nan)
    for index, axis in enumerate(axes):
        order = slice(None, None, 1 if axis[0] <= axis[-1] else -1)
        rows = grid == index
        wavenumber[index, : len(axis)] = axis[order]
        values[rows, : len(axis)] = X[rows, : len(axis)][:, order]
    return values, wavenumber
