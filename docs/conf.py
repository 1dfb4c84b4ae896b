"""Configuration of ``sphinx-build docs docs/_build``; the extra ``docs`` installs what it needs.

The built pages load nothing from other hosts: formulas are MathML, fonts come with the theme.
"""

import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.autosummary import autosummary_table
from sphinx.util.nodes import make_refnode

from skspektron import __version__
from skspektron._documentation import SITE

REPOSITORY = "https://github.com/skspektron/skspektron"

sys.path.insert(0, str(Path(__file__).parent))

project = "skspektron"
copyright = author = "skspektron developers"
version = release = __version__

extensions = [
    "mathml",  # docs/mathml.py
    "notebooks",  # docs/notebooks.py
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "generated/backreferences"]
templates_path = ["_templates"]
default_role = "py:obj"  # `PDSTransfer` in a docstring is a link, `X` is not
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_typehints = "none"  # the numpydoc sections give shapes and units as well
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"  # fit(), not PDSTransfer.fit()

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.sphx-glr-script-out) > div.highlight > pre"  # no outputs

LINKED_TYPES = ("class", "exception", "function")

# The order of the how-to guides: few standards, changes of the instrument, figures, large data.
HOW_TOS = [
    "plot_ten_standards.py",
    "plot_no_standards.py",
    "plot_other_axis.py",
    "plot_fleet.py",
    "plot_classification.py",
    "plot_drifting_instrument.py",
    "plot_replace_lamp.py",
    "plot_two_years.py",
    "plot_missing_channels.py",
    "plot_move_pls_from_other_software.py",
    "plot_see_what_a_transfer_does.py",
    "plot_cluster_embeddings.py",
    "plot_pretrain_on_own_archive.py",
    "plot_dask.py",
]


def how_to_order(name):
    """Return the sort key of an example: its place in HOW_TOS, unlisted ones last by name."""
    name = Path(name).name
    return (HOW_TOS.index(name) if name in HOW_TOS else len(HOW_TOS), name)


sphinx_gallery_conf = {
    "examples_dirs": ["../examples/tutorial", "../examples/how_to"],
    "gallery_dirs": ["auto_examples/tutorial", "auto_examples/how_to"],
    "filename_pattern": r"/plot_",
    "within_subsection_order": "conf.how_to_order",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib",),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skspektron",),
    "notebook_extensions": {".py"},
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,  # that page loads scripts from other hosts
    "capture_repr": ("__repr__",),
    "ignore_repr_types": r"matplotlib|Display",  # <... object at 0x7f...>
    "junit": "timings.xml",  # read by check_times.py
}

html_theme = "pydata_sphinx_theme"
html_title = f"skspektron {version}"
html_baseurl = SITE
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_math_renderer = "mathml"
SINGLE_PAGES = [
    "index",
    "install",
    "which_method",
    "changelog",
    "citation",
    "contributing",
    "architecture",
]
html_sidebars = {page: [] for page in SINGLE_PAGES}  # their section has no other page
html_context = {"default_mode": "auto"}
html_theme_options = {
    "github_url": REPOSITORY,
    "logo": {"text": "skspektron"},
    "navbar_start": ["navbar-logo", "version"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "search_bar_text": "Search",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}


def escape_attributes(app, what, name, obj, options, lines):
    """Escape the last underscore of n_features_in_, which reStructuredText reads as a link."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = line.split("``")  # odd parts are literals
            parts[::2] = [re.sub(r"(\w)_(?=[,)\s]|$)", r"\1\\_", part) for part in parts[::2]]
            lines[i] = "``".join(parts)


def link_weight_cards(app, docname, source):
    """Point links to the model cards, which are next to the weights, at their pages here."""
    source[0] = source[0].replace("](../skspektron/weights/", "](weights/")


def skip_inherited_from_others(app, what, name, obj, skip, options):
    """Skip members that scikit-learn documents: get_params, score, set_output, ..."""
    module = getattr(getattr(obj, "fget", obj), "__module__", None)
    return True if module and not module.startswith("skspektron") else None


def drop_citations(app, doctree):
    """Remove citations from the summary tables of the reference, where they have no number."""
    for table in doctree.findall(autosummary_table):
        for citation in list(table.findall(addnodes.pending_xref)):
            if citation["refdomain"] == "citation":
                citation.parent.remove(citation)


def link_names(app, doctree, docname):
    """Link code literals that are names of public classes and functions to their pages."""
    domain = app.env.domains["py"]
    objects = {name.rpartition(".")[2]: entry for name, entry in domain.objects.items()}
    for literal in list(doctree.findall(nodes.literal)):
        entry = objects.get(literal.astext())
        is_free = not isinstance(literal.parent, nodes.reference | nodes.title)
        if is_free and entry and entry.objtype in LINKED_TYPES and entry.docname != docname:
            link = [app.builder, docname, entry.docname, entry.node_id]
            literal.replace_self(make_refnode(*link, literal.deepcopy()))


def setup(app):
    """Connect the functions above to the events of the build."""
    app.connect("autodoc-process-docstring", escape_attributes, priority=900)  # after numpydoc
    app.connect("source-read", link_weight_cards)
    app.connect("doctree-read", drop_citations)
    app.connect("doctree-resolved", link_names)
    app.connect("autodoc-skip-member", skip_inherited_from_others)
