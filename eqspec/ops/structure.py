"""Ops that only arrange: sums of equal types, concatenation, fields, blocks, names, calls of modules.

`a + b` is equivariant when the same matrices act on both, or one is a point and the other a vector of
the same motions; `concat` acts on every part as the part itself, a field of a `flat` is a direct
summand. A called module was proved on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Label
from eqspec.graph.guarantees import independent
from eqspec.graph.model import BlockOf, FieldOf, ModuleCall
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, FlatAxis, PlainAxis, Type, displacements
from eqspec.ops.contract import Irreducible, LoweringSite, Op, Registers

if TYPE_CHECKING:
    from eqspec.graph.model import Node
    from eqspec.ops.coordinates import Frame

MOST_TERMS = 64  # of a sum that is looked at for a generic one


def check_sum(site: CallSite) -> Checked:
    first = site.args[0]
    if any(arg.type.has_points for arg in site.args):
        return _point_plus_vectors(site)
    for arg, span in zip(site.args[1:], site.arg_spans[1:], strict=True):
        if arg.type != first.type:
            site.refuse(
                "EQS206",
                "the terms of a sum have different types",
                f"this has type {arg.type}",
                span=span,
                labels=(Label(site.arg_spans[0], f"this has type {first.type}"),),
                help="bring them to one type by `linear`",
            )
    return Checked(first.type, generic=_sum_is_generic(site))


def _sum_is_generic(site: CallSite) -> bool:
    """Is one term generic, and reads none of what the others read?"""
    return any(
        arg.generic and all(other is arg or independent((arg, other)) for other in site.args)
        for arg in site.args
    )


def _point_plus_vectors(site: CallSite) -> Checked:
    """x + v goes to (Rx + t) + Rv = R(x + v) + t; a second point would add t once more."""
    points = [k for k, arg in enumerate(site.args) if arg.type.has_points]
    point = site.args[points[0]]
    labels = (Label(site.arg_spans[points[0]], f"this has type {point.type}"),)
    if len(points) > 1:
        site.refuse(
            "EQS425",
            "two points have no sum",
            f"this has type {site.args[points[1]].type}",
            span=site.arg_spans[points[1]],
            labels=labels,
            help="a translation would move their sum twice; `difference(x, y)` is a vector",
        )
    wanted = displacements(point.type)
    for k, (arg, span) in enumerate(zip(site.args, site.arg_spans, strict=True)):
        if k != points[0] and arg.type != wanted:
            site.refuse(
                "EQS206",
                "only a vector can be added to a point",
                f"this has type {arg.type}",
                span=span,
                labels=labels,
                help=f"bring it to the type {wanted}",
            )
    return Checked(point.type, generic=_sum_is_generic(site))


def lower_sum(site: LoweringSite) -> Registers:
    return tuple(site.builder.add(*blocks) for blocks in zip(*site.args, strict=True))


@dataclass(frozen=True)
class Joined:
    """``flat``: into one `flat` axis; ``channels``: along the plain axis ``axis``; neither: a direct sum."""

    how: str
    axis: int = 0


def check_concat(site: CallSite) -> Checked:
    parts = tuple(block for arg in site.args for block in arg.type.blocks)
    expected = site.expected
    if expected is not None:
        axis = expected.blocks[0].axes[0] if len(expected.blocks[0].axes) == 1 else None
        if len(expected.blocks) == 1 and isinstance(axis, FlatAxis):
            wanted = tuple(block for _, type_ in axis.fields for block in type_.blocks)
            how = "flat"
        elif len(expected.blocks) > 1:
            wanted, how = expected.blocks, "blocks"
        else:
            wanted, how = (), "channels"
        if how != "channels":
            if wanted != parts:
                found = " + ".join(str(part) for part in parts)
                site.refuse(
                    "EQS410",
                    "the parts do not make the declared type",
                    f"these are {found}",
                    span=site.whole,
                    labels=(Label(site.target_span, f"declared {expected}"),)
                    if site.target_span
                    else (),
                )
            return Checked(expected, Joined(how), generic=site.generic)
    type_, place = _along_channels(site, parts)
    return Checked(type_, Joined("channels", place), generic=site.generic)


def _along_channels(site: CallSite, parts: tuple[Block, ...]) -> tuple[Type, int]:
    """The parts joined along a plain axis, and which: the one at which they differ; the first one where
    they do not, or where the declared type does not say."""
    first = parts[0]
    open_ = [k for k, axis in enumerate(first.axes) if isinstance(axis, PlainAxis)]
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        for block in arg.type.blocks:
            open_ = [k for k in open_ if _joins(first, block, k)]
            if open_:
                continue
            site.refuse(
                "EQS410",
                "`concat` joins along an axis that is plain in all, and the others are equal",
                f"this has type {arg.type}",
                span=span,
                labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),)
                if span != site.arg_spans[0]
                else (),
                help="declare a direct sum or a `flat` to join features on which groups act otherwise",
            )
    made: list[tuple[Type, int]] = []
    for k in open_:
        total = PlainAxis(sum(block.axes[k].shape[0] for block in parts))
        made.append((Type((Block((*first.axes[:k], total, *first.axes[k + 1 :])),)), k))
    for type_, k in made:
        if site.expected is not None and type_ == site.expected:
            return site.expected, k  # with the names of its axes
    return made[0]


def _joins(first: Block, block: Block, k: int) -> bool:
    """Is axis k plain in both, and are all others equal?"""
    return (
        len(block.axes) == len(first.axes)
        and isinstance(block.axes[k], PlainAxis)
        and block.values == first.values
        and (*block.axes[:k], *block.axes[k + 1 :]) == (*first.axes[:k], *first.axes[k + 1 :])
    )


def lower_concat(site: LoweringSite) -> Registers:
    joined = site.node.data
    assert isinstance(joined, Joined)
    b = site.builder
    parts = [x for registers in site.args for x in registers]
    if joined.how == "blocks":
        return tuple(parts)
    if joined.how == "flat":
        parts = [b.flatten(x) for x in parts]
        return (b.concat(parts, 0),)
    block = site.types[0].blocks[0]
    return (b.concat(parts, block.dims[joined.axis][0]),)


def _concat_over(node: Node, types: tuple[Type, ...], frame: Frame) -> bool:
    """Along channels every piece is joined by itself; blocks only stand side by side."""
    joined = node.data
    assert isinstance(joined, Joined)
    return joined.how != "flat"


def lower_concat_in_frame(site: LoweringSite) -> Registers:
    joined = site.node.data
    assert isinstance(joined, Joined) and site.frame is not None
    if joined.how == "blocks":
        return tuple(x for registers in site.args for x in registers)
    b = site.builder
    to = site.frame.of(site.node.type.blocks[0])
    count = len(to.pieces)  # the parts of all arguments have the same acted axes
    parts = [x for registers in site.args for x in registers]
    results = []
    for number, (piece, shape) in enumerate(zip(to.pieces, to.shapes, strict=True)):
        dim = len(piece.lead) + to.others.index(joined.axis)
        results.append(b.reshape(b.concat(parts[number::count], dim), shape))
    return tuple(results)


def lower_field(site: LoweringSite) -> Registers:
    """Cut a field out of a `flat` axis, its blocks one after the other, and give each its axes back."""
    field = site.node.data
    assert isinstance(field, FieldOf)
    b = site.builder
    (x,) = site.args[0]
    block = site.types[0].blocks[0]
    axis = block.axes[field.axis]
    assert isinstance(axis, FlatAxis)
    type_ = dict(axis.fields)[field.name]
    dim = block.dims[field.axis][0]
    start = axis.offset(field.name)
    results: list[int] = []
    for inner in type_.blocks:
        piece = b.narrow(x, dim, start, inner.size)
        shape = b.shape(x)
        results.append(b.reshape(piece, (*shape[:dim], *inner.shape, *shape[dim + 1 :])))
        start += inner.size
    return tuple(results)


def lower_block(site: LoweringSite) -> Registers:
    chosen = site.node.data
    assert isinstance(chosen, BlockOf)
    return site.args[0][chosen.start : chosen.stop]


def lower_identity(site: LoweringSite) -> Registers:
    return site.args[0]


def lower_call(site: LoweringSite) -> Registers:
    from eqspec.program.instructions import CallModule

    call = site.node.data
    assert isinstance(call, ModuleCall)
    return site.builder.call_module(
        CallModule(
            tuple(x for registers in site.args for x in registers),
            site.node.name,
            call.module.key,
            site.node.type.shapes,
        )
    )


def check_identity(site: CallSite) -> Checked:
    return Checked(site.args[0].type, generic=site.generic)


def _made_by_graph(site: CallSite) -> Checked:
    raise AssertionError(f"`{site.op}` is not written as a call")


SUM = Op(
    "+",
    Signature(tensors=(1, None), target="keeps", sizes="padded", points=True, sampled="own"),
    check_sum,
    lower_sum,
    "the same matrices act on all terms; of points there is one, and vectors are added to it",
    irreducible=Irreducible(lambda node, types, frame: True, lower_sum),
)
CONCAT = Op(
    "concat",
    Signature(tensors=(1, None), target="parts", sizes="padded", points=True, sampled="own"),
    check_concat,
    lower_concat,
    "every generator acts on every part as on the part alone",
    irreducible=Irreducible(_concat_over, lower_concat_in_frame),
)
IDENTITY = Op(
    "identity",
    Signature(target="keeps", sizes="padded", points=True, sampled="own", indices=True),
    check_identity,
    lower_identity,
    "nothing changes",
    irreducible=Irreducible(lambda node, types, frame: True, lower_identity),
)
FIELD = Op("field", Signature(), _made_by_graph, lower_field, "a field is a direct summand")
BLOCK = Op("block", Signature(), _made_by_graph, lower_block, "a block is a direct summand")
CALL = Op(
    "call",
    Signature(),
    _made_by_graph,
    lower_call,
    "the called module was proved on its own, for exactly these types",
)
OPS = (SUM, CONCAT, IDENTITY)
INTERNAL = (FIELD, BLOCK, CALL)
