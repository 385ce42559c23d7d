"""Position biases of `attention`: numbers added to the scores, tied along the orbits of the group.

A bias is a function of the query's place, of the key's place, and of the index of the permuted axes in
`each`, that every generator leaves alone.

- ``full``: all such functions, one number for each orbit of these indices.
- ``relative``: those that depend on the two places by the offset of the key from the query alone, as in
  Shaw, Uszkoreit and Vaswani, *Self-Attention with Relative Position Representations* (2018), and Liu
  et al., *Swin Transformer* (2021). A generator moves places by p -> Mp + r, hence offsets by M, so it
  permutes them; along a dimension that is rolled, offsets count modulo its size. One number for each
  orbit of offsets. Here the places are those of axes that a generator moves as a lattice, or plain.

Pure Python: `check` counts the orbits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eqspec.algebra.images import Monomial, explicit
from eqspec.algebra.lattice import Motion, motions
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Axis, Block, PlainAxis, Type

MAX_OFFSETS = 2**18


class NoOffsets(ValueError):  # noqa: N818 - says what the axis lacks
    """An axis whose places have no offsets; ``args`` are its name and why."""


@dataclass(frozen=True)
class Offsets:
    """``sizes`` of the dimensions of the tokens and which of them are ``cyclic``; ``labels`` is the orbit
    of every (index of `each`, offset), row by row, the offsets of one dimension counted from the least."""

    sizes: tuple[int, ...]
    cyclic: tuple[bool, ...]
    each: int
    labels: tuple[int, ...]

    @property
    def orbits(self) -> int:
        return max(self.labels) + 1

    @property
    def ranges(self) -> tuple[int, ...]:
        return ranges(self.sizes, self.cyclic)

    def offset(self, dim: int, query: int, key: int) -> int:
        """The number of an offset along one dimension."""
        n = self.sizes[dim]
        return (key - query) % n if self.cyclic[dim] else key - query + n - 1


def ranges(sizes: Sequence[int], cyclic: Sequence[bool]) -> tuple[int, ...]:
    """How many offsets there are along every dimension."""
    return tuple(n if around else 2 * n - 1 for n, around in zip(sizes, cyclic, strict=True))


@dataclass(frozen=True)
class _Move:
    """A generator on all dimensions of the tokens (dimension d goes to ``axes[d]``, reversed where
    ``signs[d]`` is -1, and rolled where ``rolled[d]``), and on the indices of `each`."""

    axes: tuple[int, ...]
    signs: tuple[int, ...]
    rolled: tuple[bool, ...]
    each: tuple[int, ...]


def offsets_of(tokens: Sequence[Axis], each: Sequence[Axis]) -> Offsets:
    """The offsets between places of ``tokens``, beside the permuted axes ``each``, by their orbits.

    Raises:
        NoOffsets: the places of an axis are no places of a lattice, or there are too many offsets.
    """
    sizes = tuple(n for axis in tokens for n in axis.shape)
    moves = [
        _Move(*_on_tokens(tokens, factor, g), _on_each(each, factor, g))
        for factor, group in Type((Block((*tokens, *each)),)).groups.items()
        for g in range(len(group.generators))
    ]
    cyclic = list(_rolled(moves, len(sizes)))
    count = math.prod(n for axis in each for n in axis.shape)
    counts = ranges(sizes, cyclic)
    if count * math.prod(counts) > MAX_OFFSETS:
        raise NoOffsets(str(tokens[0]), f"{count * math.prod(counts):,} offsets are too many")
    return Offsets(sizes, tuple(cyclic), count, _orbits(moves, sizes, cyclic, count))


def _on_tokens(
    tokens: Sequence[Axis], factor: str, g: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[bool, ...]]:
    axes: list[int] = []
    signs: list[int] = []
    rolled: list[bool] = []
    for axis in tokens:
        start, count = len(axes), len(axis.shape)
        motion = None if isinstance(axis, PlainAxis) else _motion(axis.rep, factor, g)
        if motion is None:
            axes += range(start, start + count)
            signs += [1] * count
            rolled += [False] * count
            continue
        axes += [start + d for d in motion.axes]
        signs += motion.signs
        rolled += [roll != 0 for roll in motion.rolls]
    return tuple(axes), tuple(signs), tuple(rolled)


def _motion(rep: Representation, factor: str, g: int) -> Motion | None:
    """How a generator moves places, as the axis was written: at size 2 a reversal is a roll, too."""
    if not rep.spatial:
        raise NoOffsets(rep.label, "its entries are no places of a grid or of a sequence")
    found = (m for m in motions(rep) if (m.factor, m.generator) == (factor, g))
    return next(found, None)


def _on_each(each: Sequence[Axis], factor: str, g: int) -> tuple[int, ...]:
    """Where a generator moves every joint index of some permuted axes."""
    images = [0]
    for axis in each:
        assert not isinstance(axis, PlainAxis)
        moved = _permutation(axis.rep, factor, g)
        images = [before * len(moved) + k for before in images for k in moved]
    return tuple(images)


def _permutation(rep: Representation, factor: str, g: int) -> tuple[int, ...]:
    if factor not in rep.factors:
        return tuple(range(rep.degree))
    image = explicit(rep.any_image(factor, g))
    assert isinstance(image, Monomial) and image.is_permutation, "checked before"
    return image.images


def _rolled(moves: Sequence[_Move], rank: int) -> tuple[bool, ...]:
    """The dimensions along which offsets count modulo the size: those that are rolled, and those to
    which a generator moves such a one."""
    cyclic = [any(move.rolled[d] for move in moves) for d in range(rank)]
    changed = True
    while changed:
        changed = False
        for move in moves:
            for d in range(rank):
                if cyclic[d] != cyclic[move.axes[d]]:
                    cyclic[d] = cyclic[move.axes[d]] = changed = True
    return tuple(cyclic)


def _orbits(
    moves: Sequence[_Move], sizes: Sequence[int], cyclic: Sequence[bool], each: int
) -> tuple[int, ...]:
    """Numbers of the orbits of (index, offset), in the order of their first members."""
    counts = ranges(sizes, cyclic)
    total = math.prod(counts)
    steps = [_offset_images(move, sizes, cyclic, counts) for move in moves]
    labels = [-1] * (each * total)
    found = 0
    for first in range(len(labels)):
        if labels[first] >= 0:
            continue
        labels[first] = found
        todo = [first]
        while todo:  # of a finite group: images under generators reach the whole orbit
            index, offset = divmod(todo.pop(), total)
            for move, images in zip(moves, steps, strict=True):
                place = move.each[index] * total + images[offset]
                if labels[place] < 0:
                    labels[place] = found
                    todo.append(place)
        found += 1
    return tuple(labels)


def _offset_images(
    move: _Move, sizes: Sequence[int], cyclic: Sequence[bool], counts: Sequence[int]
) -> list[int]:
    strides = [math.prod(counts[d + 1 :]) for d in range(len(counts))]
    images = [0]
    for d, (n, around) in enumerate(zip(sizes, cyclic, strict=True)):
        stride = strides[move.axes[d]]
        if around:
            step = [stride * (move.signs[d] * c % n) for c in range(n)]
        else:
            step = [stride * (move.signs[d] * (c - n + 1) + n - 1) for c in range(2 * n - 1)]
        images = [base + s for base in images for s in step]
    return images
