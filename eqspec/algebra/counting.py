"""Dimensions of spaces of equivariant maps, counted without solving: characters, partitions,
orbits.

In: the axes of source and target, plain sizes and representations. Out: exact whole numbers. Pure
Python: nothing is enumerated that a formula gives. The group of a block is never the product of all
factors: the space factorises over clusters of factors that share an axis,

dim Hom_G(X, Y) = c_in c_out prod_K 1/|G_K| sum_{g in G_K} chi_X(g^-1) chi_Y(g),

and for finite groups over rational matrices chi(g^-1) = chi(g), since the eigenvalues are roots of
unity and chi is real. Infinite groups act on the source through the dual, Hom(X, Y) = (X* (x) Y)^G,
whose invariants are counted by characters where the group is classical (`weyl`), and by the exact
null space, proved from both sides, elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra import weyl
from eqspec.algebra.groups import Group, GroupTooLarge, Word
from eqspec.algebra.images import Matrix, Rational
from eqspec.algebra.representations import Representation, element_trace, joined

Axis: TypeAlias = int | Representation
Axes: TypeAlias = Sequence[Axis]
Parts: TypeAlias = frozenset[tuple[Representation, int]]
"""A multiset of acted axes."""

JOINT_CLASS_LIMIT = 50_000  # joint conjugacy classes of one cluster
ORBIT_POINT_LIMIT = 1 << 20  # entries of a map whose orbits are counted one by one
TERM_LIMIT = 100_000  # terms of a product of direct sums


class CannotCount(ValueError):  # noqa: N818 - says what happened
    """No route counts this space within the limits; the message says which limit."""


@dataclass(frozen=True)
class Cluster:
    """Factors that share acted axes, and the indices of those axes in source and target."""

    factors: tuple[str, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]


def clusters(source: Axes, target: Axes) -> tuple[Cluster, ...]:
    """The connected components of the bipartite graph of factors and acted axes of both sides, in
    the order of their first axis. Plain sizes and axes on which nothing acts belong to none."""
    acted: list[tuple[int, int, frozenset[str]]] = [
        (side, place, axis.factors)
        for side, axes in enumerate((source, target))
        for place, axis in enumerate(axes)
        if not isinstance(axis, int) and axis.factors
    ]
    groups: list[tuple[set[str], list[tuple[int, int]]]] = []
    for side, place, factors in acted:
        joins = [group for group in groups if group[0] & factors]
        rest = [group for group in groups if not group[0] & factors]
        names = set(factors).union(*(group[0] for group in joins))
        members = [member for group in joins for member in group[1]] + [(side, place)]
        groups = [*rest, (names, members)]
    groups.sort(key=lambda group: min(group[1]))
    return tuple(
        Cluster(
            tuple(sorted(names)),
            tuple(sorted(place for side, place in members if side == 0)),
            tuple(sorted(place for side, place in members if side == 1)),
        )
        for names, members in groups
    )


def hom_dimension(source: Axes, target: Axes, under: Iterable[str] | None = None) -> int:
    """The dimension of the space of linear maps from source to target that commute with every
    factor (with the factors `under` alone, if given). CannotCount where no route fits the limits.
    """
    chosen = None if under is None else frozenset(under)
    left, right = terms(tuple(source), chosen, True), terms(tuple(target), chosen)
    return sum(m * n * _block_dimension(_merge(x, y), chosen) for x, m in left for y, n in right)


def invariants_dimension(axes: Axes, under: Iterable[str] | None = None) -> int:
    """dim V^G, by Burnside's lemma the number of orbits where V is a permutation representation."""
    return hom_dimension((), axes, under)


def coinvariants_dimension(axes: Axes, under: Iterable[str] | None = None) -> int:
    """dim V_G = dim (V*)^G: the linear functionals that G does not see."""
    return hom_dimension(axes, (), under)


def total_degree(axes: Axes) -> int:
    """The dimension of the tensor product of the axes."""
    return prod(axis if isinstance(axis, int) else axis.degree for axis in axes)


