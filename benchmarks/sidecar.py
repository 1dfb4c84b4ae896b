"""Record how a CSV of results was made: one entry for each run, in a JSON file beside it."""

import json
import platform
import shlex
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGES = ("skspektron", "numpy", "scipy", "scikit-learn", "chemotools")


def path_of(results: Path) -> Path:
    """Return the path of the JSON file of a CSV."""
    return results.with_name(results.name + ".json")


def read_runs(results: Path) -> list[dict]:
    """Return the runs that made a CSV; none if it does not exist."""
    file = path_of(results)
    return json.loads(file.read_text()) if file.exists() and results.exists() else []


def record_run(
    results: Path,
    argv: Sequence[str],
    packages: Iterable[str] = PACKAGES,
    *,
    is_only: bool = False,
    **settings,
) -> None:
    """Write settings, command and versions of a run to the JSON file of a CSV.

    With `is_only`, the run makes the whole CSV, and replaces the runs that made it before.
    """
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    run = settings | {"arguments": shlex.join(argv), "versions": versions}
    runs = [] if is_only else read_runs(results)
    path_of(results).write_text(json.dumps([*runs, run], indent=2) + "\n")


def fingerprint(arrays: Iterable[NDArray]) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of shapes and values of arrays."""
    digest = sha256()
    for array in map(np.asarray, arrays):
        values = array.astype("<f8") if array.dtype.kind in "biuf" else array.astype(str)
        text = values.tobytes() if values.dtype.kind == "f" else "\0".join(values.flat).encode()
        digest.update(f"{array.shape}".encode() + text)
    return digest.hexdigest()[:12]
