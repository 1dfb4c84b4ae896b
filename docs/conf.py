"""Settings of ``sphinx-build docs docs/_build``, which the extra ``docs`` installs.

Nothing is fetched: formulas become MathML here, fonts come with the theme.
"""

import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util.nodes import make_refnode

from skspektron import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "skspektron"
copyright = author = "skspektron developers"
version = release = __version__

extensions = [
    "mathml",  # the module beside this one
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "generated/backreferences"]
templates_path = ["_templates"]
default_role = "py:obj"  # `PDSTransfer` in a docstring is a link, `X` is not
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_typehints = "none"  # numpydoc says more: shapes and units
numpydoc_show_class_members = False

plot_html_show_formats = plot_html_show_source_link = False
plot_formats = ["svg"]

KINDS = ("class", "exception", "function")

# By situation: what one has, what has happened, what one wants to see, what is large.
HOW_TOS = [
    "plot_ten_standards.py",
    "plot_no_standards.py",
    "plot_other_axis.py",
    "plot_drifting_instrument.py",
    "plot_replace_lamp.py",
    "plot_move_pls_from_other_software.py",
    "plot_see_what_a_transfer_does.py",
    "plot_cluster_embeddings.py",
    "plot_pretrain_on_own_archive.py",
    "plot_dask.py",
]


def how_to_order(name):
    """Return the place of an example: by situation; one that is not listed comes last, by name."""
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
    "notebook_extensions": set(),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,  # that page would load scripts from other hosts
    "capture_repr": ("__repr__",),
    "ignore_repr_types": r"matplotlib|Display",  # <... object at 0x7f...>
    "junit": "timings.xml",  # check_times.py compares it with what the examples say
}

html_theme = "pydata_sphinx_theme"
html_title = f"skspektron {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_math_renderer = "mathml"
html_sidebars = {"index": [], "which_method": []}
html_context = {"default_mode": "light"}
html_theme_options = {
    "use_edit_page_button": False,
    "logo": {"text": "skspektron"},
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}


def escape_shapes(app, what, name, obj, options, lines):
    """Let fitted attributes such as n_features_in_ stand in shapes: they are no link targets."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = re.sub(r"(\w)_(?=[,)])", r"\1\\_", line)


def show_cards(app, docname, source):
    """Let links to the cards of the weights, which lie beside the weights, end on the site."""
    source[0] = source[0].replace("](../skspektron/weights/", "](weights/")


def skip_inherited_from_others(app, what, name, obj, skip, options):
    """Leave out what scikit-learn documents: get_params, score, set_output, ..."""
    module = getattr(getattr(obj, "fget", obj), "__module__", None)
    return True if module and not module.startswith("skspektron") else None


def link_names(app, doctree, docname):
    """Make names of public classes and functions links, wherever a page mentions them as code."""
    domain = app.env.domains["py"]
    objects = {name.rpartition(".")[2]: entry for name, entry in domain.objects.items()}
    for literal in list(doctree.findall(nodes.literal)):
        entry = objects.get(literal.astext())
        is_free = not isinstance(literal.parent, nodes.reference | nodes.title)
        if is_free and entry and entry.objtype in KINDS and entry.docname != docname:
            link = [app.builder, docname, entry.docname, entry.node_id]
            literal.replace_self(make_refnode(*link, literal.deepcopy()))


def setup(app):
    """Connect what the extensions do not do by themselves."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=900)  # after numpydoc
    app.connect("source-read", show_cards)
    app.connect("doctree-resolved", link_names)
    app.connect("autodoc-skip-member", skip_inherited_from_others)
