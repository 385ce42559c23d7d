"""Blocks, axes and types: who acts, by which entries, and are two actions the same?

In: parts of the record. Out: truths, exactly; `TooLarge` where a matrix would have to be formed that is
beyond the bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import prod

from eqspec.verify.counting import acting, letter, product_of, tangent_rows
from eqspec.verify.exact import (
    Dense,
    Map,
    Motion,
    Moved,
    Signed,
    Tangent,
    Turned,
    dense_unchecked,
    entries,
    is_identity,
    matrix,
)
from eqspec.verify.groups import TooLarge
from eqspec.verify.record import Action, Block, Part, Type

MOST_ROWS = 512  # of a matrix of a composite that is written out


def size(part: Part) -> int:
    return part if isinstance(part, int) else part.degree


def shape(part: Part) -> tuple[int, ...]:
    return (part,) if isinstance(part, int) else part.shape


def moved_by(part: Part) -> frozenset[str]:
    """The factors that act on an axis."""
    return frozenset() if isinstance(part, int) else acting(part)


def factors_of(type_: Type) -> frozenset[str]:
    """The factors that act on a type, on the words that a tensor of numbers holds too."""
    found: set[str] = set()
    for block in type_:
        for part in parts_of(block):
            found |= moved_by(part)
    return frozenset(found)


def parts_of(block: Block) -> tuple[Part, ...]:
    """The axes, and the action on the numbers that the block holds as one more."""
    extra = block.values[1] if block.values is not None else None
    return (*block.axes, extra) if extra is not None else block.axes


def actions_of(parts: Iterable[Part]) -> list[Action]:
    return [part for part in parts if isinstance(part, Action)]


def primitive(part: Part) -> list[Action]:
    """The primitive representations in an axis on which something acts."""
    if isinstance(part, int):
        return []
    if part.sum is None:
        return [part] if acting(part) else []
    return [inner for term in part.sum for each in term for inner in primitive(each)]


def is_point(part: Part) -> bool:
    return any(
        isinstance(m, Moved) for a in _leaves(part) for row in a.matrices.values() for m in row
    )


def is_sampled(part: Part) -> bool:
    return any(
        isinstance(m, Turned) for a in _leaves(part) for row in a.matrices.values() for m in row
    )


def _leaves(part: Part) -> list[Action]:
    if isinstance(part, int):
        return []
    if part.sum is None:
        return [part]
    return [leaf for term in part.sum for each in term for leaf in _leaves(each)]


def generators(parts: Iterable[Part]) -> list[tuple[str, int]]:
    """Every generator of every factor that acts on some axes, as (factor, number)."""
    found: dict[tuple[str, int], None] = {}
    for action in (leaf for part in parts for leaf in primitive(part)):
        for name in sorted(acting(action)):
            for g in range(len(action.matrices[name])):
                found[name, g] = None
    return list(found)


# ---- matrices of axes ----------------------------------------------------------------------------


def image(part: Part, name: str, generator: int) -> Map:
    """The map of a generator on an axis. TooLarge for a composite with too many rows."""
    if isinstance(part, int):
        return Signed(tuple(range(part)), (1,) * part)
    if part.sum is None:
        return letter(part, name, generator)
    if part.degree > MOST_ROWS:
        raise TooLarge(f"{part.label} has {part.degree:,} entries")
    return direct_sum(
        [product_of([image(each, name, generator) for each in term]) for term in part.sum]
    )


def image_of_axes(parts: Sequence[Part], name: str, generator: int) -> Map:
    """The map of a generator on a tensor product of axes."""
    if prod(size(part) for part in parts) > MOST_ROWS:
        raise TooLarge("a block with many entries")
    return product_of([image(part, name, generator) for part in parts])


def direct_sum(maps: Sequence[Map]) -> Map:
    """Maps along the diagonal."""
    if any(isinstance(value, Tangent) for value in maps):
        return Tangent(_diagonal([tangent_rows(value) for value in maps]))
    found = [matrix(value) for value in maps]
    if all(isinstance(value, Signed) for value in found):
        images: list[int] = []
        signs: list[int] = []
        for value in found:
            assert isinstance(value, Signed)
            start = len(images)
            images += [start + j for j in value.images]
            signs += value.signs
        return Signed(tuple(images), tuple(signs))
    return dense_unchecked(_diagonal([_rows(value) for value in found]))


def _rows(value: Signed | Dense) -> tuple[tuple[Fraction, ...], ...]:
    n = value.degree
    return tuple(tuple(row.get(j, Fraction(0)) for j in range(n)) for row in entries(value))


def _diagonal(
    parts: Sequence[tuple[tuple[Fraction, ...], ...]],
) -> tuple[tuple[Fraction, ...], ...]:
    total, start = sum(map(len, parts)), 0
    rows = []
    for part in parts:
        for row in part:
            after = total - start - len(part)
            rows.append((*[Fraction(0)] * start, *row, *[Fraction(0)] * after))
        start += len(part)
    return tuple(rows)


# ---- equal actions -------------------------------------------------------------------------------


def same(first: Part, second: Part) -> bool:
    """Do the same matrices act, whatever they are called? TooLarge."""
    if isinstance(first, int) or isinstance(second, int):
        return first == second
    if first.number == second.number:
        return True
    if first.degree != second.degree or acting(first) != acting(second):
        return False
    if any(first.groups[f] != second.groups[f] for f in acting(first)):
        return False
    if _same_terms(first, second):
        return True
    if first.sum is None and second.sum is None:
        return all(
            _equal(a, b)
            for f in acting(first)
            for a, b in zip(first.matrices[f], second.matrices[f], strict=True)
        )
    return all(
        _equal(image(first, f, g), image(second, f, g)) for f, g in generators([first, second])
    )


def _equal(a: Map, b: Map) -> bool:
    if a == b:
        return True
    plain = Signed | Dense | Motion
    return isinstance(a, plain) and isinstance(b, plain) and matrix(a) == matrix(b)


def _same_terms(first: Action, second: Action) -> bool:
    if first.sum is None or second.sum is None or len(first.sum) != len(second.sum):
        return False
    return all(
        len(a) == len(b)
        and all(size(x) == size(y) and same(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(first.sum, second.sum, strict=True)
    )


def same_axes(first: Sequence[Part], second: Sequence[Part]) -> bool:
    """Do the same matrices act along the same dimensions? A tensor power may be one axis or several."""
    pairs = (first, second), (unfolded(first), unfolded(second))
    return any(
        len(left) == len(right)
        and all(shape(a) == shape(b) and same(a, b) for a, b in zip(left, right, strict=True))
        for left, right in pairs
    )


def unfolded(parts: Sequence[Part]) -> list[Part]:
    """Axes of several dimensions that are tensor products, taken apart."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, int) or part.sum is None or len(part.sum) != 1 or len(part.shape) < 2:
            found.append(part)
            continue
        inner = unfolded(part.sum[0])
        fits = tuple(n for each in inner for n in shape(each)) == part.shape
        found += inner if fits else [part]
    return found


