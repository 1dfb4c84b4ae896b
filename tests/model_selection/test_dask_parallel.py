"""dask_parallel without a cluster; tests/test_cluster.py has one."""

import sys

import pytest

from skspektron.model_selection import dask_parallel


def test_no_client_is_said():
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match="0 open clients"), dask_parallel():
        pass


def test_distributed_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"skspektron\[dask\]"), dask_parallel():
        pass
