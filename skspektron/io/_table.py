"""Cells of delimited text, split once for all layouts."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from ._spectrum import decode_text

_SEPARATORS = "\t;,"
_QUOTES: Any = {"strict": True, "skipinitialspace": True}
_Line = tuple[int, str | list[str]]  # line number, and text or cells


class Misfit(ValueError):
    """Reason why a table does not have a layout, and whether it has an axis where that has one."""

    def __init__(self, message: str, *, has_axis: bool = True) -> None:
        super().__init__(message)
        self.has_axis = has_axis


@dataclass(frozen=True)
class Table:
    """Lines of a table with equally many cells, and their numbers in the file.

    Most lines are kept as text and split when they are read: cells take ten times the memory.
    """

    lines: list[int]
    rows: list[str | list[str]]
    width: int
    separator: str | None
    n_comments: int

    def cells(self, row: int) -> list[str]:
        """Return the cells of one line."""
        line = self.rows[row]
        return line.split(self.separator) if isinstance(line, str) else line

    def column(self, at: int) -> list[str]:
        """Return the cells of one column, stripped."""
        from_end = self.width - at
        cells = []
        for line in self.rows:
            if not isinstance(line, str):
                cells.append(line[at])
            elif at < from_end:
                cells.append(line.split(self.separator, at + 1)[at])
            else:
                cells.append(line.rsplit(self.separator, from_end)[-from_end])
        return [cell.strip() for cell in cells]


@dataclass(frozen=True)
class Block(Sequence[list[str]]):
    """Cells of some lines and columns of a table, split when they are read."""

    table: Table
    start: int
    first: int
    end: int

    def __len__(self) -> int:
        return len(self.table.rows) - self.start

    def __getitem__(self, row: Any) -> Any:
        if row >= len(self):
            raise IndexError(row)
        return self.table.cells(self.start + row)[self.first : self.end]

    def text(self, row: int) -> str | None:
        """Return the text of the cells of one line, None if it was split because it has quotes."""
        line, separator = self.table.rows[self.start + row], self.table.separator
        if not isinstance(line, str):
            return None
        if self.end < self.table.width:
            line = line.rsplit(separator, self.table.width - self.end)[0]
        return line.split(separator, self.first)[self.first] if self.first else line


@dataclass(frozen=True)
class _Start:
    """Text from the first line of a table, and what the lines before it say."""

    text: str
    line: int
    comments: tuple[str, ...]
    separator: str | None  # as stated by Excel in "sep=;"


def read_tables(
    raw: bytes, skip_rows: int
) -> Iterator[tuple[str | None, Callable[[], Table | ValueError]]]:
    """Yield each possible separator, and a function that returns its table or why it has none."""
    if raw[:4] == b"PK\3\4" or raw[:4] == b"\xd0\xcf\x11\xe0":
        raise ValueError("it is an Excel workbook. Save its sheet as CSV.")
    start = _find_start(decode_text(raw).rstrip("\0"), skip_rows)
    if not start.text.strip(" ;,\t\r\n"):
        raise ValueError("it has no text. Copy it from the instrument again.")
    if "\0" in start.text:
        raise ValueError("it has zero bytes, as binary files do. Save it as UTF-8.")
    beginning = "".join(start.text.splitlines(keepends=True)[:3]) if len(start.text) < 1e5 else ""
    beginning = beginning or start.text[:100_000]
    separators = [each for each in _SEPARATORS if each in beginning]
    if start.separator:
        separators = [start.separator]
    for separator in separators:
        yield separator, partial(_table, start, separator)
    has_blanks = len(beginning.split("\n", 1)[0].split()) > 1
    if not separators or (has_blanks and not start.separator):
        yield None, partial(_table, start, None)


def _table(start: _Start, separator: str | None) -> Table | ValueError:
    """Return the table, with the last comment as its heading if it has as many cells."""
    count = len(start.comments)
    heading = start.comments[-1].lstrip("# ") if start.comments else ""
    if separator is None:  # "Raman (cm-1) A" names two columns
        heading = re.sub(r"\s+(?=[(\[])", "", heading)
    if heading and not re.match(r"[^\t;,]*[=:](\s|$)", heading):  # which is "Laser= 785"
        n_cells = {_first_width(text, separator) for text in (heading, start.text[:1_000_000])}
        if len(n_cells) == 1 and n_cells != {1}:
            try:
                return _equal_lines(
                    f"{heading}\n{start.text}", start.line - 1, separator, count - 1
                )
            except ValueError:
                pass
    try:
        return _equal_lines(start.text, start.line, separator, count)
    except ValueError as error:
        return error


def _find_start(text: str, skip_rows: int) -> _Start:
    """Return the text from the first line that is not skipped, empty or a comment."""
    position, comments, separator = 0, [], None
    number = 0
    for number, match in enumerate(re.finditer(r"[^\r\n]*(\r\n|\r|\n|$)", text), 1):
        line = match[0]
        stated = re.match(r"sep=(.)\s*$", line)
        if number > skip_rows:
            if stated:
                separator = stated[1]
            elif line.lstrip().startswith("#"):
                comments.append(line.strip("\r\n"))
            elif line.strip(" ;,\t\r\n"):
                return _Start(text[position:], number, tuple(comments), separator)
        position += len(line)
    return _Start("", number, (), None)


def _first_width(text: str, separator: str | None) -> int:
    """Return the number of cells of the first line, 0 if it cannot be split."""
    try:
        line = next(_split(text, separator))[1]
    except ValueError:
        return 0
    return len(line.split(separator) if isinstance(line, str) else line)


def _split(text: str, separator: str | None) -> Iterator[_Line]:
    """Yield lines as text, or as cells if they have quotes."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = enumerate(text.split("\n"), 1)
    if '"' not in text:
        yield from lines
        return
    for number, line in lines:
        if separator and '"' in line:  # it may go on in the next line
            yield number, _split_quoted(number, line, lines, separator)
        else:
            yield number, line


