"""Is it a representation? The exact check of relations and of commutation between factors.

In: a `Representation`. Out: None, or a `Fault` that names the relation that fails and an entry as
witness. A factor with a presentation is checked on its relators (von Dyck: they suffice). A group
given by permutations or matrices is checked along a spanning tree of its Cayley graph: rho is
defined along the tree, and rho(g) rho(s) = rho(g s) is verified for every element g and generator
s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

from eqspec.algebra import images as im
from eqspec.algebra.extension import evaluated
from eqspec.algebra.groups import Group, Word, extend
from eqspec.algebra.images import AnyImage, Matrix
from eqspec.algebra.representations import Representation

_HUGE_BITS = 200_000  # beyond this the power of a wrong matrix is judged from its first few powers


class NotFunctorial(ValueError):  # noqa: N818 - says what the images are not
    """Images of an infinite group that are none of its own forms: they cannot be checked.

    Images of the generators alone do not decide it: the angle of a rotation could be halved, and
    the images of the generators would satisfy every relation that holds among words.
    """

    def __init__(self, factor: str, message: str) -> None:
        super().__init__(message)
        self.factor = factor


@dataclass(frozen=True)
class Fault:
    """A relation that the images break. `found` and `expected` stand at (row, column) of the two
    sides; `error` is the largest deviation of any entry."""

    relation: str
    factors: tuple[str, ...]
    row: int
    column: int
    found: Fraction
    expected: Fraction
    error: float


@lru_cache(maxsize=1024)
def homomorphism_fault(rep: Representation) -> Fault | None:
    """The first relation that fails, exactly; None if the images define a representation.

    GroupTooLarge if a factor has neither a presentation nor few enough elements and its images are
    not those it is given by; NotFunctorial if such a factor is infinite.
    """
    if rep.terms is not None:  # sums and products of representations of one product group are ones
        faults = (homomorphism_fault(part) for term in rep.terms for part in term.parts)
        return next((fault for fault in faults if fault is not None), None)
    for name, group in rep.groups:
        fault = _factor_fault(rep, name, group)
        if fault is not None:
            return fault
    for (first, one), (second, other) in combinations(rep.groups, 2):
        for g, a in enumerate(one.generators):
            for h, b in enumerate(other.generators):
                x, y = rep.any_image(first, g), rep.any_image(second, h)
                text = f"{first}.{a} {second}.{b} = {second}.{b} {first}.{a}"
                fault = _compare(text, (first, second), im.compose(x, y), im.compose(y, x))
                if fault is not None:
                    return fault
    return None


def _factor_fault(rep: Representation, name: str, group: Group) -> Fault | None:
    images = tuple(rep.any_image(name, g) for g in range(len(group.generators)))
    return images_fault(name, group, images)


def images_fault(name: str, group: Group, images: tuple[AnyImage, ...]) -> Fault | None:
    """The first relation of the group that these matrices of its generators break.

    A product that is made of parts is presented by its parts and the relators between them, so every
    part is checked in its own way and the relators on top.
    """
    if images == group.model or all(image.is_identity for image in images):
        return None
    extension = group.extension
    if extension is not None:
        for part, start in zip(extension.parts, extension.starts, strict=True):
            letters = slice(start, start + len(part.generators))
            own = replace(part, generators=group.generators[letters])
            fault = images_fault(name, own, images[letters])
            if fault is not None:
                return fault
        return _relator_fault(name, group, images, extension.cross)
    relations = group.relations()
    if relations is None and images in _functorial(group):
        return None
    if not group.is_finite:
        raise NotFunctorial(
            name, f"{group.description} is infinite, and these images are none of its forms"
        )
    if relations is None:
        return _tree_fault(name, group, images)
    return _relator_fault(name, group, images, relations)


def _relator_fault(
    name: str, group: Group, images: tuple[AnyImage, ...], relators: Sequence[Word]
) -> Fault | None:
    one = im.power(images[0], 0)
    powers: dict[tuple[int, int], AnyImage] = {}
    for relator in relators:
        text = f"{_shortened(group, relator)} = 1"
        value = _huge_power(images, relator) if len(relator) == 1 else None
        fault = _compare(text, (name,), value or evaluated(images, relator, powers), one)
        if fault is not None:
            return fault
    return None


def _functorial(group: Group) -> list[tuple[AnyImage, ...]]:
    """What every group of matrices acts by, however large: det(g), g^-T, det(g) g, det(g) g^-T."""
    signs = [im.determinant_image(image) for image in group.model]
    duals = [im.inverse(im.transpose(image)) for image in group.model]
    return [
        tuple(signs),
        tuple(duals),
        tuple(im.kron(sign, image) for image, sign in zip(group.model, signs, strict=True)),
        tuple(im.kron(sign, image) for image, sign in zip(duals, signs, strict=True)),
    ]


def _huge_power(images: tuple[AnyImage, ...], relator: Word) -> AnyImage | None:
    """A stand-in for g^n where the exact power has too many digits: the first power of g that no
    finite rational group contains (its trace is no sum of degree many roots of unity)."""
    exponent, image = relator[0][1], images[relator[0][0]]
    if not isinstance(image, Matrix):
        return None
    bits = max(max(abs(v.numerator), v.denominator).bit_length() for row in image.rows for v in row)
    if bits * exponent <= _HUGE_BITS:
        return None
    value: AnyImage = image
    for _ in range(64):
        if not im.trace_is_finite(value):
            return value
        value = im.compose(value, value)
    return None


def _tree_fault(name: str, group: Group, images: tuple[AnyImage, ...]) -> Fault | None:
    words = group.elements()
    along: list[AnyImage] = [im.power(images[0], 0)]
    steps = [group.right_multiplication(g) for g in range(len(images))]
    defined = {0}
    for place in range(len(words)):
        for g, step in enumerate(steps):
            product = im.compose(along[place], images[g])
            target = step[place]
            if target not in defined:
                defined.add(target)
                along.append(product)
                assert target == len(along) - 1, group.text(words[target])
                continue
            text = f"{group.text(extend(words[place], g, 1))} = {group.text(words[target])}"
            fault = _compare(text, (name,), product, along[target])
            if fault is not None:
                return fault
    return None


def _shortened(group: Group, relator: Word) -> str:
    """`(t c)^3` instead of `t c t c t c`."""
    for length in range(1, len(relator) // 2 + 1):
        times, rest = divmod(len(relator), length)
        if not rest and relator[:length] * times == relator:
            return f"({group.text(relator[:length])})^{times}"
    return group.text(relator)


def _compare(
    text: str, factors: tuple[str, ...], found: AnyImage, expected: AnyImage
) -> Fault | None:
    difference = _first_difference(found, expected)
    return None if difference is None else Fault(text, factors, *difference)


def _first_difference(
    found: AnyImage, expected: AnyImage
) -> tuple[int, int, Fraction, Fraction, float] | None:
    """The first entry (row-major) where two images differ, as (row, column, found, expected,
    largest deviation)."""
    if found == expected:
        return None
    witness: tuple[int, int, Fraction, Fraction] | None = None
    largest = Fraction(0)
    for i, (row, other) in enumerate(
        zip(im.sparse_rows_of(found), im.sparse_rows_of(expected), strict=True)
    ):
        if row == other:
            continue
        a, b = dict(row), dict(other)
        for j in sorted(a.keys() | b.keys()):
            deviation = abs(a.get(j, Fraction(0)) - b.get(j, Fraction(0)))
            if deviation:
                witness = witness or (i, j, a.get(j, Fraction(0)), b.get(j, Fraction(0)))
                largest = max(largest, deviation)
    return None if witness is None else (*witness, _to_float(largest))


def _to_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
