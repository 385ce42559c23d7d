"""Linear maps between tensor powers as diagrams: set partitions for the symmetric groups.

In: the number of source and target legs (tensor factors). Out: diagrams, their number, their matrices
(the oracle of the tests) and how each factors through its shared legs. Pure Python but for the
matrices.

Let T_k be the k-th tensor power of the natural representation of S_n on R^n. To a set partition pi of
k source and l target legs belongs the map

    D_pi[j_1 ... j_l, i_1 ... i_k] = 1 where legs in one block have equal indices, else 0.

**The diagrams with at most n blocks are a basis of Hom_{S_n}(T_k, T_l).** Burnside: the orbits of
tuples (j, i) are the set partitions sigma with at most n blocks (which indices are equal), and their
indicators O_sigma are a basis. D_pi is the sum of O_sigma over all sigma that are pi or coarser. A
coarser partition has no more blocks than pi, so among the partitions with at most n blocks the matrix
from O to D is square, and unitriangular in any order that refines coarsening; its inverse is the
Moebius function of the partition lattice. Hence the D are a basis as well, for every n.

The matrix does not depend on n (only which partitions have few enough blocks does), and neither do the
steps of a diagram: take diagonals, average over the source's own blocks, mix channels, repeat along the
target's own blocks, embed in diagonals. A diagram costs n^max(k, l), where a matrix has n^(k + l)
entries.

Alternating groups: for n >= k + l + 2 every orbit of tuples under S_n leaves two indices free, whose
transposition is odd and fixes the tuple, so A_n has the same orbits and the same basis. An even number
of `sign` factors changes nothing.

Sources: Maron, Ben-Hamu, Shamir, Lipman, *Invariant and Equivariant Graph Networks* (2019), section 3;
Pearce-Crump, *Connecting Permutation Equivariant Neural Networks and Partition Diagrams* (2022); Stanley,
*Enumerative Combinatorics* 1, section 3.10, for the Moebius function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeAlias

from eqspec.algebra.counting import stirling
from eqspec.algebra.representations import Representation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Legs: TypeAlias = tuple[int, ...]

MAX_LEGS = 8  # 4,140 diagrams


@dataclass(frozen=True)
class Pattern:
    """How a diagram treats the legs of one side: blocks that go ``through`` to the other side, in the
    order in which the two sides are joined, and blocks that are ``free``: averaged over at the source,
    repeated along at the target."""

    through: tuple[Legs, ...]
    free: tuple[Legs, ...]

    @property
    def blocks(self) -> tuple[Legs, ...]:
        """All blocks, by their first legs."""
        return tuple(sorted((*self.through, *self.free)))

    @property
    def legs(self) -> int:
        return sum(len(block) for block in self.blocks)


@dataclass(frozen=True)
class Diagram:
    """A set partition of the source and target legs, as a pattern for each side: block k of
    ``source.through`` and block k of ``target.through`` are one block of the partition."""

    source: Pattern
    target: Pattern

    def __post_init__(self) -> None:
        assert len(self.source.through) == len(self.target.through), self

    @property
    def blocks(self) -> int:
        return len(self.source.blocks) + len(self.target.free)

    def matrix(self, n: int) -> NDArray[np.float64]:
        """The matrix D_pi of shape (n^l, n^k), entry by entry."""
        import numpy as np

        sources, targets = self.source.legs, self.target.legs
        result = np.ones((n,) * (targets + sources))
        index = np.indices(result.shape)
        pairs = zip(self.target.through, self.source.through, strict=True)
        blocks = [
            *((*j, *(targets + leg for leg in i)) for j, i in pairs),
            *self.target.free,
            *(tuple(targets + leg for leg in block) for block in self.source.free),
        ]
        for first, *others in blocks:
            for leg in others:
                result *= index[first] == index[leg]
        return result.reshape(n**targets, n**sources)


@dataclass(frozen=True)
class DiagramBasis:
    """The basis of Hom(T_k, T_l) for n points by diagrams; see above for the proof."""

    n: int
    sources: int
    targets: int

    @property
    def dimension(self) -> int:
        """Set partitions of all legs into at most n blocks."""
        return sum(
            stirling(self.sources + self.targets, b) for b in range(min(self.n, MAX_LEGS) + 1)
        )

    def __len__(self) -> int:
        return self.dimension

    @cached_property
    def by_target(self) -> tuple[tuple[Pattern, tuple[Pattern, ...]], ...]:
        """Every target pattern with the source patterns that go with it: all diagrams, once each.

        The target's blocks through are in order of their first legs; the source's are in all orders.
        """
        return tuple(
            (target, found)
            for target in target_patterns(self.targets)
            if (found := self._sources(target))
        )

    def _sources(self, target: Pattern) -> tuple[Pattern, ...]:
        room = self.n - len(target.free)
        return tuple(
            source
            for source in source_patterns(self.sources, len(target.through))
            if len(source.blocks) <= room
        )

    @property
    def diagrams(self) -> tuple[Diagram, ...]:
        return tuple(Diagram(s, t) for t, sources in self.by_target for s in sources)

    def dense(self) -> NDArray[np.float64]:
        """The basis as an array (dimension, n^l, n^k): an oracle for small n."""
        import numpy as np

        return np.stack([diagram.matrix(self.n) for diagram in self.diagrams])


def diagram_basis(
    source: Sequence[Representation], target: Sequence[Representation]
) -> DiagramBasis | None:
    """The basis of the maps between tensor products of these parts by diagrams, or None where they are
    no tensor powers of one natural representation (an even number of signs besides)."""
    parts = (*source, *target)
    factors = {name for part in parts for name in part.factors}
    legs = [part for part in parts if part.degree > 1]
    if len(factors) != 1 or not legs or len(legs) > MAX_LEGS or (len(parts) - len(legs)) % 2:
        return None
    (factor,) = factors
    group = legs[0].group(factor)
    if group.family not in ("symmetric", "alternating"):
        return None
    n = legs[0].degree
    if not all(is_leg(part, factor) for part in legs):
        return None
    if group.family == "alternating" and n < len(legs) + 2:
        return None
    if not all(part.factors and part.terms is None for part in parts):
        return None
    k = sum(part.degree > 1 for part in source)
    return DiagramBasis(n, k, len(legs) - k)


def is_leg(part: Representation, factor: str) -> bool:
    """Does the group permute the coordinates of this part as it permutes its own points?"""
    if part.terms is not None or factor not in part.factors:
        return False
    group = part.group(factor)
    return all(part.any_image(factor, g) == image for g, image in enumerate(group.model))


# ---- set partitions ----


@lru_cache(maxsize=64)
def set_partitions(legs: int) -> tuple[tuple[Legs, ...], ...]:
    """The set partitions of 0 ... legs-1: the finest first; blocks by their first legs."""

    def grow(leg: int, blocks: tuple[Legs, ...]) -> Iterator[tuple[Legs, ...]]:
        if leg == legs:
            yield blocks
            return
        yield from grow(leg + 1, (*blocks, (leg,)))
        for k, block in enumerate(blocks):
            yield from grow(leg + 1, (*blocks[:k], (*block, leg), *blocks[k + 1 :]))

    return tuple(sorted(grow(0, ()), key=len, reverse=True))


@lru_cache(maxsize=64)
def target_patterns(legs: int) -> tuple[Pattern, ...]:
    """Every set partition with every choice of blocks that go through."""
    result = []
    for blocks in set_partitions(legs):
        for choice in range(2 ** len(blocks)):
            free = [block for k, block in enumerate(blocks) if choice >> k & 1]
            result.append(Pattern(tuple(b for b in blocks if b not in free), tuple(free)))
    return tuple(sorted(result, key=lambda p: (-len(p.blocks), -len(p.through))))


@lru_cache(maxsize=256)
def source_patterns(legs: int, through: int) -> tuple[Pattern, ...]:
    """Every set partition with every ordered choice of so many blocks that go through."""
    from itertools import permutations

    return tuple(
        Pattern(order, tuple(block for block in blocks if block not in order))
        for blocks in set_partitions(legs)
        for order in permutations(blocks, through)
    )
