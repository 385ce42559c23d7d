"""Groups: generators, order, elements as words, conjugacy classes, presentations.

In: a family and its parameters (see `families` for the constructors). Out: immutable, hashable
values that are cheap to make even where the order is astronomical; elements, classes and tables are
computed on demand and memoised. An element is a word in the generators; a word reads left to right
as a product.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from eqspec.algebra.classes import (
    cycle_types,
    enumerated_classes,
    merged_classes,
    reflections,
    rotations,
)
from eqspec.algebra.enumeration import (
    Enumeration,
    GroupError,
    GroupTooLarge,
    Word,
    breadth_first,
    enumeration,
    extend,
    model,
    power_word,
)
from eqspec.algebra.extension import Extension
from eqspec.algebra.images import AnyImage, Infinitesimal, compose, power
from eqspec.limits import limits

TABLE_LIMIT = 1 << 22  # elements times points of a product that is listed


@dataclass(frozen=True)
class Group:
    """A group given by named generators.

    `parameters` are whatever the family needs: sizes, permutations, matrices. Two groups are equal
    when they have the same family, parameters and generator names. The order of an infinite matrix
    group is None; its generators generate a Zariski-dense subgroup (see `classical`).
    """

    description: str
    family: str
    parameters: tuple[Hashable, ...]
    generators: tuple[str, ...]
    order: int | None

    @property
    def is_finite(self) -> bool:
        return self.order is not None

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
        return model(self.family, self.parameters)

    @property
    def extension(self) -> Extension | None:
        """The parts of a direct, semidirect or wreath product; None for all other groups."""
        extension = self.parameters[2] if len(self.parameters) == 3 else None
        return extension if isinstance(extension, Extension) else None

    def element(self, word: Word) -> AnyImage:
        """The element that the word names, in the faithful model. GroupError for a one-parameter
        group, which is no element."""
        result = power(self.model[0], 0)
        for generator, exponent in word:
            if isinstance(self.model[generator], Infinitesimal):
                name = self.generators[generator]
                raise GroupError(f"{name} stands for all exp(t {name}) and not for one element")
            result = compose(result, power(self.model[generator], exponent))
        return result

    def elements(self) -> tuple[Word, ...]:
        """All elements as words: cyclic r^0, r^1, ...; dihedral r^0 ... r^(n-1), s, rs, ...,
        r^(n-1)s; semidirect n h, n running fastest; any other group breadth-first. GroupTooLarge beyond
        `group_elements`."""
        self._listable()
        return enumeration(self.family, self.parameters).words

    def classes(self) -> tuple[tuple[Word, int], ...]:
        """The conjugacy classes as (word of one representative, size). GroupTooLarge where neither
        a formula nor an enumeration within the limit gives them."""
        if self.family == "cyclic" and self._size <= limits().group_elements:
            return tuple((power_word(0, k), 1) for k in range(self._size))
        if self.family == "dihedral" and 2 * self._size <= limits().group_elements:
            n = self._size
            pairs = [(power_word(0, k), 2) for k in range(1, (n + 1) // 2)]
            middle = [(power_word(0, n // 2), 1)] if n % 2 == 0 else []
            return (((), 1), *pairs, *middle, *reflections(n))
        if self.family == "symmetric":
            return cycle_types(self._size)
        self._listable()
        return enumerated_classes(self.family, self.parameters)

    def rational_classes(self) -> tuple[tuple[Word, int], ...]:
        """Classes merged so that g and every generator g^k of the same cyclic subgroup fall
        together.

        The character of a representation with rational matrices is constant on them (its values are
        fixed by every Galois automorphism), and they are few: one for each divisor of n in
        cyclic(n).
        """
        if self.family == "cyclic":
            return rotations(self._size)
        if self.family == "dihedral":
            n = self._size
            return (*rotations(n), *reflections(n))
        if self.family == "symmetric":
            return self.classes()
        self._listable()
        return merged_classes(self.family, self.parameters)

    def relations(self) -> tuple[Word, ...] | None:
        """Relators of a presentation, or None for groups given by permutations or matrices alone.

        Sources: Coxeter and Moser, Generators and Relations for Discrete Groups, section 6.2 for
        the symmetric, 6.3 for the alternating and 6.4 for the polyhedral groups: (2, 3, 4) is that
        of the octahedron, which has 24 elements.
        """
        r, s = 0, 1
        match self.family:
            case "cyclic":
                return (((r, self._size),),)
            case "dihedral":
                return (((r, self._size),), ((s, 2),), ((s, 1), (r, 1), (s, 1), (r, 1)))
            case "klein":
                return (((r, 2),), ((s, 2),), ((r, 1), (s, 1), (r, 1), (s, 1)))
            case "quaternion":
                return (((r, 4),), ((r, 2), (s, -2)), ((s, 1), (r, 1), (s, -1), (r, 1)))
            case "octahedral":
                return _OCTAHEDRAL
            case "full_octahedral":
                inversion = [((g, 1), (2, 1), (g, -1), (2, -1)) for g in (r, s)]
                return (*_OCTAHEDRAL, ((2, 2),), *inversion)
            case "symmetric":
                return _symmetric_relations(self._size)
            case "alternating":
                return _alternating_relations(self._size)
            case _:
                return None if self.extension is None else self.extension.relations()

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
        if self.order is None:
            raise GroupTooLarge(
                f"{self.description} is infinite: its elements cannot be listed one by one"
            )
        if self.order > limits().group_elements:
            raise GroupTooLarge(
                f"{self.description} has {self.order:,} elements;"
                f" at most {limits().group_elements:,} are listed one by one"
            )
        if self.extension is not None and self.order * self.model[0].degree > TABLE_LIMIT:
            raise GroupTooLarge(
                f"{self.description} has {self.order:,} elements that move"
                f" {self.model[0].degree:,} points each: at most {TABLE_LIMIT:,} entries are listed"
            )


_OCTAHEDRAL: tuple[Word, ...] = (((0, 4),), ((1, 3),), ((0, 1), (1, 1)) * 2)


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


__all__ = [
    "Enumeration",
    "Group",
    "GroupError",
    "GroupTooLarge",
    "Word",
    "breadth_first",
    "enumeration",
    "extend",
]
