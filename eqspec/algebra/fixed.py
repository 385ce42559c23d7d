"""What a subgroup fixes: the dimension of its invariants, the subgroup given by words.

In: the axes of a tensor and words in the generators of the factors. Out: the dimension of the vectors
that all words fix, by signed orbits where the words act by signed permutations, else as the mean of
the traces of the group that they generate.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import prod

from eqspec.algebra import images as im
from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.images import AnyImage, Image, Monomial
from eqspec.algebra.representations import Representation
from eqspec.limits import limits

POINT_LIMIT = 1 << 16


def fixed_dimension(axes: Sequence[int | Representation], words: Sequence[FWord]) -> int | None:
    """The dimension of what the words fix; None where it is not found within the limits."""
    reps = [
        axis
        for axis in axes
        if not isinstance(axis, int)
        and not all(evaluate_any(axis, word).is_identity for word in words)
    ]
    size = prod(rep.degree for rep in reps)
    rest = prod(axis if isinstance(axis, int) else axis.degree for axis in axes) // size
    if size > POINT_LIMIT:
        return None
    one: AnyImage = im.identity(1)
    steps = [
        im.explicit(reduce(im.kron, [evaluate_any(rep, word) for rep in reps], one))
        for word in words
    ]
    monomial = [step for step in steps if isinstance(step, Monomial)]
    if len(monomial) == len(steps):
        return rest * _balanced(monomial, size)
    found = _mean_trace(steps, size)
    return None if found is None else rest * found


def _balanced(steps: Sequence[Monomial], size: int) -> int:
    """Signed orbits in which no point meets its own negative."""
    parent = list(range(size))
    sign = [1] * size  # of a point against its parent
    broken = [False] * size

    def find(point: int) -> tuple[int, int]:
        total = 1
        while parent[point] != point:
            total *= sign[point]
            point = parent[point]
        return point, total

    for step in steps:
        for point, (image, turn) in enumerate(zip(step.images, step.signs, strict=True)):
            (a, s), (b, t) = find(point), find(image)
            if a != b:
                parent[a], sign[a] = b, s * t * turn
                broken[b] = broken[b] or broken[a]
            elif s * t * turn < 0:
                broken[a] = True
    return sum(1 for point in range(size) if parent[point] == point and not broken[point])


def _mean_trace(steps: Sequence[Image], size: int) -> int | None:
    start: AnyImage = im.identity(size)
    seen: dict[AnyImage, None] = {start: None}
    todo: list[AnyImage] = [start]
    total = Fraction(0)
    while todo:
        element = todo.pop()
        total += Fraction(im.trace(element))
        for step in steps:
            image = im.compose(step, element)
            if image not in seen:
                if len(seen) >= limits().group_elements:
                    return None
                seen[image] = None
                todo.append(image)
    mean = total / len(seen)
    assert mean.denominator == 1, mean
    return int(mean)
