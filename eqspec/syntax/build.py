"""From a reduced grammar rule to a node of the syntax tree, bottom-up, while the parser runs.

In: the tokens and nodes of one rule, every token kept. Out: one node. One function for each rule or
alias of the grammar, collected in `ACTIONS`. There is no recursion: the parser calls a function
when its parts are already built, so a long sum costs no stack. The functions keep no state; what a
token carries beside its text (documentation, the mark of a damaged body) is in a `MarkedToken`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from lark import Token

from eqspec.diagnostics.model import Span
from eqspec.syntax import tree
from eqspec.syntax.trivia import Doc, too_long, unescape

MAX_DEPTH = 64

Part = Any  # a token, a node or one of the helpers below
Parts = Sequence[Part]


class MarkedToken(Token):
    """A token with the documentation above it, or the `{` of a body that lost a member."""

    __slots__ = ("damaged", "doc")
    doc: Doc | None
    damaged: bool


def mark(token: Token, doc: Doc | None = None, damaged: bool = False) -> MarkedToken:
    marked: MarkedToken = MarkedToken.new_borrow_pos(token.type, token.value, token)
    marked.doc = doc
    marked.damaged = damaged
    return marked


class TooDeepError(Exception):
    """A chain of selections, calls or signs beyond `MAX_DEPTH`: trees stay shallow."""

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self.span = span


class _Items(NamedTuple):
    """The entries of a block, of a list of arguments, of a cycle: what stands between two signs."""

    kind: str
    items: tuple[Any, ...]
    span: Span


# ---- helpers -------------------------------------------------------------------------------------


def span_of(part: Part) -> Span:
    if isinstance(part, Token):
        return Span(part.start_pos or 0, part.end_pos or 0)
    found: Span = part.span
    return found


def _span(parts: Parts) -> Span:
    first: Any = parts[0]
    last: Any = parts[-1]
    return Span(
        (first.start_pos or 0) if isinstance(first, Token) else first.span.start,
        (last.end_pos or 0) if isinstance(last, Token) else last.span.end,
    )


def _nodes(parts: Parts) -> tuple[Any, ...]:
    return tuple([part for part in parts if not isinstance(part, Token)])


def _name(token: Token) -> tree.Name:
    return tree.Name(str(token), Span(token.start_pos or 0, token.end_pos or 0))


def _attribute_name(token: Token) -> tree.Name:
    return tree.Name(token[1:], Span((token.start_pos or 0) + 1, token.end_pos or 0))


def _string(token: Token) -> tree.String:
    return tree.String(unescape(token), span_of(token))


def _integer(digits: str) -> int:
    return 0 if too_long(digits) else int(digits)  # too long: the scan of the text says so


def _doc(part: Part) -> str | None:
    if isinstance(part, MarkedToken) and part.doc is not None:
        part.doc.used = True
        return part.doc.text
    return None


def _find(parts: Parts, kind: str) -> tuple[Any, ...] | None:
    for part in parts:
        if type(part) is _Items and part.kind == kind:
            return part.items
    return None


def _after(parts: Parts, sign: str) -> Part | None:
    """The part behind the first token of a type: `= value`, `: type`."""
    for index, part in enumerate(parts):
        if isinstance(part, Token) and part.type == sign:
            return parts[index + 1]
    return None


def _items(kind: str) -> Callable[[Parts], _Items]:
    def action(parts: Parts) -> _Items:
        return _Items(kind, _nodes(parts), _span(parts))

    return action


# ---- file and declarations -----------------------------------------------------------------------


def start(parts: Parts) -> tuple[Token, tuple[tree.Item, ...]]:
    return parts[0], tuple(parts[1:])


def version(parts: Parts) -> Token:
    number: Token = parts[1]
    return number


def use(parts: Parts) -> tree.Use:
    return tree.Use(_string(parts[1]), _name(parts[3]), _span(parts), _doc(parts[0]))


def param(parts: Parts) -> tree.Param:
    value = parts[3]
    if isinstance(value, Token):
        value = str(value)
    return tree.Param(_name(parts[1]), value, _doc(parts[0]), _span(parts))


def type_alias(parts: Parts) -> tree.TypeAlias:
    return tree.TypeAlias(_name(parts[1]), parts[3], _doc(parts[0]), _span(parts))


def group(parts: Parts) -> tree.GroupDeclaration:
    rest = parts[4:]
    return tree.GroupDeclaration(
        _name(parts[1]),
        parts[3],
        _find(rest, "generated"),
        _find(rest, "block"),
        _find(rest, "named"),
        _doc(parts[0]),
        _span(parts),
    )


def generator(parts: Parts) -> tree.Generator:
    name = _name(parts[0]) if isinstance(parts[0], Token) else None
    return tree.Generator(name, parts[-1], _span(parts))


def automorphism(parts: Parts) -> tree.Automorphism:
    return tree.Automorphism(parts[0], _nodes(parts[1:]), _span(parts))


def word_image(parts: Parts) -> tree.WordImage:
    return tree.WordImage(parts[0], parts[2], _span(parts))


def lie_generator(parts: Parts) -> tree.LieGenerator:
    kind: Any = str(parts[0])
    return tree.LieGenerator(kind, _name(parts[1]), parts[3], _span(parts))


def renaming(parts: Parts) -> tree.Renaming:
    return tree.Renaming(_name(parts[0]), _name(parts[2]))


def rep(parts: Parts) -> tree.RepDeclaration:
    return tree.RepDeclaration(
        parts[1], parts[3], _find(parts, "images"), _doc(parts[0]), _span(parts)
    )


def image(parts: Parts) -> tree.RepImage:
    return tree.RepImage(parts[0], parts[2], _span(parts))


def permutation(parts: Parts) -> tree.Permutation:
    return tree.Permutation(tuple([cycle.items for cycle in parts]), _span(parts))


def point(parts: Parts) -> tree.Point:
    token = parts[-1]
    value = unescape(token) if token.type == "STRING" else str(token)
    return tree.Point(value, len(parts) == 2, _span(parts))


def matrix_call(parts: Parts) -> tree.Call:
    function = tree.Reference(str(parts[0]), span_of(parts[0]))
    return tree.Call(function, _find(parts, "arguments") or (), _span(parts))


# ---- modules -------------------------------------------------------------------------------------


def _complete(parts: Parts) -> bool:
    return not any(type(part) is MarkedToken and part.damaged for part in parts)


def module(parts: Parts) -> tree.Module:
    formals = _find(parts, "formals") or ()
    members = tuple([part for part in parts if not isinstance(part, Token | _Items)])
    return tree.Module(
        _name(parts[1]), formals, members, _doc(parts[0]), _span(parts), _complete(parts)
    )


def interface(parts: Parts) -> tree.Interface:
    return tree.Interface(
        _name(parts[1]), _nodes(parts), _doc(parts[0]), _span(parts), _complete(parts)
    )


def formal(parts: Parts) -> tree.Formal:
    is_group = any(isinstance(part, Token) and part.type == "GROUP" for part in parts)
    return tree.Formal(_name(parts[0]), is_group, _after(parts, "EQUAL"), _span(parts))


def input_(parts: Parts) -> tree.Input:
    return tree.Input(_name(parts[1]), parts[3], _doc(parts[0]), _span(parts))


def base(parts: Parts) -> tree.Base:
    factory = _after(parts, "EQUAL")
    return tree.Base(
        _name(parts[1]),
        parts[3].items,
        parts[5],
        _string(factory) if factory is not None else None,
        _doc(parts[0]),
        _span(parts),
    )


def layer(parts: Parts) -> tree.Layer:
    declared = _after(parts, "COLON")
    return tree.Layer(_name(parts[0]), declared, parts[-1], _doc(parts[0]), _span(parts))


def output(parts: Parts) -> tree.Output:
    declared, value = _after(parts, "COLON"), _after(parts, "EQUAL")
    return tree.Output(_name(parts[1]), declared, value, _doc(parts[0]), _span(parts))


def ensure(parts: Parts) -> tree.Ensure:
    targets = tuple([part for part in parts if isinstance(part, tree.Path)])
    kind: Any = str(parts[-3])
    level: Any = parts[-4].kind if type(parts[-4]) is _Items else "exactly"
    return tree.Ensure(targets, level, kind, parts[-1], _span(parts), _doc(parts[0]))


def level(parts: Parts) -> _Items:
    return _Items(" ".join(parts), (), _span(parts))


# ---- types ---------------------------------------------------------------------------------------


def type_(parts: Parts) -> tree.TypeExpression:
    return tree.TypeExpression(_nodes(parts), _span(parts))


def block(parts: Parts) -> tree.AxesBlock:
    fixed, multiple = False, None
    for part in parts[:2]:
        if isinstance(part, Token):
            if part.type == "FIXED":
                fixed = True
            elif part.type == "MULTIPLE":
                multiple = _integer(part[:-1])
    return tree.AxesBlock(fixed, multiple, _nodes(parts), _span(parts))


def index(parts: Parts) -> tree.IndexBlock:
    fixed = isinstance(parts[0], Token) and parts[0].type == "FIXED"
    values, *axes = _nodes(parts)
    return tree.IndexBlock(fixed, values, tuple(axes), _span(parts))


def flat(parts: Parts) -> tree.FlatBlock:
    return tree.FlatBlock(_nodes(parts), _span(parts))


def alias(parts: Parts) -> tree.AliasBlock:
    return tree.AliasBlock(parts[0], parts[0].span)


def field(parts: Parts) -> tree.Field:
    return tree.Field(_name(parts[0]), parts[2], _doc(parts[0]), _span(parts))


def path(parts: Parts) -> tree.Path:
    names = (_name(parts[0]), *[_attribute_name(token) for token in parts[1:]])
    return tree.Path(names, _span(parts))


# ---- expressions ---------------------------------------------------------------------------------


def expr(parts: Parts) -> tree.Sum:
    terms = [(1, parts[0])]
    terms += [
        (-1 if parts[at].type == "MINUS" else 1, parts[at + 1]) for at in range(1, len(parts), 2)
    ]
    return tree.Sum(tuple(terms), _span(parts))


def term(parts: Parts) -> tree.Product:
    factors = [(1, parts[0])]
    factors += [
        (-1 if parts[at].type == "SLASH" else 1, parts[at + 1]) for at in range(1, len(parts), 2)
    ]
    return tree.Product(tuple(factors), _span(parts))


def negate(parts: Parts) -> tree.Negate:
    node = tree.Negate(parts[1], _span(parts))
    inner: Part = node
    for _ in range(MAX_DEPTH):
        if not isinstance(inner, tree.Negate):
            return node
        inner = inner.operand
    raise TooDeepError(node.span)


def exponent(parts: Parts) -> _Items:
    value = _integer(parts[-1])
    return _Items("exponent", (-value if len(parts) == 2 else value,), _span(parts))


def power(parts: Parts) -> tree.Power:
    return tree.Power(parts[0], parts[2].items[0], _span(parts))


def integer(parts: Parts) -> tree.Integer:
    return tree.Integer(_integer(parts[0]), span_of(parts[0]))


def decimal(parts: Parts) -> tree.Decimal:
    text = str(parts[0])
    value = Fraction(0) if too_long(text) else Fraction(text)
    return tree.Decimal(value, text, span_of(parts[0]))


def string(parts: Parts) -> tree.String:
    return _string(parts[0])


def true(parts: Parts) -> tree.Boolean:
    return tree.Boolean(True, span_of(parts[0]))


def false(parts: Parts) -> tree.Boolean:
    return tree.Boolean(False, span_of(parts[0]))


def parentheses(parts: Parts) -> tree.Expression:
    """The expression inside; its span takes the parentheses in, so that carets cover them."""
    inside: tree.Expression = replace(parts[1], span=_span(parts))
    return inside


def name(parts: Parts) -> tree.Reference:
    return tree.Reference(str(parts[0]), span_of(parts[0]))


def _shallow(node: tree.Attribute | tree.Call | tree.Select) -> Any:
    inner: Part = node
    for _ in range(MAX_DEPTH):
        if isinstance(inner, tree.Attribute | tree.Select):
            inner = inner.base
        elif isinstance(inner, tree.Call):
            inner = inner.function
        else:
            return node
    raise TooDeepError(node.span)


def attribute(parts: Parts) -> tree.Attribute:
    found: tree.Attribute = _shallow(
        tree.Attribute(parts[0], _attribute_name(parts[1]), _span(parts))
    )
    return found


def call(parts: Parts) -> tree.Call:
    arguments = parts[2].items if len(parts) == 4 else ()
    found: tree.Call = _shallow(tree.Call(parts[0], arguments, _span(parts)))
    return found


def select(parts: Parts) -> tree.Select:
    found: tree.Select = _shallow(tree.Select(parts[0], _nodes(parts[1:]), _span(parts)))
    return found


def list_(parts: Parts) -> tree.ListOf:
    return tree.ListOf(_nodes(parts), _span(parts))


def arguments(parts: Parts) -> _Items:
    found = [
        part if isinstance(part, tree.Argument) else tree.Argument(None, part, part.span)
        for part in parts
        if not isinstance(part, Token)
    ]
    return _Items("arguments", tuple(found), _span(parts))


def keyword(parts: Parts) -> tree.Argument:
    return tree.Argument(_name(parts[0]), parts[2], _span(parts))


def range_(parts: Parts) -> tree.Range:
    return tree.Range(parts[0], parts[2], _span(parts))


ACTIONS: dict[str, Callable[[Parts], Any]] = {
    action.__name__.rstrip("_"): action
    for action in (
        *(start, version, use, param, type_alias, group, generator, automorphism, word_image),
        *(lie_generator, renaming, rep, image, permutation, point, matrix_call),
        *(module, interface, formal, input_, base, layer, output, ensure, level),
        *(type_, block, index, flat, alias, field, path),
        *(expr, term, negate, exponent, power, integer, decimal, string, true, false),
        *(parentheses, name, attribute, call, select, list_, arguments, keyword, range_),
    )
}
ACTIONS |= {
    "generated": _items("generated"),
    "group_block": _items("block"),
    "named": _items("named"),
    "rep_block": _items("images"),
    "cycle": _items("cycle"),
    "formals": _items("formals"),
    "signature": _items("signature"),
}
