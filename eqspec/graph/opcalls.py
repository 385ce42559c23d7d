"""The call of an op: its arguments, its options, and the op's own check.

In: the call in a layer's expression and the type that the layer declares. Out: the node that the op
makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eqspec.algebra.disc import quartered, resized_disc, still
from eqspec.algebra.representations import Representation
from eqspec.diagnostics.model import Span
from eqspec.graph.indices import check_arguments
from eqspec.graph.keywords import base_named, keyword_values
from eqspec.graph.model import Base, Node
from eqspec.graph.op import Axes, CallSite, Checked, KeywordValue, OpTyping
from eqspec.graph.sizes import Size
from eqspec.graph.types import FlatAxis, Type, regrouped, replaced, symbols_in
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
    bases = [
        _base_argument(expressions, op, positional, number, function.span)
        for number in range(signature.bases)
    ]
    positional = positional[signature.bases :]
    low, high = signature.tensors
    if len(positional) < low or (high is not None and len(positional) > high):
        wanted = (
            f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        )
        expressions.scope.refuse(
            "EQS207",
            f"`{op.name}` takes {wanted} feature{'s' if wanted != '1' else ''}"
            + ("", " after the base", " after the bases")[min(signature.bases, 2)],
            expr.span,
            f"{len(positional)} given",
        )
    keywords, spans = keyword_values(expressions, op, expr)
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
        bases,
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
        expressions, op, inner, args, arg_spans, (), keywords, spans, None, span, expr.span
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
        (),
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
    bases: Sequence[Base],
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
        tuple(bases),
        keywords,
        spans,
        expected,
        span,
        whole,
        expressions.target_span,
        expressions.scope.source,
        expressions.scope.world.diagnostics.append,
        expressions.nodes,
    )
    return expressions.add(made_node(op, site))


def made_node(op: OpTyping, site: CallSite) -> Node:
    """The node that ``op`` makes at a call, if what every op is asked and its own rule let it pass.

    Raises:
        Refusal: of the op.
    """
    check_arguments(site, op)
    _check_sizes(site, op, [arg.type for arg in site.args])
    _check_points(site, op)
    _check_sampled(site, op)
    checked = _checked_instead(site, op)
    _check_sizes(site, op, [checked.type])
    return Node(
        site.name,
        op.name,
        checked.type,
        tuple(arg.name for arg in site.args),
        site.whole,
        checked.data,
        own=checked.level,
        generic=checked.generic,
        null_set=checked.null_set,
        centred=checked.centred,
    )


def _check_points(site: CallSite, op: OpTyping) -> None:
    """A point is no vector: only ops with a rule of their own for points meet one."""
    if op.signature.points:
        return
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        if arg.type.has_points:
            site.refuse(
                "EQS425",
                f"`{op.name}` is not equivariant on points",
                f"this has type {arg.type}",
                span=span,
                help="take `center(x, over=...)` or `difference(x)` first: differences of points are"
                " vectors",
            )
    if site.expected is not None and site.expected.has_points and op.signature.target != "ignores":
        site.refuse(
            "EQS425",
            f"`{op.name}` does not make points",
            f"declared {site.expected}",
            span=site.target_span or site.span,
            help="make a vector, and add it to a point: point + vector = point",
        )


def _check_sampled(site: CallSite, op: OpTyping) -> None:
    """A turn of a sampled picture is no matrix: only ops with a rule of their own meet a disc. That
    nothing behind one is exact is said in `graph.guarantees`."""
    if op.signature.sampled:
        return
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        if arg.type.sampled:
            site.refuse(
                "EQS477",
                f"`{op.name}` has no rule for a disc",
                f"this has type {arg.type}",
                span=span,
                help="`steerable_conv2d` maps discs to discs; pointwise functions and norms act on every"
                " pixel; `pool(x, over=...)` takes their mean",
            )
    if site.expected is not None and site.expected.sampled and op.signature.target != "ignores":
        site.refuse(
            "EQS477",
            f"`{op.name}` does not make a disc",
            f"declared {site.expected}",
            span=site.target_span or site.span,
            help="`steerable_conv2d` does",
        )


def _instead_of(
    item: str | Representation, there: Mapping[Representation, Representation]
) -> str | Representation:
    return item if isinstance(item, str) else there.get(item, item)


def _checked_instead(site: CallSite, op: OpTyping) -> Checked:
    """What the op says, where it does the same at every pixel or works along the grid: then it is asked
    about the fibre, while the pixels of a disc stand still, or move by quarter turns. Its result lies on discs
    again, of whatever size."""
    types = [arg.type for arg in site.args] + ([site.expected] if site.expected else [])
    discs = {disc for type_ in types for disc in type_.discs}
    if not discs or op.signature.sampled not in ("pixel", "grid"):
        return op.check(site)
    instead = still if op.signature.sampled == "pixel" else quartered
    there = {disc: instead(disc) for disc in discs}
    keywords = {
        key: Axes(tuple(_instead_of(item, there) for item in value.items))
        if isinstance(value, Axes)
        else value
        for key, value in site.keywords.items()
    }
    asked = replace(
        site,
        args=tuple(replace(arg, type=replaced(arg.type, there)) for arg in site.args),
        expected=None if site.expected is None else replaced(site.expected, there),
        keywords=keywords,
    )
    checked = op.check(asked)
    back = {other: disc for disc, other in there.items()}
    for rep in checked.type.representations():
        for other, disc in list(back.items()):
            if rep.groups == other.groups and rep.groups != disc.groups:  # at another size
                back.setdefault(rep, resized_disc(disc, rep.shape))
    return replace(checked, type=replaced(checked.type, back))


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
    expressions: Expressions,
    op: OpTyping,
    positional: list[tree.Expression],
    number: int,
    span: Span,
) -> Base:
    given = positional[number] if number < len(positional) else None
    if isinstance(given, tree.Reference):
        base = base_named(expressions, given)
        if base is not None:
            return base
        if given.name not in expressions.nodes and given.name not in expressions.members:
            expressions.scope.unknown("base", given.name, given.span, iter(expressions.bases))
    ordinal = ("first", "second", "third")[number]
    expressions.scope.refuse(
        "EQS207",
        f"`{op.name}` needs a base as its {ordinal} argument",
        given.span if given else span,
        help="declare the network: `base net: [3, 64, 64] -> [10]`",
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
