"""Frequencies, damping and transfer functions of the D-LinOSS layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._drawing import COLOURS, check_axes, new_axes
from ._estimators import axis_unit, channel_step, fitted_network
from ._oscillator_bank import OscillatorBank

PERIODS = (2, 4, 8)  # in tokens, where the upper axis has its ticks
DECAYS = (5, 10, 20, 100)  # in tokens, likewise on the right
HEADROOM = 2  # over the highest gain but for narrow resonances, which may be infinite


class FilterDisplay:
    r"""Draw poles and gain of the filters inside D-LinOSS layers.

    A column is a layer. Above, an oscillator is a mark at its frequency and its radius r: it
    rings for about :math:`-1/\ln r` tokens. Below is the gain against frequency: of the layer
    (thick), of all its oscillators without what passes by them (dash-dotted), of each of them
    (thin), and, dashed, the geometric mean of the layers.

    Parameters
    ----------
    banks : mapping of int to OscillatorBank
        Numbers of each layer to draw, by its index in the network.
    n_frequencies : int, default=257
        Frequencies from 0 to half a cycle per token at which gains are computed.
    token_step : float, default=None
        Distance between two tokens in `unit`. None: periods are in tokens.
    unit : str, default="tokens"
        Unit of `token_step`.

    Attributes
    ----------
    frequency_, damping_ : ndarray of shape (n_layers, d_state)
        Angular frequency sqrt(A) and damping G, per token, as in `SpektronPretrainer`.
    pole_angle_, pole_radius_ : ndarray of shape (n_layers, d_state)
        Angle in radians per token, and radius, of the slowest pole of every oscillator.
    backward_ : ndarray of shape (n_layers, d_state) of bool
        Which oscillators run from the last token to the first.
    cycles_ : ndarray of shape (n_frequencies,)
        Cycles per token of the gains.
    gain_ : ndarray of shape (n_layers, n_frequencies)
        Root mean square of the singular values of H(z): how much a layer amplifies a wave, in
        the mean over uncorrelated channels of the tokens.
    bank_gain_ : ndarray of shape (n_layers, n_frequencies)
        The same without D, of what goes through the oscillators.
    oscillator_gain_ : ndarray of shape (n_layers, d_state, n_frequencies)
        The same of every oscillator alone.
    stack_gain_ : ndarray of shape (n_frequencies,)
        Geometric mean of `gain_` over the layers.
    ax_ : ndarray of shape (2 * n_layers,) of matplotlib Axes
        Poles of all layers, then gains.
    figure_ : matplotlib Figure
        Figure of the drawing.

    See Also
    --------
    OscillatorBank : The formulas, and H(z) itself.
    PatchKernelDisplay : What spectra are filtered with before the first layer.

    Notes
    -----
    H(z) is what a layer does to the normed tokens, up to its GELU. A gated unit and a skip
    connection follow, none of them linear, so no product of transfer functions is that of the
    stack: `stack_gain_` tells which frequencies its layers amplify, not what leaves the last
    one. Undamped oscillators have no finite gain at their own frequency: the height of their
    peaks depends on `n_frequencies`, and narrow peaks are cut off in the drawing.

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
        """Angular frequency of every oscillator."""
        return self._stack("frequency")

    @property
    def damping_(self) -> NDArray[Any]:
        """Damping of every oscillator."""
        return self._stack("damping")

    @property
    def pole_angle_(self) -> NDArray[Any]:
        """Angle of every oscillator's slowest pole."""
        return self._stack("angle")

    @property
    def pole_radius_(self) -> NDArray[Any]:
        """Radius of every oscillator's slowest pole."""
        return self._stack("radius")

    @property
    def backward_(self) -> NDArray[Any]:
        """Which oscillators run from the last token to the first."""
        return self._stack("backward")

    @property
    def cycles_(self) -> NDArray[Any]:
        """Frequencies of the gains."""
        return np.linspace(0, 0.5, self.n_frequencies)

    @cached_property
    def gain_(self) -> NDArray[Any]:
        """Gain of every layer."""
        return np.stack([bank.filter_gain(self.cycles_) for bank in self.banks.values()])

    @cached_property
    def bank_gain_(self) -> NDArray[Any]:
        """Gain of every layer's oscillators together."""
        banks = self.banks.values()
        return np.stack([bank.filter_gain(self.cycles_, direct=False) for bank in banks])

    @cached_property
    def oscillator_gain_(self) -> NDArray[Any]:
        """Gain of every oscillator alone."""
        return np.stack([bank.oscillator_gain(self.cycles_).T for bank in self.banks.values()])

    @property
    def stack_gain_(self) -> NDArray[Any]:
        """Geometric mean of the layers' gains."""
        return np.prod(self.gain_, axis=0) ** (1 / len(self.gain_))

    def plot(self, ax: Any = None) -> FilterDisplay:
        """Draw the filters.

        Parameters
        ----------
        ax : array-like of 2 * n_layers matplotlib Axes, default=None
            Axes for the poles of all layers, then for their gains. None: a new figure.

        Returns
        -------
        display : FilterDisplay
            Itself, with what was drawn.

        Raises
        ------
        ValueError
            If `ax` holds another number of axes.
        ImportError
            If a new figure is needed and matplotlib is not installed.
        """
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
        _rule_decays(self.ax_[n - 1])
        self.ax_[0].legend(fontsize="small", loc="lower left")
        self.ax_[n].legend(fontsize="small", loc="upper left")
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        layer: int | Sequence[int] | None = None,
        n_frequencies: int = 257,
        ax: Any = None,
    ) -> FilterDisplay:
        """Draw the filters of the network of a fitted estimator.

        Parameters
        ----------
        estimator : SpektronPretrainer, SpektronEmbedder or SpektronRegressor
            Fitted, with the "dlinoss" backbone.
        layer : int or sequence of int, default=None
            Indices of the layers, from 0. None: all.
        n_frequencies : int, default=257
            As in the class.
        ax : array-like of 2 * n_layers matplotlib Axes, default=None
            As in `plot`.

        Returns
        -------
        display : FilterDisplay
            The drawing, with periods in the unit of the estimator's axis if it has one axis.

        Raises
        ------
        ValueError
            If the network has no D-LinOSS layers, or not one of this index.
        """
        from .._bridge import oscillator_banks

        network = fitted_network(estimator)
        architecture = network.architecture
        if architecture.backbone != "dlinoss":
            raise ValueError(
                f"The network has {architecture.n_layers} {architecture.backbone!r} layers, which "
                "are no oscillators. Pass one with backbone='dlinoss'."
            )
        chosen = _check_layers(layer, architecture.n_layers)
        numbers, step = oscillator_banks(network), channel_step(estimator)
        banks = {index: OscillatorBank(**numbers[index]) for index in chosen}
        token_step, unit = None, "tokens"
        if step is not None:
            token_step, unit = step * architecture.window[1], axis_unit(estimator)
        return cls(banks, n_frequencies=n_frequencies, token_step=token_step, unit=unit).plot(ax)

    def _stack(self, name):
        """Return numbers of all layers, (n_layers, d_state)."""
        return np.stack([getattr(bank, name) for bank in self.banks.values()])

    def _draw_poles(self, ax, index):
        """Draw the poles of one layer, by direction."""
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
        self._rule_periods(ax)

    def _draw_gain(self, ax, index):
        """Draw the gain of one layer, of its oscillators and of the mean layer."""
        lines = {"color": "0.6", "linewidth": 0.5, "alpha": 0.6}
        ax.plot(self.cycles_, self.oscillator_gain_[index].T, **lines)
        ax.lines[-1].set_label("one oscillator")
        ax.plot(self.cycles_, self.bank_gain_[index], "-.", color=COLOURS[1], label="oscillators")
        ax.plot(self.cycles_, self.gain_[index], color=COLOURS[0], linewidth=2, label="layer")
        if len(self.banks) > 1:
            ax.plot(self.cycles_, self.stack_gain_, "k--", linewidth=1, label="mean of layers")
        ax.set_ylim(0, HEADROOM * np.quantile(self.gain_, 0.95))

    def _rule_periods(self, ax):
        """Write the periods that frequencies stand for at the upper edge."""
        step = 1 if self.token_step is None else self.token_step
        upper = ax.secondary_xaxis("top")
        upper.set_xticks([1 / n for n in PERIODS], [f"{n * step:.3g}" for n in PERIODS])
        upper.set_xlabel(f"Period / {self.unit}")


def _rule_decays(ax):
    """Write the decay lengths that radii stand for at the right edge."""
    right = ax.secondary_yaxis("right")
    right.set_yticks([np.exp(-1 / n) for n in DECAYS], [str(n) for n in DECAYS])
    right.set_ylabel("Decay length / tokens")


def _check_layers(layer, n_layers):
    """Return the indices of the layers to draw."""
    if layer is None:
        return list(range(n_layers))
    chosen = np.atleast_1d(layer).tolist()
    if not chosen or not set(chosen) <= set(range(n_layers)):
        raise ValueError(
            f"layer is {layer!r}, the network has {n_layers} layers. "
            f"Pass indices from 0 to {n_layers - 1}, or None for all."
        )
    return chosen
