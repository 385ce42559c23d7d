"""The irreducible representations of any small finite group over the rationals, found exactly.

In: a group of at most `SPLITTING_LIMIT` elements. Out: its irreducible characters over the rationals,
and rational matrices for those that stay irreducible over the real numbers.

The class sums of rational classes (g and every generator of the same cyclic subgroup) span a split
algebra Q^r, whose r characters are the Galois orbits O of complex irreducible characters: they take whole
values on the class sums and are found modulo a prime larger than twice any value, which determines
them. An irreducible representation is realised inside a monomial one: for a subgroup K and a sign
lambda of K the part of Ind_K(lambda) that belongs to O has dimension <lambda, theta_O|K>, theta_O the sum
of chi(1) chi over O; where that is the degree wanted, the part is irreducible and is cut out by the
central idempotent of O.

Sources: Serre, Linear Representations of Finite Groups, 12.4 and 13.1 (rational classes, the three
types); Dixon, High speed computation of group characters (1967) for working modulo a prime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import gcd, isqrt, lcm
from random import Random

from eqspec.algebra import images as im
from eqspec.algebra.elimination import inverse_rows
from eqspec.algebra.groups import Group
from eqspec.algebra.homomorphism import images_fault
from eqspec.algebra.images import AnyImage

SPLITTING_LIMIT = 384  # elements of a group that is split
CLASSES_LIMIT = 48  # rational classes, of which as many characters are found
SUBGROUPS_TRIED = 4_000
PRIME = (1 << 31) - 1


class NoIrrep(ValueError):  # noqa: N818 - says what happened
    """There is no such representation by rational matrices; ``help`` says what to use instead."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Orbit:
    """A Galois orbit of complex irreducible characters: their number, degree and indicator (1 real, 0
    complex, -1 quaternionic), and their sum divided by its value at 1, at every element."""

    count: int
    degree: int
    indicator: int
    values: tuple[Fraction, ...]

    @property
    def rational_degree(self) -> int:
        """The degree of the irreducible representation over the rationals, if its Schur index is the
        one that the real numbers force."""
        return self.count * self.degree * (2 if self.indicator < 0 else 1)

    @property
    def stays_irreducible(self) -> bool:
        """Is the rational representation irreducible over the real numbers?"""
        return self.count == 1 or (self.count == 2 and self.indicator == 0)


@dataclass(frozen=True)
class Table:
    """Multiplication by indices, inverses, class of every element (true and rational)."""

    rows: tuple[tuple[int, ...], ...]
    inverse: tuple[int, ...]
    classes: tuple[int, ...]
    rational: tuple[int, ...]


@lru_cache(maxsize=64)
def table_of(group: Group) -> Table:
    words = group.elements()
    n = len(words)
    steps = [group.left_multiplication(g) for g in range(len(group.generators))]
    rows: list[tuple[int, ...]] = []
    for word in words:  # the row of a product is the rows one after the other
        row = tuple(range(n))
        for letter, exponent in reversed(word):
            step = steps[letter]
            if exponent < 0:
                step = tuple(sorted(range(n), key=step.__getitem__))
            for _ in range(abs(exponent)):
                row = tuple([step[k] for k in row])
        rows.append(row)
    inverse = tuple(row.index(0) for row in rows)
    classes = [-1] * n
    for x in range(n):
        if classes[x] < 0:
            for g in range(n):
                classes[rows[rows[g][x]][inverse[g]]] = x
    rational = list(classes)
    for x in sorted(set(classes)):
        powers = [0]
        while (y := rows[powers[-1]][x]) != 0:
            powers.append(y)
        mates = {classes[powers[k]] for k in range(len(powers)) if gcd(k, len(powers)) == 1}
        first = min({classes[x], *mates})
        for k, label in enumerate(classes):
            if label in mates:
                rational[k] = min(rational[k], first)
    return Table(tuple(rows), inverse, tuple(classes), tuple(rational))


