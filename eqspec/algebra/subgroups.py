"""Subgroups: membership, normality, normal closure, cosets, and what acts on the cosets.

In: a group and words that generate a subgroup. Out: the subgroup as a group of its own (family
"subgroup"), its normal closure, the permutation representation on its cosets, induced
representations. Everything is exact and bounded by `group_elements`.

Sources: Serre, Linear Representations of Finite Groups, 3.3 and 7 (induced representations); Holt,
Handbook of Computational Group Theory, 3.3.2 (normal closure).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from eqspec.algebra import images as im
from eqspec.algebra.enumeration import breadth_first
from eqspec.algebra.extension import inverted
from eqspec.algebra.groups import (
    Group,
    GroupError,
    GroupTooLarge,
    Word,
    enumeration,
)
from eqspec.algebra.images import Image, Monomial, compose
from eqspec.algebra.representations import Representation, word_image
from eqspec.limits import limits

LARGEST_POINTS = 1 << 16


def subgroup(group: Group, words: Sequence[Word], generators: Sequence[str]) -> Group:
    """The group that the words generate, given by their matrices in the model of ``group``.

    GroupError if it is infinite or its elements are too many to list.
    """
    if group.model[0].degree > LARGEST_POINTS:
        raise GroupError(
            f"{group.description} moves more than {LARGEST_POINTS:,} points: its subgroups are not listed"
        )
    letters = tuple(im.explicit(group.element(word)) for word in words)
    try:
        order = len(breadth_first(letters, limits().group_elements, guard=True).words)
    except GroupTooLarge as error:
        raise GroupError(f"the words generate a subgroup that is {error}") from None
    listed = ", ".join(group.text(word) for word in words)
    parameters = (letters[0].degree, letters, group, tuple(words))
    return Group(
        f"subgroup({group.description}, {listed})",
        "subgroup",
        parameters,
        tuple(generators),
        order,
    )


@dataclass(frozen=True)
class Closure:
    """A normal closure: words that generate it (those of the subgroup first) and its order."""

    words: tuple[Word, ...]
    order: int


def normal_closure(group: Group, words: Sequence[Word]) -> Closure:
    """The smallest normal subgroup that contains the words: conjugates by generators are added until
    none is new. GroupTooLarge beyond `group_elements` elements."""
    chosen = list(words)
    letters = [im.explicit(group.element(word)) for word in chosen]
    table = breadth_first(letters, limits().group_elements, guard=True)
    place = 0
    while place < len(chosen):
        for letter in range(len(group.generators)):
            for exponent in (1, -1):
                word: Word = ((letter, exponent), *chosen[place], (letter, -exponent))
                image = im.explicit(group.element(word))
                if image not in table.index:
                    chosen.append(word)
                    letters.append(image)
                    table = breadth_first(letters, limits().group_elements, guard=True)
        place += 1
    return Closure(tuple(chosen), len(table.images))


def is_normal(group: Group, sub: Group) -> bool:
    """Does every generator of the group carry every generator of the subgroup into the subgroup?"""
    members = enumeration(sub.family, sub.parameters).index
    return all(
        im.explicit(group.element(((letter, exponent), *word, (letter, -exponent)))) in members
        for word in words_of(sub)
        for letter in range(len(group.generators))
        for exponent in (1, -1)
    )


def words_of(sub: Group) -> tuple[Word, ...]:
    """The generators of a subgroup as words in the generators of its group."""
    words = sub.parameters[3]
    assert isinstance(words, tuple)
    return words


@dataclass(frozen=True)
class Cosets:
    """``words[k]`` represents coset k, the first of its elements in `Group.elements`;
    ``moves[g][k]`` is the coset g c_k K."""

    words: tuple[Word, ...]
    moves: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=256)
def cosets(group: Group, sub: Group) -> Cosets:
    """The cosets g K in the order of their first elements. GroupTooLarge where the elements of the
    group are too many to list."""
    words = group.elements()
    images = [im.explicit(i) for i in enumeration(group.family, group.parameters).images]
    place = {image: k for k, image in enumerate(images)}
    members = enumeration(sub.family, sub.parameters).images
    label = [-1] * len(words)
    chosen: list[int] = []
    for start, image in enumerate(images):
        if label[start] < 0:
            for member in members:
                label[place[im.explicit(compose(image, member))]] = len(chosen)
            chosen.append(start)
    moves = tuple(
        tuple(label[place[im.explicit(compose(step, images[k]))]] for k in chosen)
        for step in group.model
    )
    return Cosets(tuple(words[k] for k in chosen), moves)


def induced_images(group: Group, sub: Group, rep: Representation, factor: str) -> list[Image]:
    """The matrix of every generator of the group on the representation induced from ``rep``, a
    representation of the subgroup under the name ``factor``.

    Coordinates: coset by coset, within a coset those of ``rep``: g (c_k, w) = (c_j, rep(m) w) with
    g c_k = c_j m. Shapes: index * degree.
    """
    found = cosets(group, sub)
    table = enumeration(sub.family, sub.parameters)
    place = {im.explicit(image): k for k, image in enumerate(table.images)}
    own = [im.explicit(word_image(rep, factor, word)) for word in table.words]
    result: list[Image] = []
    for letter in range(len(group.generators)):
        blocks: list[tuple[int, Image]] = []
        for k, word in enumerate(found.words):
            j = found.moves[letter][k]
            element: Word = (*inverted(found.words[j]), (letter, 1), *word)
            blocks.append((j, own[place[im.explicit(group.element(element))]]))
        result.append(_block_permutation(blocks, rep.degree))
    return result


def _block_permutation(blocks: Sequence[tuple[int, Image]], size: int) -> Image:
    """The matrix whose block (j, k) is m where ``blocks[k]`` is (j, m), and 0 elsewhere."""
    if all(isinstance(block, Monomial) for _, block in blocks):
        images: list[int] = []
        signs: list[int] = []
        for j, block in blocks:
            assert isinstance(block, Monomial)
            images.extend([j * size + i for i in block.images])
            signs.extend(block.signs)
        return Monomial(tuple(images), tuple(signs))
    rows = [[Fraction(0)] * (size * len(blocks)) for _ in range(size * len(blocks))]
    for k, (j, block) in enumerate(blocks):
        for i, row in enumerate(im.rows_of(block)):
            rows[j * size + i][k * size : (k + 1) * size] = row
    return im.matrix(rows)


def orbit_labels(moves: Sequence[Monomial], size: int) -> list[int]:
    """The orbit of every point, orbits numbered by their first point."""
    label = [-1] * size
    count = 0
    for start in range(size):
        if label[start] >= 0:
            continue
        label[start], queue = count, [start]
        while queue:
            point = queue.pop()
            for move in moves:  # of finite order: forward steps reach the whole orbit
                if label[move.images[point]] < 0:
                    label[move.images[point]] = count
                    queue.append(move.images[point])
        count += 1
    return label
