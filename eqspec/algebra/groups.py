"""Finite groups: generators, order, elements as words, conjugacy classes, presentations.

In: a family and its parameters (see `families` for the constructors). Out: immutable, hashable
values that are cheap to make even where the order is astronomical; elements, classes and tables are
computed on demand and memoised. An element is a word in the generators; a word reads left to right
as a product.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import factorial, gcd, prod
from typing import TypeAlias

from eqspec.algebra.images import (
    AnyImage,
    LatticeMap,
    Matrix,
    Monomial,
    compose,
    explicit,
    identity,
    inverse,
    lattice_map,
    power,
    rows_of,
    trace_is_finite,
)

Word: TypeAlias = tuple[tuple[int, int], ...]
"""(generator index, exponent), left to right as a product: (a, 1), (b, 1) is a * b."""

ENUMERATION_LIMIT = 20_160
CYCLE_TYPE_LIMIT = 32  # symmetric(32) has 8,349 cycle types
LARGEST_ENTRY_BITS = 512


class GroupError(ValueError):
    """The parameters describe no group that can be built; the message says why."""


class GroupTooLarge(GroupError):  # noqa: N818 - says what the group is
    """The elements were asked for and there are more than `ENUMERATION_LIMIT`."""


@dataclass(frozen=True)
class Group:
    """A finite group given by named generators.

    `parameters` are whatever the family needs: sizes, permutations, matrices. Two groups are equal
    when they have the same family, parameters and generator names.
    """

    description: str
    family: str
    parameters: tuple[Hashable, ...]
    generators: tuple[str, ...]
    order: int

    @cached_property
    def _hash(self) -> int:
        return hash((self.family, self.parameters, self.generators))

    def __hash__(self) -> int:
        return self._hash

    def renamed(self, mapping: Mapping[str, str]) -> Group:
        """The same group with other generator names. GroupError for unknown or repeated names."""
        unknown = [name for name in mapping if name not in self.generators]
        if unknown:
            known = ", ".join(self.generators)
            raise GroupError(f"{self.description} has no generator {unknown[0]}; it has {known}")
        names = tuple(mapping.get(name, name) for name in self.generators)
        if len(set(names)) < len(names):
            raise GroupError(f"two generators of {self.description} would have the same name")
        return replace(self, generators=names)

    @property
    def model(self) -> tuple[AnyImage, ...]:
        """A faithful matrix for each generator, in which elements are compared."""
        return _model(self.family, self.parameters)

    def element(self, word: Word) -> AnyImage:
        """The element that the word names, in the faithful model."""
        result = power(self.model[0], 0)
        for generator, exponent in word:
            result = compose(result, power(self.model[generator], exponent))
        return result

    def elements(self) -> tuple[Word, ...]:
        """All elements as words: cyclic r^0, r^1, ...; dihedral r^0 ... r^(n-1), s, rs, ...,
        r^(n-1)s; any other group breadth-first over its generators. GroupTooLarge beyond
        `ENUMERATION_LIMIT`."""
        self._listable()
        return enumeration(self.family, self.parameters).words

    def classes(self) -> tuple[tuple[Word, int], ...]:
        """The conjugacy classes as (word of one representative, size). GroupTooLarge where neither
        a formula nor an enumeration within the limit gives them."""
        if self.family == "cyclic" and self.order <= ENUMERATION_LIMIT:
            return tuple((_power_word(0, k), 1) for k in range(self.order))
        if self.family == "dihedral" and self.order <= ENUMERATION_LIMIT:
            n = self.order // 2
            pairs = [(_power_word(0, k), 2) for k in range(1, (n + 1) // 2)]
            middle = [(_power_word(0, n // 2), 1)] if n % 2 == 0 else []
            return (((), 1), *pairs, *middle, *_reflections(n))
        if self.family == "symmetric":
            return _cycle_types(self._size)
        self._listable()
        return _enumerated_classes(self.family, self.parameters)

    def rational_classes(self) -> tuple[tuple[Word, int], ...]:
        """Classes merged so that g and every generator g^k of the same cyclic subgroup fall
        together.

        The character of a representation with rational matrices is constant on them (its values are
        fixed by every Galois automorphism), and they are few: one for each divisor of n in
        cyclic(n).
        """
        if self.family == "cyclic":
            return _rotations(self.order)
        if self.family == "dihedral":
            n = self.order // 2
            return (*_rotations(n), *_reflections(n))
        if self.family == "symmetric":
            return self.classes()
        self._listable()
        return _merged_classes(self.family, self.parameters)

    def relations(self) -> tuple[Word, ...] | None:
        """Relators of a presentation, or None for groups given by permutations or matrices alone.

        Sources: Coxeter and Moser, Generators and Relations for Discrete Groups, section 6.2 for
        the symmetric and 6.3 for the alternating groups.
        """
        r, s = 0, 1
        match self.family:
            case "cyclic":
                return (((r, self.order),),)
            case "dihedral":
                return (((r, self.order // 2),), ((s, 2),), ((s, 1), (r, 1), (s, 1), (r, 1)))
            case "klein":
                return (((r, 2),), ((s, 2),), ((r, 1), (s, 1), (r, 1), (s, 1)))
            case "quaternion":
                return (((r, 4),), ((r, 2), (s, -2)), ((s, 1), (r, 1), (s, -1), (r, 1)))
            case "symmetric":
                return _symmetric_relations(self._size)
            case "alternating":
                return _alternating_relations(self._size)
            case _:
                return None

    def left_multiplication(self, generator: int) -> tuple[int, ...]:
        """Where each element of `elements()` goes under g -> s g, by index: the regular
        representation."""
        self._listable()
        table = enumeration(self.family, self.parameters)
        step = self.model[generator]
        return tuple(table.index[compose(step, g)] for g in table.images)

    def right_multiplication(self, generator: int) -> tuple[int, ...]:
        """Where each element of `elements()` goes under g -> g s, by index: the Cayley graph."""
        self._listable()
        table = enumeration(self.family, self.parameters)
        step = self.model[generator]
        return tuple(table.index[compose(g, step)] for g in table.images)

    def index_of(self, word: Word) -> int:
        """The place of an element in `elements()`."""
        self._listable()
        return enumeration(self.family, self.parameters).index[self.element(word)]

    def text(self, word: Word) -> str:
        """The word in generator names: `r^2 s`; `1` for the empty word."""
        letters = [
            self.generators[g] if exponent == 1 else f"{self.generators[g]}^{exponent}"
            for g, exponent in word
            if exponent
        ]
        return " ".join(letters) or "1"

    @property
    def _size(self) -> int:
        size = self.parameters[0]
        assert isinstance(size, int)
        return size

    def _listable(self) -> None:
        if self.order > ENUMERATION_LIMIT:
            raise GroupTooLarge(
                f"{self.description} has {self.order:,} elements;"
                f" at most {ENUMERATION_LIMIT:,} are listed one by one"
            )


@dataclass(frozen=True)
class Enumeration:
    """All elements: words, matrices of the faithful model, and the index of a matrix."""

    words: tuple[Word, ...]
    images: tuple[AnyImage, ...]
    index: dict[AnyImage, int]


def breadth_first(generators: Sequence[AnyImage], limit: int, guard: bool = False) -> Enumeration:
    """The group generated by the matrices, breadth-first by multiplication from the right.

    With `guard`, an element that no finite rational group can hold (trace not a whole number or
    larger than the degree, entries beyond `LARGEST_ENTRY_BITS`) stops it early. GroupTooLarge
    beyond `limit`.
    """
    start = power(generators[0], 0)
    words: list[Word] = [()]
    images: list[AnyImage] = [start]
    index: dict[AnyImage, int] = {start: 0}
    place = 0
    while place < len(images):
        for letter, step in enumerate(generators):
            new = compose(images[place], step)
            if new in index:
                continue
            if len(images) == limit or (guard and _grows(new)):
                raise GroupTooLarge(f"infinite or more than {limit:,} elements")
            index[new] = len(images)
            images.append(new)
            words.append(extend(words[place], letter, 1))
        place += 1
    return Enumeration(tuple(words), tuple(images), index)


def extend(word: Word, generator: int, exponent: int) -> Word:
    """The word times generator^exponent, with neighbouring powers of one generator joined."""
    if word and word[-1][0] == generator:
        total = word[-1][1] + exponent
        return (*word[:-1], (generator, total)) if total else word[:-1]
    return (*word, (generator, exponent))


@lru_cache(maxsize=256)
def enumeration(family: str, parameters: tuple[Hashable, ...]) -> Enumeration:
    """The elements of a group in the order of `Group.elements`."""
    model = _model(family, parameters)
    if family not in ("cyclic", "dihedral"):
        return breadth_first(model, ENUMERATION_LIMIT)
    n = parameters[0]
    assert isinstance(n, int)
    words: list[Word] = [_power_word(0, k) for k in range(n)]
    if family == "dihedral":
        words += [(*word, (1, 1)) for word in words]
    images: list[AnyImage] = [power(model[0], 0)]
    for _ in range(n - 1):
        images.append(compose(images[-1], model[0]))
    if family == "dihedral":
        images += [compose(image, model[1]) for image in images]
    return Enumeration(tuple(words), tuple(images), {image: i for i, image in enumerate(images)})


@lru_cache(maxsize=256)
def _model(family: str, parameters: tuple[Hashable, ...]) -> tuple[AnyImage, ...]:
    match family, parameters:
        case "cyclic", (int(n),):
            return (lattice_map((n,), (0,), (1,), (1,)),)
        case "dihedral", (int(n),):
            turn = lattice_map((n, 2), (0, 1), (1, 1), (1, 0))
            return (turn, lattice_map((n, 2), (0, 1), (-1, 1), (0, 1)))
        case "klein", ():
            return (
                lattice_map((2, 2), (0, 1), (1, 1), (1, 0)),
                lattice_map((2, 2), (0, 1), (1, 1), (0, 1)),
            )
        case "quaternion", ():  # left multiplication by i and j on 1, i, j, k
            return (Monomial((1, 0, 3, 2), (1, -1, 1, -1)), Monomial((2, 3, 0, 1), (1, -1, -1, 1)))
        case "symmetric" | "alternating", (int(n),):
            return _point_generators(family, n)
        case _, (_, tuple(images)):
            return images
    raise AssertionError(f"unknown family {family}")


def _point_generators(family: str, n: int) -> tuple[Monomial, Monomial]:
    """symmetric: t = (0 1), c = (0 1 ... n-1). alternating: t = (0 1 2), c = (2 3 ... n-1) for odd
    n, (0 1)(2 3 ... n-1) for even n."""
    if family == "symmetric":
        return _cycles(n, (0, 1)), _cycles(n, tuple(range(n)))
    if n < 3:
        return identity(n), identity(n)
    tail = tuple(range(2, n))
    return _cycles(n, (0, 1, 2)), _cycles(n, tail) if n % 2 else _cycles(n, (0, 1), tail)


def _cycles(n: int, *cycles: tuple[int, ...]) -> Monomial:
    images = list(range(n))
    for cycle in cycles:
        inside = [point for point in cycle if point < n]
        for place, point in enumerate(inside):
            images[point] = inside[(place + 1) % len(inside)]
    return Monomial(tuple(images), (1,) * n)


def _symmetric_relations(n: int) -> tuple[Word, ...]:
    t, c = 0, 1
    if n == 1:
        return (((t, 1),), ((c, 1),))
    commuting = [((t, 1), (c, -j), (t, 1), (c, j)) * 2 for j in range(2, n // 2 + 1)]
    braid = ((t, 1), (c, -1), (t, 1), (c, 1)) * 3
    return (((t, 2),), ((c, n),), ((t, 1), (c, 1)) * (n - 1), braid, *commuting)


def _alternating_relations(n: int) -> tuple[Word, ...]:
    t, c = 0, 1
    if n < 3:
        return (((t, 1),), ((c, 1),))
    first: tuple[Word, ...] = (((c, n - 2),), ((t, 3),))
    if n % 2:
        rest = [((t, 1), (c, -k), (t, 1), (c, k)) * 2 for k in range(1, (n - 3) // 2 + 1)]
        return (*first, ((c, 1), (t, 1)) * n, *rest)
    rest = [((t, (-1) ** k), (c, -k), (t, 1), (c, k)) * 2 for k in range(1, (n - 2) // 2 + 1)]
    return (*first, ((c, 1), (t, 1)) * (n - 1), *rest)


def _power_word(generator: int, exponent: int) -> Word:
    return ((generator, exponent),) if exponent else ()


def _rotations(n: int) -> tuple[tuple[Word, int], ...]:
    """One representative r^d for each divisor d of n, with the number of elements of its order."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    divisors = sorted({*small, *(n // d for d in small)})
    return tuple((_power_word(0, d % n), _totient(n // d)) for d in reversed(divisors))


def _reflections(n: int) -> tuple[tuple[Word, int], ...]:
    if n % 2:
        return ((((1, 1),), n),)
    return ((((1, 1),), n // 2), (((0, 1), (1, 1)), n // 2))


def _totient(n: int) -> int:
    result, rest, p = n, n, 2
    while p * p <= rest:
        if rest % p == 0:
            result -= result // p
            while rest % p == 0:
                rest //= p
        p += 1
    return result - result // rest if rest > 1 else result


def partitions(n: int, largest: int | None = None) -> list[tuple[int, ...]]:
    """The partitions of n in decreasing parts, (1, ..., 1) last."""
    if n == 0:
        return [()]
    top = n if largest is None else min(n, largest)
    return [(k, *rest) for k in range(top, 0, -1) for rest in partitions(n - k, k)]


@lru_cache(maxsize=64)
def _cycle_types(n: int) -> tuple[tuple[Word, int], ...]:
    """A word for each cycle type: (a ... a+k-1) is s_a ... s_{a+k-2}, where s_i = c^i t c^-i."""
    if n > CYCLE_TYPE_LIMIT:
        raise GroupTooLarge(f"symmetric({n}) has too many cycle types: n <= {CYCLE_TYPE_LIMIT}")
    result: list[tuple[Word, int]] = []
    for parts in reversed(partitions(n)):
        word: Word = ()
        start = 0
        for k in parts:
            if k > 1:
                word = extend(word, 1, start) if start else word
                for step in range(k - 1):
                    word = extend(word, 0, 1)
                    if step < k - 2:
                        word = extend(word, 1, 1)
                word = extend(word, 1, -(start + k - 2)) if start + k - 2 else word
            start += k
        centraliser = prod(k**m * factorial(m) for k in set(parts) for m in [parts.count(k)])
        result.append((word, factorial(n) // centraliser))
    return tuple(result)


@lru_cache(maxsize=256)
def _class_indices(family: str, parameters: tuple[Hashable, ...]) -> tuple[int, ...]:
    """For every element the index of the first element of its conjugacy class."""
    table = enumeration(family, parameters)
    steps = [(g, inverse(g)) for g in _model(family, parameters)]
    label = [-1] * len(table.images)
    for start in range(len(label)):
        if label[start] >= 0:
            continue
        label[start], queue = start, [start]
        while queue:
            x = table.images[queue.pop()]
            for g, back in steps:
                other = table.index[compose(compose(g, x), back)]
                if label[other] < 0:
                    label[other] = start
                    queue.append(other)
    return tuple(label)


def _sized(words: Sequence[Word], label: Sequence[int]) -> tuple[tuple[Word, int], ...]:
    sizes: dict[int, int] = {}
    for representative in label:
        sizes[representative] = sizes.get(representative, 0) + 1
    return tuple((words[place], size) for place, size in sorted(sizes.items()))


@lru_cache(maxsize=256)
def _enumerated_classes(
    family: str, parameters: tuple[Hashable, ...]
) -> tuple[tuple[Word, int], ...]:
    return _sized(enumeration(family, parameters).words, _class_indices(family, parameters))


@lru_cache(maxsize=256)
def _merged_classes(family: str, parameters: tuple[Hashable, ...]) -> tuple[tuple[Word, int], ...]:
    table, label = enumeration(family, parameters), _class_indices(family, parameters)
    merged: dict[int, int] = {}
    for representative in sorted(set(label)):
        if representative in merged:
            continue
        powers = [0]
        image = table.images[representative]
        while (place := table.index[compose(table.images[powers[-1]], image)]) != 0:
            powers.append(place)
        for k in range(1, len(powers)):
            if gcd(k, len(powers)) == 1:
                merged.setdefault(label[powers[k]], representative)
        merged.setdefault(representative, representative)
    return _sized(table.words, [merged[place] for place in label])


def _grows(image: AnyImage) -> bool:
    """True if no finite group of rational matrices holds this one: its trace is a sum of roots of
    unity."""
    if not trace_is_finite(image):
        return True
    image = explicit(image)
    return isinstance(image, Matrix) and any(
        max(abs(v.numerator), v.denominator).bit_length() > LARGEST_ENTRY_BITS
        for row in rows_of(image)
        for v in row
    )


__all__ = ["ENUMERATION_LIMIT", "Group", "GroupError", "GroupTooLarge", "LatticeMap", "Word"]
