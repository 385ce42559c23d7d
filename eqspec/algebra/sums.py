"""Maps between permuted points as sums over classes: reduce, a small map, repeat.

A `Piece` adds the entries of the source over classes, maps what is left with one small matrix, the same in
every block, and repeats the results at the entries of classes of the target. On n points under all
permutations, w x_i + v (sum of x) is two pieces, of n and of 1 small products, where the matrix has n^2 entries.
The pieces of `orbit_sums` span all equivariant maps, exactly: every piece is shown to be constant on the orbits
of index pairs, and their coefficients are inverted over the rationals. Where no pieces are cheaper than the
matrix there is None.

In: the parts (tensor factors) of source and target, permuted by every generator. Out: `Sums`. Sizes: m entries
of the target, n of the source, d orbits of index pairs.

Source: Burnside for the orbits of pairs as a basis; the pieces are maps through quotients of the two sets of
points that are isomorphic under the group (`blocksystems`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, islice
from math import inf, lcm

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.bases import OrbitBasis
from eqspec.algebra.blocksystems import Points, Quotient, components, quotients
from eqspec.algebra.elimination import inverse_rows
from eqspec.algebra.representations import Representation
from eqspec.algebra.residuals import generators_of
from eqspec.algebra.solver import joint_move, solved_basis

MOST_MAPS = 64  # dimension of the space of one cluster
MOST_ENTRIES = 1 << 22  # of one of its maps
MOST_PIECES = 16
MOST_CANDIDATES = 512  # pieces that are looked at
MOST_FIBRED = 12  # pieces with small matrices that are tried in pairs
WORTH = 0.75  # of the products of the matrix
PRIME = 2**31 - 1
MOST_ORBITS = (
    4096  # of a cluster that is mapped as it is: the table of its weights has the square of it
)


@dataclass(frozen=True, eq=False)
class Piece:
    """``source[b, i]`` are the entries that are added, ``target[b, j]`` those at which result j of block b
    stands, and the small matrix has weight ``labels[j, i]`` at (j, i), in every block b.

    Shapes: source (blocks, inputs, added), target (blocks, outputs, repeated), labels (outputs, inputs);
    ``weights`` is the number of weights.
    """

    source: Points
    target: Points
    labels: Points
    weights: int

    @property
    def cost(self) -> int:
        """Products for one pair of channels."""
        return int(self.source.shape[0] * self.labels.size)


@dataclass(frozen=True, eq=False)
class Sums:
    """The weights of the pieces, one piece after the other, are ``weights of the orbits @ change /
    denominator``; change is of shape (orbits, weights of the pieces)."""

    pieces: tuple[Piece, ...]
    change: NDArray[np.int64]
    denominator: int

    @property
    def cost(self) -> int:
        return sum(piece.cost for piece in self.pieces)

    @property
    def is_plain(self) -> bool:
        """Are the weights of the pieces those of the orbits?"""
        orbits, weights = self.change.shape
        return orbits == weights and np.array_equal(
            self.change, self.denominator * np.eye(orbits, dtype=np.int64)
        )


@lru_cache(maxsize=512)
def orbit_sums(
    source: tuple[Representation, ...], target: tuple[Representation, ...]
) -> Sums | None:
    """The cheapest sums that span all maps of one cluster, by the orbits of `solved_basis`."""
    basis = solved_basis(source, target)
    if not isinstance(basis, OrbitBasis) or bool(np.any(basis.signs <= 0)):
        return None
    m, n = basis.shape
    if not 1 <= basis.dimension <= MOST_MAPS or m * n > MOST_ENTRIES:
        return None
    moves = [
        [
            joint_move([part.any_image(name, g) for part in parts])[0]
            for name, g in generators_of(source, target)
        ]
        for parts in (source, target)
    ]
    found = _spanning(basis, quotients(moves[0], n), quotients(moves[1], m))
    if found is None or len(found) > MOST_PIECES:
        return None
    if sum(piece.cost for piece, _ in found) > WORTH * m * n:
        return None
    return _sums(basis, found)


def whole(source: tuple[Representation, ...], target: tuple[Representation, ...]) -> Sums | None:
    """The matrix itself as one piece: for a cluster beside others that have sums."""
    basis = solved_basis(source, target)
    if not isinstance(basis, OrbitBasis) or bool(np.any(basis.signs <= 0)):
        return None
    m, n = basis.shape
    piece = Piece(
        np.arange(n).reshape(1, n, 1), np.arange(m).reshape(1, m, 1), basis.labels, basis.dimension
    )
    if basis.dimension > MOST_ORBITS:
        return None
    return Sums((piece,), np.eye(basis.dimension, dtype=np.int64), 1)


Rows = NDArray[np.int64]
Candidate = tuple[Piece, Rows]
"""A piece, and which orbits each of its weights stands at: (weights, orbits), 0 or 1."""


def _sums(basis: OrbitBasis, found: Sequence[Candidate]) -> Sums:
    rows = np.concatenate([rows for _, rows in found])
    exact = tuple(tuple(Fraction(int(value)) for value in row) for row in rows)
    inverse = inverse_rows(exact)  # orbits = pieces @ rows, so pieces = orbits @ inverse
    denominator = lcm(*(value.denominator for row in inverse for value in row))
    change = np.array([[int(value * denominator) for value in row] for row in inverse], np.int64)
    assert np.array_equal(change @ rows, denominator * np.eye(basis.dimension, dtype=np.int64))
    return Sums(tuple(piece for piece, _ in found), change, denominator)


def _spanning(
    basis: OrbitBasis, sources: list[list[Quotient]], targets: list[list[Quotient]]
) -> list[Candidate] | None:
    """Pieces for every pair of an orbit of the source and one of the target, which share no index pairs."""
    found: list[Candidate] = []
    for of_target in targets:
        for of_source in sources:
            chosen = _of_orbits(basis, of_source, of_target)
            if chosen is None:
                return None
            found += chosen
    return found


def _of_orbits(
    basis: OrbitBasis, sources: list[Quotient], targets: list[Quotient]
) -> list[Candidate] | None:
    """The cheapest independent pieces that span the maps between two orbits; a minimal basis of a matroid is
    found greedily, with none, one or two pieces that have matrices in it."""
    single, fibred = _candidates(basis, sources, targets)
    single.sort(key=lambda item: item[0].cost)
    fibred.sort(key=lambda item: (item[0].cost / item[0].weights, item[0].cost))
    inside = basis.labels[targets[0].classes >= 0][:, sources[0].classes >= 0]
    wanted = len(np.unique(inside))
    best: list[Candidate] | None = None
    least = (inf, 0)
    for size in range(3):
        for start in combinations(fibred[:MOST_FIBRED], size):
            chosen = _completed(list(start), single, wanted, least[0])
            if chosen is not None:
                cost = sum(piece.cost for piece, _ in chosen), len(chosen)
                if cost < least:
                    best, least = chosen, cost
    return best


class _Independent:
    """Rows that are independent modulo a prime, and so over the rationals."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Points]] = []

    def add(self, row: Points) -> bool:
        """Takes the row if it is independent of those before."""
        rest = row % PRIME
        for pivot, known in self.rows:
            rest = (rest - rest[pivot] * known) % PRIME
        places = np.flatnonzero(rest)
        if not len(places):
            return False
        pivot = int(places[0])
        self.rows.append((pivot, rest * pow(int(rest[pivot]), -1, PRIME) % PRIME))
        return True


