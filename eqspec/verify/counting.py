"""Dimensions of spaces of equivariant maps, counted from the matrices of the certificate alone.

In: the axes of source and target. Out: dim Hom_G(source, target), exactly, or `TooLarge`. The tensor
product of the axes is a sum of products of primitive representations; such a product falls apart into
clusters that share no factor, and each cluster is counted by one of these:

- orbits: signed permutations have one invariant for each orbit that does not meet its own negative;
- characters: the mean of the trace over the elements of the image of the group (Burnside);
- partitions: tensor powers of the natural representation of a symmetric group of any size;
- equations: the null space of b L = L a for all generators, bounded from above by elimination modulo a
  prime and from below by solutions that are checked over the rationals.

None of it is shared with the compiler, whose counts come from conjugacy classes and Weyl integration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import TypeAlias

from eqspec.verify.arithmetic import kron, trace
from eqspec.verify.equations import intertwiners
from eqspec.verify.exact import Dense, Map, Motion, Signed, Tangent, is_identity, matrix
from eqspec.verify.groups import TooLarge, elements, one_of
from eqspec.verify.orbits import Orbits
from eqspec.verify.record import Action, Group, Part

MOST_ELEMENTS = 25_000
SMALL_ORBITS = 100_000
MOST_ORBITS = 1 << 20  # entries of a map whose orbits are followed one by one
MOST_TERMS = 20_000

Item: TypeAlias = tuple[int, bool]
"""The number of a primitive representation, and whether its dual is meant."""
Product: TypeAlias = tuple[Item, ...]


class Spaces:
    """Counts spaces over the representations and groups of one certificate."""

    def __init__(self, actions: Sequence[Action], groups: Sequence[Group]) -> None:
        self.actions = actions
        self.groups = groups
        self._known: dict[Product, int] = {}

    def dimension(self, source: Sequence[Part], target: Sequence[Part]) -> int:
        """dim Hom_G(source, target). TooLarge beyond the bounds."""
        left, right = self._terms(source, True), self._terms(target, False)
        return sum(
            m * n * prod(self._cluster(cluster) for cluster in self._clusters((*x, *y)))
            for x, m in left.items()
            for y, n in right.items()
        )

    def acting(self, action: Action) -> frozenset[str]:
        """The factors that move something."""
        return acting(action)

    def _terms(self, parts: Iterable[Part], dual: bool) -> Counter[Product]:
        total: Counter[Product] = Counter({(): 1})
        for part in parts:
            here: Counter[Product] = Counter()
            if isinstance(part, int):
                here[()] = part
            elif not acting(part):
                here[()] = part.degree
            elif part.sum is None:
                finite = all(self.groups[g].order is not None for g in part.groups.values())
                here[((part.number, dual and not finite),)] = 1
            else:
                for term in part.sum:
                    here.update(self._terms(term, dual))
            if len(total) * len(here) > MOST_TERMS:
                raise TooLarge(f"a product of sums of more than {MOST_TERMS:,} terms")
            joint: Counter[Product] = Counter()
            for x, m in total.items():
                for y, n in here.items():
                    joint[tuple(sorted((*x, *y)))] += m * n
            total = joint
        return total

    def _clusters(self, items: Product) -> list[Product]:
        clusters: list[tuple[frozenset[str], list[Item]]] = []
        for item in items:
            factors = acting(self.actions[item[0]])
            joined = [item]
            rest = []
            for names, members in clusters:
                if names & factors:
                    factors |= names
                    joined = [*members, *joined]
                else:
                    rest.append((names, members))
            clusters = [*rest, (factors, joined)]
        return [tuple(sorted(members)) for _, members in clusters]

    def _cluster(self, items: Product) -> int:
        if items not in self._known:
            self._known[items] = self._count(items)
        return self._known[items]

    def _count(self, items: Product) -> int:
        actions = [self.actions[number] for number, _ in items]
        numbers = {name: action.groups[name] for action in actions for name in acting(action)}
        if any(self.groups[number].order is None for number in numbers.values()):
            return self._equations(items, numbers)
        letters = [
            tuple(letter(action, name, g) for action in actions)
            for name, number in sorted(numbers.items())
            for g in range(len(self.groups[number].generators))
        ]
        size = prod(action.degree for action in actions)
        signed = all(isinstance(value, Signed | Motion) for row in letters for value in row)
        if signed and size <= SMALL_ORBITS:
            return _by_orbits(letters, size)
        known = self._by_partitions(actions, numbers)
        if known is not None:
            return known
        try:
            return _by_characters(letters)
        except TooLarge:
            if signed and size <= MOST_ORBITS:
                return _by_orbits(letters, size)
            raise

    def _by_partitions(self, actions: list[Action], numbers: dict[str, int]) -> int | None:
        """Orbits of the permutations of n points on k-tuples: the partitions of k into at most n parts."""
        if len(numbers) != 1:
            return None
        ((name, number),) = numbers.items()
        group = self.groups[number]
        n = group.matrices[0].degree
        if not natural(group) or any(a.matrices[name] != group.matrices for a in actions):
            return None
        k = len(actions)
        return sum(stirling(k, parts) for parts in range(min(k, n) + 1))

    def _equations(self, items: Product, numbers: dict[str, int]) -> int:
        pairs: list[tuple[Map, Map]] = []
        for name, number in sorted(numbers.items()):
            for g in range(len(self.groups[number].generators)):
                ends = []
                for dual in (True, False):
                    chosen = [self.actions[k] for k, turned in items if turned is dual]
                    ends.append(product_of([letter(action, name, g) for action in chosen]))
                pairs.append((ends[0], ends[1]))
        return len(intertwiners(pairs))


def acting(action: Action) -> frozenset[str]:
    """The factors that move something."""
    if action.sum is not None:
        parts = [part for term in action.sum for part in term if isinstance(part, Action)]
        return frozenset().union(*(acting(part) for part in parts))
    return frozenset(
        name for name, row in action.matrices.items() if not all(map(is_identity, row))
    )


def letter(action: Action, name: str, generator: int) -> Map:
    """The map of a generator on a primitive representation."""
    if name in action.matrices:
        return action.matrices[name][generator]
    first = next((row[0] for row in action.matrices.values()), None)
    if isinstance(first, Motion):
        return one_of(first)
    return Signed(tuple(range(action.degree)), (1,) * action.degree)


def natural(group: Group) -> bool:
    """Is the group that of all permutations of its points, by t = (0 1) and c = (0 1 ... n-1)?"""
    n = group.matrices[0].degree
    if len(group.matrices) != 2 or n < 3:
        return False
    if not all(isinstance(value, Signed | Motion) for value in group.matrices):
        return False
    t, c = (matrix(value) for value in group.matrices)
    ones = (1,) * n
    return t == Signed((1, 0, *range(2, n)), ones) and c == Signed((*range(1, n), 0), ones)


def product_of(letters: Sequence[Map]) -> Map:
    """The Kronecker product of matrices, the Kronecker sum of tangents."""
    result: Map = Signed((0,), (1,))
    for value in letters:
        if isinstance(value, Tangent) or isinstance(result, Tangent):
            result = Tangent(_kronecker_sum(result, value))
        else:
            result = kron(matrix(result), matrix(value))
    return result


def _kronecker_sum(left: Map, right: Map) -> tuple[tuple[Fraction, ...], ...]:
    a, b = tangent_rows(left), tangent_rows(right)
    m, n = len(a), len(b)
    return tuple(
        tuple(
            (a[i][k] if j == q else Fraction(0)) + (b[j][q] if i == k else Fraction(0))
            for k in range(m)
            for q in range(n)
        )
        for i in range(m)
        for j in range(n)
    )


def tangent_rows(value: Map) -> tuple[tuple[Fraction, ...], ...]:
    """The rows of A of exp(tA); zero for the identity. ValueError for anything else."""
    if isinstance(value, Tangent):
        return value.rows
    if not is_identity(value):
        raise ValueError("an element stands for a one-parameter group")
    return ((Fraction(0),) * value.degree,) * value.degree


def _by_orbits(letters: Sequence[tuple[Map, ...]], size: int) -> int:
    orbits = Orbits(size)
    for row in letters:
        moved: Signed | Dense = Signed((0,), (1,))
        for value in row:
            moved = kron(moved, matrix(value))
        assert isinstance(moved, Signed)
        orbits.join(moved)
    return orbits.balanced()


def _by_characters(letters: Sequence[tuple[Map, ...]]) -> int:
    one = tuple(one_of(value) for value in letters[0])
    steps = [tuple(_like(v, o) for v, o in zip(row, one, strict=True)) for row in letters]
    found = elements(steps, one, MOST_ELEMENTS)
    total = sum(
        (prod((trace(value) for value in row), start=Fraction(1)) for row in found), Fraction(0)
    )
    mean = total / len(found)
    if mean.denominator != 1:
        raise ValueError(f"the mean of the characters is {mean}")
    return int(mean)


def _like(value: Map, one: Map) -> Map:
    """The map in the form of the others, so that equal maps are equal values."""
    if isinstance(one, Motion) and isinstance(value, Motion) and value.shape == one.shape:
        return value
    return matrix(value)


@cache
def stirling(k: int, parts: int) -> int:
    """The partitions of k things into this many parts."""
    if k == 0 or parts == 0:
        return int(k == parts)
    return parts * stirling(k - 1, parts) + stirling(k - 1, parts - 1)
