"""Representations: how named factors act on a tensor by exact matrices.

In: groups under factor names and the image of every generator (`constructors` and `lattice` build
the standard ones). Out: hashable values that are composed by tensor product and direct sum without
forming the large matrices; exact images, characters and classes of matrices (permutation, signed,
orthogonal).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache, reduce
from math import prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.groups import Group, Word
from eqspec.algebra.images import (
    AffineMap,
    AnyImage,
    Image,
    Infinitesimal,
    LatticeMap,
    Matrix,
    Monomial,
    Rational,
    SampledMap,
)

LatticeOp: TypeAlias = (
    tuple[str, int, tuple[int, ...]] | tuple[str, tuple[int, ...]] | tuple[str, int, int]
)
"""("rot90", k, dims), ("flip", dims), ("roll", shift, dim) or ("transpose", (dim, dim)), as in
torch."""

Factors: TypeAlias = tuple[tuple[str, Group], ...]
Kind: TypeAlias = tuple[str, int, int]
"""(name, number, power of the determinant): ("vector", 0, 1) is det(g) g of a classical group."""
FactorWord: TypeAlias = tuple[tuple[str, Word], ...]
"""An element of a direct product: (factor, word), one entry for each factor that moves."""


class RepresentationError(ValueError):
    """The action asked for does not exist; `message` says why, `help` what to write instead."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Term:
    """A tensor product of axes, row-major in the order written: plain sizes and representations."""

    axes: tuple[int | Representation, ...]

    @cached_property
    def parts(self) -> tuple[Representation, ...]:
        return tuple(axis for axis in self.axes if not isinstance(axis, int))

    @cached_property
    def multiplicity(self) -> int:
        return prod(axis for axis in self.axes if isinstance(axis, int))

    @cached_property
    def degree(self) -> int:
        return prod(axis if isinstance(axis, int) else axis.degree for axis in self.axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        sizes: tuple[int, ...] = ()
        for axis in self.axes:
            sizes += (axis,) if isinstance(axis, int) else axis.shape
        return sizes


@dataclass(frozen=True)
class Representation:
    """A linear action of a direct product of named groups on R^degree.

    `images[f][g]` is the matrix of generator g of factor f, for primitive representations; a
    composite has `terms` instead and its coordinates are those of its terms, one after the other.
    `label` and `points` serve messages and take no part in equality; nor does `kind`, by which
    characters of classical groups are formed without the matrices, nor `lattice` and `spatial`, which
    say how the matrices were meant (on two entries a flip is a roll).
    """

    label: str = field(compare=False)
    groups: Factors
    degree: int
    shape: tuple[int, ...]
    images: tuple[tuple[AnyImage, ...], ...] = ()
    terms: tuple[Term, ...] | None = None
    points: tuple[str, ...] | None = field(default=None, compare=False)
    lattice: tuple[tuple[str, int, tuple[LatticeOp, ...]], ...] | None = field(
        default=None, compare=False
    )
    kind: Kind | None = field(default=None, compare=False)
    spatial: bool = field(default=False, compare=False)
    """Are its dimensions positions on a grid, over which a kernel may slide? Set by `lattice`."""

    @cached_property
    def _hash(self) -> int:
        return hash((self.groups, self.degree, self.shape, self.images, self.terms))

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"<{self.label}: degree {self.degree}, factors {sorted(self.factors)}>"

    def group(self, factor: str) -> Group:
        """The group of a factor; KeyError if the representation does not name it."""
        return dict(self.groups)[factor]

    @cached_property
    def factors(self) -> frozenset[str]:
        """The factors that act: some generator is not the identity."""
        if self.terms is not None:
            return frozenset(f for term in self.terms for part in term.parts for f in part.factors)
        return frozenset(
            name
            for (name, _), images in zip(self.groups, self.images, strict=True)
            if not all(image.is_identity for image in images)
        )

    def any_image(self, factor: str, generator: int) -> AnyImage:
        """The matrix of a generator in its cheapest form; the identity for an absent factor."""
        return self._generators[factor][generator] if factor in self._generators else self._identity

    def image(self, factor: str, generator: int) -> Image:
        """The matrix of a generator; the identity for factors that are absent."""
        return im.explicit(self.any_image(factor, generator))

    @cached_property
    def _identity(self) -> AnyImage:
        """In the form of the other images, so that equal matrices are equal values."""
        first = next((image for images in self.images for image in images), None)
        return im.identity(self.degree) if first is None else im.power(first, 0)

    @cached_property
    def _generators(self) -> dict[str, tuple[AnyImage, ...]]:
        if self.terms is None:
            return {
                name: images for (name, _), images in zip(self.groups, self.images, strict=True)
            }
        return {
            name: tuple(
                im.direct_sum([_term_image(term, name, g) for term in self.terms])
                for g in range(len(group.generators))
            )
            for name, group in self.groups
        }

    def lattice_ops(self, factor: str, generator: int) -> tuple[LatticeOp, ...] | None:
        """The generator as torch operations on the trailing axes (empty: the identity), or None
        where it has no such description."""
        if self.lattice is None:
            return None
        return next((ops for f, g, ops in self.lattice if (f, g) == (factor, generator)), None)

    @property
    def meant(self) -> Hashable:
        """What equality leaves out of the structure: for caches whose values keep it."""
        if self.terms is not None:
            return tuple(part.meant for term in self.terms for part in term.parts)
        return self.lattice, self.spatial

    def generator_images(self) -> list[tuple[str, int, AnyImage]]:
        """Every generator of every acting factor, with its matrix."""
        return [
            (name, g, self.any_image(name, g))
            for name, group in self.groups
            if name in self.factors
            for g in range(len(group.generators))
        ]

    def _every(self, test: Callable[[AnyImage], bool]) -> bool:
        # A product of matrices may have the property without its parts having it (sign times sign),
        # so the parts of a composite decide only when they say yes.
        if self._parts_every(test):
            return True
        return all(test(image) for _, _, image in self.generator_images())

    def _parts_every(self, test: Callable[[AnyImage], bool]) -> bool:
        parts = [part for term in self.terms or () for part in term.parts]
        return self.terms is not None and all(part._every(test) for part in parts)

    def _entries_within(self, allowed: frozenset[Fraction]) -> bool:
        """Is every generator monomial with such entries? The matrices of a composite are not
        formed: a Kronecker product is monomial only where its factors are."""
        found = [
            entries(self, name, g)
            for name, group in self.groups
            if name in self.factors
            for g in range(len(group.generators))
        ]
        return all(values is not None and values <= allowed for values in found)

    @cached_property
    def is_affine(self) -> bool:
        """Does it act on points, by x -> Ax + t? Then it is no linear action and has no matrices."""
        if self.terms is not None:
            return any(part.is_affine for term in self.terms for part in term.parts)
        return any(isinstance(image, AffineMap) for images in self.images for image in images)

    @cached_property
    def is_sampled(self) -> bool:
        """Does it turn a picture of which only the pixels are known? Then it is no linear action, and
        nothing that meets it is exact."""
        if self.terms is not None:
            return any(part.is_sampled for term in self.terms for part in term.parts)
        return any(isinstance(image, SampledMap) for images in self.images for image in images)

    def displacements(self) -> Representation:
        """How differences of points transform: x -> Ax, a representation `vector`."""
        images = tuple(
            tuple(image.linear if isinstance(image, AffineMap) else image for image in row)
            for row in self.images
        )
        label = f"{self.label.removesuffix('.point')}.vector"
        return replace(self, label=label, images=images, kind=("vector", 0, 0))

    def _linear(self, form: str) -> None:
        if self.is_affine:
            raise RepresentationError(
                f"a point has no {form}: {self.label} is x -> Rx + t, no matrix",
                "take a difference of points first: that is a vector",
            )
        if self.is_sampled:
            raise RepresentationError(
                f"a picture has no {form}: {self.label} turns its samples, and has no matrix",
                "a disc stands alone as an axis of a block",
            )

    @cached_property
    def is_permutation(self) -> bool:
        return self._entries_within(frozenset({Fraction(1)}))

    @cached_property
    def is_signed_permutation(self) -> bool:
        return self._entries_within(frozenset({Fraction(1), Fraction(-1)}))

    @cached_property
    def is_orthogonal(self) -> bool:
        if self.terms is None:
            return self._every(im.is_orthogonal)
        return self._parts_every(im.is_orthogonal) or all(
            _term_is_orthogonal(term, name, g)
            for name, group in self.groups
            if name in self.factors
            for g in range(len(group.generators))
            for term in self.terms
        )

    def dual(self) -> Representation:
        """The contragredient g -> rho(g)^-T, on the dual space. Orthogonal representations are
        their own."""
        self._linear("dual")
        label = f"{self.label}.dual"
        if self.is_orthogonal:
            return replace(self, label=label)
        if self.terms is not None:
            terms = tuple(
                Term(tuple(axis if isinstance(axis, int) else axis.dual() for axis in term.axes))
                for term in self.terms
            )
            return replace(self, label=label, terms=terms)
        dual = self._mapped(label, lambda image: im.inverse(im.transpose(image)))
        return replace(dual, kind=_dual_kind(self.kind))

    def axial(self) -> Representation:
        """g -> det(g) g: how a cross product transforms. Only for orthogonal matrices."""
        self._linear("axial form")
        if not self.is_orthogonal:
            raise RepresentationError(
                f"{self.label}.axial is defined for orthogonal matrices only",
                "write the image of each generator with matrix(...)"
                if all(group.is_finite for _, group in self.groups)
                else "the two axes `.pseudoscalar` and `.dual` together are det(g) g^-T",
            )
        axial = self._mapped(f"{self.label}.axial", im.twisted)
        # an even number of coordinates times a determinant: the power stays 1 for vectors only
        plain = self.kind is not None and self.kind[0] == "vector" and self.kind[2] == 0
        return replace(axial, kind=("vector", 0, 1) if plain else None)

    def pseudoscalar(self) -> Representation:
        """g -> det(g), of degree 1."""
        self._linear("pseudoscalar")
        result = self._mapped(f"{self.label}.pseudoscalar", im.determinant_image)
        kind = {"vector": ("trivial", 0, 1), "covector": ("trivial", 0, -1)}
        of_vector = self.kind is not None and self.kind[2] == 0
        name = self.kind[0] if of_vector and self.kind is not None else ""
        return replace(result, degree=1, shape=(1,), points=None, kind=kind.get(name))

    def select(self, indices: Sequence[int]) -> Representation:
        """The action on some coordinates. Legal iff every generator is block-diagonal for the
        selection and its complement, so that neither needs the other."""
        self._linear("coordinates that transform among themselves")
        chosen = tuple(indices)
        names = self.points or tuple(str(i) for i in range(self.degree))
        if (
            not chosen
            or len(set(chosen)) < len(chosen)
            or not all(0 <= i < self.degree for i in chosen)
        ):
            raise RepresentationError(
                f"a selection of {self.label} names distinct coordinates 0..{self.degree - 1}"
            )
        label = f"{self.label}[{', '.join(names[i] for i in chosen)}]"

        def block(image: AnyImage) -> AnyImage:
            result = im.restrict(image, chosen)
            if result is None:
                raise RepresentationError(
                    f"{label} is no representation: a generator mixes the selected coordinates"
                    " with the others",
                    "select whole blocks, so that every generator is block-diagonal",
                )
            return result

        result = self._mapped(label, block)
        points = None if self.points is None else tuple(self.points[i] for i in chosen)
        return replace(result, degree=len(chosen), shape=(len(chosen),), points=points)

    def _mapped(self, label: str, change: Callable[[AnyImage], AnyImage]) -> Representation:
        images = tuple(
            tuple(change(self.any_image(name, g)) for g in range(len(group.generators)))
            for name, group in self.groups
        )
        return Representation(
            label, self.groups, self.degree, self.shape, images, points=self.points
        )


def _term_image(term: Term, factor: str, generator: int) -> AnyImage:
    """The Kronecker product over a term's axes."""
    blocks = [
        im.identity(axis) if isinstance(axis, int) else axis.any_image(factor, generator)
        for axis in term.axes
    ]
    return reduce(im.kron, blocks) if blocks else im.identity(1)


def joined(collections: Sequence[Factors]) -> Factors:
    """The union of factors in order of appearance. A name of two groups: RepresentationError."""
    result: dict[str, Group] = {}
    for factors in collections:
        for name, group in factors:
            if result.setdefault(name, group) != group:
                raise RepresentationError(
                    f"the factor {name} is both {result[name].description} and {group.description}"
                )
    return tuple(result.items())


def direct_sum(label: str, terms: Sequence[Term]) -> Representation:
    """The direct sum of tensor products: coordinates of the terms concatenated, each row-major.

    Shape: one axis of the total degree. RepresentationError if a factor name means two groups, or for
    points: their translations are no part of a tensor product.
    """
    for part in (part for term in terms for part in term.parts):
        part._linear("place in a sum or product of representations")
    groups = joined([part.groups for term in terms for part in term.parts])
    degree = sum(term.degree for term in terms)
    return Representation(label, groups, degree, (degree,), terms=tuple(terms))


def tensor_product(label: str, axes: Sequence[int | Representation]) -> Representation:
    """The tensor product as one composite representation with the axes' shapes concatenated."""
    term = Term(tuple(axes))
    return replace(direct_sum(label, [term]), shape=term.shape)


def from_images(
    label: str,
    groups: Factors,
    degree: int,
    images: Mapping[tuple[str, int], Image],
    points: Sequence[str] | None = None,
) -> Representation:
    """A representation by the matrix of every generator, keyed by (factor, generator index).

    Shapes: every matrix is degree x degree. RepresentationError for a missing, extra, misshapen or
    singular image. The relations are not checked here: see `homomorphism.homomorphism_fault`.
    """
    wanted = {
        (name, g): group.generators[g]
        for name, group in groups
        for g in range(len(group.generators))
    }
    for key in images:
        if key not in wanted:
            raise RepresentationError(
                f"{label} gives an image to an unknown generator {key[0]}, {key[1]}"
            )
    for key, name in wanted.items():
        if key not in images:
            raise RepresentationError(
                f"{label} gives no image to the generator {key[0]}.{name}",
                f"add `{name} -> ...`; `()` is the identity",
            )
        image = images[key]
        if image.degree != degree:
            raise RepresentationError(
                f"{label}: the image of {name} has degree {image.degree}, not {degree}"
            )
        if isinstance(image, Matrix) and im.determinant(image) == 0:
            raise RepresentationError(f"{label}: the image of {name} has determinant 0")
    if points is not None and len(points) != degree:
        raise RepresentationError(f"{label}: {len(points)} names for {degree} coordinates")
    rows = tuple(
        tuple(
            im.matrix(image.rows) if isinstance(image, Matrix) else image
            for image in (images[name, g] for g in range(len(group.generators)))
        )
        for name, group in groups
    )
    named = None if points is None else tuple(points)
    return Representation(label, tuple(groups), degree, (degree,), rows, points=named)


def _dual_kind(kind: Kind | None) -> Kind | None:
    if kind is None:
        return None
    name, number, power = kind
    names = {"vector": "covector", "covector": "vector"}
    return names.get(name, name), number, -power


def _term_is_orthogonal(term: Term, factor: str, generator: int) -> bool:
    """A Kronecker product is orthogonal iff each of its factors is so up to a scale, and the scales
    cancel: the Gram matrix of the product is the product of the Gram matrices. For exp(tA), the sums
    A + A^T must be multiples of the identity that cancel."""
    total = Fraction(1)
    if any(isinstance(part.image(factor, generator), Infinitesimal) for part in term.parts):
        return _tangents_cancel([part.image(factor, generator) for part in term.parts])
    for part in term.parts:
        image = part.image(factor, generator)
        gram = im.rows_of(im.compose(im.transpose(image), image))
        scale = gram[0][0]
        if any(
            value != (scale if i == j else 0)
            for i, row in enumerate(gram)
            for j, value in enumerate(row)
        ):
            return False
        total *= scale
    return total == 1


def _tangents_cancel(images: Sequence[Image]) -> bool:
    total = Fraction(0)
    for image in images:
        if not isinstance(image, Infinitesimal):
            continue  # the identity, whose A is zero
        twice = image.rows[0][0] * 2
        for i, row in enumerate(image.rows):
            for j, value in enumerate(row):
                if value + image.rows[j][i] != (twice if i == j else 0):
                    return False
        total += twice
    return total == 0


def entries(rep: Representation, factor: str, generator: int) -> frozenset[Fraction] | None:
    """The non-zero entries of a generator's matrix if it is monomial (one per row and column), else
    None. A composite's matrix is not formed."""
    if rep.terms is not None:
        union: frozenset[Fraction] = frozenset()
        for term in rep.terms:
            found = frozenset({Fraction(1)})
            for part in term.parts:
                values = entries(part, factor, generator)
                if values is None:
                    return None
                found = frozenset(a * b for a in found for b in values)
            union |= found
        return union
    return im.monomial_entries(rep.any_image(factor, generator))


def same_action(first: Representation, second: Representation) -> bool:
    """True if both have equal matrices for every generator, whatever their shapes."""
    if first == second:
        return True
    if first.degree != second.degree or first.factors != second.factors:
        return False
    if _same_terms(first, second):
        return True
    if first.is_affine or second.is_affine or first.is_sampled or second.is_sampled:
        return first.groups == second.groups and first.images == second.images
    return all(
        first.group(f) == second.group(f)
        and all(
            first.image(f, g) == second.image(f, g) for g in range(len(first.group(f).generators))
        )
        for f in first.factors
    )


def _same_terms(first: Representation, second: Representation) -> bool:
    """Composites with the same axes in the same places: their matrices need not be formed."""
    if first.terms is None or second.terms is None or len(first.terms) != len(second.terms):
        return False
    return all(
        len(a.axes) == len(b.axes)
        and all(
            x == y
            if isinstance(x, int) or isinstance(y, int)
            else x.degree == y.degree and same_action(x, y)
            for x, y in zip(a.axes, b.axes, strict=True)
        )
        for a, b in zip(first.terms, second.terms, strict=True)
    )


@lru_cache(maxsize=4096)
def word_image(rep: Representation, factor: str, word: Word) -> AnyImage:
    """The matrix of a word in one factor (letters left to right are a product of matrices)."""
    result: AnyImage | None = None
    for generator, exponent in word:
        letter = _power(rep, factor, generator, exponent)
        result = letter if result is None else im.compose(result, letter)
    return im.power(rep.any_image(factor, 0), 0) if result is None else result


@lru_cache(maxsize=4096)
def _power(rep: Representation, factor: str, generator: int, exponent: int) -> AnyImage:
    return im.power(rep.any_image(factor, generator), exponent)


def element_image(rep: Representation, element: FactorWord) -> AnyImage:
    """The matrix of an element of the product of the factors."""
    letters = [word_image(rep, f, word) for f, word in element if f in rep.factors and word]
    return reduce(im.compose, letters) if letters else rep._identity


def element_trace(rep: Representation, element: FactorWord) -> Rational:
    """The character at an element: traces multiply over axes and add over terms, so that a
    composite's matrices are never formed."""
    if rep.terms is not None:
        return sum(
            term.multiplicity * prod(element_trace(part, element) for part in term.parts)
            for term in rep.terms
        )
    letters = [word_image(rep, f, word) for f, word in element if f in rep.factors and word]
    if not letters:
        return rep.degree
    *before, last = letters
    return im.trace_of_product(reduce(im.compose, before), last) if before else im.trace(last)


__all__ = [
    "FactorWord",
    "Image",
    "LatticeMap",
    "LatticeOp",
    "Matrix",
    "Monomial",
    "Representation",
    "RepresentationError",
    "Term",
    "direct_sum",
    "entries",
    "from_images",
    "joined",
    "same_action",
    "tensor_product",
]
