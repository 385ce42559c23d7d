"""`invariants(x, over=G)`: everything linear that G cannot change, without free weights.

The axes on which G acts become one axis, joint over all of them. Where every generator permutes their
entries it has one entry for each joint orbit, the mean or the sum over it: on `[c, G.regular,
G.grid(h, w)]` the orbits of pairs (element, position), of which `pool(x, over=G)` keeps the total alone.
Elsewhere it holds one coordinate for each functional phi with phi(g x) = phi(x), an integer basis of all
of them: the coinvariants V_G, whose dual is (V*)^G. If there is none, nothing is left, and that is
refused.

With a normal subgroup H the group goes on acting, modulo H: it carries orbits of H to orbits of H. Over
a subgroup that is not normal there is no such action (see `forget`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from eqspec.algebra import images as im
from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.counting import CannotCount, coinvariants_dimension
from eqspec.algebra.images import AnyImage, Image, Monomial, explicit, permutation
from eqspec.algebra.representations import Representation, from_images, joined
from eqspec.algebra.subgroups import orbit_labels
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Signature, Subgroup
from eqspec.graph.subgroups import moving, not_normal
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis, Type
from eqspec.ops.chosen import chosen_dims
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.forget import MAX_POINTS, How, reduced

BY = ("mean", "sum")


@dataclass(frozen=True)
class Coinvariants:
    """For every block the axes that become one, and the orbit of every entry of these; None where the
    generators do not permute them."""

    axes: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[int, ...] | None, ...]
    how: How


def check(site: CallSite) -> Checked:
    (arg,) = site.args
    over = site.keywords.get("over")
    how: How = "sum" if site.keywords.get("by") == "sum" else "mean"
    if over is None:
        site.refuse(
            "EQS207", "`invariants` takes `over=GROUP`", "which group is forgotten", span=site.whole
        )
    if isinstance(over, Subgroup) and set(over.factors) & arg.type.factors:
        over = over.factors  # a group that acts itself, though a product is built of it
    if isinstance(over, Subgroup):
        words, name = over.words, over.name
        if moving(arg.type, words) is not None and not over.normal:
            message, label, help_ = not_normal(over)
            site.refuse("EQS434", message, label, span=site.keyword_spans["over"], help=help_)
    else:
        assert isinstance(over, tuple)
        groups, name = arg.type.groups, " * ".join(over)
        words = tuple(
            ((factor, number, 1),)
            for factor in over
            if factor in groups
            for number in range(len(groups[factor].generators))
        )
    if moving(arg.type, words) is None:
        site.refuse(
            "EQS407",
            f"there is no axis of `{name}`",
            f"the type is {arg.type}",
            span=site.arg_spans[0],
        )
    blocks: list[Block] = []
    axes: list[tuple[int, ...]] = []
    labels: list[tuple[int, ...] | None] = []
    for block in arg.type.blocks:
        joint = tuple(
            k
            for k, axis in enumerate(block.axes)
            if moving(Type((Block((axis,)),)), words) is not None
        )
        made, orbits = _joined(site, block, joint, words, name) if joint else (None, None)
        kept = [a for k, a in enumerate(block.axes) if k not in joint]
        if made is not None:
            kept.insert(joint[0], made)
        blocks.append(Block(tuple(kept) or (PlainAxis(1),)) if joint else block)
        axes.append(joint)
        labels.append(orbits)
    return Checked(Type(tuple(blocks)), Coinvariants(tuple(axes), tuple(labels), how))


def _joined(
    site: CallSite, block: Block, joint: tuple[int, ...], words: Sequence[FWord], name: str
) -> tuple[Axis | None, tuple[int, ...] | None]:
    """What the joint axes become (None: one number), and the orbits of their entries."""
    reps = _reps(block, joint)
    shown = f"[{', '.join(str(block.axes[k]) for k in joint)}]"
    if not all(rep.is_permutation for rep in reps):
        return _functionals(site, reps, words, name, shown), None
    size = math.prod(rep.degree for rep in reps)
    if size > MAX_POINTS:
        site.refuse(
            "EQS407",
            f"{shown} has {size:,} entries",
            f"joint orbits are listed for at most {MAX_POINTS:,}",
            span=site.arg_spans[0],
        )
    label = orbit_labels([_together(reps, word) for word in words], size)
    count = max(label) + 1
    if count == 1:
        return None, tuple(label)
    first = [label.index(k) for k in range(count)]
    groups = joined([rep.groups for rep in reps])
    images: dict[tuple[str, int], Image] = {}
    for factor, group in groups:
        for number in range(len(group.generators)):
            move = _together(reps, ((factor, number, 1),))
            images[factor, number] = permutation(label[move.images[point]] for point in first)
    if all(image.is_identity for image in images.values()):
        return PlainAxis(count), tuple(label)
    text = f"{' '.join(rep.label for rep in reps)}.invariants({name})"
    return RepAxis(from_images(text, groups, count, images, None)), tuple(label)


def _functionals(
    site: CallSite,
    reps: tuple[Representation, ...],
    words: Sequence[FWord],
    name: str,
    shown: str,
) -> Axis | None:
    """One entry for each of the functionals that no generator changes."""
    labels = (Label(site.args[0].span, f"its type is {site.args[0].type}"),)
    forgotten = {factor for word in words for factor, _, _ in word}
    others = sorted(set().union(*(rep.factors for rep in reps)) - forgotten)
    if others or isinstance(site.keywords.get("over"), Subgroup):
        who = f"`{others[0]}` acts on them too" if others else f"`{name}` is a part of a group"
        site.refuse(
            "EQS210",
            f"the invariants of `{name}` on {shown} are not built yet",
            f"its entries are not permuted, and {who}",
            labels=labels,
            help="`linear` to a type without it finds all linear invariants",
        )
    if "by" in site.keywords:
        site.refuse(
            "EQS207",
            f"the entries of {shown} are not permuted: there are no orbits to take a mean or a sum of",
            "leave it out",
            span=site.keyword_spans["by"],
            labels=labels,
        )
    try:
        count = coinvariants_dimension(reps)
    except CannotCount as error:
        site.refuse(
            "EQS210",
            f"the invariants of `{name}` on {shown} are not built yet",
            str(error),
            labels=labels,
        )
    if count == 0:
        site.refuse(
            "EQS470",
            f"nothing on {shown} is invariant under `{name}`",
            "the result would have no entries",
            span=site.arg_spans[0],
            labels=labels,
            help="take `norm(x)` or `dot(x, x)` first, or a hidden layer with a nonlinearity",
        )
    return PlainAxis(count) if count > 1 else None


def _reps(block: Block, joint: tuple[int, ...]) -> tuple[Representation, ...]:
    found = []
    for k in joint:
        axis = block.axes[k]
        assert not isinstance(axis, PlainAxis), "something acts on it"
        found.append(axis.rep)
    return tuple(found)


def _together(reps: Sequence[Representation], word: FWord) -> Monomial:
    """What a word does to all pairs of entries of several axes, row by row."""
    one: AnyImage = im.identity(1)
    image = reduce(im.kron, [explicit(evaluate_any(rep, word)) for rep in reps], one)
    image = explicit(image)
    assert isinstance(image, Monomial) and image.is_permutation
    return image


def lower(site: LoweringSite) -> Registers:
    """Bring the joint axes to the end as one, reduce it, and bring what is left to its place."""
    data = site.node.data
    assert isinstance(data, Coinvariants)
    b = site.builder
    results: list[int] = []
    blocks = site.types[0].blocks
    for x, block, joint, label, shape in zip(
        site.args[0], blocks, data.axes, data.labels, site.node.type.shapes, strict=True
    ):
        if not joint:
            results.append(x)
            continue
        dims = chosen_dims(block, joint)
        if label is not None and max(label) == 0:
            results.append(b.reshape(b.reduce(x, dims, data.how), shape))
            continue
        lead = [d for d in range(len(block.shape)) if d not in dims]
        x = b.permute(x, [*lead, *dims])
        x = b.reshape(x, (*(block.shape[d] for d in lead), len(label or ()) or _size(block, dims)))
        if label is not None:
            x = reduced(b, x, label, data.how)
        else:
            x = _apply(site, x, _reps(block, joint))
        at = sum(d < dims[0] for d in lead)
        order = list(range(len(lead)))
        order.insert(at, len(lead))
        results.append(b.reshape(b.permute(x, order), shape))
    return tuple(results)


def _size(block: Block, dims: Sequence[int]) -> int:
    return math.prod(block.shape[d] for d in dims)


def _apply(site: LoweringSite, x: int, reps: tuple[Representation, ...]) -> int:
    """All invariant functionals of the last axis."""
    from eqspec.algebra.bases import OrbitBasis
    from eqspec.algebra.solver import solved_basis
    from eqspec.ops.blockmaps import LETTERS, reduce_orbits

    b, basis = site.builder, solved_basis(reps, ())
    if isinstance(basis, OrbitBasis):
        return reduce_orbits(
            b, x, basis.labels.reshape(-1), basis.signs.reshape(-1), basis.dimension
        )
    letters = LETTERS[: len(b.shape(x)) - 1]
    table = b.number(basis.dense().reshape(len(basis), -1), "coinvariants, one a row")
    return b.einsum(f"{letters}x,yx->{letters}y", x, table)


INVARIANTS = Op(
    "invariants",
    Signature(keywords={"over": "subgroup", "by": BY}, target="ignores"),
    check,
    lower,
    "a sum over an orbit does not change, nor does a functional that every generator leaves alone",
)
OPS = (INVARIANTS,)
