"""The options of a call of an op: words, numbers, sizes, groups, axes and bases after a keyword.

In: the call and the keywords of the op's signature. Out: one value for each option that is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Span
from eqspec.diagnostics.suggest import Suggestion, suggestion
from eqspec.graph.elaborate import rep_of
from eqspec.graph.groups import group_of
from eqspec.graph.model import Base
from eqspec.graph.numbers import number_of
from eqspec.graph.op import (
    Axes,
    Ends,
    EndsOr,
    Keyword,
    KeywordValue,
    Numbers,
    OpTyping,
    Refusal,
    WordOrBase,
    Words,
    WordsFor,
)
from eqspec.graph.resolve import resolve
from eqspec.graph.scope import GroupValue, Scope
from eqspec.graph.subgroups import forgettable
from eqspec.syntax import tree

if TYPE_CHECKING:
    from eqspec.graph.expressions import Expressions


def keyword_values(
    expressions: Expressions, op: OpTyping, expr: tree.Call
) -> tuple[dict[str, KeywordValue], dict[str, Span]]:
    values: dict[str, KeywordValue] = {}
    spans: dict[str, Span] = {}
    for argument in expr.arguments:
        if argument.keyword is None:
            continue
        key = argument.keyword.text
        if key not in op.signature.keywords:
            near = suggestion(key, op.signature.keywords, argument.keyword.span)
            expressions.scope.refuse(
                "EQS207",
                f"`{op.name}` has no option `{key}`",
                argument.keyword.span,
                f"it has {', '.join(op.signature.keywords)}"
                if op.signature.keywords
                else "it has none",
                help=near.help,
                fixes=near.fixes,
            )
        if key in values:
            expressions.scope.refuse("EQS207", f"`{key}` is given twice", argument.keyword.span)
        values[key] = _keyword(expressions, op.signature.keywords[key], key, argument.value)
        spans[key] = argument.value.span
    return values, spans


def _keyword(
    expressions: Expressions, want: Keyword, key: str, value: tree.Expression
) -> KeywordValue:
    scope = expressions.scope
    match want:
        case WordOrBase(words=words):
            return _word_or_base(expressions, words, key, value)
        case WordsFor(words=words):
            return _words_for(expressions, words, key, value)
        case EndsOr(words=words):
            if isinstance(value, tree.Reference) and value.name in words:
                return value.name
            return _ends(expressions, key, value)
        case "boolean":
            if isinstance(value, tree.Boolean):
                return value.value
            scope.refuse("EQS207", f"`{key}` is true or false", value.span)
        case "number":
            number = number_of(scope, value)
            if abs(number) > 10**30:
                scope.refuse("EQS207", f"`{key}` is out of range", value.span, "far too large")
            return float(number)
        case "numbers":
            items = value.items if isinstance(value, tree.ListOf) else (value,)
            return Numbers(tuple(_whole(expressions, key, item) for item in items))
        case "group":
            return group_of(scope, value).names
        case "subgroup":
            factors, sub = forgettable(scope, value)
            if sub is not None:
                return sub
            assert factors is not None
            return factors.names
        case "axis":
            return rep_of(scope, value)
        case "group or axes" if _is_group(scope, value):
            return group_of(scope, value).names
        case "axes" | "group or axes":
            return _axes(expressions, value)
        case tuple():
            if isinstance(value, tree.Reference) and value.name in want:
                return value.name
            written = value.name if isinstance(value, tree.Reference) else ""
            near = suggestion(written, want, value.span)
            scope.refuse(
                "EQS207",
                f"`{key}` is one of {', '.join(want)}",
                value.span,
                help=near.help,
                fixes=near.fixes,
            )


def _whole(expressions: Expressions, key: str, value: tree.Expression) -> int:
    number = number_of(expressions.scope, value)
    if number != int(number) or abs(number) > 10**6:
        expressions.scope.refuse("EQS207", f"`{key}` are whole numbers", value.span)
    return int(number)


def _ends(expressions: Expressions, key: str, value: tree.Expression) -> Ends:
    ends: list[tuple[int, int]] = []
    for item in value.items if isinstance(value, tree.ListOf) else (value,):
        if not isinstance(item, tree.ListOf):
            number = _whole(expressions, key, item)
            ends.append((number, number))
        elif len(item.items) == 2:
            begin, end = (_whole(expressions, key, inner) for inner in item.items)
            ends.append((begin, end))
        else:
            expressions.scope.refuse(
                "EQS207",
                f"`{key}` has a begin and an end along every axis",
                item.span,
                f"{len(item.items)} numbers",
                help=f"`{key}=[[1, 0], [1, 0]]`",
            )
    return Ends(tuple(ends))


def _axes(expressions: Expressions, value: tree.Expression) -> Axes:
    axes: list[str | Representation] = []
    for item in value.items if isinstance(value, tree.ListOf) else (value,):
        if isinstance(item, tree.Reference):
            resolve(expressions.scope, item.name, item.span, "parameter")
            axes.append(item.name)
        else:
            axes.append(rep_of(expressions.scope, item))
    return Axes(tuple(axes))


def _is_group(scope: Scope, value: tree.Expression) -> bool:
    """Is this the name of a group, or a product of such?"""
    if isinstance(value, tree.Product):
        return True
    if not isinstance(value, tree.Reference) or scope.owner(value.name) is None:
        return False
    return isinstance(resolve(scope, value.name, value.span), GroupValue)


def _words_for(
    expressions: Expressions, words: tuple[str, ...], key: str, value: tree.Expression
) -> Words:
    scope = expressions.scope
    found: list[tuple[str, str | None]] = []
    for item in value.items if isinstance(value, tree.ListOf) else (value,):
        match item:
            case tree.Reference(name=name) if name in words:
                found.append((name, None))
                continue
            case tree.Call(
                function=tree.Reference(name=name),
                arguments=(tree.Argument(keyword=None, value=factor),),
            ) if name in words:
                names = group_of(scope, factor).names
                if len(names) > 1:
                    scope.refuse(
                        "EQS207",
                        f"`{name}` works on one factor",
                        factor.span,
                        f"this is the product of {len(names)}",
                        help=f"write one for each: `{name}({names[0]})`",
                    )
                found.append((name, names[0]))
                continue
            case tree.Reference(name, span) | tree.Call(function=tree.Reference(name, span)):
                near = suggestion(name, words, span)
            case _:
                near = Suggestion()
        scope.refuse(
            "EQS207",
            f"`{key}` lists some of {', '.join(words)}",
            item.span,
            help=near.help or f"one for each factor, as in `[{words[0]}, {words[-1]}(G)]`",
            fixes=near.fixes,
        )
    return Words(tuple(found))


def _word_or_base(
    expressions: Expressions, words: tuple[str, ...], key: str, value: tree.Expression
) -> str | Base:
    near = Suggestion()
    if isinstance(value, tree.Reference):
        base = base_named(expressions, value)
        if base is not None and value.name in words:
            expressions.scope.refuse(
                "EQS207",
                f"`{value.name}` is a word of `{key}` and the name of a base",
                value.span,
                "which of the two is meant cannot be told",
                help="give the base another name",
            )
        if base is not None:
            return base
        if value.name in words:
            return value.name
        near = suggestion(value.name, (*words, *expressions.bases), value.span)
    expressions.scope.refuse(
        "EQS207",
        f"`{key}` is {', '.join((*words, 'the name of a base'))}",
        value.span,
        help=near.help,
        fixes=near.fixes,
    )


def base_named(expressions: Expressions, reference: tree.Reference) -> Base | None:
    """The base of this name, which is used now; None if no base is called so.

    Raises:
        Refusal: without a diagnostic, if the declaration of the base was refused.
    """
    if reference.name in expressions.bases:
        expressions.used_bases.add(reference.name)
        return expressions.bases[reference.name]
    if isinstance(expressions.members.get(reference.name), tree.Base):
        raise Refusal()
    return None
