"""Tables of the reports, as text and as HTML."""

from __future__ import annotations

from abc import abstractmethod
from html import escape
from typing import ClassVar


class TableReport:
    """A report with a title, a table and sentences below it."""

    _columns: ClassVar[tuple[str, ...]]
    _width: ClassVar[int] = 12  # of a column

    @abstractmethod
    def _title(self) -> str:
        """Return the line above the table."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, ...]]:
        """Return the name and the cells of each row."""

    @abstractmethod
    def _sentences(self) -> list[str]:
        """Return the lines below the table."""

    def __str__(self) -> str:
        rows = [("", *self._columns), *self._rows()]
        names = max(len(name) for name, *_ in rows)
        table = [
            f"{name:<{names}}" + "".join(f"{cell:>{self._width}}" for cell in cells)
            for name, *cells in rows
        ]
        return "\n".join(
            [self._title(), *(line.rstrip() for line in table), "", *self._sentences()]
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in ("", *self._columns))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        text = "".join(f"<p>{escape(sentence)}</p>" for sentence in self._sentences())
        return (
            f"<table><caption>{escape(self._title())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{text}"
        )
