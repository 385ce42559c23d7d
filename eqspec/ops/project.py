"""The Reynolds projector of a group onto its invariants in a block, as instructions.

The group is given by generators, as words in the generators of the factors; it is never listed where
its images are signed permutations: the average is then the mean over signed orbits, and an orbit in
which an entry meets its own negative averages to zero. Other matrices are summed over the subgroups of a
chain, one after the other: G = H_1 ... H_k with every H_1 ... H_j a subgroup has the projector
P_1 ... P_k, at the price of the sum of the orders and not of their product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.images import (
    AnyImage,
    Image,
    Monomial,
    compose,
    explicit,
    identity,
    kron,
    rows_of,
)
from eqspec.algebra.solver import signed_orbits
from eqspec.graph.types import Block, PlainAxis
from eqspec.limits import limits
from eqspec.ops.blockmaps import LETTERS, expand_orbits, reduce_orbits
from eqspec.program.builder import Builder

DENSE_LIMIT = 4_096


class ProjectorTooLarge(ValueError):  # noqa: N818 - says what happened
    """The group acts by matrices that are no signed permutations and is too large to list."""


def project(b: Builder, x: int, block: Block, chain: Sequence[Sequence[FWord]]) -> int:
    """The mean of x over a group; same shape as x. ``chain`` gives words that generate subgroups whose
    averages, one after the other, are the average over the group (one subgroup: the group)."""
    words = [word for link in chain for word in link]
    acted = [
        k
        for k, axis in enumerate(block.axes)
        if not isinstance(axis, PlainAxis)
        and any(not evaluate_any(axis.rep, word).is_identity for word in words)
    ]
    if not acted:
        return x
    sizes = [math.prod(axis.shape) for axis in block.axes]
    generators = [_joint(block, acted, word) for word in words]
    x = b.reshape(x, sizes)
    size = math.prod(sizes[k] for k in acted)
    monomials = [g for g in generators if isinstance(g, Monomial)]
    if len(monomials) == len(generators):
        labels, signs, count = signed_orbits(monomials, size)
        if count == 1 and np.all(labels == 0) and np.all(signs > 0):
            x = b.reduce(x, acted, "mean")
            for k in acted:
                x = b.expand(x, k, sizes[k])
            return b.reshape(x, block.shape)
    x, back = _to_end(b, x, acted)
    lead = b.shape(x)[: len(sizes) - len(acted)]
    x = b.reshape(x, (*lead, size))
    letters = LETTERS[: len(lead)]
    if len(monomials) < len(generators):
        total, order = _dense_sum([[_joint(block, acted, w) for w in link] for link in chain], size)
        x = b.einsum(f"{letters}x,yx->{letters}y", x, b.number(total, "sum over the group"))
        x = b.scale(x, 1 / order)
    elif count == 0:
        x = b.scale(x, 0.0)
    else:
        x = reduce_orbits(b, x, labels, signs, count)
        counts = np.bincount(labels[labels >= 0], minlength=count)
        x = divide(b, x, counts, letters)
        x = expand_orbits(b, x, labels, signs)
    x = b.reshape(x, (*lead, *(sizes[k] for k in acted)))
    return b.reshape(b.permute(x, back), block.shape)


def _joint(block: Block, acted: Sequence[int], word: FWord) -> Image:
    image: AnyImage = identity(1)
    for k in acted:
        axis = block.axes[k]
        assert not isinstance(axis, PlainAxis)
        image = kron(image, evaluate_any(axis.rep, word))
    return explicit(image)


def _to_end(b: Builder, x: int, acted: Sequence[int]) -> tuple[int, list[int]]:
    rank = len(b.shape(x))
    order = [k for k in range(rank) if k not in acted] + list(acted)
    return b.permute(x, order), [order.index(k) for k in range(rank)]


def divide(b: Builder, x: int, counts: NDArray[np.int64], letters: str) -> int:
    if np.all(counts == counts[0]):
        return b.scale(x, 1 / float(counts[0]))
    whole = math.lcm(*(int(count) for count in counts))
    table = b.number(whole // counts, f"{whole} / size of every orbit")
    return b.scale(b.einsum(f"{letters}x,x->{letters}x", x, table), 1 / whole)


def _dense_sum(chain: Sequence[Sequence[Image]], size: int) -> tuple[NDArray[np.float64], float]:
    """The sum of all elements of a finite matrix group as whole numbers, and what to divide by: the
    product of the sums over the subgroups of the chain."""
    if size > DENSE_LIMIT:
        raise ProjectorTooLarge(f"a projector of {size} by {size}")
    total: NDArray[np.object_] | None = None
    divisor = 1
    for generators in chain:
        moving = [generator for generator in generators if not generator.is_identity]
        if moving:
            whole, order = link_sum(moving, size)
            total = whole if total is None else total.dot(whole)
            divisor *= order
    assert total is not None, "some generator moves something"
    return total.astype(np.float64), float(divisor)


def link_sum(generators: Sequence[Image], size: int) -> tuple[NDArray[np.object_], int]:
    """The sum over the group that the matrices generate, element by element, times a denominator."""
    one: AnyImage = identity(size)
    seen: dict[AnyImage, None] = {one: None}
    todo = [one]
    while todo:
        element = todo.pop()
        for generator in generators:
            image = compose(generator, element)
            if image not in seen:
                if len(seen) >= limits().group_elements:
                    raise ProjectorTooLarge(
                        f"a group of more than {limits().group_elements:,} elements"
                    )
                seen[image] = None
                todo.append(image)
    total = [[Fraction(0)] * size for _ in range(size)]
    for element in seen:
        for row, values in zip(total, rows_of(element), strict=True):
            for k, value in enumerate(values):
                if value:
                    row[k] += value
    denominator = math.lcm(*(v.denominator for row in total for v in row))
    whole = np.array([[int(v * denominator) for v in row] for row in total], dtype=object)
    return whole, len(seen) * denominator
