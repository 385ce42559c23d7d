"""Semidirect and wreath products: against pairs multiplied by hand, and what is none is refused."""

from __future__ import annotations

import random
from itertools import product
from math import factorial

import pytest

from eqspec.algebra import constructors
from eqspec.algebra.averages import action_image
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.extension import evaluated
from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    klein,
    matrix_group,
    permutation_group,
    quaternion,
    symmetric,
)
from eqspec.algebra.groups import Group, GroupError, Word
from eqspec.algebra.homomorphism import homomorphism_fault, images_fault
from eqspec.algebra.images import AnyImage, compose, explicit, identity, inverse, permutation
from eqspec.algebra.products import NoAction, chain_of, direct, semidirect, wreath
from eqspec.algebra.representations import from_images

NORMAL = [
    cyclic(3),
    cyclic(4),
    cyclic(5),
    cyclic(7),
    cyclic(8),
    klein(),
    quaternion(),
    dihedral(3),
    dihedral(4),
    alternating(4),
    permutation_group(4, {"a": (1, 0, 3, 2), "b": (2, 3, 0, 1)}),
    direct([cyclic(3), cyclic(3)], ["x", "y"]),
    matrix_group(2, {"q": [[0, -1], [1, 0]]}),
]
COMPLEMENT = [cyclic(2), cyclic(3), cyclic(4), klein(), dihedral(3)]


def named(count: int) -> list[str]:
    return [f"g{k}" for k in range(count)]


def brute_automorphism(normal: Group, images: list[Word]) -> dict[AnyImage, AnyImage] | None:
    """The map of N that the images define, found by walking from 1 in all directions; None if it is no
    bijection or not well defined."""
    steps = list(normal.model)
    values = [normal.element(word) for word in images]
    one = normal.element(())
    found = {one: one}
    todo = [one]
    while todo:
        element = todo.pop()
        for step, value in zip(steps, values, strict=True):
            target, image = compose(element, step), compose(found[element], value)
            if target not in found:
                found[target] = image
                todo.append(target)
            elif found[target] != image:
                return None
    return found if len(set(found.values())) == normal.order else None


def brute_action(
    normal: Group, complement: Group, action: list[list[Word]]
) -> dict[AnyImage, dict[AnyImage, AnyImage]] | None:
    """The automorphism of every element of H, or None where the words are no action."""
    maps = [brute_automorphism(normal, images) for images in action]
    one = {normal.element(w): normal.element(w) for w in normal.elements()}
    found = {complement.element(()): one}
    todo = list(found)
    while todo:
        h = todo.pop()
        for step, move in zip(complement.model, maps, strict=True):
            if move is None:
                return None
            target = compose(h, step)
            image = {n: found[h][move[n]] for n in one}
            if target not in found:
                found[target] = image
                todo.append(target)
            elif found[target] != image:
                return None
    return found


def random_action(rng: random.Random, normal: Group, complement: Group) -> list[list[Word]]:
    elements = normal.elements()
    return [
        [rng.choice(elements) for _ in normal.generators] for _ in range(len(complement.generators))
    ]


def test_random_words_are_an_action_exactly_if_brute_force_says_so() -> None:
    rng = random.Random(5)
    good = bad = 0
    for _ in range(600):
        normal, complement = rng.choice(NORMAL), rng.choice(COMPLEMENT)
        action = random_action(rng, normal, complement)
        brute = brute_action(normal, complement, action)
        names = named(len(normal.generators) + len(complement.generators))
        if brute is None:
            with pytest.raises(NoAction) as told:
                semidirect(normal, complement, action, names, "G")
            assert told.value.generator < len(complement.generators)
            bad += 1
            continue
        group = semidirect(normal, complement, action, names, "G")
        good += 1
        check_against_pairs(group, normal, complement, brute)
    assert good >= 40
    assert bad >= 40


