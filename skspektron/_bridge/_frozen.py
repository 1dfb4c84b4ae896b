"""Trained networks, their embeddings and their parameters as arrays."""

import copy
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from hashlib import sha256
from threading import RLock
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from .._nn.architecture import Architecture
from .._nn.backbones.dlinoss import DLinOSS
from .._nn.network import Encoded, SpektronNetwork, mean_token
from ._arrays import to_array
from ._cache import EmbeddingCache
from ._device import seeded
from ._spectra import Spectra

# From the output of the encoder to embeddings (B, n_outputs).
POOLINGS: dict[str, Callable[[Encoded], Tensor]] = {
    "tokens": lambda encoded: encoded.tokens.flatten(1),
    "mean": lambda encoded: mean_token(encoded.tokens, encoded.usable),
    "latent": lambda encoded: encoded.latent.z,
}


_CACHE_OFF = ContextVar("cache_off", default=False)


@contextmanager
def embeddings_not_cached():
    """Do not cache embeddings inside the context, for spectra that are embedded once."""
    token = _CACHE_OFF.set(True)
    try:
        yield
    finally:
        _CACHE_OFF.reset(token)


class FrozenNetwork:
    """A trained network that is not changed, so that clones share it, with cached embeddings.

    Equal weights are one object in a process, also after unpickling, and the candidates of a
    search share the embeddings of their spectra. A pickle refers to shipped weights by name, and
    contains of changed networks only the weights that differ. Threads may share a network.
    """

    _instances: ClassVar[WeakValueDictionary[str, "FrozenNetwork"]] = WeakValueDictionary()
    # By the digest of shipped weights: the function that reads them, and its arguments.
    readers: ClassVar[dict[str, tuple[Callable[..., "FrozenNetwork"], tuple[str, ...]]]] = {}
    _cache: ClassVar[EmbeddingCache] = EmbeddingCache(2**28)
    _instances_lock: ClassVar[RLock] = RLock()

    def __init__(
        self,
        digest: str,
        architecture: Architecture,
        tensors: Mapping[str, Tensor],
        base: "FrozenNetwork | None" = None,
    ):
        # A copy, as joblib.hash of a pretrainer depends on the objects that it shares.
        self.digest, self.architecture = digest, replace(architecture)
        with seeded(0):  # these weights are replaced; the global generator is not used
            network = SpektronNetwork(architecture)
        network.load_state_dict(dict(tensors))
        self._base = base
        self._on = {"cpu": network.eval().requires_grad_(False)}
        self._lock = RLock()  # of the copies on devices

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        tensors: Mapping[str, Tensor],
        base: "FrozenNetwork | None" = None,
    ) -> "FrozenNetwork":
        """Return the network with these weights, the existing object if there is one."""
        # Without fields at their defaults, so that later fields do not change digests.
        parts = ((f.name, getattr(architecture, f.name), f.default) for f in fields(architecture))
        content = sha256(repr([(name, v) for name, v, default in parts if v != default]).encode())
        for name in sorted(tensors):
            content.update(name.encode() + tensors[name].cpu().contiguous().numpy().tobytes())
        digest = content.hexdigest()
        shared = cls._instances.get(digest)
        if shared is None:
            new = cls(digest, architecture, tensors, base)
            with cls._instances_lock:  # not while building, which waits for torch's generators
                shared = cls._instances.setdefault(digest, new)
        return shared

    @classmethod
    def of_arrays(cls, architecture: Architecture, arrays: Mapping[str, np.ndarray]):
        """Return the network with weights given as arrays."""
        return cls.of(architecture, {name: torch.tensor(a) for name, a in arrays.items()})

    def changed(self, tensors: Mapping[str, Tensor | np.ndarray]) -> "FrozenNetwork":
        """Return the network with some of its weights replaced."""
        new = {k: t if isinstance(t, Tensor) else torch.tensor(t) for k, t in tensors.items()}
        return FrozenNetwork.of(self.architecture, self.tensors() | new, base=self)

    def __reduce__(self):
        if self.digest in self.readers:
            return self.readers[self.digest]
        if self._base is None:
            return FrozenNetwork.of_arrays, (self.architecture, _arrays(self.tensors()))
        before = self._base.tensors()
        new = {k: t for k, t in self.tensors().items() if not torch.equal(t, before[k])}
        return FrozenNetwork.changed, (self._base, _arrays(new))

    def __deepcopy__(self, memo):
        return self

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights on the CPU."""
        return self._on["cpu"].state_dict()

    def on(self, device: str) -> SpektronNetwork:
        """Return the network on a device; it must not be changed."""
        with self._lock:
            if device not in self._on:
                self._on[device] = copy.deepcopy(self._on["cpu"]).to(device)
            return self._on[device]

    def usable(self, spectra: Spectra) -> np.ndarray:
        """Return whether spectra have a patch that can be embedded, (n_samples,)."""
        return self.tokens_of(spectra).any(axis=1)

    def tokens_of(self, spectra: Spectra) -> np.ndarray:
        """Return which tokens spectra on one axis have, (n_samples, n_tokens)."""
        return to_array(self._on["cpu"].token_valid(spectra.valid))

    def embed(
        self,
        spectra: Spectra,
        *,
        pooling: str,
        batch_size: int,
        device: str,
        n_layers: int | None = None,
    ) -> np.ndarray:
        """Return embeddings (n_samples, n_outputs) in float64, cached ones where possible.

        Memory is that of the result, of a batch and of the cache.
        """
        keys = self._keys(spectra, f"{self.digest} {pooling} {n_layers}")
        found = self._cache.find(keys)
        missing = [n for n in range(len(keys)) if n not in found]
        network, Z = self.on(device), None
        for start in range(0, len(missing), batch_size):
            rows = missing[start : start + batch_size]
            embedded = embed_batch(network, spectra, rows, pooling, n_layers, device)
            if not _CACHE_OFF.get():
                self._cache.store(dict(zip((keys[row] for row in rows), embedded, strict=True)))
            Z = np.empty((len(keys), embedded.shape[1])) if Z is None else Z
            Z[rows] = embedded
        Z = np.empty((len(keys), len(next(iter(found.values()))))) if Z is None else Z
        for n, row in found.items():
            Z[n] = row
        return Z

    def _keys(self, spectra: Spectra, readout: str) -> list[bytes]:
        """Return a digest per row of everything that its embedding depends on."""
        axes = [readout.encode() + axis.numpy().tobytes() for axis in spectra.wavenumber]
        values = spectra.values.masked_fill(~spectra.valid, torch.nan).numpy()
        domain = torch.zeros(len(values)) if spectra.domain is None else spectra.domain + 1
        scale = spectra.derivative_scale
        scales = np.zeros(len(values), np.float32) if scale is None else scale.numpy()
        rows = zip(spectra.grid.tolist(), domain.tolist(), scales, values, strict=True)
        return [
            sha256(axes[grid] + bytes([int(d)]) + size.tobytes() + row.tobytes()).digest()
            for grid, d, size, row in rows
        ]


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return copies of tensors as arrays, which are small in a pickle."""
    return {name: to_array(tensor).copy() for name, tensor in tensors.items()}