def same_type(first: Type, second: Type) -> bool:
    return len(first) == len(second) and all(map(same_block, first, second))


def same_block(first: Block, second: Block) -> bool:
    if (first.values is None) != (second.values is None):
        return False
    if first.values is not None and second.values is not None:
        (n, a), (m, b) = first.values, second.values
        if n != m or (a is None) != (b is None) or (a and b and not same(a, b)):
            return False
    return same_axes(first.axes, second.axes)


# ---- entries -------------------------------------------------------------------------------------


def nonzero(part: Part, name: str, generator: int) -> frozenset[Fraction] | None:
    """The entries of a generator's matrix if it has one in each row and column, else None."""
    if isinstance(part, int) or name not in moved_by(part):
        return frozenset([Fraction(1)])
    if part.sum is not None:
        union: frozenset[Fraction] = frozenset()
        for term in part.sum:
            found = nonzero_of_axes(term, name, generator)
            if found is None:
                return None
            union |= found
        return union
    value = letter(part, name, generator)
    match value:
        case Motion():
            return frozenset([Fraction(1)])
        case Signed(signs=signs):
            return frozenset(map(Fraction, signs))
        case Dense():
            rows = entries(value)
            columns = {j for row in rows for j in row}
            if all(len(row) == 1 for row in rows) and len(columns) == len(rows):
                return frozenset(v for row in rows for v in row.values())
    return frozenset([Fraction(1)]) if is_identity(value) else None


def nonzero_of_axes(parts: Iterable[Part], name: str, generator: int) -> frozenset[Fraction] | None:
    """The entries of a generator on a tensor product of axes: all products of theirs."""
    found = frozenset([Fraction(1)])
    for part in parts:
        own = nonzero(part, name, generator)
        if own is None:
            return None
        found = frozenset(a * b for a in found for b in own)
    return found


def permutes(parts: Sequence[Part]) -> bool:
    """Does every generator permute the entries of each axis?"""
    ones = frozenset([Fraction(1)])
    return all(nonzero(part, name, g) == ones for part in parts for name, g in generators([part]))


def permutes_with(parts: Sequence[Part], allowed: str) -> bool:
    """The same up to "signs" or "positive" factors, axis by axis."""
    for part in parts:
        for name, g in generators([part]):
            found = nonzero(part, name, g)
            if found is None:
                return False
            if not all(abs(v) == 1 if allowed == "signs" else v > 0 for v in found):
                return False
    return True