@lru_cache(maxsize=4096)
def terms(
    axes: tuple[Axis, ...], under: frozenset[str] | None, dual: bool = False
) -> tuple[tuple[Parts, int], ...]:
    """The tensor product of the axes as a sum of products of primitive acted parts, equal terms
    joined; `dual`: of the dual space (rational representations of finite groups are their own)."""
    total: Counter[Parts] = Counter({frozenset(): 1})
    for axis in axes:
        here: Counter[Parts] = Counter()
        if isinstance(axis, int):
            here[frozenset()] = axis
        elif not (axis.factors if under is None else axis.factors & under):
            here[frozenset()] = axis.degree
        elif axis.terms is None:
            turned = dual and not all(group.is_finite for _, group in axis.groups)
            here[frozenset({(axis.dual() if turned else axis, 1)})] = 1
        else:
            for term in axis.terms:
                for parts, m in terms(term.axes, under, dual):
                    here[parts] += m
        if len(total) * len(here) > TERM_LIMIT:
            raise CannotCount(f"a product of direct sums with more than {TERM_LIMIT:,} terms")
        joint: Counter[Parts] = Counter()
        for x, m in total.items():
            for y, n in here.items():
                joint[_merge(x, y)] += m * n
        total = joint
    return tuple(total.items())


def _merge(first: Parts, second: Parts) -> Parts:
    if not first or not second:
        return first or second
    merged = Counter(dict(first))
    merged.update(dict(second))
    return frozenset(merged.items())


@lru_cache(maxsize=65536)
def _block_dimension(parts: Parts, under: frozenset[str] | None) -> int:
    return prod(component_dimension(part, factors) for part, factors in components(parts, under))


def components(parts: Parts, under: frozenset[str] | None) -> list[tuple[Parts, tuple[str, ...]]]:
    """The clusters of a multiset of parts, with their factors."""
    groups: list[tuple[frozenset[str], list[tuple[Representation, int]]]] = []
    for rep, count in parts:
        factors = rep.factors if under is None else rep.factors & under
        joins = [group for group in groups if group[0] & factors]
        groups = [group for group in groups if not group[0] & factors]
        members = [member for group in joins for member in group[1]] + [(rep, count)]
        groups.append((factors.union(*(group[0] for group in joins)), members))
    return [(frozenset(members), tuple(sorted(names))) for names, members in groups]


@lru_cache(maxsize=16384)
def component_dimension(parts: Parts, factors: tuple[str, ...]) -> int:
    """The invariants of one cluster's tensor product under the joint group of its factors."""
    groups = dict(joined([rep.groups for rep, _ in parts]))
    if not all(groups[f].is_finite for f in factors):
        known = None
        if len(factors) == 1:
            known = weyl.invariants(groups[factors[0]], [(rep.kind, count) for rep, count in parts])
        return _by_solver(parts, factors) if known is None else known
    if len(factors) == 1:
        count = _by_partitions(parts, groups[factors[0]], factors[0])
        if count is not None:
            return count
    try:
        domain = tuple(
            (f, groups[f].rational_classes() if len(factors) == 1 else groups[f].classes())
            for f in factors
        )
    except GroupTooLarge as error:
        return _by_orbits(parts, factors, str(error))
    if prod(len(classes) for _, classes in domain) > JOINT_CLASS_LIMIT:
        return _by_orbits(
            parts, factors, f"more than {JOINT_CLASS_LIMIT:,} joint classes of {', '.join(factors)}"
        )
    values = character(parts, domain)
    sizes = [prod(sizes) for sizes in product(*([s for _, s in classes] for _, classes in domain))]
    total = Fraction(sum(a * b for a, b in zip(values, sizes, strict=True)))
    return _whole(total / prod(groups[f].order or 1 for f in factors))


def _by_solver(parts: Parts, factors: tuple[str, ...]) -> int:
    """The invariants by the exact null space, as maps from the duals of some parts to the others,
    so that both sides stay small."""
    from eqspec.algebra.nullspace import SolverTooLarge  # NumPy: only where it is needed
    from eqspec.algebra.restriction import restricted
    from eqspec.algebra.solver import hom_basis

    source: list[Representation] = []
    target: list[Representation] = []
    own = frozenset(factors)
    for rep, count in sorted(parts, key=lambda part: (-part[0].degree, part[0].label)):
        for _ in range(count):
            part = restricted(rep, own)
            if prod(x.degree for x in source) < prod(x.degree for x in target):
                source.append(part.dual())
            else:
                target.append(part)
    try:
        return len(hom_basis(tuple(source), tuple(target)))
    except SolverTooLarge as error:
        raise CannotCount(str(error)) from None


