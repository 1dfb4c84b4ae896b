"""Turn the reStructuredText roles that sphinx-gallery leaves in notebooks into Markdown links."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin

from skspektron._documentation import SITE

NAME = re.compile(r"(?::\w+:)?(?<!`)`~([\w.]+)\.(\w+)`")  # `~skspektron.preprocessing.SNV`
PAGE = re.compile(r":doc:`(?:([^<`]+?)\s+<)?([^<>`]+)>?`")  # :doc:`text </page>` or :doc:`/page`


def link_roles(text, page):
    """Return Markdown with links to the site in place of roles; `page` is the notebook's own."""

    def link_page(role):
        target = role[2].removeprefix("/") if role[2].startswith("/") else urljoin(page, role[2])
        return f"[{role[1] or Path(target).name}]({SITE}{target}.html)"

    return PAGE.sub(link_page, NAME.sub(rf"[`\2`]({SITE}generated/\1.\2.html)", text))


def rewrite(path, page):
    """Replace the roles in the text cells of one notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = [link_roles("".join(cell["source"]), page)]
    path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")


def rewrite_all(app):
    """Replace the roles in all notebooks of the gallery."""
    for path in Path(app.srcdir, "auto_examples").rglob("*.ipynb"):
        rewrite(path, path.relative_to(app.srcdir).as_posix())


def setup(app):
    """Run after sphinx-gallery has written the notebooks."""
    app.connect("builder-inited", rewrite_all, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
