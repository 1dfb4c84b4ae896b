"""The bridge: direction of axes, one network for equal weights, complete files."""

import ast
import gc
import pickle
import sys
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch

import skspektron
from skspektron._bridge import (
    FrozenNetwork,
    embeddings_not_cached,
    load_tensors,
    resolve_device,
    save_tensors,
    seeded,
    to_lazy_spectra,
    to_spectra,
    to_tensor,
)
from skspektron._bridge._cache import EmbeddingCache
from skspektron._nn.architecture import Architecture
from skspektron._training._pretraining import new_network

AXIS = np.linspace(4000, 9000, 24)


@pytest.fixture
def frozen():
    architecture = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
    return FrozenNetwork.of(architecture, new_network(architecture, seed=0).state_dict())


def place(X, axis=AXIS):
    return to_spectra(X, [axis], np.zeros(len(X), dtype=int))


def embed(network, spectra, pooling="mean"):
    return network.embed(spectra, pooling=pooling, batch_size=4, device="cpu")


@pytest.fixture
def X():
    X = np.random.default_rng(0).normal(size=(6, 24))
    X.flags.writeable = False
    return X


@pytest.fixture
def count_forwards(frozen):
    """Count the spectra that go through the network."""
    counts = []
    hook = frozen.on("cpu").register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(len(kwargs["values"])), with_kwargs=True
    )
    frozen._cache.clear()
    yield counts
    hook.remove()


def test_axes_ascend_and_missing_values_are_not_valid(X):
    X = X.copy()
    X[1, 2] = np.nan
    up, down = place(X), place(X[:, ::-1], AXIS[::-1])
    for name in ("values", "valid", "wavenumber", "grid"):
        assert torch.equal(getattr(up, name), getattr(down, name))
    assert up.valid.logical_not().nonzero().tolist() == [[1, 2]]
    assert up.values[1, 2] == 0 and up.values.dtype == torch.float32


def test_rows_of_several_grids_are_padded_and_cut_to_their_batch(X):
    grid = np.array([0, 1, 1, 0, 1, 1])
    spectra = to_spectra(X, [AXIS, AXIS[:10][::-1]], grid)
    assert spectra.valid.sum(1).tolist() == [24, 10, 10, 24, 10, 10]
    short = spectra.batch(torch.tensor([1, 4]))
    assert short["values"].shape == (2, 10)
    np.testing.assert_allclose(short["values"][1], X[4, :10][::-1], rtol=1e-6)
    mixed = spectra.batch(torch.tensor([0, 1]))
    assert mixed["wavenumber"].isfinite().sum(1).tolist() == [24, 10]


@pytest.mark.parametrize("rows", [[1, 4], [0, 1, 5, 5], [3]])
def test_lazy_spectra_give_the_same_batches(X, rows):
    X = X.copy()
    X[1, 2] = np.nan
    grid, axes = np.array([0, 1, 2, 0, 1, 1]), [AXIS, AXIS[:10][::-1], AXIS[:12]]
    noise = np.abs(X) + 1
    labels = {"instrument": grid, "sample": np.arange(6), "domain": None}
    known = to_spectra(X, axes, grid, noise=noise, **labels)
    numbers = []

    def read(rows):
        numbers.extend(rows.tolist())
        return X[rows]

    lazy = to_lazy_spectra(read, axes, grid, read_noise=lambda rows: noise[rows], **labels)
    assert torch.equal(lazy.wavenumber.nan_to_num(), known.wavenumber.nan_to_num())
    assert (lazy.n_samples, lazy.n_instruments) == (known.n_samples, known.n_instruments) == (6, 3)
    order = torch.tensor([5, 4, 3, 2, 1, 0])
    for one, other in ((known, lazy), (known.take(order), lazy.take(order))):
        expected, batch = one.batch(torch.tensor(rows)), other.batch(torch.tensor(rows))
        assert batch.keys() == expected.keys()
        for name, tensor in expected.items():
            assert torch.equal(batch[name].nan_to_num(), tensor.nan_to_num()), name
            assert batch[name].dtype == tensor.dtype
    assert numbers == rows + [5 - row for row in rows]


