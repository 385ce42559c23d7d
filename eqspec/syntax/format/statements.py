"""Statements and the bodies they stand in: from what was written to a document.

In: the statements of a file. Out: a `Doc`. A test compares the two tables of rules with the grammar.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.syntax.format import brackets, expressions
from eqspec.syntax.format.brackets import INDENT, around
from eqspec.syntax.format.columns import blank_before, columns, split
from eqspec.syntax.format.documents import (
    NOTHING,
    Comments,
    Doc,
    Hard,
    Leaf,
    Line,
    Nest,
    cat,
    choice,
    group,
)
from eqspec.syntax.format.expressions import (
    CONTINUED,
    Rule,
    entries_of,
    inline,
    list_of,
    operands,
    spaced,
    typed,
    unwrapped,
)
from eqspec.syntax.format.leaves import Branch, Part, is_a

_ALONE = ("module", "interface")


def doc(part: Part, pad: int = 0) -> Doc:
    """``pad`` widens the first column of what stands in a table."""
    if isinstance(part, Leaf) or part.rule not in RULES:
        return expressions.doc(part)
    rule = RULES[part.rule]
    return rule(part.parts, pad) if pad else rule(part.parts)


def statements(parts: Sequence[Part], end: Leaf | None = None) -> Doc:
    """Statements below each other; empty lines as written, at most one, and one around modules."""
    out: list[Doc] = []
    pads = columns(parts)
    for number, part in enumerate(parts):
        entry = doc(part, pads[number])
        if number:
            apart = is_a(part, *_ALONE) or is_a(parts[number - 1], *_ALONE, "version")
            out += [Hard(), blank_before(entry, apart)]
        out.append(entry)
    if end is not None and end.above:
        out += [Hard(), Comments(end.above)]
    return cat(*out)


def _body(parts: Sequence[Part]) -> Doc:
    """`module M(..) { members }`."""
    at = next(n for n, part in enumerate(parts) if is_a(part, "LBRACE"))
    head, opener, members, closer = parts[:at], parts[at], parts[at + 1 : -1], parts[-1]
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    title = cat(spaced(head[:2]), *map(doc, head[2:]))
    return cat(title, " ", around(opener, statements(members), closer, broken=True))


def _declaration(parts: Sequence[Part], pad: int = 0) -> Doc:
    """`group A = value ...`, `param`, `type`: a head, a sign, a value, bodies."""
    head, rest = split(parts, "EQUAL")
    return _assigned(cat(spaced(head), " " * pad), rest[0], rest[1], rest[2:], False)


def _assigned(head: Doc, sign: Part, value: Part, bodies: Sequence[Part], typed: bool) -> Doc:
    """`head = value`: on one line; a declared type alone on the first; the value broken."""
    tail = cat(
        *[cat(" " if not is_a(part, "generated") else NOTHING, doc(part)) for part in bodies]
    )
    flat = cat(head, " ", doc(sign), " ", inline(value), tail)
    second = (
        cat(head, Nest(CONTINUED, cat(Hard(), doc(sign), " ", inline(value)))) if typed else None
    )
    value = unwrapped(value)
    if isinstance(value, Branch) and value.rule in ("expr", "term", "type"):
        last: Doc = cat(head, Nest(CONTINUED, cat(Line(), doc(sign), " ", operands(value))), tail)
    else:
        last = cat(head, Nest(CONTINUED, cat(" ", doc(sign))), " ", inline(value), tail)
    return choice(flat, second, last)


def _layer(parts: Sequence[Part]) -> Doc:
    head, rest = split(parts, "EQUAL")
    if not rest:
        return typed(head)
    return _assigned(typed(head), rest[0], rest[1], (), any(is_a(part, "COLON") for part in head))


def _base(parts: Sequence[Part]) -> Doc:
    head, rest = split(parts, "ARROW")
    arrow, target, *factory = rest
    behind = cat(Line(), spaced((arrow, target)))
    if factory:
        behind = cat(behind, Line(), spaced(factory))
    return group(Nest(CONTINUED, cat(typed(head), behind)))


def _ensure(parts: Sequence[Part]) -> Doc:
    at = next(n for n, part in enumerate(parts) if is_a(part, "level", "INVARIANT", "EQUIVARIANT"))
    names = group(brackets.filled(entries_of(parts[1:at])))
    *claim, bound = parts[at:]
    behind = cat(Line(), spaced(claim), " ", inline(bound))
    return group(doc(parts[0]), " ", Nest(CONTINUED, cat(names, behind)))


def _generated(parts: Sequence[Part]) -> Doc:
    entries = entries_of(parts[2:])
    rows: list[Doc] = []
    for entry, comma in entries:
        rows += [Line(), entry, *([brackets.separator(comma, entry)] if comma else [])]
    return group(" ", spaced(parts[:2]), Nest(INDENT, cat(*rows)))


RULES: dict[str, Rule] = {
    "version": spaced,
    "use": spaced,
    "param": _declaration,
    "type_alias": _declaration,
    "group": _declaration,
    "generated": _generated,
    "rep": _declaration,
    "module": _body,
    "formals": list_of,
    "interface": _body,
    "input": _layer,
    "base": _base,
    "layer": _layer,
    "output": _layer,
    "ensure": _ensure,
}
