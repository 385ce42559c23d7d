"""How a group of rotations, motions or permutations moves a tensor, and what fixes a frame for it.

A frame is an element f(x) of the group, or a finite set of elements, with f(gx) = g f(x): the argument
seen from there, f(x)^-1 x, is the same for x and gx (Puny et al., Frame Averaging for Invariant and
Equivariant Network Design, ICLR 2022). Used by the typing rule and by the lowering of `frame`; needs
neither NumPy nor instructions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from eqspec.algebra import constructors
from eqspec.algebra import images as im
from eqspec.algebra.groups import Group
from eqspec.algebra.images import LatticeMap
from eqspec.algebra.representations import Representation, same_action
from eqspec.graph.types import Block

Method: TypeAlias = Literal["principal_axes", "gram_schmidt", "sort"]
METHODS: tuple[Method, ...] = ("principal_axes", "gram_schmidt", "sort")
MIRRORS = ("orthogonal", "euclidean")
ROTATIONS = (*MIRRORS, "special_orthogonal", "special_euclidean")

How: TypeAlias = Literal["vector", "point", "rows", "sign"]
"""What an element does along one dimension of a tensor: turn it, move it as points, permute it, or
multiply it by the determinant. A pseudovector is turned and multiplied."""


@dataclass(frozen=True)
class Moved:
    """Dimension ``dim`` of a block and what the factor does along it; ``signed``: the block is
    multiplied by the determinant besides."""

    dim: int
    how: How
    signed: bool = False


def movements(block: Block, factor: str, group: Group) -> tuple[Moved, ...] | None:
    """What one factor does to a block, dimension by dimension; None where that is nothing which can be
    computed from a frame (an irreducible representation of higher degree, a field of a `flat`)."""
    found: list[Moved] = []
    for rep, dim, width in block.actions:
        if factor not in rep.factors:
            continue
        how = _movement(rep, factor, group) if width == 1 else None
        if how is None:
            return None
        found.append(Moved(dim, *how))
    return tuple(found)


def _movement(rep: Representation, factor: str, group: Group) -> tuple[How, bool] | None:
    """Representations of these groups are algebraic, so that equal images of the generators, which are
    Zariski-dense, mean equal images of every element."""
    if rep.factors != {factor}:
        return None
    if group.family == "symmetric":
        natural = constructors.natural("", factor, group)
        return ("rows", False) if rep.shape == natural.shape and same_action(rep, natural) else None
    if group.family not in ROTATIONS:
        return None
    if rep.is_affine:
        return "point", False
    vector = constructors.vector("", factor, group)
    if same_action(rep, vector):
        return "vector", False
    if rep.degree > max(1, vector.degree):
        return None
    if rep.degree == 1 and same_action(rep, vector.pseudoscalar()):
        return "sign", True
    if same_action(rep, vector.axial()):
        return "vector", True
    return None


def frames_of(method: Method, group: Group) -> int:
    """How many elements the frame has: the axes come without signs."""
    if method != "principal_axes":
        return 1
    n = dimension(group)
    return 1 << (n if group.family in MIRRORS else n - 1)


def dimension(group: Group) -> int:
    n = group.parameters[0]
    assert isinstance(n, int)
    return n


def needed_rows(method: Method, group: Group) -> int:
    """How many independent vectors the frame needs. Principal axes: at most one eigenvalue of the
    covariance may be zero, so n - 1. Gram-Schmidt: n, of which the last follows from the others if the
    determinant is 1."""
    n = dimension(group)
    return n if method == "gram_schmidt" and group.family in MIRRORS else n - 1


def free_rows(block: Block, row: int, centred: Sequence[int]) -> int:
    """How many vectors along axis ``row`` can be chosen freely: all, or those of a feature that is
    centred over some axes (over all of these together), whose others follow."""
    sizes = [math.prod(axis.shape) for axis in block.axes]
    averaged = math.prod(sizes[k] for k in centred)
    others = math.prod(size for k, size in enumerate(sizes) if k != row and k not in centred)
    return (averaged - 1 if centred else 1) * others


def keeps_covariance(rep: Representation) -> bool:
    """Do the generators leave the sum of x_i x_i^T over this axis as it is, and a zero mean zero?"""
    return all(
        isinstance(image, LatticeMap) or im.is_orthogonal(image)
        for _, _, image in rep.generator_images()
    )
