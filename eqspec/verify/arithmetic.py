"""Products, inverses and traces of exact maps; `product(a, b)` applies b first."""

from __future__ import annotations

from fractions import Fraction

from eqspec.verify.exact import (
    Dense,
    Map,
    Motion,
    Moved,
    NoMatrix,
    Rows,
    Signed,
    dense_unchecked,
    entries,
    matrix,
    motion,
)


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
