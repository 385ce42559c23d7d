"""Images of group elements: exact matrices in four forms, and their arithmetic.

In: permutations with signs, rows of fractions, lattice symmetries. Out: products, inverses, traces.
An `Infinitesimal` stands for the one-parameter group exp(tA): the same functions take its Kronecker
sum, its dual, its trace in place of a determinant, and its equation b L = L a is that of a matrix; it
has no product with other images, no trace and no rows as an element.
A `Monomial` is a signed permutation matrix, a `Matrix` any rational matrix that is not one, and a
`LatticeMap` a signed affine permutation of grid coordinates, which is composed, compared and traced
without listing the points of the grid (an image of 128 x 128 x 128 costs what one of 2 x 2 costs).
An `AffineMap` is no matrix: x -> Ax + t, how a motion acts on positions. It is composed, inverted and
compared; whatever asks it for a matrix gets `NotLinear`, so that no rule takes a point for a vector.
A `SampledMap` is no matrix either: a turn of the plane by any angle, of which a picture has only samples.

Every matrix acts on column vectors: (A B)(x) = A(B(x)).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TypeAlias

from eqspec.algebra.elimination import determinant_rows, inverse_rows

Rational: TypeAlias = int | Fraction
_SAMPLED = "a turn of a sampled picture has no matrix"


@dataclass(frozen=True)
class Monomial:
    """The signed permutation matrix e_i -> signs[i] * e_{images[i]}; so y[images[i]] = signs[i] *
    x[i]."""

    images: tuple[int, ...]
    signs: tuple[int, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.images, self.signs))

    def __hash__(self) -> int:
        return self._hash

    @property
    def degree(self) -> int:
        return len(self.images)

    @cached_property
    def is_permutation(self) -> bool:
        return min(self.signs, default=1) > 0

    @cached_property
    def is_identity(self) -> bool:
        return self.is_permutation and self.images == tuple(range(len(self.images)))


@dataclass(frozen=True)
class Matrix:
    """A square rational matrix, by rows. Built by `matrix`, which turns signed permutations into
    `Monomial`."""

    rows: tuple[tuple[Fraction, ...], ...]

    @cached_property
    def _hash(self) -> int:
        return hash(self.rows)

    def __hash__(self) -> int:
        return self._hash

    @property
    def degree(self) -> int:
        return len(self.rows)

    @property
    def is_permutation(self) -> bool:
        return False  # a `Matrix` in normal form is no signed permutation

    @property
    def is_identity(self) -> bool:
        return False

    @cached_property
    def sparse_rows(self) -> tuple[tuple[tuple[int, Fraction], ...], ...]:
        """The non-zero entries of every row as (column, value)."""
        return tuple(tuple((j, v) for j, v in enumerate(row) if v) for row in self.rows)


@dataclass(frozen=True)
class Infinitesimal:
    """The elements exp(tA) for all real t, by the rows of A. Built by `infinitesimal`."""

    rows: tuple[tuple[Fraction, ...], ...]

    @cached_property
    def _hash(self) -> int:
        return hash(("exp", self.rows))

    def __hash__(self) -> int:
        return self._hash

    @property
    def degree(self) -> int:
        return len(self.rows)

    @property
    def is_permutation(self) -> bool:
        return False

    @property
    def is_identity(self) -> bool:
        return False  # in normal form A is not zero

    @cached_property
    def sparse_rows(self) -> tuple[tuple[tuple[int, Fraction], ...], ...]:
        """The non-zero entries of every row of A as (column, value)."""
        return tuple(tuple((j, v) for j, v in enumerate(row) if v) for row in self.rows)


@dataclass(frozen=True)
class AffineMap:
    """x -> linear(x) + shift. Images of a representation on points are all of this form, also where
    the shift is zero. Built by `affine`."""

    linear: Monomial | Matrix
    shift: tuple[Fraction, ...]

    @property
    def degree(self) -> int:
        return len(self.shift)

    @property
    def is_permutation(self) -> bool:
        return False

    @property
    def is_identity(self) -> bool:
        return self.linear.is_identity and not any(self.shift)


@dataclass(frozen=True)
class SampledMap:
    """A turn or mirror of the plane about the centre of a picture that is known at its pixels only.

    No matrix: what the turned picture is between the old pixels is not known, and two turns by half
    an angle are not one by the whole. It is compared and asked whether it is the identity; whatever
    asks for more gets `NotLinear`. ``turn`` is the angle as a part of the full circle, or its cosine
    and sine; after the mirror of the last axis, if ``mirrored``. Angles go from the first axis of the
    picture (rows) to the second.
    """

    shape: tuple[int, int]
    turn: Fraction | tuple[Fraction, Fraction]
    mirrored: bool = False

    @property
    def degree(self) -> int:
        return prod(self.shape)

    @property
    def is_permutation(self) -> bool:
        return False

    @property
    def is_identity(self) -> bool:
        return self.turn == 0 and not self.mirrored


class NotLinear(TypeError):  # noqa: N818 - says what the argument is not
    """A map with a translation, or of a sampled picture, was taken for a matrix."""


class NoElement(TypeError):  # noqa: N818 - says what the argument is not
    """A one-parameter group was taken for an element."""


@dataclass(frozen=True)
class LatticeMap:
    """The permutation of the points of a grid that moves the entry at c to c', where c'[axes[d]] =
    (signs[d] * c[d] + offsets[d]) mod shape[d]. Built by `lattice_map` (normal form)."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    signs: tuple[int, ...]
    offsets: tuple[int, ...]

    @property
    def degree(self) -> int:
        return prod(self.shape)

    @property
    def is_permutation(self) -> bool:
        return True

    @property
    def is_identity(self) -> bool:
        return (
            self.axes == tuple(range(len(self.shape)))
            and all(sign == 1 for sign in self.signs)
            and not any(self.offsets)
        )

    @cached_property
    def monomial(self) -> Monomial:
        """The same permutation, point by point (row-major)."""
        strides = _strides(self.shape)
        images = [0]
        for d, size in enumerate(self.shape):
            stride = strides[self.axes[d]]
            step = [stride * ((self.signs[d] * c + self.offsets[d]) % size) for c in range(size)]
            images = [base + move for base in images for move in step]
        return Monomial(tuple(images), (1,) * len(images))


