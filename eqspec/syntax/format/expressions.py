"""Expressions, types, and what stands in braces: from what was written to a document.

In: a `Branch` of the concrete tree. Out: a `Doc`. One function for a rule of the grammar, or several
alike. They keep every token but commas, which `brackets` puts where they are wanted; comments ride on
the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eqspec.syntax.format import brackets
from eqspec.syntax.format.brackets import INDENT, Entry, around
from eqspec.syntax.format.columns import blank_before, columns, split
from eqspec.syntax.format.documents import (
    NOTHING,
    Doc,
    Either,
    Fill,
    Leaf,
    Line,
    Nest,
    cat,
    ends_of,
    group,
)
from eqspec.syntax.format.leaves import Branch, Part, first_of, is_a
from eqspec.syntax.format.pages import flat_text

CONTINUED = 2
"""Indentation of a statement that goes on on another line."""
MATRIX = 80
"""Matrices wider than this are not put in columns."""

Rule = Callable[..., Doc]


def doc(part: Part, pad: int = 0) -> Doc:
    """``pad`` widens the first column of what stands in a table."""
    if isinstance(part, Leaf):
        return part
    rule = RULES[part.rule]
    return rule(part.parts, pad) if pad else rule(part.parts)


def inline(part: Part) -> Doc:
    """As `doc`; the terms of a sum stand below each other and not further in."""
    part = unwrapped(part)
    if isinstance(part, Branch) and part.rule in ("expr", "term", "type"):
        return group(operands(part))
    return doc(part)


def unwrapped(part: Part) -> Part:
    """The block of a type that has only one."""
    if isinstance(part, Branch) and part.rule == "type" and len(part.parts) == 1:
        return part.parts[0]
    return part


def operands(node: Branch, further: int = 0) -> Doc:
    """Terms or factors; a line may end before each sign. Products with numbers are written tight."""
    tight = node.rule == "term" and any(is_a(p, "integer", "decimal") for p in node.parts[::2])
    space = "" if tight else " "
    out: list[Doc] = []
    for sign, operand in zip(node.parts[1::2], node.parts[2::2], strict=True):
        out += [Line(space), doc(sign), space, doc(operand)]
    return cat(doc(node.parts[0]), Nest(further, cat(*out)))


def _operation(rule: str) -> Rule:
    def made(parts: Sequence[Part]) -> Doc:
        node = Branch(rule, tuple(parts))
        if unwrapped(node) is not node:
            return doc(unwrapped(node))
        return group(operands(node, INDENT))

    return made


def spaced(parts: Iterable[Part]) -> Doc:
    out: list[Doc] = []
    for part in parts:
        out += [" ", doc(part)] if out else [doc(part)]
    return cat(*out)


def _tight(parts: Sequence[Part]) -> Doc:
    return cat(*map(doc, parts))


# ---- braces -------------------------------------------------------------------------------------


def typed(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`input x: type`, `output y: type`, `h: type`, `name: type`."""
    name, rest = split(parts, "COLON")
    if not rest:
        return spaced(name)
    padding: Doc = Either(" " * pad, NOTHING) if pad else NOTHING
    return cat(spaced(name), doc(rest[0]), padding, " ", doc(rest[1]))


def _braces(parts: Sequence[Part]) -> Doc:
    """`{ entries }`: lines stay lines, one line stays one if it fits."""
    opener, closer = parts[0], parts[-1]
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    inside = [part for part in parts[1:-1] if not is_a(part, "COMMA")]
    entries = entries_of(parts[1:-1], columns(inside))
    blanks = [
        blank_before(entry) if number else NOTHING for number, (entry, _) in enumerate(entries)
    ]
    broken = any(map(_newline, inside))
    listed = brackets.listed(entries, [Either(blank, NOTHING) for blank in blanks])
    return around(opener, listed if entries else NOTHING, closer, " ", broken)


def _newline(part: Part) -> bool:
    """Whether it began a line of the source."""
    return first_of(part).newline


def _after_word(parts: Sequence[Part]) -> Doc:
    """`flat { .. }`, `named { .. }`, `h { .. }`."""
    return cat(doc(parts[0]), " ", _braces(parts[1:]))


