"""dask_parallel without a cluster; see tests/test_cluster.py for tests with one."""

import sys

import pytest

from skspektron.model_selection import dask_parallel


def test_no_open_client_raises():
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match="0 open clients"), dask_parallel():
        pass


def test_missing_distributed_raises_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"skspektron\[dask\]"), dask_parallel():
        pass


def test_another_verbose_is_refused():
    match = r"verbose must be an int of at least 0, got 'a'"
    with pytest.raises(ValueError, match=match), dask_parallel(verbose="a"):
        pass