Image: TypeAlias = Monomial | Matrix | Infinitesimal
AnyImage: TypeAlias = Monomial | Matrix | Infinitesimal | LatticeMap | AffineMap | SampledMap


def matrix(rows: Sequence[Sequence[Rational]]) -> Image:
    """The image with these rows; a signed permutation becomes a `Monomial`. ValueError if not
    square."""
    exact = tuple(tuple(Fraction(value) for value in row) for row in rows)
    if any(len(row) != len(exact) for row in exact):
        raise ValueError(f"a square matrix is needed, found {len(exact)} rows of other lengths")
    size = len(exact)
    images, signs = [-1] * size, [0] * size
    for i, row in enumerate(exact):
        support = [j for j, value in enumerate(row) if value]
        if len(support) != 1 or abs(row[support[0]]) != 1 or signs[support[0]]:
            return Matrix(exact)
        images[support[0]], signs[support[0]] = i, int(row[support[0]])
    return Monomial(tuple(images), tuple(signs))


def infinitesimal(rows: Sequence[Sequence[Rational]]) -> Image:
    """exp(tA) for the A with these rows; the identity if A is zero. ValueError if not square."""
    exact = tuple(tuple(Fraction(value) for value in row) for row in rows)
    if any(len(row) != len(exact) for row in exact):
        raise ValueError(f"a square matrix is needed, found {len(exact)} rows of other lengths")
    return Infinitesimal(exact) if any(map(any, exact)) else identity(len(exact))


def affine(linear: Image, shift: Sequence[Rational]) -> AffineMap:
    """x -> linear(x) + shift. ValueError if the sizes differ."""
    if len(shift) != linear.degree:
        raise ValueError(f"a shift of {len(shift)} numbers beside {linear.degree} rows")
    if isinstance(linear, Infinitesimal):
        raise NoElement("a one-parameter group is no motion")
    return AffineMap(linear, tuple(Fraction(value) for value in shift))


