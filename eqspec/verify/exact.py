"""Exact maps: signed permutations, motions of grids, rational matrices, tangents, motions of points.

In: numbers of a certificate. Out: values in normal form, so that equal maps of one form are equal values.
Every map acts on column vectors; `arithmetic` multiplies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TypeAlias

Rows: TypeAlias = tuple[tuple[Fraction, ...], ...]
Entries: TypeAlias = tuple[dict[int, Fraction], ...]
"""The entries of every row that are not zero, by column."""

MOST_POINTS = 1 << 21  # entries of a motion that are written out


class NoMatrix(TypeError):  # noqa: N818 - says what the argument is not
    """A turned picture or a one-parameter group was taken for a matrix."""


@dataclass(frozen=True)
class Signed:
    """e_i -> signs[i] e_{images[i]}."""

    images: tuple[int, ...]
    signs: tuple[int, ...]

    @property
    def degree(self) -> int:
        return len(self.images)

    @cached_property
    def _hash(self) -> int:
        return hash((self.images, self.signs))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Motion:
    """The entry at c goes to c' with c'[axes[d]] = signs[d] c[d] + offsets[d] modulo shape[d]. In
    normal form: an axis of one entry stays, and one of two is never reversed but rolled."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    signs: tuple[int, ...]
    offsets: tuple[int, ...]

    @property
    def degree(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Dense:
    """A rational matrix by rows that is no signed permutation."""

    rows: Rows

    @property
    def degree(self) -> int:
        return len(self.rows)

    @cached_property
    def _hash(self) -> int:
        return hash(self.rows)

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Tangent:
    """All exp(tA), by the rows of A."""

    rows: Rows

    @property
    def degree(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Moved:
    """x -> linear x + shift."""

    linear: Signed | Dense
    shift: tuple[Fraction, ...]

    @property
    def degree(self) -> int:
        return len(self.shift)


@dataclass(frozen=True)
class Turned:
    """A turn of a picture of which only the pixels are known: no matrix. ``angle`` as it is written."""

    pixels: tuple[int, int]
    angle: tuple[str, ...]
    mirrored: bool

    @property
    def degree(self) -> int:
        return prod(self.pixels)


Map: TypeAlias = Signed | Motion | Dense | Tangent | Moved | Turned


def identity(degree: int) -> Signed:
    return Signed(tuple(range(degree)), (1,) * degree)


def motion(
    shape: tuple[int, ...], axes: tuple[int, ...], signs: tuple[int, ...], offsets: tuple[int, ...]
) -> Motion:
    """The normal form. ValueError if this is no permutation of the entries."""
    if not len(shape) == len(axes) == len(signs) == len(offsets):
        raise ValueError("its numbers do not fit together")
    if min(shape, default=1) < 1 or any(sign not in (1, -1) for sign in signs):
        raise ValueError("its sizes or signs are none")
    pairs = zip(shape, axes, strict=True)
    moved = tuple(d if size == 1 else axis for d, (size, axis) in enumerate(pairs))
    if sorted(moved) != list(range(len(shape))):
        raise ValueError("its axes are no permutation")
    if any(shape[axis] != size for size, axis in zip(shape, moved, strict=True)):
        raise ValueError("it exchanges axes of different sizes")
    turns = tuple(1 if size <= 2 else sign for size, sign in zip(shape, signs, strict=True))
    shifts = tuple(offset % size for size, offset in zip(shape, offsets, strict=True))
    return Motion(shape, moved, turns, shifts)


def points(value: Motion) -> Signed:
    """The same permutation, entry by entry, row by row. NoMatrix if there are too many entries."""
    if value.degree > MOST_POINTS:
        raise NoMatrix(f"a permutation of {value.degree:,} entries")
    strides = [prod(value.shape[d + 1 :]) for d in range(len(value.shape))]
    images = [0]
    for d, size in enumerate(value.shape):
        stride = strides[value.axes[d]]
        steps = [stride * ((value.signs[d] * c + value.offsets[d]) % size) for c in range(size)]
        images = [base + step for base in images for step in steps]
    return Signed(tuple(images), (1,) * len(images))


def dense(rows: Rows) -> Signed | Dense:
    """The matrix with these rows in normal form. ValueError if it is not square or has no inverse."""
    size = len(rows)
    if any(len(row) != size for row in rows):
        raise ValueError("it is not square")
    images, signs = [-1] * size, [0] * size
    for i, row in enumerate(rows):
        places = [j for j, value in enumerate(row) if value]
        if len(places) != 1 or abs(row[places[0]]) != 1 or signs[places[0]]:
            if rank([dict(entries) for entries in _entries(rows)]) < size:
                raise ValueError("it has no inverse")
            return Dense(rows)
        images[places[0]], signs[places[0]] = i, int(row[places[0]])
    return Signed(tuple(images), tuple(signs))


def is_identity(value: Map) -> bool:
    match value:
        case Signed(images=images, signs=signs):
            return images == tuple(range(len(images))) and min(signs, default=1) > 0
        case Motion(axes=axes, signs=signs, offsets=offsets):
            return axes == tuple(range(len(axes))) and min(signs) > 0 and not any(offsets)
        case Moved(linear=linear, shift=shift):
            return is_identity(linear) and not any(shift)
        case Tangent(rows=rows):
            return not any(map(any, rows))
        case Turned(angle=angle, mirrored=mirrored):
            return angle == ("0",) and not mirrored
    return False


def matrix(value: Map) -> Signed | Dense:
    """The map as a matrix; a motion of points by its action on (x, 1). NoMatrix where it has none."""
    match value:
        case Signed() | Dense():
            return value
        case Motion():
            return points(value)
        case Moved(linear=linear, shift=shift):
            rows = [
                [row.get(j, Fraction(0)) for j in range(len(shift))] + [offset]
                for row, offset in zip(entries(linear), shift, strict=True)
            ]
            last = [Fraction(0)] * len(shift) + [Fraction(1)]
            return dense(tuple(tuple(row) for row in [*rows, last]))
    raise NoMatrix(type(value).__name__)


def entries(value: Map) -> Entries:
    """The entries that are not zero, row by row."""
    found = matrix(value)
    if isinstance(found, Dense):
        return _entries(found.rows)
    rows: list[dict[int, Fraction]] = [{} for _ in found.images]
    for i, (j, sign) in enumerate(zip(found.images, found.signs, strict=True)):
        rows[j][i] = Fraction(sign)
    return tuple(rows)


def _entries(rows: Rows) -> Entries:
    return tuple({j: value for j, value in enumerate(row) if value} for row in rows)


def dense_unchecked(rows: Rows) -> Signed | Dense:
    """`dense` for a product of invertible matrices, which need not be asked for their rank."""
    size = len(rows)
    images, signs = [-1] * size, [0] * size
    for i, row in enumerate(rows):
        places = [j for j, value in enumerate(row) if value]
        if len(places) != 1 or abs(row[places[0]]) != 1:
            return Dense(rows)
        images[places[0]], signs[places[0]] = i, int(row[places[0]])
    return Signed(tuple(images), tuple(signs))


def rank(rows: list[dict[int, Fraction]]) -> int:
    """The rank over the rationals, by elimination of sparse rows."""
    pivots: dict[int, dict[int, Fraction]] = {}
    for source in rows:
        row = {j: v for j, v in source.items() if v}
        while row:
            lead = min(row)
            known = pivots.get(lead)
            if known is None:
                scale = row[lead]
                pivots[lead] = {j: v / scale for j, v in row.items()}
                break
            factor = row[lead]
            for j, v in known.items():
                left = row.get(j, Fraction(0)) - factor * v
                if left:
                    row[j] = left
                else:
                    row.pop(j, None)
    return len(pivots)
