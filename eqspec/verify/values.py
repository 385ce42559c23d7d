"""Reading plain values of JSON with care: the members of an object, rationals, matrices."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from eqspec.verify.exact import Dense, Map, Moved, Signed, Tangent, Turned, dense, identity, motion
from eqspec.verify.reading import Malformed

MOST_ENTRIES = 1 << 24
"""Entries of one map: larger ones are refused before they fill the memory."""

MOST_ROWS = 256
"""Rows of a matrix that is no permutation: inverses and ranks take the cube of them."""

_RATIONAL = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?")


class Fields:
    """The members of an object, each taken once; `end` complains of those that are left."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{place} is no object")
        self.place = place
        self._left = dict(value)

    def peek(self, key: str) -> Any:
        return self._left.get(key)

    def take(self, key: str, *default: Any) -> Any:
        if key not in self._left and not default:
            raise Malformed(f"{self.place} has no {key!r}")
        return self._left.pop(key, *default)

    def end(self) -> None:
        if self._left:
            raise Malformed(f"{self.place} has an unknown member {min(self._left)!r}")

    def _typed(self, key: str, kind: type, word: str) -> Any:
        value = self.take(key)
        if type(value) is not kind:
            raise Malformed(f"{self.place}.{key} is no {word}")
        return value

    def text(self, key: str) -> str:
        return str(self._typed(key, str, "text"))

    def whole(self, key: str) -> int:
        value = self._typed(key, int, "whole number")
        assert isinstance(value, int)
        if value < 0:
            raise Malformed(f"{self.place}.{key} is negative")
        return value

    def truth(self, key: str) -> bool:
        return bool(self._typed(key, bool, "truth value"))

    def items(self, key: str) -> list[Any]:
        value = self._typed(key, list, "list")
        assert isinstance(value, list)
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        value = self._typed(key, dict, "object")
        assert isinstance(value, dict)
        return value

    def objects(self, key: str) -> list[Fields]:
        return [Fields(v, f"{self.place}.{key}[{k}]") for k, v in enumerate(self.items(key))]

    def lists(self, key: str) -> list[list[Any]]:
        found = self.items(key)
        if not all(isinstance(value, list) for value in found):
            raise Malformed(f"{self.place}.{key} is no list of lists")
        return found

    def texts(self, key: str) -> list[str]:
        found = self.items(key)
        if not all(isinstance(value, str) for value in found):
            raise Malformed(f"{self.place}.{key} is no list of texts")
        return found

    def wholes(self, key: str) -> list[int]:
        found = self.items(key)
        if not all(type(value) is int for value in found):
            raise Malformed(f"{self.place}.{key} is no list of whole numbers")
        return found


def rational(value: Any, place: str) -> Fraction:
    """A number, or a text such as "3/5" in lowest terms."""
    if type(value) is int:
        return Fraction(value)
    if not isinstance(value, str) or not _RATIONAL.fullmatch(value):
        raise Malformed(f"{place}: {value!r} is no rational number")
    found = Fraction(value)
    if str(found) != value:
        raise Malformed(f"{place}: {value} is not in lowest terms")
    return found


def rows_of(value: Any, place: str) -> tuple[tuple[Fraction, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise Malformed(f"{place} is no list of rows")
    if len(value) > MOST_ROWS:
        raise Malformed(f"{place} has {len(value)} rows")
    rows = tuple(tuple(rational(entry, place) for entry in row) for row in value)
    if any(len(row) != len(rows) for row in rows):
        raise Malformed(f"{place} is not square")
    return rows


def map_of(one: Fields, place: str) -> Map:
    """One of the forms of docs/certificate.md."""
    try:
        found = _map(one, place)
    except ValueError as error:
        raise Malformed(f"{one.place}: {error}") from None
    one.end()
    return found


def _map(one: Fields, place: str) -> Map:
    if one.peek("identity") is not None:
        size = one.whole("identity")
        if not 1 <= size <= MOST_ENTRIES:
            raise Malformed(f"{one.place} has {size} entries")
        return identity(size)
    if one.peek("permutation") is not None:
        numbers = one.wholes("permutation")
        if sorted(map(abs, numbers)) != list(range(1, len(numbers) + 1)):
            raise Malformed(f"{one.place} is no signed permutation")
        return Signed(
            tuple(abs(n) - 1 for n in numbers), tuple(1 if n > 0 else -1 for n in numbers)
        )
    if one.peek("lattice") is not None:
        names = ("lattice", "axes", "signs", "offsets")
        found = motion(*(tuple(one.wholes(name)) for name in names))
        if found.degree > MOST_ENTRIES:
            raise Malformed(f"{one.place} moves {found.degree} entries")
        return found
    if one.peek("matrix") is not None:
        return dense(rows_of(one.take("matrix"), one.place))
    if one.peek("tangent") is not None:
        return Tangent(rows_of(one.take("tangent"), one.place))
    if one.peek("linear") is not None:
        linear = map_of(Fields(one.take("linear"), one.place), place)
        shift = tuple(rational(v, one.place) for v in one.items("shift"))
        if not isinstance(linear, Signed | Dense) or len(shift) != linear.degree:
            raise Malformed(f"{one.place} is no motion of points")
        return Moved(linear, shift)
    angle = one.take("turn")
    written = tuple(
        str(rational(v, one.place)) for v in (angle if isinstance(angle, list) else [angle])
    )
    pixels = one.wholes("pixels")
    if len(pixels) != 2 or not 1 <= len(written) <= 2:
        raise Malformed(f"{one.place} is no turn of a picture")
    return Turned((pixels[0], pixels[1]), written, one.truth("mirrored"))
