"""A parse under way that met an error: what is known there, and how to give a statement up.

In: the parser's stack and the text. Out: a `Failure` for the message; a parser that stands at the
next statement. `recovery` decides which of these to use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from lark import Token, Tree

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.syntax import errors, tree
from eqspec.syntax.build import MarkedToken, mark, span_of
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS, Layout, Place, layout
from eqspec.syntax.stack import END, Stack, token_at
from eqspec.syntax.trivia import MAX_DIAGNOSTICS

_WORD = re.compile(r"\w+")
_REST = re.compile(r"[ \t\r})\]]*(?:#|\n|\Z)")  # behind a `}` that ends a body


@dataclass(eq=False)
class Reading:
    """A parse under way."""

    source: Source
    stack: Stack
    last: Token | None = None  # read last
    before: Token | None = None  # read before that
    depth: int = 0  # of brackets
    diagnostics: list[Diagnostic] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    skipped: list[Span] = field(default_factory=list)
    stuck: tuple[int, int] = (-1, 0)  # an offset and how often reading failed there
    owed: int = 0  # bodies closed by a sign that was put in: their own `}` may still come
    mended: int = -1  # where a sign was put in or exchanged last

    @cached_property
    def layout(self) -> Layout:
        return layout(self.source)

    @property
    def full(self) -> bool:
        return len(self.diagnostics) >= MAX_DIAGNOSTICS

    def report(self, diagnostic: Diagnostic) -> None:
        """Take a diagnostic in, unless the same place has one already."""
        if all(known.span.start != diagnostic.span.start for known in self.diagnostics):
            self.diagnostics.append(diagnostic)

    def mend(self, diagnostic: Diagnostic, kind: str, offset: int, resume: int) -> None:
        """Report, read a sign that is not in the text, go on."""
        self.report(diagnostic)
        close(self, [kind], offset)
        self.go_on(resume, self.last)
        if kind not in ("ARROW", "EQUAL", "COLON"):  # those leave no doubt
            self.mended = offset

    def feed(self, kind: str, text: str, offset: int) -> None:
        """Read a token that is not in the text."""
        self.stack.feed(token_at(kind, text, offset))

    def go_on(self, offset: int, last: Token | None = None) -> None:
        self.stack.move(offset)
        self.last, self.before = last, None
        self.depth = len(self.stack.open_brackets())


def end_token(source: Source) -> Token:
    return token_at(END, "", len(source.text))


def describe(reading: Reading, token: Token) -> errors.Failure:
    stack = reading.stack
    body_level, top = stack.level("INPUT"), stack.level("MODULE") or 0
    level = top if body_level is None else body_level
    body, place = None, "file"
    if body_level is not None:
        body = next(
            v for v in reversed(stack.values[:level]) if isinstance(v, Token) and v.type == "LBRACE"
        )
        place = "interface" if stack.values[top].type == "INTERFACE" else "module"
    return errors.Failure(
        source=reading.source,
        token=token,
        accepted=frozenset(stack.accepts()),
        statement=tuple(stack.values[level:]),
        place=place,  # type: ignore[arg-type]  # mypy widens the literals above
        body=body,
        open=tuple(stack.open_brackets(level)),
        last=reading.last,
        first_on_line=reading.layout.lines.first(token.start_pos or 0),
        complete=stack.takes("INPUT" if body is not None else "MODULE"),
    )


def level_of(reading: Reading) -> int:
    body = reading.stack.level("INPUT")
    return body if body is not None else reading.stack.level("MODULE") or 0


def resumes(reading: Reading, failure: errors.Failure, place: Place) -> bool:
    """Whether a place looks like the start of the next statement, or the end of the body."""
    if place.kind == "item":
        return True
    if failure.body is None:
        return place.kind == "word" and place.depth == place.indent == 0 and _meant(reading, place)
    lines, body = reading.layout.lines, failure.body.start_pos or 0
    if place.kind == "member":
        return True
    if place.kind == "close":
        if not place.first and not _REST.match(reading.source.text, place.offset + 1):
            return False
        return place.opens == body or (place.first and place.indent <= lines.indent(body))
    start = start_of(failure)
    level = lines.indent(start) if start is not None and lines.first(start) else None
    if place.kind == "word" and not _meant(reading, place):
        return False
    inside = place.depth == 1 and place.indent > lines.indent(body)
    return inside or (level is not None and lines.indent(body) < place.indent <= level)


def _meant(reading: Reading, place: Place) -> bool:
    """Whether the word at a place is a mistyped statement."""
    word = _WORD.match(reading.source.text, place.offset)
    return word is not None and did_you_mean(word.group(), (*ITEM_WORDS, *MEMBER_WORDS)) is not None


def start_of(failure: errors.Failure) -> int | None:
    """Where the broken statement begins."""
    for value in failure.statement:
        if isinstance(value, Tree):
            continue
        return span_of(value).start
    return failure.token.start_pos if failure.first_on_line else None


def close(reading: Reading, kinds: list[str], offset: int) -> None:
    for kind in kinds:
        token = token_at(kind, errors.SIGNS[kind], offset)
        token.end_pos = offset  # it takes no room in the text
        reading.stack.feed(token)


def panic(reading: Reading, failure: errors.Failure, offset: int) -> None:
    """Give the statement up; read on at the next one."""
    start = start_of(failure)
    keeps = failure.first_on_line and failure.complete
    found = (p for p in reading.layout.places if p.offset >= offset)
    target = next((p.offset for p in found if resumes(reading, failure, p)), None)
    if not keeps:
        cut(reading, level_of(reading))
    elif failure.body is not None:
        _damage(reading)
    resume = len(reading.source.text) if target is None else target
    reading.skipped.append(Span(offset if start is None else start, resume))
    reading.go_on(resume)


def cut(reading: Reading, level: int, damaged: bool = True) -> None:
    """Drop the statement above a level, remember its name, mark the body that loses it."""
    lost = reading.stack.cut(level)
    if damaged:
        for value in lost[:2]:
            if isinstance(value, tree.Path):
                reading.lost.append(value.text)
            elif isinstance(value, Token) and value.type == "NAME":
                reading.lost.append(str(value))
        if reading.stack.level("INPUT") == level:
            _damage(reading)


def _damage(reading: Reading) -> None:
    values = reading.stack.values
    for at in range(len(values) - 1, -1, -1):
        value = values[at]
        if isinstance(value, Token) and value.type == "LBRACE":
            if not isinstance(value, MarkedToken):
                values[at] = mark(value, damaged=True)
            return