def check_against_pairs(
    group: Group,
    normal: Group,
    complement: Group,
    action: dict[AnyImage, dict[AnyImage, AnyImage]],
) -> None:
    """Elements are n h with n fastest, and multiply as (n, h)(m, k) = (n h(m), hk)."""
    ns = [normal.element(w) for w in normal.elements()]
    hs = [complement.element(w) for w in complement.elements()]
    pairs = [(n, h) for h in hs for n in ns]
    place = {pair: k for k, pair in enumerate(pairs)}
    assert group.order == len(pairs) == len(group.elements())
    letters = [(n, hs[0]) for n in normal.model] + [(ns[0], h) for h in complement.model]
    for g, (a, x) in enumerate(letters):
        expected = [place[compose(a, action[x][m]), compose(x, k)] for m, k in pairs]
        assert group.left_multiplication(g) == tuple(expected)


def test_dihedral_is_a_semidirect_product() -> None:
    for n in (1, 2, 3, 4, 5, 8):
        made = semidirect(cyclic(n), cyclic(2), [[((0, -1),)]], ["r", "s"], "D")
        known = dihedral(n)
        assert [made.text(w) for w in made.elements()] == [known.text(w) for w in known.elements()]
        for g in range(2):
            assert made.left_multiplication(g) == known.left_multiplication(g)
        regular = [
            constructors.regular("regular", "G", made),
            constructors.regular("regular", "G", known),
        ]
        assert [hom_dimension((r,), (r,)) for r in regular] == [2 * n, 2 * n]


def holomorph_of_five() -> Group:
    return semidirect(cyclic(5), cyclic(4), [[((0, 2),)]], ["r", "h"], "AGL(1, 5)")


def nested() -> Group:
    """(C2 x C2) x| S3 = S4, built in two steps: A4 = V4 x| C3, then A4 x| C2."""
    a4 = semidirect(klein(), cyclic(3), [[((1, 1),), ((0, 1), (1, 1))]], ["a", "b", "r"], "A4")
    # a transposition swaps a and b and inverts r up to an inner automorphism
    return semidirect(
        a4,
        cyclic(2),
        [[((1, 1),), ((0, 1),), ((2, -1),)]],
        ["a", "b", "r", "s"],
        "S4",
    )


def test_nested_semidirect_product() -> None:
    group = nested()
    assert group.order == 24
    assert sorted(size for _, size in group.classes()) == [1, 3, 6, 6, 8]
    assert group.relations() is not None
    regular = constructors.regular("regular", "G", group)
    assert homomorphism_fault(regular) is None
    assert hom_dimension((regular,), (regular,)) == 24


@pytest.mark.parametrize("group", [holomorph_of_five(), nested()], ids=["five", "four"])
def test_relations_present_the_group(group: Group) -> None:
    """Random images: a representation by the presentation exactly if one along the Cayley graph."""
    rng = random.Random(3)
    known = symmetric(5)
    elements = [known.element(w) for w in known.elements()]
    as_points = permutation_group(
        group.model[0].degree,
        {
            f"g{k}": list(explicit(image).images)  # type: ignore[union-attr]  # permutations
            for k, image in enumerate(group.model)
        },
    )
    agree = 0
    for _ in range(400):
        pool = elements[: rng.choice([2, 6, 120])]
        images = tuple(rng.choice(pool) for _ in group.generators)
        mine = images_fault("G", group, images)
        tree = images_fault("G", as_points, images)
        assert (mine is None) == (tree is None)
        agree += mine is None
    assert agree >= 3


@pytest.mark.parametrize(
    ("normal", "complement", "action", "message"),
    [
        (cyclic(4), cyclic(2), [[((0, 2),)]], "not one-to-one: 1 and r^2"),
        (cyclic(5), cyclic(2), [[((0, 2),)]], "break the relation r^2 = 1 of cyclic(2)"),
        (dihedral(4), cyclic(2), [[((1, 1),), ((0, 1),)]], "break the relation"),
        (klein(), cyclic(2), [[((1, 1),), ((0, 1), (1, 1))]], "break the relation r^2 = 1"),
        (
            permutation_group(3, {"a": (1, 2, 0)}),
            permutation_group(3, {"b": (1, 2, 0)}),
            [[((0, -1),)]],
            "break the relation",
        ),
    ],
)
def test_no_action_says_why(
    normal: Group, complement: Group, action: list[list[Word]], message: str
) -> None:
    names = named(len(normal.generators) + len(complement.generators))
    with pytest.raises(
        NoAction, match=message.replace("(", r"\(").replace(")", r"\)").replace("^", r"\^")
    ):
        semidirect(normal, complement, action, names, "G")


