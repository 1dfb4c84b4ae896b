"""Warnings of a fit that are issued once in a search."""

import sys
from typing import Any
from weakref import WeakKeyDictionary

from ..._warnings import record_warning, warn_user

_warned_in: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # keys by search


def warn_without_transfer(transfer) -> None:
    """Warn if `source` or `target` is set but the rows have no instruments."""
    named = [f"{role}={getattr(transfer, role)!r}" for role in ("source", "target")]
    given = [role for role in named if not role.endswith("=None")]
    if not given:
        return
    warn_in_search(
        f"{type(transfer).__name__} has {' and '.join(given)}, but fit got no instrument=: "
        "nothing is transferred, and the calibration is fitted on all rows. Pass "
        "instrument= and sample_id= to fit, also to that of a search; to that of a Pipeline "
        "as <step>__instrument=, or with metadata routing enabled."
    )


def warn_in_search(message: str, key: str | None = None) -> None:
    """Issue a UserWarning, in a search only the first with its `key` (default: the message)."""
    record_warning(message)
    key = key or message
    search = _running_search()
    issued = set() if search is None else _warned_in.setdefault(search, set())
    if key not in issued:
        issued.add(key)
        warn_user(message)


def _running_search() -> Any:
    """Return an object that scikit-learn makes for each search or cross-validation, None outside.

    It is that of the outermost one. scikit-learn resets the filters that show a warning once.
    """
    found, frame = None, sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection."):
            found = frame.f_locals.get("parallel", found)
        frame = frame.f_back
    return found