def permutation(images: Iterable[int]) -> Monomial:
    """The permutation matrix e_i -> e_{images[i]}. ValueError if it is no permutation."""
    result = tuple(images)
    if sorted(result) != list(range(len(result))):
        raise ValueError(f"{result} is not a permutation of 0..{len(result) - 1}")
    return Monomial(result, (1,) * len(result))


def lattice_map(
    shape: Sequence[int], axes: Sequence[int], signs: Sequence[int], offsets: Sequence[int]
) -> LatticeMap:
    """The normal form of a lattice symmetry; equal maps of points become equal values."""
    fixed = tuple(d if size == 1 else axes[d] for d, size in enumerate(shape))
    return LatticeMap(
        tuple(shape),
        fixed,
        tuple(1 if size <= 2 else signs[d] for d, size in enumerate(shape)),
        tuple(offsets[d] % size for d, size in enumerate(shape)),
    )


def identity(degree: int) -> Monomial:
    return Monomial(tuple(range(degree)), (1,) * degree)


def explicit(image: AnyImage) -> Image:
    """The image in a form that is no lattice symmetry. NotLinear for a map with a translation and
    for a turn of a sampled picture."""
    if isinstance(image, AffineMap):
        raise NotLinear("a motion of points has no matrix")
    if isinstance(image, SampledMap):
        raise NotLinear(_SAMPLED)
    return image.monomial if isinstance(image, LatticeMap) else image


def rows_of(image: AnyImage) -> tuple[tuple[Fraction, ...], ...]:
    """The dense rows of any image. NoElement for a one-parameter group."""
    image = explicit(image)
    if isinstance(image, Infinitesimal):
        raise NoElement("a one-parameter group has no matrix")
    if isinstance(image, Matrix):
        return image.rows
    rows = [[Fraction(0)] * image.degree for _ in range(image.degree)]
    for i, (j, sign) in enumerate(zip(image.images, image.signs, strict=True)):
        rows[j][i] = Fraction(sign)
    return tuple(tuple(row) for row in rows)


def sparse_rows_of(image: AnyImage) -> tuple[tuple[tuple[int, Fraction], ...], ...]:
    """The non-zero entries of every row as (column, value). NoElement for a one-parameter group."""
    image = explicit(image)
    if isinstance(image, Infinitesimal):
        raise NoElement("a one-parameter group has no matrix")
    if isinstance(image, Matrix):
        return image.sparse_rows
    rows: list[tuple[tuple[int, Fraction], ...]] = [()] * image.degree
    for i, (j, sign) in enumerate(zip(image.images, image.signs, strict=True)):
        rows[j] = ((i, Fraction(sign)),)
    return tuple(rows)


def commuting(a: AnyImage, b: AnyImage) -> tuple[Image, Image]:
    """Two matrices with the same equation b L = L a as the images of one letter. L commutes with
    exp(tA) for all t iff it commutes with A, where the identity has A = 0."""
    if isinstance(a, Infinitesimal) or isinstance(b, Infinitesimal):
        return matrix(_tangent(a)), matrix(_tangent(b))
    return explicit(a), explicit(b)


