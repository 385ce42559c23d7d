"""Documents laid out: from a `Doc` and a width to rows.

The greedy algorithm of Prettier: what fits on the row stands there, with what must follow it; else its
places end their row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eqspec.syntax.format.documents import (
    Above,
    Choice,
    Comments,
    Doc,
    Either,
    Fill,
    Glue,
    Group,
    Hard,
    Leaf,
    Line,
    Many,
    Nest,
    ends_of,
)

NEVER = 1 << 30
"""As a width: no line ends unless it must."""


@dataclass(slots=True)
class Row:
    """A line of the result: code, and the comment behind it; a comment alone has no code."""

    indent: int
    code: str = ""
    comment: str = ""

    @property
    def empty(self) -> bool:
        return not self.code and not self.comment


_Command = tuple[int, bool, Doc]  # indentation, whether the group around is broken, what to print


class _Page:
    """The rows written so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.row = Row(0)

    @property
    def column(self) -> int:
        return self.row.indent + len(self.row.code)

    def end_row(self, indent: int) -> None:
        if self.row.empty:
            self.row.indent = indent
        else:
            self.row.code = self.row.code.rstrip()
            self.rows.append(self.row)
            self.row = Row(indent)

    def fresh_row(self, indent: int) -> None:
        """A row that is still empty keeps the place at which it begins."""
        if not self.row.empty:
            self.end_row(indent)

    def blank(self, indent: int) -> None:
        """An empty row, but never two, nor one at the begin of the file or of a body."""
        self.fresh_row(indent)
        if self.rows and not self.rows[-1].empty and not self.rows[-1].code.endswith(_OPENERS):
            self.rows.append(Row(0))

    def write(self, text: str, indent: int) -> None:
        if not self.row.comment:
            self.row.code += text if self.row.code else text.lstrip(" ")
        elif text.strip():
            self.end_row(indent)
            self.row.code = text.lstrip(" ")

    def above(self, comments: tuple[Above, ...], indent: int) -> None:
        for comment in comments:
            if comment.blank:
                self.blank(indent)
            self.fresh_row(indent)
            self.row.comment = comment.text

    def leaf(self, leaf: Leaf, indent: int) -> None:
        if leaf.above:
            self.above(leaf.above, indent)
            indent = self.row.indent  # below its comments, not further in
            if leaf.blank:
                self.blank(indent)
        if leaf.text:
            self.write(leaf.text, indent)
        if leaf.after:
            if self.row.comment or not self.row.code:
                self.end_row(indent)
            self.row.comment = leaf.after


_OPENERS = ("{", "[", "(")


def lay_out(doc: Doc, width: int) -> list[Row]:
    """The rows of a document; the outermost level is broken."""
    page = _Page()
    _run([(0, True, doc)], page, width)
    page.end_row(0)
    return page.rows


def flat_text(doc: Doc) -> str:
    """The document on one line, without its comments."""
    page = _Page()
    _run([(0, False, doc)], page, NEVER)
    page.end_row(0)
    return " ".join(row.code for row in page.rows if row.code)


def _run(commands: list[_Command], page: _Page, width: int) -> None:
    while commands:
        indent, broken, doc = commands.pop()
        match doc:
            case str():
                page.write(doc, indent)
            case Leaf():
                page.leaf(doc, indent)
            case Glue(text):
                page.row.code += text
            case Comments(above):
                page.above(above, indent)
            case Hard(blank):
                page.blank(indent) if blank else page.end_row(indent)
            case Line(flat):
                page.end_row(indent) if broken else page.write(flat, indent)
            case Nest(by, inner):
                commands.append((indent + by, broken, inner))
            case Either():
                commands.append((indent, broken, doc.broken if broken else doc.flat))
            case Many(parts):
                commands.extend((indent, broken, part) for part in reversed(parts))
            case Group(inner, ends):
                fits = not ends.broken and _fits((indent, False, inner), commands, page, width)
                commands.append((indent, not fits, inner))
            case Fill():
                _fill(doc, indent, commands, page, width)
            case Choice():
                commands.append(_chosen(doc, indent, commands, page, width))


def _fill(fill: Fill, indent: int, commands: list[_Command], page: _Page, width: int) -> None:
    at, parts = fill.start, fill.parts
    fits = _fits((indent, False, parts[at]), [], page, width)
    if at + 2 < len(parts):
        pair = Many(parts[at : at + 3])
        both = not ends_of(pair).broken and _fits((indent, False, pair), [], page, width)
        commands.append((indent, True, Fill(parts, at + 2)))
        commands.append((indent, not both, parts[at + 1]))
    commands.append((indent, not fits, parts[at]))


def _chosen(
    doc: Choice, indent: int, commands: list[_Command], page: _Page, width: int
) -> _Command:
    if doc.ends.broken:
        return indent, True, doc.last
    if _fits((indent, False, doc.flat), commands, page, width):
        return indent, False, doc.flat
    if doc.second is not None:
        trial = _Page()
        trial.row = replace(page.row)
        _run([(indent, False, doc.second)], trial, NEVER)
        trial.end_row(indent)
        if all(row.indent + len(row.code) <= width for row in trial.rows):
            return indent, False, doc.second
    return indent, True, doc.last


def _fits(command: _Command, after: list[_Command], page: _Page, width: int) -> bool:
    """Whether a command fits on the row, with what must follow it there."""
    left = width - (page.column if page.row.code else command[0])
    own: list[_Command] = [command]
    at = len(after)
    while left >= 0:
        if own:
            indent, broken, doc = own.pop()
        elif at:
            at -= 1
            indent, broken, doc = after[at]
        else:
            return True
        match doc:
            case str():
                left -= len(doc)
            case Leaf():
                if doc.above:
                    return True
                left -= len(doc.text)
                if doc.after:
                    return left >= 0
            case Glue(text):
                left -= len(text)
            case Hard() | Comments():
                return True
            case Line(flat):
                if broken:
                    return True
                left -= len(flat)
            case Nest(by, inner):
                own.append((indent + by, broken, inner))
            case Either():
                own.append((indent, broken, doc.broken if broken else doc.flat))
            case Many(parts):
                own.extend((indent, broken, part) for part in reversed(parts))
            case Fill(parts, start):
                own.extend((indent, broken, part) for part in reversed(parts[start:]))
            case Group(inner, ends) | Choice(inner, _, _, ends):
                own.append((indent, broken or ends.broken, inner))
    return False
