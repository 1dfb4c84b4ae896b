"""Searches on a Dask cluster that tolerate the loss of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from joblib import parallel_config

from .._typing import VERBOSE

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def dask_parallel(client: Client | None = None, *, verbose: int = 0) -> Iterator[None]:
    """Run joblib calls on a Dask cluster that may lose workers.

    Inside this context manager, searches, transfer curves, `embed_archive` and everything else that
    uses joblib run on the workers of the cluster [1]_. It differs from
    ``joblib.parallel_config(backend="dask")`` in one respect. That backend stores each array of
    more than a kilobyte, including the spectra, in the memory of single workers, so that a search
    fails when one of these workers dies. Here the scheduler keeps a copy, and other workers
    recompute the arrays and fits of a worker that died.

    Parameters
    ----------
    client : distributed.Client, default=None
        Connection to the scheduler. None: the client opened last.
    verbose : int, default=0
        Level of joblib's messages: from 1 on they state how many of the fits are done and the
        seconds so far, more often with larger numbers.

    See Also
    --------
    skspektron.foundation.embed_archive : Embeds spectra that do not fit into memory.

    Notes
    -----
    Nested searches are distributed as well. Results equal those of a single process, because each
    fit has its own seed. scikit-learn's configuration, including metadata routing, is passed on to
    the workers. The scheduler needs memory for one copy of the data, and the search fails if the
    scheduler dies. The same version of the package must be installed on all machines, including
    that of the scheduler.

    Dask gives up on a fit that has killed four workers, for example because it needs too much
    memory (``distributed.scheduler.allowed-failures`` is 3 by default). joblib then waits
    indefinitely; see the messages of Dask.

    References
    ----------
    .. [1] Rocklin, Proc. 14th Python in Science Conf. (2015) 126-132.

    Examples
    --------
    >>> import numpy as np
    >>> from distributed import Client
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skspektron.model_selection import dask_parallel
    >>> with Client(processes=False, dashboard_address=None) as client, dask_parallel(client):
    ...     cross_val_score(LinearRegression(), np.c_[:6], np.arange(6), cv=2).round(6)
    array([1., 1.])
    """
    VERBOSE.check("verbose", verbose, dask_parallel)
    resilient = _ResilientClient(_find_client(client))
    with parallel_config(backend="dask", client=resilient, verbose=verbose):
        yield


def _find_client(client: Client | None) -> Client:
    """Return the given client, or the one opened last."""
    try:
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            "dask_parallel needs distributed, which is not installed. "
            "Install it with pip install 'skspektron[dask]'."
        ) from error
    try:
        return default_client(client)
    except ValueError as error:
        raise ValueError(
            "client must be given if no client is open, got None and 0 open clients. Open one with "
            "distributed.Client('scheduler-address:8786')."
        ) from error


class _ResilientClient:
    """A client for joblib's backend whose scattered data can be recomputed."""

    def __init__(self, client: Client):
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def scatter(self, data: Any, **options: Any) -> Any:
        """Return data as the future of a task that returns them: lost tasks are run again."""
        import dask

        # The client warns about tasks that contain much data, which is intended here.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": 2**60}):
            return self._client.submit(_identity, data, key=f"{type(data).__name__}-{uuid4().hex}")

    def submit(self, function: Callable[..., Any], *, tasks: list[Any], **options: Any) -> Any:
        """Submit a batch whose nested joblib calls use a resilient client as well."""
        resilient = [(_OnWorker(call), args, kwargs) for call, args, kwargs in tasks]
        return self._client.submit(function, tasks=resilient, **options)


class _OnWorker:
    """A function run on a worker, with its nested joblib calls distributed over the cluster."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from distributed import get_client

        with parallel_config(backend="dask", client=_ResilientClient(get_client())):
            return self.function(*args, **kwargs)


def _identity(data: Any) -> Any:
    """Return the argument."""
    return data