def _split_quoted(
    number: int, line: str, lines: Iterator[tuple[int, str]], separator: str
) -> str | list[str]:
    """Return the cells of a line with quotes, and of those that its line breaks go on in.

    Cells without separators are returned as one text, which takes less memory.
    """
    end = line.rindex('"') + 1
    if line[end : end + 1] == separator:  # quotes in the first cells alone, such as an id
        try:
            head = next(csv.reader([line[:end]], delimiter=separator, **_QUOTES))
        except csv.Error:  # the last of them begins a cell that goes on in the next line
            pass
        else:
            text = separator.join(head)
            if text.count(separator) < len(head):
                return text + line[end:]
            return head + line[end + 1 :].split(separator)
    following = (f"{each}\n" for each in chain((line,), (each for _, each in lines)))
    reader = csv.reader(following, delimiter=separator, **_QUOTES)
    try:
        return next(reader)
    except csv.Error as error:
        raise ValueError(f"line {number} cannot be split ({error}). Correct its quotes.") from error


def _equal_lines(text: str, first_line: int, separator: str | None, n_comments: int) -> Table:
    """Return the lines that are not empty; raise ValueError if they differ in length."""
    lines: list[int] = []
    rows: list[str | list[str]] = []
    width = 0
    for number, row in _split(text, separator):
        if isinstance(row, str):
            if not row.strip(f" \t{separator or ''}"):
                continue
            count = row.count(separator) + 1 if separator else len(row.split())
        elif any(map(str.strip, row)):
            count = len(row)
        else:
            continue
        if rows and count > width:
            row = row.split(separator) if isinstance(row, str) else row
            while len(row) > width and not row[-1].strip():
                row.pop()
            count = len(row)
        width = width or count
        if count != width:
            raise ValueError(
                f"line {first_line + number - 1} has {count} cells, line {lines[0]} has {width}. "
                "Write the same number in each line, separated by tab, semicolon or comma "
                "throughout; pass skip_rows= to skip lines before the table."
            )
        lines.append(first_line + number - 1)
        rows.append(row)
    if len(rows) < 2:
        raise ValueError(
            f"it has {len(rows)} lines with content, and needs at least 2. Export it again."
        )
    return _without_empty_ends(Table(lines, rows, width, separator, n_comments))


def _without_empty_ends(table: Table) -> Table:
    """Return a table without the empty columns that separators at the ends of all lines give."""
    width = table.width
    if table.cells(0)[-1].strip():
        return table
    while width and not any(table.column(width - 1)):
        width -= 1
    cells: list[str | list[str]] = [table.cells(row)[:width] for row in range(len(table.rows))]
    return replace(table, rows=cells, width=width)
