"""Low-rank adaptation of a frozen network to a target instrument."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._axes import CHANNEL_TOLERANCE
from .._bridge import (
    POOLINGS,
    FrozenNetwork,
    Spectra,
    check_version,
    load_tensors,
    save_tensors,
    seeded,
    to_array,
    to_tensor,
)
from .._nn.adaptation import AdaptationTask
from .._nn.lora import LowRankAdapter, adaptable
from .._typing import PathLike
from .engine._callbacks import ProgressBar
from .engine._net import StepNet
from .engine._recipe import Recipe

ADAPTER = "skspektron adapter"
VERSION = 1  # of the file format of adapters
HEADER_KEYS = {"version", "network", "architecture", "source", "target", "alpha"}


@dataclass(frozen=True)
class Examples:
    """What an adapter learns from: the standards, then source rows mapped to the target."""

    spectra: Spectra
    z_source: np.ndarray  # (n, n_outputs) embeddings of the same samples on the source
    labels: np.ndarray  # (n, n_targets) in standard deviations; predictions where unknown
    weights: np.ndarray  # (n_standards,) of the spectra of the standards
    label_weights: np.ndarray  # (n_standards,) of their labels
    coef: np.ndarray  # (n_outputs, n_targets) of a linear head on source embeddings
    intercept: np.ndarray  # (n_targets,)

    @property
    def n_standards(self) -> int:
        """Number of standards."""
        return len(self.weights)

    def batches(self) -> Callable[[int, Tensor], dict[str, Tensor]]:
        """Return the function from a step and source rows to all standards and these rows."""
        z_source, n_standards = to_tensor(self.z_source), self.n_standards
        residual = to_tensor(self.z_source @ self.coef + self.intercept - self.labels)
        paired = to_tensor(fractions(self.weights))
        labels = to_tensor(fractions(self.weights * self.label_weights))
        standards = torch.arange(n_standards)

        def batch(step: int, rows: Tensor) -> dict[str, Tensor]:
            others = torch.zeros(len(rows))
            of_replay = torch.full((len(rows),), 1 / max(len(rows), 1))
            rows = torch.cat([standards, n_standards + rows])
            return self.spectra.batch(rows) | {
                "z_source": z_source[rows],
                "residual": residual[rows],
                "paired": torch.cat([paired, others]),
                "labels": torch.cat([labels, others]),
                "replay": torch.cat([torch.zeros(n_standards), of_replay]),
            }

        return batch


def fractions(weights: np.ndarray) -> np.ndarray:
    """Return weights divided by their sum, or equal ones if all are zero."""
    weights = weights if weights.any() else np.ones(len(weights))
    return weights / weights.sum()


def train_adapter(
    network: FrozenNetwork,
    examples: Examples,
    recipe: Recipe,
    *,
    pooling: str,
    n_layers: int | None,
    rank: int,
    alpha: float,
    token_weights: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """Return the trained factors by name, and one record per epoch of the source rows.

    `token_weights` (n_tokens, n_tokens_in) interpolate the tokens of the spectra at those of the
    source, None if both have the same.
    """
    frozen = network.on(recipe.device)
    with seeded(recipe.seed):
        adapter = LowRankAdapter(frozen, adaptable(frozen, n_layers), rank=rank, alpha=alpha)
    source = examples.z_source[examples.n_standards :]
    task = AdaptationTask(
        adapter,
        _pooling(pooling, token_weights, recipe.device),
        scale=float(source.var(axis=0, ddof=0).mean()) or 1.0,
        coef=to_tensor(examples.coef),
        n_layers=n_layers,
    )
    net = StepNet(
        task,
        recipe,
        examples.batches(),
        len(source),
        weights=task.WEIGHTS,
        callbacks=[ProgressBar("adapting", {"loss": "train_loss"})] if recipe.verbose else [],
    )
    net.train()
    recorded = ("train_loss", *task.WEIGHTS)
    return (
        {name: to_array(tensor) for name, tensor in adapter.state_dict().items()},
        [{name: float(record[name]) for name in recorded} for record in net.history],
    )


def _pooling(name: str, token_weights: np.ndarray | None, device: str):
    """Return the function from encoded spectra to embeddings, with interpolated tokens."""
    if token_weights is None:
        return POOLINGS[name]
    weights = to_tensor(token_weights).to(device)
    return lambda encoded: (weights @ encoded.tokens).flatten(1)


def merge(network: FrozenNetwork, factors: Mapping[str, np.ndarray], alpha: float) -> FrozenNetwork:
    """Return the network with the low-rank change of an adapter added to its weights."""
    tensors = {name: to_tensor(factors[name]) for name in factors if name.startswith(("A.", "B."))}
    names = [name[2:].replace("/", ".") for name in tensors if name.startswith("A.")]
    rank = next(len(tensor) for name, tensor in tensors.items() if name.startswith("A."))
    frozen = network.on("cpu")
    with seeded(0):  # these factors are replaced; the global generator is not used
        adapter = LowRankAdapter(frozen, names, rank=rank, alpha=alpha)
    try:
        adapter.load_state_dict(tensors)
    except RuntimeError as error:  # torch lists every tensor that differs
        raise ValueError(
            f"The {len(tensors)} factors of the adapter do not fit this network: "
            f"{' '.join(str(error).split())[:300]}. Train and save the adapter again."
        ) from error
    merged = {name: tensor.detach() for name, tensor in adapter.merged().items()}
    return network.changed(merged)


def save_adapter(
    path: PathLike,
    network: FrozenNetwork,
    adapter: Mapping[str, np.ndarray],
    *,
    alpha: float,
    source: object,
    target: object,
    wavenumber: np.ndarray | None = None,
) -> None:
    """Write an adapter with its instruments, the target's axis and the identity of its network."""
    header: dict[str, Any] = {
        "format": ADAPTER,
        "version": VERSION,
        "network": network.digest,
        "architecture": asdict(network.architecture),
        "source": source,
        "target": target,
        "alpha": alpha,
    }
    if wavenumber is not None:
        header["wavenumber"] = wavenumber.tolist()
    tensors = {name: to_tensor(array, array.dtype) for name, array in adapter.items()}
    save_tensors(path, tensors, header)


