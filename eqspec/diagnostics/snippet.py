"""The lines of source under a message: gutter, code, carets.

In: one diagnostic. Out: lines of code and where their carets go. Columns are those of a terminal:
tabs are expanded, wide characters take two cells, combining ones none; control characters are shown
by a sign, so that a hostile spec cannot move the cursor.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from eqspec.diagnostics.model import Diagnostic, Source, Span

TAB = 4
MAX_WIDTH = 120  # code points of a line that are shown; what is cut off is marked by …
_CONTEXT = 40  # code points before the span in a cut line
_MAX_CARETS = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """One underlined piece of one line, as offsets into the line."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


def visible(text: str) -> str:
    """Text without characters that a terminal obeys."""
    if text.isprintable():
        return text
    return "".join(character if _harmless(character) else _sign(character) for character in text)


def _harmless(character: str) -> bool:
    # format characters (zero-width joiners, bidirectional marks) are not printable either
    return character.isprintable() or character in "\t\u00ad\u200d\u3000\u00a0"


def _sign(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def width(character: str, column: int = 0) -> int:
    """Terminal cells of a character that starts in a column."""
    if character == "\t":
        return TAB - column % TAB
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    if character == "\u200d":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def marks_of(diagnostic: Diagnostic) -> list[Mark]:
    """The underlined pieces in the order of the text; a span of several lines gives its ends."""
    found = _marks(diagnostic.source, diagnostic.span, diagnostic.label, True)
    for label in diagnostic.labels:
        found += _marks(diagnostic.source, label.span, label.text, False)
    return sorted(found, key=lambda mark: (mark.line, mark.start, not mark.primary))


def _marks(source: Source, span: Span, text: str, primary: bool) -> list[Mark]:
    length = len(source.text)
    start, end = min(span.start, length), min(max(span.end, span.start), length)
    line, column = source.position(start)
    content = source.line(line)
    column = min(column - 1, len(content))
    last, last_column = source.position(end)
    if last > line and last_column == 1:  # the span ends with the line end before
        last, last_column = source.position(end - 1)
        last_column = len(source.line(last)) + 1
    if last == line:
        return [Mark(line, column, max(last_column - 1, column), text, primary)]
    closing = source.line(last)
    indent = len(closing) - len(closing.lstrip())
    return [
        Mark(line, column, len(content), "", primary),
        Mark(last, min(indent, last_column - 1), last_column - 1, text, primary),
    ]


def show(content: str, marks: list[Mark]) -> tuple[str, list[tuple[int, int, Mark]]]:
    """A line ready to print and, for its marks, the first cell and the number of cells."""
    chosen = next((mark for mark in marks if mark.primary), marks[0])
    left, right = 0, len(content)
    if right > MAX_WIDTH:
        left = max(0, min(chosen.start - _CONTEXT, right - MAX_WIDTH))
        right = left + MAX_WIDTH
    cells = [0]
    shown: list[str] = []
    if left:
        shown.append("…")
        cells[0] = 1
    for character in content[left:right]:
        cell = width(character, cells[-1])
        shown.append(" " * cell if character == "\t" else visible(character))
        cells.append(cells[-1] + cell)
    if right < len(content):
        shown.append("…")
    placed = []
    for mark in marks:
        start = cells[min(max(mark.start - left, 0), len(cells) - 1)]
        end = cells[min(max(mark.end - left, 0), len(cells) - 1)]
        placed.append((start, max(1, min(end - start, MAX_WIDTH + 2)), mark))
    return "".join(shown).rstrip(), placed
