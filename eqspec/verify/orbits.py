"""Orbits of signed permutations, by joining points with signs.

In: signed permutations of the same points. Out: classes of points, each with its sign relative to the
first of its class. A class in which a point meets its own negative is unbalanced: only 0 is fixed there.
"""

from __future__ import annotations

from eqspec.verify.exact import Signed


class Orbits:
    def __init__(self, size: int) -> None:
        self._above = list(range(size))
        self._sign = [1] * size
        self._zero = bytearray(size)

    def join(self, moved: Signed) -> None:
        """Every point with its image."""
        for point, (image, sign) in enumerate(zip(moved.images, moved.signs, strict=True)):
            self.tie(point, image, sign)

    def tie(self, point: int, other: int, sign: int) -> None:
        """The value at ``other`` is ``sign`` times that at ``point``."""
        a, s = self.find(point)
        b, t = self.find(other)
        if a == b:
            if s * t != sign:
                self._zero[a] = 1
            return
        if a > b:
            a, b = b, a
        self._above[b] = a
        self._sign[b] = s * t * sign
        if self._zero[b]:
            self._zero[a] = 1

    def find(self, point: int) -> tuple[int, int]:
        """The first point of the class, and the sign of this one relative to it."""
        path = []
        while self._above[point] != point:
            path.append(point)
            point = self._above[point]
        sign = 1
        for step in reversed(path):
            sign *= self._sign[step]
            self._sign[step] = sign
            self._above[step] = point
        return point, sign

    def is_zero(self, point: int) -> bool:
        """Is nothing but 0 fixed at a first point?"""
        return bool(self._zero[point])

    def balanced(self) -> int:
        """The number of classes that are not forced to 0."""
        return sum(
            self._above[point] == point and not self._zero[point]
            for point in range(len(self._above))
        )
