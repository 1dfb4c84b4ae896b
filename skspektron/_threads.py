"""One thread for matrices that are too small to gain from several.

BLAS starts all its threads from products of about 60 x 60, and torch starts those of OpenMP for
every operation. On small matrices this costs more than it saves, and many times more where the
cores have other work, as threads then wait for each other.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock, local
from typing import Any, TypeVar, cast

from threadpoolctl import ThreadpoolController

Function = TypeVar("Function", bound=Callable[..., Any])

LARGE = 3e10  # multiplications from which all threads are used, about a second on one core


@contextmanager
def one_thread(work: float = 0.0, *, openmp: bool = False) -> Iterator[None]:
    """Use one thread of BLAS inside the context, unless `work` multiplications are many.

    `openmp` limits the OpenMP loops of the calling thread too, which are those of torch. Other
    estimators, such as a `HistGradientBoostingRegressor` that is transferred, keep theirs.
    The limit of BLAS holds for the whole process while at least one thread of it is inside.
    """
    if work >= LARGE:
        yield
        return
    pools = [pool for pool in _libraries.loaded() if openmp and pool.user_api == "openmp"]
    before = [pool.get_num_threads() for pool in pools]
    _blas.enter()
    try:
        for pool in pools:
            pool.set_num_threads(1)
        yield
    finally:
        for pool, n_threads in zip(pools, before, strict=True):
            pool.set_num_threads(n_threads)
        _blas.leave()


def one_thread_if_small(function: Function) -> Function:
    """Decorate a function or method of spectra `X` with `one_thread`."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        with one_thread(work_of(*args, *kwargs.values())):
            return function(*args, **kwargs)

    return cast(Function, wrapper)


def work_of(*values: Any) -> float:
    """Return the multiplications of a decomposition of the first array among `values`."""
    # Not hasattr(value, ...): parameters are checked before data are read.
    shapes = (value.shape for value in values if hasattr(type(value), "shape"))
    shape: tuple[int, ...] = next((shape for shape in shapes if shape), ())  # lists are small
    return float(shape[0]) * shape[1] * min(shape) if len(shape) == 2 else 0.0


class _Libraries:
    """Controllers of the libraries with threads, also of those that are loaded later."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Forget what was found."""
        self._lock, self._n_modules = Lock(), 0
        self._found: tuple[Any, ...] = ()

    def loaded(self) -> tuple[Any, ...]:
        """Return the controllers; the search takes milliseconds, so only after new imports."""
        with self._lock:
            if self._n_modules != len(sys.modules):
                self._n_modules = len(sys.modules)
                found = ThreadpoolController().lib_controllers
                self._found = tuple(lib for lib in found if lib.get_num_threads() is not None)
            return self._found


class _BlasLimit:
    """The limit of BLAS, which the first thread sets and the last one lifts, in any order."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Forget the threads that are inside."""
        self._lock, self._thread, self._n_users = Lock(), local(), 0
        self._before: dict[str, tuple[Any, int]] = {}  # library and number of threads, by file

    def enter(self) -> None:
        """Limit every library that is not limited yet."""
        self._thread.depth = getattr(self._thread, "depth", 0) + 1
        found = _libraries.loaded()
        with self._lock:
            self._n_users += self._thread.depth == 1
            for library in (library for library in found if library.user_api == "blas"):
                current = library, library.get_num_threads()
                self._before.setdefault(library.filepath, current)
                _set_threads(library, 1)

    def leave(self) -> None:
        """Restore the numbers of threads when the last thread leaves."""
        if not getattr(self._thread, "depth", 0):  # entered before a fork, which forgets it
            return
        self._thread.depth -= 1
        if self._thread.depth:
            return
        with self._lock:
            self._n_users -= 1
            for library, n_threads in self._before.values():
                # OpenBLAS with OpenMP has a number of threads for each thread that calls it.
                if not self._n_users or getattr(library, "threading_layer", "") == "openmp":
                    _set_threads(library, n_threads)
            if not self._n_users:
                self._before = {}


def _set_threads(library: Any, n_threads: int) -> None:
    """Set the number of threads of BLAS, from any thread.

    Recent versions of threadpoolctl ignore every thread but the first one that sets OpenBLAS.
    """
    release = getattr(library, "clear_controlling_thread", lambda force: None)
    release(force=True)
    library.set_num_threads(n_threads)
    release(force=True)


_libraries, _blas = _Libraries(), _BlasLimit()
if hasattr(os, "register_at_fork"):  # a lock that another thread holds would stay locked
    os.register_at_fork(after_in_child=_libraries.reset)
    os.register_at_fork(after_in_child=_blas.reset)
