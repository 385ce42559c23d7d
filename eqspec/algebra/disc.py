"""Turns of sampled pictures: `disc(h, w)` for groups that the pixel lattice does not have.

In: a group of rotations of the plane, with or without mirrors, and the size of a square picture. Out: a
`Representation` of `SampledMap`s, which is no linear action of the pixels: the turned picture has to be
interpolated. And what is exact all the same: the elements that map the lattice to itself, the subgroup
of the eight symmetries of the square, with the words by which the group writes them.

Conventions: angles go from the first axis (rows) to the second, so that `r` of `cyclic(n)` turns a
picture as torch.rot90 does, by 1/n of the circle; `s` of `dihedral(n)` reverses the last axis. Matrices
of `orthogonal(2)` act on (row, column) from the centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.families import cyclic, matrix_group
from eqspec.algebra.groups import Group, Word
from eqspec.algebra.images import AnyImage, LatticeMap, SampledMap
from eqspec.algebra.lattice import rot90
from eqspec.algebra.products import dihedral_size
from eqspec.algebra.representations import (
    LatticeOp,
    Representation,
    RepresentationError,
    Term,
    word_image,
)

Turn: TypeAlias = Fraction | tuple[Fraction, Fraction]
"""A part of the full circle, or the cosine and the sine of the angle."""

QUARTERS = {
    (1, 0): Fraction(0),
    (0, 1): Fraction(1, 4),
    (-1, 0): Fraction(1, 2),
    (0, -1): Fraction(3, 4),
}


def plane_motions(group: Group) -> tuple[tuple[Turn, bool], ...] | None:
    """What each generator does to the plane: the mirror of the last axis first, if True, then a turn.
    None if the group does not act on the plane by turns and mirrors."""
    n = dihedral_size(group)
    if n is not None:
        return ((Fraction(1, n), False), (Fraction(0), True))
    if group.family == "cyclic" and group.order is not None:
        return ((Fraction(1, group.order) % 1, False),)
    if group.family in ("special_orthogonal", "orthogonal") and group.parameters == (2,):
        return tuple(_motion(image) for image in group.model)
    return None


def _motion(image: AnyImage) -> tuple[Turn, bool]:
    """A 2 x 2 matrix R or R diag(1, -1), by its first column."""
    (a, _), (b, d) = im.rows_of(image)
    mirrored = im.determinant(image) < 0
    assert (d if not mirrored else -d) == a, "an orthogonal matrix"
    turn = QUARTERS.get((int(a), int(b))) if a.denominator == b.denominator == 1 else None
    return (a, b) if turn is None else turn, mirrored


def disc(label: str, factor: str, group: Group, *sizes: int) -> Representation:
    """The group turns a square picture about its centre; its pixels are samples.

    RepresentationError for other groups, pictures that are not square, and groups that the lattice
    has: these act exactly by `grid`.
    """
    motions = plane_motions(group)
    if motions is None:
        raise RepresentationError(
            f"{label}: {group.description} does not turn the plane",
            "disc(h, w) is for cyclic(n), dihedral(n), special_orthogonal(2) and orthogonal(2)",
        )
    if len(sizes) != 2 or sizes[0] != sizes[1]:
        raise RepresentationError(
            f"{label}: a disc is a square picture of two axes, not {' x '.join(map(str, sizes))}",
            "pad or crop to a square: `disc(33, 33)`",
        )
    if sizes[0] < 1:
        raise RepresentationError(f"{label}: sizes are at least 1, found {sizes[0]}")
    if all(turn in QUARTERS.values() for turn, _ in motions):
        raise RepresentationError(
            f"{label}: {group.description} maps the pixels to pixels, which is exact",
            "write `grid(h, w)`, or for one generator `rot90`, `rot180`, `hflip` or `vflip`",
        )
    shape = (sizes[0], sizes[0])
    row = tuple(SampledMap(shape, turn, mirrored) for turn, mirrored in motions)
    return Representation(label, ((factor, group),), prod(shape), shape, (row,))


def still(rep: Representation) -> Representation:
    """The same pixels, on which nothing acts: what an op sees that does the same at every pixel."""
    images = tuple((im.identity(rep.degree),) * len(row) for row in rep.images)
    return replace(rep, images=images)


def quartered(rep: Representation) -> Representation:
    """The same pixels, moved by quarter turns of a factor of their own: what an op sees that works along
    the grid. Windows that quarter turns do not move stand around the centre."""
    ((factor, _),) = rep.groups
    quarter = cyclic(4).renamed({"r": "quarter"})
    return rot90(rep.label, f"{factor}.disc", quarter, *rep.shape)


def resized_disc(rep: Representation, shape: Sequence[int]) -> Representation:
    """The same disc with other sizes."""
    ((factor, group),) = rep.groups
    return disc(f"{factor}.disc({shape[0]}, {shape[1]})", factor, group, *shape)


def lattice_words(group: Group) -> tuple[Word, ...]:
    """Generators of the elements that map a square lattice to itself, as words."""
    motions = plane_motions(group)
    assert motions is not None
    if group.order is None:  # the others of `classical` generate a turn by cosine 3/5, of no order
        return tuple(
            ((number, 1),) for number, (turn, _) in enumerate(motions) if isinstance(turn, Fraction)
        )
    n = dihedral_size(group) or group.order
    quarters = gcd(n, 4)
    words: tuple[Word, ...] = (((0, n // quarters),),) if quarters > 1 else ()
    return (*words, ((1, 1),)) if len(motions) > 1 else words


def lattice_image(group: Group, word: Word, shape: tuple[int, int]) -> LatticeMap:
    """The lattice symmetry of a word of `lattice_words`."""
    motions = plane_motions(group)
    assert motions is not None
    n = shape[0]
    quarter = im.lattice_map(shape, (1, 0), (1, -1), (0, n - 1))
    mirror = im.lattice_map(shape, (0, 1), (1, -1), (0, n - 1))
    result: AnyImage = im.power(quarter, 0)
    for generator, exponent in word:
        turn, mirrored = motions[generator]
        assert isinstance(turn, Fraction)
        assert exponent == 1 or not mirrored, "a mirror is its own inverse"
        quarters = 4 * turn * exponent
        assert quarters.denominator == 1, "the word maps the lattice to itself"
        letter = im.power(quarter, int(quarters) % 4)
        if mirrored:
            letter = im.compose(letter, mirror)
        result = im.compose(result, letter)
    assert isinstance(result, LatticeMap)
    return result


def lattice_group(group: Group) -> Group | None:
    """The elements that map a square lattice to itself, by the generators of `lattice_words`; None if
    there is only the identity."""
    images = {
        group.text(word): im.rows_of(lattice_image(group, word, (2, 2)))
        for word in lattice_words(group)
    }
    return matrix_group(4, images) if images else None


def lattice_part(rep: Representation, factor: str, part: Group | None) -> Representation:
    """The representation of the `lattice_group` that a representation restricts to. A disc becomes a
    picture whose pixels are permuted."""
    if rep.terms is not None:
        terms = tuple(
            Term(
                tuple(
                    axis if isinstance(axis, int) else lattice_part(axis, factor, part)
                    for axis in term.axes
                )
            )
            for term in rep.terms
        )
        pairs = [(name, part if name == factor else group) for name, group in rep.groups]
        left = tuple((name, group) for name, group in pairs if group is not None)
        return replace(rep, groups=left, terms=terms)
    if factor not in dict(rep.groups):
        return rep
    group = rep.group(factor)
    groups_left: list[tuple[str, Group]] = []
    rows: list[tuple[AnyImage, ...]] = []
    for (name, own), images in zip(rep.groups, rep.images, strict=True):
        if name != factor:
            groups_left.append((name, own))
            rows.append(images)
        elif part is not None:
            groups_left.append((name, part))
            rows.append(tuple(_restricted(rep, factor, word) for word in lattice_words(group)))
    lattice = None
    if rep.is_sampled:
        lattice = tuple(
            (factor, number, _steps(group, word))
            for number, word in enumerate(lattice_words(group))
        )
    return replace(rep, groups=tuple(groups_left), images=tuple(rows), lattice=lattice, kind=None)


def _restricted(rep: Representation, factor: str, word: Word) -> AnyImage:
    if not rep.is_sampled:
        return word_image(rep, factor, word)
    height, width = rep.shape
    return lattice_image(rep.group(factor), word, (height, width))


def _steps(group: Group, word: Word) -> tuple[LatticeOp, ...]:
    """The same in torch's words, on the last two axes."""
    motions = plane_motions(group)
    assert motions is not None
    steps: list[LatticeOp] = []
    for generator, exponent in reversed(word):
        turn, mirrored = motions[generator]
        assert isinstance(turn, Fraction)
        if mirrored:
            steps.append(("flip", (-1,)))
        if turn:
            steps.append(("rot90", int(4 * turn * exponent) % 4, (-2, -1)))
    return tuple(steps)
