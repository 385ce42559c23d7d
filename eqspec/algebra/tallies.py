"""How a dimension was counted, spelled out for a reader who wants to count again.

In: the axes of source and target of one cluster. Out: a `Tally`: the dimension with a formula, and where
the group has few classes the table of its characters. The table is summed here, on its own, and must give
what `counting` says. Pure Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod

from eqspec.algebra import weyl
from eqspec.algebra.counting import hom_dimension, stirling, terms
from eqspec.algebra.groups import Group, GroupTooLarge, Word
from eqspec.algebra.images import Rational
from eqspec.algebra.representations import Representation, element_trace, joined

MOST_ROWS = 16
LARGEST_SYMMETRIC = 6
"""symmetric(7) has 15 classes."""

LEAST_PARTITIONS = 5
"""From symmetric(5) on, partitions say more than a table of fixed points."""

LARGEST_LISTED = 5_040  # elements of a group without a formula for its classes


@dataclass(frozen=True)
class Row:
    """A class of elements: one of them, how many there are, and the two characters at it."""

    element: str
    elements: int
    source: Rational
    target: Rational


@dataclass(frozen=True)
class Tally:
    """``route`` is "characters", "partitions", "weyl", "orbits" or "null space"; ``formula`` says how the
    number comes about, in one line or several; ``rows`` is the table of characters."""

    route: str
    dimension: int
    formula: tuple[str, ...]
    rows: tuple[Row, ...] = ()


@lru_cache(maxsize=1024)
def tally(source: tuple[Representation, ...], target: tuple[Representation, ...]) -> Tally:
    """The count of the linear maps that commute with every factor of the axes."""
    dimension = hom_dimension(source, target)
    axes = (*source, *target)
    names = sorted({f for rep in axes for f in rep.factors})
    groups = dict(joined([rep.groups for rep in axes]))
    if all(groups[name].is_finite for name in names):
        points = _points(source, target, names, groups)
        rows = None if points else _table(source, target, names, groups)
        if rows is not None:
            return _by_characters(dimension, rows, names, groups)
        return _of_permutations(source, target, names, groups, dimension, points)
    if len(names) == 1:
        lines = _by_weyl(source, target, groups[names[0]], dimension)
        if lines is not None:
            return Tally("weyl", dimension, lines)
    return _by_null_space(source, target, dimension)


# ---- characters ----------------------------------------------------------------------------------


def _table(
    source: Sequence[Representation],
    target: Sequence[Representation],
    names: Sequence[str],
    groups: dict[str, Group],
) -> tuple[Row, ...] | None:
    """The characters at every joint class; None where there are too many to read."""
    classes: list[tuple[tuple[Word, int], ...]] = []
    for name in names:
        group = groups[name]
        size = group.parameters[0] if group.parameters else 0
        if group.family == "symmetric" and isinstance(size, int) and size > LARGEST_SYMMETRIC:
            return None
        formula = group.family in ("cyclic", "dihedral", "symmetric")
        if not formula and (group.order or 0) > LARGEST_LISTED:
            return None
        try:  # on one factor the characters, which are rational, agree on merged classes
            classes.append(group.rational_classes() if len(names) == 1 else group.classes())
        except GroupTooLarge:
            return None
        if prod(map(len, classes)) > MOST_ROWS:
            return None
    rows: list[Row] = []
    for joint in product(*classes):
        element = tuple((name, word) for name, (word, _) in zip(names, joint, strict=True))
        shown = [
            groups[name].text(word) if len(names) == 1 else f"{name}.{groups[name].text(word)}"
            for name, word in element
            if word
        ]
        characters = [
            prod(element_trace(rep, element) for rep in side) for side in (source, target)
        ]
        rows.append(
            Row(
                " ".join(shown) or "1",
                prod(size for _, size in joint),
                characters[0],
                characters[1],
            )
        )
    return tuple(rows)


def _by_characters(
    dimension: int, rows: tuple[Row, ...], names: Sequence[str], groups: dict[str, Group]
) -> Tally:
    order = prod(groups[name].order or 1 for name in names)
    total = Fraction(sum(row.elements * row.source * row.target for row in rows))
    if total != dimension * order or sum(row.elements for row in rows) != order:
        raise ValueError(f"the characters average to {total}/{order}, and not to {dimension}")
    summands = [
        f"{row.elements}·{_factor(row.source)}·{_factor(row.target)}"
        for row in rows
        if row.source and row.target
    ]
    line = f"({' + '.join(summands) or '0'}) / {order:,} = {total} / {order:,} = {dimension:,}"
    return Tally("characters", dimension, (line,), rows)


def _factor(value: Rational) -> str:
    return f"({value})" if value < 0 else f"{value}"


# ---- permutations --------------------------------------------------------------------------------


def _of_permutations(
    source: Sequence[Representation],
    target: Sequence[Representation],
    names: Sequence[str],
    groups: dict[str, Group],
    dimension: int,
    k: int | None,
) -> Tally:
    if k is not None:
        (size,) = groups[names[0]].parameters
        assert isinstance(size, int)
        blocks = range(1, min(k, size) + 1)
        summands = " + ".join(f"S({k}, {b})" for b in blocks)
        numbers = " + ".join(str(stirling(k, b)) for b in blocks)
        lines = (
            f"{k} points of {names[0]}: two {k}-tuples lie in one orbit iff the same places are equal, so"
            f" the orbits are the ways to divide {k} places into at most {size} blocks",
            f"{summands} = {numbers} = {dimension:,}",
        )
        return Tally("partitions", dimension, lines)
    if all(rep.is_permutation for rep in (*source, *target)):
        pairs = prod(rep.degree for rep in (*source, *target))
        text = (
            f"the group permutes {pairs:,} pairs of an output and an input, in {dimension:,} orbits"
        )
        return Tally("orbits", dimension, (text, "one free number for each orbit"))
    if all(rep.is_signed_permutation for rep in (*source, *target)):
        pairs = prod(rep.degree for rep in (*source, *target))
        text = f"{pairs:,} pairs of an output and an input, moved with signs"
        return Tally(
            "orbits",
            dimension,
            (text, f"{dimension:,} orbits on which no pair returns with the other sign"),
        )
    return _by_null_space(source, target, dimension)


def _points(
    source: Sequence[Representation],
    target: Sequence[Representation],
    names: Sequence[str],
    groups: dict[str, Group],
) -> int | None:
    """How many points of a symmetric group are tied together, if nothing else is."""
    if len(names) != 1 or groups[names[0]].family != "symmetric":
        return None
    (name,) = names
    size = groups[name].parameters[0]
    if not isinstance(size, int) or size < LEAST_PARTITIONS:
        return None
    total = 0
    for side in (source, target):
        found = terms(tuple(side), None)
        if len(found) != 1 or found[0][1] != 1:
            return None
        for rep, count in found[0][0]:
            if tuple(rep.any_image(name, g) for g in range(2)) != groups[name].model:
                return None
            total += count
    return total


# ---- infinite groups -----------------------------------------------------------------------------


def _by_weyl(
    source: Sequence[Representation],
    target: Sequence[Representation],
    group: Group,
    dimension: int,
) -> tuple[str, ...] | None:
    """Weyl's formula; with its polynomials where the torus is a circle."""
    pairs = [
        (left, right)
        for left, m in terms(tuple(source), None, True)
        for right, n in terms(tuple(target), None)
        for _ in range(m * n)
    ]
    kinds = [[(rep.kind, count) for rep, count in (*left, *right)] for left, right in pairs]
    if any(weyl.invariants(group, kind) is None for kind in kinds):
        return None
    head = "the mean of χ(source, g^-1) χ(target, g) over the group, by Weyl's integration formula"
    spelled = weyl.spelled(group, kinds[0]) if len(kinds) == 1 else None
    if spelled is None:
        return (f"{head}: {dimension:,}",)
    return (head, *spelled)


def _by_null_space(
    source: Sequence[Representation], target: Sequence[Representation], dimension: int
) -> Tally:
    unknowns = prod(rep.degree for rep in (*source, *target))
    return Tally(
        "null space",
        dimension,
        (
            f"L with b L = L a for every generator (a on the source, b on the target): {unknowns:,} unknowns,"
            f" rank {unknowns - dimension:,}",
            f"{unknowns:,} - {unknowns - dimension:,} = {dimension:,}, a rank from both sides: modulo a"
            " prime from above, by exact solutions from below",
        ),
    )