def compose(left: AnyImage, right: AnyImage) -> AnyImage:
    """The product `left * right` (`right` acts first)."""
    if left.degree != right.degree:
        raise ValueError(f"degrees {left.degree} and {right.degree} cannot be composed")
    if isinstance(left, SampledMap) or isinstance(right, SampledMap):
        raise NotLinear(_SAMPLED)
    if isinstance(left, AffineMap) or isinstance(right, AffineMap):
        if not (isinstance(left, AffineMap) and isinstance(right, AffineMap)):
            raise NotLinear("a motion of points is composed with motions of points only")
        moved = _applied(left.linear, right.shift)
        shift = [a + b for a, b in zip(moved, left.shift, strict=True)]
        return affine(explicit(compose(left.linear, right.linear)), shift)
    if left.is_identity or right.is_identity:
        if isinstance(left, Infinitesimal) or isinstance(right, Infinitesimal):
            return right if left.is_identity else left
    elif isinstance(left, Infinitesimal) or isinstance(right, Infinitesimal):
        raise NoElement("one-parameter groups are not multiplied")
    if isinstance(left, LatticeMap) and isinstance(right, LatticeMap) and left.shape == right.shape:
        axes = tuple(left.axes[a] for a in right.axes)
        signs = [s * left.signs[a] for s, a in zip(right.signs, right.axes, strict=True)]
        offsets = [
            left.signs[a] * o + left.offsets[a]
            for o, a in zip(right.offsets, right.axes, strict=True)
        ]
        return lattice_map(left.shape, axes, signs, offsets)
    left, right = explicit(left), explicit(right)
    if isinstance(left, Monomial) and isinstance(right, Monomial):
        images, signs_of = left.images, left.signs
        if left.is_permutation and right.is_permutation:
            return Monomial(tuple([images[j] for j in right.images]), left.signs)
        return Monomial(
            tuple([images[j] for j in right.images]),
            tuple([s * signs_of[j] for j, s in zip(right.images, right.signs, strict=True)]),
        )
    columns = sparse_rows_of(right)
    product = []
    for row in sparse_rows_of(left):
        line = [Fraction(0)] * left.degree
        for k, value in row:
            for j, other in columns[k]:
                line[j] += value * other
        product.append(line)
    return matrix(product)


def _applied(image: AnyImage, vector: Sequence[Fraction]) -> list[Fraction]:
    return [
        sum((value * vector[j] for j, value in row), Fraction(0)) for row in sparse_rows_of(image)
    ]


def _tangent(image: AnyImage) -> list[list[Fraction]]:
    """The rows of A for exp(tA); zero for the identity. NoElement for anything else: a letter means
    a one-parameter group on every tensor or on none."""
    if isinstance(image, Infinitesimal):
        return [list(row) for row in image.rows]
    if not image.is_identity:
        raise NoElement("an element was taken for a one-parameter group")
    return [[Fraction(0)] * image.degree for _ in range(image.degree)]


def inverse(image: AnyImage) -> AnyImage:
    """The inverse matrix. ZeroDivisionError if there is none."""
    match image:
        case LatticeMap():
            back = sorted(range(len(image.axes)), key=image.axes.__getitem__)
            signs = [image.signs[d] for d in back]
            offsets = [-image.signs[d] * image.offsets[d] for d in back]
            return lattice_map(image.shape, back, signs, offsets)
        case Monomial():
            order = [0] * image.degree
            for i, j in enumerate(image.images):
                order[j] = i
            return Monomial(tuple(order), tuple([image.signs[i] for i in order]))
        case Infinitesimal():
            return Infinitesimal(tuple(tuple(-v for v in row) for row in image.rows))
        case Matrix():
            return matrix(inverse_rows(image.rows))
        case AffineMap():
            back_linear = explicit(inverse(image.linear))
            return affine(back_linear, [-value for value in _applied(back_linear, image.shift)])
        case SampledMap():
            raise NotLinear(_SAMPLED)


def transpose(image: AnyImage) -> AnyImage:
    if isinstance(image, Matrix):
        return Matrix(tuple(zip(*image.rows, strict=True)))
    if isinstance(image, Infinitesimal):
        return Infinitesimal(tuple(zip(*image.rows, strict=True)))
    return inverse(image if isinstance(image, LatticeMap) else explicit(image))


def power(image: AnyImage, exponent: int) -> AnyImage:
    """The power by repeated squaring; negative exponents through the inverse."""
    if isinstance(image, Infinitesimal):
        return infinitesimal([[exponent * v for v in row] for row in image.rows])
    base = inverse(image) if exponent < 0 else image
    exponent = abs(exponent)
    if isinstance(image, LatticeMap):
        n = len(image.shape)
        result: AnyImage = LatticeMap(image.shape, tuple(range(n)), (1,) * n, (0,) * n)
    elif isinstance(image, AffineMap):
        result = affine(identity(image.degree), [0] * image.degree)
    else:
        result = identity(image.degree)
    while exponent:
        if exponent & 1:
            result = compose(result, base)
        exponent >>= 1
        if exponent:
            base = compose(base, base)
    return result


