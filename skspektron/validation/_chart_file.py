"""JSON files of control charts: parameters, limits, state and history, without the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from .._files import check_sum, read_record, write_record
from .._typing import PathLike
from ._history import NUMBERS, empty_history
from ._limits import limits_of_spectra

if TYPE_CHECKING:
    from ..reliability import ApplicabilityDomain
    from ._control_chart import ControlChart

FORMAT, VERSION = "skspektron control chart", 1
PARAMETERS = ("arl", "ewma_lambda", "cusum_k", "bias", "sep")
FITTED = ("bias_", "sep_", "n_samples_", "run_")
SAME_LIMIT = 1e-6  # relative difference of limits that were computed twice from the same spectra
ENTRIES = ("parameters", "limits", "fitted", "history")


def write_chart(path: PathLike, chart: ControlChart) -> None:
    """Write a fitted chart."""
    history = {
        name: [None if value != value else value for value in np.asarray(column).tolist()]
        for name, column in chart.history_.items()
        if name != "signals"
    }
    record = {
        "parameters": {name: _plain(getattr(chart, name)) for name in PARAMETERS},
        "limits": dict(chart.limits_),
        "fitted": {name: getattr(chart, name) for name in FITTED},
        "history": history | {"signals": [list(names) for names in chart.history_.signals]},
    }
    write_record(path, FORMAT, VERSION, record)


def read_chart(path: PathLike) -> dict[str, Any]:
    """Return the entries of a file of `write_chart`, the history with arrays."""
    record, expected = read_record(path, FORMAT, VERSION, ENTRIES)
    check_sum(path, record, expected)
    given = record["history"]
    numbers = {name: np.array(given[name], dtype=np.float64) for name in NUMBERS}  # NaN for None
    history = empty_history() | numbers
    history["sample_id"] = np.array(given["sample_id"], dtype=str)
    history["run"] = np.array(given["run"], dtype=np.int64)
    history["signals"] = [tuple(names) for names in given["signals"]]
    return record | {"limits": Bunch(**record["limits"]), "history": Bunch(**history)}


def check_domain(domain: ApplicabilityDomain, limits: Bunch, arl: float) -> None:
    """Raise ValueError unless the charts of T2 and Q of a domain have the limits of the chart."""
    check_is_fitted(domain)
    for name, found in limits_of_spectra(domain, arl).items():
        expected = limits[name]
        if abs(found - expected) > SAME_LIMIT * abs(expected):
            raise ValueError(
                f"domain must be the one of the saved chart, whose limit of {name} is "
                f"{expected:.6g}, got {found:.6g}. Pass its domain_, or fit one again to the same "
                "spectra."
            )


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python, which JSON can store."""
    return value.item() if isinstance(value, np.generic) else value
