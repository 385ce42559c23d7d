"""The numbers of the elements of a product, digit by digit.

In an orbit under a product of groups an element is numbered by its parts, the last fastest: g = 4 a + b
moves some axes by a and others by b. Elements that share a leading digit can share the moves that belong
to it. In: how the elements move every axis. Out: the place values of the digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from eqspec.program.instructions import Shape
from eqspec.program.orbits import Orbit

MANY = 32  # elements from which on sharing is worth a line


def steps_of(orbit: Orbit, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """The place values of all digits but the last, descending; () if moves cannot be shared.

    With these, moving by g is moving by g rounded down to a multiple of a step, then by the rest: each
    axis is moved by one digit alone, and not at all by the digit 0. ``shapes`` are those of the arguments;
    a base that takes them flattened is given what cannot be moved on.
    """
    if orbit.order < MANY or tuple(shapes) != orbit.accepts:
        return ()
    places: dict[int, int] = {}
    for moves in orbit.moves:
        for move in moves:
            digit = digit_of(move.choice)
            if digit is None or not move.images[move.choice[0]].is_identity:
                return ()
            place, size = digit
            places[place] = max(size, places.get(place, 1))
    ordered = sorted(places)
    for lower, upper in itertools.pairwise(ordered):
        if upper % (lower * places[lower]):
            return ()
    return tuple(reversed(ordered[1:]))


def digit_of(choice: Sequence[int]) -> tuple[int, int] | None:
    """(place, size) if `choice[g]` depends on g // place % size alone, with the largest such place and
    the smallest such size; None if it depends on all of g or on nothing."""
    order = len(choice)
    run = next((k for k in range(1, order) if choice[k] != choice[0]), order)
    if order % run or run == order:
        return None
    blocks = choice[::run]
    if any(choice[g] != blocks[g // run] for g in range(order)):
        return None
    for size in range(2, len(blocks) + 1):
        periods = len(blocks) % size == 0
        if periods and all(blocks[k] == blocks[k % size] for k in range(len(blocks))):
            return run, size
    return None
