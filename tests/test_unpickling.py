"""No reader unpickles or executes the content of a file."""

import ast
import io
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from skspektron import _files
from skspektron._nn.architecture import Architecture
from skspektron._training._adapter_files import load_adapter
from skspektron.datasets import (
    SpektraArchive,
    _corn,
    _sugarcane,
    _tablets,
    fetch_corn,
    fetch_sugarcane,
    fetch_tablets,
)
from skspektron.foundation import SpektronEmbedder, SpektronPretrainer, describe_weights
from skspektron.foundation._weights import load_network
from skspektron.io import LinearCalibration, read_spectra

PACKAGE = Path(_files.__file__).parent
SIZES = Architecture(patch_length=4, d_model=8, d_state=4, n_layers=1)
WAVENUMBER = np.linspace(9000, 4000, 24)


class Bomb:
    """An object that writes a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def as_npz(path, array, name="X"):
    """Write a shard of an archive in which one array is pickled objects."""
    arrays = {"X": np.ones((3, 2)), "wavenumber": [4000.0, 5000.0], name: array}
    with zipfile.ZipFile(path, "w") as file:
        for member, content in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(content), allow_pickle=True)
            file.writestr(f"{member}.npy", buffer.getvalue())


def fit_from_checkpoint(path):
    """Resume from a checkpoint."""
    settings = {"max_steps": 2, "warmup_steps": 1, "random_state": 0, "device": "cpu"}
    model = SpektronPretrainer(SIZES, wavenumber=WAVENUMBER, checkpoint=path, **settings)
    model.fit(np.random.default_rng(0).normal(size=(6, 24)))


READERS = {
    "weights": load_network,
    "description of weights": describe_weights,
    "pretrainer": SpektronPretrainer.load,
    "embedder": lambda path: SpektronEmbedder(path, wavenumber=WAVENUMBER).fit(np.eye(24)),
    "checkpoint": fit_from_checkpoint,
    "adapter": lambda path: load_adapter(path, None, n_outputs=1, source=None),
    "archive": SpektraArchive,
    "calibration as CSV": LinearCalibration.from_csv,
    "calibration as JSON": LinearCalibration.from_json,
    "spectra": read_spectra,
}
WRITERS = {
    "pickle": lambda path, bomb: path.write_bytes(pickle.dumps(bomb)),
    "joblib": lambda path, bomb: joblib.dump(bomb, path),
    "torch": lambda path, bomb: torch.save(bomb, path),
    "numpy": lambda path, bomb: as_npz(path, np.array([bomb, bomb, bomb], dtype=object)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_pickle_is_refused_and_not_loaded(tmp_path, reader, writer):
    path, trace = tmp_path / "bomb.npz", tmp_path / "trace"
    WRITERS[writer](path, Bomb(trace))
    with pytest.raises(ValueError, match=r"bomb\.npz"):
        READERS[reader](path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["X", "wavenumber", "noise", "instrument", "sample_id", "domain"])
def test_objects_in_an_archive_are_refused_and_not_unpickled(tmp_path, name):
    bomb = Bomb(tmp_path / "trace")
    as_npz(tmp_path / "a.npz", np.array([bomb] * 3, dtype=object), name)
    with pytest.raises(ValueError, match=r"a\.npz: .* as (an array of numbers|such an array)"):
        SpektraArchive(tmp_path)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("fetch", [fetch_corn, fetch_sugarcane, fetch_tablets])
def test_a_data_set_that_is_not_the_published_one_is_not_opened(tmp_path, fetch):
    bomb = pickle.dumps(Bomb(tmp_path / "trace"))
    files = [_corn.FILE, *_sugarcane.SPECTRA.values(), *_tablets.FILES.values()]
    (tmp_path / "sugarcane").mkdir()
    for file in files:
        (tmp_path / file.name).write_bytes(bomb)
    with pytest.raises(ValueError, match=f"has {len(bomb)} bytes and SHA-256"):
        fetch(data_home=tmp_path)
    assert not (tmp_path / "trace").exists()


def test_the_pickles_of_these_tests_do_execute_code(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "pickle")))
    WRITERS["joblib"](tmp_path / "file", Bomb(tmp_path / "joblib"))
    joblib.load(tmp_path / "file")
    WRITERS["torch"](tmp_path / "file", Bomb(tmp_path / "torch"))
    torch.load(tmp_path / "file", weights_only=False)
    WRITERS["numpy"](tmp_path / "file", Bomb(tmp_path / "numpy"))
    with np.load(tmp_path / "file", allow_pickle=True) as file:
        file["X"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["file", *WRITERS])


# Modules whose loading runs what a file says, and calls that do.
UNPICKLING = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "yaml"}
RUNNING = {"eval", "exec", "compile", "__import__"}
LOADING = {"joblib", "torch", "pickle"}


def unsafe_calls(tree):
    """Yield the lines of a module that could execute the content of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names]
            found = any(module.split(".")[0] in UNPICKLING for module in modules)
            if found or (modules[0] in LOADING and "load" in modules[1:]):
                yield node.lineno
        elif isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in RUNNING:
                yield node.lineno
            if isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                loads = owner in LOADING and function.attr in ("load", "loads")
                if loads or function.attr in ("read_pickle", "Unpickler"):
                    yield node.lineno
            for keyword in node.keywords:
                allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg == "allow_pickle" and not allowed:
                    yield node.lineno


def test_package_does_not_unpickle_or_execute_files():
    modules = sorted(PACKAGE.rglob("*.py"))
    found = {
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in modules
        for line in unsafe_calls(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert len(modules) > 100 and not found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "from joblib import load",
        "torch.load(path, weights_only=True)",
        "joblib.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "pd.read_pickle(path)",
        "eval(text)",
        "import yaml",
    ],
)
def test_the_search_for_unsafe_calls_finds_them(line):
    assert list(unsafe_calls(ast.parse(line))) == [1]
    safe = "np.load(path, allow_pickle=False); network.eval(); re.compile(text); np.loadtxt(path)"
    assert not list(unsafe_calls(ast.parse(safe)))
