"""`contract(x, dims=[i, j])`: the trace over two dimensions of a tensor.

The dimensions are numbered as in torch, without the batch; a `tensor(p, q)` axis counts for as many as
it has. Both carry the same representation and are paired by its invariant form, or representations dual
to each other and are paired index with index; on plain dimensions nothing acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from eqspec.algebra.forms import Form, invariant_form, is_dual_pair
from eqspec.algebra.representations import Representation, same_action, tensor_product
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Numbers, Signature
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis, Type, unfolded
from eqspec.ops.contract import LoweringSite, Op, Registers

LETTERS = "abcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVW"


@dataclass(frozen=True)
class Trace:
    dims: tuple[int, int]
    form: Form


@dataclass(frozen=True)
class Slot:
    """One dimension of a block: the axis it belongs to and what acts on it."""

    axis: int
    part: int | Representation
    size: int


def check(site: CallSite) -> Checked:
    (arg,) = site.args
    if len(arg.type.blocks) != 1:
        site.refuse(
            "EQS447",
            "`contract` takes one tensor",
            f"this has type {arg.type}",
            span=site.arg_spans[0],
            help="choose a block: `x[0]`",
        )
    (block,) = arg.type.blocks
    if len(block.shape) > len(LETTERS):
        _refuse(site, f"a tensor of more than {len(LETTERS)} dimensions")
    first, second = _dims(site, block)
    slots = _slots(block)
    a, b = slots[first], slots[second]
    for slot in (a, b):
        if slot is None:
            _refuse(site, "a dimension of a grid is no axis of its own")
    assert a is not None and b is not None
    form = _form(site, a, b)
    axes: list[Axis] = []
    at = 0
    for axis in block.axes:
        dims = range(at, at + len(axis.shape))
        at += len(axis.shape)
        left = [slots[d] for d in dims if d not in (first, second)]
        if len(left) == len(dims):
            axes.append(axis)
        elif left:
            axes.append(_remaining([slot.part for slot in left if slot is not None]))
    made = Block(tuple(axes) or (PlainAxis(1),))
    return Checked(Type((made,)), Trace((first, second), form))


def _dims(site: CallSite, block: Block) -> tuple[int, int]:
    chosen = site.keywords.get("dims")
    rank = len(block.shape)
    if not isinstance(chosen, Numbers):
        site.refuse(
            "EQS207",
            "`contract` needs `dims`: the two dimensions that are paired",
            f"the type is {block}, of {rank} dimensions",
            span=site.whole,
            help="`contract(x, dims=[-2, -1])`",
        )
    found = [d + rank if d < 0 else d for d in chosen.values]
    if len(found) != 2 or len(set(found)) != 2 or not all(0 <= d < rank for d in found):
        site.refuse(
            "EQS207",
            "`dims` are two different dimensions",
            f"{block} has the dimensions 0 to {rank - 1}" if rank else f"{block} has none",
            span=site.keyword_spans["dims"],
        )
    return found[0], found[1]


def _slots(block: Block) -> list[Slot | None]:
    """What acts on every dimension; None where several dimensions make one axis."""
    slots: list[Slot | None] = []
    for k, axis in enumerate(block.axes):
        parts = unfolded(axis)
        if parts is None:
            slots.extend([None] * len(axis.shape))
        else:
            slots.extend(Slot(k, p, size) for p, size in zip(parts, axis.shape, strict=True))
    return slots


def _form(site: CallSite, a: Slot, b: Slot) -> Form:
    if a.size != b.size:
        _refuse(site, f"one has {a.size} entries, the other {b.size}")
    if isinstance(a.part, int) or isinstance(b.part, int):
        for part in (a.part, b.part):
            if not isinstance(part, int) and part.factors:
                _refuse(site, f"`{sorted(part.factors)[0]}` acts on one of them alone")
        return Form(a.size)
    if is_dual_pair(a.part, b.part):
        return Form(a.size)
    if not same_action(a.part, b.part):
        _refuse(
            site,
            f"`{a.part.label}` and `{b.part.label}` are neither the same representation nor dual to"
            " each other",
        )
    form = invariant_form(a.part)
    if form is None:
        site.refuse(
            "EQS442",
            f"no invariant form on `{a.part.label}` is known",
            "there is nothing by which a vector is paired with a vector",
            span=site.keyword_spans["dims"],
            labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),),
            help="a vector is paired with a covector, where one of them carries the dual",
        )
    return form


def _refuse(site: CallSite, why: str) -> NoReturn:
    site.refuse(
        "EQS447",
        "these dimensions cannot be contracted",
        why,
        span=site.keyword_spans.get("dims", site.whole),
        labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),),
        help="`linear` to a smaller type finds every linear contraction",
    )


def _remaining(parts: list[int | Representation]) -> Axis:
    """What is left of a tensor axis."""
    if len(parts) == 1:
        (part,) = parts
        return PlainAxis(part) if isinstance(part, int) else RepAxis(part)
    names = [str(p) if isinstance(p, int) else p.label for p in parts]
    return RepAxis(tensor_product(" x ".join(names), parts))


def lower(site: LoweringSite) -> Registers:
    trace = site.node.data
    assert isinstance(trace, Trace)
    b = site.builder
    (x,) = site.args[0]
    letters = list(LETTERS[: len(b.shape(x))])
    first, second = trace.dims
    kept = "".join(letter for d, letter in enumerate(letters) if d not in trace.dims)
    if trace.form.is_identity:
        letters[second] = letters[first]
        result = b.einsum(f"{''.join(letters)}->{kept}", x)
    else:
        table = b.number([[float(v) for v in row] for row in trace.form.dense()], "invariant form")
        pair = letters[first] + letters[second]
        result = b.einsum(f"{''.join(letters)},{pair}->{kept}", x, table)
        result = b.scale(result, float(trace.form.scale))
    return (b.reshape(result, site.node.type.shapes[0]),)


CONTRACT = Op(
    "contract",
    Signature(keywords={"dims": "numbers"}, sizes="dynamic"),
    check,
    lower,
    "the two dimensions are paired by a form that every generator keeps",
)
OPS = (CONTRACT,)
