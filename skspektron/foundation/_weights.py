"""Weights by name, path or fitted pretrainer."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from .. import __version__
from .._bridge import FrozenNetwork, check_version, load_tensors, save_tensors
from .._nn.architecture import Architecture
from .._typing import Weights

SUFFIX = ".safetensors"
VERSION = 1  # of the files of networks


def shipped_weights() -> list[str]:
    """Return the names of the weights that come with the package."""
    folder = files("skspektron") / "weights"
    return sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX))


def describe_weights(weights: Weights) -> dict[str, Any]:
    """Return how weights were made: architecture, corpus, settings and history of the training.

    Parameters
    ----------
    weights : str or path
        Name of weights that ship with the package, or a file that `SpektronPretrainer.save` wrote.

    Returns
    -------
    description : dict
        `architecture`, its sizes; `corpus`, the data sets that were trained on by name, None where
        the file does not tell; `parameters` of the pretrainer; `n_steps` and `history`.

    See Also
    --------
    SpektronEmbedder : Puts the weights to use.

    Notes
    -----
    A benchmark is worth what it measures only where its samples are not in the corpus.

    Examples
    --------
    >>> from skspektron.foundation import describe_weights
    >>> describe_weights("small")["corpus"][:2]
    ['simulated spectra: pretraining/corpus.py, seed 0', 'diesel_swri: NIR spectra, no labels']
    """
    shipped = weights in shipped_weights() if isinstance(weights, str) else False
    _, header = load_tensors(_shipped_path(str(weights)) if shipped else weights)
    record = _check_header(header, weights)["record"]
    kept = {name: record[name] for name in ("parameters", "n_steps", "history")}
    return {"architecture": header["architecture"], "corpus": record.get("corpus"), **kept}


def resolve_weights(weights) -> FrozenNetwork:
    """Return the network behind a shipped name, a path or a fitted pretrainer."""
    if hasattr(weights, "architecture") and hasattr(weights, "partial_fit"):
        check_is_fitted(weights)
        return weights.network_
    if not isinstance(weights, str | os.PathLike):
        raise TypeError(
            f"weights is a {type(weights).__name__}. Pass the name of shipped weights "
            f"({', '.join(shipped_weights())}), a path, or a fitted SpektronPretrainer."
        )
    if weights in shipped_weights():
        return _shipped(str(weights))
    if not Path(weights).exists():
        raise ValueError(
            f"weights is {str(weights)!r}, neither shipped weights "
            f"({', '.join(shipped_weights())}) nor a file that exists. Pass one of them."
        )
    return load_network(weights)[0]


@lru_cache
def _shipped(name: str) -> FrozenNetwork:
    """Return shipped weights; a pickle that holds them names them from now on."""
    network = load_network(_shipped_path(name))[0]
    FrozenNetwork.readers[network.digest] = (shipped_again, (name, network.digest))
    return network


def shipped_again(name: str, digest: str) -> FrozenNetwork:
    """Return the shipped weights that a pickle names, if they are still the same."""
    found = _shipped(name).digest if name in shipped_weights() else None
    if found == digest:
        return _shipped(name)
    here = "not among those" if found is None else f"others ({found[:12]})"
    raise ValueError(
        f"The saved estimator uses the weights {name!r} ({digest[:12]}), and this skspektron "
        f"{__version__} ships {here}. Load it with the version that saved it, or fit it again."
    )


def _shipped_path(name: str) -> str:
    """Return the path of shipped weights, of which not a byte was changed."""
    folder = files("skspektron") / "weights"
    path = folder / f"{name}{SUFFIX}"
    published = (folder / "SHA256SUMS").read_text(encoding="ascii").split()
    expected, found = published[published.index(path.name) - 1], sha256(path.read_bytes())
    if found.hexdigest() != expected:
        raise ValueError(
            f"{path} has the SHA-256 {found.hexdigest()[:12]} and the one that ships with "
            f"skspektron {__version__} has {expected[:12]}. It was changed: install the package "
            "again."
        )
    return str(path)


def save_network(path, network: FrozenNetwork, record: dict[str, Any]) -> None:
    """Write weights, architecture and a record of their making to a safetensors file."""
    sizes = asdict(network.architecture)
    save_tensors(
        path, network.tensors(), {"version": VERSION, "architecture": sizes, "record": record}
    )


def load_network(path) -> tuple[FrozenNetwork, dict[str, Any]]:
    """Read what `save_network` wrote."""
    tensors, header = load_tensors(path)
    _check_header(header, path)
    sizes = header["architecture"]
    unknown = set(sizes) - {field.name for field in fields(Architecture)}
    if unknown:
        raise ValueError(
            f"{path} has {len(unknown)} parts that skspektron {__version__} does not know: "
            f"{', '.join(sorted(unknown))}. Update skspektron."
        )
    try:
        network = FrozenNetwork.of(Architecture(**sizes), tensors)
    except RuntimeError as error:  # torch lists every tensor that does not fit
        raise ValueError(
            f"{path} holds {len(tensors)} tensors that are not those of its architecture: "
            f"{' '.join(str(error).split())[:300]}. Save or download it again."
        ) from error
    return network, header["record"]


def _check_header(header: dict[str, Any], path) -> dict[str, Any]:
    """Return the header of a network's file; refuse that of another one."""
    if "architecture" not in header:
        raise ValueError(
            f"{path} holds no network but {', '.join(header) or 'nothing'}. "
            "Pass a file that SpektronPretrainer.save wrote."
        )
    check_version(path, header.get("version", VERSION), VERSION)  # early files have none
    return header
