"""Weights by name, path or fitted pretrainer."""

import os
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from .._bridge import FrozenNetwork, load_tensors, save_tensors
from .._nn.architecture import Architecture

SUFFIX = ".safetensors"


def shipped_weights() -> list[str]:
    """Return the names of the weights that come with the package."""
    folder = files("skspektron") / "weights"
    return sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX))


def describe_weights(weights) -> dict[str, Any]:
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
    _, header = load_tensors(_shipped_path(weights) if shipped else weights)
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
    return load_network(_shipped_path(name))[0]


def _shipped_path(name: str) -> str:
    return str(files("skspektron") / "weights" / f"{name}{SUFFIX}")


def save_network(path, network: FrozenNetwork, record: dict[str, Any]) -> None:
    """Write weights, architecture and a record of their making to a safetensors file."""
    header = {"architecture": asdict(network.architecture), "record": record}
    save_tensors(path, network.tensors(), header)


def load_network(path) -> tuple[FrozenNetwork, dict[str, Any]]:
    """Read what `save_network` wrote."""
    tensors, header = load_tensors(path)
    _check_header(header, path)
    return FrozenNetwork.of(Architecture(**header["architecture"]), tensors), header["record"]


def _check_header(header: dict[str, Any], path) -> dict[str, Any]:
    """Return the header of a network's file; refuse that of another one."""
    if "architecture" not in header:
        raise ValueError(
            f"{path} holds no network but {', '.join(header) or 'nothing'}. "
            "Pass a file that SpektronPretrainer.save wrote."
        )
    return header
