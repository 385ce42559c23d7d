"""How groups act on some tensors at once, for two specs side by side.

In: the types of the same features in two specs, with equal shapes. Out: a `Frame`, in which both sides
are written over the same segments of tensor dimensions, so that an element of one side can be compared
with one of the other. An element acts on a block as the Kronecker product over its segments; two of
them are equal iff the segments are equal up to scalars whose product is 1, and `key` is a normal form
under these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from itertools import pairwise
from math import prod

from eqspec.algebra import images as im
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AffineMap, AnyImage, Infinitesimal, LatticeMap, SampledMap
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Block, PlainAxis, Type

LARGEST = 1 << 14
"""Rows of a matrix that is formed to compare two segments."""

Part = int | Representation
Action = tuple[AnyImage, ...]
"""The image of an element on every segment."""


class TooLarge(ValueError):  # noqa: N818 - says what happened
    """Two actions can only be compared by matrices that are too large to form."""


@dataclass(frozen=True)
class Segment:
    """What acts on some tensor dimensions of a block: a list of parts on each side."""

    block: int
    degree: int
    old: tuple[Part, ...]
    new: tuple[Part, ...]

    @cached_property
    def is_lattice(self) -> bool:
        """Are both sides motions of one grid? Then they are compared without listing its points."""
        shapes = set()
        for parts in (self.old, self.new):
            for part in parts:
                images = [] if isinstance(part, int) else [i for _, _, i in part.generator_images()]
                shapes |= {i.shape if isinstance(i, LatticeMap) else None for i in images}
                if len(parts) != 1 or not images:
                    return False
        return len(shapes) == 1 and None not in shapes

    def parts(self, side: int) -> tuple[Part, ...]:
        return self.new if side else self.old

    def factors(self, side: int) -> frozenset[str]:
        return frozenset(
            f for part in self.parts(side) if not isinstance(part, int) for f in part.factors
        )


@dataclass(frozen=True)
class Frame:
    """Segments of all blocks of some features, and the groups that act, by side (0 old, 1 new)."""

    segments: tuple[Segment, ...]
    groups: tuple[dict[str, Group], dict[str, Group]]

    @property
    def is_sampled(self) -> bool:
        """Is a picture among the features that is known at its pixels only?"""
        return any(
            not isinstance(part, int) and part.is_sampled
            for segment in self.segments
            for part in (*segment.old, *segment.new)
        )

    def acting(self, side: int) -> list[str]:
        """The factors that move anything."""
        moved = {f for segment in self.segments for f in segment.factors(side)}
        return [name for name in self.groups[side] if name in moved]

    def action(self, side: int, factor: str, generator: int) -> Action:
        """A generator on every segment."""
        return tuple(
            product(
                [
                    im.identity(part)
                    if isinstance(part, int)
                    else part.any_image(factor, generator)
                    for part in segment.parts(side)
                ]
            )
            for segment in self.segments
        )


def frame(
    old: Sequence[Type], new: Sequence[Type], groups: tuple[dict[str, Group], dict[str, Group]]
) -> Frame:
    """Both sides over common segments. The shapes must be equal, block by block."""
    segments: list[Segment] = []
    pairs = [
        (left, right)
        for a, b in zip(old, new, strict=True)
        for left, right in zip(a.one_hot.blocks, b.one_hot.blocks, strict=True)
    ]
    for number, (left, right) in enumerate(pairs):
        segments += _segments(number, _dims(left), _dims(right))
    return Frame(tuple(segments), groups)


def key(frame: Frame, action: Action) -> tuple[object, ...]:
    """Equal for two elements iff they act alike on every block."""
    tangent = any(isinstance(image, Infinitesimal) for image in action)
    shared = {s.block for s, t in pairwise(frame.segments) if s.block == t.block}
    scalars = dict.fromkeys(sorted(shared), Fraction(not tangent))
    found: list[object] = []
    for segment, image in zip(frame.segments, action, strict=True):
        if segment.block in shared and not isinstance(image, LatticeMap | AffineMap | SampledMap):
            exact = im.explicit(image)
            image, scalar = _normal(exact)
            if not tangent:
                scalars[segment.block] *= scalar
            elif isinstance(exact, Infinitesimal):  # of exp(tA) they add up; the identity is exp(0)
                scalars[segment.block] += scalar
        found.append(image if segment.is_lattice else _plain(image))
    return (tangent, *found, tuple(scalars.items()))


def compose(left: Action, right: Action) -> Action:
    return tuple(im.compose(a, b) for a, b in zip(left, right, strict=True))


def product(images: Sequence[AnyImage]) -> AnyImage:
    """The Kronecker product of images along the parts of a segment."""
    if not images:
        return im.identity(1)
    if len(images) > 1 and prod(image.degree for image in images) > LARGEST:
        lattices = all(isinstance(image, LatticeMap) for image in images)
        if not lattices and not all(image.is_identity for image in images):
            raise TooLarge(f"matrices of {prod(i.degree for i in images):,} rows")
    return reduce(im.kron, images)


def _plain(image: AnyImage) -> AnyImage:
    """One form for equal maps: a lattice symmetry and a permutation of its points are the same map."""
    if isinstance(image, LatticeMap):
        if image.degree <= LARGEST:
            return image.monomial
        return im.identity(1) if image.is_identity else image
    if image.degree > LARGEST and image.is_identity:
        return im.identity(1)
    return image


def _normal(image: im.Image) -> tuple[AnyImage, Fraction]:
    """The image times a scalar, with 1 as the first entry of its first column that is not 0; of exp(tA)
    the sum with a multiple of the identity."""
    if isinstance(image, Infinitesimal):
        scalar = image.rows[0][0]
        rows = [
            [v - scalar if i == j else v for j, v in enumerate(row)]
            for i, row in enumerate(image.rows)
        ]
        return im.infinitesimal(rows), scalar
    if isinstance(image, im.Monomial):
        scalar = Fraction(image.signs[0])
        return (im.scale(image, -1), scalar) if scalar < 0 else (image, scalar)
    scalar = next(row[0] for row in image.rows if row[0])
    return im.scale(image, 1 / scalar), scalar


# ---- segments ------------------------------------------------------------------------------------

_Dims = list[tuple[tuple[int, ...], Part]]
"""Parts in order, each with the tensor dimensions it takes."""


def _dims(block: Block) -> _Dims:
    """The parts of a block; a tensor power is taken apart, so that it meets its factors."""
    found: _Dims = []
    for axis in block.axes:
        if isinstance(axis, PlainAxis):
            found.append(((axis.size,), axis.size))
            continue
        terms = axis.rep.terms or ()
        if len(terms) == 1 and terms[0].shape == axis.rep.shape and len(terms[0].axes) > 1:
            for part in terms[0].axes:
                found.append(((part,), part) if isinstance(part, int) else (part.shape, part))
        else:
            found.append((axis.shape, axis.rep))
    return found


def _segments(block: int, left: _Dims, right: _Dims) -> Iterable[Segment]:
    """Cut both lists where both have a cut. Sizes of 1 and empty shapes go with what is before them."""
    cuts = _cuts(left) & _cuts(right)
    a, b = _pieces(left, cuts), _pieces(right, cuts)
    for (sizes, old), (_, new) in zip(a, b, strict=True):
        segment = Segment(block, prod(int(n) for n in sizes), old, new)
        if segment.factors(0) or segment.factors(1):  # on channels nothing acts, scalars neither
            yield segment


def _cuts(parts: _Dims) -> set[int]:
    cuts, at = {0}, 0
    for shape, _ in parts:
        at += len(shape)
        cuts.add(at)
    return cuts


def _pieces(parts: _Dims, cuts: set[int]) -> list[tuple[tuple[int, ...], tuple[Part, ...]]]:
    pieces: list[tuple[tuple[int, ...], tuple[Part, ...]]] = []
    sizes: tuple[int, ...] = ()
    held: tuple[Part, ...] = ()
    at = 0
    for shape, part in parts:
        sizes, held, at = (*sizes, *shape), (*held, part), at + len(shape)
        if at in cuts:
            pieces.append((sizes, held))
            sizes, held = (), ()
    return pieces


__all__ = ["Action", "Frame", "Segment", "TooLarge", "compose", "frame", "key"]
