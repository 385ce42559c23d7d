"""What to declare where the actions of two factors do not commute: the group that they generate.

In: the images of two factors. Out: a sentence for a message, with a declaration that works.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.algebra import products
from eqspec.algebra.groups import Group, GroupError, Word
from eqspec.algebra.images import AnyImage, Infinitesimal, Matrix
from eqspec.algebra.recognise import normalised, recognise
from eqspec.algebra.representations import Representation
from eqspec.graph.scope import Scope

LARGEST_POINTS = 1_024
LARGEST_MATRIX = 16

PLAIN = (
    "factors of a direct product must commute: declare one group instead, for example"
    " `dihedral(4)` for quarter turns and a mirror"
)


def commuting_help(scope: Scope, rep: Representation, first: str, second: str) -> str:
    """Which group the two actions generate, where it is small, and how to declare it."""
    a, b = scope.world.groups[first], scope.world.groups[second]
    images = [_images(rep, factor, group) for factor, group in ((first, a), (second, b))]
    if (
        not a.is_finite
        or not b.is_finite
        or not all(_small(image) for row in images for image in row)
    ):
        return PLAIN
    found = recognise([*images[0], *images[1]])
    if found is None:
        return PLAIN
    what = f"`{found.family}`" if found.family else f"a group of {found.order} elements"
    declared = f"`group G = {found.family}`" if found.family else "one group"
    help_ = f"together they generate {what}: declare {declared} instead of the product"
    for normal, complement in ((0, 1), (1, 0)):
        names, groups = (first, second), (a, b)
        words = normalised(images[normal], images[complement])
        if words is not None and _acts(groups[normal], groups[complement], words):
            block = _block(
                (names[normal], groups[normal]), (names[complement], groups[complement]), words
            )
            other = "or" if found.family else "for example"
            return (
                f"{help_}, {other} `semidirect({names[normal]}, {names[complement]}) {{ {block} }}`"
            )
    return help_


def _images(rep: Representation, factor: str, group: Group) -> list[AnyImage]:
    return [rep.any_image(factor, k) for k in range(len(group.generators))]


def _small(image: AnyImage) -> bool:
    if isinstance(image, Infinitesimal):
        return False
    return image.degree <= (LARGEST_MATRIX if isinstance(image, Matrix) else LARGEST_POINTS)


def _acts(normal: Group, complement: Group, action: Sequence[Sequence[Word]]) -> bool:
    """Do the words act on the abstract group too, not only on its image?"""
    names = [f"g{k}" for k in range(len(normal.generators) + len(complement.generators))]
    try:
        products.semidirect(normal, complement, action, names, "")
    except GroupError:
        return False
    return True


def _block(
    normal: tuple[str, Group], complement: tuple[str, Group], action: Sequence[Sequence[Word]]
) -> str:
    (n, normal_group), (h, complement_group) = normal, complement
    clash = set(normal_group.generators) & set(complement_group.generators)
    left = f"{n}." if clash else ""
    right = f"{h}." if clash else ""
    named = normal_group.renamed({g: f"{left}{g}" for g in normal_group.generators})
    lines = []
    for generator, words in zip(complement_group.generators, action, strict=True):
        images = ", ".join(
            f"{left}{g} -> {named.text(_short(normal_group, word)).replace(' ', ' * ')}"
            for g, word in zip(normal_group.generators, words, strict=True)
        )
        lines.append(f"{right}{generator} {{ {images} }}")
    return "  ".join(lines)


def _short(group: Group, word: Word) -> Word:
    """r^-1 instead of r^(n-1) in a cyclic group."""
    if group.family == "cyclic" and group.order is not None and len(word) == 1:
        letter, exponent = word[0]
        if 2 * exponent > group.order:
            return ((letter, exponent - group.order),)
    return word