@lru_cache(maxsize=64)
def orbits_of(group: Group) -> tuple[Orbit, ...]:
    """The irreducible characters over the rationals: by degree over the rationals, then by their values
    on the elements in order, largest first; the trivial one is the first."""
    table = table_of(group)
    n = len(table.rows)
    labels = sorted(set(table.rational))
    if len(labels) > CLASSES_LIMIT:
        raise NoIrrep(
            f"{group.description} has {len(labels)} classes of cyclic subgroups; its irreducible"
            f" representations are computed for at most {CLASSES_LIMIT}",
            "use `regular`, `quotient(H)`, `induced(H, ...)` or a `rep`",
        )
    number = {label: k for k, label in enumerate(labels)}
    place = [number[label] for label in table.rational]
    sizes = [place.count(k) for k in range(len(labels))]
    found: list[Orbit] = []
    fixed = _traces(table, place, len(labels))
    for omega in _central_characters(table, place, labels, sizes):
        x = [Fraction(w, size) for w, size in zip(omega, sizes, strict=True)]
        square = Fraction(n) / sum(v * v * size for v, size in zip(x, sizes, strict=True))
        count = square * sum(v * t for v, t in zip(x, fixed, strict=True)) / n
        assert square.denominator == count.denominator == 1
        degree = isqrt(int(square / count))
        assert degree * degree * count == square
        squares = sum(x[place[table.rows[g][g]]] for g in range(n))
        indicator = squares * degree / n
        assert indicator in (-1, 0, 1)
        found.append(Orbit(int(count), degree, int(indicator), tuple(x[k] for k in place)))
    found.sort(key=lambda orbit: (orbit.rational_degree, [-v for v in orbit.values]))
    return tuple(found)


def _traces(table: Table, place: Sequence[int], count: int) -> list[int]:
    """For every rational class the trace of its class sum on the centre of the group algebra: how many
    (x, class) have x^-1 g in the class of g, for one g of every class."""
    result = [0] * count
    for g in sorted(set(table.classes)):
        for x, back in enumerate(table.inverse):
            if table.classes[table.rows[back][g]] == g:
                result[place[x]] += 1
    return result


def _central_characters(
    table: Table, place: Sequence[int], labels: Sequence[int], sizes: Sequence[int]
) -> list[list[int]]:
    """The r homomorphisms of the algebra of rational class sums to Q, as their values on the sums.

    A random element has r different values; the Krylov space of a random vector gives its minimal
    polynomial modulo the prime, whose roots are whole numbers of bounded size, and for every root the
    eigenvector, which is the homomorphism.
    """
    r = len(labels)
    constants = [[[0] * r for _ in range(r)] for _ in range(r)]
    for k, g in enumerate(labels):
        for x, back in enumerate(table.inverse):
            constants[place[x]][place[table.rows[back][g]]][k] += 1
    rng = Random(0)
    while True:
        weights = [rng.randrange(1, 2 * r + 2) for _ in range(r)]
        matrix = [
            [sum(w * constants[i][j][k] for i, w in enumerate(weights)) % PRIME for k in range(r)]
            for j in range(r)
        ]
        krylov = [[rng.randrange(PRIME) for _ in range(r)]]
        for _ in range(r):
            krylov.append(
                [sum(a * b for a, b in zip(row, krylov[-1], strict=True)) % PRIME for row in matrix]
            )
        polynomial = _relation(krylov)
        if polynomial is None:
            continue
        bound = sum(w * size for w, size in zip(weights, sizes, strict=True))
        roots = [v for v in range(-bound, bound + 1) if not _value(polynomial, v)]
        if len(roots) < r:
            continue
        return [_eigenvector(polynomial, root, krylov, place[0]) for root in roots]


