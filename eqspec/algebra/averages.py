"""The finite group that acts on several tensors at once: what an orbit average runs over.

In: representations. Out: one word for each element of the image of the joint action (elements that
act alike on every part are one call), and generators of the kernel as words. Parts that share no
factor are treated one by one and the images multiplied.

Sources: Schreier's lemma for the kernel (its generators are g s h^-1 with h the representative of g
s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

from eqspec.algebra import images as im
from eqspec.algebra.counting import clusters
from eqspec.algebra.groups import Group, Word, extend
from eqspec.algebra.images import AnyImage, Image
from eqspec.algebra.representations import Factors, Representation, joined
from eqspec.limits import limits

FWord: TypeAlias = tuple[tuple[str, int, int], ...]
"""Letters (factor, generator index, +1 or -1), left to right as a product."""

KERNEL_LIMIT = 2_000  # elements up to which redundant generators of a kernel are dropped


class ActionTooLarge(ValueError):  # noqa: N818 - says what happened
    """The joint action has more elements than the limit; `order` is their number if known."""

    def __init__(self, message: str, order: int | None = None) -> None:
        super().__init__(message)
        self.order = order


@dataclass(frozen=True)
class ActionImage:
    """The joint action: a word for each of its elements, the identity first, and words that
    generate (as a group) the kernel in the product of the factors."""

    elements: tuple[FWord, ...]
    kernel: tuple[FWord, ...]

    @property
    def order(self) -> int:
        return len(self.elements)


def action_image(parts: Sequence[Representation], limit: int | None = None) -> ActionImage:
    """The image and kernel of the joint action on `parts`. ActionTooLarge beyond `limit` elements.

    Elements are listed breadth-first in positive letters (cyclic r: 1, r, rr, ...); over several
    clusters row by row, the last one running fastest. Factors that move nothing lie in the kernel.
    """
    limit = limits().group_elements if limit is None else limit
    groups = joined([part.groups for part in parts])
    for name, group in groups:
        if not group.is_finite and any(name in part.factors for part in parts):
            raise ActionTooLarge(f"{name} = {group.description} is infinite")
    pieces = _pieces(parts, groups)
    order = action_order(parts)
    if order is not None and order > limit:
        raise ActionTooLarge(_message(order, limit), order)
    images, total = [], 1
    for factors, reps in pieces:
        images.append(_cluster_image(factors, reps, limit))
        total *= images[-1].order
        if total > limit:
            raise ActionTooLarge(_message(None, limit), order)
    elements = tuple(
        tuple(letter for word in words for letter in word)
        for words in product(*(image.elements for image in images))
    )
    acting = {name for factors, _ in pieces for name, _ in factors}
    kernel = [word for image in images for word in image.kernel]
    for name, group in groups:
        if name not in acting:
            kernel += [
                ((name, g, 1),) for g, image in enumerate(group.model) if not image.is_identity
            ]
    return ActionImage(elements, tuple(kernel))


def action_order(parts: Sequence[Representation]) -> int | None:
    """The number of elements of the joint action where it is known without listing them: clusters
    of one factor that one of the parts represents faithfully by its own matrices. None where
    unknown."""
    orders = []
    for factors, reps in _pieces(parts, joined([part.groups for part in parts])):
        if len(factors) > 1:
            return None
        name, group = factors[0]
        points = range(len(group.generators))
        model = tuple(im.explicit(image) for image in group.model)
        if not any(
            rep.degree == model[0].degree and tuple(rep.image(name, g) for g in points) == model
            for rep in reps
        ):
            return None
        if group.order is None:
            return None
        orders.append(group.order)
    return prod(orders)


@lru_cache(maxsize=16384)
def evaluate(rep: Representation, word: FWord) -> Image:
    """The matrix of a word; letters of factors that the representation does not name are the
    identity."""
    return im.explicit(evaluate_any(rep, word))


def inverse_word(word: FWord) -> FWord:
    """The inverse element, letter by letter."""
    return tuple((factor, g, -exponent) for factor, g, exponent in reversed(word))


def _message(order: int | None, limit: int) -> str:
    found = f"{order:,}" if order is not None else f"more than {limit:,}"
    return f"the group acts by {found} elements; at most {limit:,} are averaged one by one"


def _pieces(
    parts: Sequence[Representation], groups: Factors
) -> list[tuple[Factors, tuple[Representation, ...]]]:
    return [
        (
            tuple((name, group) for name, group in groups if name in cluster.factors),
            tuple(dict.fromkeys(parts[place] for place in cluster.source)),
        )
        for cluster in clusters(tuple(parts), ())
    ]


def evaluate_any(rep: Representation, word: FWord) -> AnyImage:
    """`evaluate` in the cheapest form: a lattice symmetry is not listed point by point."""
    result: AnyImage | None = None
    for factor, generator, exponent in word:
        if factor not in rep.factors:
            continue
        letter = _letter(rep, factor, generator, exponent)
        result = letter if result is None else im.compose(result, letter)
    return im.identity(rep.degree) if result is None else result


@lru_cache(maxsize=4096)
def _letter(rep: Representation, factor: str, generator: int, exponent: int) -> AnyImage:
    return im.power(rep.any_image(factor, generator), exponent)


@lru_cache(maxsize=512)
def _cluster_image(factors: Factors, reps: tuple[Representation, ...], limit: int) -> ActionImage:
    """Breadth-first over joint images; an edge that closes a cycle is a Schreier generator."""
    letters = [(name, g) for name, group in factors for g in range(len(group.generators))]
    steps = [tuple(rep.any_image(name, g) for rep in reps) for name, g in letters]
    start = tuple(im.power(image, 0) for image in steps[0])
    index: dict[tuple[AnyImage, ...], int] = {start: 0}
    images = [start]
    words: list[FWord] = [()]
    cycles: list[tuple[int, int, int]] = []
    place = 0
    while place < len(images):
        for letter, step in enumerate(steps):
            new = tuple(im.compose(a, b) for a, b in zip(images[place], step, strict=True))
            at = index.get(new)
            if at is None:
                if len(images) == limit:
                    raise ActionTooLarge(_message(None, limit))
                index[new] = len(images)
                images.append(new)
                words.append((*words[place], (*letters[letter], 1)))
            else:
                cycles.append((place, letter, at))
        place += 1
    return ActionImage(tuple(words), _kernel(factors, letters, words, cycles))


def _kernel(
    factors: Factors,
    letters: Sequence[tuple[str, int]],
    words: Sequence[FWord],
    cycles: Sequence[tuple[int, int, int]],
) -> tuple[FWord, ...]:
    """Schreier generators of the kernel, without repetitions and, for small kernels, redundant
    ones."""
    size = prod(group.order or 0 for _, group in factors) // len(words)
    if size == 1:
        return ()
    models = dict(factors)
    abstract = [_abstract(models, word) for word in words]
    one = abstract[0]
    generators: dict[tuple[AnyImage, ...], FWord] = {}
    reached = {one}
    for place, letter, at in cycles:
        if len(reached) == size:
            break
        word: FWord = (*words[place], (*letters[letter], 1), *inverse_word(words[at]))
        element = _product(
            _product(abstract[place], _abstract(models, (word[len(words[place])],))),
            tuple(im.inverse(image) for image in abstract[at]),
        )
        if element in reached or element in generators:
            continue
        generators[element] = _reduced(word)
        if size <= KERNEL_LIMIT:
            reached = _closure(one, tuple(generators))
    return tuple(generators.values())


def _abstract(models: dict[str, Group], word: FWord) -> tuple[AnyImage, ...]:
    """The element of the product of the factors that a word names, in their faithful models."""
    by_factor: dict[str, Word] = dict.fromkeys(models, ())
    for name, g, exponent in word:
        by_factor[name] = extend(by_factor[name], g, exponent)
    return tuple(group.element(by_factor[name]) for name, group in models.items())


def _product(a: tuple[AnyImage, ...], b: tuple[AnyImage, ...]) -> tuple[AnyImage, ...]:
    return tuple(im.compose(x, y) for x, y in zip(a, b, strict=True))


def _closure(
    one: tuple[AnyImage, ...], generators: Sequence[tuple[AnyImage, ...]]
) -> set[tuple[AnyImage, ...]]:
    seen, queue = {one}, [one]
    while queue:
        element = queue.pop()
        for generator in generators:
            new = _product(element, generator)
            if new not in seen:
                seen.add(new)
                queue.append(new)
    return seen


def _reduced(word: FWord) -> FWord:
    """The word with each factor's letters together (different factors commute) and inverse pairs
    gone."""
    names = sorted({factor for factor, _, _ in word})
    result: list[tuple[str, int, int]] = []
    for name in names:
        mine: list[tuple[str, int, int]] = []
        for letter in word:
            if letter[0] != name:
                continue
            if mine and mine[-1][1] == letter[1] and mine[-1][2] == -letter[2]:
                mine.pop()
            else:
                mine.append(letter)
        result += mine
    return tuple(result)
