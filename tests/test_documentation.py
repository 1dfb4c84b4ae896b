"""The HTML representation of estimators links to their reference page."""

import importlib
import inspect
import re

import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skspektron import SNV
from skspektron._documentation import SITE
from skspektron.transfer import PDSTransfer
from tests.test_api import PUBLIC

ESTIMATORS = sorted(
    {
        (module, name)
        for module, names in PUBLIC.items()
        for name in names
        if module != "skspektron"
        and inspect.isclass(public := getattr(importlib.import_module(module), name))
        and issubclass(public, BaseEstimator)
    }
)


NEEDED = {"ConformalTransfer": [PDSTransfer()], "LinearCalibration": [[1.0, 2.0]]}


def make(module, name):
    """Return an instance with the required arguments of its constructor."""
    return getattr(importlib.import_module(module), name)(*NEEDED.get(name, []))


def test_estimators_are_found():
    assert ("skspektron.transfer", "PDSTransfer") in ESTIMATORS
    assert len(ESTIMATORS) > 30


@pytest.mark.parametrize(("module", "name"), ESTIMATORS)
def test_html_representation_links_to_the_reference(module, name):
    with sklearn.config_context(display="diagram"):
        html = make(module, name)._repr_html_()
    assert f'href="{SITE}generated/{module}.{name}.html"' in html


def test_steps_of_a_pipeline_link_to_their_own_reference():
    with sklearn.config_context(display="diagram"):
        html = make_pipeline(SNV(), PCA())._repr_html_()
    links = set(re.findall(r'href="(https://[^"]*\.html)"', html))
    assert f"{SITE}generated/skspektron.preprocessing.SNV.html" in links
    assert any("scikit-learn.org" in link and link.endswith("PCA.html") for link in links)


def test_subclass_outside_the_package_has_no_link():
    class OwnSNV(SNV):
        pass

    assert SITE not in OwnSNV()._repr_html_()
