"""Networks by the name of their weights, from a file or a fitted pretrainer."""

from __future__ import annotations

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
    check_weights,
    load_tensors,
    oscillators,
    patch_kernels,
    save_tensors,
)
from .._nn.architecture import Architecture
from .._parameters import PATH, check_arguments, declares
from .._typing import Weights

SUFFIX = ".safetensors"
VERSION = 1  # of the file format of networks


def shipped_weights() -> list[str]:
    """Return the names of the weights that come with the package."""
    folder = files("skspektron") / "weights"
    return sorted(f.name.removesuffix(SUFFIX) for f in folder.iterdir() if f.name.endswith(SUFFIX))


@declares(weights=PATH)
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
    check_arguments(describe_weights, locals())
    shipped = weights in shipped_weights() if isinstance(weights, str) else False
    _, header = _load(_shipped_path(str(weights)) if shipped else weights)
    record, names = header["record"], ("parameters", "n_steps", "history")
    check_record(weights, record, *names)
    kept = {name: record[name] for name in names}
    return {"architecture": header["architecture"], "corpus": record.get("corpus"), **kept}


def resolve_weights(weights) -> FrozenNetwork:
    """Return the network of shipped weights, of a file or of a fitted pretrainer."""
    if hasattr(weights, "architecture") and hasattr(weights, "partial_fit"):
        check_is_fitted(weights)
        return weights.network_
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


def _published() -> dict[str, str]:
    """Return the SHA-256 of the shipped files by name."""
    text = (files("skspektron") / "weights" / "SHA256SUMS").read_text(encoding="ascii")
    return {name: checksum for checksum, name in map(str.split, text.splitlines())}


def _shipped_path(name: str) -> str:
    """Return the path of shipped weights after checking their SHA-256."""
    path = files("skspektron") / "weights" / f"{name}{SUFFIX}"
    expected, found = _published()[path.name], sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} was changed: its SHA-256 is {found[:12]}, that of the file shipped with "
            f"skspektron {__version__} is {expected[:12]}. Install the package again."
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
    tensors, header = _load(path)
    sizes = header["architecture"]
    unknown = set(sizes) - {field.name for field in fields(Architecture)}
    if unknown:
        raise ValueError(
            f"{path} has {len(unknown)} sizes that skspektron {__version__} does not know: "
            f"{', '.join(sorted(unknown))}. Update skspektron."
        )
    try:
        architecture = Architecture(**sizes)
        check_weights(architecture, tensors)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} contains {len(tensors)} tensors that are damaged or not those of its "
            f"architecture: {error}. Save or download it again."
        ) from error
    return FrozenNetwork.of(architecture, tensors), header["record"]


def check_record(path, record: dict[str, Any], *names: str) -> None:
    """Raise ValueError for a training record without one of the entries `names`."""
    missing = [name for name in names if name not in record]
    if missing:
        raise ValueError(
            f"{path} has a training record without {', '.join(missing)}. "
            "Pass a file that SpektronPretrainer.save wrote."
        )


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


def _load(path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tensors and header of the file of a network; raise ValueError for other files."""
    tensors, header = load_tensors(path)
    if not all(isinstance(header.get(name), dict) for name in ("architecture", "record")):
        raise ValueError(
            f"{path} does not contain a network but {', '.join(header) or 'nothing'}. "
            "Pass a file that SpektronPretrainer.save wrote."
        )
    check_version(path, header.get("version"), VERSION)
    return tensors, header
