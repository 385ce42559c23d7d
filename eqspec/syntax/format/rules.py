"""One function for each rule of the grammar: from what was written to a document.

In: a `Branch` of the concrete tree. Out: a `Doc`. The functions keep every token but commas, which
`brackets` puts where they are wanted; comments ride on the tokens. A test compares the table `RULES`
with the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eqspec.syntax.format import brackets
from eqspec.syntax.format.brackets import INDENT, Entry, around
from eqspec.syntax.format.documents import (
    NOTHING,
    Comments,
    Doc,
    Either,
    Fill,
    Hard,
    Leaf,
    Line,
    Nest,
    cat,
    choice,
    ends_of,
    flat_text,
    group,
)
from eqspec.syntax.format.leaves import Branch

CONTINUED = 2
"""Indentation of a statement that goes on on another line."""
MATRIX = 80
"""Matrices wider than this are not put in columns."""
COLUMN = 28
"""Names longer than this do not move the column of the names around them."""

Part = Branch | Leaf
Rule = Callable[..., Doc]


def doc(part: Part, pad: int = 0) -> Doc:
    """``pad`` widens the first column of what stands in a table."""
    if isinstance(part, Leaf):
        return part
    rule = RULES[part.rule]
    return rule(part.parts, pad) if pad else rule(part.parts)


def _inline(part: Part) -> Doc:
    """As `doc`; the terms of a sum stand below each other and not further in."""
    part = _unwrapped(part)
    if isinstance(part, Branch) and part.rule in ("expr", "term", "type"):
        return group(_operands(part))
    return doc(part)


def _unwrapped(part: Part) -> Part:
    """The block of a type that has only one."""
    if isinstance(part, Branch) and part.rule == "type" and len(part.parts) == 1:
        return part.parts[0]
    return part


def _operands(node: Branch, further: int = 0) -> Doc:
    """Terms or factors; a line may end before each sign. Products with numbers are written tight."""
    tight = node.rule == "term" and any(_is(p, "integer", "decimal") for p in node.parts[::2])
    space = "" if tight else " "
    out: list[Doc] = []
    for sign, operand in zip(node.parts[1::2], node.parts[2::2], strict=True):
        out += [Line(space), doc(sign), space, doc(operand)]
    return cat(doc(node.parts[0]), Nest(further, cat(*out)))


def _operation(rule: str) -> Rule:
    def made(parts: Sequence[Part]) -> Doc:
        node = Branch(rule, tuple(parts))
        if _unwrapped(node) is not node:
            return doc(_unwrapped(node))
        return group(_operands(node, INDENT))

    return made


def _spaced(parts: Iterable[Part]) -> Doc:
    out: list[Doc] = []
    for part in parts:
        out += [" ", doc(part)] if out else [doc(part)]
    return cat(*out)


def _tight(parts: Sequence[Part]) -> Doc:
    return cat(*map(doc, parts))


def _is(part: Part, *kinds: str) -> bool:
    return (part.kind if isinstance(part, Leaf) else part.rule) in kinds


# ---- statements ----------------------------------------------------------------------------------


def _split(parts: Sequence[Part], sign: str) -> tuple[Sequence[Part], Sequence[Part]]:
    """What stands before a sign, and the sign with what stands behind."""
    at = next((n for n, part in enumerate(parts) if _is(part, sign)), len(parts))
    return parts[:at], parts[at:]


def _declaration(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`group A = value ...`, `param`, `type`: a head, a sign, a value, bodies."""
    head, rest = _split(parts, "EQUAL")
    return _assigned(cat(_spaced(head), " " * pad), rest[0], rest[1], rest[2:], False)


def _assigned(head: Doc, sign: Part, value: Part, bodies: Sequence[Part], typed: bool) -> Doc:
    """`head = value`: on one line; a declared type alone on the first; the value broken."""
    tail = cat(*[cat(" " if not _is(part, "generated") else NOTHING, doc(part)) for part in bodies])
    flat = cat(head, " ", doc(sign), " ", _inline(value), tail)
    second = (
        cat(head, Nest(CONTINUED, cat(Hard(), doc(sign), " ", _inline(value)))) if typed else None
    )
    value = _unwrapped(value)
    if isinstance(value, Branch) and value.rule in ("expr", "term", "type"):
        last: Doc = cat(head, Nest(CONTINUED, cat(Line(), doc(sign), " ", _operands(value))), tail)
    else:
        last = cat(head, Nest(CONTINUED, cat(" ", doc(sign))), " ", _inline(value), tail)
    return choice(flat, second, last)


def _layer(parts: Sequence[Part]) -> Doc:
    head, rest = _split(parts, "EQUAL")
    if not rest:
        return _typed(head)
    return _assigned(_typed(head), rest[0], rest[1], (), any(_is(part, "COLON") for part in head))


