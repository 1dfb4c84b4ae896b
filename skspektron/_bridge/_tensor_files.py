"""Tensors with a header as safetensors files that are refused when they are not whole."""

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
    """Write tensors and a JSON header to a safetensors file with a checksum, or leave the old."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(header, default=np.generic.item)  # numpy's labels and numbers
    write_atomically(
        path, save(tensors, metadata={HEADER: text, CHECKSUM: _checksum(text, tensors)})
    )


def load_tensors(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote; a file that is not whole is refused."""
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
        raise ValueError(f"{path} was not written by skspektron. Pass a file that it saved.")
    text = metadata.pop(HEADER)
    _check_whole(path, metadata, text, tensors)
    return tensors, _read_header(path, text)


def _check_whole(path, stored: dict[str, str], text: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors and header that are not those which were saved."""
    if not stored:  # written before files had a checksum
        return
    expected, found = stored.get(CHECKSUM, "none"), _checksum(text, tensors)
    if expected != found:
        raise ValueError(
            f"{path} was changed after it was saved: the SHA-256 of its {len(tensors)} tensors "
            f"and its header is {found[:12]} and the file says {expected[:12]}. "
            "Save or download it again."
        )


def _read_header(path, text: str) -> dict[str, Any]:
    """Return a header; one that is none, in a file with or without a checksum, is refused."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError(
            f"{path} has a header of {len(text)} characters that is no JSON object. "
            "Save or download it again."
        )
    return header


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the digest of a header and of tensors with their names, types and shapes."""
    parts: list[bytes | memoryview] = [text.encode()]
    for name in sorted(tensors):
        tensor = tensors[name]
        parts.append(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        parts.append(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest(parts)


def check_version(path: str | os.PathLike, version: Any, known: int) -> None:
    """Refuse a file in a form that came later than this package, or that tells no number."""
    if not isinstance(version, int) or version > known:
        raise ValueError(
            f"{path} has version {version!r} of its format, and this skspektron reads up to "
            f"{known}. Update skspektron, or save the file with this one."
        )
