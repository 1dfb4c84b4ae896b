"""The only place where an array becomes a tensor and back, and weights a file and back."""

import copy
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ._nn.architecture import Architecture
from ._nn.backbones.dlinoss import DLinOSS
from ._nn.network import Encoded, SpektronNetwork, mean_token


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """What is known of spectra of one or more grids beside their values."""

    wavenumber: Tensor  # (n_grids, n_channels) float64 in cm-1, rising, NaN behind a grid's own end
    grid: Tensor  # (n_samples,) which axis a row is on
    domain: Tensor | None = None  # (n_samples,) number of near infrared, infrared, Raman
    instrument: Tensor | None = None  # (n_samples,) number of the instrument
    sample: Tensor | None = None  # (n_samples,) number of the physical sample
    targets: Tensor | None = None  # (n_samples, n_targets) float64, NaN where not known

    @property
    def n_samples(self) -> int:
        """Number of spectra."""
        return len(self.grid)

    @property
    def n_instruments(self) -> int:
        """Number of instruments, 1 where they are not told."""
        return 1 if self.instrument is None else int(self.instrument.max()) + 1

    def labels(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the labels of some rows by name."""
        labels = {name: getattr(self, name) for name in ("domain", "instrument", "sample")}
        return {name: label[rows] for name, label in labels.items() if label is not None}

    def take(self, rows: Tensor):
        """Return some rows."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "wavenumber"}
        by_row = {name: part[rows] for name, part in parts.items() if isinstance(part, Tensor)}
        return replace(self, **by_row)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra(Rows):
    """Spectra as tensors; every axis runs from low to high wavenumber."""

    values: Tensor  # (n_samples, n_channels) float32, 0 where not valid
    valid: Tensor  # (n_samples, n_channels) bool
    weight: Tensor | None = None  # (n_samples, n_channels) inverse variance of the noise

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the network's arguments for some rows, cut to the longest axis among them."""
        grid = self.grid[rows]
        length = int(self.wavenumber[grid.unique()].isfinite().sum(1).max())
        batch = {
            "values": self.values[rows, :length],
            "valid": self.valid[rows, :length],
            "wavenumber": self.wavenumber[grid, :length],
            "grid": grid,
        }
        if self.weight is not None:
            batch["weight"] = self.weight[rows, :length]
        return batch | self.labels(rows)


@dataclass(frozen=True, eq=False, kw_only=True)
class LazySpectra(Rows):
    """Spectra that are read when a batch is made of them; to training, what `Spectra` is."""

    axes: Sequence[np.ndarray]  # in cm-1, in the direction of what is read
    rows: Tensor  # (n_samples,) the numbers by which spectra are read
    read: Callable[[np.ndarray], np.ndarray]  # (n_rows,) to (n_rows, n_channels)
    read_noise: Callable[[np.ndarray], np.ndarray] | None = None  # likewise standard deviations

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Read some rows; return the network's arguments, cut to the longest axis among them."""
        numbers = self.rows[rows].numpy()
        grids, which = np.unique(self.grid[rows].numpy(), return_inverse=True)
        spectra = to_spectra(
            self.read(numbers),
            [self.axes[grid] for grid in grids],
            which,
            noise=None if self.read_noise is None else self.read_noise(numbers),
        )
        batch = spectra.batch(torch.arange(len(numbers)))
        return batch | {"grid": self.grid[rows]} | self.labels(rows)


def to_lazy_spectra(
    read: Callable[[np.ndarray], np.ndarray],
    axes: Sequence[np.ndarray],
    grid: np.ndarray,
    *,
    read_noise: Callable[[np.ndarray], np.ndarray] | None = None,
    **labels: np.ndarray | None,
) -> LazySpectra:
    """Place rows that `read` and `read_noise` return by number, as `to_spectra` places arrays."""
    nothing = np.empty((0, max(map(len, axes))))
    return LazySpectra(
        wavenumber=to_spectra(nothing, axes, np.empty(0)).wavenumber,
        grid=to_index(grid),
        axes=axes,
        rows=torch.arange(len(grid)),
        read=read,
        read_noise=read_noise,
        **_numbers(labels),
    )


def to_spectra(
    X: np.ndarray,
    axes: Sequence[np.ndarray],
    grid: np.ndarray,
    *,
    noise: np.ndarray | None = None,
    **labels: np.ndarray | None,
) -> Spectra:
    """Place the rows of `X` (NaN: not measured) on their axes, given in cm-1.

    Row i lies on ``axes[grid[i]]``; columns behind the end of that axis are not read. `noise`,
    the standard deviation of every channel of every row, becomes its inverse variance; one that
    is not positive, none. `labels` are numbers a row.
    """
    values, wavenumber = _place(X, axes, grid)
    weight = None
    if noise is not None:
        noise = _place(noise, axes, grid)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = torch.from_numpy(np.where(noise > 0, noise**-2, 0).astype(np.float32))
    return Spectra(
        values=torch.from_numpy(np.nan_to_num(values)),
        valid=torch.from_numpy(np.isfinite(values)),
        wavenumber=torch.from_numpy(wavenumber),
        grid=to_index(grid),
        weight=weight,
        **_numbers(labels),
    )


def _numbers(labels: Mapping[str, np.ndarray | None]) -> dict[str, Tensor]:
    """Return the labels that are told, as tensors."""
    known = {name: label for name, label in labels.items() if label is not None}
    return {
        name: torch.tensor(label) if name == "targets" else to_index(label)
        for name, label in known.items()
    }


def _place(X, axes, grid) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and axes from low to high wavenumber, NaN behind the end of an axis."""
    n_channels = max(len(axis) for axis in axes)
    values = np.full((len(X), n_channels), np.nan, dtype=np.float32)
    wavenumber = np.full((len(axes), n_channels), np.nan)
    for index, axis in enumerate(axes):
        order = slice(None, None, 1 if axis[0] <= axis[-1] else -1)
        rows = grid == index
        wavenumber[index, : len(axis)] = axis[order]
        values[rows, : len(axis)] = X[rows, : len(axis)][:, order]
    return values, wavenumber


def to_index(numbers: np.ndarray) -> Tensor:
    """Return whole numbers as an int64 tensor on the CPU."""
    return torch.from_numpy(np.asarray(numbers, dtype=np.int64))


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers as an array on the CPU."""
    return tensor.detach().cpu().numpy()


def to_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a float32 tensor on the CPU."""
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


# What an embedding is of what the encoder makes of spectra, (B, n_outputs).
POOLINGS: dict[str, Callable[[Encoded], Tensor]] = {
    "tokens": lambda encoded: encoded.tokens.flatten(1),
    "mean": lambda encoded: mean_token(encoded.tokens, encoded.usable),
    "latent": lambda encoded: encoded.latent.z,
}


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


def resolve_device(device: str | None) -> str:
    """Return the device that is asked for; None is a GPU where there is one."""
    if device is not None:
        return str(torch.device(device))
    return "cuda" if torch.cuda.is_available() else "cpu"


_GENERATORS = RLock()


@contextmanager
def seeded(seed: int):
    """Draw from generators seeded with `seed` inside; outside, the global ones are untouched.

    Threads share the global generators: one at a time.
    """
    with _GENERATORS, torch.random.fork_rng():
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
