"""Warnings that point at the user's line, once per call."""

import sys
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PACKAGES = ("skspektron", "sklearn", "joblib", "contextlib", "functools")

_issued: ContextVar[set[Hashable] | None] = ContextVar("issued", default=None)
_recorded: ContextVar[tuple[list[str], ...]] = ContextVar("recorded", default=())


@contextmanager
def warning_once() -> Iterator[None]:
    """Issue equal warnings of `warn_user` once inside the outermost of these contexts."""
    if _issued.get() is not None:
        yield
        return
    token = _issued.set(set())
    try:
        yield
    finally:
        _issued.reset(token)


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Return a list that gets the messages of `warn_user` inside this context."""
    messages: list[str] = []
    token = _recorded.set((*_recorded.get(), messages))
    try:
        yield messages
    finally:
        _recorded.reset(token)


def record_warning(message: str) -> None:
    """Add a message to the lists of `recorded_warnings`, each of which has it once."""
    for messages in _recorded.get():
        if message not in messages:
            messages.append(message)


def warn_user(message: str, key: Hashable = None) -> None:
    """Issue a UserWarning at the line that called the package.

    Inside `warning_once`, warnings with an equal `key` (default: the message) are issued once.
    """
    record_warning(message)
    issued = _issued.get()
    if issued is not None:
        if (key or message) in issued:
            return
        issued.add(key or message)
    warnings.warn(message, UserWarning, stacklevel=_level_of_user())


def _level_of_user() -> int:
    """Return the stacklevel, seen from `warn_user`, of the first frame outside the package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _PACKAGES:
        level, frame = level + 1, frame.f_back
    return level
