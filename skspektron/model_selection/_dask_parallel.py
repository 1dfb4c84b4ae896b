"""Searches on a Dask cluster that loses workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from joblib import parallel_config

if TYPE_CHECKING:
    from distributed import Client


@contextmanager
def dask_parallel(client: Client | None = None) -> Iterator[None]:
    """Run what joblib runs inside on a Dask cluster, and lose nothing with a worker.

    Searches, transfer curves, `embed_archive` and whatever else goes through joblib run as they
    are written, their fits on the workers of the cluster [1]_. It is
    ``joblib.parallel_config(backend="dask")`` with one difference. That backend lays every
    array of more than a kilobyte, the spectra among them, into the memory of single workers;
    one that dies takes them along, and the search with them. Here the scheduler keeps a copy,
    and the arrays and fits that a worker took along are made again by the others.

    Parameters
    ----------
    client : distributed.Client, default=None
        Connection to the scheduler; None is the one that was opened last.

    See Also
    --------
    skspektron.foundation.embed_archive : Embeddings of spectra that do not fit into memory.

    Notes
    -----
    A search inside of a search is spread over the cluster too. Results are those of one process:
    every fit has its own seed. scikit-learn's configuration, metadata routing included,
    goes along. The scheduler needs memory for one copy of the data, and its own death ends the
    search. The package must be installed on all machines, the scheduler's among them, in the
    same version.

    A fit that kills every worker it is given to, by needing more memory than there is, is given
    up by Dask when the fourth has died (``distributed.scheduler.allowed-failures`` of its
    configuration is 3); joblib then waits for it without end. Dask's messages say so.

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
    with parallel_config(backend="dask", client=_Keeper(_find_client(client))):
        yield


def _find_client(client: Client | None) -> Client:
    """Return the client that is given or the last one, or say what is missing."""
    try:
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            "dask_parallel needs distributed, and distributed is not installed. "
            "Install it with pip install 'skspektron[dask]'."
        ) from error
    try:
        return default_client(client)
    except ValueError as error:
        raise ValueError(
            "client is None and there are 0 open clients. Open one with "
            "distributed.Client('scheduler-address:8786'), or pass it."
        ) from error


class _Keeper:
    """A client, to joblib's backend, of which data can be made again."""

    def __init__(self, client: Client):
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def scatter(self, data: Any, **options: Any) -> Any:
        """Return the future of data as of a task that returns them: tasks are done again."""
        import dask

        # The client warns of tasks that carry data; here that is what they are for.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": 2**60}):
            return self._client.submit(_itself, data, key=f"{type(data).__name__}-{uuid4().hex}")

    def submit(self, function: Callable[..., Any], *, tasks: list[Any], **options: Any) -> Any:
        """Return the future of a batch whose own calls of joblib keep their data too."""
        keeping = [(_Keeping(call), args, kwargs) for call, args, kwargs in tasks]
        return self._client.submit(function, tasks=keeping, **options)


class _Keeping:
    """A function that runs on a worker, from where joblib's calls go back to the cluster."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from distributed import get_client

        with parallel_config(backend="dask", client=_Keeper(get_client())):
            return self.function(*args, **kwargs)


def _itself(data: Any) -> Any:
    """Return what is given."""
    return data
