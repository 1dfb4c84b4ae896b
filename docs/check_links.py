"""Check a built site: ``python docs/check_links.py docs/_build``.

Every internal link, anchor and image must exist, and no page may load anything from another host.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED_ATTRIBUTES = {
    "script": "src",
    "img": "src",
    "link": "href",
    "source": "src",
    "iframe": "src",
}
# Values of rel that a browser does not load.
UNLOADED_RELATIONS = {"canonical", "next", "prev", "search", "author", "index", "copyright"}


class Page(HTMLParser):
    """The links, loaded files and anchors of one page."""

    def __init__(self, html):
        super().__init__()
        self.anchors = set()
        self.links = set()
        self.loads = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Collect the anchors and the addresses of one element."""
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        if tag == "a" and attrs.get("href"):
            self.links.add(attrs["href"])
        address = attrs.get(LOADED_ATTRIBUTES.get(tag, ""))
        if address and attrs.get("rel") not in UNLOADED_RELATIONS:
            self.loads.add(address)


def find_faults(site):
    """Return a line for each broken or external address, and the number of pages."""
    site = Path(site).resolve()
    # The static files of the theme include a template.
    paths = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in paths}
    faults = []
    for path, page in pages.items():
        for address in sorted(page.links | page.loads):
            fault = _fault(address, path, pages, address in page.loads)
            if fault:
                faults.append(f"{path.relative_to(site)}: {address}: {fault}")
    return faults, len(pages)


def _fault(address, path, pages, is_loaded):
    """Return the fault of an address on a page, or None."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return "is loaded from another host" if is_loaded and parts.netloc else None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such anchor"
    return None


def main(site):
    """Print the faults of a site; return 1 if there are any, or no pages."""
    faults, n_pages = find_faults(site)
    print(*faults, f"{n_pages} pages, {len(faults)} faults", sep="\n")
    return int(bool(faults) or not n_pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
