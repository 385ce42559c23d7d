"""Which kernels a convolution may have: its window is one more axis of the source.

A kernel k from a fibre V to a fibre U on a window W commutes with a group that moves the positions of
the grid, and those of the window alike, iff k(g w) rho_V(g) = rho_U(g) k(w) for every position w of the
window. These are the equivariant maps from V (x) W to U, W the permutation representation on the window:
Hom_G(V (x) W, U), found by the same counts and solvers as any linear layer. A translation moves no
position of the window.

Source: Cohen and Welling, *Group Equivariant Convolutional Networks* (2016); Weiler and Cesa, *General
E(2)-Equivariant Steerable CNNs* (2019), equation 3, on the lattice in place of the plane.

In: the channels of two blocks and the motions of their grid. Out: a `Pair` whose source has the window.
Pure Python: `check` counts kernels with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eqspec.algebra.lattice import window
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis
from eqspec.ops.clusters import Pair, pair_of
from eqspec.ops.spatial import Spatial, Sweep


@dataclass(frozen=True)
class KernelPair:
    """The kernels between two blocks: the source of ``pair`` has the axes of the window last, ``windows``
    of them with the sizes ``kernel``; its plain axis ``split`` is one of ``groups`` parts."""

    pair: Pair
    windows: int
    kernel: tuple[int, ...]
    groups: int = 1
    split: int | None = None  # the axis of the source
    split_to: int | None = None  # the axis of the target

    @property
    def window_axes(self) -> tuple[int, ...]:
        count = len(self.pair.source.axes)
        return tuple(range(count - self.windows, count))


def channels_of(block: Block, spatial: Sequence[int]) -> Block:
    """The block without its spatial axes: what stands at one position."""
    return Block(tuple(axis for k, axis in enumerate(block.axes) if k not in spatial))


def window_axes(spatial: Spatial, kernel: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of the window, one for each spatial axis.

    Raises:
        RepresentationError: the group does not act on a window of these sizes.
    """
    axes: list[Axis] = []
    place = 0
    for rep in spatial.reps:
        width = len(rep.shape) if rep is not None else 1
        sizes = tuple(kernel[place : place + width])
        place += width
        if rep is None:
            axes.append(PlainAxis(sizes[0]))
        else:
            label = f"window {' x '.join(map(str, sizes))}"
            axes.append(RepAxis(replace(window(rep, sizes), label=label)))
    return tuple(axes)


def first_plain(block: Block) -> int | None:
    """The axis that `groups` splits."""
    return next((k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis)), None)


def kernel_pair(
    source: Block, spatial: Spatial, target: Block, kernel: Sequence[int], groups: int = 1
) -> KernelPair:
    """The kernels from ``source``, a block with its grid, to ``target``, the channels of the result.

    Raises:
        RepresentationError: the group does not act on a window of these sizes.
    """
    axes = list(channels_of(source, spatial.axes).axes)
    split = first_plain(Block(tuple(axes))) if groups > 1 else None
    if split is not None:
        axes[split] = PlainAxis(axes[split].shape[0] // groups)
    windows = window_axes(spatial, kernel)
    pair = pair_of(Block((*axes, *windows)), target)
    # a cluster with the window is summed by the convolution, not before it
    joined = tuple(p for p in pair.invariant if any(k >= len(axes) for k in p.source))
    pair = replace(
        pair,
        shared=(*pair.shared, *joined),
        invariant=tuple(p for p in pair.invariant if p not in joined),
    )
    split_to = first_plain(target) if groups > 1 else None
    return KernelPair(pair, len(windows), tuple(kernel), groups, split, split_to)


@dataclass(frozen=True)
class Kernels:
    """``sources[i][s]`` are the positions of block s of argument i, ``targets[t]`` the axes of block t of
    the result that are positions; ``dimensions[i][s][t]`` the dimension of the space of kernels between
    them, plain axes included, and ``biases[t]`` that of the invariants (0: no bias)."""

    sources: tuple[tuple[Spatial, ...], ...]
    targets: tuple[tuple[int, ...], ...]
    sweep: Sweep
    groups: int
    transposed: bool
    dimensions: tuple[tuple[tuple[int, ...], ...], ...]
    biases: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return sum(d for arg in self.dimensions for row in arg for d in row) + sum(self.biases)

    def pair(self, source: Block, place: Spatial, target: Block, number: int) -> KernelPair:
        """The kernels from a block with the positions ``place`` to block ``number`` of the result."""
        channels = channels_of(target, self.targets[number])
        return kernel_pair(source, place, channels, self.sweep.kernel, self.groups)
