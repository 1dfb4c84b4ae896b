"""Every public class and function has formula, shapes, publication and example where it should."""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skspektron

# What a page of the reference must have; left out are matters of taste of numpydoc's authors.
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
NAMED_TUPLES = {"KernelClasses", "TransferCurve"}
# Its parameters are documented by stage of the network; the fields stay where files have them.
GROUPED = {"Architecture"}
# Not published elsewhere: baselines, bookkeeping, files, and drawings of what others compute.
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
    "TargetOnly",
    "TransferCurve",
    "TransferCurveDisplay",
    "TransferGroupKFold",
    "TransferShuffleSplit",
    "TransferSpectraDisplay",
    "classify_kernels",
    "describe_weights",
    "embed_archive",
    "stack_instruments",
    "transfer_curve",
    "transfer_report",
}
# A publication, but of data, of a file format or of software; or a drawing of another's formula.
NO_FORMULA = {"InfluenceDisplay", "dask_parallel", "fetch_corn", "fetch_tablets", "read_spectra"}


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


def test_what_is_looked_for_is_found():
    assert fitted_attributes(Fitted, package=__name__) == {"coef_"}
    assert section(Fitted.__doc__, "Notes").strip() == "One."
    assert section(Fitted.__doc__, "References") == ""
