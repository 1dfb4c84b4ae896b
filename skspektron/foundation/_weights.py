"""Networks by the name of their weights, from a file or a fitted pretrainer."""

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
from .._bridge import (
    FrozenNetwork,
    check_version,
    load_tensors,
    oscillators,
    patch_kernels,
    save_tensors,
)
from .._nn.architecture import Architecture
from .._typing import Weights

SUFFIX = ".safetensors"
VERSION = 1  # of the file format of networks


def shipped_weights() -> list[str]:
    """Return the names of the weights that come with the package."""
    folder = files("skspektron") / "weights"
    return sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX))


def describe_weights(weights: Weights) -> dict[str, Any]:
    """Return architecture, corpus, settings and training history of weights.

    Parameters
    ----------
    weights : str or path
        Name of weights that ship with the package, or a file that `SpektronPretrainer.save` wrote.

    Returns
    -------
    description : dict
        `architecture`, its sizes; `corpus`, the names of the data sets of the training, None if
        unknown; `parameters` of the pretrainer; `n_steps` and `history`.

    See Also
    --------
    SpektronEmbedder : Transforms spectra with the weights.

    Notes
    -----
    Do not use samples of the corpus to evaluate the weights.

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
    """Return the network of shipped weights, of a file or of a fitted pretrainer."""
    if hasattr(weights, "architecture") and hasattr(weights, "partial_fit"):
        check_is_fitted(weights)
        return weights.network_
    if not isinstance(weights, str | os.PathLike):
        raise TypeError(
            f"weights must be the name of shipped weights ({', '.join(shipped_weights())}), a path "
            f"or a fitted SpektronPretrainer, got {type(weights).__name__}. Pass 'small'."
        )
    if weights in shipped_weights():
        return _shipped(str(weights))
    if not Path(weights).exists():
        raise ValueError(
            f"weights must be the name of shipped weights ({', '.join(shipped_weights())}) or the "
            f"path of a file, got {str(weights)!r}, which does not exist. Pass 'small', or check "
            "the path."
        )
    return load_network(weights)[0]


@lru_cache
def _shipped(name: str) -> FrozenNetwork:
    """Return shipped weights; pickles refer to them by name."""
    network = load_network(_shipped_path(name))[0]
    FrozenNetwork.readers[network.digest] = (shipped_again, (name, network.digest))
    return network


def shipped_again(name: str, digest: str) -> FrozenNetwork:
    """Return the shipped weights that a pickle refers to, if they are still the same."""
    found = _shipped(name).digest if name in shipped_weights() else None
    if found == digest:
        return _shipped(name)
    here = "no such weights" if found is None else f"other weights of this name ({found[:12]})"
    raise ValueError(
        f"The saved estimator uses the weights {name!r} ({digest[:12]}), and skspektron "
        f"{__version__} ships {here}. Load it with the version that saved it, or fit it again."
    )


def _shipped_path(name: str) -> str:
    """Return the path of shipped weights after checking their SHA-256."""
    folder = files("skspektron") / "weights"
    path = folder / f"{name}{SUFFIX}"
    published = (folder / "SHA256SUMS").read_text(encoding="ascii").split()
    expected, found = published[published.index(path.name) - 1], sha256(path.read_bytes())
    if found.hexdigest() != expected:
        raise ValueError(
            f"{path} was changed: its SHA-256 is {found.hexdigest()[:12]}, that of the file "
            f"shipped with skspektron {__version__} is {expected[:12]}. Install the package again."
        )
    return str(path)


def save_network(path, network: FrozenNetwork, record: dict[str, Any]) -> None:
    """Write weights, architecture and training record to a safetensors file."""
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
            f"{path} has {len(unknown)} sizes that skspektron {__version__} does not know: "
            f"{', '.join(sorted(unknown))}. Update skspektron."
        )
    try:
        network = FrozenNetwork.of(Architecture(**sizes), tensors)
    except RuntimeError as error:  # torch lists every tensor that differs
        raise ValueError(
            f"{path} contains {len(tensors)} tensors that are not those of its architecture: "
            f"{' '.join(str(error).split())[:300]}. Save or download it again."
        ) from error
    return network, header["record"]


def keep_network(pretrainer: Any, network: FrozenNetwork) -> None:
    """Set the fitted attributes of a pretrainer that depend on its network."""
    for name in ("frequency_", "damping_", "patch_kernels_"):
        if hasattr(pretrainer, name):  # of an earlier fit with another architecture
            delattr(pretrainer, name)
    pretrainer.network_ = network
    if network.architecture.backbone == "dlinoss":
        pretrainer.frequency_, pretrainer.damping_ = oscillators(network)
    if network.architecture.tokenizer in ("patch", "raw"):
        pretrainer.patch_kernels_ = patch_kernels(network)
    pretrainer._n_features_out = network.architecture.d_model


def _check_header(header: dict[str, Any], path) -> dict[str, Any]:
    """Return the header of the file of a network; raise ValueError for other files."""
    if "architecture" not in header:
        raise ValueError(
            f"{path} does not contain a network but {', '.join(header) or 'nothing'}. "
            "Pass a file that SpektronPretrainer.save wrote."
        )
    check_version(path, header.get("version", VERSION), VERSION)  # old files have none
    return header
