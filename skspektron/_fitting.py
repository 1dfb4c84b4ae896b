"""What all fits have in common: attributes after a failure, threads, advice if they are slow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import monotonic
from typing import Any, TypeVar, cast

from ._progress import advise_if_slow
from ._threads import one_thread, work_of
from ._warnings import recorded_warnings, warning_once

Fit = TypeVar("Fit", bound=Callable[..., Any])


def unfitted_on_failure(fit: Fit) -> Fit:
    """Decorate `fit`, so that an estimator whose last fit failed is not fitted.

    Small spectra are fitted with one thread, see `one_thread`.
    """

    @wraps(fit)
    def wrapper(self, *args, **kwargs):
        with fitting(self), one_thread(work_of(*args, *kwargs.values())):
            return fit(self, *args, **kwargs)

    return cast(Fit, wrapper)


@contextmanager
def fitting(estimator: Any) -> Iterator[None]:
    """Drop fitted attributes before a fit, and those that a failed fit has set.

    Equal warnings are issued once during the fit; an estimator with `_fit_warnings` keeps their
    messages. A fit that took long is followed by advice.
    """
    drop_fitted(estimator)
    start = monotonic()
    try:
        with warning_once(), recorded_warnings() as messages:
            yield
    except BaseException:  # KeyboardInterrupt too
        drop_fitted(estimator)
        raise
    if hasattr(estimator, "_fit_warnings"):
        estimator._fit_warnings = tuple(messages)
    advise_if_slow(estimator, monotonic() - start)


def drop_fitted(estimator: Any) -> None:
    """Delete the fitted attributes, whose names end with an underscore."""
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        delattr(estimator, name)
