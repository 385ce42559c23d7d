"""`max_pool2d`, `avg_pool2d`, `adaptive_avg_pool2d` and their likes: pools of windows of a grid.

A window slides over the spatial axes; every other axis is channels and stays. The windows commute with the
motions of the grid at the sizes that `spatial` lets pass. A mean is linear, so that anything may act on the
channels; a maximum commutes there with permutations and positive scalings alone. It is continuous: exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Literal

from eqspec.algebra.windows import EXTENSIONS, Adaptive, Law
from eqspec.diagnostics.model import Label
from eqspec.graph.op import CallSite, Checked, Keyword, Signature
from eqspec.graph.types import Block, PlainAxis, Type, block_entries
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.spatial import (
    SWEEP,
    Spatial,
    Sweep,
    lawful_sizes,
    numbers_of,
    spatial_of,
    sweep_of,
    with_sizes,
)
from eqspec.program.pooling import AdaptivePool, Pad, Pool, Resize

if TYPE_CHECKING:
    from eqspec.program.builder import Builder

How = Literal["avg", "max"]


@dataclass(frozen=True)
class Picked:
    """Entry i of the result is entry ``places[d][i]`` along spatial dimension d."""

    places: tuple[tuple[int, ...], ...]


Step = Pool | AdaptivePool | Resize | Pad | Picked


@dataclass(frozen=True)
class OnGrid:
    """For every block the tensor dimensions of its positions, and the steps that work along them, each
    with the ``args`` still to come."""

    dims: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[Step, ...], ...]


def check_blocks(
    site: CallSite,
    count: int | None,
    plan: Callable[[Spatial, Block], tuple[tuple[Law, ...], tuple[Step, ...]]],
) -> Checked:
    """The type of the result: every block with the sizes that the laws of ``plan`` give it.

    Raises:
        Refusal: the laws do not commute with what acts on the positions.
    """
    (arg,) = site.args
    blocks: list[Block] = []
    dims: list[tuple[int, ...]] = []
    steps: list[tuple[Step, ...]] = []
    for block in arg.type.blocks:
        spatial = spatial_of(site, block, count)
        laws, made = plan(spatial, block)
        sizes = lawful_sizes(site, spatial, laws)
        blocks.append(with_sizes(site, block, spatial, sizes))
        dims.append(spatial.dims)
        steps.append(made)
    return Checked(Type(tuple(blocks)), OnGrid(tuple(dims), tuple(steps)))


def lower(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, OnGrid)
    b = site.builder
    results: list[int] = []
    blocks = zip(site.args[0], data.dims, data.steps, site.node.type.shapes, strict=True)
    for x, dims, steps, shape in blocks:
        others = [d for d in range(len(shape)) if d not in dims]
        order = [*others, *dims]
        x = b.permute(x, order)
        if not all(isinstance(step, Pad) and step.mode == "zero" for step in steps):
            sizes = b.shape(x)[len(others) :]
            x = b.reshape(x, (prod(shape[d] for d in others), *sizes))  # one axis of channels
        for step in steps:
            x = _pick(b, x, step) if isinstance(step, Picked) else b.emit(replace(step, args=(x,)))
        x = b.reshape(x, [shape[d] for d in order])
        results.append(b.permute(x, [order.index(d) for d in range(len(shape))]))
    return tuple(results)


def _pick(b: Builder, x: int, step: Picked) -> int:
    for d, places in enumerate(step.places):
        dim = len(b.shape(x)) - len(step.places) + d
        if places != tuple(range(b.shape(x)[dim])):
            x = b.take(x, dim, b.index(places, "the entry that each entry of the result repeats"))
    return x


# ---- windows ------------------------------------------------------------------------------------------


def check_maximum(site: CallSite, block: Block) -> None:
    """Every generator permutes the entries of the block, up to positive factors: then it moves a maximum
    of windows as it moves the entries."""
    for factor, group in sorted(Type((block,)).groups.items()):
        for number, generator in enumerate(group.generators):
            values = block_entries(block, factor, number)
            if values is not None and all(value > 0 for value in values):
                continue
            axis = next(
                axis
                for axis in block.axes
                if not isinstance(axis, PlainAxis)
                and not all(
                    v > 0 for v in block_entries(Block((axis,)), factor, number) or (Fraction(-1),)
                )
            )
            site.refuse(
                "EQS407",
                f"a maximum beside `{axis}` is not equivariant",
                f"`{factor}.{generator}` {'mixes entries' if values is None else 'changes signs'} there",
                labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),),
                help=f"`{site.op.replace('max', 'avg')}` takes means: they are linear",
            )


def _check_window(how: How, count: int) -> Callable[[CallSite], Checked]:
    def check(site: CallSite) -> Checked:
        def plan(spatial: Spatial, block: Block) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
            if how == "max":
                check_maximum(site, block)
            sweep = sweep_of(site, spatial, pool=True)
            _check_padding(site, sweep)
            ceil = site.keywords.get("ceil_mode") is True
            steps: tuple[Step, ...] = ()
            padding = tuple(before for before, _ in sweep.padding)
            wide = how == "avg" and count == 3 and _is_wide(site, spatial, sweep)
            if sweep.mode != "zero" or wide:
                steps = (Pad((), sweep.padding, sweep.mode),)
                padding = (0,) * count
            pool = Pool(
                (),
                how,
                sweep.kernel,
                sweep.stride,
                padding,
                sweep.dilation,
                ceil,
                site.keywords.get("count_include_pad") is not False,
            )
            return sweep.laws, (*steps, pool)

        return check_blocks(site, count, plan)

    return check


def _is_wide(site: CallSite, spatial: Spatial, sweep: Sweep) -> bool:
    """Has a window more entries than an axis? With its own padding `torch.nn.functional.avg_pool3d` refuses
    these, the others do not; zeros are padded before it then, where they count as entries.

    Raises:
        Refusal: they do not count, or a window may stand over.
    """
    if sweep.mode != "zero" or all(map(int.__le__, sweep.kernel, spatial.sizes)):
        return False
    for key, default in (("ceil_mode", False), ("count_include_pad", True)):
        if site.keywords.get(key, default) is not default:
            site.refuse(
                "EQS463",
                f"`{site.op}` has no result at size {' x '.join(map(str, spatial.sizes))}",
                f"torch has no windows of {' x '.join(map(str, sweep.kernel))} there with `{key}`",
                span=site.keyword_spans[key],
                labels=(Label(site.arg_spans[0], f"this has type {site.args[0].type}"),),
                help="take a window that is no larger than the axes",
            )
    return True


def _check_padding(site: CallSite, sweep: Sweep) -> None:
    if sweep.mode == "zero" and any(before != after for before, after in sweep.padding):
        site.refuse(
            "EQS207",
            f"`padding` of `{site.op}` is one number for each dimension",
            "the same at the begin and the end",
            span=site.keyword_spans["padding"],
            help="`pad(x, padding=[[1, 0]])` before it adds entries at one end",
        )
    if sweep.mode != "zero" and site.keywords.get("ceil_mode") is True:
        site.refuse(
            "EQS207",
            f"`ceil_mode` and `padding_mode={sweep.mode}` exclude each other",
            "a window that stands over would need more padding",
            span=site.keyword_spans["ceil_mode"],
            help="write the padding that the last window needs: `padding=[[1, 2]]`",
        )


def _check_adaptive(how: How, count: int) -> Callable[[CallSite], Checked]:
    def check(site: CallSite) -> Checked:
        def plan(spatial: Spatial, block: Block) -> tuple[tuple[Law, ...], tuple[Step, ...]]:
            if how == "max":
                check_maximum(site, block)
            sizes = size_of(site, spatial)
            return tuple(map(Adaptive, sizes)), (_adaptive(how, spatial.sizes, sizes),)

        return check_blocks(site, count, plan)

    return check


def _adaptive(how: How, sizes: tuple[int, ...], out: tuple[int, ...]) -> Step:
    """Maxima of equal windows are a plain pool, which exports to ONNX where the adaptive one does not."""
    if how == "max" and not any(n % o for n, o in zip(sizes, out, strict=True)):
        kernel = tuple(n // o for n, o in zip(sizes, out, strict=True))
        nothing = (0,) * len(out)
        return Pool((), how, kernel, kernel, nothing, (1,) * len(out))
    return AdaptivePool((), how, out)


def size_of(site: CallSite, spatial: Spatial) -> tuple[int, ...]:
    """The option `size`, which must be given."""
    if "size" not in site.keywords:
        site.refuse("EQS207", f"`{site.op}` needs `size=`", "of the result", span=site.whole)
    return numbers_of(site, "size", spatial, (1,))


_WINDOWS: dict[How, Mapping[str, Keyword]] = {
    "max": {**SWEEP, "ceil_mode": "boolean", "padding_mode": EXTENSIONS},
    "avg": {
        **{key: kind for key, kind in SWEEP.items() if key != "dilation"},
        "ceil_mode": "boolean",
        "count_include_pad": "boolean",
        "padding_mode": EXTENSIONS,
    },
}
_RULES: dict[How, str] = {
    "avg": "the windows lie symmetrically under every motion of the positions, and a mean is linear",
    "max": "the windows lie symmetrically under every motion of the positions, and every generator"
    " permutes the channels, up to positive factors",
}


def _ops() -> tuple[Op, ...]:
    found: list[Op] = []
    for how in _RULES:
        for count in (1, 2, 3):
            found.append(
                Op(
                    f"{how}_pool{count}d",
                    Signature(keywords=_WINDOWS[how], sampled="grid"),
                    _check_window(how, count),
                    lower,
                    _RULES[how],
                )
            )
            found.append(
                Op(
                    f"adaptive_{how}_pool{count}d",
                    Signature(keywords={"size": "numbers", "over": "axes"}, sampled="grid"),
                    _check_adaptive(how, count),
                    lower,
                    _RULES[how],
                )
            )
    return tuple(found)


OPS = tuple(_ops())