def trace(image: AnyImage) -> Rational:
    """The trace: for a permutation the number of fixed points, O(axes) for a lattice map."""
    match image:
        case Infinitesimal():
            raise NoElement("a one-parameter group has no trace")
        case Matrix():
            return _whole(sum((row[i] for i, row in enumerate(image.rows)), Fraction(0)))
        case Monomial():
            if image.is_permutation:
                return sum([i == j for i, j in enumerate(image.images)])
            return sum(
                [
                    s
                    for i, (j, s) in enumerate(zip(image.images, image.signs, strict=True))
                    if i == j
                ]
            )
        case LatticeMap():
            return _fixed_points(image)
        case AffineMap():
            raise NotLinear("a motion of points has no trace")
        case SampledMap():
            raise NotLinear(_SAMPLED)


def trace_is_finite(image: AnyImage) -> bool:
    """False if the trace shows that the matrix has infinite order: in a finite group it is a sum of
    `degree` roots of unity, and rational, so a whole number between -degree and degree; at the ends all
    roots are equal, and a matrix of finite order can be diagonalised, so it is 1 or -1."""
    if isinstance(image, Infinitesimal):
        return False
    value = Fraction(trace(image))
    if abs(value) == image.degree:
        return scale(image, value / image.degree).is_identity
    return value.denominator == 1 and abs(value) < image.degree


def trace_of_product(left: AnyImage, right: AnyImage) -> Rational:
    """trace(left * right)."""
    if isinstance(left, Monomial) and isinstance(right, Monomial):
        return sum(
            [
                s * left.signs[j]
                for i, (j, s) in enumerate(zip(right.images, right.signs, strict=True))
                if left.images[j] == i
            ]
        )
    return trace(compose(left, right))


def kron(left: AnyImage, right: AnyImage) -> AnyImage:
    """The Kronecker product, row-major: coordinate (i, j) is i * right.degree + j."""
    if isinstance(left, LatticeMap) and isinstance(right, LatticeMap):
        shift = len(left.shape)
        return LatticeMap(
            left.shape + right.shape,
            left.axes + tuple(a + shift for a in right.axes),
            left.signs + right.signs,
            left.offsets + right.offsets,
        )
    left, right = explicit(left), explicit(right)
    if isinstance(left, Monomial) and isinstance(right, Monomial):
        d = right.degree
        return Monomial(
            tuple([i * d + j for i in left.images for j in right.images]),
            tuple([s * t for s in left.signs for t in right.signs]),
        )
    if isinstance(left, Infinitesimal) or isinstance(right, Infinitesimal):
        a, b = _tangent(left), _tangent(right)
        p, q = range(left.degree), range(right.degree)
        return infinitesimal(  # the Kronecker sum
            [[(k == m) * a[i][j] + (i == j) * b[k][m] for j in p for m in q] for i in p for k in q]
        )
    return matrix(
        [[a * b for a in row for b in other] for row in rows_of(left) for other in rows_of(right)]
    )


def direct_sum(blocks: Sequence[AnyImage]) -> Image:
    """The block-diagonal matrix of the blocks."""
    parts = [explicit(block) for block in blocks]
    if all(isinstance(part, Monomial) for part in parts):
        images: list[int] = []
        signs: list[int] = []
        for part in parts:
            assert isinstance(part, Monomial)
            start = len(images)
            images.extend([start + j for j in part.images])
            signs.extend(part.signs)
        return Monomial(tuple(images), tuple(signs))
    size = sum(part.degree for part in parts)
    rows, start = [], 0
    tangent = any(isinstance(part, Infinitesimal) for part in parts)
    for part in parts:
        for row in _tangent(part) if tangent else rows_of(part):
            line = [Fraction(0)] * size
            line[start : start + part.degree] = row
            rows.append(line)
        start += part.degree
    return infinitesimal(rows) if tangent else matrix(rows)