def test_bounds_of_a_semidirect_product() -> None:
    with pytest.raises(GroupError, match="at most 1,024 elements"):
        semidirect(symmetric(8), cyclic(2), [[((0, 1),), ((1, 1),)]], named(3), "G")
    huge = semidirect(cyclic(3), symmetric(9), [[((0, -1),)], [((0, 1),)]], named(3), "G")
    assert huge.order == 3 * factorial(9)
    with pytest.raises(GroupError, match="listed one by one"):
        huge.elements()


def brute_wreath(base: Group, moves: list[tuple[int, ...]], width: int) -> int:
    """The order of A wr B on pairs (copy, point), by closure."""
    copies = len(moves[0])
    letters = []
    for image in base.model:
        own = explicit(image).images  # type: ignore[union-attr]  # permutations
        letters.append((*own, *range(width, width * copies)))
    for move in moves:
        letters.append(tuple(move[c] * width + p for c in range(copies) for p in range(width)))
    seen = {tuple(range(width * copies))}
    todo = list(seen)
    while todo:
        x = todo.pop()
        for letter in letters:
            y = tuple(letter[k] for k in x)
            if y not in seen:
                seen.add(y)
                todo.append(y)
    return len(seen)


TOPS = [
    symmetric(2),
    symmetric(3),
    cyclic(3),
    alternating(4),
    permutation_group(4, {"v": (1, 0, 3, 2), "w": (2, 3, 0, 1)}),
]


@pytest.mark.parametrize("top", TOPS, ids=[t.description[:12] for t in TOPS])
@pytest.mark.parametrize("base", [cyclic(2), cyclic(3), symmetric(3)], ids=["C2", "C3", "S3"])
def test_wreath_order_elements_and_natural(base: Group, top: Group) -> None:
    names = named(len(base.generators) + len(top.generators))
    group = wreath(base, top, names, "W")
    moves = [explicit(image).images for image in top.model]  # type: ignore[union-attr]
    width = base.model[0].degree
    assert group.order == base.order ** len(moves[0]) * top.order
    if group.order <= 5_000:
        assert group.order == brute_wreath(base, moves, width) == len(group.elements())
    natural = constructors.natural("natural", "W", group)
    assert natural.shape == (len(moves[0]), width)
    assert homomorphism_fault(natural) is None
    # pairs of points: equal, in one copy, in two copies (times what B and A see)
    pairs = hom_dimension((natural,), (natural,))
    top_orbits = (
        hom_dimension((constructors.natural("n", "B", top),) * 2, ())
        if top.family != "cyclic"
        else 3
    )
    base_orbits = 2 if base.family == "symmetric" else width
    assert pairs == base_orbits + (top_orbits - 1)


@pytest.mark.parametrize("top", TOPS, ids=[t.description[:12] for t in TOPS])
@pytest.mark.parametrize("base", [cyclic(2), klein(), symmetric(3)], ids=["C2", "V4", "S3"])
def test_wreath_relations_present_the_group(base: Group, top: Group) -> None:
    """The relators hold in the model, and in no larger group: each copy of A commutes with all others and
    with the stabiliser of its point."""
    names = named(len(base.generators) + len(top.generators))
    group = wreath(base, top, names, "W")
    relations = group.relations()
    if relations is None:
        extension = group.extension
        assert extension is not None
        relations = extension.cross
    for relator in relations:
        assert evaluated(group.model, relator).is_identity
    if group.order > 400:
        return
    as_points = (
        permutation_group(
            group.model[0].degree,
            {f"g{k}": explicit(i).images for k, i in enumerate(group.model)},  # type: ignore[union-attr]
        )
        if all(i.is_permutation for i in group.model)
        else None
    )
    if as_points is None:
        return
    rng = random.Random(11)
    four = symmetric(4)
    pool = [four.element(w) for w in four.elements()]
    held = 0
    for _ in range(150):
        few = pool[: rng.choice([2, 6, 24])]
        images = tuple(rng.choice(few) for _ in group.generators)
        mine = images_fault("W", group, images)
        assert (mine is None) == (images_fault("W", as_points, images) is None)
        held += mine is None
    assert held


