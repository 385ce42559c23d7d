"""Signed permutation matrices as motions of a grid: how the cube's symmetries move a volume.

In: a group whose generators are signed permutation matrices of degree n, and the sizes of an array.
Out: for a generator the `LatticeMap` of the last n axes and the same in torch's words. A matrix M
moves the entry at the centred position p to M p, coordinates in the order of the axes, so that the
vectors of such a group (`vector`) point where its grids go.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra import images as im
from eqspec.algebra.groups import Group
from eqspec.algebra.images import LatticeMap, Monomial
from eqspec.algebra.representations import LatticeOp, RepresentationError

CUBIC = ("matrices", "octahedral", "full_octahedral")
"""Families whose matrices may move the axes of a grid."""


def cubic_move(
    label: str, group: Group, generator: int, sizes: Sequence[int]
) -> tuple[LatticeMap, tuple[LatticeOp, ...]]:
    """A signed permutation matrix moves the axes: axis d goes where the matrix sends the d-th unit
    vector, backwards where it has a sign."""
    image, name = group.model[generator], group.generators[generator]
    if not isinstance(image, Monomial):
        raise RepresentationError(
            f"{label}: {name} of {group.description} is no signed permutation of the axes",
            "a grid has symmetries with one entry 1 or -1 in every row and column",
        )
    first = len(sizes) - image.degree
    axes = (*range(first), *(first + to for to in image.images))
    for d, to in enumerate(axes):
        if sizes[d] != sizes[to]:
            raise RepresentationError(
                f"{label}: {name} exchanges axes of {sizes[d]} and {sizes[to]} entries",
                f"pad or crop to equal sizes, or leave {name} out",
            )
    signs = (*[1] * first, *image.signs)
    offsets = [size - 1 if sign < 0 else 0 for size, sign in zip(sizes, signs, strict=True)]
    return im.lattice_map(sizes, axes, signs, offsets), _words(axes, signs)


def _words(axes: Sequence[int], signs: Sequence[int]) -> tuple[LatticeOp, ...]:
    """A quarter turn, or flips and then transpositions. Dimensions are counted from the end."""
    n = len(axes)
    moved = [d for d, to in enumerate(axes) if d != to]
    reversed_ = [d for d, sign in enumerate(signs) if sign < 0]
    if len(moved) == 2 and len(reversed_) == 1 and reversed_[0] in moved:
        kept = next(d for d in moved if d != reversed_[0])
        return (("rot90", 1, (kept - n, reversed_[0] - n)),)
    ops: list[LatticeOp] = [("flip", tuple(d - n for d in reversed_))] if reversed_ else []
    order = list(axes)  # where the axis that stands at each place has to go
    for d in range(n):
        while order[d] != d:
            to = order[d]
            ops.append(("transpose", (d - n, to - n)))
            order[d], order[to] = order[to], to
    return tuple(ops)