Domain: TypeAlias = tuple[tuple[str, tuple[tuple[Word, int], ...]], ...]


def character(parts: Parts, domain: Domain) -> list[Rational]:
    """The character of a product of parts at every joint class, the last factor running fastest."""
    shape = [len(classes) for _, classes in domain]
    strides = [prod(shape[place + 1 :]) for place in range(len(shape))]
    total: list[Rational] = [1] * prod(shape)
    for rep, count in parts:
        mine = [place for place, (f, _) in enumerate(domain) if f in rep.factors]
        table = _values(rep, tuple(domain[place] for place in mine))
        if len(mine) == len(domain):
            total = [a * b**count for a, b in zip(total, table, strict=True)]
            continue
        own = [prod(shape[q] for q in mine if q > p) for p in mine]
        for index in range(len(total)):
            at = sum(
                index // strides[p] % shape[p] * step for p, step in zip(mine, own, strict=True)
            )
            total[index] *= table[at] ** count
    return total


@lru_cache(maxsize=4096)
def _values(rep: Representation, domain: Domain) -> tuple[Rational, ...]:
    names = [f for f, _ in domain]
    words = [[word for word, _ in classes] for _, classes in domain]
    return tuple(
        element_trace(rep, tuple(zip(names, element, strict=True))) for element in product(*words)
    )


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise ValueError(
            f"the characters average to {value}: the matrices define no representation"
        )
    return int(value)


def _by_partitions(parts: Parts, group: Group, factor: str) -> int | None:
    """Tensors of symmetric(n) and alternating(n) without enumeration, for any n.

    Orbits of k-tuples of points are the set partitions of k into b <= n blocks, with stabiliser
    symmetric(n - b). An odd number of signs keeps the orbits whose stabiliser is even (n - b <= 1);
    under alternating(n) exactly those orbits split in two.
    """
    if group.family not in ("symmetric", "alternating"):
        return None
    (degree,) = group.parameters
    assert isinstance(degree, int)
    n = int(degree)
    power = signs = 0
    for rep, count in parts:
        letters = tuple(rep.any_image(factor, g) for g in range(2))
        if rep.degree == 1:
            signs += count
        elif letters == group.model:
            power += count
        else:
            return None
    total = 0
    for blocks in range(min(power, n) + 1):
        free = n - blocks <= 1
        if group.family == "symmetric":
            weight = 1 if signs % 2 == 0 or free else 0
        else:
            weight = 2 if free and n > 1 else 1
        total += weight * stirling(power, blocks)
    return total


@lru_cache(maxsize=4096)
def stirling(k: int, blocks: int) -> int:
    """The number of partitions of a set of k elements into this many blocks."""
    if k == 0 or blocks == 0:
        return int(k == blocks)
    return blocks * stirling(k - 1, blocks) + stirling(k - 1, blocks - 1)


def _by_orbits(parts: Parts, factors: tuple[str, ...], reason: str) -> int:
    """Balanced orbits of signed coordinates under the generators: needs no character, holds for a
    group of any order, and certifies itself (labels and signs are a solution and exhaust the
    constraints)."""
    degree = prod(rep.degree**count for rep, count in parts)
    if degree > ORBIT_POINT_LIMIT:
        raise CannotCount(f"{reason}; and {degree:,} entries are too many to count orbits")
    moves: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    groups = dict(joined([rep.groups for rep, _ in parts]))
    for f in factors:
        for g in range(len(groups[f].generators)):
            image: im.AnyImage = im.identity(1)
            for rep, count in parts:
                for _ in range(count):
                    image = im.kron(image, rep.image(f, g))
            if isinstance(image, Matrix):
                raise CannotCount(f"{reason}; and the matrices are no signed permutations")
            image = im.explicit(image)
            assert isinstance(image, im.Monomial)
            moves.append((image.images, image.signs))
    sign = [0] * degree
    total = 0
    for start in range(degree):
        if sign[start]:
            continue
        sign[start], balanced, queue = 1, True, [start]
        while queue:
            point = queue.pop()
            for images, signs in moves:
                other, value = images[point], signs[point] * sign[point]
                if not sign[other]:
                    sign[other] = value
                    queue.append(other)
                elif sign[other] != value:
                    balanced = False
        total += balanced
    return total
