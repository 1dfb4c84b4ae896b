"""Frequencies, damping and transfer functions of the D-LinOSS layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._drawing import COLOURS, check_axes, new_axes
from .._parameters import (
    TEXT,
    ByName,
    Integer,
    Number,
    Rules,
    Several,
    check_arguments,
    check_parameters,
    declares,
    instance_of,
)
from ._estimators import axis_unit, channel_step, fitted_network
from ._oscillator_bank import OscillatorBank

PERIOD_TICKS = (2, 4, 8)  # of the upper axis, in tokens
DECAY_TICKS = (5, 10, 20, 100)  # of the right axis, in tokens
# Upper limit of the gain axis over the 95 % quantile of gains, since resonances may be infinite.
GAIN_MARGIN = 2

BANK = instance_of(OscillatorBank, "an OscillatorBank")


class FilterDisplay:
    r"""Plot poles and gains of the D-LinOSS layers of a network.

    Each column is a layer. The upper panel shows the poles of its oscillators, radius r against
    frequency; an oscillator decays over about :math:`-1/\ln r` tokens. The lower panel shows
    gains against frequency: of the layer (thick), of all its oscillators without the direct term
    D (dash-dotted), of single oscillators (thin), and the geometric mean over layers (dashed).

    Parameters
    ----------
    banks : mapping of int to OscillatorBank
        Parameters of each layer to plot, by its index in the network.
    n_frequencies : int, default=257
        Frequencies from 0 to half a cycle per token at which gains are computed.
    token_step : float, default=None
        Distance between two tokens in `unit`. None: periods are given in tokens.
    unit : str, default="tokens"
        Unit of `token_step`.

    Attributes
    ----------
    frequency_, damping_ : ndarray of shape (n_layers, d_state)
        Angular frequency sqrt(A) and damping G, per token, as in `SpektronPretrainer`.
    pole_angle_, pole_radius_ : ndarray of shape (n_layers, d_state)
        Angle in radians per token, and radius, of the slowest pole of each oscillator.
    backward_ : ndarray of shape (n_layers, d_state) of bool
        True for oscillators that run from the last token to the first.
    cycles_ : ndarray of shape (n_frequencies,)
        Frequencies of the gains, in cycles per token.
    gain_ : ndarray of shape (n_layers, n_frequencies)
        Root mean square of the singular values of H(z): how much a layer amplifies a wave,
        averaged over uncorrelated dimensions of the tokens.
    bank_gain_ : ndarray of shape (n_layers, n_frequencies)
        The same without the direct term D.
    oscillator_gain_ : ndarray of shape (n_layers, d_state, n_frequencies)
        The same for each oscillator alone.
    stack_gain_ : ndarray of shape (n_frequencies,)
        Geometric mean of `gain_` over the layers.
    ax_ : ndarray of shape (2 * n_layers,) of matplotlib Axes
        Panels of the poles of all layers, then of their gains.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    OscillatorBank : Formulas, and H(z) itself.
    PatchKernelDisplay : Plots the kernels of the tokenizer, before the first layer.

    Notes
    -----
    H(z) is the linear part of a layer, from the normalized tokens to its GELU. Nonlinear units
    follow, so the product of the layers' transfer functions is not that of the network:
    `stack_gain_` shows which frequencies the layers amplify, not the output of the last one.
    Undamped oscillators have no finite gain at their own frequency: the height of their peaks
    depends on `n_frequencies`, and narrow peaks are cut off in the figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from skspektron import SpektronEmbedder
    >>> from skspektron.datasets import make_instruments
    >>> from skspektron.inspection import FilterDisplay
    >>> data = make_instruments(2, random_state=0)
    >>> embedder = SpektronEmbedder(wavelength=data.wavelength).fit(data.X["A"])
    >>> display = FilterDisplay.from_estimator(embedder, layer=0, ax=Figure().subplots(2))
    >>> display.frequency_.shape, display.gain_.shape
    ((1, 32), (1, 257))
    """

    _parameters: ClassVar[Rules] = {
        "banks": ByName(BANK, "a mapping of layers to OscillatorBank", way_out="Pass {0: bank}."),
        "n_frequencies": Integer(2),
        "token_step": Number(above=0) | None,
        "unit": TEXT,
    }

    def __init__(
        self,
        banks: Mapping[int, OscillatorBank],
        *,
        n_frequencies: int = 257,
        token_step: float | None = None,
        unit: str = "tokens",
    ):
        self.banks = banks
        self.n_frequencies = n_frequencies
        self.token_step = token_step
        self.unit = unit

    @property
    def frequency_(self) -> NDArray[Any]:
        """Angular frequency of each oscillator."""
        return self._stack("frequency")

    @property
    def damping_(self) -> NDArray[Any]:
        """Damping of each oscillator."""
        return self._stack("damping")

    @property
    def pole_angle_(self) -> NDArray[Any]:
        """Angle of the slowest pole of each oscillator."""
        return self._stack("angle")

    @property
    def pole_radius_(self) -> NDArray[Any]:
        """Radius of the slowest pole of each oscillator."""
        return self._stack("radius")

    @property
    def backward_(self) -> NDArray[Any]:
        """Whether each oscillator runs from the last token to the first."""
        return self._stack("backward")

    @property
    def cycles_(self) -> NDArray[Any]:
        """Frequencies of the gains."""
        return np.linspace(0, 0.5, self.n_frequencies)

    @cached_property
    def gain_(self) -> NDArray[Any]:
        """Gain of each layer."""
        return np.stack([bank.filter_gain(self.cycles_) for bank in self.banks.values()])

    @cached_property
    def bank_gain_(self) -> NDArray[Any]:
        """Gain of all oscillators of each layer."""
        banks = self.banks.values()
        return np.stack([bank.filter_gain(self.cycles_, direct=False) for bank in banks])

    @cached_property
    def oscillator_gain_(self) -> NDArray[Any]:
        """Gain of each oscillator alone."""
        return np.stack([bank.oscillator_gain(self.cycles_).T for bank in self.banks.values()])

    @property
    def stack_gain_(self) -> NDArray[Any]:
        """Geometric mean of the gains of the layers."""
        return np.prod(self.gain_, axis=0) ** (1 / len(self.gain_))

    def plot(self, ax: Any = None) -> FilterDisplay:
        """Plot poles and gains.

        Parameters
        ----------
        ax : array-like of 2 * n_layers matplotlib Axes, default=None
            Axes of the poles of all layers, then of their gains. None: a new figure.

        Returns
        -------
        display : FilterDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
        check_parameters(self)
        n = len(self.banks)
        if ax is None:
            options = {"figsize": (max(2.6 * n, 4.5), 5.5), "sharex": True, "sharey": "row"}
            ax = new_axes(type(self).__name__, 2, n, **options)
        self.ax_ = check_axes(ax, 2 * n)
        self.figure_ = self.ax_[0].figure
        for index, layer in enumerate(self.banks):
            self._draw_poles(self.ax_[index], index)
            self._draw_gain(self.ax_[n + index], index)
            self.ax_[index].set_title(f"Layer {layer}")
            self.ax_[n + index].set_xlabel("Cycles per token")
        self.ax_[0].set_ylabel("Radius of the pole")
        self.ax_[n].set_ylabel("Gain")
        _add_decays(self.ax_[n - 1])
        self.ax_[0].legend(fontsize="small", loc="lower left")
        self.ax_[n].legend(fontsize="small", loc="upper left")
        return self

    @classmethod
    @declares(
        layer=Integer() | Several(Integer()) | None,
        n_frequencies=Integer(2),
    )
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        layer: int | Sequence[int] | None = None,
        n_frequencies: int = 257,
        ax: Any = None,
    ) -> FilterDisplay:
        """Plot poles and gains of the network of a fitted estimator.

        Parameters
        ----------
        estimator : SpektronPretrainer, SpektronEmbedder or SpektronRegressor
            Fitted estimator with the "dlinoss" backbone.
        layer : int or sequence of int, default=None
            Indices of the layers, from 0. None: all.
        n_frequencies : int, default=257
            As in the class.
        ax : array-like of 2 * n_layers matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : FilterDisplay
            The display, with periods in the unit of the estimator's axis if it has a single axis.

        Raises
        ------
        ValueError
            If the network has no D-LinOSS layers, or none with this index.
        """
        check_arguments(cls.from_estimator, locals())
        from .._bridge import oscillator_banks

        network = fitted_network(estimator)
        architecture = network.architecture
        if architecture.backbone != "dlinoss":
            raise ValueError(
                f"The backbone of the network must be 'dlinoss', got {architecture.backbone!r}. "
                "Pass an estimator whose network has oscillators."
            )
        chosen = _check_layers(layer, architecture.n_layers)
        numbers, step = oscillator_banks(network), channel_step(estimator)
        banks = {index: OscillatorBank(**numbers[index]) for index in chosen}
        token_step, unit = None, "tokens"
        if step is not None:
            token_step, unit = step * architecture.window[1], axis_unit(estimator)
        return cls(banks, n_frequencies=n_frequencies, token_step=token_step, unit=unit).plot(ax)

    def _stack(self, name):
        """Return an attribute of all banks, (n_layers, d_state)."""
        return np.stack([getattr(bank, name) for bank in self.banks.values()])

    def _draw_poles(self, ax, index):
        """Plot the poles of one layer by direction."""
        for backward, marker, name in ((False, ">", "forward"), (True, "<", "backward")):
            chosen = self.backward_[index] == backward
            if not chosen.any():
                continue
            ax.plot(
                self.pole_angle_[index, chosen] / (2 * np.pi),
                self.pole_radius_[index, chosen],
                marker,
                color=COLOURS[backward],
                markerfacecolor="none" if backward else None,
                markersize=4,
                label=name,
            )
        lowest = self.pole_radius_.min()
        ax.set_ylim(lowest - 0.5 * (1 - lowest) - 0.01, 1 + 0.05 * (1 - lowest) + 0.002)
        self._add_periods(ax)

    def _draw_gain(self, ax, index):
        """Plot the gains of one layer, of its oscillators, and the mean over layers."""
        lines = {"color": "0.6", "linewidth": 0.5, "alpha": 0.6}
        ax.plot(self.cycles_, self.oscillator_gain_[index].T, **lines)
        ax.lines[-1].set_label("one oscillator")
        ax.plot(self.cycles_, self.bank_gain_[index], "-.", color=COLOURS[1], label="oscillators")
        ax.plot(self.cycles_, self.gain_[index], color=COLOURS[0], linewidth=2, label="layer")
        if len(self.banks) > 1:
            ax.plot(self.cycles_, self.stack_gain_, "k--", linewidth=1, label="mean of layers")
        ax.set_ylim(0, GAIN_MARGIN * np.quantile(self.gain_, 0.95))

    def _add_periods(self, ax):
        """Add an upper axis with the period of each frequency."""
        step = 1 if self.token_step is None else self.token_step
        upper = ax.secondary_xaxis("top")
        upper.set_xticks([1 / n for n in PERIOD_TICKS], [f"{n * step:.3g}" for n in PERIOD_TICKS])
        upper.set_xlabel(f"Period / {self.unit}")


def _add_decays(ax):
    """Add a right axis with the decay length of each radius."""
    right = ax.secondary_yaxis("right")
    right.set_yticks([np.exp(-1 / n) for n in DECAY_TICKS], [str(n) for n in DECAY_TICKS])
    right.set_ylabel("Decay length / tokens")


def _check_layers(layer, n_layers):
    """Return the indices of the layers to plot."""
    if layer is None:
        return list(range(n_layers))
    chosen = np.atleast_1d(layer).tolist()
    if not chosen or not set(chosen) <= set(range(n_layers)):
        raise ValueError(
            f"layer must be None or indices from 0 to {n_layers - 1}, got {layer!r}. "
            "Pass None for all layers."
        )
    return chosen