def _relation(krylov: Sequence[Sequence[int]]) -> list[int] | None:
    """The monic polynomial of degree r that annihilates the first vector, modulo the prime; None if
    one of smaller degree does."""
    r = len(krylov) - 1
    rows = [[*(krylov[k][i] for k in range(r)), krylov[r][i]] for i in range(r)]
    for column in range(r):
        pivot = next((k for k in range(column, r) if rows[k][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = pow(rows[column][column], -1, PRIME)
        rows[column] = [v * scale % PRIME for v in rows[column]]
        for k in range(r):
            if k != column and rows[k][column]:
                factor = rows[k][column]
                rows[k] = [
                    (a - factor * b) % PRIME for a, b in zip(rows[k], rows[column], strict=True)
                ]
    return [-row[r] % PRIME for row in rows] + [1]


def _value(polynomial: Sequence[int], at: int) -> int:
    total = 0
    for coefficient in reversed(polynomial):
        total = (total * at + coefficient) % PRIME
    return total


def _eigenvector(
    polynomial: Sequence[int], root: int, krylov: Sequence[Sequence[int]], one: int
) -> list[int]:
    """q(M) v with q = polynomial / (x - root), scaled to 1 at the identity, as small whole numbers."""
    quotient = [0] * (len(polynomial) - 1)
    carry = 0
    for k in range(len(quotient) - 1, -1, -1):
        carry = (polynomial[k + 1] + carry * root) % PRIME
        quotient[k] = carry
    vector = [
        sum(q * krylov[k][i] for k, q in enumerate(quotient)) % PRIME for i in range(len(krylov[0]))
    ]
    scale = pow(vector[one], -1, PRIME)
    values = [v * scale % PRIME for v in vector]
    return [v - PRIME if v > PRIME // 2 else v for v in values]


# ---- realisation -----------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def split(group: Group, number: int) -> tuple[AnyImage, ...]:
    """The matrices of the generators in irreducible representation ``number``.

    NoIrrep if there is no such number, if the representation needs irrational numbers, or if no
    subgroup and sign were found that hold it once.
    """
    orbits = orbits_of(group)
    if not 0 <= number < len(orbits):
        raise NoIrrep(
            f"{group.description} has the irreducible representations 0 to {len(orbits) - 1}"
            " (over the rationals)",
            f"this is {number:,}",
        )
    orbit = orbits[number]
    if not orbit.stays_irreducible:
        raise NoIrrep(
            f"irrep({number}) of {group.description} falls into {orbit.count} parts of degree"
            f" {orbit.degree} over the real numbers, and their characters need a field of degree"
            f" {orbit.count} over the rationals",
            "use `regular` or `quotient(H)`, which hold all of them, or a `rep`",
        )
    table = table_of(group)
    wanted = orbit.rational_degree
    theta = [orbit.count * orbit.degree**2 * value for value in orbit.values]
    for members, signs in signed_subgroups(table):
        total = sum(sign * theta[k] for k, sign in zip(members, signs, strict=True))
        if total == wanted * len(members):
            found = _cut_out(group, table, theta, dict(zip(members, signs, strict=True)), wanted)
            assert images_fault("G", group, found) is None, group.description
            return found
    raise NoIrrep(
        f"no rational matrices of irrep({number}) of {group.description} were found",
        "use `regular`, `quotient(H)` or a `rep`",
    )


def signed_subgroups(table: Table) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Subgroups with at most three generators, large ones first, each with all its signs (homomorphisms
    to 1 and -1)."""
    n = len(table.rows)
    whole = _generated(table, range(n))
    yield from _signs(table, whole)
    level = {_generated(table, [x]): None for x in sorted(set(table.classes))}
    seen = {whole: None, **level}
    for _ in range(3):
        for members in sorted(level, key=lambda m: (-len(m), m)):
            if len(members) < n:
                yield from _signs(table, members)
        new: dict[tuple[int, ...], None] = {}
        for members in level:
            for x in range(n):
                if len(seen) < SUBGROUPS_TRIED and x not in members:
                    larger = _generated(table, [*members, x])
                    if larger not in seen:
                        seen[larger] = new[larger] = None
        level = new


def _generated(table: Table, letters: Sequence[int]) -> tuple[int, ...]:
    found = {0}
    todo = [0]
    while todo:
        row = table.rows[todo.pop()]
        for letter in letters:
            if row[letter] not in found:
                found.add(row[letter])
                todo.append(row[letter])
    return tuple(sorted(found))


def _signs(
    table: Table, members: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All homomorphisms to 1 and -1: subgroups of index 2 hold the squares, so the signs are those of
    the elementary abelian quotient by the subgroup that the squares generate."""
    squares = _generated(table, sorted({table.rows[k][k] for k in members}))
    coset: dict[int, int] = {}  # element -> vector over F_2 of its coset
    letters: list[int] = []
    coset.update(dict.fromkeys(squares, 0))
    for x in members:
        if x not in coset:
            bit = 1 << len(letters)
            letters.append(x)
            for y, vector in list(coset.items()):
                coset[table.rows[y][x]] = vector | bit
    for choice in product((0, 1), repeat=len(letters)):
        mask = sum(1 << k for k, chosen in enumerate(choice) if chosen)
        yield members, tuple(-1 if (coset[k] & mask).bit_count() % 2 else 1 for k in members)


def _cut_out(
    group: Group, table: Table, theta: Sequence[Fraction], signs: dict[int, int], degree: int
) -> tuple[AnyImage, ...]:
    """The part of the induced sign that belongs to theta, in a basis of images of one vector."""
    n = len(table.rows)
    coset = [-1] * n
    chosen: list[int] = []
    for x in range(n):
        if coset[x] < 0:
            for k in signs:
                coset[table.rows[x][k]] = len(chosen)
            chosen.append(x)
    # g moves the basis vector of coset c to sign * the vector of the coset of g c
    moves = []
    for letter in range(len(group.generators)):
        g = group.index_of(((letter, 1),))
        targets = [table.rows[g][c] for c in chosen]
        moves.append(
            [(coset[y], signs[table.rows[table.inverse[chosen[coset[y]]]][y]]) for y in targets]
        )
    start = [sum(sign * theta[table.rows[c][k]] for k, sign in signs.items()) for c in chosen]
    common = lcm(*(Fraction(v).denominator for v in start))
    whole = [int(v * common) for v in start]
    divisor = gcd(*whole)
    vector = tuple(v // divisor for v in whole)
    basis, pivots = _span(vector, moves, degree)
    block = [[Fraction(v[p]) for v in basis] for p in pivots]
    back = inverse_rows(tuple(tuple(row) for row in block))
    result: list[AnyImage] = []
    for move in moves:
        moved = [_moved(v, move) for v in basis]
        rows = [
            [sum(back[i][k] * moved[j][p] for k, p in enumerate(pivots)) for j in range(degree)]
            for i in range(degree)
        ]
        result.append(im.matrix(rows))
    return tuple(result)


def _moved(vector: Sequence[int], move: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    result = [0] * len(vector)
    for value, (target, sign) in zip(vector, move, strict=True):
        result[target] = sign * value
    return tuple(result)


def _span(
    vector: tuple[int, ...], moves: Sequence[Sequence[tuple[int, int]]], degree: int
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Independent images of the vector that span its orbit, and as many coordinates in which they are
    independent."""
    basis: list[tuple[int, ...]] = []
    pivots: list[int] = []
    reduced: list[list[Fraction]] = []
    todo = [vector]
    while todo:
        candidate = todo.pop(0)
        rest = [Fraction(v) for v in candidate]
        for row, pivot in zip(reduced, pivots, strict=True):
            if rest[pivot]:
                factor = rest[pivot]
                rest = [a - factor * b for a, b in zip(rest, row, strict=True)]
        pivot_at = next((k for k, v in enumerate(rest) if v), None)
        if pivot_at is None:
            continue
        reduced.append([v / rest[pivot_at] for v in rest])
        pivots.append(pivot_at)
        basis.append(candidate)
        todo.extend(_moved(candidate, move) for move in moves)
    assert len(basis) == degree, f"{len(basis)} is not the degree {degree}"
    return basis, pivots