def _completed(
    start: list[Candidate], single: Sequence[Candidate], wanted: int, most: float
) -> list[Candidate] | None:
    """``start`` and the cheapest single pieces that make it span everything; None where it cannot, or for
    more than ``most``."""
    span, cost = _Independent(), sum(piece.cost for piece, _ in start)
    if not all(span.add(row) for _, rows in start for row in rows):
        return None
    for item in single:
        if len(span.rows) == wanted or cost + item[0].cost > most:
            break
        if span.add(item[1][0]):
            start.append(item)
            cost += item[0].cost
    return start if len(span.rows) == wanted and cost <= most else None


def _candidates(
    basis: OrbitBasis, sources: list[Quotient], targets: list[Quotient]
) -> tuple[list[Candidate], list[Candidate]]:
    """Pieces with one weight, and pieces with a small matrix of weights."""
    single: list[Candidate] = []
    fibred: list[Candidate] = []
    matched = [
        (coarse, match, same)
        for coarse in sources
        for same in targets
        for match in _isomorphisms(coarse, same)
    ]
    for coarse, match, same in matched[:MOST_CANDIDATES]:
        item = _candidate(basis, coarse, coarse, match, same, same)
        if item is not None:
            single.append(item)
    ways = (
        (fine, coarse, match, same, other)
        for coarse, match, same in reversed(matched)  # the coarsest first
        for fine in sources
        for other in targets
        if max(fine.count, other.count) > coarse.count
        and _refines(fine, coarse)
        and _refines(other, same)
    )
    for way in islice(ways, MOST_CANDIDATES):
        item = _candidate(basis, *way)
        if item is not None:
            fibred.append(item)
    return single, fibred


