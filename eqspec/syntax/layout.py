"""Where a parser that lost its way may start again: statements and brackets, without a grammar.

In: the source text. Out: the places that look like the start of a statement, with indentation and
nesting, and which `}` closes which `{`. Used only after a syntax error; the layout of a correct
file is free, indentation is a hint about a broken one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from eqspec.diagnostics.model import Source

ITEM_WORDS = ("eqspec", "use", "param", "type", "group", "rep", "module", "interface")
MEMBER_WORDS = ("input", "output", "base", "ensure")

_PIECE = re.compile(
    r'"(?:\\.|[^"\\\n])*"?'
    r"|\#[^\n]*"
    rf"|^[ \t]*(?:(?P<item>(?:{'|'.join(ITEM_WORDS)})\b(?!\s*[,)\]]))"
    rf"|(?P<member>(?:{'|'.join(MEMBER_WORDS)})\b(?!\s*[,)\]]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?=[ \t]*[:=])"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)(?=[ \t]+[A-Za-z_]))"
    r"|[()\[\]{}]",
    re.MULTILINE,
)
_BLANK = re.compile(r"[ \t\r]*")
_REACH = 256  # how far back a closing sign looks for its partner: keeps hostile files linear
_PARTNER = {")": "(", "]": "[", "}": "{"}

Kind = Literal["item", "member", "name", "word", "close"]


@dataclass(frozen=True, slots=True)
class Place:
    """A possible start of a statement, or a `}`."""

    offset: int
    kind: Kind
    indent: int
    depth: int
    first: bool  # the first thing on its line
    opens: int | None = None  # for `}`: the offset of its `{`


@dataclass(frozen=True, slots=True)
class Layout:
    places: tuple[Place, ...]
    braces: tuple[int, ...]  # offsets of `{`
    lines: Lines

    def at(self, offset: int) -> Place | None:
        return next((place for place in self.places if place.offset == offset), None)


class Lines:
    """Indentation and first characters of lines, each line looked at once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[int, tuple[int, int]] = {}

    def _line(self, offset: int) -> tuple[int, int]:
        start = offset - self._source.position(offset)[1] + 1
        if start not in self._known:
            match = _BLANK.match(self._source.text, start)
            blank = match.group() if match else ""
            self._known[start] = (len(blank.expandtabs(8)), start + len(blank))
        return self._known[start]

    def indent(self, offset: int) -> int:
        """The width of the white space that begins the line of an offset."""
        return self._line(offset)[0]

    def first(self, offset: int) -> bool:
        """Whether nothing but white space stands before an offset on its line."""
        return self._line(offset)[1] >= offset


def layout(source: Source) -> Layout:
    """One linear scan. A reserved word at the start of a line ends what was left open above."""
    lines = Lines(source)
    places: list[Place] = []
    braces: list[int] = []
    stack: list[tuple[str, int]] = []
    for match in _PIECE.finditer(source.text):
        found = match.group()
        kind = match.lastgroup
        if kind is not None:
            offset = match.start(kind)
            indent = lines.indent(offset)
            if kind == "item":
                if not stack or indent <= lines.indent(stack[0][1]):
                    stack.clear()
                places.append(Place(offset, "item", indent, len(stack), True))
            elif kind == "member":
                first = next((n for n, (sign, _) in enumerate(stack) if sign == "{"), None)
                del stack[0 if first is None else first + 1 :]
                places.append(Place(offset, "member", indent, len(stack), True))
            else:
                guess: Kind = "name" if kind == "name" else "word"
                places.append(Place(offset, guess, indent, len(stack), True))
        elif found in "([{":
            stack.append((found, match.start()))
            if found == "{":
                braces.append(match.start())
        elif found in _PARTNER:
            opener = _close(stack, _PARTNER[found])
            if found == "}":
                offset = match.start()
                first_here = lines.first(offset)
                indent = lines.indent(offset)
                places.append(Place(offset, "close", indent, len(stack), first_here, opener))
    return Layout(tuple(places), tuple(braces), lines)


def _close(stack: list[tuple[str, int]], sign: str) -> int | None:
    """Pop to the nearest opening sign of a kind; a `)` or `]` without one closes nothing."""
    for at in range(len(stack) - 1, max(-1, len(stack) - _REACH), -1):
        if stack[at][0] == sign:
            offset = stack[at][1]
            del stack[at:]
            return offset
        if sign != "{" and stack[at][0] == "{":
            return None
    return None
