"""Check a built site: ``python docs/check_links.py docs/_build``.

Every internal link, anchor and image must lead somewhere, and no page may need another host.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
# Relations that a browser does not load.
NOT_LOADED = {"canonical", "next", "prev", "search", "author", "index", "copyright"}


class Page(HTMLParser):
    """What one page refers to, and which anchors it has."""

    def __init__(self, html):
        super().__init__()
        self.anchors = set()
        self.links = set()
        self.loads = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Note the anchor and the address of one element."""
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        if tag == "a" and attrs.get("href"):
            self.links.add(attrs["href"])
        address = attrs.get(LOADED.get(tag, ""))
        if address and attrs.get("rel") not in NOT_LOADED:
            self.loads.add(address)


def find_faults(site):
    """Return a line for each address that leads nowhere or, though a page needs it, elsewhere."""
    site = Path(site).resolve()
    # The theme keeps a template among its static files.
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
    """Return what is wrong with an address on a page, or None."""
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
    """Print what is wrong with a site, and return 1 if anything is."""
    faults, n_pages = find_faults(site)
    print(*faults, f"{n_pages} pages, {len(faults)} faults", sep="\n")
    return int(bool(faults) or not n_pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
