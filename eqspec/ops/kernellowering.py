"""A convolution as instructions: weights expanded to kernels, one convolution on merged channels.

In: pairs of blocks with their windows (`kernels`). Out: instructions. As in `blockmaps`, what a cluster of
the source alone carries is reduced before the convolution, and what one of the target alone adds is
expanded after it, so that the convolution works on no more channels than its kernels have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.algebra.windows import Spread
from eqspec.graph.types import Block, PlainAxis
from eqspec.ops.blockmaps import (
    expand_axes,
    fan_of_clusters,
    is_constant,
    lower_bias,
    pair_basis,
    reduce_part,
    weight_of,
)
from eqspec.ops.clusters import Part, axis_size
from eqspec.ops.contract import LoweringSite, Registers
from eqspec.ops.kernels import KernelPair, Kernels, channels_of
from eqspec.ops.spatial import Spatial, Sweep
from eqspec.program.builder import Builder
from eqspec.program.grids import Conv
from eqspec.program.pooling import Pad

GRID = -2  # in a layout: a dimension of the grid


@dataclass(frozen=True)
class Layout:
    """How the channels of a result are merged: the axes of the target, then one axis of coefficients for
    every cluster of the target alone that has several. Sums of results of equal layout are one
    convolution."""

    outer: tuple[int, ...]
    sizes: tuple[int, ...]
    symmetric: tuple[Part, ...]


@dataclass(frozen=True)
class Source:
    """A block ready for the convolution, ``x`` of shape (channels, *grid): the axes of the source that
    are left, and the number of invariants for every cluster that was reduced."""

    x: int
    inner: tuple[int, ...]
    counts: tuple[int, ...]


def lower_convolution(site: LoweringSite, data: Kernels, labels: Sequence[str]) -> Registers:
    """The blocks of the result; ``labels`` name the weights of every argument."""
    return tuple(
        _lower_target(site, data, labels, number, target)
        for number, target in enumerate(site.node.type.blocks)
    )


def _lower_target(
    site: LoweringSite, data: Kernels, labels: Sequence[str], number: int, target: Block
) -> int:
    b = site.builder
    several = len(site.node.type.blocks) > 1
    spatial = data.targets[number]
    channels = channels_of(target, spatial)
    found: list[tuple[int, Block, Spatial, KernelPair, str]] = []
    for k, (registers, type_) in enumerate(zip(site.args, site.types, strict=True)):
        for s, (x, block) in enumerate(zip(registers, type_.blocks, strict=True)):
            if not data.dimensions[k][s][number]:
                continue
            words = ["weight"]
            words += [labels[k]] if len(site.args) > 1 else []
            words += [str(s)] if len(type_.blocks) > 1 else []
            words += [f"to{number}"] if several else []
            positions = data.sources[k][s]
            kernels = data.pair(block, positions, target, number)
            found.append((x, block, positions, kernels, site.parameter_name("_".join(words))))
    fans = [fan_of_clusters(kernels.pair) for _, _, _, kernels, _ in found]
    inputs = sum(fan.inputs for fan in fans)
    if data.transposed:  # each entry of the result is reached by a part of the window
        inputs = max(inputs / math.prod(data.sweep.stride), 1.0)
    # what has equal positions and merges its channels alike is one convolution
    joined: dict[object, list[tuple[Source, int]]] = {}
    forms: dict[object, tuple[KernelPair, Layout]] = {}
    for alone, ((x, block, positions, kernels, name), fan) in enumerate(
        zip(found, fans, strict=True), 1
    ):
        layout = layout_of(kernels)
        source = lower_source(b, x, block, positions, kernels)
        bound = (inputs * fan.energy) ** -0.5
        weight = lower_kernel(b, kernels, layout, source, name, bound)
        key: object = (layout, positions.sizes, alone if data.groups > 1 else 0)
        joined.setdefault(key, []).append((source, weight))
        forms[key] = (kernels, layout)
    terms: list[int] = []
    for key, parts in joined.items():
        kernels, layout = forms[key]
        weight = b.concat([weight for _, weight in parts], 1)
        if data.transposed:
            weight = adjoint(b, weight, data.groups)
        x, padding = padded(b, b.concat([source.x for source, _ in parts], 0), data.sweep)
        args = [x, weight]
        if data.biases[number] and not terms:
            name = site.parameter_name(f"bias_to{number}" if several else "bias")
            bias = lower_bias_of(b, layout, channels, name, inputs**-0.5)
            assert bias is not None, "the count says that there are invariants"
            args.append(bias)
        y = b.emit(
            Conv(
                tuple(args),
                data.sweep.stride,
                padding,
                data.sweep.dilation,
                data.groups,
                data.transposed,
                extra=tuple(law.extra for law in data.sweep.laws if isinstance(law, Spread)),
            )
        )
        terms.append(lower_result(b, y, kernels, layout, target, spatial))
    return b.add(*terms)


def layout_of(kernels: KernelPair) -> Layout:
    pair = kernels.pair
    outer = sorted([*pair.target_plain, *(k for part in pair.shared for k in part.target)])
    if kernels.split_to is not None:
        outer = [kernels.split_to, *(k for k in outer if k != kernels.split_to)]
    counts = [
        basis.dimension
        for part in pair.symmetric
        if not is_constant(basis := pair_basis(pair, part))
    ]
    sizes = (*(axis_size(pair.target, k) for k in outer), *counts)
    return Layout(tuple(outer), sizes, pair.symmetric)


def lower_source(b: Builder, x: int, block: Block, spatial: Spatial, kernels: KernelPair) -> Source:
    """Reduce what the target does not carry, merge the channels, and put the grid last."""
    sizes: list[int] = []
    layout: list[int] = []
    channels = 0
    for k, axis in enumerate(block.axes):
        if k in spatial.axes:
            sizes.extend(axis.shape)
            layout.extend([GRID] * len(axis.shape))
        else:
            sizes.append(axis_size(block, k))
            layout.append(channels)
            channels += 1
    x = b.reshape(x, sizes)
    counts: list[int] = []
    for part in kernels.pair.invariant:
        reduced = reduce_part(b, x, layout, part, pair_basis(kernels.pair, part))
        assert reduced is not None, "the count says that there are kernels"
        x, layout, count = reduced
        if count is not None:
            counts.append(count)
    inner = sorted(k for k in layout if k >= 0)
    if kernels.split is not None:
        inner = [kernels.split, *(k for k in inner if k != kernels.split)]
    places = [layout.index(k) for k in inner]
    places += [at for at, k in enumerate(layout) if k == -1]
    places += [at for at, k in enumerate(layout) if k == GRID]
    x = b.permute(x, places)
    merged = math.prod(b.shape(x)[: len(inner) + len(counts)])
    x = b.reshape(x, (merged, *spatial.sizes))
    return Source(x, tuple(inner), tuple(counts))


def lower_kernel(
    b: Builder, kernels: KernelPair, layout: Layout, source: Source, name: str, bound: float
) -> int:
    """The expanded kernels, of shape (channels of the result, channels of x / groups, *window)."""
    pair = kernels.pair
    inner = [*source.inner, *[-1] * len(source.counts), *kernels.window_axes]
    sizes = [
        *(axis_size(pair.source, k) for k in source.inner),
        *source.counts,
        *(axis_size(pair.source, k) for k in kernels.window_axes),
    ]
    weight = weight_of(b, pair, layout.outer, layout.sizes, inner, sizes, name, bound)
    assert weight is not None, "the count says that there are kernels"
    columns = math.prod(sizes) // math.prod(kernels.kernel)
    return b.reshape(weight, (math.prod(layout.sizes), columns, *kernels.kernel))


def padded(b: Builder, x: int, sweep: Sweep) -> tuple[int, tuple[int, ...]]:
    """x and the zeros that the convolution adds at both ends; any other padding is added to x first."""
    if sweep.mode == "zero" and all(before == after for before, after in sweep.padding):
        return x, tuple(before for before, _ in sweep.padding)
    if any(map(any, sweep.padding)):
        x = b.emit(Pad((x,), sweep.padding, sweep.mode))
    return x, (0,) * len(sweep.padding)


def adjoint(b: Builder, weight: int, groups: int) -> int:
    """The weight as a transposed convolution wants it: (channels of x, channels of the result / groups,
    *window)."""
    rows, columns, *window = b.shape(weight)
    if groups == 1:
        return b.permute(weight, [1, 0, *range(2, 2 + len(window))])
    weight = b.reshape(weight, (groups, rows // groups, columns, *window))
    weight = b.permute(weight, [0, 2, 1, *range(3, 3 + len(window))])
    return b.reshape(weight, (groups * columns, rows // groups, *window))


def lower_result(
    b: Builder,
    y: int,
    kernels: KernelPair,
    layout: Layout,
    target: Block,
    spatial: Sequence[int],
) -> int:
    """A result of shape (channels, *grid) as a block of the target, whose axes ``spatial`` are the grid."""
    grid = b.shape(y)[1:]
    channels = [k for k in range(len(target.axes)) if k not in spatial]
    y = b.reshape(y, (*layout.sizes, *grid))
    order = [channels[k] for k in layout.outer]
    if layout.symmetric:
        rank = len(grid)
        count = len(layout.sizes)
        y = b.permute(y, [*range(count, count + rank), *range(count)])
        flat = Block((*map(PlainAxis, grid), *kernels.pair.target.axes))
        parts = [
            (Part(p.factors, (), tuple(rank + k for k in p.target)), pair_basis(kernels.pair, p))
            for p in layout.symmetric
        ]
        y = expand_axes(b, y, flat, [*range(rank), *(rank + k for k in layout.outer)], parts)
        y = b.reshape(y, [axis_size(flat, k) for k in range(len(flat.axes))])
        y = b.permute(y, [*range(rank, rank + len(channels)), *range(rank)])
        order = channels
    y = _ordered(b, y, order, target, spatial)
    return b.reshape(y, target.shape)


def _ordered(
    b: Builder, y: int, order: Sequence[int], target: Block, spatial: Sequence[int]
) -> int:
    """From the channels ``order`` and the dimensions of the grid to the axes of the target in order."""
    places: list[int] = []
    dims: dict[int, list[int]] = {}
    at = len(order)
    for k in spatial:
        dims[k] = list(range(at, at + len(target.axes[k].shape)))
        at += len(dims[k])
    for k in range(len(target.axes)):
        places.extend(dims[k] if k in dims else [list(order).index(k)])
    return b.permute(y, places)


def lower_bias_of(
    b: Builder, layout: Layout, channels: Block, name: str, bound: float
) -> int | None:
    """A bias for every merged channel: an invariant of the axes that the convolution has, one for each
    coefficient of those that are expanded after it."""
    counts = layout.sizes[len(layout.outer) :]
    axes = (*(channels.axes[k] for k in layout.outer), *map(PlainAxis, counts))
    bias = lower_bias(b, Block(axes), (), name, bound)
    return None if bias is None else b.flatten(bias)
