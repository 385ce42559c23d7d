"""Ops that work along positions: which axes these are, and the sizes at which they are equivariant.

Convolutions, pools, resizing, padding and patches all ask here. In: a block and the options of a call.
Out: its spatial axes with the motions of every generator (`spatial_of`), the windows (`sweep_of`), the
sizes of the result (`swept_sizes`, by the rules of `algebra.windows`) and its block (`with_sizes`). What
does not commute is refused, with the numbers and the nearest sizes that work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eqspec.algebra.lattice import Motion, motions, resized
from eqspec.algebra.representations import Representation, RepresentationError, same_action
from eqspec.algebra.windows import EXTENSIONS, Extension, Law, Spread, Window
from eqspec.diagnostics.model import Label
from eqspec.graph.op import Axes, CallSite, Ends, EndsOr, Keyword, Numbers
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis
from eqspec.limits import limits
from eqspec.ops.spatialsizes import check_commutes

SWEEP: Mapping[str, Keyword] = {
    "kernel": "numbers",
    "stride": "numbers",
    "padding": EndsOr(("same", "valid")),
    "dilation": "numbers",
    "over": "axes",
}
"""The options of every op with windows; a convolution has `padding_mode` too (`EXTENSIONS`), a pool
`ceil_mode`, a transposed convolution `output_padding`."""


@dataclass(frozen=True)
class Spatial:
    """The spatial axes of a block: their numbers, tensor dimensions, sizes, and how every generator
    moves positions (each motion by the places 0, 1, ... in ``dims``)."""

    axes: tuple[int, ...]
    dims: tuple[int, ...]
    sizes: tuple[int, ...]
    moves: tuple[Motion, ...]
    reps: tuple[Representation | None, ...]  # of the axes; None: nothing acts

    def generator(self, move: tuple[str, int]) -> str:
        """`D4.r`, as a user writes it."""
        factor, number = move
        for rep in self.reps:
            if rep is not None and factor in dict(rep.groups):
                return f"{factor}.{rep.group(factor).generators[number]}"
        raise KeyError(factor)


@dataclass(frozen=True)
class Sweep:
    """The windows of an op, one law for every spatial dimension."""

    laws: tuple[Window, ...] | tuple[Spread, ...]

    @property
    def kernel(self) -> tuple[int, ...]:
        return tuple(law.kernel for law in self.laws)

    @property
    def stride(self) -> tuple[int, ...]:
        return tuple(law.stride for law in self.laws)

    @property
    def dilation(self) -> tuple[int, ...]:
        return tuple(law.dilation for law in self.laws)

    @property
    def padding(self) -> tuple[tuple[int, int], ...]:
        """At the begin and the end of every dimension."""
        return tuple(
            (law.left, law.right) if isinstance(law, Window) else (law.padding, law.padding)
            for law in self.laws
        )

    @property
    def mode(self) -> Extension:
        return self.laws[0].mode if isinstance(self.laws[0], Window) else "zero"


# ---- the axes -----------------------------------------------------------------------------------------


def spatial_of(site: CallSite, block: Block, count: int | None = None) -> Spatial:
    """The spatial axes of a block: those in ``over``, else all that were written as positions. Without
    ``count`` there may be any number of them, from 1 to 3.

    Raises:
        Refusal: their dimensions are not ``count``, or an axis in ``over`` is none of the block.
    """
    over = site.keywords.get("over")
    if over is None:
        found: list[tuple[int, Representation | None]] = [
            (k, axis.rep)
            for k, axis in enumerate(block.axes)
            if isinstance(axis, RepAxis) and axis.rep.spatial
        ]
    else:
        assert isinstance(over, Axes)
        found = _named(site, block, over)
    dims = [d for k, _ in found for d in range(block.dims[k][0], sum(block.dims[k]))]
    if len(dims) != count and (count is not None or not 1 <= len(dims) <= 3):
        which = ", ".join(f"`{block.axes[k]}`" for k, _ in found) or "none"
        span = site.keyword_spans["over"] if over is not None else site.arg_spans[0]
        site.refuse(
            "EQS460",
            f"`{site.op}` works along {count or '1 to 3'} dimension{'s' if count != 1 else ''}",
            f"{block} has {len(dims)} of positions: {which}",
            span=span,
            help=_axes_help(site, block, len(dims), count or 1),
        )
    moves: list[Motion] = []
    place = 0
    for k, rep in found:
        width = block.dims[k][1]
        if rep is not None:
            moves.extend(_placed(move, place, len(dims)) for move in motions(rep))
        place += width
    sizes = tuple(block.shape[d] for d in dims)
    active = tuple(move for move in moves if not move.is_identity)
    return Spatial(
        tuple(k for k, _ in found), tuple(dims), sizes, active, tuple(rep for _, rep in found)
    )


def _axes_help(site: CallSite, block: Block, found: int, wanted: int) -> str:
    if site.op[-2:] == f"{wanted}d" and 1 <= found <= 3:
        return f"`{site.op[:-2]}{found}d` works along {found}; `over=[...]` names other axes"
    if found > wanted and "over" not in site.keywords:
        return "`over=[...]` says which of them; the others are channels"
    if found < wanted and any(isinstance(axis, PlainAxis) for axis in block.axes):
        return (
            "positions are written `G.grid(h, w)`, `G.reverse(n)`, ...; `over=[h, w]` names plain axes by"
            " the parameters that are their sizes"
        )
    return "positions are written `G.grid(h, w)`, `G.reverse(n)`, `G.shift(n)`, ..."


def _named(site: CallSite, block: Block, over: Axes) -> list[tuple[int, Representation | None]]:
    found: dict[int, Representation | None] = {}
    for item in over.items:
        matches = [k for k, axis in enumerate(block.axes) if _is_named(axis, item)]
        given = sum(1 for other in over.items if _same_item(item, other))
        name = item if isinstance(item, str) else item.label
        if len(matches) != given:
            site.refuse(
                "EQS460",
                f"`over` names `{name}` {_times(given)}",
                f"{block} has it {_times(len(matches))}",
                span=site.keyword_spans["over"],
            )
        for k in matches:
            axis = block.axes[k]
            rep = axis.rep if isinstance(axis, RepAxis) else None
            if rep is not None and isinstance(item, Representation) and not rep.spatial:
                rep = item  # equal matrices: it was written as positions here
            if rep is not None and not rep.spatial:
                site.refuse(
                    "EQS460",
                    f"`{name}` are no positions",
                    "a window slides along a grid, a sequence or a cycle",
                    span=site.keyword_spans["over"],
                    help="positions are written `G.grid(h, w)`, `G.reverse(n)`, `G.shift(n)`, ...",
                )
            found[k] = rep
    return sorted(found.items(), key=lambda entry: entry[0])


def _is_named(axis: Axis, item: str | Representation) -> bool:
    if isinstance(item, str):
        return isinstance(axis, PlainAxis) and axis.name == item
    return isinstance(axis, RepAxis) and axis.shape == item.shape and same_action(axis.rep, item)


def _same_item(one: str | Representation, two: str | Representation) -> bool:
    if isinstance(one, str) or isinstance(two, str):
        return one == two
    return one.shape == two.shape and same_action(one, two)


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _placed(move: Motion, place: int, count: int) -> Motion:
    """A motion of the dimensions of one axis as one of all of them."""
    width = len(move.axes)
    axes, signs, rolls = list(range(count)), [1] * count, [0] * count
    axes[place : place + width] = [place + to for to in move.axes]
    signs[place : place + width] = move.signs
    rolls[place : place + width] = move.rolls
    return replace(move, axes=tuple(axes), signs=tuple(signs), rolls=tuple(rolls))


# ---- the windows --------------------------------------------------------------------------------------


def sweep_of(
    site: CallSite, spatial: Spatial, *, pool: bool = False, transposed: bool = False
) -> Sweep:
    """The windows of a call. ``pool``: a stride that is not given is the kernel, and padding that is not
    taken from the entries is nothing.

    Raises:
        Refusal: an option is missing, out of range, or has another number of entries than dimensions.
    """
    if "kernel" not in site.keywords:
        site.refuse("EQS207", f"`{site.op}` needs `kernel=`", "its size", span=site.whole)
    kernel = numbers_of(site, "kernel", spatial, (1,))
    stride = numbers_of(site, "stride", spatial, kernel if pool else (1,))
    dilation = numbers_of(site, "dilation", spatial, (1,))
    if transposed:
        extra = numbers_of(site, "output_padding", spatial, (0,), least=0)
        padding = _equal_ends(site, ends_of(site, spatial))
        spread = zip(kernel, stride, padding, dilation, extra, strict=True)
        return Sweep(tuple(Spread(*options) for options in spread))
    mode = site.keywords.get("padding_mode", "zero")
    assert mode in EXTENSIONS, "the signature lists the words"
    same = site.keywords.get("padding") == "same"
    if same and any(s != 1 for s in stride):
        site.refuse(
            "EQS207",
            "`padding=same` needs stride 1",
            f"the stride is {_listed(stride)}",
            span=site.keyword_spans["padding"],
            help="write the padding as a number",
        )
    laws: list[Window] = []
    ends = None if same else ends_of(site, spatial)
    for d, (k, s, dil) in enumerate(zip(kernel, stride, dilation, strict=True)):
        total = dil * (k - 1)
        left, right = ends[d] if ends is not None else (total // 2, total - total // 2)
        ceil = site.keywords.get("ceil_mode") is True
        laws.append(Window(k, s, left, right, dil, mode, ceil, pool and mode == "zero"))
    return Sweep(tuple(laws))


def numbers_of(
    site: CallSite, key: str, spatial: Spatial, default: Sequence[int], least: int = 1
) -> tuple[int, ...]:
    """One number for each dimension; a single one counts for all."""
    given = site.keywords.get(key)
    values = given.values if isinstance(given, Numbers) else tuple(default)
    count = len(spatial.sizes)
    if len(values) == 1:
        values = values * count
    if len(values) != count:
        site.refuse(
            "EQS207",
            f"`{key}` is one number or {count}",
            f"{len(values)} given",
            span=site.keyword_spans[key],
        )
    if min(values) < least:
        site.refuse(
            "EQS207",
            f"`{key}` is at least {least}",
            f"found {min(values)}",
            span=site.keyword_spans[key],
        )
    return values


def ends_of(
    site: CallSite, spatial: Spatial, *, negative: bool = False
) -> tuple[tuple[int, int], ...]:
    """The padding at the begin and the end of every dimension; 0 where none is given."""
    given = site.keywords.get("padding")
    values = given.values if isinstance(given, Ends) else ((0, 0),)
    count = len(spatial.sizes)
    if len(values) == 1:
        values = values * count
    if len(values) != count:
        site.refuse(
            "EQS207",
            f"`padding` has one entry or {count}, one for each dimension",
            f"{len(values)} given",
            span=site.keyword_spans["padding"],
            help="begin and end of one dimension stand in a list of their own: `padding=[[1, 0]]`",
        )
    if not negative and min(min(pair) for pair in values) < 0:
        site.refuse(
            "EQS207",
            "`padding` is at least 0",
            "a negative one would cut",
            span=site.keyword_spans["padding"],
            help="`pad(x, padding=-1)` cuts",
        )
    return values


def _equal_ends(site: CallSite, ends: Sequence[tuple[int, int]]) -> list[int]:
    if isinstance(site.keywords.get("padding"), str) or any(a != b for a, b in ends):
        site.refuse(
            "EQS207",
            f"`padding` of `{site.op}` is one number for each dimension",
            "the same at the begin and the end",
            span=site.keyword_spans["padding"],
        )
    return [a for a, _ in ends]


def _listed(values: Sequence[int]) -> str:
    if len(set(values)) == 1:
        return str(values[0])
    return f"[{', '.join(map(str, values))}]"


# ---- the sizes ----------------------------------------------------------------------------------------


def swept_sizes(site: CallSite, spatial: Spatial, sweep: Sweep) -> tuple[int, ...]:
    """The sizes of the result, if the windows commute with every motion.

    Raises:
        Refusal: they do not, or there is no result: with the numbers and the nearest sizes that work.
    """
    return lawful_sizes(site, spatial, sweep.laws)


def lawful_sizes(site: CallSite, spatial: Spatial, laws: Sequence[Law]) -> tuple[int, ...]:
    """The same for any laws, one for each dimension."""
    check_commutes(site, spatial.sizes, laws, spatial.moves, spatial.generator)
    return tuple(law.result(size) for law, size in zip(laws, spatial.sizes, strict=True))


def with_sizes(site: CallSite, block: Block, spatial: Spatial, sizes: Sequence[int]) -> Block:
    """The block with these sizes along its spatial axes, on which the same motions act.

    Raises:
        Refusal: the group has no such motions at these sizes, or the block is too large.
    """
    axes = list(block.axes)
    place = 0
    for k, rep in zip(spatial.axes, spatial.reps, strict=True):
        width = block.dims[k][1]
        part = tuple(sizes[place : place + width])
        place += width
        if part == block.axes[k].shape and isinstance(block.axes[k], RepAxis):
            continue
        if rep is None:
            axes[k] = block.axes[k] if part == block.axes[k].shape else PlainAxis(part[0])
            continue
        try:
            axes[k] = RepAxis(resized(rep, part))
        except RepresentationError as error:
            site.refuse(
                "EQS460",
                f"`{rep.label}` does not act on the result",
                error.message,
                labels=(Label(site.args[0].span, f"its type is {site.args[0].type}"),),
                help=error.help,
            )
    result = replace(block, axes=tuple(axes), fixed=False)
    if max(sizes) > limits().axis_entries or result.size > limits().block_entries:
        site.refuse(
            "EQS463",
            f"the result of `{site.op}` is too large",
            f"{result} would have {result.size:,} entries",
            span=site.whole,
            help=f"at most {limits().block_entries:,} are built",
        )
    return result
