"""Exact maps: signed permutations, motions of grids, rational matrices, tangents, motions of points.

In: numbers of a certificate. Out: products, traces, comparisons. Every map acts on column vectors, and
`product(a, b)` applies b first.
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
    moved = tuple(d if size == 1 else axis for d, (size, axis) in enumerate(zip(shape, axes)))
    if sorted(moved) != list(range(len(shape))):
        raise ValueError("its axes are no permutation")
    if any(shape[axis] != size for size, axis in zip(shape, moved, strict=True)):
        raise ValueError("it exchanges axes of different sizes")
    turns = tuple(1 if size <= 2 else sign for size, sign in zip(shape, signs, strict=True))
    shifts = tuple(offset % size for size, offset in zip(shape, offsets, strict=True))
    return Motion(shape, moved, turns, shifts)


def points(value: Motion) -> Signed:
    """The same permutation, entry by entry, row by row."""
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


def product(left: Map, right: Map) -> Map:
    """``left`` after ``right``. NoMatrix for maps that have no product."""
    if left.degree != right.degree:
        raise ValueError(f"maps of degrees {left.degree} and {right.degree} have no product")
    if isinstance(left, Motion) and isinstance(right, Motion) and left.shape == right.shape:
        return motion(
            left.shape,
            tuple(left.axes[a] for a in right.axes),
            tuple(s * left.signs[a] for s, a in zip(right.signs, right.axes, strict=True)),
            tuple(
                left.signs[a] * o + left.offsets[a]
                for o, a in zip(right.offsets, right.axes, strict=True)
            ),
        )
    if isinstance(left, Moved) or isinstance(right, Moved):
        if not (isinstance(left, Moved) and isinstance(right, Moved)):
            raise NoMatrix("a motion of points is multiplied by such only")
        linear = product(left.linear, right.linear)
        assert isinstance(linear, Signed | Dense)
        shift = (
            sum((v * right.shift[j] for j, v in row.items()), Fraction(0)) + offset
            for row, offset in zip(entries(left.linear), left.shift, strict=True)
        )
        return Moved(linear, tuple(shift))
    a, b = matrix(left), matrix(right)
    if isinstance(a, Signed) and isinstance(b, Signed):
        return Signed(
            tuple([a.images[j] for j in b.images]),
            tuple([s * a.signs[j] for j, s in zip(b.images, b.signs, strict=True)]),
        )
    below = entries(b)
    rows = []
    for row in entries(a):
        line = [Fraction(0)] * a.degree
        for k, value in row.items():
            for j, other in below[k].items():
                line[j] += value * other
        rows.append(tuple(line))
    return dense_unchecked(tuple(rows))


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


def inverse(value: Map) -> Map:
    """The inverse of a matrix or of a motion."""
    match value:
        case Signed(images=images, signs=signs):
            back, turned = [0] * len(images), [1] * len(images)
            for i, (j, sign) in enumerate(zip(images, signs, strict=True)):
                back[j], turned[j] = i, sign
            return Signed(tuple(back), tuple(turned))
        case Motion(shape=shape, axes=axes, signs=signs, offsets=offsets):
            order = sorted(range(len(axes)), key=axes.__getitem__)
            return motion(
                shape,
                tuple(order),
                tuple(signs[d] for d in order),
                tuple(-signs[d] * offsets[d] for d in order),
            )
        case Dense(rows=rows):
            return dense_unchecked(_inverse(rows))
    raise NoMatrix(type(value).__name__)


def transposed(value: Map) -> Map:
    match value:
        case Signed() | Motion():
            return inverse(value)
        case Dense(rows=rows):
            return Dense(tuple(zip(*rows, strict=True)))
    raise NoMatrix(type(value).__name__)


def _inverse(rows: Rows) -> Rows:
    size = len(rows)
    work = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(rows)]
    for k in range(size):
        pivot = next(i for i in range(k, size) if work[i][k])
        work[k], work[pivot] = work[pivot], work[k]
        scale = work[k][k]
        work[k] = [value / scale for value in work[k]]
        for i in range(size):
            if i != k and work[i][k]:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return tuple(tuple(row[size:]) for row in work)


def trace(value: Map) -> Fraction:
    """The trace; of a permutation the number of entries that stay."""
    match value:
        case Motion(shape=shape, axes=axes):
            total, seen = 1, set[int]()
            for start in range(len(shape)):
                if start in seen:
                    continue
                sign, offset, d = 1, 0, start
                while True:  # once around the cycle of axes: c goes to sign * c + offset
                    seen.add(d)
                    sign, offset = value.signs[d] * sign, value.signs[d] * offset + value.offsets[d]
                    d = axes[d]
                    if d == start:
                        break
                n = shape[start]
                total *= sum((sign * c + offset - c) % n == 0 for c in range(n))
            return Fraction(total)
        case Signed(images=images, signs=signs):
            return Fraction(
                sum(s for i, (j, s) in enumerate(zip(images, signs, strict=True)) if i == j)
            )
    found = entries(value)
    return sum((row.get(i, Fraction(0)) for i, row in enumerate(found)), Fraction(0))


def kron(left: Signed | Dense, right: Signed | Dense) -> Signed | Dense:
    """The Kronecker product, the second running fastest."""
    if isinstance(left, Signed) and isinstance(right, Signed):
        n = right.degree
        return Signed(
            tuple([i * n + j for i in left.images for j in right.images]),
            tuple([s * t for s in left.signs for t in right.signs]),
        )
    rows = []
    for a in entries(left):
        for b in entries(right):
            line = [Fraction(0)] * (left.degree * right.degree)
            for i, v in a.items():
                for j, w in b.items():
                    line[i * right.degree + j] = v * w
            rows.append(tuple(line))
    return dense_unchecked(tuple(rows))


def determinant(value: Map) -> Fraction:
    found = [dict(row) for row in entries(value)]
    sign, total = 1, Fraction(1)
    for k in range(len(found)):
        pivot = next((i for i in range(k, len(found)) if found[i].get(k)), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            found[k], found[pivot], sign = found[pivot], found[k], -sign
        total *= found[k][k]
        for i in range(k + 1, len(found)):
            factor = found[i].get(k, Fraction(0)) / found[k][k]
            if factor:
                for j, v in found[k].items():
                    found[i][j] = found[i].get(j, Fraction(0)) - factor * v
    return sign * total


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
