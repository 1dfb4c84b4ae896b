"""Files of adapters."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._axes import CHANNEL_TOLERANCE
from .._bridge import (
    FrozenNetwork,
    check_version,
    load_tensors,
    save_tensors,
    to_array,
    to_tensor,
)
from .._nn.lora import adaptable
from .._typing import PathLike

ADAPTER = "skspektron adapter"
VERSION = 2  # of the file format of adapters; version 1 has no input term
INPUT_TERM = ("input.left", "input.right", "input.constant")  # (p, k), (k, p) and (p,)
HEADER_KEYS = {"version", "network", "architecture", "source", "target", "alpha"}


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
    _check_input_term(path, tensors, wavenumber)
    return {name: to_array(tensor) for name, tensor in tensors.items()}, header


def _check_parts(path: PathLike, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Raise ValueError for an adapter with missing parts or values that are not finite."""
    missing = sorted(HEADER_KEYS - header.keys()) + ["offset"] * ("offset" not in tensors)
    if missing:
        raise ValueError(
            f"{path} lacks {len(missing)} parts of an adapter: {', '.join(missing)}. "
            "Pass a file that LoRATransfer.save_adapter wrote."
        )
    allowed = dict.fromkeys(("offset", *INPUT_TERM), (torch.float32, torch.float64))
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
    found = tensors.keys() - {"offset", *INPUT_TERM}
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


def _check_input_term(
    path: PathLike, tensors: Mapping[str, Tensor], wavenumber: np.ndarray | None
) -> None:
    """Raise ValueError for a term before the network with missing parts or of another size."""
    found = [tuple(tensors[name].shape) for name in INPUT_TERM if name in tensors]
    if not found:
        return
    n_channels = (found[-1] or (0,))[-1] if wavenumber is None else len(wavenumber)
    rank = (found[0] or (0,))[-1]
    if found != [(n_channels, rank), (rank, n_channels), (n_channels,)]:
        raise ValueError(
            f"{path} must have the {len(INPUT_TERM)} parts {', '.join(INPUT_TERM)} of the change "
            f"of spectra with {n_channels} channels, got shapes {', '.join(map(str, found))}. "
            "Train and save the adapter again."
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
