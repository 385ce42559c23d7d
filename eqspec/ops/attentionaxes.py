"""Which axes of its arguments `attention` runs along: tokens, `each`, and the fibre that is left.

In: a call, its arguments' types and that of the result. Out: the `Places` of every block, or a refusal:
an axis is not there, stands there twice, or is not permuted.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra.representations import Representation, same_action
from eqspec.diagnostics.model import Span
from eqspec.graph.op import Axes, CallSite
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis, Type
from eqspec.ops.attentionplan import Places


def places_of_call(
    site: CallSite, x: Type, y: Type, target: Type
) -> tuple[tuple[Places, ...], tuple[Places, ...], tuple[Places, ...]]:
    """Tokens and `each` of the blocks of y, of x and of the target."""
    if "over" not in site.keywords:
        site.refuse(
            "EQS207",
            "`attention` must be told its axis",
            "`over=` is missing",
            span=site.whole,
            help="`over=S.natural`, an axis whose entries are permuted; a set, a grid, a sequence",
        )
    over = _named(site, "over", y.blocks[0], site.arg_spans[-1])
    each = _named(site, "each", x.blocks[0], site.arg_spans[0]) if "each" in site.keywords else ()
    if "queries" in site.keywords:
        if len(site.args) == 1:
            site.refuse(
                "EQS207",
                "`queries` is for queries that come from another feature than the keys",
                span=site.keyword_spans["queries"],
                help="`attention(x, y, over=..., queries=...)`",
            )
        tokens = _named(site, "queries", x.blocks[0], site.arg_spans[0])
    elif all(_count(x.blocks[0], axis) == 1 for axis in over):
        tokens = over
    else:
        tokens = ()
    for axis in each:
        if any(_same(axis, other) for other in (*over, *tokens)):
            site.refuse(
                "EQS473",
                f"`{axis}` stands in `each` and is attended over",
                "an index has scores of its own, or the softmax runs along it",
                span=site.keyword_spans["each"],
            )
    span = site.target_span or site.span
    return (
        tuple(_in_block(site, b, over, each, site.arg_spans[-1]) for b in y.blocks),
        tuple(_in_block(site, b, tokens, each, site.arg_spans[0]) for b in x.blocks),
        tuple(_in_block(site, b, tokens, each, span) for b in target.blocks),
    )


def _named(site: CallSite, key: str, block: Block, span: Span) -> tuple[Axis, ...]:
    """The axes that a keyword names, as they stand in a block."""
    value = site.keywords[key]
    if isinstance(value, tuple):
        found: list[Axis] = []
        for factor in value:
            own = [axis for axis in block.axes if factor in axis.factors]
            if len(own) != 1:
                site.refuse(
                    "EQS473",
                    f"`{key}={factor}` is one axis on which `{factor}` acts",
                    f"{block} has {len(own) or 'none'}",
                    span=span if not own else site.keyword_spans[key],
                    help=f"name it: `{key}={own[0]}`" if own else None,
                )
            if own[0] not in found:
                found.append(own[0])
        return tuple(found)
    assert isinstance(value, Axes)
    axes = tuple(_like(item, block) for item in value.items)
    for number, (axis, item) in enumerate(zip(axes, value.items, strict=True)):
        count = sum(is_named(other, item) for other in block.axes)
        name = item if isinstance(item, str) else item.label
        if count != 1 or axis is None:
            site.refuse(
                "EQS473",
                f"`{key}={name}` needs one axis written `{name}`",
                f"{block} has {count or 'none'}",
                span=span,
            )
        if any(other is axis for other in axes[:number]):
            site.refuse("EQS473", f"`{name}` stands twice in `{key}`", span=site.keyword_spans[key])
    return tuple(axis for axis in axes if axis is not None)


def _like(item: str | Representation, block: Block) -> Axis | None:
    return next((axis for axis in block.axes if is_named(axis, item)), None)


def is_named(axis: Axis, item: str | Representation) -> bool:
    if isinstance(item, str):
        return isinstance(axis, PlainAxis) and axis.name == item
    return isinstance(axis, RepAxis) and axis.shape == item.shape and same_action(axis.rep, item)


def _same(axis: Axis, other: Axis) -> bool:
    if isinstance(axis, PlainAxis):
        return axis == other and axis.name == getattr(other, "name", None)
    return axis == other


def _count(block: Block, axis: Axis) -> int:
    return sum(_same(axis, other) for other in block.axes)


def _in_block(
    site: CallSite, block: Block, tokens: Sequence[Axis], each: Sequence[Axis], span: Span
) -> Places:
    found: list[int] = []
    for axis in (*tokens, *each):
        own = [k for k, other in enumerate(block.axes) if _same(axis, other)]
        if len(own) != 1:
            name = getattr(axis, "name", None) or str(axis)
            site.refuse(
                "EQS473",
                f"`attention` needs one axis `{name}` in {block}",
                f"this has it {len(own)} times" if own else "this has none",
                span=span,
                help="the result has the tokens of the queries; a layer of its own declares its type",
            )
        found.append(own[0])
    places = Places(tuple(found[: len(tokens)]), tuple(found[len(tokens) :]))
    if not all(isinstance(block.axes[k], PlainAxis | RepAxis) for k in found):
        site.refuse("EQS473", "`attention` does not run along a `flat`", span=span)
    return places


def check_permuted(site: CallSite, type_: Type, places: Sequence[Places]) -> None:
    """Every generator permutes the tokens and the indices with scores of their own."""
    block, own = type_.blocks[0], places[0]
    for k in (*own.tokens, *own.each):
        axis = block.axes[k]
        if isinstance(axis, PlainAxis) or axis.rep.is_permutation:
            continue
        key = "each" if k in own.each else "over"
        site.refuse(
            "EQS473",
            f"no softmax along `{axis}` is equivariant"
            if key == "over"
            else f"scores for every entry of `{axis}` are not equivariant",
            f"`{min(axis.factors)}` does not permute its entries",
            span=site.keyword_spans.get(key, site.span),
            help="attention runs along axes whose entries are permuted; what is mixed stands in the"
            " fibre, and is contracted by its invariant form",
        )