def load_adapter(
    path: PathLike,
    network: FrozenNetwork,
    *,
    n_outputs: int,
    source: object,
    wavenumber: np.ndarray | None = None,
    n_layers: int | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the adapter of a file and its header; raise ValueError if it does not fit."""
    tensors, header = load_tensors(path)
    if header.get("format") != ADAPTER:
        raise ValueError(
            f"{path} does not contain an adapter but {', '.join(header) or 'nothing'}. "
            "Pass a file that LoRATransfer.save_adapter wrote."
        )
    _check_parts(path, tensors, header)
    check_version(path, header["version"], VERSION)
    _check_header(path, header)
    _check_base(path, header, network)
    if header["source"] != source:
        raise ValueError(
            f"{path} adapts {header['target']!r} to the source {header['source']!r}, and this "
            f"calibration is for the source {source!r}. Load it into a calibration for "
            f"{header['source']!r}."
        )
    if wavenumber is not None and "wavenumber" in header:  # older files do not state it
        _check_axis(path, np.array(header["wavenumber"]), wavenumber)
    _check_factors(path, tensors, header["alpha"], network, n_layers)
    _check_offset(path, tensors["offset"], n_outputs)
    return {name: to_array(tensor) for name, tensor in tensors.items()}, header


def _check_parts(path: PathLike, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Raise ValueError for an adapter with missing parts or values that are not finite."""
    missing = sorted(HEADER_KEYS - header.keys()) + ["offset"] * ("offset" not in tensors)
    if missing:
        raise ValueError(
            f"{path} lacks {len(missing)} parts of an adapter: {', '.join(missing)}. "
            "Pass a file that LoRATransfer.save_adapter wrote."
        )
    allowed = {"offset": (torch.float32, torch.float64)}
    other = [
        f"{name} ({tensor.dtype})"
        for name, tensor in tensors.items()
        if tensor.dtype not in allowed.get(name, (torch.float32,))
    ]
    if other:
        raise ValueError(
            f"{path} must have float32 tensors, got {len(other)} others: {', '.join(other[:3])}. "
            "Train and save the adapter again."
        )
    bad = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if bad:
        raise ValueError(
            f"{path} has values that are not finite in {len(bad)} of {len(tensors)} tensors. "
            "Train and save the adapter again."
        )


def _check_header(path: PathLike, header: Mapping[str, Any]) -> None:
    """Raise ValueError for a header with an entry of another type or range."""
    source, target, alpha = (header[name] for name in ("source", "target", "alpha"))
    labels, is_number = (str, int, float), type(alpha) in (int, float)
    sources = source if isinstance(source, list) else [source]
    axis = header.get("wavenumber", [1.0])
    is_axis = isinstance(axis, list) and len(axis) > 0 and all(type(v) is float for v in axis)
    for name, valid, expected in (
        ("network", isinstance(header["network"], str), "a digest"),
        ("architecture", isinstance(header["architecture"], dict), "sizes by name"),
        ("alpha", is_number and 0 < alpha <= sys.float_info.max, "positive and finite"),
        ("source", all(isinstance(name, labels) for name in sources), "names of instruments"),
        ("target", isinstance(target, labels) and target == target, "the name of an instrument"),
        ("target", target not in sources, "another instrument than the source"),
        ("wavenumber", is_axis, "a list of numbers"),
    ):
        if not valid:
            raise ValueError(
                f"{path}: {name} must be {expected}, got {header[name]!r}. "
                "Train and save the adapter again."
            )


def _check_axis(path: PathLike, found: np.ndarray, expected: np.ndarray) -> None:
    """Raise ValueError for an adapter to target spectra on other channels."""
    if found.shape == expected.shape and np.allclose(found, expected, CHANNEL_TOLERANCE, 0):
        return
    of_file, own = (
        f"{len(axis)} channels from {axis.min():g} to {axis.max():g} cm-1"
        for axis in (found, expected)
    )
    raise ValueError(
        f"{path} was trained on target spectra with {of_file}, and those of this calibration have "
        f"{own}. Load it into a calibration fitted on rows of that instrument."
    )


def _check_factors(
    path: PathLike,
    tensors: Mapping[str, Tensor],
    alpha: float,
    network: FrozenNetwork,
    n_layers: int | None,
) -> None:
    """Raise ValueError unless there are factors of one rank for all adapted matrices."""
    weights = network.tensors()
    matrices = {name.replace(".", "/"): name for name in adaptable(network.on("cpu"), n_layers)}
    expected = {f"{side}.{key}" for side in "AB" for key in matrices}
    found = tensors.keys() - {"offset"}
    different = sorted(expected - found) + sorted(found - expected)
    if different:
        raise ValueError(
            f"{path} must have the {len(expected)} factors of the adapted matrices with "
            f"n_layers={n_layers}, got {len(found)}: {len(expected - found)} are missing and "
            f"{len(found - expected)} unknown, such as {different[0]}. Load it into a calibration "
            "with the same n_layers, or train and save the adapter again."
        )
    shapes = {name: tuple(tensors[name].shape) for name in sorted(expected)}
    rank = next(iter(shapes.values()), (0,))[:1]
    for key, name in matrices.items():
        n_out, n_in = weights[name].shape
        shape = {f"A.{key}": (*rank, n_in), f"B.{key}": (n_out, *rank)}
        for factor, needed in shape.items():
            if shapes[factor] != needed or min(needed) < 1:
                raise ValueError(
                    f"{path}: {factor} must have shape {needed} with a rank of at least 1, got "
                    f"{shapes[factor]}. Train and save the adapter again."
                )
        change = alpha / rank[0] * tensors[f"B.{key}"] @ tensors[f"A.{key}"]
        if not (weights[name] + change).isfinite().all():
            raise ValueError(
                f"{path}: the change of {name} with alpha={alpha:g} is not finite. "
                "Train and save the adapter again."
            )


def _check_offset(path: PathLike, offset: Tensor, n_outputs: int) -> None:
    """Raise ValueError for an offset of embeddings of another length or shape."""
    if tuple(offset.shape) != (n_outputs,):
        outputs = " x ".join(map(str, offset.shape)) or "no"
        raise ValueError(
            f"{path} was trained on embeddings with {outputs} outputs, those of this calibration "
            f"have {n_outputs}. Load it into a calibration with the same channels, pooling and "
            "n_layers."
        )


def _check_base(path: PathLike, header: Mapping[str, Any], network: FrozenNetwork) -> None:
    """Raise ValueError for an adapter of another network, with the differences."""
    if header["network"] == network.digest:
        return
    sizes = asdict(network.architecture)
    other = {
        name: value for name, value in header["architecture"].items() if value != sizes.get(name)
    }
    difference = ", ".join(
        f"{name} {value!r}, not {sizes.get(name)!r}" for name, value in other.items()
    )
    raise ValueError(
        f"{path} contains an adapter of the network {header['network'][:12]}, not of "
        f"{network.digest[:12]} ({difference or 'the same architecture, other weights'}). Load it "
        "into a calibration with the weights it was trained on."
    )
