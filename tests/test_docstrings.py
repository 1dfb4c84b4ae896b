"""Docstrings are complete, and the transfer methods describe their common parameters alike."""

import ast
import difflib
import importlib
import inspect
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import skspektron
from skspektron import transfer

# The checks of numpydoc that a page of the reference must pass; the others are matters of taste.
REQUIRED = {
    "GL06": "an unknown section",
    "GL07": "sections in another order",
    "GL08": "no docstring",
    "SS01": "no summary",
    "SS02": "a summary without a capital",
    "SS03": "a summary without a full stop",
    "PR01": "parameters that are not documented",
    "PR02": "documented parameters that do not exist",
    "PR03": "parameters in another order",
    "PR04": "a parameter without a type",
    "PR07": "a parameter without a description",
    "PR10": "a parameter without a space before its colon",
    "RT01": "no Returns section",
    "EX01": "no example",
}
# Their fields are documented as attributes, and functions return them.
NAMED_TUPLES = {"KernelClasses", "RemedyReport", "TransferCurve", "ValidationReport"}
# Documented by stage of the network; the order of the fields is that of the files.
GROUPED = {"Architecture"}
# Nothing to cite: baselines, splitters, files, and displays of what others compute.
NO_PUBLICATION = {
    "Architecture",
    "EmbeddingDisplay",
    "FilterDisplay",
    "KernelClasses",
    "LinearCalibration",
    "NoTransfer",
    "PatchKernelDisplay",
    "PredictionDisplay",
    "ReconstructionDisplay",
    "SpektraArchive",
    "StandardsDisplay",
    "TargetOnly",
    "TransferCurve",
    "TransferCurveDisplay",
    "TransferGroupKFold",
    "TransferShuffleSplit",
    "TransferSpectraDisplay",
    "classify_kernels",
    "describe_weights",
    "embed_archive",
    "load_two_instruments",
    "stack_instruments",
    "transfer_curve",
    "transfer_report",
}
# They cite data, a file format or software, or display what another class defines.
NO_FORMULA = {
    "ControlChartDisplay",
    "InfluenceDisplay",
    "dask_parallel",
    "fetch_corn",
    "fetch_sugarcane",
    "fetch_tablets",
    "read_spectra",
}


def public_names():
    """Yield every public object once, with the module that a user imports it from."""
    for module in sorted(set(skspektron.__all__) - {"SNV"}):
        module = getattr(skspektron, module)
        if inspect.ismodule(module):
            yield from ((module.__name__, name) for name in module.__all__)


NAMES = list(public_names())
CLASSES = [pair for pair in NAMES if pair[1][0].isupper()]


def section(doc, title):
    """Return the text of a section of a docstring, empty where there is none."""
    lines = inspect.cleandoc(doc).splitlines()
    if title not in lines:
        return ""
    rest = lines[lines.index(title) + 2 :]
    ends = [i for i, line in enumerate(rest) if line.startswith("---")]
    return "\n".join(rest[: ends[0] - 1] if ends else rest)


def fitted_attributes(cls, package="skspektron"):
    """Return the names that end in one underscore and that methods of a class of ours set."""
    names = set()
    for base in cls.__mro__:
        if base.__module__.startswith(package):
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
            names |= {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
                if isinstance(node.value, ast.Name) and node.value.id == "self"
            }
    return {name for name in names if name.endswith("_") and not name.startswith("_")}


def test_names_are_those_of_the_package():
    assert {"PDSTransfer", "rmsep", "TransferCurveDisplay"} <= {name for _, name in NAMES}
    assert {name for _, name in NAMES} >= NO_PUBLICATION | NO_FORMULA | NAMED_TUPLES


def test_every_name_has_a_page():
    listed = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8").split()
    pages = [f"{module.removeprefix('skspektron.')}.{name}" for module, name in NAMES]
    assert [page for page in pages if listed.count(page) != 1] == []


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_docstring_is_complete(module, name):
    errors = {code: text for code, text in validate(f"{module}.{name}")["errors"]}
    if name in NAMED_TUPLES:
        del errors["PR01"]
    if name in GROUPED:
        del errors["PR03"]
    assert {REQUIRED[code]: text for code, text in errors.items() if code in REQUIRED} == {}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_docstring_has_example_publication_and_formula(module, name):
    doc = getattr(importlib.import_module(module), name).__doc__
    assert ">>> " in section(doc, "Examples")
    assert (".. [1] " in section(doc, "References")) == (name not in NO_PUBLICATION)
    if name not in NO_PUBLICATION | NO_FORMULA:
        assert ":math:`" in doc or ".. math::" in doc


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_fitted_attributes_are_listed(module, name):
    cls = getattr(importlib.import_module(module), name)
    listed = section(cls.__doc__, "Attributes")
    assert [name for name in sorted(fitted_attributes(cls)) if name not in listed] == []


# Paragraphs that all transfer methods share, and the methods that need one of their own.
NO_STANDARDS = {"NoTransfer", "TTTTransfer"}
LABELLED = {"PooledTransfer", "SlopeBiasTransfer", "TargetOnly"}
UNPAIRED = {"CORALTransfer", "DIPLSTransfer", "MeanCentredTransfer"}
SHARED = {
    "estimator": {"EPOTransfer", "EnsembleTransfer", "LoRATransfer", "NARTransfer", "TTTTransfer"},
    "source": set(),
    "target": set(),
    "n_transfer": NO_STANDARDS
    | LABELLED
    | UNPAIRED
    | {"FNOTransfer", "LoRATransfer", "PFCETransfer"},
    "selection": NO_STANDARDS,
    "random_state": NO_STANDARDS | {"FNOTransfer", "LoRATransfer"},
    "memory": set(),
    "trained_on": {"EnsembleTransfer"},
    "bad_standards": NO_STANDARDS,
    "source_, target_": set(),
    "transfer_ids_": NO_STANDARDS | LABELLED | UNPAIRED | {"PFCETransfer"},
    "standards_": set(),
    "source_channels_, target_channels_": set(),
    "n_features_in_": set(),
    "feature_names_in_": set(),
}
METHODS = [name for name in transfer.__all__ if hasattr(getattr(transfer, name), "predict")]


def paragraphs(name):
    """Return {parameter or attribute: [its type, the lines of its description]} of a method."""
    doc = NumpyDocString(inspect.cleandoc(getattr(transfer, name).__doc__))
    return {p.name: [p.type, *p.desc] for p in [*doc["Parameters"], *doc["Attributes"]]}


@pytest.mark.parametrize("shared", SHARED)
def test_transfer_methods_share_a_paragraph(shared):
    texts = {name: paragraphs(name).get(shared, ["missing"]) for name in METHODS}
    usual = Counter(map(tuple, texts.values())).most_common(1)[0][0]
    differences = [
        line
        for name, text in texts.items()
        if name not in SHARED[shared]
        for line in difflib.unified_diff(usual, text, "the others", name, lineterm="")
    ]
    assert differences == [], "\n".join(differences)
    same = [name for name in SHARED[shared] if tuple(texts[name]) == usual]
    assert same == [], "these need no exception"


class Fitted:
    """Learn a number.

    Notes
    -----
    One.

    Examples
    --------
    Two.
    """

    def fit(self, other):
        self.coef_ = self._private_ = other.their_ = 1
        return self


def test_sections_and_fitted_attributes_are_found():
    assert fitted_attributes(Fitted, package=__name__) == {"coef_"}
    assert section(Fitted.__doc__, "Notes").strip() == "One."
    assert section(Fitted.__doc__, "References") == ""
