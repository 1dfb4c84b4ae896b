"""Recompute every number of the README and of the documentation from the committed results.

    python benchmarks/receipts.py [--write] [--quiet]

prints each number with its page, line and source, and ends with status 1 if one differs, is not
found, or has no receipt. There are three kinds:

- Tables between the comments `table: <name>` and `end of table` are those of `tables.py`.
- A claim (claims.py) is a piece of a sentence with `{}` for each number, and the function that
  computes these from the rows of a CSV. A changed sentence needs a changed claim.
- A number that no CSV has (a limit, a parameter, a citation) is in a fragment that not_measured.py
  lists with the reason, or in a paragraph after a comment `<!-- not measured: the reason -->`.
  Code and addresses are not read.

Every other number of a page is an error: a new figure needs a receipt. Words such as "five" are
recomputed where they are part of a claim, but not looked for. `--write` puts the recomputed numbers
into the pages, tables included. In addition, rows must be of runs that the file beside the CSV has,
and cells must rest on the same splits as their neighbours (splits.py).
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from benchmarks import claims_network, claims_transfer, splits, tables  # noqa: E402, F401
from benchmarks.claims import CLAIMS, SOURCES, Claim  # noqa: E402
from benchmarks.markdown import PLACE, fill  # noqa: E402
from benchmarks.not_measured import NOT_MEASURED  # noqa: E402

NUMBER = r"(?<![\w.])(?<![A-Za-z]-)[-+−]?\d(?:[\d.,]*\d)?"
VALUE = rf"({NUMBER}|[A-Za-z][A-Za-z-]*)"  # a number or a word
UNREAD = re.compile(  # code, formulas, addresses and comments in a line
    r"\{math\}`[^`]*`|`[^`]*`|\]\([^)]*\)|<https?[^>]*>|<!--.*?-->", re.DOTALL
)
MARKED = re.compile(r"<!-- not measured: (?P<reason>.*?) -->\n*(?:.+\n)*", re.MULTILINE)
READ = ("{figure}", "{note}", "{tip}", "{warning}", "{admonition}")  # blocks of text


class Receipt(NamedTuple):
    """A number of a page, as stated and as recomputed; None where there is no such number."""

    page: str
    line: int
    stated: str | None
    computed: str | None
    source: str
    span: tuple[int, int] = (0, 0)

    @property
    def holds(self) -> bool:
        """Whether the page has the recomputed number."""
        return self.stated == self.computed

    def __str__(self) -> str:
        where = f"{self.page}:{self.line or '?'}"
        if self.holds:
            return f"{where:<34} {self.stated:>8}  {self.source}"
        return (
            f"{where:<34} {self.stated or '(none)'} -> {self.computed or '(none)'}  {self.source}"
        )


@cache
def read_page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def pages() -> list[str]:
    """Return the README and the pages of the documentation."""
    return ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]


def line_of(text: str, at: int) -> int:
    """Return the number of the line at a position."""
    return text.count("\n", 0, at) + 1


def unread(text: str) -> list[tuple[int, int]]:
    """Return the spans of code, formulas, addresses and comments."""
    blocks, fence, start, kind = [], "", 0, ""
    for line in re.finditer(r"^(`{3,})(.*)$", text, re.MULTILINE):
        if not fence:
            fence, start, kind = line[1], line.start(), line[2]
        elif line[1] == fence and not line[2]:
            is_text, fence = kind.startswith(READ), ""
            blocks += [(start, start + len(line[1] + kind)), line.span()] if is_text else []
            blocks += [] if is_text else [(start, line.end())]
    outside = list(text)
    for start, end in blocks:
        outside[start:end] = " " * (end - start)
    return blocks + [match.span() for match in UNREAD.finditer("".join(outside))]


def pattern(text: str) -> str:
    """Return the regular expression of a piece of text, with a group for each `{}`."""
    parts = (r"\s+".join(map(re.escape, part.split(" "))) for part in text.split("{}"))
    return VALUE.join(parts)


def of_claim(claim: Claim, text: str) -> Iterator[Receipt]:
    """Yield the numbers of a claim, as the page states them and recomputed."""
    matches = list(re.finditer(pattern(claim.text), text))
    try:
        values = list(claim.values())
    except (ArithmeticError, AssertionError, AttributeError, LookupError, ValueError) as error:
        line = line_of(text, matches[0].start()) if matches else 0
        reason = f"{claim.source}: what {claim.values.__name__} says does not hold, {error!r}"
        yield Receipt(claim.page, line, claim.text, None, reason)
        return
    if not matches:
        reason = f"{claim.source}: the page has no such text"
        yield Receipt(claim.page, 0, None, claim.text.format(*values), reason)
    for match in matches:
        for i, (stated, value) in enumerate(zip_longest(match.groups(), values), 1):
            line = line_of(text, match.start(i))
            yield Receipt(claim.page, line, stated, value, claim.source, match.span(i))


def of_table(page: str, name: str, stated: str, computed: str, line: int) -> Iterator[Receipt]:
    """Yield the numbers of a table, line by line."""
    source = f"{SOURCES[name]}, table {name!r}"
    for i, (old, new) in enumerate(zip_longest(stated.splitlines(), computed.splitlines())):
        numbers = [re.findall(NUMBER, text or "") for text in (old, new)]
        for pair in zip_longest(*numbers):
            yield Receipt(page, line + i, *pair, source)
        if numbers[0] == numbers[1] and old != new:
            yield Receipt(page, line + i, old, new, source)


def of_page(page: str, text: str) -> Iterator[Receipt]:
    """Yield all numbers of a page that have a receipt, or should have one."""
    parts, covered = tables.tables().get(page, {}), []
    for place in PLACE.finditer(text):
        covered.append(place.span())
        line, name = line_of(text, place.start("table")), place["name"]
        yield from of_table(page, name, place["table"], parts.get(name, ""), line)
    missing = parts.keys() - {place["name"] for place in PLACE.finditer(text)}
    yield from (Receipt(page, 0, None, "a table", f"no place for {name!r}") for name in missing)
    for claim in CLAIMS:
        if claim.page == page:
            covered += [match.span() for match in re.finditer(pattern(claim.text), text)]
            yield from of_claim(claim, text)
    yield from uncovered(page, text, covered)


def exempt_spans(page: str, text: str) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Yield the spans that not_measured.py exempts, with the reason; a span of zero if none is."""
    yield from ((m.span(), m["reason"], m[0]) for m in MARKED.finditer(text))
    for exempt in NOT_MEASURED:
        for each in exempt.texts if exempt.page in (page, "*") else ():
            found = list(re.finditer(each if exempt.page == "*" else pattern(each), text, re.M))
            yield from ((match.span(), exempt.reason, each) for match in found)
            if not found and exempt.page == page:
                yield (0, 0), exempt.reason, each


