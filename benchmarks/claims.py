"""What pages say about committed results: the register, and what all claims use.

A function under `claim` returns the numbers of a piece of a sentence, in their order. Where the
sentence states more than numbers, such as which set is best, the function returns these words too.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from benchmarks import bench_calibration, tables
from benchmarks.remake import SETS


class Claim(NamedTuple):
    """A piece of a sentence with `{}` for each number, and where the numbers come from."""

    page: str
    source: str  # names of files in benchmarks/results
    text: str
    values: Callable[[], Sequence[str]]


SIX = " ".join(SETS)
SOURCES = {  # of the tables between comments
    **{data: data for data in SETS},
    "ten standards": SIX,
    "slow methods": "corn tablets",
    "other samples": "corn tablets",
    "by situation": SIX,
    "regret": SIX,
    "recalibration": SIX,
    "few standards": "corn tablets",
    "differences": SIX,
    "development": "calibration",
    "mid-infrared": "calibration",
    "reporting": "calibration",
    "coverage": "intervals",
    "speed": "speed",
    "peers": "peers",
    "better": "peers",
    "run lengths": "monitoring",
    "small validations": "monitoring",
    "limits of spectra": "monitoring",
    "detectable": "validation",
    "rates": "validation",
    "of SEC": "validation",
    "damaged spectra": "domain",
    "complete spectra": "imputer",
    "incomplete spectra": "imputer_incomplete",
    "predictions": "imputer_predict",
    "adapted networks": "adapters",
    "without standards": "adapters",
    "jobs": "jobs_damage jobs_axes adapters",
    "damage": "jobs_damage",
    "unlike axes": "jobs_axes",
    "hidden channels": "masked",
    "embedding": "embedding",
    "embedding and alternatives": "embedding",
    "few labels": "embedding",
    "pretext": "pretext",
    "training speed": "network",
    "layers": "dlinoss",
    "inputs": "inputs",
    "complement": "complement",
    "bottleneck": "bottleneck",
}
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
CLAIMS: list[Claim] = []
FEW = ("5", "10")  # standards
DEVELOPED = [name for name in bench_calibration.FILES if name not in bench_calibration.UNSEEN]
UNSEEN = [name for name in bench_calibration.UNSEEN if name != "simulated"]


def claim(page: str, source: str, text: str) -> Callable[[Callable], Callable]:
    """Register a function that returns the numbers of a piece of text."""

    def register(values: Callable[[], Sequence[str]]) -> Callable:
        CLAIMS.append(Claim(page, source, text, values))
        return values

    return register


@cache
def results(data: str, n_repeats: int | None = None) -> tables.Results:
    """Return the results of a set, on the splits of its table or on its first `n_repeats`."""
    return tables.Results(data, n_repeats or tables.n_repeats(data))


def mean(data: str, method: str, n: str, n_repeats: int | None = None) -> float:
    """Return the mean R2 that a table has."""
    return results(data, n_repeats).by_repeat(method, n).mean()


def lead(data: str, method: str, n: str, rivals: Iterable[str] = ()) -> float:
    """Return how far a method is ahead of the best of its rivals, or of all methods."""
    values = {name: results(data).by_repeat(name, n) for name in rivals or tables.LABELS}
    best = max(v.mean() for name, v in values.items() if v is not None and name != method)
    return mean(data, method, n) - best


def up(value: float, decimals: int = 2) -> str:
    """Return a bound: the value rounded up, at least one unit of the last decimal."""
    unit = 10**-decimals
    return f"{max(1, math.ceil(round(value / unit, 6))) * unit:.{decimals}f}"


def percent(ratio: float) -> str:
    """Return the distance of a ratio from 1 in percent."""
    return f"{100 * abs(ratio - 1):.0f}"


def between(values: Iterable[float], form: str) -> list[str]:
    """Return the smallest and the largest value."""
    values = list(values)
    return [format(min(values), form), format(max(values), form)]


def geometric(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    return bench_calibration.geometric_mean(values)
