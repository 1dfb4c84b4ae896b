"""Spectra with hidden patches and their reconstruction by a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from .._drawing import COLOURS, check_axes, new_axes
from .._parameters import (
    TEXT,
    Integer,
    Number,
    Rules,
    check_arguments,
    check_parameters,
    declares,
    instance_of,
)
from .._typing import RANDOM_STATE, RandomState
from .._validation import NUMBERS
from ..foundation._corpus import number_domains
from ..foundation._grids import axes_by_instrument, distinct_axes
from ..foundation._spectra import check_new_spectra
from ._estimators import axis_unit, fitted_network, in_unit

ERROR_NAMES = {
    "masked_mse": "network",
    "mean_mse": "mean spectrum",
    "interpolation_mse": "interpolation",
}


class ReconstructionDisplay:
    """Plot spectra and the reconstruction of their hidden channels, which are shaded.

    The title gives the mean squared error of the hidden channels beside that of two baselines,
    the mean spectrum and linear interpolation. `from_estimator` hides patches of spectra and
    reconstructs them with a network.

    Parameters
    ----------
    axis : array-like of shape (n_samples, n_channels)
        Axis of each spectrum, in `unit`; NaN after its last channel.
    X : array-like of shape (n_samples, n_channels)
        Spectra; NaN where not measured.
    reconstruction : array-like of shape (n_samples, n_channels)
        Spectra as a network reconstructs them from their visible channels.
    hidden : array-like of shape (n_samples, n_channels) of bool
        True for hidden channels.
    errors : mapping of str to float, default=None
        `masked_mse`, `mean_mse` and `interpolation_mse`, for the title. None: no title.
    unit : str, default="cm-1"
        Unit of `axis`.

    Attributes
    ----------
    ax_ : ndarray of shape (n_drawn,) of matplotlib Axes
        One panel per spectrum.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    skspektron.SpektronPretrainer : Records the same errors in `history_`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron import SNV, SpektronEmbedder
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.inspection import ReconstructionDisplay
    >>> data = make_instruments(10, random_state=0)
    >>> X = SNV().fit_transform(data.X["A"])
    >>> embedder = SpektronEmbedder("masked", wavelength=data.wavelength).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(
    ...     embedder, X, n_spectra=2, random_state=0, ax=Figure().subplots(2))
    >>> display.errors["masked_mse"] < display.errors["interpolation_mse"]
    True
    """

    _parameters: ClassVar[Rules] = {
        "axis": NUMBERS,
        "X": NUMBERS,
        "reconstruction": NUMBERS,
        "hidden": NUMBERS,
        "errors": instance_of(Mapping, "a mapping of names to errors") | None,
        "unit": TEXT,
    }

    def __init__(
        self,
        axis: ArrayLike,
        X: ArrayLike,
        reconstruction: ArrayLike,
        hidden: ArrayLike,
        *,
        errors: Mapping[str, float] | None = None,
        unit: str = "cm-1",
    ):
        self.axis = axis
        self.X = X
        self.reconstruction = reconstruction
        self.hidden = hidden
        self.errors = errors
        self.unit = unit

    @declares(n_spectra=Integer(1))
    def plot(self, ax: Any = None, *, n_spectra: int = 3) -> ReconstructionDisplay:
        """Plot the first spectra.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One for each plotted spectrum. None: a new figure.
        n_spectra : int, default=3
            Number of spectra to plot; all if there are fewer.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        check_arguments(self.plot, locals())
        n = min(n_spectra, len(np.asarray(self.X)))
        if ax is None:
            ax = new_axes(type(self).__name__, n, 1, figsize=(7, 1.6 + 1.4 * n), sharex=True)
        self.ax_ = check_axes(ax, n)
        self.figure_ = self.ax_[0].figure
        for row, axes in enumerate(self.ax_):
            self._draw(axes, row)
        self.ax_[-1].set_xlabel(
            "Wavelength / nm" if self.unit == "nm" else f"Wavenumber / {self.unit}"
        )
        if self.errors is not None:
            named = [f"{name} {self.errors[key]:.2g}" for key, name in ERROR_NAMES.items()]
            self.ax_[0].set_title("Mean squared error: " + ", ".join(named), fontsize="medium")
        self.ax_[0].legend(fontsize="small")
        return self

    @classmethod
    @declares(
        mask_ratio=Number(above=0, below=1),
        n_spectra=Integer(1),
        random_state=RANDOM_STATE,
    )
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        instrument: ArrayLike | None = None,
        mask_ratio: float = 0.35,
        n_spectra: int = 3,
        random_state: RandomState = None,
        ax: Any = None,
    ) -> ReconstructionDisplay:
        """Hide patches of spectra, reconstruct them with a network, and plot the first spectra.

        Parameters
        ----------
        estimator : SpektronPretrainer, SpektronEmbedder or SpektronRegressor
            Fitted estimator.
        X : array-like of shape (n_samples, n_features)
            Spectra as the estimator was fitted to. The errors and the mean spectrum are those of
            all of them.
        instrument : array-like of shape (n_samples,), default=None
            Instrument, or file, of each row: a key of `wavenumber_` of a pretrainer with several
            axes.
        mask_ratio : float, default=0.35
            Fraction of the patches of a spectrum that are hidden, above 0 and below 1.
        n_spectra : int, default=3
            Number of spectra to plot.
        random_state : int, RandomState instance or None, default=None
            Seed of the choice of hidden patches.
        ax : array-like of matplotlib Axes, default=None
            One for each plotted spectrum. None: a new figure.

        Returns
        -------
        display : ReconstructionDisplay
            The display, in the unit of the axis that the estimator was given.

        Raises
        ------
        ValueError
            If no spectrum has both hidden and visible patches, or the axis of a row is not known.

        Warns
        -----
        UserWarning
            If some spectra have no hidden patches or only hidden ones; they are omitted.
        """
        check_arguments(cls.from_estimator, locals())
        from .._training.masked._reconstruction import reconstruct

        network = fitted_network(estimator)
        spectra = _to_spectra(estimator, X, instrument)
        device = estimator._resolve_device()
        made = reconstruct(
            network.on(device),
            spectra,
            mask_ratio,
            seed=int(check_random_state(random_state).randint(2**31 - 1)),
            device=device,
        )
        unit = axis_unit(estimator)
        display = cls(
            in_unit(made.wavenumber, unit),
            made.values,
            made.reconstruction,
            made.hidden,
            errors=made.errors,
            unit=unit,
        )
        return display.plot(ax, n_spectra=n_spectra)

    def _draw(self, ax, row):
        """Plot one spectrum."""
        own = np.isfinite(np.asarray(self.axis)[row])
        axis, values, filled, hidden = (
            np.asarray(each)[row, own]
            for each in (self.axis, self.X, self.reconstruction, self.hidden)
        )
        edges = _edges(axis)
        for start, stop in _runs(hidden):
            ax.axvspan(edges[start], edges[stop], color="0.88", linewidth=0, zorder=0)
        ax.plot(axis, values, color="black", linewidth=1, label="measured")
        ax.plot(
            axis,
            np.where(hidden, filled, np.nan),
            color=COLOURS[1],
            linewidth=2,
            marker=".",
            markersize=4,
            label="reconstructed",
        )


