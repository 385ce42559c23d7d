"""Types: how the groups act on a tensor.

A type is a direct sum of blocks; a block is a list of axes; an axis is plain (nothing acts), a
representation, or a ``flat`` of named fields. Two types are equal when they have the same shapes and
the same generators act on them by the same matrices, whatever they are called.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from eqspec.algebra.disc import still
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation, Term, entries, same_action
from eqspec.graph.sizes import Symbol, symbols_of


@dataclass(frozen=True)
class PlainAxis:
    """Channels: nothing acts. ``name`` is the parameter as which the size was written, for `each`."""

    size: int
    name: str | None = field(default=None, compare=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def factors(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return str(self.size)


@dataclass(frozen=True, eq=False)
class RepAxis:
    """Equal to another where shapes agree and the same matrices act, however they are written."""

    rep: Representation

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RepAxis):
            return NotImplemented
        return self.rep.shape == other.rep.shape and same_action(self.rep, other.rep)

    def __hash__(self) -> int:
        return hash((self.rep.shape, self.rep.factors))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rep.shape

    @property
    def factors(self) -> frozenset[str]:
        return self.rep.factors

    def __str__(self) -> str:
        return self.rep.label


@dataclass(frozen=True)
class FlatAxis:
    """One axis: the fields, flattened and concatenated; ``rep`` acts on the whole of it."""

    fields: tuple[tuple[str, Type], ...]
    rep: Representation = field(compare=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rep.degree,)

    @property
    def factors(self) -> frozenset[str]:
        return self.rep.factors

    def offset(self, name: str) -> int:
        """Where the field ``name`` begins on the axis."""
        start = 0
        for key, type_ in self.fields:
            if key == name:
                return start
            start += type_.size
        raise KeyError(name)

    def __str__(self) -> str:
        return "flat { " + ", ".join(f"{name}: {type_}" for name, type_ in self.fields) + " }"


Axis = PlainAxis | RepAxis | FlatAxis


@dataclass(frozen=True, eq=False)
class Values:
    """What the entries of an index tensor are: whole numbers 0 ... size - 1, permuted by ``rep`` (None:
    nothing acts). Equal to another where as many numbers are permuted alike."""

    size: int
    rep: Representation | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Values):
            return NotImplemented
        return self.size == other.size and RepAxis(self.point) == RepAxis(other.point)

    def __hash__(self) -> int:
        return hash((self.size, self.factors))

    @cached_property
    def point(self) -> Representation:
        """The action on the numbers as that on an axis with one entry for each of them."""
        return self.rep or Representation(str(self.size), (), self.size, (self.size,))

    @property
    def factors(self) -> frozenset[str]:
        return self.rep.factors if self.rep is not None else frozenset()

    def __str__(self) -> str:
        return self.rep.label if self.rep is not None else str(self.size)


@dataclass(frozen=True)
class Block:
    """One tensor: its axes, and for a tensor of whole numbers what these number (``values``)."""

    axes: tuple[Axis, ...]
    fixed: bool = field(default=False, compare=False)
    values: Values | None = None

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(size for axis in self.axes for size in axis.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def factors(self) -> frozenset[str]:
        of_values = self.values.factors if self.values is not None else frozenset()
        return of_values.union(*(axis.factors for axis in self.axes))

    @cached_property
    def one_hot(self) -> Block:
        """The block of numbers that encodes this one: an index tensor has a last axis with 1 at the
        place of its number and 0 elsewhere, which the group permutes. Others are themselves."""
        if self.values is None:
            return self
        return Block((*self.axes, RepAxis(self.values.point)), self.fixed)

    @cached_property
    def point_axis(self) -> int | None:
        """The axis on which positions stand: a translation moves every row along it. None: the
        action on the block is linear."""
        for k, axis in enumerate(self.axes):
            if isinstance(axis, RepAxis) and axis.rep.is_affine:
                return k
        return None

    @cached_property
    def disc_axis(self) -> int | None:
        """The axis on which a sampled picture stands, which the group turns by any angle. None: the
        action on the block is linear."""
        for k, axis in enumerate(self.axes):
            if not isinstance(axis, PlainAxis) and axis.rep.is_sampled:
                return k
        return None

    @cached_property
    def parts(self) -> tuple[int | Representation, ...]:
        """The axes as the algebra wants them: multiplicities and representations."""
        assert self.values is None, "indices are no vector: see `one_hot`"
        return tuple(axis.size if isinstance(axis, PlainAxis) else axis.rep for axis in self.axes)

    @cached_property
    def dims(self) -> tuple[tuple[int, int], ...]:
        """For every axis the first of its tensor dimensions and their number."""
        starts: list[tuple[int, int]] = []
        at = 0
        for axis in self.axes:
            starts.append((at, len(axis.shape)))
            at += len(axis.shape)
        return tuple(starts)

    @cached_property
    def actions(self) -> tuple[tuple[Representation, int, int], ...]:
        """Every acting representation with the first of its tensor dimensions and their number. A
        tensor power is taken apart: each of its dimensions is moved by its own small matrix."""
        found: list[tuple[Representation, int, int]] = []
        for axis, (dim, width) in zip(self.axes, self.dims, strict=True):
            if isinstance(axis, PlainAxis) or not axis.factors:
                continue
            terms = axis.rep.terms or ()
            if len(terms) != 1 or terms[0].shape != axis.rep.shape or len(terms[0].axes) < 2:
                found.append((axis.rep, dim, width))
                continue
            for part in terms[0].axes:
                if isinstance(part, Representation):
                    found.append((part, dim, len(part.shape)))
                dim += 1 if isinstance(part, int) else len(part.shape)
        return tuple(found)

    def __str__(self) -> str:
        if len(self.axes) == 1 and isinstance(self.axes[0], FlatAxis):
            return str(self.axes[0])
        text = "[" + ", ".join(str(axis) for axis in self.axes) + "]"
        if self.values is not None:
            text = f"index({self.values}){text}"
        return "fixed " + text if self.fixed else text


@dataclass(frozen=True)
class Type:
    blocks: tuple[Block, ...]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(block.shape for block in self.blocks)

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks)

    @cached_property
    def factors(self) -> frozenset[str]:
        return frozenset(factor for block in self.blocks for factor in block.factors)

    @property
    def has_points(self) -> bool:
        return any(block.point_axis is not None for block in self.blocks)

    @cached_property
    def discs(self) -> tuple[Representation, ...]:
        """What acts on the sampled pictures among the blocks."""
        return tuple(rep for rep in self.representations() if rep.is_sampled)

    @property
    def sampled(self) -> frozenset[str]:
        """The factors that turn sampled pictures: nothing about them is exact."""
        return frozenset(factor for disc in self.discs for factor in disc.factors)

    @cached_property
    def groups(self) -> dict[str, Group]:
        """The primitive groups that act, by the names of their factors."""
        found: dict[str, Group] = {}
        for rep in self.representations():
            for name, group in rep.groups:
                if name in rep.factors:
                    found[name] = group
        return found

    def representations(self) -> Iterator[Representation]:
        for block in self.blocks:
            for axis in block.axes:
                if not isinstance(axis, PlainAxis):
                    yield axis.rep
            if block.values is not None and block.values.rep is not None:
                yield block.values.rep

    @property
    def has_indices(self) -> bool:
        """Is a tensor of whole numbers among the blocks?"""
        return any(block.values is not None for block in self.blocks)

    @property
    def one_hot(self) -> Type:
        """The type of the one-hot encoding: see `Block.one_hot`."""
        return Type(tuple(block.one_hot for block in self.blocks))

    def __str__(self) -> str:
        return " + ".join(str(block) for block in self.blocks)


def stilled(type_: Type) -> Type:
    """The type with pixels on which nothing acts in place of every disc."""
    return replaced(type_, {disc: still(disc) for disc in type_.discs})


def replaced(type_: Type, instead: Mapping[Representation, Representation]) -> Type:
    """The type with these representations in place of others."""

    def changed(axis: Axis) -> Axis:
        return (
            RepAxis(instead[axis.rep])
            if isinstance(axis, RepAxis) and axis.rep in instead
            else axis
        )

    blocks = (replace(block, axes=tuple(map(changed, block.axes))) for block in type_.blocks)
    return Type(tuple(blocks))


def displacements(type_: Type) -> Type:
    """The type with every point replaced by the vector that a difference of points is."""
    blocks: list[Block] = []
    for block in type_.blocks:
        axes = list(block.axes)
        k = block.point_axis
        if k is not None:
            axis = axes[k]
            assert isinstance(axis, RepAxis)
            axes[k] = RepAxis(axis.rep.displacements())
        blocks.append(Block(tuple(axes), block.fixed))
    return Type(tuple(blocks))


def symbols_in(types: Iterable[Type]) -> frozenset[Symbol]:
    """The sizes of run time in some types."""
    return symbols_of(*(size for type_ in types for shape in type_.shapes for size in shape))


def term_of(block: Block) -> Term:
    """A block as one term of a direct sum, flattened row by row."""
    return Term(block.parts)


def block_entries(block: Block, factor: str, generator: int) -> frozenset[Fraction] | None:
    """The non-zero entries of a generator on the whole block if it is monomial there, else None.

    The matrix is the Kronecker product over the axes, so its entries are all products of theirs: the
    product of two signs of one factor is +1, and such a block is a permutation after all.
    """
    found = frozenset([Fraction(1)])
    for part in block.parts:
        if isinstance(part, int):
            continue
        values = entries(part, factor, generator)
        if values is None:
            return None
        found = frozenset(a * b for a in found for b in values)
    return found


def unfolded(axis: Axis) -> tuple[int | Representation, ...] | None:
    """What acts on every tensor dimension of an axis: one entry, or those of a tensor product.

    None where several dimensions make one axis that is no product, as on a grid.
    """
    if isinstance(axis, PlainAxis):
        return (axis.size,)
    rep = axis.rep
    if len(axis.shape) == 1:
        return (rep,)
    if rep.terms is not None and len(rep.terms) == 1 and rep.shape == rep.terms[0].shape:
        parts = rep.terms[0].axes
        if all(isinstance(part, int) or len(part.shape) == 1 for part in parts):
            return parts
    return None


def regrouped(first: Type, second: Type) -> bool:
    """Do the types differ in nothing but which dimensions are written as one tensor axis?"""
    if first.shapes != second.shapes:
        return False
    return all(
        a.values == b.values and _dimensions(a) == _dimensions(b)
        for a, b in zip(first.blocks, second.blocks, strict=True)
    )


def _dimensions(block: Block) -> tuple[Axis, ...]:
    found: list[Axis] = []
    for axis in block.axes:
        parts = unfolded(axis)
        if parts is None or isinstance(axis, FlatAxis):
            found.append(axis)
        else:
            found.extend(PlainAxis(p) if isinstance(p, int) else RepAxis(p) for p in parts)
    return tuple(found)