def test_wreath_of_a_large_group_is_counted_by_orbits() -> None:
    group = wreath(symmetric(10), symmetric(5), ["t", "c", "u", "d"], "W")
    assert group.order == factorial(10) ** 5 * factorial(5)
    natural = constructors.natural("natural", "W", group)
    assert hom_dimension((natural,), (natural,)) == 3
    assert hom_dimension((natural,), ()) == 1
    assert hom_dimension((natural, natural), (natural,)) == 12  # nested partitions of 3: 2 levels
    inner = wreath(symmetric(3), symmetric(2), ["t", "c", "u", "d"], "V")
    outer = wreath(inner, symmetric(2), [*inner.generators, "v", "w"], "U")
    assert constructors.natural("n", "U", outer).shape == (2, 2, 3)
    assert outer.order == inner.order**2 * 2


@pytest.mark.parametrize(
    ("top", "message"),
    [
        (permutation_group(4, {"a": (1, 0, 2, 3)}), "must be transitive"),
        (klein(), "permutes no points"),
        (symmetric(1000), "at most 65,536 points"),
    ],
)
def test_no_wreath_product(top: Group, message: str) -> None:
    base = symmetric(100)
    names = named(len(base.generators) + len(top.generators))
    with pytest.raises(GroupError, match=message):
        wreath(base, top, names, "W")


def average(
    group: Group, words: tuple[Word, ...], model: tuple[AnyImage, ...]
) -> dict[AnyImage, int]:
    """The sum of the subgroup that the words generate, as multiplicities."""
    one = identity(model[0].degree)
    letters = [explicit(evaluated(model, w)) for w in words]
    seen: dict[AnyImage, int] = {one: 1}
    todo: list[AnyImage] = [one]
    while todo:
        x = todo.pop()
        for letter in letters:
            y = explicit(compose(letter, x))
            if y not in seen:
                seen[y] = 1
                todo.append(y)
    return seen


@pytest.mark.parametrize(
    "group",
    [
        holomorph_of_five(),
        nested(),
        dihedral(6),
        direct([cyclic(3), dihedral(3)], named(3)),
        wreath(cyclic(2), symmetric(3), named(3), "W"),
        wreath(symmetric(3), cyclic(2), named(3), "W"),
        semidirect(cyclic(3), symmetric(3), [[((0, -1),)], [((0, 1),)]], named(3), "G"),
    ],
    ids=lambda g: g.description,
)
def test_averages_go_down_the_chain(group: Group) -> None:
    """The product of the sums of the chain is the sum of the group, every element once."""
    links = [average(group, words, group.model) for words in chain_of(group)]
    total: dict[AnyImage, int] = {identity(group.model[0].degree): 1}
    for link in links:
        new: dict[AnyImage, int] = {}
        for (x, m), (y, n) in product(total.items(), link.items()):
            z = explicit(compose(x, y))
            new[z] = new.get(z, 0) + m * n
        total = new
    assert len(total) == group.order
    assert set(total.values()) == {1}
    assert sum(len(link) for link in links) < group.order


def test_a_representation_of_a_product_is_checked_on_all_relators() -> None:
    group = holomorph_of_five()
    five = permutation((1, 2, 3, 4, 0))
    twice = permutation((0, 2, 4, 1, 3))
    good = from_images("points", (("G", group),), 5, {("G", 0): five, ("G", 1): twice})
    assert homomorphism_fault(good) is None
    wrong = from_images("points", (("G", group),), 5, {("G", 0): five, ("G", 1): inverse_of(twice)})
    fault = homomorphism_fault(wrong)
    assert fault is not None
    assert fault.relation == "h r h^-1 r^-2 = 1"
    assert action_image((good,)).order == 20


def inverse_of(image: AnyImage) -> AnyImage:
    return inverse(image)