def _image(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`r -> image`, `algebra J = matrix`."""
    head, rest = split(parts, "ARROW" if is_a(parts[1], "ARROW") else "EQUAL")
    padding: Doc = Either(" " * pad, NOTHING) if pad else NOTHING
    return cat(spaced(head), padding, " ", doc(rest[0]), " ", inline(rest[1]))


def _renaming(parts: Sequence[Part]) -> Doc:
    return cat(doc(parts[0]), doc(parts[1]), " ", doc(parts[2]))


def _permutation(parts: Sequence[Part]) -> Doc:
    out: list[Doc] = []
    for part in parts:
        out += [Line(""), doc(part)] if out else [doc(part)]
    return Nest(CONTINUED, Fill(tuple(out)))


def _cycle(parts: Sequence[Part]) -> Doc:
    opener, *points, closer = parts
    out: list[Doc] = []
    for part in points:
        out += [Line(), doc(part)] if out else [doc(part)]
    return cat(doc(opener), Nest(1, Fill(tuple(out))) if out else NOTHING, doc(closer))


def entries_of(parts: Sequence[Part], pads: Sequence[int] = ()) -> list[Entry]:
    """Entries with the comma behind each."""
    entries: list[Entry] = []
    for part in parts:
        if isinstance(part, Leaf) and part.kind == "COMMA":
            entries[-1] = (entries[-1][0], part)
        else:
            entries.append((doc(part, pads[len(entries)] if pads else 0), None))
    return entries


# ---- brackets -----------------------------------------------------------------------------------


def _bracketed(opener: Part, inside: Sequence[Part], closer: Part) -> Doc:
    """`(arguments)`, `[axes]`, `[entries]`."""
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    items = [part for part in inside if not is_a(part, "COMMA")]
    if not items:
        return around(opener, NOTHING, closer)
    if len(items) == 1:
        return _sole(opener, items[0], inside[1:], closer)
    if all(map(_is_list, items)):
        return around(
            opener, brackets.rows(_matrix(inside)), closer, broken=any(map(_newline, items))
        )
    if opener.kind == "LSQB" and all(map(_is_atom, items)):
        return around(opener, brackets.filled(entries_of(inside)), closer)
    return around(opener, brackets.rows(entries_of(inside)), closer)


def _sole(opener: Leaf, item: Part, behind: Sequence[Part], closer: Leaf) -> Doc:
    """One entry: brackets that break inside of it need no lines of their own."""
    entry = inline(item)
    comma = next((leaf for leaf in behind if isinstance(leaf, Leaf)), None)
    ends = ends_of(entry)
    if (
        isinstance(item, Branch)
        and item.rule in ("list", "call", "matrix_call", "flat")
        and not (opener.after or closer.above or (comma and brackets.commented(comma)))
        and not (ends.first and ends.first.above)
        and not (ends.last and ends.last.after)
    ):
        return group(opener, entry, closer)
    return around(opener, brackets.rows([(entry, comma)]), closer)


def _is_list(part: Part) -> bool:
    return isinstance(part, Branch) and part.rule == "list"


def _is_atom(part: Part) -> bool:
    if isinstance(part, Branch) and part.rule == "negate":
        part = part.parts[1]
    return isinstance(part, Branch) and part.rule in _ATOMS


_ATOMS = ("name", "integer", "decimal", "string", "true", "false")


def _matrix(inside: Sequence[Part]) -> list[Entry]:
    """The rows of a matrix; where each has a line of its own, their entries stand in columns."""
    entries = entries_of(inside)
    lists = [part for part in inside if isinstance(part, Branch)]
    cells = [[cell for cell in row.parts[1:-1] if not is_a(cell, "COMMA")] for row in lists]
    if any(ends_of(entry).broken for entry, _ in entries) or len(set(map(len, cells))) != 1:
        return entries
    texts = [[flat_text(doc(cell)) for cell in row] for row in cells]
    wide = [max(map(len, column)) for column in zip(*texts, strict=True)]
    if not wide or sum(wide) + 2 * len(wide) > MATRIX:
        return entries
    aligned: list[Entry] = []
    for (entry, comma), row, part in zip(entries, texts, lists, strict=True):
        padded = ", ".join(text.rjust(width) for text, width in zip(row, wide, strict=True))
        columns = cat(doc(part.parts[0]), padded, doc(part.parts[-1]))
        aligned.append((Either(columns, entry), comma))
    return aligned


def _call(parts: Sequence[Part]) -> Doc:
    inside = [p for part in parts[2:-1] for p in (part.parts if isinstance(part, Branch) else ())]
    return cat(doc(parts[0]), _bracketed(parts[1], inside, parts[-1]))


def _select(parts: Sequence[Part]) -> Doc:
    return cat(doc(parts[0]), list_of(parts[1:]))


def list_of(parts: Sequence[Part]) -> Doc:
    return _bracketed(parts[0], parts[1:-1], parts[-1])


def _axes(parts: Sequence[Part]) -> Doc:
    """`fixed 4x[axes]`."""
    words, axes = split(parts, "LSQB")
    fixed = [cat(doc(word), " ") if is_a(word, "FIXED") else doc(word) for word in words]
    return cat(*fixed, list_of(axes))


def _index(parts: Sequence[Part]) -> Doc:
    """`fixed index(values)[axes]`."""
    words, axes = split(parts, "LSQB")
    *words, opener, values, closer = words
    return cat(spaced(words), _parentheses((opener, values, closer)), list_of(axes))


def _parentheses(parts: Sequence[Part]) -> Doc:
    opener, inside, closer = parts
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    return around(opener, inline(inside), closer)


def _keyword(parts: Sequence[Part]) -> Doc:
    return cat(doc(parts[0]), doc(parts[1]), inline(parts[2]))


def _signature(parts: Sequence[Part]) -> Doc:
    return brackets.filled(entries_of(parts))


def _field(parts: Sequence[Part], pad: int = 0) -> Doc:
    return typed(parts, pad)


def _formal(parts: Sequence[Part]) -> Doc:
    """`c`, `G: group`, `d = 4`."""
    head, rest = split(parts, "EQUAL")
    return cat(typed(head), " ", spaced(rest)) if rest else typed(head)


RULES: dict[str, Rule] = {
    "generator": spaced,
    "group_block": _braces,
    "automorphism": _after_word,
    "word_image": _image,
    "lie_generator": _image,
    "named": _after_word,
    "renaming": _renaming,
    "rep_block": _braces,
    "image": _image,
    "permutation": _permutation,
    "cycle": _cycle,
    "point": _tight,
    "matrix_call": _call,
    "signature": _signature,
    "type": _operation("type"),
    "block": _axes,
    "index": _index,
    "flat": _after_word,
    "alias": _tight,
    "field": _field,
    "expr": _operation("expr"),
    "term": _operation("term"),
    "negate": _tight,
    "exponent": _tight,
    "power": _tight,
    "integer": _tight,
    "decimal": _tight,
    "string": _tight,
    "true": _tight,
    "false": _tight,
    "parentheses": _parentheses,
    "name": _tight,
    "attribute": _tight,
    "call": _call,
    "select": _select,
    "list": list_of,
    "keyword": _keyword,
    "range": _tight,
    "path": _tight,
    "level": spaced,
    "formal": _formal,
}
