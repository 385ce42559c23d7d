"""The call of an op: its arguments, its options, and the op's own check.

In: the call in a layer's expression and the type that the layer declares. Out: the node that the op
makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Span
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph.elaborate import rep_of
from eqspec.graph.groups import group_of
from eqspec.graph.model import Base, Node
from eqspec.graph.numbers import number_of
from eqspec.graph.op import (
    Axes,
    CallSite,
    Checked,
    Keyword,
    KeywordValue,
    Numbers,
    OpTyping,
    Refusal,
)
from eqspec.graph.resolve import resolve
from eqspec.graph.scope import Scope
from eqspec.graph.sizes import Size
from eqspec.graph.subgroups import forgettable
from eqspec.graph.types import FlatAxis, Type, regrouped, symbols_in
from eqspec.syntax import tree

if TYPE_CHECKING:
    from eqspec.graph.expressions import Expressions


def op_call(
    expressions: Expressions,
    op: OpTyping,
    expr: tree.Call,
    function: tree.Reference,
    expected: Type | None,
    name: str | None,
) -> Node:
    """The node of a call ``op(...)`` in an expression.

    Raises:
        Refusal: with everything that is wrong in the call or its arguments.
    """
    signature = op.signature
    positional = [a.value for a in expr.arguments if a.keyword is None]
    if signature.target == "chooses" and expected is None:
        expressions.scope.refuse(
            "EQS208",
            f"`{op.name}` must be told its type",
            function.span,
            "nothing declares the type of this value",
            help=f"give it a layer of its own: `name: [...] = {op.name}(...)`",
        )
    base: Base | None = None
    if signature.base:
        base = _base_argument(expressions, op, positional, function.span)
        positional = positional[1:]
    low, high = signature.tensors
    if len(positional) < low or (high is not None and len(positional) > high):
        wanted = (
            f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        )
        expressions.scope.refuse(
            "EQS207",
            f"`{op.name}` takes {wanted} feature{'s' if wanted != '1' else ''}"
            + (" after the base" if signature.base else ""),
            expr.span,
            f"{len(positional)} given",
        )
    keywords, spans = _keywords(expressions, op, expr)
    made = name or expressions.fresh(op.name)
    hints: list[Type | None] = [None] * len(positional)
    if signature.hints is not None and expected is not None:
        hints = signature.hints(expected, len(positional))
    elif signature.target == "keeps":
        hints = [expected] * len(positional)
    elif signature.target == "parts" and expected is not None:
        hints = _parts(expected, len(positional))
    args = expressions.gathered(positional, hints)
    if signature.then is not None and expected is not None:
        return _brought(
            expressions, op, made, args, positional, keywords, spans, expected, function.span, expr
        )
    return checked_node(
        expressions,
        op,
        made,
        args,
        [value.span for value in positional],
        base,
        keywords,
        spans,
        expected,
        function.span,
        expr.span,
    )


def _brought(
    expressions: Expressions,
    op: OpTyping,
    name: str,
    args: list[Node],
    values: list[tree.Expression],
    keywords: Mapping[str, KeywordValue],
    spans: Mapping[str, Span],
    expected: Type,
    span: Span,
    expr: tree.Call,
) -> Node:
    """The node of ``op`` where it has the declared type, else the op that brings it to that type."""
    assert op.signature.then is not None
    arg_spans = [value.span for value in values]
    inner = f"{name}.{op.name}" if name in expressions.members else name
    made = checked_node(
        expressions, op, inner, args, arg_spans, None, keywords, spans, None, span, expr.span
    )
    if made.type == expected or regrouped(made.type, expected):  # [V, V] as tensor(2, 0)
        del expressions.nodes[inner]
        return expressions.add(replace(made, name=name, type=expected))
    then = expressions.scope.world.ops[op.signature.then]
    return checked_node(
        expressions,
        then,
        name if inner != name else expressions.fresh(then.name),
        [made],
        [expr.span],
        None,
        {},
        {},
        expected,
        span,
        expr.span,
    )


def checked_node(
    expressions: Expressions,
    op: OpTyping,
    name: str,
    args: list[Node],
    arg_spans: list[Span],
    base: Base | None,
    keywords: Mapping[str, KeywordValue],
    spans: Mapping[str, Span],
    expected: Type | None,
    span: Span,
    whole: Span,
) -> Node:
    """The node of ``op`` on elaborated arguments, as the op's own check decides.

    Raises:
        Refusal: of the op.
    """
    site = CallSite(
        op.name,
        name,
        tuple(args),
        tuple(arg_spans),
        base,
        keywords,
        spans,
        expected,
        span,
        whole,
        expressions.target_span,
        expressions.scope.source,
        expressions.scope.world.diagnostics.append,
    )
    _check_sizes(site, op, [arg.type for arg in args])
    checked: Checked = op.check(site)
    _check_sizes(site, op, [checked.type])
    return expressions.add(
        Node(
            name,
            op.name,
            checked.type,
            tuple(arg.name for arg in args),
            whole,
            checked.data,
            own=checked.level,
        )
    )


def _check_sizes(site: CallSite, op: OpTyping, types: Sequence[Type]) -> None:
    """An op meets only sizes for which it has a rule, and every size of run time is a symbol."""
    symbols = sorted(symbols_in(types))
    if symbols and op.signature.sizes == "fixed":
        site.refuse(
            "EQS429",
            f"`{op.name}` needs fixed sizes",
            f"`{symbols[0].name}` is read at run time",
            help=f"pool the axis first, or give `{symbols[0].name}` a fixed value",
        )
    padded = [symbol for symbol in symbols if symbol.padded]
    if padded and op.signature.sizes != "padded":
        site.refuse(
            "EQS429",
            f"`{op.name}` has no rule for samples of different sizes",
            f"`{padded[0].name}` is `padded`",
            help="`dynamic` sizes, one for a whole batch, are built",
        )
    for type_ in types:
        for shape in type_.shapes:
            for size in shape:
                if isinstance(size, Size) and size.symbol is None:
                    site.refuse(
                        "EQS217",
                        f"the axis {size} would be computed from a size that is read at run time",
                        f"`{op.name}` makes the type {type_}",
                        span=site.whole,
                    )


def _base_argument(
    expressions: Expressions, op: OpTyping, positional: list[tree.Expression], span: Span
) -> Base:
    first = positional[0] if positional else None
    if isinstance(first, tree.Reference):
        if first.name in expressions.bases:
            expressions.used_bases.add(first.name)
            return expressions.bases[first.name]
        if isinstance(expressions.members.get(first.name), tree.Base):
            raise Refusal()
        if first.name not in expressions.nodes and first.name not in expressions.members:
            expressions.scope.unknown("base", first.name, first.span, iter(expressions.bases))
    expressions.scope.refuse(
        "EQS207",
        f"`{op.name}` needs a base as its first argument",
        first.span if first else span,
        help="declare the network: `base net: [3, 64, 64] -> [10]`",
    )


def _keywords(
    expressions: Expressions, op: OpTyping, expr: tree.Call
) -> tuple[dict[str, KeywordValue], dict[str, Span]]:
    values: dict[str, KeywordValue] = {}
    spans: dict[str, Span] = {}
    for argument in expr.arguments:
        if argument.keyword is None:
            continue
        key = argument.keyword.text
        if key not in op.signature.keywords:
            near = did_you_mean(key, op.signature.keywords)
            expressions.scope.refuse(
                "EQS207",
                f"`{op.name}` has no option `{key}`",
                argument.keyword.span,
                f"it has {', '.join(op.signature.keywords)}"
                if op.signature.keywords
                else "it has none",
                help=f"did you mean `{near}`?" if near else None,
            )
        if key in values:
            expressions.scope.refuse("EQS207", f"`{key}` is given twice", argument.keyword.span)
        values[key] = _keyword(expressions.scope, op.signature.keywords[key], key, argument.value)
        spans[key] = argument.value.span
    return values, spans


def _keyword(scope: Scope, want: Keyword, key: str, value: tree.Expression) -> KeywordValue:
    match want:
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
            numbers = [number_of(scope, item) for item in items]
            for number, item in zip(numbers, items, strict=True):
                if number != int(number) or abs(number) > 10**6:
                    scope.refuse("EQS207", f"`{key}` are whole numbers", item.span)
            return Numbers(tuple(int(number) for number in numbers))
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
        case "names":
            items = value.items if isinstance(value, tree.ListOf) else (value,)
            names = [item.name for item in items if isinstance(item, tree.Reference)]
            if len(names) != len(items):
                scope.refuse("EQS207", f"`{key}` names plain axes by their parameter", value.span)
            for name, item in zip(names, items, strict=True):
                resolve(scope, name, item.span, "parameter")
            return tuple(names)
        case "axes":
            axes: list[str | Representation] = []
            for item in value.items if isinstance(value, tree.ListOf) else (value,):
                if isinstance(item, tree.Reference):
                    resolve(scope, item.name, item.span, "parameter")
                    axes.append(item.name)
                else:
                    axes.append(rep_of(scope, item))
            return Axes(tuple(axes))
        case tuple():
            if isinstance(value, tree.Reference) and value.name in want:
                return value.name
            near = did_you_mean(value.name, want) if isinstance(value, tree.Reference) else None
            scope.refuse(
                "EQS207",
                f"`{key}` is one of {', '.join(want)}",
                value.span,
                help=f"did you mean `{near}`?" if near else None,
            )


def _parts(expected: Type, count: int) -> list[Type | None]:
    """The types of the parts from which a declared direct sum or `flat` is built."""
    if len(expected.blocks) == count:
        return [Type((block,)) for block in expected.blocks]
    if len(expected.blocks) == 1 and len(expected.blocks[0].axes) == 1:
        axis = expected.blocks[0].axes[0]
        if isinstance(axis, FlatAxis) and len(axis.fields) == count:
            return [type_ for _, type_ in axis.fields]
    return [None] * count