def restrict(image: AnyImage, indices: Sequence[int]) -> Image | None:
    """The diagonal block on `indices`, or None unless the matrix is block-diagonal for them and the
    rest."""
    chosen = {index: place for place, index in enumerate(indices)}
    rows = image.sparse_rows if isinstance(image, Infinitesimal) else sparse_rows_of(image)
    for i, row in enumerate(rows):
        if any((j in chosen) != (i in chosen) for j, _ in row):
            return None
    block = [[Fraction(0)] * len(indices) for _ in indices]
    for place, i in enumerate(indices):
        for j, value in rows[i]:
            block[place][chosen[j]] = value
    return infinitesimal(block) if isinstance(image, Infinitesimal) else matrix(block)


def scale(image: AnyImage, factor: Rational) -> Image:
    image = explicit(image)
    if isinstance(image, Monomial) and abs(factor) == 1:
        return Monomial(image.images, tuple([int(factor) * s for s in image.signs]))
    return matrix([[factor * value for value in row] for row in rows_of(image)])


def determinant_image(image: AnyImage) -> Image:
    """g -> det(g), and exp(tA) -> exp(t trace A), as an image of degree 1."""
    if isinstance(image, Infinitesimal):
        return infinitesimal([[sum((row[i] for i, row in enumerate(image.rows)), Fraction(0))]])
    return matrix([[determinant(image)]])


def twisted(image: AnyImage) -> Image:
    """g -> det(g) g."""
    if isinstance(image, Infinitesimal):
        return explicit(kron(determinant_image(image), image))
    return scale(image, determinant(image))


def determinant(image: AnyImage) -> Rational:
    """The determinant; the parity of the permutation times the product of the signs if monomial."""
    image = explicit(image)
    if isinstance(image, Infinitesimal):
        raise NoElement("a one-parameter group has no determinant")
    if isinstance(image, Matrix):
        return _whole(determinant_rows(image.rows))
    seen = [False] * image.degree
    result = prod(image.signs)
    for start in range(image.degree):
        length, i = 0, start
        while not seen[i]:
            seen[i], i, length = True, image.images[i], length + 1
        if length and length % 2 == 0:
            result = -result
    return result


def is_orthogonal(image: AnyImage) -> bool:
    """Does the matrix preserve lengths? No for a motion of points and for a turn of samples, which are
    no matrices."""
    if isinstance(image, AffineMap | SampledMap):
        return False
    if isinstance(image, Infinitesimal):
        return inverse(image) == transpose(image)
    if not isinstance(image, Matrix):
        return True
    return compose(image, transpose(image)).is_identity


def monomial_entries(image: AnyImage) -> frozenset[Fraction] | None:
    """The non-zero entries if every row and column has exactly one of them, else None."""
    if isinstance(image, LatticeMap):
        return frozenset({Fraction(1)})
    if isinstance(image, Monomial):
        return frozenset(Fraction(sign) for sign in set(image.signs))
    if isinstance(image, AffineMap | SampledMap):
        return None
    if isinstance(image, Infinitesimal):
        return None  # diagonal ones would have the entries e^(at): not taken for scalings
    columns = set()
    for row in image.sparse_rows:
        if len(row) != 1:
            return None
        columns.add(row[0][0])
    if len(columns) != image.degree:
        return None
    return frozenset(row[0][1] for row in image.sparse_rows)


def _whole(value: Rational) -> Rational:
    return int(value) if value == int(value) else value


def _strides(shape: Sequence[int]) -> list[int]:
    return [prod(shape[d + 1 :]) for d in range(len(shape))]


def _fixed_points(image: LatticeMap) -> int:
    """Fixed points, one cycle of the axis permutation at a time: c = sign * c + offset mod size."""
    total, seen = 1, [False] * len(image.shape)
    for start, size in enumerate(image.shape):
        if seen[start]:
            continue
        sign, offset, d = 1, 0, start
        while not seen[d]:
            seen[d] = True
            sign, offset = image.signs[d] * sign, image.signs[d] * offset + image.offsets[d]
            d = image.axes[d]
        offset %= size
        if sign == 1:
            total *= size if offset == 0 else 0
        elif size % 2:
            total *= 1
        else:
            total *= 2 if offset % 2 == 0 else 0
    return total
