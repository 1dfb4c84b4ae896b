"""Public names, the cost of importing them, and the example of the interface."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

ROOT = Path(__file__).parents[1]


def estimators_in(*patterns):
    """Return the classes with a base class in the package's files that match a pattern."""
    paths = [path for pattern in patterns for path in (ROOT / "skspektron").glob(pattern)]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.stem != "_base"]
    trees = map(ast.parse, texts)
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if node.bases and not node.name.startswith("_")]


PUBLIC = {
    "skspektron": [
        "SNV",
        "ConformalTransfer",
        "EnsembleTransfer",
        "KernelEnsembleRegressor",
        "LoRATransfer",
        "NARTransfer",
        "PDSTransfer",
        "SpektronEmbedder",
        "SpektronImputer",
        "SpektronPretrainer",
        "TransferGroupKFold",
        "read_spectra",
        "stack_instruments",
        "transfer_curve",
    ],
    "skspektron.calibration": ["KernelEnsembleRegressor"],
    "skspektron.cluster": ["CosineKMeans", "VonMisesFisherMixture"],
    "skspektron.datasets": [
        "SpektraArchive",
        "fetch_corn",
        "fetch_sugarcane",
        "fetch_tablets",
        "load_two_instruments",
        "make_instruments",
    ],
    "skspektron.foundation": [
        "Architecture",
        "SpektronEmbedder",
        "SpektronImputer",
        "SpektronPretrainer",
        "SpektronRegressor",
        "describe_weights",
        "embed_archive",
    ],
    "skspektron.inspection": [
        "ControlChartDisplay",
        "EmbeddingDisplay",
        "FilterDisplay",
        "InfluenceDisplay",
        "KernelClasses",
        "OscillatorBank",
        "PatchKernelDisplay",
        "PredictionDisplay",
        "ReconstructionDisplay",
        "StandardsDisplay",
        "TransferSpectraDisplay",
        "classify_kernels",
    ],
    "skspektron.io": ["LinearCalibration", "read_spectra"],
    "skspektron.metrics": [
        "bias",
        "r2",
        "rmsep",
        "rpd",
        "rpiq",
        "sep",
        "slope",
        "transfer_report",
    ],
    "skspektron.model_selection": [
        "TransferCurve",
        "TransferCurveDisplay",
        "TransferGroupKFold",
        "TransferShuffleSplit",
        "dask_parallel",
        "duplex",
        "fewest_within_one_se",
        "kennard_stone",
        "kennard_stone_pls",
        "spxy",
        "stack_instruments",
        "transfer_curve",
    ],
    "skspektron.preprocessing": ["SNV"],
    "skspektron.reliability": ["ApplicabilityDomain", "ConformalTransfer"],
    "skspektron.validation": [
        "ControlChart",
        "RemedyReport",
        "ValidationReport",
        "choose_remedy",
        "validate_predictions",
    ],
    "skspektron.transfer": estimators_in("transfer/_*.py", "transfer/_maps/_*.py"),
}
NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]


@pytest.mark.parametrize("module", PUBLIC)
def test_nothing_else_is_public(module):
    exported = importlib.import_module(module).__all__
    submodules = [name for name in exported if f"skspektron.{name}" in PUBLIC]
    assert sorted({*exported} - {*submodules}) == sorted(PUBLIC[module])


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_public_names_are_importable_listed_and_documented(module, name):
    module = importlib.import_module(module)
    assert getattr(module, name).__doc__
    assert name in dir(module)


def test_one_file_of_the_code_lists_the_transfer_methods():
    """Tests take them from `__all__`; docs/api.md and an import contract are the other lists."""
    methods = set(estimators_in("transfer/_*.py"))
    paths = [path for folder in ("skspektron", "tests") for path in (ROOT / folder).rglob("*.py*")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if path.suffix != ".pyc"}
    lists = [p for p, text in texts.items() if all(name in text for name in methods)]
    assert lists == [ROOT / "skspektron" / "transfer" / "__init__.pyi"]


CLASSICAL = [
    "import skspektron, skspektron.transfer",
    "from skspektron import SNV, PDSTransfer, TransferGroupKFold, transfer_curve",
    "from skspektron.datasets import fetch_corn, make_instruments",
    "from skspektron.inspection import classify_kernels; classify_kernels([[0, 1, 4, 1, 0]])",
    "import numpy as np; from skspektron.transfer import PDSTransfer;"
    "PDSTransfer(n_transfer=2, source=0, target=1).fit(np.eye(8), np.arange(8.0),"
    "instrument=[0, 1] * 4, sample_id=[0, 0, 1, 1, 2, 2, 3, 3]).predict(np.eye(8))",
]


def test_classical_chemometrics_imports_neither_torch_nor_matplotlib():
    heavy = {"torch", "skorch", "matplotlib", "pandas", "polars", "mapie", "distributed"}
    # scikit-learn may import pandas itself.
    code = "import sys, sklearn.model_selection; theirs = set(sys.modules)\n"
    for statement in CLASSICAL:
        code += f"{statement}\nprint(*({heavy} & (set(sys.modules) - theirs)))\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n" * len(CLASSICAL), "")


def test_import_takes_at_most_0_3_seconds_more_than_that_of_sklearn():
    code = "import time, sklearn; start = time.process_time(); import skspektron;"
    code += "print(time.process_time() - start)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert float(result.stdout) < 0.3


def search_corn(enable_metadata_routing):
    """Run the example of the interface."""
    from skspektron import (
        SNV,
        LoRATransfer,
        SpektronEmbedder,
        TransferGroupKFold,
        stack_instruments,
    )
    from skspektron.datasets import fetch_corn

    corn = fetch_corn()
    embedder = SpektronEmbedder(wavelength=corn.wavelength)
    model = Pipeline([("snv", SNV()), ("embed", embedder), ("pls", PLSRegression(10))])
    model.fit(corn.X["m5"], corn.y[:, 0])

    X, y, instrument, sample_id = stack_instruments(
        {
            "m5": (corn.X["m5"], corn.y[:, 0], corn.sample_id),
            "mp6": (corn.X["mp6"], corn.y[:, 0], corn.sample_id),
        }
    )
    transfer = LoRATransfer(model, source="m5", target="mp6", random_state=0, max_epochs=2)
    cv = TransferGroupKFold(n_splits=2, target="mp6", shuffle=True, random_state=0)
    with sklearn.config_context(enable_metadata_routing=enable_metadata_routing):
        search = GridSearchCV(
            transfer,
            {"n_transfer": [0, 5, 20]},
            scoring="neg_root_mean_squared_error",
            cv=list(cv.split(X, y, instrument=instrument, sample_id=sample_id)),
        )
        search.fit(X, y, instrument=instrument, sample_id=sample_id)
    return search, search.predict(corn.X["mp6"])


@pytest.mark.slow
def test_first_example_runs_with_routing_off_and_on(data_dir):
    search, y_pred = search_corn(enable_metadata_routing=False)
    routed, y_routed = search_corn(enable_metadata_routing=True)
    scores = search.cv_results_["mean_test_score"]
    assert y_pred.shape == (80,)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, routed.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(y_pred, y_routed)
