"""Linear maps between tensor powers of the vectors of a classical group, as Brauer diagrams.

In: the parts of source and target. Out: a `TensorBasis`: diagrams that match the legs in pairs, for the
special groups some of them in groups of n by the Levi-Civita symbol. Which diagrams there
are is pure Python; NumPy chooses the independent ones.

The **First Fundamental Theorem** (Weyl, *The Classical Groups*, II.A and VI.1; Goodman and Wallach,
*Symmetry, Representations, and Invariants*, sections 5.2 and 5.3) says which diagrams span:

- O(p, q): all perfect matchings of the legs, with the form eta; with an odd number of determinants
  among the parts, one Levi-Civita symbol and a matching of the other legs. SO(p, q): both.
- Sp(n): all perfect matchings, with the form omega.
- GL(n): matchings of upper with lower legs (walled Brauer diagrams). SL(n): besides as many Levi-Civita
  symbols on the legs that are too many.

They are independent only where n is large. A basis is chosen exactly: every diagram is a multilinear
function of vectors; these are evaluated at points modulo a prime, and the rows on which the rank grows
are independent over Q, since a rank modulo a prime is never larger. Where the rank is the dimension that
the characters count, the chosen diagrams are independent, they are intertwiners, and they are as many as
the space has dimensions: a basis, whatever the prime. That the form is invariant, and that the legs are
what they seem, is checked on the matrices of the generators.

On legs: a source vector and a target covector are lower legs of the map, a source covector and a target
vector are upper. Where there is a form F (g^T F g = F), covectors are vectors in disguise, F^-1 c, and
all legs are matched alike. F is eta or omega, and F^-1 = F or -F.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation

if TYPE_CHECKING:  # counting diagrams needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

Pair: TypeAlias = tuple[int, int]
Leg: TypeAlias = int | tuple[int, int]
"""A leg of the source by its number, or (e, k): output k of the Levi-Civita symbol e."""
Rows: TypeAlias = tuple[tuple[int, ...], ...]

MAX_LEGS = 8
MAX_DIAGRAMS = 600
MAX_SYMBOL = 4  # the Levi-Civita symbol has n^n entries
PRIME = (1 << 31) - 1

FORMS = ("orthogonal", "special_orthogonal", "lorentz", "special_lorentz", "symplectic")
FAMILIES = (*FORMS, "general_linear", "special_linear")


@dataclass(frozen=True)
class Contraction:
    """What is done at the source: ``pairs`` of legs are contracted, the legs of each of ``symbols`` with
    a Levi-Civita symbol; ``through`` are the legs that remain, in order."""

    through: tuple[Leg, ...]
    pairs: tuple[Pair, ...]
    symbols: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Insertion:
    """What is done at the target: the legs ``through`` receive what comes, the others are filled with
    forms (``pairs``) and Levi-Civita ``symbols``."""

    through: tuple[int, ...]
    pairs: tuple[Pair, ...]
    symbols: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Matching:
    """All legs, source before target, in pairs and in groups of n."""

    pairs: tuple[Pair, ...]
    symbols: tuple[tuple[int, ...], ...]

    def steps(self, sources: int) -> tuple[Contraction, Insertion]:
        """The diagram as steps at the source and at the target."""
        across = [(a, b - sources) for a, b in self.pairs if a < sources <= b]
        arrives: dict[int, Leg] = {target: source for source, target in across}
        lower: list[tuple[int, ...]] = []
        upper: list[tuple[int, ...]] = []
        for symbol in self.symbols:
            own = tuple(leg for leg in symbol if leg < sources)
            others = [leg - sources for leg in symbol if leg >= sources]
            if own:
                arrives.update({leg: (len(lower), k) for k, leg in enumerate(others)})
                lower.append(own)
            else:
                upper.append(tuple(others))
        through = tuple(sorted(arrives))
        return (
            Contraction(
                tuple(arrives[leg] for leg in through),
                tuple(pair for pair in self.pairs if pair[1] < sources),
                tuple(lower),
            ),
            Insertion(
                through,
                tuple((a - sources, b - sources) for a, b in self.pairs if a >= sources),
                tuple(upper),
            ),
        )


@dataclass(frozen=True)
class TensorBasis:
    """Matchings that are a basis of the maps between tensor products of vectors and covectors.

    ``source_lower`` and ``target_lower`` say which legs are covectors. ``form`` is None for the linear
    groups. ``odd``: a determinant is left over; ``special``: the determinant is 1.
    """

    n: int
    form: Rows | None
    special: bool
    odd: bool
    source_lower: tuple[bool, ...]
    target_lower: tuple[bool, ...]
    dimension: int

    def __len__(self) -> int:
        return self.dimension

    @property
    def sources(self) -> int:
        return len(self.source_lower)

    @property
    def targets(self) -> int:
        return len(self.target_lower)

    @property
    def has_plain_form(self) -> bool:
        """Is the form the identity?"""
        return self.form is not None and all(
            value == (i == j) for i, row in enumerate(self.form) for j, value in enumerate(row)
        )

    @cached_property
    def matchings(self) -> tuple[Matching, ...]:
        """The basis. ValueError if fewer are independent than the characters count."""
        found = tuple(spanning(self))
        chosen = independent(self, found)
        if len(chosen) != self.dimension:
            raise ValueError(
                f"characters count {self.dimension} maps, {len(chosen)} diagrams are independent"
            )
        return tuple(found[k] for k in chosen)

    @cached_property
    def by_target(self) -> tuple[tuple[Insertion, tuple[Contraction, ...]], ...]:
        """Every pattern of the target with the patterns of the source that go with it."""
        found: dict[Insertion, list[Contraction]] = {}
        for matching in self.matchings:
            source, target = matching.steps(self.sources)
            found.setdefault(target, []).append(source)
        ordered = sorted(found.items(), key=lambda item: -len(item[0].through))
        return tuple((target, tuple(sources)) for target, sources in ordered)


def tensor_basis(
    source: Sequence[Representation], target: Sequence[Representation]
) -> TensorBasis | None:
    """The basis of the maps between these parts by matchings, or None where they are no vectors and
    covectors of one classical group (and determinants besides), or too many."""
    parts = (*source, *target)
    factors = {name for part in parts for name in part.factors}
    if len(factors) != 1:
        return None
    (factor,) = factors
    group = next(part.group(factor) for part in parts if factor in part.factors)
    if group.family not in FAMILIES:
        return None
    n = im.explicit(group.model[0]).degree
    form = _form(group, n) if group.family in FORMS else None
    if (form is None) == (group.family in FORMS) or n == 1:
        return None
    special = group.family not in ("orthogonal", "lorentz", "general_linear")
    if special and not all(im.determinant(im.explicit(g)) == 1 for g in group.model):
        return None
    kinds: list[tuple[str, bool]] = []
    for part in parts:
        kind = _kind(part, factor, group, n)
        if kind is None:
            return None
        kinds.append(kind)
    odd = sum(twisted for _, twisted in kinds) % 2 == 1
    if group.family == "general_linear" and any(twisted for _, twisted in kinds):
        return None
    lower = [[name == "covector" for name, _ in side if name != "trivial"]
             for side in (kinds[: len(source)], kinds[len(source) :])]  # fmt: skip
    legs = len(lower[0]) + len(lower[1])
    if not 0 < legs <= MAX_LEGS:
        return None
    basis = TensorBasis(
        n,
        form,
        special,
        odd and not special,
        tuple(lower[0]),
        tuple(lower[1]),
        hom_dimension(tuple(source), tuple(target)),
    )
    if _symbols_possible(basis, legs) and n > MAX_SYMBOL:
        return None
    return basis if basis.dimension > 0 and _count(basis, legs) <= MAX_DIAGRAMS else None


def _symbols_possible(basis: TensorBasis, legs: int) -> bool:
    if basis.form is not None and not basis.odd:
        symmetric = all(
            basis.form[i][j] == basis.form[j][i] for i in range(basis.n) for j in range(basis.n)
        )
        return basis.special and symmetric and legs >= basis.n
    return basis.odd or (basis.special and legs >= basis.n)


def _count(basis: TensorBasis, legs: int) -> int:
    total = 0
    for _ in spanning(basis):
        total += 1
        if total > MAX_DIAGRAMS:
            break
    return total


def _form(group: Group, n: int) -> Rows | None:
    """eta or omega, checked on the generators."""
    if group.family == "symplectic":
        m = n // 2
        rows = tuple(tuple(int(j == i + m) - int(j == i - m) for j in range(n)) for i in range(n))
    else:
        plus = n
        if group.family in ("lorentz", "special_lorentz"):
            size = group.parameters[0]
            assert isinstance(size, int)
            plus = size
        rows = tuple(
            tuple((1 if i < plus else -1) * int(i == j) for j in range(n)) for i in range(n)
        )
    wanted = im.matrix(rows)
    for g in group.model:
        found = im.compose(im.compose(im.transpose(im.explicit(g)), wanted), im.explicit(g))
        if im.rows_of(im.explicit(found)) != im.rows_of(wanted):
            return None
    return rows


@lru_cache(maxsize=4096)
def _kind(part: Representation, factor: str, group: Group, n: int) -> tuple[str, bool] | None:
    """("vector", "covector" or "trivial", with a determinant?), by the matrices."""
    if part.terms is not None or part.group(factor) != group:
        return None
    images = [im.explicit(part.any_image(factor, g)) for g in range(len(group.generators))]
    model = [im.explicit(g) for g in group.model]
    determinants = [im.determinant(g) for g in model]
    rows = [im.rows_of(image) for image in images]
    if part.degree == 1:
        twisted = [im.rows_of(im.matrix([[d]])) for d in determinants]
        return ("trivial", True) if rows == twisted and set(determinants) <= {1, -1} else None
    if part.degree != n:
        return None
    dual = [im.explicit(im.inverse(im.transpose(g))) for g in model]
    candidates = [("vector", model), ("covector", dual)]
    for name, matrices in candidates:
        if rows == [im.rows_of(im.explicit(g)) for g in matrices]:
            return name, False
        turned = [im.scale(g, d) for g, d in zip(matrices, determinants, strict=True)]
        if set(determinants) == {1, -1} and rows == [im.rows_of(im.explicit(g)) for g in turned]:
            return name, True
    return None


# ---- diagrams that span ----


def spanning(basis: TensorBasis) -> Iterator[Matching]:
    """The diagrams of the First Fundamental Theorem, each once, matchings with most legs through first
    within a number of symbols."""
    legs = list(range(basis.sources + basis.targets))
    if basis.form is not None:
        symmetric = all(
            basis.form[i][j] == basis.form[j][i] for i in range(basis.n) for j in range(basis.n)
        )
        if not basis.odd:
            yield from (Matching(pairs, ()) for pairs in _matchings(legs))
        if symmetric and (basis.odd or basis.special):
            for symbol in combinations(legs, basis.n):
                rest = [leg for leg in legs if leg not in symbol]
                yield from (Matching(pairs, (symbol,)) for pairs in _matchings(rest))
        return
    upper = [leg for leg in legs if _is_upper(basis, leg)]
    lower = [leg for leg in legs if leg not in upper]
    more, fewer = (upper, lower) if len(upper) >= len(lower) else (lower, upper)
    symbols, odd = divmod(len(more) - len(fewer), basis.n)
    if odd or (symbols and not basis.special):
        return
    for groups in _groups(more, symbols, basis.n):
        left = [leg for leg in more if not any(leg in group for group in groups)]
        for pairs in _walled(left, fewer):
            yield Matching(pairs, groups)


def _is_upper(basis: TensorBasis, leg: int) -> bool:
    if leg < basis.sources:
        return basis.source_lower[leg]
    return not basis.target_lower[leg - basis.sources]


def _matchings(legs: Sequence[int]) -> Iterator[tuple[Pair, ...]]:
    if len(legs) % 2:
        return
    if not legs:
        yield ()
        return
    first, *others = legs
    for k in reversed(range(len(others))):
        for pairs in _matchings(others[:k] + others[k + 1 :]):
            yield ((first, others[k]), *pairs)


def _walled(first: Sequence[int], second: Sequence[int]) -> Iterator[tuple[Pair, ...]]:
    if not first:
        yield ()
        return
    for k, other in enumerate(second):
        pair = (min(first[0], other), max(first[0], other))
        for pairs in _walled(first[1:], [*second[:k], *second[k + 1 :]]):
            yield (pair, *pairs)


def _groups(legs: Sequence[int], count: int, size: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Disjoint subsets of the legs, so many and so large, by their first legs."""
    if not count:
        yield ()
        return
    for group in combinations(legs, size):
        later = [leg for leg in legs if leg > group[0] and leg not in group]
        for groups in _groups(later, count - 1, size):
            yield (group, *groups)