def _to_spectra(estimator, X, instrument):
    """Return checked spectra on the axes of the estimator as tensors."""
    from .._bridge import to_spectra

    X = check_new_spectra(estimator, X)
    axes, grid = [estimator.wavenumber_], np.zeros(len(X), dtype=int)
    if isinstance(estimator.wavenumber_, dict):
        if instrument is None:
            raise ValueError(
                f"The network was trained on {len(estimator.wavenumber_)} axes and instrument is "
                "None. Pass instrument=, one name per row."
            )
        by_name = axes_by_instrument(
            X, instrument, wavelength=None, wavenumber=estimator.wavenumber_
        )
        axes, grid = distinct_axes(*by_name)
    labels = {}
    if estimator.network_.architecture.domain_token:
        named = "UNKNOWN" if estimator.domain is None else estimator.domain
        labels["domain"] = number_domains(named, instrument, len(X))
    if getattr(estimator, "derivative_scale_", None) is not None:
        labels["derivative_scale"] = np.full(len(X), estimator.derivative_scale_)
    return to_spectra(X, axes, grid, **labels)


def _runs(hidden):
    """Return start and end of each run of hidden channels."""
    change = np.diff(hidden.astype(int), prepend=0, append=0)
    return zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True)


def _edges(axis):
    """Return the edges midway between channels, (n_channels + 1,)."""
    if len(axis) < 2:
        return np.array([*(axis - 0.5), *(axis + 0.5)])
    middle = (axis[1:] + axis[:-1]) / 2
    return np.concatenate([[2 * axis[0] - middle[0]], middle, [2 * axis[-1] - middle[-1]]])
