"""Points of a control chart: EWMA and CUSUM of the errors, and the signals of all charts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

ACCUMULATED = ("ewma", "cusum_high", "cusum_low")
NUMBERS = ("error", "z", *ACCUMULATED, "hotelling_t2", "q_residuals")


def empty_history() -> Bunch:
    """Return a history without points."""
    columns = {name: np.empty(0) for name in NUMBERS}
    return Bunch(sample_id=np.empty(0, str), run=np.empty(0, np.int64), **columns, signals=[])


def last_values(history: Bunch, run: int) -> tuple[float, ...]:
    """Return EWMA, upper and lower CUSUM after the last point of this run, 0 before the first."""
    known = np.flatnonzero(~np.isnan(history.z) & (history.run == run))
    return tuple(float(history[name][known[-1]]) if len(known) else 0.0 for name in ACCUMULATED)


def accumulate(
    z: NDArray[np.float64], start: tuple[float, ...], weight: float, k: float
) -> dict[str, NDArray[np.float64]]:
    """Return EWMA, upper and lower CUSUM at each point: NaN where `z` is, which they skip."""
    found = np.full((3, len(z)), np.nan)
    ewma, high, low = start
    for i in np.flatnonzero(~np.isnan(z)):
        ewma = ewma_step(ewma, z[i], weight)
        high, low = cusum_step(high, low, z[i], k)
        found[:, i] = ewma, high, low
    return dict(zip(ACCUMULATED, found, strict=True))


def ewma_step(ewma: Any, z: Any, weight: float) -> Any:
    """Return the exponentially weighted moving average after `z`."""
    return weight * z + (1 - weight) * ewma


def cusum_step(high: Any, low: Any, z: Any, k: float) -> tuple[Any, Any]:
    """Return the upper and the lower cumulative sum after `z`."""
    return np.maximum(0.0, high + z - k), np.maximum(0.0, low - z - k)


def extended(history: Bunch, new: Mapping[str, NDArray[Any]], limits: Bunch) -> Bunch:
    """Return a history with new points and their signals."""
    points = (dict(zip(new, values, strict=True)) for values in zip(*new.values(), strict=True))
    signals = [find_signals(point, limits) for point in points]
    joined = {name: np.concatenate([history[name], new[name]]) for name in new}
    return Bunch(**joined, signals=[*history.signals, *signals])


def find_signals(point: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[str, ...]:
    """Return the charts that signal at a point; what is NaN does not signal."""
    beyond = {
        "Shewhart high": point["z"] > limits["shewhart"],
        "Shewhart low": point["z"] < -limits["shewhart"],
        "EWMA high": point["ewma"] > limits["ewma"],
        "EWMA low": point["ewma"] < -limits["ewma"],
        "CUSUM high": point["cusum_high"] > limits["cusum"],
        "CUSUM low": point["cusum_low"] > limits["cusum"],
        "T2": point["hotelling_t2"] > limits["hotelling_t2"],
        "Q": point["q_residuals"] > limits["q_residuals"],
    }
    return tuple(name for name, is_beyond in beyond.items() if is_beyond)
