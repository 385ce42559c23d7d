"""`pool`: reduce and remove axes, by mean, sum or maximum.

`pool(x, over=G)` removes every axis on which a factor of G acts; `pool(x, axis=G.rep)` one axis. The
generators must permute the entries along the pooled axes: then the mean and the sum commute with
whatever acts on the others (they are linear there), and the maximum with permutations and positive
scalings of the others. With a subgroup H, `pool(x, over=H)` leaves one entry for each orbit of H: see
`forget`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eqspec.algebra.representations import Representation, entries, same_action
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Signature, Subgroup
from eqspec.graph.types import Block, PlainAxis, RepAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.forget import Forgetting, check_forget, lower_forget

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

How = Literal["mean", "sum", "max"]
HOW: tuple[How, ...] = ("mean", "sum", "max")


@dataclass(frozen=True)
class Pooling:
    """``axes[k]`` are the axes that block k loses."""

    axes: tuple[tuple[int, ...], ...]
    how: How


def check(site: CallSite) -> Checked:
    over, axis = site.keywords.get("over"), site.keywords.get("axis")
    chosen = site.keywords.get("by", "mean")
    assert chosen in HOW, "the signature lists the words"
    how: How = chosen
    if (over is None) == (axis is None):
        site.refuse(
            "EQS207", "`pool` takes either `over=GROUP` or `axis=GROUP.rep`", "", span=site.whole
        )
    (arg,) = site.args
    if isinstance(over, Subgroup):
        if not set(over.factors) & arg.type.factors:
            _check_no_disc(site)
            return check_forget(site, over, how)
        over = over.factors  # a group that acts itself, though a product is built of it
    blocks: list[Block] = []
    axes: list[tuple[int, ...]] = []
    for block in arg.type.blocks:
        if isinstance(over, tuple):
            pooled = tuple(k for k, a in enumerate(block.axes) if a.factors & set(over))
        else:
            assert isinstance(axis, Representation)
            pooled = tuple(
                k
                for k, a in enumerate(block.axes)
                if isinstance(a, RepAxis) and same_action(a.rep, axis)
            )
            if len(pooled) > 1:  # equal matrices: of two entries a flip is `regular` as well
                pooled = _meant(block, pooled, axis) or pooled
        _check_block(site, block, pooled, how, over if isinstance(over, tuple) else None)
        axes.append(pooled)
        left = tuple(a for k, a in enumerate(block.axes) if k not in pooled)
        blocks.append(Block(left or (PlainAxis(1),)))  # a lone number is written [1]
    if not any(axes):
        what = " * ".join(over) if isinstance(over, tuple) else str(getattr(axis, "label", axis))
        site.refuse(
            "EQS407",
            f"there is no axis of `{what}` to pool",
            f"the type is {arg.type}",
            span=site.arg_spans[0],
        )
    if isinstance(axis, Representation):
        for pooled, block in zip(axes, arg.type.blocks, strict=True):
            if len(pooled) > 1:
                site.refuse(
                    "EQS407",
                    f"`{axis.label}` stands {len(pooled)} times in {block}",
                    "which of them is meant is not clear",
                    span=site.arg_spans[0],
                    help="`pool(x, over=...)` pools all of them",
                )
    return Checked(Type(tuple(blocks)), Pooling(tuple(axes), how))


def _check_no_disc(site: CallSite) -> None:
    """A subgroup leaves one entry for each of its orbits, and pixels have none."""
    arg = site.args[0]
    if arg.type.sampled:
        site.refuse(
            "EQS477",
            "`pool` over a subgroup has no rule for a disc",
            f"this has type {arg.type}",
            span=site.arg_spans[0],
            help=f"`pool(x, over={min(arg.type.sampled)})` takes the mean over the whole disc",
        )


def _meant(block: Block, pooled: tuple[int, ...], axis: Representation) -> tuple[int, ...]:
    """Those that are positions, if positions are named, and else those that are none."""
    reps = {k: a.rep for k, a in enumerate(block.axes) if isinstance(a, RepAxis)}
    return tuple(k for k in pooled if reps[k].spatial == axis.spatial)


def _check_block(
    site: CallSite, block: Block, pooled: tuple[int, ...], how: str, over: tuple[str, ...] | None
) -> None:
    labels = (Label(site.args[0].span, f"its type is {site.args[0].type}"),)
    for k, axis in enumerate(block.axes):
        if isinstance(axis, PlainAxis):
            continue
        rep = axis.rep
        if rep.is_sampled and how == "max" and k in pooled:
            site.refuse(
                "EQS210",
                f"a maximum over `{axis}` is not built yet",
                "a disc is pooled by mean or by sum",
                labels=labels,
            )
        if rep.is_sampled:  # the mean of its pixels, or every pixel by itself
            continue
        others = sorted(axis.factors - set(over)) if over is not None and k in pooled else []
        if others:
            site.refuse(
                "EQS407",
                f"`{others[0]}` acts on `{axis}` too",
                "pooling removes the axis for all factors that act on it",
                labels=labels,
                help=f"pool over both: `over={' * '.join((*(over or ()), *others))}`",
            )
        for factor in sorted(axis.factors):
            for number, generator in enumerate(dict(rep.groups)[factor].generators):
                values = entries(rep, factor, number)
                if k in pooled and (values is None or any(s != 1 for s in values)):
                    site.refuse(
                        "EQS407",
                        f"`pool` by {how} along `{axis}` is not equivariant",
                        f"`{factor}.{generator}` does not permute its entries",
                        labels=labels,
                        help="`linear` finds the linear invariants, if there are any; else"
                        + (
                            f" go through a hidden layer of type `[..., {factor}.regular]` with a"
                            " nonlinearity"
                            if dict(rep.groups)[factor].is_finite
                            else " `norm` and `dot` give the others"
                        ),
                    )
                if how == "max" and pooled and (values is None or any(s <= 0 for s in values)):
                    site.refuse(
                        "EQS407",
                        f"a maximum beside `{axis}` is not equivariant",
                        f"`{factor}.{generator}` changes signs or mixes entries there",
                        labels=labels,
                        help="pool by mean or by sum",
                    )


def lower(site: LoweringSite) -> Registers:
    pooling = site.node.data
    if isinstance(pooling, Forgetting):
        return lower_forget(site, pooling)
    assert isinstance(pooling, Pooling)
    results: list[int] = []
    for x, block, pooled in zip(site.args[0], site.types[0].blocks, pooling.axes, strict=True):
        dims = [d for k in pooled for d in range(block.dims[k][0], sum(block.dims[k]))]
        if block.disc_axis in pooled:
            assert block.disc_axis is not None
            at = block.dims[block.disc_axis][0]
            x = _over_disc(site.builder, x, at, pooling.how)
            dims = [d if d < at else d - 2 for d in dims if d not in (at, at + 1)]
        results.append(site.builder.reduce(x, dims, pooling.how))
    shapes = site.node.type.shapes
    results = [site.builder.reshape(x, s) for x, s in zip(results, shapes, strict=True)]
    return tuple(results)


def _over_disc(b: Builder, x: int, at: int, how: How) -> int:
    """The mean or the sum along two dimensions over the pixels within the circle that the square contains:
    these stay in the picture whatever the angle. A sum is that mean times the number of pixels."""
    from eqspec.program.filters import within

    shape = b.shape(x)
    inside = within(shape[at])
    letters = "abcdefghijklmnopqrstuvwxyz"[: len(shape)]
    rest = letters[:at] + letters[at + 2 :]
    table = b.number(inside, "pixels within the circle")
    total = b.einsum(f"{letters},{letters[at : at + 2]}->{rest}", x, table)
    count = float(inside.sum())
    return b.scale(total, (1.0 if how == "mean" else float(shape[at] ** 2)) / count)


POOL = Op(
    "pool",
    Signature(
        keywords={"over": "subgroup", "axis": "axis", "by": HOW},
        target="ignores",
        sizes="padded",
        sampled="own",
    ),
    check,
    lower,
    "every generator permutes the entries along the pooled axes, so their mean, sum and maximum stay",
)
OPS = (POOL,)
