"""`conv1d`, `conv2d`, `conv3d` and their adjoints: the equivariant maps that slide a window over a grid.

Every position of the result sees the channels in a window of the argument, through the same kernel. The
kernels are all that the group allows (see `kernels`), and the windows must stand symmetrically on the
grid (see `spatial`): together the layer commutes with every motion of the grid. The bias lies in the
invariants of the channels. Lowering: see `kernellowering`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import NoReturn

from eqspec.algebra.counting import CannotCount, hom_dimension
from eqspec.algebra.representations import RepresentationError
from eqspec.algebra.windows import EXTENSIONS
from eqspec.graph.op import CallSite, Checked, Keyword, Numbers, Signature
from eqspec.graph.types import Axis, Block, RepAxis, Type
from eqspec.limits import limits
from eqspec.ops.clusters import axis_size
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.kernels import KernelPair, Kernels, channels_of, first_plain
from eqspec.ops.linear import check_bias, labels_of, zero_help
from eqspec.ops.spatial import SWEEP, Spatial, Sweep, spatial_of, sweep_of, swept_sizes, with_sizes


def _check(count: int, transposed: bool) -> Callable[[CallSite], Checked]:
    def check(site: CallSite) -> Checked:
        return check_convolution(site, count, transposed)

    return check


def check_convolution(site: CallSite, count: int, transposed: bool) -> Checked:
    target = site.expected
    assert target is not None, "the signature says that a convolution chooses"
    groups = _groups(site)
    sources: list[tuple[Spatial, ...]] = []
    targets: tuple[tuple[int, ...], ...] | None = None
    sweep: Sweep | None = None
    for arg, span in zip(site.args, site.arg_spans, strict=True):
        here = replace(site, args=(arg,), arg_spans=(span,))  # what is refused is said of this one
        places: list[Spatial] = []
        for block in arg.type.blocks:
            place = spatial_of(here, block, count)
            sweep = sweep_of(here, place, transposed=transposed)
            sizes = swept_sizes(here, place, sweep)
            made = with_sizes(here, block, place, sizes)
            found = tuple(
                _positions(here, wanted, [made.axes[k] for k in place.axes])
                for wanted in target.blocks
            )
            assert targets in (None, found), "equal axes are found at equal places"
            targets = found
            _check_groups(here, block, place.axes, groups, "groups")
            places.append(place)
        sources.append(tuple(places))
    assert targets is not None and sweep is not None, "a type has a block"
    for block, positions in zip(target.blocks, targets, strict=True):
        _check_groups(site, block, positions, groups, "groups")
    data = Kernels(tuple(sources), targets, sweep, groups, transposed, (), ())
    dimensions = _dimensions(site, target, data)
    _check_zero(site, target, data, dimensions)
    try:
        invariants = tuple(
            hom_dimension((), channels_of(block, places).parts)
            for block, places in zip(target.blocks, targets, strict=True)
        )
    except CannotCount as error:
        site.refuse("EQS412", f"the space of biases is too large to count: {error}", "this layer")
    biases = check_bias(site, target, invariants)
    return Checked(target, replace(data, dimensions=dimensions, biases=biases))


def _positions(site: CallSite, target: Block, wanted: list[Axis]) -> tuple[int, ...]:
    """The axes of a block of the result that are its positions, the last that fit."""
    found: list[int] = []
    at = len(target.axes)
    for axis in reversed(wanted):
        at -= 1
        while at >= 0 and not _is_position(target.axes[at], axis):
            at -= 1
        if at < 0:
            _refuse_positions(site, target, wanted)
        found.append(at)
    return tuple(reversed(found))


def _is_position(axis: Axis, wanted: Axis) -> bool:
    if isinstance(axis, RepAxis) and isinstance(wanted, RepAxis):
        return axis.rep.spatial and axis == wanted
    return axis == wanted


def _refuse_positions(site: CallSite, target: Block, wanted: list[Axis]) -> NoReturn:
    names = ", ".join(str(axis) for axis in wanted)
    spatial = [k for k, a in enumerate(target.axes) if isinstance(a, RepAxis) and a.rep.spatial]
    help_ = f"end it with these: `[..., {names}]`"
    if len(spatial) == len(wanted):
        axes = list(target.axes)
        for k, axis in zip(spatial, wanted, strict=True):
            axes[k] = axis
        help_ = f"declare `{Block(tuple(axes))}`"
    site.refuse(
        "EQS465",
        f"the result of this `{site.op}` has the positions `{names}`",
        f"from {site.args[0].type} to {target}",
        span=site.target_span or site.span,
        help=help_,
    )


def _groups(site: CallSite) -> int:
    given = site.keywords.get("groups")
    if given is None:
        return 1
    assert isinstance(given, Numbers)
    if len(given.values) != 1 or given.values[0] < 1:
        site.refuse(
            "EQS207", "`groups` is one number, at least 1", "", span=site.keyword_spans["groups"]
        )
    return given.values[0]


def _check_groups(
    site: CallSite, block: Block, spatial: tuple[int, ...], groups: int, key: str
) -> None:
    """The groups split the first plain axis that is not among the positions."""
    if groups == 1:
        return
    channels = channels_of(block, spatial)
    split = first_plain(channels)
    size = channels.axes[split].shape[0] if split is not None else 1
    if size % groups:
        site.refuse(
            "EQS466",
            f"{groups} groups do not divide the channels of {block}",
            f"its first plain axis has {size}" if split is not None else "it has no plain axis",
            span=site.keyword_spans[key],
            help="each group has its own part of the first plain axis, with whole representations",
        )


def _dimensions(
    site: CallSite, target: Type, data: Kernels
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """How many free weights there are between every two blocks."""
    found: list[tuple[tuple[int, ...], ...]] = []
    for arg, span, places in zip(site.args, site.arg_spans, data.sources, strict=True):
        rows: list[tuple[int, ...]] = []
        for source, place in zip(arg.type.blocks, places, strict=True):
            row: list[int] = []
            for number, block in enumerate(target.blocks):
                try:
                    kernels = data.pair(source, place, block, number)
                    row.append(hom_dimension(kernels.pair.source.parts, kernels.pair.target.parts))
                except RepresentationError as error:
                    site.refuse(
                        "EQS462",
                        f"the group does not act on the window of this `{site.op}`",
                        error.message,
                        span=span,
                        help=error.help,
                    )
                except CannotCount as error:
                    site.refuse(
                        "EQS412",
                        f"the space of kernels is too large to count: {error}",
                        "this layer",
                    )
                _check_size(replace(site, arg_spans=(span,)), source, block, kernels)
            rows.append(tuple(row))
        found.append(tuple(rows))
    return tuple(found)


def _check_size(site: CallSite, source: Block, target: Block, kernels: KernelPair) -> None:
    pair = kernels.pair
    rows, columns = pair.middle_shape
    tables = [
        prod(axis_size(pair.source, k) for k in part.source)
        * prod(axis_size(pair.target, k) for k in part.target)
        for part in (*pair.shared, *pair.invariant, *pair.symmetric)
    ]
    for what, count, most in (
        ("the weight", rows * columns, limits().weight_entries),
        ("a table", max(tables, default=1), limits().table_entries),
    ):
        if count > most:
            site.refuse(
                "EQS413",
                f"{what} of this layer would have {count:,} entries",
                f"from {source} to {target}",
                span=site.arg_spans[0],
                help=f"at most {most:,} are built; take a smaller kernel or fewer channels",
            )


def _check_zero(
    site: CallSite,
    target: Type,
    data: Kernels,
    dimensions: tuple[tuple[tuple[int, ...], ...], ...],
) -> None:
    names = ", ".join(str(arg.type) for arg in site.args)
    window = " x ".join(map(str, data.sweep.kernel))
    for number, block in enumerate(target.blocks):
        if not any(row[number] for arg in dimensions for row in arg):
            site.refuse(
                "EQS402",
                f"no equivariant kernel of {window} from {names} to {block} exists",
                "the output would be identically 0",
                help=_larger(site, block, number, data) or zero_help(site, block),
            )
    for arg, span, rows in zip(site.args, site.arg_spans, dimensions, strict=True):
        if not any(d for row in rows for d in row):
            site.warn(
                "EQS403",
                f"`{arg.name}` carries nothing to {target}",
                f"its space of equivariant kernels of {window} is zero",
                span=span,
                help="leave it out, or give the layer a type that it can reach",
            )


def _larger(site: CallSite, block: Block, number: int, data: Kernels) -> str | None:
    """A larger kernel that reaches the block, if there is one nearby."""
    for more in (1, 2, 3, 4):
        laws = tuple(replace(law, kernel=law.kernel + more) for law in data.sweep.laws)
        wider = replace(data, sweep=Sweep(laws))  # type: ignore[arg-type]
        for arg, places in zip(site.args, data.sources, strict=True):
            for source, place in zip(arg.type.blocks, places, strict=True):
                try:
                    pair = wider.pair(source, place, block, number).pair
                    if hom_dimension(pair.source.parts, pair.target.parts):
                        sizes = wider.sweep.kernel
                        text = str(sizes[0]) if len(set(sizes)) == 1 else str(list(sizes))
                        return f"`kernel={text}` reaches it"
                except (RepresentationError, CannotCount):
                    continue
    return None


def lower(site: LoweringSite) -> Registers:
    from eqspec.ops.kernellowering import lower_convolution

    data = site.node.data
    assert isinstance(data, Kernels)
    return lower_convolution(site, data, labels_of(site))


OPTIONS: dict[str, Keyword] = {**SWEEP, "groups": "numbers", "bias": "boolean"}
RULE = (
    "the kernels span Hom_G(channels and window, channels) exactly, the bias the invariants of the"
    " channels, and the windows stand as every motion of the grid moves them"
)


def _ops() -> tuple[Op, ...]:
    found: list[Op] = []
    for count in (1, 2, 3):
        for transposed in (False, True):
            extra: dict[str, Keyword] = (
                {"output_padding": "numbers"} if transposed else {"padding_mode": EXTENSIONS}
            )
            found.append(
                Op(
                    f"conv{'_transpose' if transposed else ''}{count}d",
                    Signature(tensors=(1, None), keywords={**OPTIONS, **extra}, target="chooses"),
                    _check(count, transposed),
                    lower,
                    RULE,
                )
            )
    return tuple(found)


OPS = tuple(_ops())