def _isomorphisms(source: Quotient, target: Quotient) -> Iterator[Points]:
    """The class of the target for every class of the source, for all maps one to one that commute with the
    group: they are the orbits of pairs that are as large as the quotients."""
    n = source.count
    if target.count != n or n * n > MOST_ENTRIES:
        return
    pairs = [
        (t[:, None] * n + s[None, :]).reshape(-1)
        for s, t in zip(source.moves, target.moves, strict=True)
    ]
    labels = components(pairs, n * n)
    for label in np.flatnonzero(np.bincount(labels) == n):
        rows, columns = np.divmod(np.flatnonzero(labels == label), n)
        match = np.empty(n, dtype=np.int64)
        match[columns] = rows
        yield match


def _refines(fine: Quotient, coarse: Quotient) -> bool:
    pairs = np.unique(fine.classes * (coarse.count + 1) + coarse.classes)
    return len(pairs) == fine.count + bool(np.any(fine.classes < 0))


def _candidate(
    basis: OrbitBasis,
    fine: Quotient,
    coarse: Quotient,
    match: Points,
    same: Quotient,
    other: Quotient,
) -> Candidate | None:
    """Classes of ``fine`` to classes of ``other``, within blocks of ``coarse`` and of ``same`` that ``match``;
    None where the blocks are not all alike in the order of their classes."""
    source, target = _fibres(fine, coarse), _fibres(other, same)
    source = source[np.argsort(match)]  # in the order of the blocks of the target
    inputs, outputs = source.shape[1], target.shape[1]
    if inputs * outputs == 1:
        labels = np.zeros((1, 1), dtype=np.int64)
    else:
        asked = basis.labels[target[:, :, None, :, None], source[:, None, :, None, :]]
        least = asked.min(axis=(3, 4))  # the first orbit of the pair of classes names it
        if np.any(least != least[0]):
            return None
        labels = np.unique(least[0], return_inverse=True)[1].reshape(outputs, inputs)
    weights = int(labels.max()) + 1
    (block, j), (of, i) = _places(target, basis.shape[0], -1), _places(source, basis.shape[1], -2)
    full = np.where(block[:, None] == of, labels[j[:, None], i], -1)
    flat, orbits_of = full.reshape(-1), basis.labels.reshape(-1)
    at = np.empty(basis.dimension, dtype=np.int64)
    at[orbits_of] = flat
    if np.any(at[orbits_of] != flat):
        return None  # not constant on orbits: not equivariant
    rows = (at[None, :] == np.arange(weights)[:, None]).astype(np.int64)
    return Piece(source, target, labels, weights), rows


def _fibres(fine: Quotient, coarse: Quotient) -> Points:
    """The points of ``fine``'s classes within the blocks of ``coarse``: (blocks, classes, points)."""
    members = fine.members()
    blocks = coarse.classes[members[:, 0]]
    order = np.argsort(blocks, kind="stable")
    return members[order].reshape(coarse.count, -1, members.shape[1])


def _places(members: Points, size: int, outside: int) -> tuple[Points, Points]:
    """The block and the class of every point; ``outside`` is the block of those in none."""
    block = np.full(size, outside, dtype=np.int64)
    number = np.zeros(size, dtype=np.int64)
    block[members] = np.arange(members.shape[0])[:, None, None]
    number[members] = np.arange(members.shape[1])[:, None]
    return block, number
