"""`pool(x, over=H)` for a normal subgroup H: one entry for each orbit of H, the group acts modulo H.

H acts on an axis by permutations, and because H is normal every generator of the group carries orbits of
H to orbits of H: so the mean, the sum or the maximum over the orbits follows a permutation of the
orbits, on which H does nothing. Over a subgroup that is not normal there is no such action.

Source: the projection onto the invariants commutes with G exactly if the subgroup is normal (Robinson,
A Course in the Theory of Groups, 5.2); on a permutation axis its coordinates are the orbits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eqspec.algebra.averages import evaluate_any
from eqspec.algebra.images import Image, Monomial, explicit, permutation
from eqspec.algebra.representations import Representation, entries, from_images
from eqspec.algebra.subgroups import orbit_labels
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Subgroup
from eqspec.graph.subgroups import moving, not_normal
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis, Type
from eqspec.ops.contract import LoweringSite, Registers

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

MAX_POINTS = 1 << 16  # of an axis whose orbits are listed


How = Literal["mean", "sum", "max"]


@dataclass(frozen=True)
class Forgetting:
    """``labels[k]`` are pairs (axis, orbit of every entry of the axis) for block k."""

    labels: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
    how: How


def check_forget(site: CallSite, sub: Subgroup, how: How) -> Checked:
    (arg,) = site.args
    span = site.keyword_spans["over"]
    if moving(arg.type, sub.words) is None:
        site.refuse(
            "EQS407",
            f"there is no axis of `{sub.name}` to pool",
            f"the type is {arg.type}",
            span=site.arg_spans[0],
        )
    if not sub.normal:
        message, label, help_ = not_normal(sub)
        site.refuse("EQS434", message, label, span=span, help=help_)
    blocks: list[Block] = []
    found: list[tuple[tuple[int, tuple[int, ...]], ...]] = []
    for block in arg.type.blocks:
        axes: list[Axis] = []
        here: list[tuple[int, tuple[int, ...]]] = []
        pooled = [k for k in range(len(block.axes)) if _moves(block.axes[k], sub)]
        for k, axis in enumerate(block.axes):
            if isinstance(axis, PlainAxis):
                axes.append(axis)
                continue
            _check_axis(site, block, axis.rep, sub, k in pooled, how if pooled else "mean")
            if k not in pooled:
                axes.append(axis)
                continue
            orbits, left = _orbits(axis.rep, sub)
            here.append((k, tuple(orbits)))
            if left is not None:
                axes.append(left)
        blocks.append(Block(tuple(axes) or (PlainAxis(1),)))  # a lone number is written [1]
        found.append(tuple(here))
    return Checked(Type(tuple(blocks)), Forgetting(tuple(found), how))


def _moves(axis: Axis, sub: Subgroup) -> bool:
    return moving(Type((Block((axis,)),)), sub.words) is not None


def _check_axis(
    site: CallSite, block: Block, rep: Representation, sub: Subgroup, pooled: bool, how: str
) -> None:
    labels = (Label(site.args[0].span, f"its type is {site.args[0].type}"),)
    if pooled and rep.degree > MAX_POINTS:
        site.refuse(
            "EQS407",
            f"`{rep.label}` has {rep.degree:,} entries",
            f"the orbits of a subgroup are listed for at most {MAX_POINTS:,}",
            labels=labels,
        )
    for factor, number, _ in rep.generator_images():
        values = entries(rep, factor, number)
        name = f"{factor}.{rep.group(factor).generators[number]}"
        if pooled and (values is None or any(s != 1 for s in values)):
            site.refuse(
                "EQS407",
                f"`pool` over `{sub.name}` along `{rep.label}` is not equivariant",
                f"`{name}` does not permute its entries",
                labels=labels,
                help=f"`linear` to a type on which `{sub.name}` does nothing, for example"
                f" `[..., {sub.group[0]}.quotient({sub.name})]`, finds all linear invariants",
            )
        if how == "max" and (values is None or any(s <= 0 for s in values)):
            site.refuse(
                "EQS407",
                f"a maximum beside `{rep.label}` is not equivariant",
                f"`{name}` changes signs or mixes entries there",
                labels=labels,
                help="pool by mean or by sum",
            )


def _orbits(rep: Representation, sub: Subgroup) -> tuple[list[int], Axis | None]:
    """The orbits of the subgroup on the entries of an axis, and what acts on them; None for one orbit."""
    moves = [explicit(evaluate_any(rep, word)) for word in sub.words]
    label = orbit_labels([move for move in moves if isinstance(move, Monomial)], rep.degree)
    count = max(label) + 1
    if count == 1:
        return label, None
    first = [label.index(k) for k in range(count)]
    images: dict[tuple[str, int], Image] = {}
    for factor, group in rep.groups:
        for number in range(len(group.generators)):
            image = rep.image(factor, number)
            assert isinstance(image, Monomial)
            images[factor, number] = permutation(label[image.images[point]] for point in first)
    if all(image.is_identity for image in images.values()):
        return label, PlainAxis(count)
    points = None if rep.points is None else [rep.points[point] for point in first]
    return label, RepAxis(
        from_images(f"{rep.label}.pooled({sub.name})", rep.groups, count, images, points)
    )


def lower_forget(site: LoweringSite, data: Forgetting) -> Registers:
    """Bring each pooled axis to the end, reduce its orbits, and bring what is left back."""
    b = site.builder
    results: list[int] = []
    for x, block, labels in zip(site.args[0], site.types[0].blocks, data.labels, strict=True):
        sizes = [math.prod(axis.shape) for axis in block.axes]
        x = b.reshape(x, sizes)
        for k, label in labels:
            rank = len(sizes)
            order = [j for j in range(rank) if j != k] + [k]
            x = b.permute(x, order)
            x = reduced(b, x, label, data.how)
            x = b.permute(x, [order.index(j) for j in range(rank)])
        results.append(x)
    shapes = site.node.type.shapes
    return tuple(b.reshape(x, s) for x, s in zip(results, shapes, strict=True))


def reduced(b: Builder, x: int, label: tuple[int, ...], how: How) -> int:
    """Reduce every orbit along the last axis: orbits of one size as rows of a table; for a maximum a short
    orbit repeats its first entry; sums and means over orbits of several sizes by weights."""
    import numpy as np

    from eqspec.ops.blockmaps import LETTERS, reduce_orbits
    from eqspec.ops.project import divide

    orbit = np.array(label, dtype=np.int64)
    members = [np.flatnonzero(orbit == k) for k in range(max(label) + 1)]
    width = max(len(member) for member in members)
    lead = b.shape(x)[:-1]
    if how == "max" or all(len(member) == width for member in members):
        index = np.array([[*m, *[m[0]] * (width - len(m))] for m in members], dtype=np.int64)
        if not np.array_equal(index.reshape(-1), np.arange(len(label))):
            x = b.take(x, len(lead), b.index(index.reshape(-1), "entries, orbit by orbit"))
        x = b.reshape(x, (*lead, len(members), width))
        return b.reduce(x, [len(lead) + 1], how)
    x = reduce_orbits(b, x, orbit, np.ones(len(label), dtype=np.int8), len(members))
    return divide(b, x, np.bincount(orbit), LETTERS[: len(lead)]) if how == "mean" else x
