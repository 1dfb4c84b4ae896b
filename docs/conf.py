"""Settings of ``sphinx-build docs docs/_build``, which the extra ``docs`` installs."""

import re

from skspektron import __version__

project = "skspektron"
copyright = author = "skspektron developers"
version = release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build"]
autosummary_generate = True
numpydoc_show_class_members = False


def setup(app):
    """Let fitted attributes such as n_features_in_ stand in shapes: they are no link targets."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = [re.sub(r"(?<!`)\b(\w+)_(?=[,)\s]|$)", r"\1\\_", line) for line in lines]

    app.connect("autodoc-process-docstring", escape, priority=900)  # after numpydoc
