"""Gaps in spectra, interpolated from the channels around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

N_NODES = 176  # of a window
MAX_WIDTH = 32  # of a gap, in nodes
# Constants were chosen on the development sets of benchmarks/bench_imputer.py and on those that
# bench_masked.py holds out: with shorter lengths, Gaussian kernels or more noise, some sets are far
# worse than a straight line.
NOISE, MEAN_VARIANCE = 1e-6, 100.0  # variance of the curve is 1
MARGIN, MAX_BLOCKS = 2, 10  # visible nodes on both sides of a block, where possible
MAX_AT_END = 16  # channels; a wider gap at an end is constant: extrapolation can be far off
N_END_BLOCKS, MIN_KEPT = 6, 8  # blocks at an end, and visible nodes beside each
TINY, SMALLEST = 1e-14, 1e-300  # errors below this fraction of the variance are equal
ROUNDING = 1e-9


def interpolate_hidden(X: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the hidden channels (n, h) by linear interpolation; constant beyond the ends."""
    visible, at = np.flatnonzero(~hidden), np.flatnonzero(hidden)
    after = np.searchsorted(visible, at)
    left = visible[np.maximum(after - 1, 0)]
    right = visible[np.minimum(after, len(visible) - 1)]
    fraction = np.clip((at - left) / np.maximum(right - left, 1), 0, 1)
    return np.asarray(X[:, left] * (1 - fraction) + X[:, right] * fraction)


