"""A type in pieces, each with the factors that act on it, so that a picture can colour them.

In: a type. Out: tokens whose texts together are the text of the type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eqspec.graph.types import Axis, Block, FlatAxis, Type


@dataclass(frozen=True)
class Token:
    """``breaks``: a line may end after it."""

    text: str
    factors: tuple[str, ...] = ()
    breaks: bool = False


def type_tokens(type_: Type) -> tuple[Token, ...]:
    """The pieces of ``str(type_)``, in order."""
    return tuple(_type(type_))


def _type(type_: Type) -> Iterator[Token]:
    for k, block in enumerate(type_.blocks):
        if k:
            yield Token(" + ", breaks=True)
        yield from _block(block)


def _block(block: Block) -> Iterator[Token]:
    if len(block.axes) == 1 and isinstance(block.axes[0], FlatAxis):
        yield from _axis(block.axes[0])
        return
    if block.values is not None:
        yield Token("index(")
        yield Token(str(block.values), tuple(sorted(block.values.factors)))
        yield Token(")", breaks=True)
    elif block.fixed:
        yield Token("fixed ")
    yield Token("[")
    for k, axis in enumerate(block.axes):
        if k:
            yield Token(", ", breaks=True)
        yield from _axis(axis)
    yield Token("]")


def _axis(axis: Axis) -> Iterator[Token]:
    if not isinstance(axis, FlatAxis):
        yield Token(str(axis), tuple(sorted(axis.factors)))
        return
    yield Token("flat { ", breaks=True)
    for k, (name, type_) in enumerate(axis.fields):
        if k:
            yield Token(", ", breaks=True)
        yield Token(f"{name}: ")
        yield from _type(type_)
    yield Token(" }")


def wrapped(tokens: tuple[Token, ...], width: int, lines: int) -> list[list[Token]]:
    """The tokens in lines of at most ``width`` characters, broken where a line may end; what is more
    than ``lines`` lines is left out, and an ellipsis says so."""
    found: list[list[Token]] = [[]]
    used = 0
    for piece in _pieces(tokens):
        size = sum(len(token.text) for token in piece)
        if found[-1] and used + len("".join(t.text for t in piece).rstrip()) > width:
            found.append([])
            used = 0
        found[-1].extend(_cut(piece, width))
        used += min(size, width)
    if len(found) > lines:
        found = found[:lines]
        found[-1].append(Token("\N{HORIZONTAL ELLIPSIS}"))
    return [_trimmed(line) for line in found]


def _pieces(tokens: tuple[Token, ...]) -> Iterator[list[Token]]:
    """Tokens between which no line may end."""
    piece: list[Token] = []
    for token in tokens:
        piece.append(token)
        if token.breaks:
            yield piece
            piece = []
    if piece:
        yield piece


def _cut(piece: list[Token], width: int) -> Iterator[Token]:
    """A piece that is longer than a line, shortened in the middle of its tokens."""
    left = width
    for token in piece:
        text = (
            token.text.rstrip() if token.breaks else token.text
        )  # a blank may stand beyond the end
        if len(text) <= left:
            yield token
            left -= len(token.text)
        elif left > 0:
            yield Token(token.text[: left - 1] + "\N{HORIZONTAL ELLIPSIS}", token.factors)
            left = 0


def _trimmed(line: list[Token]) -> list[Token]:
    """Without blanks at the end."""
    if line and line[-1].text != line[-1].text.rstrip():
        last = line[-1]
        return [*line[:-1], Token(last.text.rstrip(), last.factors)]
    return line
