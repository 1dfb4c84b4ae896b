"""A trained network as one object of a process, and what is read from it."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from .._nn.architecture import Architecture
from .._nn.backbones.dlinoss import DLinOSS
from .._nn.network import Encoded, SpektronNetwork, mean_token
from ._arrays import to_array
from ._device import seeded
from ._spectra import Spectra

# What an embedding is of what the encoder makes of spectra, (B, n_outputs).
POOLINGS: dict[str, Callable[[Encoded], Tensor]] = {
    "tokens": lambda encoded: encoded.tokens.flatten(1),
    "mean": lambda encoded: mean_token(encoded.tokens, encoded.usable),
    "latent": lambda encoded: encoded.latent.z,
}


_FORGETS = ContextVar("forgets", default=False)


@contextmanager
def embeddings_not_cached():
    """Let no network remember embeddings inside: for spectra that are seen once."""
    token = _FORGETS.set(True)
    try:
        yield
    finally:
        _FORGETS.reset(token)


class FrozenNetwork:
    """A trained network that nobody writes to: clones share it, and it remembers embeddings.

    Equal weights are one object in a process, also after unpickling, and the embedding of a
    spectrum is computed once however many candidates of a search ask for it. A pickle names
    weights that ship, and of weights that were made of others it holds those that differ.
    """

    _alive: ClassVar[WeakValueDictionary[str, "FrozenNetwork"]] = WeakValueDictionary()
    # Digest of weights that can be read again: what reads them, given the arguments.
    readers: ClassVar[dict[str, tuple[Callable[..., "FrozenNetwork"], tuple[str, ...]]]] = {}
    CACHE_BYTES = 2**28

    def __init__(
        self,
        digest: str,
        architecture: Architecture,
        tensors: Mapping[str, Tensor],
        base: "FrozenNetwork | None" = None,
    ):
        # A copy: an object shared with the pretrainer would give its deep copy another joblib.hash.
        self.digest, self.architecture = digest, replace(architecture)
        with seeded(0):  # these weights are replaced, and the user's generator is not drawn from
            network = SpektronNetwork(architecture)
        network.load_state_dict(dict(tensors))
        self._base = base
        self._on = {"cpu": network.eval().requires_grad_(False)}
        self._cache: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._cached_bytes = 0

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        tensors: Mapping[str, Tensor],
        base: "FrozenNetwork | None" = None,
    ) -> "FrozenNetwork":
        """Return the network with these weights, the one that is alive if there is one."""
        # What is at its default is left out: parts that come later leave these digests alone.
        parts = ((f.name, getattr(architecture, f.name), f.default) for f in fields(architecture))
        content = sha256(repr([(name, v) for name, v, default in parts if v != default]).encode())
        for name in sorted(tensors):
            content.update(name.encode() + tensors[name].cpu().contiguous().numpy().tobytes())
        digest = content.hexdigest()
        shared = cls._alive.get(digest)
        if shared is None:
            cls._alive[digest] = shared = cls(digest, architecture, tensors, base)
        return shared

    @classmethod
    def of_arrays(cls, architecture: Architecture, arrays: Mapping[str, np.ndarray]):
        """Return the network with weights that came as arrays."""
        return cls.of(architecture, {name: torch.tensor(a) for name, a in arrays.items()})

    def changed(self, tensors: Mapping[str, Tensor | np.ndarray]) -> "FrozenNetwork":
        """Return the network with some other weights."""
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
        """Return the network on a device; it is the caller's duty not to change it."""
        if device not in self._on:
            self._on[device] = copy.deepcopy(self._on["cpu"]).to(device)
        return self._on[device]

    def usable(self, spectra: Spectra) -> np.ndarray:
        """Return which spectra have a patch that can be embedded, (n_samples,)."""
        return to_array(self._on["cpu"].token_valid(spectra.valid).any(1))

    def embed(
        self,
        spectra: Spectra,
        *,
        pooling: str,
        batch_size: int,
        device: str,
        n_layers: int | None = None,
    ) -> np.ndarray:
        """Return embeddings (n_samples, n_outputs); those of known spectra come from memory."""
        keys = self._keys(spectra, f"{pooling} {n_layers}")
        found = {key: row for key in keys if (row := self._cache.get(key)) is not None}
        missing = [row for row, key in enumerate(keys) if key not in found]
        network = self.on(device)
        for start in range(0, len(missing), batch_size):
            rows = missing[start : start + batch_size]
            embedded = embed_batch(network, spectra, rows, pooling, n_layers, device)
            computed = dict(zip((keys[row] for row in rows), embedded, strict=True))
            self._remember(computed)
            found |= computed
        return np.stack([found[key] for key in keys])

    def _keys(self, spectra: Spectra, readout: str) -> list[bytes]:
        """Return what each row's embedding depends on, as one digest a row."""
        axes = [readout.encode() + axis.numpy().tobytes() for axis in spectra.wavenumber]
        values = spectra.values.masked_fill(~spectra.valid, torch.nan).numpy()
        domain = torch.zeros(len(values)) if spectra.domain is None else spectra.domain + 1
        return [
            sha256(axes[grid] + bytes([int(d)]) + row.tobytes()).digest()
            for grid, d, row in zip(spectra.grid.tolist(), domain.tolist(), values, strict=True)
        ]

    def _remember(self, computed: Mapping[bytes, np.ndarray]) -> None:
        """Add embeddings and drop the oldest beyond the budget."""
        if _FORGETS.get():
            return
        for key, row in computed.items():
            self._cache[key] = row.copy()  # a view would keep its whole batch alive
            self._cached_bytes += row.nbytes
        while self._cached_bytes > self.CACHE_BYTES:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return tensors as arrays of their own, which a pickle holds in few bytes."""
    return {name: to_array(tensor).copy() for name, tensor in tensors.items()}


def embed_batch(
    network: SpektronNetwork,
    spectra: Spectra,
    rows: list[int],
    pooling: str,
    n_layers: int | None,
    device: str,
) -> np.ndarray:
    """Return the embeddings of some rows, (n_rows, n_outputs)."""
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
    return frequency.copy(), damping.copy()  # views would give a deep copy another joblib.hash


def oscillator_banks(network: FrozenNetwork) -> list[dict[str, Any]]:
    """Return the numbers of every D-LinOSS layer: recurrence, poles, matrices, directions."""
    return [
        _bank(block.filter) for block in network.on("cpu").blocks[: network.architecture.n_layers]
    ]


def _bank(layer: DLinOSS) -> dict[str, Any]:
    """Return the numbers of one layer in float64; its first `n_forward` oscillators run forward."""
    alpha, rho, gain = layer.recurrence()
    radius, angle = layer.poles()
    tensors = {"alpha": alpha, "rho": rho, "gain": gain, "radius": radius, "angle": angle}
    tensors |= {"B": layer.B, "C": layer.C, "D": layer.D}
    arrays = {name: to_array(tensor.double()) for name, tensor in tensors.items()}
    return {"n_forward": layer.n_forward, **arrays}


def patch_kernels(network: FrozenNetwork) -> np.ndarray:
    """Return what a "patch" or "raw" tokenizer weighs channels with, (d_model, n_channels)."""
    return to_array(network.on("cpu").tokens.project.weight).copy()
