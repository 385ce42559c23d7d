"""Joint actions: image and kernel against enumeration of the whole product."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from algebra_cases import HEXAGON, LEGS, WORLD, plane, signed, small_groups

from eqspec.algebra import constructors, lattice
from eqspec.algebra import images as im
from eqspec.algebra.averages import (
    ActionTooLarge,
    FWord,
    action_image,
    action_order,
    evaluate,
    inverse_word,
)
from eqspec.algebra.families import cyclic, dihedral, matrix_group, symmetric
from eqspec.algebra.images import explicit
from eqspec.algebra.representations import Representation, Term, direct_sum, from_images

C2, C4 = cyclic(2), cyclic(4)


def check(parts: list[Representation]) -> None:
    """Orders, homomorphism onto the joint images, and that the kernel words generate the kernel."""
    found = action_image(parts)
    groups = {name: group for part in parts for name, group in part.groups}
    names = list(groups)
    images = [tuple(evaluate(part, word) for part in parts) for word in found.elements]
    assert len(set(images)) == found.order == len(images)
    assert found.elements[0] == ()
    everything = []
    for element in product(*(groups[name].elements() for name in names)):
        word: FWord = tuple(
            (name, g, 1 if e > 0 else -1)
            for name, letters in zip(names, element, strict=True)
            for g, e in letters
            for _ in range(abs(e))
        )
        everything.append((element, tuple(evaluate(part, word) for part in parts)))
    assert {image for _, image in everything} == set(images)
    kernel = {
        tuple(groups[n].element(w) for n, w in zip(names, element, strict=True))
        for element, image in everything
        if image == images[0]
    }
    generators = []
    for word in found.kernel:
        assert tuple(evaluate(part, word) for part in parts) == images[0]
        generators.append(
            tuple(groups[n].element(tuple((g, e) for f, g, e in word if f == n)) for n in names)
        )
    one = tuple(groups[n].element(()) for n in names)
    seen, queue = {one}, [one]
    while queue:
        x = queue.pop()
        for y in generators:
            z = tuple(im.compose(a, b) for a, b in zip(x, y, strict=True))
            if z not in seen:
                seen.add(z)
                queue.append(z)
    assert seen == kernel
    assert found.order * len(kernel) == prod(group.order for group in groups.values())


@pytest.mark.parametrize(
    "parts",
    [
        [constructors.regular("", "a", C4), constructors.regular("", "b", C2)],
        [lattice.hflip("", "a", cyclic(6), 4)],
        [lattice.hflip("", "a", C4, 4), lattice.rot90("", "a", C4, 3, 3)],
        [lattice.rot180("", "a", C4, 2, 3), constructors.trivial("", "b", dihedral(3))],
        [lattice.grid("", "D", dihedral(4), 3, 3)],
        [constructors.sign("", "D", dihedral(4))],
        [constructors.sign("", "S", symmetric(4)), constructors.trivial("", "S", symmetric(4))],
        [constructors.natural("", "S", symmetric(4)), lattice.hflip("", "a", C2, 2, 2)],
        [WORLD, LEGS],
        [WORLD.pseudoscalar()],
        [direct_sum("", [Term((WORLD, LEGS)), Term((3,))])],
        [constructors.vector("", "H", matrix_group(2, HEXAGON))],
        [plane("R", cyclic(12), [[0, -1], [1, 0]])],
        [],
    ],
)
def test_image_and_kernel(parts: list[Representation]) -> None:
    check(parts)


@pytest.mark.parametrize("group", [g for g in small_groups() if g.order <= 24], ids=str)
def test_regular_is_faithful(group: object) -> None:
    rep = constructors.regular("", "G", group)  # type: ignore[arg-type]
    found = action_image([rep])
    assert (found.order, found.kernel) == (rep.degree, ())


def test_order_of_elements_is_that_of_a_cyclic_axis() -> None:
    rep = constructors.regular("", "a", C4)
    letter = ("a", 0, 1)
    assert action_image([rep]).elements == ((), (letter,), (letter,) * 2, (letter,) * 3)


def test_factors_tied_by_an_axis() -> None:
    flip = signed((1, 0))
    both = from_images("", (("a", C2), ("b", C2)), 2, {("a", 0): flip, ("b", 0): flip})
    found = action_image([both])
    assert found.order == 2
    assert len(found.kernel) == 1
    assert sorted(found.kernel[0]) == [("a", 0, 1), ("b", 0, -1)] or sorted(
        f for f, _, _ in found.kernel[0]
    ) == ["a", "b"]


def test_four_views_of_quarter_turns() -> None:
    views = [lattice.rot90("", f, C4, 3, 3) for f in "abcd"]
    assert action_image(views).order == 256
    assert action_image(views[:1]).order == 4


def test_words_multiply_left_to_right_and_invert() -> None:
    rep = constructors.regular("", "D", dihedral(5))
    word: FWord = (("D", 0, 1), ("D", 1, 1), ("other", 0, 1), ("D", 0, -1))
    expected = explicit(
        im.compose(im.compose(rep.image("D", 0), rep.image("D", 1)), im.inverse(rep.image("D", 0)))
    )
    assert evaluate(rep, word) == expected
    assert evaluate(rep, word + inverse_word(word)).is_identity
    assert evaluate(rep, ()).is_identity


def test_limits() -> None:
    rep = constructors.natural("", "S", symmetric(20))
    assert action_order([rep]) == symmetric(20).order
    with pytest.raises(ActionTooLarge, match="2,432,902,008,176,640,000 elements") as caught:
        action_image([rep])
    assert caught.value.order == symmetric(20).order
    with pytest.raises(ActionTooLarge, match="more than 10"):
        action_image([plane("R", cyclic(12), [[0, -1], [1, 1]]), WORLD], limit=10)
    assert action_order([constructors.sign("", "S", symmetric(20))]) is None
    assert action_image([constructors.sign("", "S", symmetric(20))]).order == 2
