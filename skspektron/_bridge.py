"""The only place where an array becomes a tensor and back, and weights a file and back."""

import copy
import json
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ._nn.architecture import Architecture
from ._nn.network import SpektronNetwork


class Spectra(NamedTuple):
    """Spectra of one or more grids as tensors; every axis runs from low to high wavenumber."""

    values: Tensor  # (n_samples, n_channels) float32, 0 where not valid
    valid: Tensor  # (n_samples, n_channels) bool
    wavenumber: Tensor  # (n_grids, n_channels) float64 in cm-1, NaN behind a grid's own end
    grid: Tensor  # (n_samples,) which axis a row is on

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the network's arguments for some rows, cut to the longest axis among them."""
        grid = self.grid[rows]
        length = int(self.wavenumber[grid.unique()].isfinite().sum(1).max())
        return {
            "values": self.values[rows, :length],
            "valid": self.valid[rows, :length],
            "wavenumber": self.wavenumber[grid, :length],
            "grid": grid,
        }


def to_spectra(X: np.ndarray, axes: Sequence[np.ndarray], grid: np.ndarray) -> Spectra:
    """Place the rows of `X` (NaN: not measured) on their axes, given in cm-1.

    Row i lies on ``axes[grid[i]]``; columns behind the end of that axis are not read.
    """
    n_channels = max(len(axis) for axis in axes)
    values = np.full((len(X), n_channels), np.nan, dtype=np.float32)
    wavenumber = np.full((len(axes), n_channels), np.nan)
    for index, axis in enumerate(axes):
        order = slice(None, None, 1 if axis[0] <= axis[-1] else -1)
        rows = grid == index
        wavenumber[index, : len(axis)] = axis[order]
        values[rows, : len(axis)] = X[rows, : len(axis)][:, order]
    valid = torch.from_numpy(np.isfinite(values))
    return Spectra(
        torch.from_numpy(np.nan_to_num(values, copy=False)),
        valid,
        torch.from_numpy(wavenumber),
        torch.from_numpy(np.asarray(grid, dtype=np.int64)),
    )


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers as an array on the CPU."""
    return tensor.detach().cpu().numpy()


def to_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a float32 tensor on the CPU."""
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


def _mean(tokens: Tensor, usable: Tensor) -> Tensor:
    return tokens.sum(1) / usable.sum(1, keepdim=True).clamp(min=1)


def _flat(tokens: Tensor, usable: Tensor) -> Tensor:
    return tokens.flatten(1)


POOLINGS = {"mean": _mean, "tokens": _flat}  # (B, N, D) and which are usable -> (B, n_outputs)


class FrozenNetwork:
    """A trained network that nobody writes to: clones share it, and it remembers embeddings.

    Equal weights are one object in a process, also after unpickling, and the embedding of a
    spectrum is computed once however many candidates of a search ask for it.
    """

    _alive: ClassVar[WeakValueDictionary[str, "FrozenNetwork"]] = WeakValueDictionary()
    CACHE_BYTES = 2**28

    def __init__(self, digest: str, architecture: Architecture, tensors: Mapping[str, Tensor]):
        # A copy: an object shared with the pretrainer would give its deep copy another joblib.hash.
        self.digest, self.architecture = digest, replace(architecture)
        with seeded(0):  # these weights are replaced, and the user's generator is not drawn from
            network = SpektronNetwork(architecture)
        network.load_state_dict(dict(tensors))
        self._on = {"cpu": network.eval().requires_grad_(False)}
        self._cache: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._cached_bytes = 0

    @classmethod
    def of(cls, architecture: Architecture, tensors: Mapping[str, Tensor]) -> "FrozenNetwork":
        """Return the network with these weights, the one that is alive if there is one."""
        content = sha256(repr(architecture).encode())
        for name in sorted(tensors):
            content.update(name.encode() + tensors[name].cpu().contiguous().numpy().tobytes())
        digest = content.hexdigest()
        shared = cls._alive.get(digest)
        if shared is None:
            cls._alive[digest] = shared = cls(digest, architecture, tensors)
        return shared

    def __reduce__(self):
        return FrozenNetwork.of, (self.architecture, self.tensors())

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
        return to_array(self._on["cpu"].patch_valid(spectra.valid).any(1))

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
        return [
            sha256(axes[grid] + row.tobytes()).digest()
            for grid, row in zip(spectra.grid.tolist(), values, strict=True)
        ]

    def _remember(self, computed: Mapping[bytes, np.ndarray]) -> None:
        """Add embeddings and drop the oldest beyond the budget."""
        for key, row in computed.items():
            self._cache[key] = row.copy()  # a view would keep its whole batch alive
            self._cached_bytes += row.nbytes
        while self._cached_bytes > self.CACHE_BYTES:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes


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
        tokens = network(**batch, n_layers=n_layers)
        return to_array(POOLINGS[pooling](tokens, network.patch_valid(batch["valid"])))


def resolve_device(device: str | None) -> str:
    """Return the device that is asked for; None is a GPU where there is one."""
    if device is not None:
        return str(torch.device(device))
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def seeded(seed: int):
    """Draw from generators seeded with `seed` inside; outside, the global ones are untouched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def save_tensors(path: str | os.PathLike, tensors: Mapping[str, Tensor], header: Any) -> None:
    """Write tensors and a JSON header to a safetensors file, whole or not at all."""
    path = Path(path)
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Not save_file: it makes files that only their owner can read.
        temporary.write_bytes(save(tensors, metadata={"skspektron": json.dumps(header)}))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load_tensors(path: str | os.PathLike) -> tuple[dict[str, Tensor], Any]:
    """Read what `save_tensors` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("skspektron")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist. Pass the path of a saved file.") from None
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a readable safetensors file ({error}). "
            "It may be truncated: save or download it again."
        ) from error
    if header is None:
        raise ValueError(f"{path} was not written by skspektron. Pass a file that it saved.")
    return tensors, json.loads(header)
