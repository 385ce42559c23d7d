"""`gated(x, gates)`: x times scalars.

The axes of the gates are axes of x, in order; along the others, and along axes written `1`, one gate
serves all indices. Typing: along every shared axis both are moved by the same permutations, up to signs
(the signs multiply); along any other the gate is one number, so that x may transform there as it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.matching import embeddings, product_axis

if TYPE_CHECKING:
    from eqspec.program.builder import Builder


@dataclass(frozen=True)
class Gates:
    """``places[k][j]`` is the axis of block k of x along which axis j of its gates lies."""

    places: tuple[tuple[int, ...], ...]


def check(site: CallSite) -> Checked:
    x, gates = site.args
    blocks = gates.type.blocks
    if len(blocks) != len(x.type.blocks) and not (len(blocks) == 1 and _is_one(blocks[0])):
        site.refuse(
            "EQS443",
            "the gates do not fit",
            f"{len(blocks)} blocks of gates for {len(x.type.blocks)} blocks",
            span=site.arg_spans[1],
            labels=(Label(site.arg_spans[0], f"this has type {x.type}"),),
            help="give one block of gates for every block, or one gate `[1]` for all",
        )
    if len(blocks) != len(x.type.blocks):
        blocks = blocks * len(x.type.blocks)
    made: list[Block] = []
    places: list[tuple[int, ...]] = []
    for block, gate in zip(x.type.blocks, blocks, strict=True):
        at = _places(site, block, gate)
        axes = list(block.axes)
        for j, k in enumerate(at):
            if not _is_single(gate, j):
                product = product_axis(axes[k], gate.axes[j])
                assert product is not None, "the axes were matched so"
                axes[k] = product
        made.append(Block(tuple(axes)))
        places.append(at)
    return Checked(Type(tuple(made)), Gates(tuple(places)))


def _is_one(block: Block) -> bool:
    return block.size == 1 and not block.factors


def _is_single(block: Block, j: int) -> bool:
    """A plain axis of size 1: one gate for all indices."""
    axis = block.axes[j]
    return not axis.factors and axis.shape == (1,)


def _places(site: CallSite, block: Block, gate: Block) -> tuple[int, ...]:
    if _is_one(gate) and len(gate.axes) == 1:
        return (0,)
    if len(gate.axes) == len(block.axes) and all(
        _is_single(gate, j) or product_axis(axis, gate.axes[j]) is not None
        for j, axis in enumerate(block.axes)
    ):
        return tuple(range(len(block.axes)))
    found = embeddings(gate.axes, block.axes)
    if len(found) == 1:
        return found[0]
    labels = (Label(site.arg_spans[0], f"this has type {site.args[0].type}"),)
    if found:
        ones = ", ".join("1" if k not in found[0] else str(a) for k, a in enumerate(block.axes))
        site.refuse(
            "EQS443",
            "along which axes the gates lie is not clear",
            f"{gate} fits into {block} in several ways",
            span=site.arg_spans[1],
            labels=labels,
            help=f"write every axis of x, `1` where one gate serves all indices: `[{ones}]`",
        )
    moved = [
        axis
        for axis in gate.axes
        if axis.factors and all(product_axis(other, axis) is None for other in block.axes)
    ]
    if moved:
        who = sorted(moved[0].factors)[0]
        site.refuse(
            "EQS444",
            f"the gates change under `{who}`",
            f"`{moved[0]}` is no axis of {block} on which `{who}` acts by permutations",
            span=site.arg_spans[1],
            labels=labels,
            help="take invariants first: `norm(x)`, `dot(x, x)`, or `linear` to a type without it",
        )
    wanted = gate_type(Type((block,)))
    site.refuse(
        "EQS443",
        "the gates do not fit",
        f"the axes of {gate} are not axes of {block} along which a gate may lie, in order",
        span=site.arg_spans[1],
        labels=labels,
        help=f"a gate for every copy has type {wanted}",
    )


def gate_type(type_: Type) -> Type:
    """One gate for every index of the axes that are plain or permuted."""
    blocks = []
    for block in type_.blocks:
        axes = tuple(a for a in block.axes if isinstance(a, PlainAxis) or a.rep.is_permutation)
        blocks.append(Block(axes or (PlainAxis(1),)))
    return Type(tuple(blocks))


def _hints(expected: Type, count: int) -> list[Type | None]:
    """x has the declared type; its gates, where they have to choose a type, one for every copy."""
    return [expected, gate_type(expected)]


def lower(site: LoweringSite) -> Registers:
    gates = site.node.data
    assert isinstance(gates, Gates)
    b = site.builder
    results: list[int] = []
    types = site.types[1].blocks
    for number, (x, block, places) in enumerate(
        zip(site.args[0], site.types[0].blocks, gates.places, strict=True)
    ):
        which = number if len(types) > 1 else 0
        gate, own = site.args[1][which], types[which]
        shared = [k for j, k in enumerate(places) if not _is_single(own, j)]
        dims = [d for k in shared for d in range(block.dims[k][0], sum(block.dims[k]))]
        results.append(b.mul(x, _stretched(b, gate, block.shape, dims)))
    return tuple(results)


def _stretched(b: Builder, gate: int, shape: tuple[int, ...], dims: list[int]) -> int:
    """The gate, which lies along ``dims`` of x, with an axis of size 1 wherever it serves all."""
    others = [d for d in range(len(shape)) if d not in dims]
    if len(b.shape(gate)) == len(shape):
        return gate  # written in full
    return b.unsqueeze(b.reshape(gate, [shape[d] for d in dims]), others)


GATED = Op(
    "gated",
    Signature(tensors=(2, 2), target="keeps", hints=_hints, sizes="dynamic"),
    check,
    lower,
    "the gates are moved by the permutations of x alone, and are one number along its other axes",
)
OPS = (GATED,)