def uncovered(page: str, text: str, covered: Iterable[tuple[int, int]]) -> Iterator[Receipt]:
    """Yield the numbers without receipt or exemption, and the exemptions without a number."""
    spans = [*covered, *unread(text)]
    for span, _, each in exempt_spans(page, text):
        spans.append(span)
        if span == (0, 0):
            yield Receipt(page, 0, None, each, "not_measured.py: no such text")
    for match in re.finditer(NUMBER, text):
        if not any(start <= match.start() < end for start, end in spans):
            line = line_of(text, match.start())
            yield Receipt(page, line, match[0], None, "no receipt: see benchmarks/receipts.py")


def n_exempt(page: str, text: str) -> int:
    """Return how many numbers of a page are exempt."""
    skipped = unread(text) + [match.span() for match in PLACE.finditer(text)]
    spans = [span for span, *_ in exempt_spans(page, text)]
    at = (match.start() for match in re.finditer(NUMBER, text))
    inside: Callable = lambda i, spans: any(start <= i < end for start, end in spans)  # noqa: E731
    return sum(inside(i, spans) and not inside(i, skipped) for i in at)


def receipts() -> list[Receipt]:
    """Return the receipts of all pages."""
    return [each for page in pages() for each in of_page(page, read_page(page))]


def write(found: Iterable[Receipt]) -> None:
    """Put the recomputed numbers into the pages."""
    by_page: dict[str, list[Receipt]] = {}
    for each in found:
        if not each.holds and each.span[1] and each.computed is not None:
            by_page.setdefault(each.page, []).append(each)
    for page in pages():
        text = read_page(page)
        for each in sorted(by_page.get(page, []), key=lambda each: each.span, reverse=True):
            text = text[: each.span[0]] + each.computed + text[each.span[1] :]
        (ROOT / page).write_text(fill(text, tables.tables().get(page, {})), encoding="utf-8")
    read_page.cache_clear()


def main(argv: Sequence[str]) -> int:
    """Print the receipts, and return 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put recomputed numbers into pages")
    parser.add_argument("--quiet", action="store_true", help="print only what does not hold")
    args = parser.parse_args(argv)
    found = receipts()
    for each in found:
        if not (args.quiet and each.holds):
            print(each)
    if args.write:
        write(found)
        found = receipts()
    wrong_splits = list(splits.problems())
    print(*wrong_splits, sep="\n", end="\n" if wrong_splits else "")
    wrong = sum(not each.holds for each in found)
    exempt = sum(n_exempt(page, read_page(page)) for page in pages())
    print(f"{len(found) - wrong} numbers hold, {wrong} do not; {exempt} are not from a CSV.")
    return int(wrong > 0 or bool(wrong_splits))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