def embed_batch(
    network: SpektronNetwork,
    spectra: Spectra,
    rows: list[int],
    pooling: str,
    n_layers: int | None,
    device: str,
) -> np.ndarray:
    """Return the embeddings of rows, (n_rows, n_outputs)."""
    with torch.inference_mode():
        batch = spectra.batch(torch.tensor(rows))
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        return to_array(POOLINGS[pooling](network(**batch, n_layers=n_layers)))


def oscillators(network: FrozenNetwork) -> tuple[np.ndarray, np.ndarray]:
    """Return angular frequency and damping of every D-LinOSS layer, (n_layers, d_state) each."""
    architecture = network.architecture
    frequency, damping = np.empty((2, architecture.n_layers, architecture.d_state))
    blocks = network.on("cpu").blocks[: architecture.n_layers]
    for layer, block in enumerate(blocks):
        frequency[layer], damping[layer] = map(to_array, block.filter.oscillators())
    return frequency.copy(), damping.copy()  # views would change joblib.hash


def oscillator_banks(network: FrozenNetwork) -> list[dict[str, Any]]:
    """Return recurrence, poles, matrices and directions of every D-LinOSS layer."""
    return [
        _bank(block.filter) for block in network.on("cpu").blocks[: network.architecture.n_layers]
    ]


def _bank(layer: DLinOSS) -> dict[str, Any]:
    """Return one layer in float64; its first `n_forward` oscillators run forward."""
    alpha, rho, gain = layer.recurrence()
    radius, angle = layer.poles()
    tensors = {"alpha": alpha, "rho": rho, "gain": gain, "radius": radius, "angle": angle}
    tensors |= {"B": layer.B, "C": layer.C, "D": layer.D}
    arrays = {name: to_array(tensor.double()) for name, tensor in tensors.items()}
    return {"n_forward": layer.n_forward, **arrays}


def patch_kernels(network: FrozenNetwork) -> np.ndarray:
    """Return the channel weights of a "patch" or "raw" tokenizer, (d_model, n_channels).

    Those of the derivative come after those of the SNV.
    """
    tokens = network.on("cpu").tokens
    parts = getattr(tokens, "parts", (tokens,))
    return np.concatenate([to_array(part.project.weight) for part in parts])
