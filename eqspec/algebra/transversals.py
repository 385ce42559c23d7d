"""A subgroup in the group that acts on some tensors: one element for each of its cosets.

In: the representations along the axes of every tensor, and words that generate a subgroup K. Out: for
the image of the joint action, words for the cosets of the image of K and for its members, and words
that generate the kernel. Elements are compared by what they do to the tensors and not axis by axis:
two signs along two axes of one tensor are a sign times a sign, which is nothing.

Source: Holt, Handbook of Computational Group Theory, 4.1 (transversals). Over the rationals a Kronecker
product of matrices of finite order is the identity only if every one of them is 1 or -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from eqspec.algebra import images as im
from eqspec.algebra.averages import ActionTooLarge, FWord, action_image, evaluate_any
from eqspec.algebra.images import AnyImage, LatticeMap, Monomial, compose
from eqspec.algebra.representations import Representation

TABLE_LIMIT = 1 << 25  # elements times entries of the images: what is looked at one by one

Tensors = tuple[tuple[Representation, ...], ...]
"""For each tensor the representations along its axes (plain axes left out)."""

_Key = tuple[object, ...]


@dataclass(frozen=True)
class Transversal:
    """Every element of the image of the group is ``cosets[j] members[i]`` for one j and one i; both
    lists begin with the identity. ``kernel`` generates what acts as the identity, as a group."""

    cosets: tuple[FWord, ...]
    members: tuple[FWord, ...]
    kernel: tuple[FWord, ...]

    @property
    def order(self) -> int:
        return len(self.cosets) * len(self.members)

    @property
    def elements(self) -> tuple[FWord, ...]:
        """Coset by coset; element ``j * len(members) + i`` is ``cosets[j] members[i]``."""
        return tuple((*coset, *member) for coset in self.cosets for member in self.members)


@lru_cache(maxsize=256)
def transversal(tensors: Tensors, subgroup: tuple[FWord, ...], limit: int) -> Transversal:
    """The cosets t K of the subgroup that the words generate, in the image of the joint action.

    Cosets and members come in the order of `action_image`. ActionTooLarge beyond ``limit`` elements,
    or where their matrices are too large to be compared one by one.
    """
    reps, places = _indexed(tensors)
    action = action_image(reps, limit)
    entries = sum(_entries(rep) for rep in reps)
    if action.order * entries > TABLE_LIMIT:
        raise ActionTooLarge(
            f"{action.order:,} elements move {entries:,} entries each: too many to compare",
            action.order,
        )
    elements = [tuple(evaluate_any(rep, word) for rep in reps) for word in action.elements]
    number: dict[_Key, int] = {}
    kernel = list(action.kernel)
    for place, images in enumerate(elements):
        first = number.setdefault(_key(images, places), place)
        if first == 0 and place:
            kernel.append(action.elements[place])
    steps = [tuple(evaluate_any(rep, word) for rep in reps) for word in subgroup]
    members = sorted(_closure(elements, number, places, steps))
    labelled: set[int] = set()
    cosets: list[int] = []
    for place in sorted(number.values()):
        if place in labelled:
            continue
        cosets.append(place)
        if len(members) == 1:
            continue
        for member in members:
            product = _product(elements[place], elements[member])
            labelled.add(number[_key(product, places)])
    return Transversal(
        tuple(action.elements[place] for place in cosets),
        tuple(action.elements[place] for place in members),
        tuple(kernel),
    )


def distinct(tensors: Tensors, words: Sequence[FWord]) -> tuple[FWord, ...]:
    """The words without those that act like one before them."""
    reps, places = _indexed(tensors)
    first: dict[_Key, FWord] = {}
    for word in words:
        first.setdefault(_key(tuple(evaluate_any(rep, word) for rep in reps), places), word)
    return tuple(first.values())


def _indexed(tensors: Tensors) -> tuple[tuple[Representation, ...], tuple[tuple[int, ...], ...]]:
    """The representations without repetitions, and where those of every tensor stand among them."""
    reps = tuple(dict.fromkeys(rep for tensor in tensors for rep in tensor))
    return reps, tuple(tuple(reps.index(rep) for rep in tensor) for tensor in tensors)


def _closure(
    elements: Sequence[tuple[AnyImage, ...]],
    number: dict[_Key, int],
    places: tuple[tuple[int, ...], ...],
    steps: Sequence[tuple[AnyImage, ...]],
) -> set[int]:
    """The subgroup that the steps generate, by the numbers of its elements."""
    found, queue = {0}, [0]
    while queue:
        place = queue.pop()
        for step in steps:
            new = number[_key(_product(elements[place], step), places)]
            if new not in found:
                found.add(new)
                queue.append(new)
    return found


def _product(a: tuple[AnyImage, ...], b: tuple[AnyImage, ...]) -> tuple[AnyImage, ...]:
    return tuple(
        y if x.is_identity else x if y.is_identity else compose(x, y)
        for x, y in zip(a, b, strict=True)
    )


def _key(images: tuple[AnyImage, ...], places: tuple[tuple[int, ...], ...]) -> _Key:
    """Equal for elements that act alike on every tensor: the images up to their signs, and for each
    tensor the product of the signs that were taken off."""
    plain: list[AnyImage | None] = []
    signs: list[int] = []
    for image in images:
        sign = _sign(image)
        image = image if sign > 0 else im.scale(image, -1)
        plain.append(None if image.is_identity else image)  # an identity has several forms
        signs.append(sign)
    products = []
    for tensor in places:
        product = 1
        for place in tensor:
            product *= signs[place]
        products.append(product)
    return (*plain, *products)


def _sign(image: AnyImage) -> int:
    """The sign of the first entry that is not zero."""
    if isinstance(image, LatticeMap):
        return 1
    if isinstance(image, Monomial):
        return image.signs[0] if image.signs else 1
    first = next((v for row in im.rows_of(image) for v in row if v), Fraction(1))
    return 1 if first > 0 else -1


def _entries(rep: Representation) -> int:
    """What comparing two images costs."""
    image = evaluate_any(rep, ())
    letters = [
        rep.any_image(name, g) for name, group in rep.groups for g in range(len(group.generators))
    ]
    if all(isinstance(letter, LatticeMap) for letter in letters) and letters:
        return 4
    size = image.degree
    if all(isinstance(im.explicit(letter), Monomial) for letter in letters):
        return size
    return size * size
