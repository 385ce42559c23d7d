"""Invariant bilinear forms: what turns two vectors of one representation into a number.

In: a representation. Out: a `Form` B with rho(g)^T B rho(g) = B for every generator g, hence for the
whole group, and what is known of it exactly: symmetric, antisymmetric, positive definite. The choice is
deterministic:

1. the identity for orthogonal matrices; on tensor products and direct sums the form of the parts;
2. for a finite group sum over g of rho(g)^T rho(g), which is positive definite;
3. else an exact solution of the equations above (B is a map from V to its dual): of the symmetric ones
   a positive definite one if one of the combinations tried is so, else one that is not degenerate;
   failing that an antisymmetric one (symplectic groups).

Where none is found (a shear, GL(n), a scaling) there is no form; a vector is then paired with a
covector. Sources: Goodman and Wallach, *Symmetry, Representations, and Invariants*, section 1.1;
signatures by LDL^T (Sylvester's law of inertia). Pure Python: `check` needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import product
from math import gcd, lcm
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.representations import Representation, Term

MAX_SOLVED = 32  # degree up to which a form is solved for
MAX_ELEMENTS = 512  # elements over which a form is averaged
MAX_COMPARED = 256  # degree up to which matrices of tensor products are compared
PRIME = 2**61 - 1

Rows: TypeAlias = tuple[tuple[tuple[int, Fraction], ...], ...]
"""The entries of every row that are not zero, as (column, value)."""


@dataclass(frozen=True)
class Form:
    """A bilinear form that is not degenerate; ``rows`` is None for the identity."""

    degree: int
    rows: Rows | None = None
    symmetric: bool = True
    definite: bool = True  # positive

    @property
    def is_identity(self) -> bool:
        return self.rows is None

    @property
    def diagonal(self) -> tuple[Fraction, ...] | None:
        """The diagonal of a form that has nothing else."""
        if self.rows is None:
            return (Fraction(1),) * self.degree
        if any(len(row) != 1 or row[0][0] != k for k, row in enumerate(self.rows)):
            return None
        return tuple(row[0][1] for row in self.rows)

    @cached_property
    def scale(self) -> Fraction:
        """A power of two by which lengths and products are multiplied, so that they are of the size
        of their arguments: the largest entry of the form times it lies in [1, 2)."""
        if self.rows is None:
            return Fraction(1)
        largest = max(abs(v) for row in self.rows for _, v in row)
        return Fraction(1, 1 << (int(largest).bit_length() - 1))

    @property
    def sparse(self) -> Rows:
        return self.rows or tuple(((k, Fraction(1)),) for k in range(self.degree))

    def dense(self) -> list[list[Fraction]]:
        made = [[Fraction(0)] * self.degree for _ in range(self.degree)]
        for row, entries in zip(made, self.sparse, strict=True):
            for column, value in entries:
                row[column] = value
        return made


@lru_cache(maxsize=1024)
def invariant_form(rep: Representation) -> Form | None:
    """The invariant form of a representation; None if there is none, or none was found."""
    if rep.is_orthogonal:
        return Form(rep.degree)
    if rep.terms is not None:
        parts = [_of_term(term) for term in rep.terms]
        if all(part is not None for part in parts):
            return _direct_sum([part for part in parts if part is not None])
    if rep.degree > MAX_SOLVED:
        return None
    averaged = _averaged(rep)
    if averaged is not None:
        return _form(averaged, True, True)
    return _solved(rep)


def is_dual_pair(first: Representation, second: Representation) -> bool:
    """Is sum_i x_i y_i invariant, x in the first and y in the second: rho_2(g) = rho_1(g)^-T?"""
    if first.degree != second.degree or first.factors != second.factors:
        return False
    if first == second:
        return first.is_orthogonal
    if _parts_are_dual(first, second):
        return True
    if first.degree > MAX_COMPARED:  # where the parts do not say it, nobody looks
        return False
    dual = first.dual()
    return all(
        first.group(f) == second.group(f)
        and all(
            dual.image(f, g) == second.image(f, g) for g in range(len(first.group(f).generators))
        )
        for f in first.factors
    )


def _parts_are_dual(first: Representation, second: Representation) -> bool:
    """Is it so part by part, for tensor products of parts of the same degrees?"""
    if first.terms is None or second.terms is None or len(first.terms) != len(second.terms):
        return False
    return all(
        len(a.axes) == len(b.axes)
        and all(_part_is_dual(p, q) for p, q in zip(a.axes, b.axes, strict=True))
        for a, b in zip(first.terms, second.terms, strict=True)
    )


def _part_is_dual(p: int | Representation, q: int | Representation) -> bool:
    if isinstance(p, int) or isinstance(q, int):
        return p == q
    return is_dual_pair(p, q)


def is_invariant(rep: Representation, rows: Sequence[Sequence[Fraction]]) -> bool:
    """rho*(g) B = B rho(g) for every generator, exactly: B maps V to its dual."""
    sparse = tuple(tuple((j, v) for j, v in enumerate(row) if v) for row in rows)
    return all(_product(b, sparse) == _product(sparse, a) for a, b in _letters(rep))


# ---- composites ----


def _of_term(term: Term) -> Form | None:
    result: Form | None = Form(1)
    for axis in term.axes:
        form = Form(axis) if isinstance(axis, int) else invariant_form(axis)
        if form is None or result is None:
            return None
        result = kron(result, form)
    return result


def kron(a: Form, b: Form) -> Form:
    """The form on a tensor product, row by row."""
    if a.is_identity and b.is_identity:
        return Form(a.degree * b.degree)
    rows = tuple(
        tuple((j * b.degree + k, v * w) for j, v in left for k, w in right)
        for left in a.sparse
        for right in b.sparse
    )
    return Form(a.degree * b.degree, rows, a.symmetric == b.symmetric, a.definite and b.definite)


def _direct_sum(parts: Sequence[Form]) -> Form | None:
    """The sum of the forms of the parts, if all are symmetric or all antisymmetric."""
    degree = sum(part.degree for part in parts)
    if all(part.is_identity for part in parts):
        return Form(degree)
    if len({part.symmetric for part in parts}) > 1:
        return None
    rows: list[tuple[tuple[int, Fraction], ...]] = []
    for part in parts:
        start = len(rows)
        rows.extend(tuple((start + j, v) for j, v in row) for row in part.sparse)
    return Form(degree, tuple(rows), parts[0].symmetric, all(part.definite for part in parts))


# ---- finite groups: averages ----


def _averaged(rep: Representation) -> list[list[Fraction]] | None:
    """sum_g rho(g)^T rho(g), one factor after the other (their matrices commute); None if a factor
    acts by more than `MAX_ELEMENTS` matrices."""
    total = [[Fraction(int(i == j)) for j in range(rep.degree)] for i in range(rep.degree)]
    for name in sorted(rep.factors):
        elements = _elements([rep.image(name, g) for g in range(len(rep.group(name).generators))])
        if elements is None:
            return None
        before = _sparse(total)
        total = [[Fraction(0)] * rep.degree for _ in range(rep.degree)]
        for image in elements:
            moved = _product(im.sparse_rows_of(im.transpose(image)), before)
            for row, entries in zip(total, _product(moved, im.sparse_rows_of(image)), strict=True):
                for j, value in entries:
                    row[j] += value
    return total if is_invariant(rep, total) else None


def _elements(generators: Sequence[im.Image]) -> list[im.AnyImage] | None:
    """All products of the generators, if there are few. In an infinite group some product soon has
    a trace that no matrix of finite order has."""
    if not all(im.trace_is_finite(image) for image in generators):
        return None
    found: list[im.AnyImage] = [im.identity(generators[0].degree)]
    seen = set(found)
    for element in found:
        for generator in generators:
            new = im.explicit(im.compose(generator, element))
            if new not in seen:
                if len(found) == MAX_ELEMENTS or not im.trace_is_finite(new):
                    return None
                seen.add(new)
                found.append(new)
    return found


# ---- solved exactly ----


def _solved(rep: Representation) -> Form | None:
    for sign in (1, -1):
        basis = _solutions(rep, sign)
        for rows in _combinations(basis, rep.degree):
            made = _form(rows, sign == 1, sign == 1 and is_positive_definite(rows))
            if made.definite:
                return made
        for rows in _combinations(basis, rep.degree):
            if im.determinant(im.matrix(rows)) != 0:
                return _form(rows, sign == 1, False)
    return None


def _combinations(
    basis: Sequence[list[list[Fraction]]], degree: int
) -> Iterator[list[list[Fraction]]]:
    """Candidates: the sum, each by itself and with the other sign, small combinations of few."""
    count = len(basis)
    choices: Iterable[tuple[int, ...]]
    if count <= 4:
        choices = sorted(product((-2, -1, 0, 1, 2), repeat=count), key=lambda c: (-sum(c), c))
    else:
        choices = [(1,) * count, *(tuple(int(i == k) for i in range(count)) for k in range(count))]
    for choice in choices:
        if any(choice):
            yield [
                [
                    sum((c * b[i][j] for c, b in zip(choice, basis, strict=True)), Fraction(0))
                    for j in range(degree)
                ]
                for i in range(degree)
            ]


def is_positive_definite(rows: Sequence[Sequence[Fraction]]) -> bool:
    """Symmetric, and every pivot of LDL^T is positive."""
    work = [list(row) for row in rows]
    size = len(work)
    if any(work[i][j] != work[j][i] for i in range(size) for j in range(i)):
        return False
    for k in range(size):
        if work[k][k] <= 0:
            return False
        for i in range(k + 1, size):
            factor = work[i][k] / work[k][k]
            if factor:
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return True


def _solutions(rep: Representation, sign: int) -> list[list[list[Fraction]]]:
    """A basis of the forms with B^T = sign * B: elimination modulo a prime, the solutions
    reconstructed and then checked over the rationals, so that each is a form for certain."""
    size = rep.degree
    place: dict[tuple[int, int], int] = {}
    for i in range(size):
        for j in range(i if sign == 1 else i + 1, size):
            place[i, j] = len(place)

    def unknown(i: int, j: int) -> tuple[int, int] | None:
        if i <= j:
            return (place[i, j], 1) if (i, j) in place else None
        return (place[j, i], sign)

    echelon: dict[int, dict[int, int]] = {}
    for a, b in _letters(rep):
        columns: list[list[tuple[int, Fraction]]] = [[] for _ in range(size)]
        for k, row in enumerate(a):
            for j, value in row:
                columns[j].append((k, value))
        for i in range(size):
            for j in range(size):  # (rho* B)_ij - (B rho)_ij = 0
                equation: dict[int, int] = {}
                terms = [(k, j, v) for k, v in b[i]] + [(i, k, -v) for k, v in columns[j]]
                for p, q, value in terms:
                    at = unknown(p, q)
                    if at is not None:
                        entry = equation.get(at[0], 0) + at[1] * _residue(value)
                        equation[at[0]] = entry % PRIME
                _insert(echelon, equation)
    free = [k for k in range(len(place)) if k not in echelon]
    basis = []
    for column in free:
        rows = _reconstructed(echelon, column, place, size, sign)
        if rows is not None and is_invariant(rep, rows):
            basis.append(rows)
    return basis


def _insert(echelon: dict[int, dict[int, int]], equation: dict[int, int]) -> None:
    """Reduce an equation by those before it and keep what is left, all in reduced echelon form with
    the pivot at the last unknown."""
    for pivot in sorted(equation, reverse=True):
        factor = equation.get(pivot, 0)
        if factor and pivot in echelon:
            for j, value in echelon[pivot].items():
                equation[j] = (equation.get(j, 0) - factor * value) % PRIME
    left = {j: value for j, value in equation.items() if value}
    if not left:
        return
    pivot = max(left)
    scale = pow(left[pivot], -1, PRIME)
    left = {j: value * scale % PRIME for j, value in left.items()}
    for row in echelon.values():
        factor = row.get(pivot, 0)
        if factor:
            for j, value in left.items():
                entry = (row.get(j, 0) - factor * value) % PRIME
                if entry:
                    row[j] = entry
                else:
                    row.pop(j, None)
    echelon[pivot] = left


def _reconstructed(
    echelon: dict[int, dict[int, int]],
    column: int,
    place: dict[tuple[int, int], int],
    size: int,
    sign: int,
) -> list[list[Fraction]] | None:
    values = {column: Fraction(1)}
    for pivot, row in echelon.items():
        if column in row:
            found = _rational(-row[column] % PRIME)
            if found is None:
                return None
            values[pivot] = found
    rows = [[Fraction(0)] * size for _ in range(size)]
    for (i, j), k in place.items():
        rows[i][j] = values.get(k, Fraction(0))
        rows[j][i] = rows[i][j] if i == j else sign * rows[i][j]
    return rows


def _residue(value: Fraction) -> int:
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME


def _rational(residue: int) -> Fraction | None:
    """The fraction with small numerator and denominator (Wang's algorithm)."""
    bound = 1 << 30
    a, b, x, y = PRIME, residue, 0, 1
    while b > bound:
        q = a // b
        a, b, x, y = b, a - q * b, y, x - q * y
    return Fraction(b, y) if y and abs(y) <= bound else None


# ---- arithmetic of sparse rows ----


def _letters(rep: Representation) -> list[tuple[Rows, Rows]]:
    """The matrices of every generator on V and on its dual."""
    dual = rep.dual()
    pairs = [
        im.commuting(rep.image(name, g), dual.image(name, g))
        for name, group in rep.groups
        if name in rep.factors
        for g in range(len(group.generators))
    ]
    return [(im.sparse_rows_of(a), im.sparse_rows_of(b)) for a, b in pairs]


def _sparse(rows: Sequence[Sequence[Fraction]]) -> Rows:
    return tuple(tuple((j, v) for j, v in enumerate(row) if v) for row in rows)


def _product(left: Rows, right: Rows) -> Rows:
    result = []
    for row in left:
        line: dict[int, Fraction] = {}
        for k, value in row:
            for j, other in right[k]:
                line[j] = line.get(j, Fraction(0)) + value * other
        result.append(tuple(sorted((j, v) for j, v in line.items() if v)))
    return tuple(result)


def _form(rows: Sequence[Sequence[Fraction]], symmetric: bool, definite: bool) -> Form:
    """In normal form: primitive whole numbers, the first that is not zero positive."""
    values = [v for row in rows for v in row if v]
    scale = Fraction(lcm(*(v.denominator for v in values)), 1)
    scale /= gcd(*(int(v * scale) for v in values))
    if values[0] < 0:
        scale = -scale
    sparse = tuple(tuple((j, v * scale) for j, v in row) for row in _sparse(rows))
    identity = all(row == ((k, Fraction(1)),) for k, row in enumerate(sparse))
    return Form(len(rows), None if identity else sparse, symmetric, definite)
