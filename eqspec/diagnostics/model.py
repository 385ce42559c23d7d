"""What the compiler says to a person: one value type for every message.

In: a source text and positions in it. Out: `Diagnostic` values, rendered by `render`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of code points in a source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A text with the path that messages show for it (relative, with ``/``)."""

    path: str
    text: str
    _lines: list[int] = field(default_factory=list, repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1, in code points."""
        if not self._lines:
            self._lines.append(0)
            find = self.text.find
            at = find("\n")
            while at != -1:
                self._lines.append(at + 1)
                at = find("\n", at + 1)
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1) without its line end."""
        self.position(0)
        start = self._lines[number - 1]
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary span with what is worth knowing about it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair: replace each span by its text.

    ``sure``: it can hardly be meant otherwise, so `check --fix` applies it unasked; editors offer all.
    """

    title: str
    edits: tuple[tuple[Span, str], ...]
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message: a stable code, a terse title, a label on the span, at most one help line."""

    code: str
    message: str
    source: Source
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    severity: Severity = Severity.ERROR

    @property
    def path(self) -> str:
        """The file, as messages show it."""
        return self.source.path

    @property
    def line(self) -> int:
        """The line on which it starts, from 1."""
        return self.source.position(self.span.start)[0]

    @property
    def column(self) -> int:
        """The column at which it starts, from 1, in code points."""
        return self.source.position(self.span.start)[1]

    def __str__(self) -> str:
        """As the command line prints it, with the lines of source."""
        from eqspec.diagnostics.render import render_text  # which imports this file

        return render_text([self], color=False)

    @property
    def sort_key(self) -> tuple[str, int, str]:
        return self.source.path, self.span.start, self.code
