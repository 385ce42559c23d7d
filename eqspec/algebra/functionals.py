"""Fixed linear functionals that a group moves: the energies by which a coset is chosen.

In: the sizes and images of the elements of a group on some tensors. Out: a functional W with whole
numbers for which W and W g differ for every element g that moves anything. Then W(g x) = W(h x) is the
equation of a hyperplane wherever g and h differ, and finitely many hyperplanes are a null set.

The numbers are v_1, -v_2, ... with v_i = i a mod p for a prime p above their count: all different from 0
and from each other, also without their signs. That is a proof for signed permutations, which would
have to map every number to itself. Other matrices are compared with W modulo a prime, where numbers that
differ are different.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from eqspec.algebra.images import AnyImage, Matrix, rows_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRIME = 2**31 - 1
TRIALS = 64
SMALLEST = 100  # so that few numbers have many functionals too

Element: TypeAlias = tuple[tuple[tuple[int, AnyImage], ...], ...]
"""What an element does to every tensor: the axes that it moves, and how. All axes of one tensor."""


@dataclass(frozen=True)
class Functional:
    """The numbers ``v = i * multiplier % modulus`` for i = 1, ..., ``size``, negative where v is odd."""

    size: int
    multiplier: int
    modulus: int

    def values(self) -> list[int]:
        found = [k * self.multiplier % self.modulus for k in range(1, self.size + 1)]
        return [-v if v % 2 else v for v in found]


def companion(found: Functional, size: int) -> Functional:
    """Numbers for the indices on which nothing acts, none of them 0, from those for the others: the
    product of the two functionals is moved by every element that moves the first."""
    modulus = _prime_above(max(size, SMALLEST))
    return Functional(size, 1 + found.multiplier % (modulus - 1), modulus)


def exact_bits(*functionals: Functional) -> int:
    """How large whole numbers may be, so that their products with these are added exactly in double
    precision, in any order."""
    total = math.prod(sum(abs(v) for v in functional.values()) for functional in functionals)
    return 53 - total.bit_length()


class NoFunctional(ValueError):  # noqa: N818 - says what happened
    """No functional was found that every element moves: an element that moves nothing was given."""


def separating(
    shapes: Sequence[tuple[int, ...]], elements: Sequence[Element], salt: str
) -> Functional:
    """A functional on the tensors, flattened and joined, that none of the elements fixes.

    ``shapes`` are those of the tensors, with one size for each axis that an image moves; ``salt``
    chooses among the functionals, the same one every time. NoFunctional if an element moves nothing.
    """
    size = sum(math.prod(shape) for shape in shapes)
    for trial in range(TRIALS):
        modulus = _prime_above(max(size, SMALLEST) + trial * SMALLEST)
        digest = hashlib.sha256(f"{salt}/{trial}".encode()).digest()
        multiplier = 1 + int.from_bytes(digest[:8], "big") % (modulus - 1)
        found = Functional(size, multiplier, modulus)
        if all(moves(found, shapes, element) for element in elements):
            return found
    raise NoFunctional(f"no functional of {size} numbers is moved by every element")


def moves(functional: Functional, shapes: Sequence[tuple[int, ...]], element: Element) -> bool:
    """Is W g different from W?"""
    acting = [image for tensor in element for _, image in tensor]
    if not any(isinstance(image, Matrix) for image in acting):
        return any(not _trivial(tensor) for tensor in element)
    import numpy as np

    at = 0
    values = np.array(functional.values(), dtype=np.int64) % PRIME
    for shape, tensor in zip(shapes, element, strict=True):
        size = math.prod(shape)
        here = values[at : at + size].reshape(shape)
        at += size
        moved = here
        for axis, image in tensor:
            moved = np.moveaxis(_times(_modular(image), np.moveaxis(moved, axis, 0)), 0, axis)
        if not np.array_equal(moved, here):
            return True
    return False


def _trivial(tensor: Sequence[tuple[int, AnyImage]]) -> bool:
    """Do signed permutations of the axes make the identity of the tensor: scalars of product 1?"""
    sign = 1
    for _, image in tensor:
        if image.is_identity:
            continue
        signs: tuple[int, ...] = getattr(image, "signs", ())
        if getattr(image, "images", None) != tuple(range(image.degree)) or len(set(signs)) > 1:
            return False
        sign *= signs[0]
    return sign == 1


def _modular(image: AnyImage) -> NDArray[np.int64]:
    """The transposed matrix modulo the prime, by which a functional moves."""
    import numpy as np

    rows = rows_of(image)
    for row in rows:
        for value in row:
            if value.denominator % PRIME == 0:
                raise NoFunctional("a denominator is divisible by the prime of the comparison")
    numbers = [
        [value.numerator * pow(value.denominator, -1, PRIME) % PRIME for value in row]
        for row in rows
    ]
    return np.array(numbers, dtype=np.int64).T


def _times(matrix: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.int64]:
    """The product along the first axis modulo the prime: no sum leaves 64 bits."""
    import numpy as np

    columns = x.reshape(len(x), -1)
    total = np.zeros((len(matrix), columns[0].size), dtype=np.int64)
    for column, row in zip(matrix.T, columns, strict=True):
        total = (total + np.multiply.outer(column, row) % PRIME) % PRIME
    return total.reshape((-1, *x.shape[1:]))


def _prime_above(n: int) -> int:
    candidate = n + 1
    while any(candidate % k == 0 for k in range(2, math.isqrt(candidate) + 1)):
        candidate += 1
    return candidate