def test_equal_weights_are_one_object(frozen):
    tensors = {name: tensor.clone() for name, tensor in frozen.tensors().items()}
    assert FrozenNetwork.of(frozen.architecture, tensors) is frozen
    assert pickle.loads(pickle.dumps(frozen)) is frozen
    tensors["head.bias"][0] += 1
    other = FrozenNetwork.of(frozen.architecture, tensors)
    assert other is not frozen and other.digest != frozen.digest
    gone, digest = weakref.ref(other), other.digest
    del other
    gc.collect()
    assert gone() is None and digest not in FrozenNetwork._instances


def test_network_is_frozen_and_does_not_use_the_global_generator(frozen):
    tensors = {name: tensor + 1 for name, tensor in frozen.tensors().items()}
    state = torch.get_rng_state()
    other = FrozenNetwork.of(frozen.architecture, tensors)
    assert torch.equal(torch.get_rng_state(), state)
    assert not other.on("cpu").training
    assert not any(p.requires_grad for p in other.on("cpu").parameters())


def test_spectra_are_embedded_once(frozen, X, count_forwards):
    first = embed(frozen, place(X))
    assert sum(count_forwards) == 6
    np.testing.assert_array_equal(embed(frozen, place(X[::-1])), first[::-1])
    assert sum(count_forwards) == 6
    embed(frozen, place(np.concatenate([X, X[:1] + 1])))
    assert sum(count_forwards) == 7


@pytest.mark.parametrize("change", ["pooling", "axis", "missing"])
def test_cache_distinguishes_different_embeddings(frozen, X, count_forwards, change):
    X = X.copy()
    X[:, 3] = 0
    embed(frozen, place(X))
    if change == "missing":
        X[:, 3] = np.nan
    spectra = place(X, AXIS + 1 if change == "axis" else AXIS)
    embed(frozen, spectra, "tokens" if change == "pooling" else "mean")
    assert sum(count_forwards) == 12


@pytest.fixture
def cache(monkeypatch):
    """Return an empty cache that all networks use in a test."""
    cache = EmbeddingCache(2**28)
    monkeypatch.setattr(FrozenNetwork, "_cache", cache)
    return cache


def bytes_of(cache):
    """Return the bytes of all entries of a cache, counted again."""
    return sum(row.nbytes + cache.ENTRY_BYTES for row in cache._rows.values())


def test_cache_size_is_limited(frozen, X, cache):
    cache.max_bytes = 300 + 6 * cache.ENTRY_BYTES
    expected = embed(frozen, place(X))  # 6 rows of 32 bytes
    assert sum(row.nbytes for row in cache._rows.values()) == 192
    tokens = embed(frozen, place(X), "tokens")  # 6 rows of 192 bytes
    assert tokens.shape == (6, 48)
    assert bytes_of(cache) == cache.n_bytes <= cache.max_bytes
    np.testing.assert_allclose(embed(frozen, place(X)), expected, atol=1e-6)


def test_networks_share_the_size_of_the_cache(frozen, X, cache):
    cache.max_bytes = 12 * (32 + cache.ENTRY_BYTES)
    networks = [frozen.changed({"mask_token": torch.full((8,), float(n))}) for n in range(4)]
    for network in networks:
        embed(network, place(X))
        embed(frozen, place(X))  # in use, so that it is not removed
    assert len(cache) == 12
    assert bytes_of(cache) == cache.n_bytes
    last = cache.find(networks[-1]._keys(place(X), f"{networks[-1].digest} mean None"))
    own = cache.find(frozen._keys(place(X), f"{frozen.digest} mean None"))
    assert len(last) == len(own) == 6


def test_4000_spectra_of_700_channels_are_cached_within_300_mb(cache):
    tracemalloc.start()
    try:
        for start in range(0, 4000, 50):
            block = np.zeros((50, 16 * 700), np.float32)  # the outputs of the weights `small`
            keys = (n.to_bytes(32, "big") for n in range(start, start + 50))
            cache.store(dict(zip(keys, block, strict=True)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cache) == 4000
    assert peak < 300e6


def test_cache_bounds_the_memory_of_small_embeddings(cache):
    cache.max_bytes = 200_000
    tracemalloc.start()
    try:
        for start in range(0, 4000, 100):
            rows = range(start, start + 100)
            cache.store({n.to_bytes(32, "big"): np.full(2, n, np.float32) for n in rows})
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cache) > 100
    assert used < 2 * 200_000  # numpy's and torch's own objects included


