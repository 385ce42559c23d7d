"""A text cut into classified pieces, whatever its state: what highlighters show.

In: any text. Out: `Piece` values that cover it without gaps. The terminals are the grammar's, tried in
its order; a word such as `under` or `index` is a keyword where its neighbours on both sides allow the
terminal, and a name elsewhere, so a layer may be called `index`. No parser runs: half-typed text and
files with errors are cut all the same, in time that grows with their length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from eqspec.tools.editors.vocabulary import END, Kind, Terminal, vocabulary

_TRIVIA = frozenset({Kind.SPACE, Kind.COMMENT, Kind.DOCUMENTATION, Kind.ERROR})
_UNTERMINATED = re.compile(r'"[^\n]*')


@dataclass(frozen=True, slots=True)
class Piece:
    """Half-open range of code points with its class and the name of its terminal ("" for errors)."""

    start: int
    end: int
    kind: Kind
    terminal: str


def classify(text: str) -> list[Piece]:
    """The pieces of a text, in order and without gaps."""
    pieces = list(_cut(text))
    solid = [number for number, piece in enumerate(pieces) if piece.kind not in _TRIVIA]
    for step, number in enumerate(solid):
        before = pieces[solid[step - 1]].terminal if step else END
        after = _reading(text, pieces[solid[step + 1]]) if step + 1 < len(solid) else (END,)
        pieces[number] = _keyword(text, pieces[number], before, after)
    return _with_roles(pieces, solid)


@lru_cache(maxsize=1)
def _scanner() -> tuple[re.Pattern[str], dict[str, Terminal], dict[str, Terminal]]:
    """One pattern for everything but soft words, the terminals by name, and the soft words by text."""
    known = vocabulary()
    soft = {t.text: t for t in known.of_kind(Kind.WORD, Kind.CONSTANT)}
    tried = [t for t in known.terminals if t.text not in soft]
    pattern = re.compile("|".join(f"(?P<{t.name}>{t.regex})" for t in tried))
    return pattern, {t.name: t for t in tried}, soft


def _cut(text: str) -> Iterator[Piece]:
    pattern, terminals, _ = _scanner()
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        if match is None or match.lastgroup is None:
            rest = _UNTERMINATED.match(text, at)
            end = rest.end() if rest else at + 1
            yield Piece(at, end, Kind.ERROR, "")
        else:
            end = match.end()
            kind = terminals[match.lastgroup].kind
            if kind is Kind.COMMENT and match.group().startswith("##"):
                kind = Kind.DOCUMENTATION
            yield Piece(at, end, kind, match.lastgroup)
        at = end


def _reading(text: str, piece: Piece) -> tuple[str, ...]:
    """The terminals that a piece can be: a soft word is also a name."""
    _, _, soft = _scanner()
    word = soft.get(text[piece.start : piece.end]) if piece.terminal == "NAME" else None
    return (piece.terminal,) if word is None else (piece.terminal, word.name)


def _keyword(text: str, piece: Piece, before: str, after: tuple[str, ...]) -> Piece:
    """A name that is a soft word, as its keyword if both neighbours allow it."""
    _, _, soft = _scanner()
    word = soft.get(text[piece.start : piece.end]) if piece.terminal == "NAME" else None
    if word is None:
        return piece
    pairs = vocabulary().pairs
    if (before, word.name) in pairs and any((word.name, next_) in pairs for next_ in after):
        return replace(piece, kind=word.kind, terminal=word.name)
    return piece


def _with_roles(pieces: list[Piece], solid: list[int]) -> list[Piece]:
    """Names by what they do: declared, called, the name of an argument."""
    known = vocabulary()
    depth = 0  # of round and square brackets
    for step, number in enumerate(solid):
        piece = pieces[number]
        before = pieces[solid[step - 1]].terminal if step else END
        after = pieces[solid[step + 1]].terminal if step + 1 < len(solid) else END
        if piece.kind is Kind.DECLARATION and before not in ("COLON", "COMMA", "LPAR"):
            depth = 0  # a statement begins: what was left open above is a mistake
        elif piece.terminal in ("LPAR", "LSQB"):
            depth += 1
        elif piece.terminal in ("RPAR", "RSQB"):
            depth = max(depth - 1, 0)
        elif piece.kind is Kind.NAME:
            if before in known.defines - known.members:
                pieces[number] = replace(piece, kind=Kind.DEFINITION)
            elif before in known.members or after == "COLON" or (after == "EQUAL" and not depth):
                pieces[number] = replace(piece, kind=Kind.FEATURE)
            elif after == "LPAR":
                pieces[number] = replace(piece, kind=Kind.CALL)
            elif after == "EQUAL":
                pieces[number] = replace(piece, kind=Kind.ARGUMENT)
        elif piece.kind is Kind.ATTRIBUTE and after == "LPAR":
            pieces[number] = replace(piece, kind=Kind.CALL)
    return pieces
