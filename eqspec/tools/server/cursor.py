"""Where in a half-typed text the cursor stands.

In: the text up to the cursor. Out: a `Place`: around which brackets, in which statement of what, behind
which words. Nothing is parsed: what stands before a cursor is rarely a whole statement. A word that
begins a declaration on a line of its own closes all brackets that were left open before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS
from eqspec.tools.editors.tokens import Piece, classify
from eqspec.tools.editors.vocabulary import Kind

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_TRIVIA = (Kind.SPACE, Kind.COMMENT, Kind.DOCUMENTATION)


@dataclass(frozen=True)
class Open:
    """A bracket that is open, with the word before it (`relu` in `relu(`) and what stands inside."""

    sign: str
    word: str
    tokens: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """``start`` is where the word before the cursor begins. ``statement`` are the tokens of the statement
    so far, without that word; ``inside`` the brackets around the cursor, the innermost last.
    ``item`` and ``name`` are the declaration around the cursor, as `module` and `TwoView`."""

    start: int
    prefix: str
    quoted: bool
    commented: bool
    dotted: tuple[str, ...] | None
    statement: list[str]
    inside: list[Open]
    item: str
    name: str
    first: bool

    @property
    def before(self) -> str:
        """The token before the word."""
        return self.statement[-1] if self.statement else ""

    @property
    def call(self) -> Open | None:
        """The innermost call around the cursor."""
        return next((o for o in reversed(self.inside) if o.sign == "(" and o.word), None)


def place(text: str, offset: int) -> Place:
    text = text[:offset]
    start = offset
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    pieces = classify(text)
    last = pieces[-1] if pieces else None
    commented = last is not None and last.kind in (Kind.COMMENT, Kind.DOCUMENTATION)
    quote = last is not None and text[last.start : last.start + 1] == '"'
    quoted = quote and last is not None and not (last.end - last.start > 1 and text.endswith('"'))
    statement: list[str] = []
    inside: list[Open] = []
    item = name = ""
    fresh = True  # nothing but space since the line began
    for piece in pieces:
        if piece.start >= start or (quoted and piece is last):
            break
        if piece.kind in _TRIVIA:
            fresh = fresh or "\n" in text[piece.start : piece.end]
            continue
        word = text[piece.start : piece.end].strip()
        if fresh and word in ITEM_WORDS:
            inside, statement, item, name = [], [], word, ""
        elif fresh and _begins(text, piece, inside, word):
            inside, statement = inside[:1], []
        elif item and not name and piece.kind is not Kind.PUNCTUATION:
            name = word
        fresh = False
        if word in _BRACKETS:
            inside.append(Open(word, _called(statement)))
            if word == "{" and len(inside) == 1 and item in ("module", "interface"):
                statement = []
                fresh = True
                continue
        elif inside and word == _BRACKETS[inside[-1].sign]:
            inside.pop()
            if not inside and word == "}":
                item = name = ""
        elif inside:
            inside[-1].tokens.append(word)
        statement.append(word)
    return Place(
        start=start,
        prefix=text[start:],
        quoted=quoted,
        commented=commented,
        dotted=_path(text, start),
        statement=statement,
        inside=inside,
        item=item,
        name=name,
        first=not text[text.rfind("\n", 0, start) + 1 : start].strip(),
    )


def _begins(text: str, piece: Piece, inside: list[Open], word: str) -> bool:
    """Does a statement of a module begin here?"""
    if not inside or inside[0].sign != "{":
        return False
    if word in MEMBER_WORDS:
        return True
    behind = text[piece.end : piece.end + 80].lstrip(" \t")[:1]
    return len(inside) == 1 and piece.kind in (Kind.NAME, Kind.FEATURE) and behind in (":", "=")


def _called(statement: list[str]) -> str:
    """The word directly before a bracket, with what stands before its dots."""
    if not statement or not (statement[-1].lstrip(".").isidentifier()):
        return ""
    at = len(statement) - 1
    while at > 0 and statement[at].startswith("."):
        at -= 1
    return "".join(statement[at:])


def _path(text: str, start: int) -> tuple[str, ...] | None:
    """The names before the dot that stands before the word; () behind a bracket and a dot."""
    if not text[:start].endswith("."):
        return None
    at = start - 1
    names: list[str] = []
    while True:
        begin = at
        while begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] == "_"):
            begin -= 1
        if begin == at:  # `world(2).`, `x[0].`
            return ()
        names.insert(0, text[begin:at])
        if begin == 0 or text[begin - 1] != ".":
            return tuple(names)
        at = begin - 1