def test_threads_share_a_network(frozen, X, cache):
    """Threads that embed the same spectra get their embeddings and count each once."""
    cache.max_bytes = 40 * (32 + cache.ENTRY_BYTES)
    interval = sys.getswitchinterval()
    spectra = place(np.random.default_rng(1).normal(size=(60, 24)))
    with embeddings_not_cached():
        expected = embed(frozen, spectra)
    start = Barrier(8)

    def work(seed):
        start.wait()
        order = np.random.default_rng(seed // 2)  # two threads each embed the same rows
        for _ in range(15):
            rows = order.permutation(60)[:20]
            found = embed(frozen, spectra.take(torch.tensor(rows)))
            np.testing.assert_allclose(found, expected[rows], atol=1e-6)

    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert 0 < bytes_of(cache) == cache.n_bytes <= cache.max_bytes


def test_threads_get_one_network_for_equal_weights(frozen):
    """Threads that read equal weights at the same time share one network."""
    tensors, start = {name: t + 2 for name, t in frozen.tensors().items()}, Barrier(4)

    def read(_):
        start.wait()
        return FrozenNetwork.of(frozen.architecture, tensors)

    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(read, range(4)))
    assert all(network is networks[0] for network in networks)


def test_returned_arrays_are_not_views_of_the_cache(frozen, X):
    first = embed(frozen, place(X))
    before = first.copy()
    first += 1
    np.testing.assert_array_equal(embed(frozen, place(X)), before)


def test_seeded_is_repeatable_and_restores_the_generator():
    state = torch.get_rng_state()
    draws = []
    for _ in range(2):
        with seeded(3):
            draws.append(torch.rand(4))
    assert torch.equal(*draws)
    assert torch.equal(torch.get_rng_state(), state)


def test_device_is_resolved():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device(None) == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(RuntimeError, match="abacus"):
        resolve_device("abacus")


def test_tensors_and_header_round_trip(tmp_path):
    tensors, header = {"a": torch.arange(3.0), "b": torch.tensor(2.0)}, {"x": [1, None, "y"]}
    save_tensors(tmp_path / "file", tensors, header)
    loaded, again = load_tensors(tmp_path / "file")
    assert again == header
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    save_tensors(path, {"a": torch.ones(2)}, {})
    with pytest.raises(TypeError):
        save_tensors(path, {"a": torch.zeros(2)}, {"not json": object()})
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert load_tensors(path)[0]["a"].tolist() == [1, 1]


def test_unreadable_files_are_refused_by_name(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(FileNotFoundError, match=r"absent .*does not exist"):
        load_tensors(tmp_path / "absent")
    save_tensors(path := tmp_path / "cut", {"a": torch.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"cut is not a readable safetensors file"):
        load_tensors(path)
    save_file({"a": torch.ones(2)}, path := tmp_path / "foreign")
    with pytest.raises(ValueError, match=r"foreign was not written by skspektron"):
        load_tensors(path)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool])
def test_to_tensor_has_the_requested_dtype(dtype):
    tensor = to_tensor([[0, 1], [2, 3]], dtype)
    assert tensor.numpy().dtype == dtype
    np.testing.assert_array_equal(tensor, np.array([[0, 1], [2, 3]], dtype=dtype))
    assert to_tensor([1.5]).dtype == torch.float32


def test_arrays_become_tensors_and_back_in_the_bridge_only():
    package = Path(skspektron.__file__).parent
    conversions = {"from_numpy", "as_tensor", "numpy"}
    found = [
        f"{path.relative_to(package)}:{node.lineno} {node.attr}"
        for path in package.rglob("*.py")
        if "_bridge" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in conversions
    ]
    assert found == []
