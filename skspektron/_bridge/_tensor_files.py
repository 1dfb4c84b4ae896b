"""Safetensors files with a JSON header and a checksum."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .._files import digest, write_atomically

HEADER, CHECKSUM = "skspektron", "sha256"  # in the metadata of a safetensors file


def save_tensors(path: str | os.PathLike, tensors: Mapping[str, Tensor], header: Any) -> None:
    """Write tensors, a header and a checksum to a safetensors file, atomically."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(header, default=np.generic.item)  # numpy's labels and numbers
    write_atomically(
        path, save(tensors, metadata={HEADER: text, CHECKSUM: _checksum(text, tensors)})
    )


def load_tensors(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and header of a file, after checking that it is unchanged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist. Pass the path of a saved file.") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a readable safetensors file ({error}). "
            "It may be truncated: save or download it again."
        ) from error
    if HEADER not in metadata:
        raise ValueError(
            f"{path} was not written by skspektron. Pass a file that skspektron saved."
        )
    text = metadata.pop(HEADER)
    if CHECKSUM not in metadata:
        raise ValueError(
            f"{path} has no checksum of its {len(tensors)} tensors: it was changed after it was "
            "saved. Save or download it again."
        )
    _check_checksum(path, metadata[CHECKSUM], text, tensors)
    return tensors, _read_header(path, text)


def _check_checksum(path, expected: str, text: str, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError if tensors or header are not those that were saved."""
    found = _checksum(text, tensors)
    if expected != found:
        raise ValueError(
            f"{path} was changed after it was saved: the SHA-256 of its {len(tensors)} tensors "
            f"and its header is {found[:12]}, the file states {expected[:12]}. Save or download it "
            "again."
        )


def _read_header(path, text: str) -> dict[str, Any]:
    """Return the header of a file; raise ValueError unless it is a JSON object."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError(
            f"{path} has a header of {len(text)} characters that is not a JSON object. "
            "Save or download it again."
        )
    return header


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the digest of a header and of tensors with their names, dtypes and shapes."""
    parts: list[bytes | memoryview] = [text.encode()]
    for name in sorted(tensors):
        tensor = tensors[name]
        parts.append(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        parts.append(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest(parts)


def check_version(path: str | os.PathLike, version: Any, known: int) -> None:
    """Raise ValueError for a file format that is newer than this package, or has no version."""
    if type(version) is not int or not 1 <= version <= known:  # True is 1
        raise ValueError(
            f"{path} has version {version!r} of its format, and this skspektron reads up to "
            f"{known}. Update skspektron, or save the file with this version."
        )