def _typed(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`input x: type`, `output y: type`, `h: type`, `name: type`."""
    name, rest = _split(parts, "COLON")
    if not rest:
        return _spaced(name)
    padding: Doc = Either(" " * pad, NOTHING) if pad else NOTHING
    return cat(_spaced(name), doc(rest[0]), padding, " ", doc(rest[1]))


def _base(parts: Sequence[Part]) -> Doc:
    head, rest = _split(parts, "ARROW")
    arrow, target, *factory = rest
    behind = cat(Line(), _spaced((arrow, target)))
    if factory:
        behind = cat(behind, Line(), _spaced(factory))
    return group(Nest(CONTINUED, cat(_typed(head), behind)))


def _ensure(parts: Sequence[Part]) -> Doc:
    at = next(n for n, part in enumerate(parts) if _is(part, "level", "INVARIANT", "EQUIVARIANT"))
    names = group(brackets.filled(_entries(parts[1:at])))
    *claim, bound = parts[at:]
    behind = cat(Line(), _spaced(claim), " ", _inline(bound))
    return group(doc(parts[0]), " ", Nest(CONTINUED, cat(names, behind)))


def _generated(parts: Sequence[Part]) -> Doc:
    entries = _entries(parts[2:])
    rows: list[Doc] = []
    for entry, comma in entries:
        rows += [Line(), entry, *([brackets.separator(comma, entry)] if comma else [])]
    return group(" ", _spaced(parts[:2]), Nest(INDENT, cat(*rows)))


# ---- bodies --------------------------------------------------------------------------------------

_ALONE = ("module", "interface")
_TABLES = {
    "param": "EQUAL",
    "type_alias": "EQUAL",
    "group": "EQUAL",
    "image": "ARROW",
    "word_image": "ARROW",
    "lie_generator": "EQUAL",
    "field": "COLON",
}
"""Statements and entries that stand in columns, with the sign that ends the first."""


def statements(parts: Sequence[Part], end: Leaf | None = None) -> Doc:
    """Statements below each other; empty lines as written, at most one, and one around modules."""
    out: list[Doc] = []
    pads = columns(parts)
    for number, part in enumerate(parts):
        entry = doc(part, pads[number])
        if number:
            apart = _is(part, *_ALONE) or _is(parts[number - 1], *_ALONE, "version")
            out += [Hard(), _blank(entry, apart)]
        out.append(entry)
    if end is not None and end.above:
        out += [Hard(), Comments(end.above)]
    return cat(*out)


def _blank(entry: Doc, wanted: bool = False) -> Doc:
    """An empty line before a statement: where one is written, or wanted and not written."""
    first = ends_of(entry).first
    if first is None:
        return NOTHING
    written = [comment.blank for comment in first.above] + [first.blank]
    if not first.above and first.blank:
        return Hard(blank=True)
    return Hard(blank=True) if wanted and not any(written) else NOTHING


def columns(parts: Sequence[Part]) -> list[int]:
    """By how much the first column of each entry is to be widened: neighbours of a kind stand in
    columns, an empty line ends them."""
    pads = [0] * len(parts)
    run: list[tuple[int, int]] = []
    for number, part in enumerate(parts):
        wide = _head_width(part)
        fresh = number == 0 or _rule(part) != _rule(parts[number - 1]) or _gap(part)
        if fresh or wide is None:
            _pad(run, pads)
            run = []
        if wide is not None:
            run.append((number, wide))
    _pad(run, pads)
    return pads


def _pad(run: list[tuple[int, int]], pads: list[int]) -> None:
    column = max((wide for _, wide in run if wide <= COLUMN), default=0)
    for number, wide in run:
        pads[number] = max(column - wide, 0)


def _head_width(part: Part) -> int | None:
    if isinstance(part, Leaf) or part.rule not in _TABLES:
        return None
    head = _spaced(_split(part.parts, _TABLES[part.rule])[0])
    ends = ends_of(head)
    if ends.broken or (ends.last is not None and ends.last.after):
        return None
    return len(flat_text(head))


def _rule(part: Part) -> str:
    return "" if isinstance(part, Leaf) else part.rule


def _gap(part: Part) -> bool:
    while isinstance(part, Branch):
        part = part.parts[0]
    return part.blank or any(comment.blank for comment in part.above)


def _body(parts: Sequence[Part]) -> Doc:
    """`module M(..) { members }`."""
    at = next(n for n, part in enumerate(parts) if _is(part, "LBRACE"))
    head, opener, members, closer = parts[:at], parts[at], parts[at + 1 : -1], parts[-1]
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    title = cat(_spaced(head[:2]), *map(doc, head[2:]))
    return cat(title, " ", around(opener, statements(members), closer, broken=True))


def _braces(parts: Sequence[Part]) -> Doc:
    """`{ entries }`: lines stay lines, one line stays one if it fits."""
    opener, closer = parts[0], parts[-1]
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    inside = [part for part in parts[1:-1] if not _is(part, "COMMA")]
    entries = _entries(parts[1:-1], columns(inside))
    blanks = [_blank(entry) if number else NOTHING for number, (entry, _) in enumerate(entries)]
    broken = any(map(_newline, inside))
    listed = brackets.listed(entries, [Either(blank, NOTHING) for blank in blanks])
    return around(opener, listed if entries else NOTHING, closer, " ", broken)


def _newline(part: Part) -> bool:
    """Whether it began a line of the source."""
    while isinstance(part, Branch):
        part = part.parts[0]
    return part.newline


def _after_word(parts: Sequence[Part]) -> Doc:
    """`flat { .. }`, `named { .. }`, `h { .. }`."""
    return cat(doc(parts[0]), " ", _braces(parts[1:]))


def _image(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`r -> image`, `algebra J = matrix`."""
    head, rest = _split(parts, "ARROW" if _is(parts[1], "ARROW") else "EQUAL")
    padding: Doc = Either(" " * pad, NOTHING) if pad else NOTHING
    return cat(_spaced(head), padding, " ", doc(rest[0]), " ", _inline(rest[1]))


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


# ---- types and expressions -----------------------------------------------------------------------


def _entries(parts: Sequence[Part], pads: Sequence[int] = ()) -> list[Entry]:
    """Entries with the comma behind each."""
    entries: list[Entry] = []
    for part in parts:
        if isinstance(part, Leaf) and part.kind == "COMMA":
            entries[-1] = (entries[-1][0], part)
        else:
            entries.append((doc(part, pads[len(entries)] if pads else 0), None))
    return entries


def _bracketed(opener: Part, inside: Sequence[Part], closer: Part) -> Doc:
    """`(arguments)`, `[axes]`, `[entries]`."""
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    items = [part for part in inside if not _is(part, "COMMA")]
    if not items:
        return around(opener, NOTHING, closer)
    if len(items) == 1:
        return _sole(opener, items[0], inside[1:], closer)
    if all(map(_is_list, items)):
        return around(
            opener, brackets.rows(_matrix(inside)), closer, broken=any(map(_newline, items))
        )
    if opener.kind == "LSQB" and all(map(_is_atom, items)):
        return around(opener, brackets.filled(_entries(inside)), closer)
    return around(opener, brackets.rows(_entries(inside)), closer)


def _sole(opener: Leaf, item: Part, behind: Sequence[Part], closer: Leaf) -> Doc:
    """One entry: brackets that break inside of it need no lines of their own."""
    entry = _inline(item)
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
    entries = _entries(inside)
    lists = [part for part in inside if isinstance(part, Branch)]
    cells = [[cell for cell in row.parts[1:-1] if not _is(cell, "COMMA")] for row in lists]
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
    return cat(doc(parts[0]), _list(parts[1:]))


def _list(parts: Sequence[Part]) -> Doc:
    return _bracketed(parts[0], parts[1:-1], parts[-1])


def _axes(parts: Sequence[Part]) -> Doc:
    """`fixed 4x[axes]`."""
    words, axes = _split(parts, "LSQB")
    fixed = [cat(doc(word), " ") if _is(word, "FIXED") else doc(word) for word in words]
    return cat(*fixed, _list(axes))


def _index(parts: Sequence[Part]) -> Doc:
    """`fixed index(values)[axes]`."""
    words, axes = _split(parts, "LSQB")
    *words, opener, values, closer = words
    return cat(_spaced(words), _parentheses((opener, values, closer)), _list(axes))


def _parentheses(parts: Sequence[Part]) -> Doc:
    opener, inside, closer = parts
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    return around(opener, _inline(inside), closer)


def _keyword(parts: Sequence[Part]) -> Doc:
    return cat(doc(parts[0]), doc(parts[1]), _inline(parts[2]))


def _signature(parts: Sequence[Part]) -> Doc:
    return brackets.filled(_entries(parts))


def _formal(parts: Sequence[Part]) -> Doc:
    """`c`, `G: group`, `d = 4`."""
    head, rest = _split(parts, "EQUAL")
    return cat(_typed(head), " ", _spaced(rest)) if rest else _typed(head)


def _field(parts: Sequence[Part], pad: int = 0) -> Doc:
    return _typed(parts, pad)


RULES: dict[str, Rule] = {
    "version": _spaced,
    "use": _spaced,
    "param": _declaration,
    "type_alias": _declaration,
    "group": _declaration,
    "generated": _generated,
    "generator": _spaced,
    "group_block": _braces,
    "automorphism": _after_word,
    "word_image": _image,
    "lie_generator": _image,
    "named": _after_word,
    "renaming": _renaming,
    "rep": _declaration,
    "rep_block": _braces,
    "image": _image,
    "permutation": _permutation,
    "cycle": _cycle,
    "point": _tight,
    "matrix_call": _call,
    "module": _body,
    "formals": _list,
    "formal": _formal,
    "interface": _body,
    "input": _layer,
    "base": _base,
    "signature": _signature,
    "layer": _layer,
    "output": _layer,
    "ensure": _ensure,
    "level": _spaced,
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
    "list": _list,
    "keyword": _keyword,
    "range": _tight,
    "path": _tight,
}
