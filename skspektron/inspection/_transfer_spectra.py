"""Spectra of both instruments before and after a transfer, and their differences."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from .._drawing import COLOURS, check_axes, import_pyplot, new_axes
from .._parameters import Integer, Rules, check_arguments, check_parameters, declares
from .._validation import NUMBERS, WAVELENGTH, WAVENUMBER, check_stated
from .._warnings import warning_once
from ._transfer_rows import paired_spectra

STYLES: dict[str, dict[str, Any]] = {
    "source": {"color": "black", "linestyle": "-", "linewidth": 1.2},
    "target": {"color": COLOURS[1], "linestyle": "--", "linewidth": 1.2},
    "transferred": {"color": COLOURS[0], "linestyle": ":", "linewidth": 2.2},
}


class TransferSpectraDisplay:
    """Plot spectra of the same samples on source and target, before and after a transfer.

    The upper panel shows mean spectra. The lower panel shows differences from the source before
    and after the transfer: the mean as a line, the range over samples as a band.

    Parameters
    ----------
    X_source, X_target, X_transferred : array-like of shape (n_samples, n_channels)
        Spectra of the same samples, paired by row, on the channels of the source: measured on the
        source, measured on the target, and the latter after the transfer, such as
        ``PDS().fit(...).transform(X_target)``. `from_estimator` takes the mean of several sources.
    wavelength, wavenumber : array-like of shape (n_channels,), default=None
        Axis in nm or in cm-1; not both. None: channel numbers.
    n_standards : int, default=None
        Number of the samples that the transfer was fitted to, for the title. None: not known.

    Attributes
    ----------
    rms_before_, rms_after_ : float
        Root mean square of the differences from the source, in the unit of the spectra.
    lines_ : dict of str to matplotlib Line2D
        Mean spectra: `source`, `target` and `transferred`.
    difference_lines_, bands_ : dict of str to matplotlib artists
        Mean differences and their ranges: `target` and `transferred`.
    ax_ : ndarray of shape (2,) of matplotlib Axes
        Panels of spectra and of differences.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    EmbeddingDisplay : Compares instruments after a preprocessing or a network.

    Notes
    -----
    A transfer fits its standards better than new samples: assess it by samples that were not
    standards. A small difference between spectra does not imply a small prediction error, which
    depends on the differences along the regression coefficients.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import TransferSpectraDisplay
    >>> display = TransferSpectraDisplay([[1.0, 2.0]], [[2.0, 4.0]], [[1.0, 2.5]],
    ...                                  wavelength=[1100, 1102])
    >>> display.plot(Figure().subplots(2)).difference_lines_["transferred"].get_ydata()
    array([0. , 0.5])
    """

    _parameters: ClassVar[Rules] = {
        "X_source": NUMBERS,
        "X_target": NUMBERS,
        "X_transferred": NUMBERS,
        "wavelength": WAVELENGTH,
        "wavenumber": WAVENUMBER,
        "n_standards": Integer(0) | None,
    }

    def __init__(
        self,
        X_source: ArrayLike,
        X_target: ArrayLike,
        X_transferred: ArrayLike,
        *,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        n_standards: int | None = None,
    ):
        self.X_source = X_source
        self.X_target = X_target
        self.X_transferred = X_transferred
        self.wavelength = wavelength
        self.wavenumber = wavenumber
        self.n_standards = n_standards

    @property
    def rms_before_(self) -> float:
        """Root mean square of target minus source."""
        return _rms(self._spectra()["target"] - self._spectra()["source"])

    @property
    def rms_after_(self) -> float:
        """Root mean square of transferred minus source."""
        return _rms(self._spectra()["transferred"] - self._spectra()["source"])

    def plot(self, ax: Any = None) -> TransferSpectraDisplay:
        """Plot both panels.

        Parameters
        ----------
        ax : array-like of 2 matplotlib Axes, default=None
            Axes for the spectra and for the differences. None: a new figure.

        Returns
        -------
        display : TransferSpectraDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes, or the shapes of the spectra differ.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        spectra = self._spectra()
        axis, label = self._axis(spectra["source"].shape[1])
        if ax is None:
            ax = new_axes(type(self).__name__, 2, 1, figsize=(7, 5.4), sharex=True)
        self.ax_ = check_axes(ax, 2)
        self.figure_ = self.ax_[0].figure
        self.lines_ = {
            name: self.ax_[0].plot(axis, X.mean(axis=0), label=name, **STYLES[name])[0]
            for name, X in spectra.items()
        }
        self.difference_lines_: dict[str, Any] = {}
        self.bands_: dict[str, Any] = {}
        for name, rms in (("target", self.rms_before_), ("transferred", self.rms_after_)):
            self._draw_difference(axis, name, spectra[name] - spectra["source"], rms)
        self.ax_[1].axhline(0, color="0.5", linewidth=0.8, zorder=0)
        self.ax_[0].set(ylabel="Mean spectrum", title=self._title(len(spectra["source"])))
        self.ax_[1].set(xlabel=label, ylabel="Difference from source")
        for each in self.ax_:
            each.legend(fontsize="small")
        return self

    @classmethod
    @declares(
        wavelength=WAVELENGTH,
        wavenumber=WAVENUMBER,
    )
    @warning_once()
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        instrument: ArrayLike,
        sample_id: ArrayLike,
        wavelength: ArrayLike | None = None,
        wavenumber: ArrayLike | None = None,
        ax: Any = None,
    ) -> TransferSpectraDisplay:
        """Map target spectra of samples that both instruments measured, and plot them.

        Parameters
        ----------
        estimator : estimator
            Fitted ``*Transfer`` that maps spectra, or a `Pipeline` that ends in one; spectra are
            then plotted after its other steps.
        X : array-like of shape (n_rows, n_features)
            Spectra of both instruments, stacked; replicates are averaged. A target with other
            channels is drawn interpolated at those of the source by monotone cubics, as the
            methods interpolate it.
        instrument, sample_id : array-like of shape (n_rows,)
            Instrument of each row; physical sample of each row.
        wavelength, wavenumber : array-like of shape (n_features,), default=None
            Axis of `X` in nm or in cm-1. None: read from the column names.
        ax : array-like of 2 matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : TransferSpectraDisplay
            The display.

        Raises
        ------
        TypeError
            If the method does not map spectra.
        ValueError
            If no sample was measured on both instruments, or the instruments have different
            channels and there is no axis.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_arguments(cls.from_estimator, locals())
        if ax is None:
            import_pyplot(cls.__name__)
        pairs = paired_spectra(estimator, X, instrument, sample_id, wavelength, wavenumber)
        display = cls(
            pairs.X_source,
            pairs.X_target,
            pairs.X_transferred,
            wavelength=pairs.wavelength,
            wavenumber=pairs.wavenumber,
            n_standards=pairs.n_standards,
        )
        return display.plot(ax)

    def _spectra(self) -> dict[str, NDArray[np.float64]]:
        """Return the three sets of spectra by name after checking their shapes."""
        given = {
            "source": self.X_source,
            "target": self.X_target,
            "transferred": self.X_transferred,
        }
        spectra = {name: np.asarray(X, dtype=np.float64) for name, X in given.items()}
        shapes = [X.shape for X in spectra.values()]
        if len(set(shapes)) > 1 or len(shapes[0]) != 2 or not shapes[0][0]:
            raise ValueError(
                "X_source, X_target and X_transferred must have the same shape "
                f"(n_samples, n_channels), got {', '.join(map(str, shapes))}. Pass spectra of the "
                "same samples on the same channels."
            )
        return spectra

    def _axis(self, n_channels: int) -> tuple[NDArray[Any], str]:
        """Return the positions of the channels and the label of the axis."""
        if self.wavelength is not None and self.wavenumber is not None:
            raise ValueError("wavelength and wavenumber were both given. Pass only one of them.")
        if self.wavelength is not None:
            axis = check_stated(self.wavelength, n_channels, "wavelength", "nm")
            return axis, "Wavelength / nm"
        if self.wavenumber is not None:
            axis = check_stated(self.wavenumber, n_channels, "wavenumber", "cm-1")
            return axis, "Wavenumber / cm-1"
        return np.arange(n_channels), "Channel"

    def _title(self, n_samples: int) -> str:
        """Return the number of samples and of standards among them."""
        known = "" if self.n_standards is None else f", {self.n_standards} of them standards"
        return f"{n_samples} samples{known}"

    def _draw_difference(
        self, axis: NDArray[Any], name: str, difference: NDArray[Any], rms: float
    ) -> None:
        """Plot the mean and the range of the differences of one set from the source."""
        from matplotlib.colors import to_rgba

        label = f"{name} − source, RMS {rms:.2g}"
        mean, style = difference.mean(axis=0), STYLES[name]
        (self.difference_lines_[name],) = self.ax_[1].plot(axis, mean, label=label, **style)
        self.bands_[name] = self.ax_[1].fill_between(
            axis,
            difference.min(axis=0),
            difference.max(axis=0),
            facecolor=to_rgba(style["color"], 0.2),
            edgecolor=style["color"],
            linestyle=style["linestyle"],
            linewidth=0.6,
        )


def _rms(difference: NDArray[Any]) -> float:
    """Return the root mean square of differences."""
    return float(np.sqrt(np.mean(difference**2)))
