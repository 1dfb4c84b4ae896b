"""Display of the kernels of a tokenizer."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._drawing import COLOURS, check_axes, new_axes
from .._parameters import TEXT, Number, Rules, check_parameters
from .._validation import NUMBERS
from ._estimators import axis_unit, channel_step, fitted_network
from ._kernel_classes import classify_kernels


class PatchKernelDisplay:
    """Plot the kernels of a tokenizer by class.

    Each panel shows the kernels of one class, scaled to unit length with their largest weight
    positive; the thick line is the kernel that its class explains best. The title gives the
    fraction of kernels in the class, and the median fraction of their energy that it explains.

    Parameters
    ----------
    kernels : array-like of shape (n_kernels, n_channels)
        Weights of the channels of a token, from low to high wavenumber.
    channel_step : float, default=None
        Distance between two channels in `unit`. None: positions are given in channels.
    unit : str, default="channels"
        Unit of `channel_step`.

    Attributes
    ----------
    classes_ : KernelClasses
        Label and explained energy of each kernel, and the fractions of the classes.
    ax_ : ndarray of shape (3,) of matplotlib Axes
        Panels of peaks, derivatives and baselines.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    classify_kernels : Computes the classes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron.inspection import PatchKernelDisplay
    >>> display = PatchKernelDisplay([[0, 1, 4, 1, 0], [1, 1, 1, 1, 1]])
    >>> display.plot(Figure().subplots(1, 3)).classes_.fractions
    {'peak': 0.5, 'derivative': 0.0, 'baseline': 0.5}
    """

    _parameters: ClassVar[Rules] = {
        "kernels": NUMBERS,
        "channel_step": Number(above=0) | None,
        "unit": TEXT,
    }

    def __init__(
        self, kernels: ArrayLike, *, channel_step: float | None = None, unit: str = "channels"
    ):
        self.kernels = kernels
        self.channel_step = channel_step
        self.unit = unit

    def plot(self, ax: Any = None) -> PatchKernelDisplay:
        """Plot the kernels.

        Parameters
        ----------
        ax : array-like of 3 matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : PatchKernelDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the kernels have fewer than 5 channels, or `ax` holds another number of axes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        kernels = np.asarray(self.kernels, dtype=np.float64)
        self.classes_ = classify_kernels(kernels)
        if ax is None:
            options = {"figsize": (8, 2.8), "sharex": True, "sharey": True}
            ax = new_axes(type(self).__name__, 1, 3, **options)
        self.ax_ = check_axes(ax, 3)
        self.figure_ = self.ax_[0].figure
        scaled = _make_positive(kernels)
        fractions = self.classes_.fractions
        for axes, (name, fraction), colour in zip(
            self.ax_, fractions.items(), COLOURS, strict=False
        ):
            self._draw(axes, scaled, self.classes_.label == name, colour)
            axes.set_title(self._title(name, fraction), fontsize="medium")
            axes.set_xlabel(f"Position / {self.unit}")
        self.ax_[0].set_ylabel("Weight, scaled")
        return self

    @classmethod
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Any = None) -> PatchKernelDisplay:
        """Plot the kernels of the network of a fitted estimator.

        Parameters
        ----------
        estimator : SpektronPretrainer, SpektronEmbedder or SpektronRegressor
            Fitted estimator with the "patch" or "raw" tokenizer.
        ax : array-like of 3 matplotlib Axes, default=None
            Axes to plot on. None: a new figure.

        Returns
        -------
        display : PatchKernelDisplay
            The display, with positions in the unit of the estimator's axis if it has a single
            axis.

        Raises
        ------
        ValueError
            If the tokenizer has no kernels, or kernels of fewer than 5 channels.
        """
        from .._bridge import patch_kernels

        network = fitted_network(estimator)
        tokenizer = network.architecture.tokenizer
        if tokenizer not in ("patch", "raw"):
            raise ValueError(
                f"The tokenizer of the network must be 'patch' or 'raw', got {tokenizer!r}. "
                "Pass an estimator whose tokens are weighted sums of channels."
            )
        step = channel_step(estimator)
        unit = "channels" if step is None else axis_unit(estimator)
        return cls(patch_kernels(network), channel_step=step, unit=unit).plot(ax)

    def _title(self, name, fraction):
        """Return the title of a class: fraction of kernels and median energy explained."""
        if not fraction:
            return f"{name}: 0%\n"
        energy = np.median(self.classes_.energy[self.classes_.label == name])
        return f"{name}: {fraction:.0%}\n{energy:.0%} of energy explained"

    def _draw(self, ax, scaled, chosen, colour):
        """Plot the kernels of one class."""
        step = 1 if self.channel_step is None else self.channel_step
        position = step * (np.arange(scaled.shape[1]) - (scaled.shape[1] - 1) / 2)
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        if not chosen.any():
            return
        ax.plot(position, scaled[chosen].T, color="0.6", linewidth=0.5, alpha=0.6)
        best = np.where(chosen, self.classes_.energy, -1).argmax()
        ax.plot(position, scaled[best], color=colour, linewidth=2)


def _make_positive(kernels):
    """Return kernels scaled to unit length with their largest weight positive."""
    largest = np.take_along_axis(kernels, np.abs(kernels).argmax(axis=1)[:, None], axis=1)
    norm = np.linalg.norm(kernels, axis=1, keepdims=True)
    return np.where(largest < 0, -1, 1) * kernels / np.where(norm > 0, norm, 1)
