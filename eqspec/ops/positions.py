"""`center` and `difference`: from points to vectors, and from vectors to relative ones.

A motion x -> Rx + t moves every row of points by the same t, so that t falls out of every difference:

    center(x, over=S)    x_i - mean of x over the axes of S
    difference(x)        x_i - x_j at (i, j), pairwise along the first axis
    difference(x, y)     x - y, entry by entry

Both are linear in x, and the permutations of an axis keep its sum: so vectors, and whatever else acts
linearly on the other axes, go through as well. The sum of points and vectors is in `structure`.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Axis, Block, FlatAxis, PlainAxis, Type, displacements
from eqspec.ops.contract import LoweringSite, Op, Registers


@dataclass(frozen=True)
class Centred:
    """``axes[k]`` are the axes of block k over which the mean was subtracted."""

    axes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """Of all pairs along the first axis, or of two features."""

    pairwise: bool


def check_center(site: CallSite) -> Checked:
    over = site.keywords.get("over")
    if not isinstance(over, tuple):
        site.refuse(
            "EQS207",
            "`center` needs the group whose axes are averaged",
            "",
            span=site.whole,
            help="`center(x, over=S)` subtracts the mean over the axes on which S acts",
        )
    (arg,) = site.args
    axes: list[tuple[int, ...]] = []
    for block in arg.type.blocks:
        found = tuple(k for k, axis in enumerate(block.axes) if axis.factors & set(over))
        for k in found:
            if not _permuted(block.axes[k]):
                site.refuse(
                    "EQS407",
                    f"the mean over `{block.axes[k]}` is not invariant",
                    f"`{min(block.axes[k].factors)}` does not permute its entries",
                    labels=(Label(site.args[0].span, f"its type is {arg.type}"),),
                    help="`center` subtracts the mean over an axis whose entries are permuted",
                )
        axes.append(found)
    if not all(axes):
        site.refuse(
            "EQS440",
            f"there is no axis of `{' * '.join(over)}` to average over",
            f"the type is {arg.type}",
            span=site.arg_spans[0],
        )
    found_axes = tuple(axes)
    centred = found_axes if arg.generic else None
    return Checked(displacements(arg.type), Centred(found_axes), centred=centred)


def check_difference(site: CallSite) -> Checked:
    if len(site.args) == 2:
        first, second = site.args
        if first.type != second.type:
            site.refuse(
                "EQS206",
                "a difference is taken of two features of one type",
                f"this has type {second.type}",
                span=site.arg_spans[1],
                labels=(Label(site.arg_spans[0], f"this has type {first.type}"),),
            )
        return Checked(displacements(first.type), Difference(False))
    blocks: list[Block] = []
    for block in displacements(site.args[0].type).blocks:
        if len(block.axes) < 2 or not _permuted(block.axes[0]) or len(block.axes[0].shape) > 1:
            site.refuse(
                "EQS440",
                "there is no set of rows whose differences could be taken",
                f"the type is {site.args[0].type}",
                span=site.arg_spans[0],
                help="the first of at least two axes must be plain or one whose entries are permuted",
            )
        blocks.append(Block((block.axes[0], *block.axes)))
    return Checked(Type(tuple(blocks)), Difference(True))


def _permuted(axis: Axis) -> bool:
    """Do the groups permute the entries of an axis, so that their sum stays and equal entries do?"""
    if isinstance(axis, PlainAxis):
        return True
    return not isinstance(axis, FlatAxis) and axis.rep.is_permutation


def lower_center(site: LoweringSite) -> Registers:
    centred = site.node.data
    assert isinstance(centred, Centred)
    b = site.builder
    results: list[int] = []
    for x, block, axes in zip(site.args[0], site.types[0].blocks, centred.axes, strict=True):
        dims = [d for k in axes for d in range(block.dims[k][0], sum(block.dims[k]))]
        mean = b.unsqueeze(b.reduce(x, dims, "mean"), dims)
        results.append(b.subtract(x, mean))
    return tuple(results)


def lower_difference(site: LoweringSite) -> Registers:
    difference = site.node.data
    assert isinstance(difference, Difference)
    b = site.builder
    if not difference.pairwise:
        return tuple(b.subtract(x, y) for x, y in zip(*site.args, strict=True))
    return tuple(b.subtract(b.unsqueeze(x, [1]), b.unsqueeze(x, [0])) for x in site.args[0])


CENTER = Op(
    "center",
    Signature(keywords={"over": "group"}, sizes="padded", points=True),
    check_center,
    lower_center,
    "permutations of an axis keep its mean, every linear action commutes with it, and the shift of a"
    " motion is the same in every row and in their mean",
)
DIFFERENCE = Op(
    "difference",
    Signature(tensors=(1, 2), sizes="padded", points=True),
    check_difference,
    lower_difference,
    "the same matrices act on both terms, and the shift of a motion is the same in both",
)
OPS = (CENTER, DIFFERENCE)
