"""Settings of ``sphinx-build docs docs/_build``, which the extra ``docs`` installs."""

from skspektron import __version__

project = "skspektron"
copyright = author = "skspektron developers"
version = release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build"]
autosummary_generate = True
numpydoc_show_class_members = False
