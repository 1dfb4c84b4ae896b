"""Progress bars of computations with many fits, and advice after a slow fit."""

import logging
from collections.abc import Collection, Iterable, Iterator
from threading import Lock
from typing import Any, TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")

SLOW = 10.0  # seconds of a fit, after which a message says how to shorten it
logger = logging.getLogger("skspektron")


def named_bar(
    names: Collection[Any], items: Iterable[Item], description: str, *, unit: str, verbose: int
) -> Iterator[Item]:
    """Yield `items` under a progress bar that shows the name of the current one."""
    with tqdm(total=len(names), desc=description, unit=unit, disable=not verbose) as bar:
        for name, item in zip(names, items, strict=True):
            bar.set_postfix_str(str(name))
            yield item
            bar.update()


def advise_if_slow(estimator: Any, seconds: float) -> None:
    """Log once per class what shortens a fit that took more than ten seconds.

    The classes state it in `_when_slow`. The logger "skspektron" can be silenced, as
    ``logging.getLogger("skspektron").setLevel("ERROR")``.
    """
    way_out, name = getattr(estimator, "_when_slow", None), type(estimator).__name__
    if way_out is None or seconds < SLOW:
        return
    with _lock:
        is_new = name not in _advised
        _advised.add(name)
    if is_new:
        logger.warning("%s.fit took %.0f s. %s", name, seconds, way_out)


_advised: set[str] = set()
_lock = Lock()