# ---- an independent subset ----


def independent(basis: TensorBasis, diagrams: Sequence[Matching]) -> list[int]:
    """The diagrams on which the rank grows, evaluated at random vectors modulo a prime: a proof of
    independence over the rationals, whatever the vectors. No more than the dimension are sought."""
    import numpy as np

    points = min(len(diagrams), basis.dimension) + 8
    legs = basis.sources + basis.targets
    vectors = np.random.default_rng(1).integers(0, PRIME, (legs, points, basis.n))
    values = _Values(basis, vectors)
    rows = np.stack([values.of(diagram) for diagram in diagrams])
    chosen: list[int] = []
    for number, row in enumerate(rows):
        if len(chosen) == basis.dimension:
            break
        support = np.flatnonzero(row)
        if not support.size:
            continue
        pivot = int(support[0])
        row *= pow(int(row[pivot]), -1, PRIME)
        row %= PRIME
        later = rows[number + 1 :]
        later -= later[:, pivot, None] * row % PRIME
        later %= PRIME
        chosen.append(number)
    return chosen


class _Values:
    """Pairings and determinants at many points modulo the prime: vectors of shape (legs, points, n)."""

    def __init__(self, basis: TensorBasis, vectors: NDArray[np.int64]) -> None:
        self.basis = basis
        self.vectors = vectors
        self.pairs: dict[Pair, NDArray[np.int64]] = {}
        self.symbols: dict[tuple[int, ...], NDArray[np.int64]] = {}

    def of(self, diagram: Matching) -> NDArray[np.int64]:
        """The values of a diagram, shape (points,)."""
        factors = []
        for pair in diagram.pairs:
            if pair not in self.pairs:
                self.pairs[pair] = self._pairing(*pair)
            factors.append(self.pairs[pair])
        for symbol in diagram.symbols:
            if symbol not in self.symbols:
                self.symbols[symbol] = self._determinant(symbol)
            factors.append(self.symbols[symbol])
        return reduce(lambda a, b: a * b % PRIME, factors)

    def _pairing(self, first: int, second: int) -> NDArray[np.int64]:
        a, b = self.vectors[first], self.vectors[second]
        n = self.basis.n
        form = self.basis.form or [[int(i == j) for j in range(n)] for i in range(n)]
        terms = [
            a[:, i] * b[:, j] % PRIME * value
            for i, row in enumerate(form)
            for j, value in enumerate(row)
            if value
        ]
        total: NDArray[np.int64] = sum(terms[1:], terms[0]) % PRIME
        return total

    def _determinant(self, legs: Sequence[int]) -> NDArray[np.int64]:
        terms = [
            sign
            * reduce(lambda a, b: a * b % PRIME, (self.vectors[leg][:, k] for leg, k in places))
            for order, sign in levi_civita(self.basis.n)
            for places in [list(zip(legs, order, strict=True))]
        ]
        total: NDArray[np.int64] = sum(terms[1:], terms[0]) % PRIME
        return total


def levi_civita(n: int) -> list[tuple[tuple[int, ...], int]]:
    """The entries of the Levi-Civita symbol that are not zero: (index, sign)."""
    from itertools import permutations

    return [
        (p, (-1) ** sum(p[a] > p[b] for a in range(n) for b in range(a + 1, n)))
        for p in permutations(range(n))
    ]
