"""Which small group do some matrices generate? For messages, but proved: a name is given only where a
presentation of that group holds for generators of this one, and the orders agree.

In: matrices. Out: the order and, where it is one of them, the family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

from eqspec.algebra.enumeration import Enumeration, GroupTooLarge, breadth_first
from eqspec.algebra.extension import evaluated
from eqspec.algebra.families import dihedral, symmetric
from eqspec.algebra.groups import Group, Word
from eqspec.algebra.images import AnyImage, compose, explicit, inverse

RECOGNITION_LIMIT = 240  # elements of a group that is looked at
LARGEST_SYMMETRIC = 5


@dataclass(frozen=True)
class Recognised:
    """``family`` is how a spec writes the group, None where it is neither cyclic, dihedral nor
    symmetric (at most five points)."""

    order: int
    family: str | None


def recognise(images: Sequence[AnyImage]) -> Recognised | None:
    """The group that the matrices generate; None beyond `RECOGNITION_LIMIT` elements."""
    try:
        table = breadth_first([explicit(image) for image in images], RECOGNITION_LIMIT, guard=True)
    except GroupTooLarge:
        return None
    order = len(table.images)
    powers = {k: _order(image) for k, image in enumerate(table.images)}
    if order in powers.values():
        return Recognised(order, f"cyclic({order})")
    for known in _candidates(order):
        if _is(known, table, powers):
            return Recognised(order, known.description)
    return Recognised(order, None)


def _candidates(order: int) -> list[Group]:
    found = [dihedral(order // 2)] if order % 2 == 0 and order > 4 else []
    return found + [symmetric(n) for n in range(4, LARGEST_SYMMETRIC + 1) if factorial(n) == order]


def _order(image: AnyImage) -> int:
    power, order = image, 1
    while not power.is_identity:
        power, order = compose(power, image), order + 1
    return order


def _is(known: Group, table: Enumeration, powers: dict[int, int]) -> bool:
    """Two elements that satisfy the relations of the known group and generate this one: then this is a
    quotient of it, and of the same order."""
    relations = known.relations()
    assert relations is not None
    wanted = [_order(image) for image in known.model]
    first, second = ([k for k, n in powers.items() if n == order] for order in wanted)
    for a in first:
        for b in second:
            pair = (table.images[a], table.images[b])
            if not all(evaluated(pair, relator).is_identity for relator in relations):
                continue
            if len(breadth_first(pair, len(table.images)).images) == len(table.images):
                return True
    return False


def normalised(normal: Sequence[AnyImage], others: Sequence[AnyImage]) -> list[list[Word]] | None:
    """For every matrix h of ``others`` the elements h r h^-1 as words in the matrices r of ``normal``;
    None if one of them is no such word, or beyond `RECOGNITION_LIMIT`."""
    letters = [explicit(image) for image in normal]
    try:
        table = breadth_first(letters, RECOGNITION_LIMIT, guard=True)
    except GroupTooLarge:
        return None
    found: list[list[Word]] = []
    for h in others:
        row: list[Word] = []
        for r in letters:
            place = table.index.get(explicit(compose(compose(h, r), inverse(h))))
            if place is None:
                return None
            row.append(table.words[place])
        found.append(row)
    return found
