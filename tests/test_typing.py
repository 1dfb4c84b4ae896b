"""Type annotations of all public signatures, and a user script checked by mypy."""

import importlib
import importlib.util
import inspect
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import skspektron

FOLDERS = [name for name in skspektron.__all__ if inspect.ismodule(getattr(skspektron, name))]
PUBLIC = [
    (folder, name)
    for folder in FOLDERS
    for name in importlib.import_module(f"skspektron.{folder}").__all__
]
# Imported for type checkers only: at run time they would import torch, dask or each other.
CHECKER_ONLY = ("Architecture", "Client", "Self", "SpektraArchive")


def own_functions(item):
    """Yield the public functions of a class, including inherited ones, or the function itself."""
    if not inspect.isclass(item):
        yield item
        return
    for name in dir(item):
        member = inspect.getattr_static(item, name)
        if isinstance(member, property):
            member = member.fget
        member = inspect.unwrap(getattr(member, "__func__", member))
        is_own = str(getattr(member, "__module__", "")).startswith("skspektron")
        if inspect.isfunction(member) and is_own and (name == "__init__" or name[0] != "_"):
            yield member


def untyped(function):
    """Return the parameters of a function without annotation, and "return" likewise."""
    signature = inspect.signature(function)
    names = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    has_result = function.__name__ == "__init__" or (
        signature.return_annotation is not signature.empty
    )
    return names + ["return"] * (not has_result)


@pytest.mark.parametrize(("folder", "name"), PUBLIC)
def test_public_signatures_are_fully_annotated(folder, name):
    item = getattr(importlib.import_module(f"skspektron.{folder}"), name)
    missing = {f.__qualname__: untyped(f) for f in own_functions(item)}
    assert {name: parameters for name, parameters in missing.items() if parameters} == {}


@pytest.mark.parametrize(("folder", "name"), PUBLIC)
def test_public_signatures_are_readable(folder, name):
    item = getattr(importlib.import_module(f"skspektron.{folder}"), name)
    signatures = [str(inspect.signature(shown)) for shown in (item, *own_functions(item))]
    assert max(map(len, signatures)) <= 800
    assert not [text for text in signatures if re.search("numpy\\.|Union|Optional", text)]


@pytest.mark.parametrize(("folder", "name"), PUBLIC)
def test_annotations_resolve_to_types(folder, name):
    item = getattr(importlib.import_module(f"skspektron.{folder}"), name)
    for function in own_functions(item):
        hints = get_type_hints(function, localns=dict.fromkeys(CHECKER_ONLY, Any))
        assert {*hints} == {*function.__annotations__}


def test_package_has_py_typed():
    assert (files("skspektron") / "py.typed").is_file()


def test_typed_script_runs():
    path = Path(__file__).with_name("typed_script.py")
    spec = importlib.util.spec_from_file_location("typed_script", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    X = np.random.default_rng(0).normal(size=(8, 40))
    assert 0 < script.transfer() < 1
    assert script.embed(X).shape[0] == 8
    assert script.standardize(X, X).coef_.shape == (40, 40)
    assert script.name().startswith("EnsembleTransfer")
