"""The standard representations of one factor: trivial, regular, natural, sign, vector, covector.

In: a label for messages, the factor's name, its group. Out: `Representation`; `RepresentationError`
in words of the spec where the group has no such representation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from eqspec.algebra import images as im
from eqspec.algebra.classical import AFFINE
from eqspec.algebra.classical import FAMILIES as CLASSICAL
from eqspec.algebra.groups import Group, GroupTooLarge
from eqspec.algebra.images import AnyImage, Monomial
from eqspec.algebra.products import dihedral_size, points
from eqspec.algebra.representations import (
    Factors,
    LatticeOp,
    Representation,
    RepresentationError,
    Term,
    direct_sum,
    element_trace,
    tensor_product,
)
from eqspec.limits import limits

LARGEST_TENSOR = 4_096  # entries of tensor(p, q)

MATRIX_FAMILIES = ("matrices", "lie", "octahedral", "full_octahedral")
"""Beside the classical ones."""
_PERMUTATION_FAMILIES = ("symmetric", "alternating", "permutations")


def trivial(label: str, factor: str, group: Group) -> Representation:
    """The trivial representation, degree 1."""
    return _single(label, factor, group, [im.identity(1)] * len(group.generators), (1,))


def regular(label: str, factor: str, group: Group) -> Representation:
    """The action on functions on the group, e_g -> e_{sg}, in the order of `Group.elements`.

    Degree: the order of the group; RepresentationError beyond the enumeration limit (cyclic groups,
    which need no enumeration, excepted).
    """
    if group.order is None:
        raise RepresentationError(
            f"{group.description} is infinite, so it has no regular representation",
            f"`{factor}.vector` is the space on which it acts",
        )
    if group.family == "cyclic":
        return shifted(label, factor, group, group.order)
    if group.order > limits().group_elements:
        raise RepresentationError(
            f"{label} would have {group.order:,} entries;"
            f" regular axes go up to {limits().group_elements:,}",
            "natural has one entry for each point",
        )
    try:
        images = [
            im.permutation(group.left_multiplication(g)) for g in range(len(group.generators))
        ]
    except GroupTooLarge as error:
        raise RepresentationError(f"{label} lists all elements: {error}") from None
    return _single(label, factor, group, images, (group.order,))


def product_regular(label: str, factors: Factors) -> Representation:
    """The regular representation of a direct product: one term, the product of the factors'
    regulars."""
    parts = tuple(regular(f"{name}.regular", name, group) for name, group in factors)
    return direct_sum(label, [Term(parts)])


def natural(
    label: str, factor: str, group: Group, shape: Sequence[int] | None = None
) -> Representation:
    """The points that a permutation group permutes; `shape` lays them out row by row."""
    if group.family == "wreath":
        found = points(group)
        if found is None or shape is not None:
            raise RepresentationError(
                f"{label}: natural takes no sizes; it has the shape (points of B, points of A)"
                if found
                else f"{label}: the first group of {group.description} permutes no points",
                "write rep ... = permutation([...])",
            )
        return _single(label, factor, group, list(group.model), found[0])
    if group.family not in _PERMUTATION_FAMILIES:
        raise RepresentationError(
            f"{group.description} is not given as a permutation group, so it has no natural",
            "use regular, or write rep ... = permutation([...])",
        )
    degree = group.parameters[0]
    assert isinstance(degree, int)
    sizes = (degree,) if shape is None else tuple(shape)
    if prod(sizes) != degree:
        grid = " x ".join(map(str, sizes))
        raise RepresentationError(
            f"{label}: {grid} has {prod(sizes)} points, the group moves {degree}"
        )
    return _single(label, factor, group, list(group.model), sizes)


def sign(label: str, factor: str, group: Group) -> Representation:
    """Parity for permutation groups; r -> -1 for cyclic(2k); s -> -1, r -> 1 for dihedral."""
    if group.family in _PERMUTATION_FAMILIES:
        values = [int(im.determinant(image)) for image in group.model]
    elif dihedral_size(group) is not None:
        values = [1, -1]
    elif group.family == "cyclic" and group.order is not None and group.order % 2 == 0:
        values = [-1]
    elif group.family == "cyclic":
        raise RepresentationError(
            f"{group.description} has no sign: r^{group.order} = 1 but (-1)^{group.order} = -1",
            "sign needs cyclic(n) with even n",
        )
    elif group.family == "subgroup":
        values = _restricted_sign(label, factor, group)
    elif not group.is_finite:
        raise RepresentationError(
            f"sign is not defined for {group.description}",
            f"`{factor}.vector.pseudoscalar` is its determinant",
        )
    else:
        raise RepresentationError(
            f"sign is not defined for {group.description}",
            "write rep ... = matrix(1) with an image for every generator",
        )
    return _single(label, factor, group, [Monomial((0,), (v,)) for v in values], (1,))


def _restricted_sign(label: str, factor: str, sub: Group) -> list[int]:
    """The sign of the whole group on the generators of a subgroup."""
    parent, words = sub.parameters[2], sub.parameters[3]
    assert isinstance(parent, Group)
    assert isinstance(words, tuple)
    whole = sign(label, factor, parent)
    values = [int(element_trace(whole, ((factor, word),))) for word in words]
    if min(values) > 0:
        raise RepresentationError(
            f"the sign of {parent.description} is 1 on the whole of this subgroup",
            "use `trivial`, or declare a rep of the subgroup: matrix(1) { ... }",
        )
    return values


def vector(label: str, factor: str, group: Group) -> Representation:
    """The space on which a matrix group is given; of the motions of a space, its vectors, which
    translations leave alone."""
    kind = ("vector", 0, 0)
    return replace(_single(label, factor, group, _matrices(label, group), None), kind=kind)


def covector(label: str, factor: str, group: Group) -> Representation:
    """The dual of `vector`: the inverse transpose of each matrix."""
    images = [im.inverse(im.transpose(image)) for image in _matrices(label, group)]
    kind = ("covector", 0, 0)
    return replace(_single(label, factor, group, images, None), kind=kind)


def point(label: str, factor: str, group: Group) -> Representation:
    """Positions: x -> Rx + t. No linear action; `displacements` of it are the vectors."""
    if group.family not in AFFINE:
        raise RepresentationError(
            f"{label}: {group.description} has no translations, so its positions are vectors",
            f"`{factor}.vector`; points belong to euclidean(n) and special_euclidean(n)",
        )
    images: list[AnyImage] = []
    for image in group.model:
        rows = im.rows_of(image)[:-1]
        images.append(im.affine(im.matrix([row[:-1] for row in rows]), [row[-1] for row in rows]))
    return _single(label, factor, group, images, None)


def tensor(label: str, factor: str, group: Group, p: int, q: int) -> Representation:
    """The tensors with p upper and q lower indices: p `vector`s and q `covector`s, in that order.

    Shape (n, ..., n); a composite, so that its matrices are formed only where somebody asks.
    """
    n = _matrices(label, group)[0].degree
    if p + q < 1:
        raise RepresentationError(
            f"{label} has no index", "a plain size is an axis on which nothing acts"
        )
    if n ** (p + q) > LARGEST_TENSOR:
        raise RepresentationError(
            f"{label} would have {n}^{p + q} = {n ** (p + q):,} entries;"
            f" tensors go up to {LARGEST_TENSOR:,}",
            "use a lower order, or `irrep` where the group has it",
        )
    up = vector(f"{factor}.vector", factor, group)
    down = covector(f"{factor}.covector", factor, group)
    return tensor_product(label, [up] * p + [down] * q)


def shifted(label: str, factor: str, group: Group, size: int) -> Representation:
    """A generator r acting as the roll by one of an axis (the caller has checked r^order)."""
    step = im.lattice_map((size,), (0,), (1,), (1,))
    ops: tuple[LatticeOp, ...] = (("roll", 1, -1),)
    return Representation(
        label, ((factor, group),), size, (size,), ((step,),), lattice=((factor, 0, ops),)
    )


def _matrices(label: str, group: Group) -> list[AnyImage]:
    if group.family not in MATRIX_FAMILIES and group.family not in CLASSICAL:
        raise RepresentationError(
            f"{label}: {group.description} is not given by matrices",
            "write rep ... = matrix(n) with an image for every generator",
        )
    if group.family in AFFINE:  # translations move points, not vectors
        return [im.matrix([row[:-1] for row in im.rows_of(image)[:-1]]) for image in group.model]
    return list(group.model)


def _single(
    label: str, factor: str, group: Group, images: Sequence[AnyImage], shape: tuple[int, ...] | None
) -> Representation:
    degree = images[0].degree if shape is None else prod(shape)  # keeps the symbol of a size
    return Representation(label, ((factor, group),), degree, shape or (degree,), (tuple(images),))
