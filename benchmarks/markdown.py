"""Tables in Markdown, and the places of a page that they fill."""

import re
from collections.abc import Iterable, Mapping, Sequence

PLACE = re.compile(r"<!-- table: (?P<name>.*?) -->\n*(?P<table>.*?)\n*<!-- end of table -->", re.S)


def digits(value: float, n: int) -> str:
    """Return a number with at least `n` digits, also where the last ones are zeros."""
    return f"{value:.0f}" if value >= 10**n else f"{value:#.{n}g}".rstrip(".")


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["".join(f" {cell} |" if cell else " |" for cell in cells) for cells in (header, *rows)]
    return "\n".join(f"|{line}" for line in (lines[0], "---|" * len(header), *lines[1:]))


def fill(page: str, parts: Mapping[str, str]) -> str:
    """Return the text of a page with the tables at their places."""
    for name, table in parts.items():
        before, start, rest = page.partition(f"<!-- table: {name} -->")
        _, end, after = rest.partition("<!-- end of table -->")
        if not end:
            raise ValueError(f"The page has no place for the table {name!r}.")
        page = f"{before}{start}\n\n{table}\n\n{end}{after}"
    return page
