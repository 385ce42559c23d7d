"""Every token of a file with the comments around it.

In: the concrete syntax tree and the comments of a correct file. Out: the same tree with a `Leaf` in
the place of each token, and the leaf of the end of the file. A comment belongs to the token before it
if that ends on its line, else to the token behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lark import Token, Tree

from eqspec.syntax.format.documents import Above, Leaf
from eqspec.syntax.stack import END
from eqspec.syntax.tree import Comment


@dataclass(frozen=True, slots=True)
class Branch:
    """A rule of the grammar with what it was made of."""

    rule: str
    parts: tuple[Branch | Leaf, ...]


def with_comments(root: Tree[Token], text: str, comments: Sequence[Comment]) -> tuple[Branch, Leaf]:
    tokens = list(_tokens(root))
    leaves = _leaves(tokens, text, comments)
    by_place = dict(zip((token.start_pos for token in tokens), leaves, strict=False))
    return _branch(root, by_place), leaves[-1]


def _tokens(root: Tree[Token]) -> Iterable[Token]:
    waiting: list[Token | Tree[Token]] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Token):
            yield part
        else:
            waiting.extend(reversed(part.children))


def _branch(node: Tree[Token], leaves: dict[int | None, Leaf]) -> Branch:
    parts = [
        leaves[child.start_pos] if isinstance(child, Token) else _branch(child, leaves)
        for child in node.children
    ]
    return Branch(str(node.data), tuple(parts))


def _leaves(tokens: Sequence[Token], text: str, comments: Sequence[Comment]) -> list[Leaf]:
    """One leaf for each token, and one for the end of the file."""
    found: list[Leaf] = []
    after = [""] * (len(tokens) + 1)  # the comment behind a token
    at, end = 0, 0  # the next comment; where the text looked at so far ends
    for number in range(len(tokens) + 1):
        token = tokens[number] if number < len(tokens) else None
        start = len(text) if token is None else token.start_pos or 0
        above: list[Above] = []
        began = end
        while at < len(comments) and comments[at].span.start < start:
            comment = comments[at]
            between = text.count("\n", end, comment.span.start)
            if not between and number and not above and not after[number - 1]:
                after[number - 1] = comment.text
            else:
                above.append(Above(comment.text, between > 1))
            end = comment.span.end
            at += 1
        newline = "\n" in text[began:start]
        blank = text.count("\n", end, start) > 1
        kind, word = (END, "") if token is None else (token.type, str(token))
        found.append(Leaf(kind, word, tuple(above), "", newline, blank))
        end = start + len(word)
    return [
        Leaf(leaf.kind, leaf.text, leaf.above, behind, leaf.newline, leaf.blank)
        for leaf, behind in zip(found, after, strict=True)
    ]


Part = Branch | Leaf


def is_a(part: Part, *kinds: str) -> bool:
    """Whether it is of one of these rules or terminals."""
    return (part.kind if isinstance(part, Leaf) else part.rule) in kinds


def first_of(part: Part) -> Leaf:
    while isinstance(part, Branch):
        part = part.parts[0]
    return part


def leaves_of(part: Part) -> list[Leaf]:
    return [part] if isinstance(part, Leaf) else [x for one in part.parts for x in leaves_of(one)]