def matern32(distance: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Matérn covariance of curves with one derivative."""
    r = np.sqrt(3) * np.abs(distance)
    return np.asarray((1 + r) * np.exp(-r))


def matern52(distance: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Matérn covariance of curves with two derivatives."""
    r = np.sqrt(5) * np.abs(distance)
    return np.asarray((1 + r + r**2 / 3) * np.exp(-r))


PROCESSES = (matern32, 64.0), (matern32, 256.0), (matern52, 64.0)  # covariance, length in nodes


def covariances(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the covariance matrices (c, a, b) of the processes, with an unknown mean."""
    distance = np.subtract.outer(a, b)
    return np.stack([kernel(distance / length) for kernel, length in PROCESSES]) + MEAN_VARIANCE


def interpolate_gaps(X: NDArray[Any], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the hidden channels (n, h) of spectra (n, p), whose values there are not read.

    A gap gets the average of a straight line and of three Gaussian processes [1]_, with weights
    inversely proportional to their squared error (the geometric mean over blocks of the same width
    around it, each hidden in turn). At an end of the spectrum, the line is constant, and a block is
    hidden together with all channels between it and this end; a gap of more than `MAX_AT_END`
    channels there is constant.

    References
    ----------
    .. [1] Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press (2006).
    """
    filled = np.where(hidden, 0.0, X)
    filled[:, hidden] = interpolate_hidden(filled, hidden)
    line = filled.copy()
    for start, stop in gaps_of(hidden):
        if stop - start <= MAX_AT_END or (start > 0 and stop < len(hidden)):
            filled[:, start:stop] = Window.around(hidden, start, stop).interpolate(line)
    return filled[:, hidden]


def gaps_of(hidden: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield first channel and end of every gap."""
    change = np.flatnonzero(np.diff(hidden, prepend=False, append=False))
    yield from zip(change[::2].tolist(), change[1::2].tolist(), strict=True)


@dataclass(frozen=True)
class Block:
    """Visible nodes that are predicted from others, counted from the first visible one."""

    at: NDArray[np.intp]
    hidden: NDArray[np.intp]  # these, and those between them and an end

    @classmethod
    def at_end(cls, stop: int, width: int, n: int, is_first: bool) -> "Block":
        """Return the block, of n nodes, whose farther side is `stop` nodes from an end."""
        hidden = np.arange(stop) if is_first else np.arange(n - stop, n)
        return cls(hidden[-width:] if is_first else hidden[:width], hidden)

    def line(self, nodes: NDArray[Any]) -> NDArray[np.float64]:
        """Return a straight line (n, width) from the nodes around the block, constant at an end."""
        left, right = self.hidden[0] - 1, self.hidden[-1] + 1
        start = nodes[:, [left if left >= 0 else right]]
        end = nodes[:, [right]] if right < nodes.shape[1] else start
        return np.asarray(start + (end - start) * (self.at - left) / (right - left))


@dataclass(frozen=True)
class Window:
    """The channels around a gap as 176 nodes, of which the gap covers at most 32.

    A node is a channel or, for wide gaps, the mean of the visible part of an equal number of them.
    """

    start: int  # of the gap
    stop: int
    step: float  # channels in a node
    lead: int  # nodes before the gap
    channels: slice  # of the window
    visible: NDArray[np.bool_]  # (nodes,)
    average: NDArray[Any]  # (visible nodes, channels)

    @classmethod
    def around(cls, hidden: NDArray[np.bool_], start: int, stop: int) -> "Window":
        """Return the window around a gap."""
        step = max(1.0, (stop - start) / MAX_WIDTH)
        lead = (N_NODES - round((stop - start) / step)) // 2
        edges = start + (np.arange(N_NODES + 1) - lead) * step
        first, last = max(0, int(np.floor(edges[0]))), min(len(hidden), int(np.ceil(edges[-1])))
        channel = np.arange(first, last)
        high, low = np.minimum.outer(edges[1:], channel + 1), np.maximum.outer(edges[:-1], channel)
        cover = np.clip(high - low, 0, None) * ~hidden[first:last]
        visible = cover.sum(axis=1) > step / 2 - ROUNDING
        average = cover[visible] / cover[visible].sum(axis=1, keepdims=True)
        return cls(start, stop, step, lead, slice(first, last), visible, average)

    @property
    def position(self) -> NDArray[np.intp]:
        """Visible nodes, counted from the first one of the gap."""
        return np.flatnonzero(self.visible) - self.lead

    def blocks(self) -> list["Block"]:
        """Return blocks of visible nodes as wide as the gap, evenly chosen if there are many."""
        width, n = round((self.stop - self.start) / self.step), int(self.visible.sum())
        before = int(self.visible[: self.lead].sum())  # the gap
        if before in (0, n):  # at an end
            most = n - max(width, MIN_KEPT)
            stops = np.linspace(width, most, N_END_BLOCKS).round().astype(int)
            stops = np.unique(stops) if most >= width else stops[:0]
            return [Block.at_end(stop, width, n, is_first=before == 0) for stop in stops]
        half = max(width // 2, 1)
        starts = range(self.lead % half, N_NODES - width + 1, half)

        def inside(margin: int) -> list[int]:
            ends = ((s, max(s - margin, 0), s + width + margin) for s in starts)
            return [
                s for s, low, high in ends if self.visible[low:high].sum() == width + 2 * margin
            ]

        found = inside(MARGIN) or inside(1)
        number = np.cumsum(self.visible) - 1
        at = np.linspace(0, len(found) - 1, min(len(found), MAX_BLOCKS)).round().astype(int)
        blocks = [number[found[i] : found[i] + width] for i in at]
        return [Block(block, block) for block in blocks]

    def interpolate(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the gap (n, w) in spectra that contain a straight line there."""
        blocks, line = self.blocks(), X[:, self.start : self.stop]
        if not blocks:
            return line
        nodes = X[:, self.channels] @ self.average.T
        mean = nodes.mean(axis=1, keepdims=True)
        nodes = nodes - mean
        inverses = np.linalg.inv(
            covariances(self.position, self.position) + NOISE * np.eye(len(nodes.T))
        )
        smallest = TINY * np.mean(nodes**2, axis=1) + SMALLEST
        errors = [np.log(self.errors(nodes, inverses, block) + smallest) for block in blocks]
        weights = softmax(-np.mean(errors, axis=0), axis=0)
        at = (np.arange(self.stop - self.start) + 0.5) / self.step - 0.5
        fills = nodes @ (covariances(at, self.position) @ inverses).swapaxes(1, 2) + mean
        return np.asarray(weights[0][:, None] * line + np.sum(weights[1:, :, None] * fills, axis=0))

    def errors(
        self, nodes: NDArray[Any], inverses: NDArray[Any], block: Block
    ) -> NDArray[np.float64]:
        """Return mean squared errors (c + 1, n) of a line and of the processes in a block [1]_.

        References
        ----------
        .. [1] Dubrule, J. Int. Assoc. Math. Geol. 15 (1983) 687-699.
        """
        hidden = block.hidden
        residuals = np.linalg.solve(
            inverses[:, hidden[:, None], hidden], inverses[:, hidden] @ nodes.T
        )[:, block.at - hidden[0]]
        of_line = nodes[:, block.at] - block.line(nodes)
        return np.concatenate([np.mean(of_line**2, axis=1)[None], np.mean(residuals**2, axis=1)])
