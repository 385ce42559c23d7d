"""Subgroups against brute force: normality, closure, cosets; induction by Frobenius reciprocity."""

from __future__ import annotations

import random

import pytest
from algebra_cases import small_groups

from eqspec.algebra import constructors
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.groups import Group, GroupError, Word
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import AnyImage, compose, explicit, inverse, permutation
from eqspec.algebra.representations import Representation, from_images, word_image
from eqspec.algebra.subgroups import (
    cosets,
    induced_images,
    is_normal,
    normal_closure,
    orbit_labels,
    subgroup,
)

GROUPS = [g for g in small_groups() if 1 < g.order <= 60]


def closure(letters: list[AnyImage], one: AnyImage) -> frozenset[AnyImage]:
    seen = {one}
    todo = [one]
    while todo:
        x = todo.pop()
        for letter in letters:
            y = explicit(compose(x, letter))
            if y not in seen:
                seen.add(y)
                todo.append(y)
    return frozenset(seen)


def some(rng: random.Random) -> tuple[Group, list[Word], Group]:
    group = rng.choice(GROUPS)
    words = [rng.choice(group.elements()) for _ in range(rng.choice([1, 1, 2]))]
    return group, words, subgroup(group, words, [f"g{k}" for k in range(len(words))])


def members(group: Group) -> list[AnyImage]:
    return [explicit(group.element(word)) for word in group.elements()]


def test_order_normality_closure_and_cosets() -> None:
    rng = random.Random(1)
    normal = 0
    for _ in range(80):
        group, words, sub = some(rng)
        everything = members(group)
        one = everything[0]
        mine = closure([explicit(group.element(w)) for w in words], one)
        assert sub.order == len(mine)
        conjugates = [
            explicit(compose(compose(g, k), inverse(g))) for g in everything for k in mine
        ]
        brute_normal = set(conjugates) == mine
        assert is_normal(group, sub) == brute_normal
        normal += brute_normal
        found = normal_closure(group, words)
        assert found.words[: len(words)] == tuple(words)
        letters = [explicit(group.element(w)) for w in found.words]
        assert closure(letters, one) == closure(conjugates, one)
        assert found.order == len(closure(conjugates, one))
        listed = cosets(group, sub)
        assert len(listed.words) * sub.order == group.order
        place = {x: k for k, x in enumerate(everything)}
        sets = [
            frozenset(explicit(compose(explicit(group.element(w)), k)) for k in mine)
            for w in listed.words
        ]
        assert len(set(sets)) == len(sets)
        firsts = [min(place[x] for x in coset) for coset in sets]
        assert firsts == sorted(firsts) == [group.index_of(w) for w in listed.words]
        for step, move in zip(group.model, listed.moves, strict=True):
            for coset, target in zip(sets, move, strict=True):
                assert frozenset(explicit(compose(step, x)) for x in coset) == sets[target]
    assert 15 <= normal <= 70


def quotient(group: Group, sub: Group) -> Representation:
    moves = cosets(group, sub).moves
    images = {("G", k): permutation(move) for k, move in enumerate(moves)}
    return from_images("quotient", (("G", group),), len(moves[0]), images)


def representations(group: Group, rng: random.Random) -> list[Representation]:
    """Representations of the whole group: regular, cosets of random subgroups, sign."""
    found = [constructors.regular("regular", "G", group)]
    for _ in range(2):
        word = rng.choice(group.elements())
        found.append(quotient(group, subgroup(group, [word], ["g0"])))
    for make in (constructors.sign, constructors.natural, constructors.vector):
        try:
            found.append(make("x", "G", group))
        except ValueError:
            continue
    return found


def restricted(sub: Group, words: list[Word], rep: Representation) -> Representation:
    images = {("K", k): explicit(word_image(rep, "G", word)) for k, word in enumerate(words)}
    return from_images("restricted", (("K", sub),), rep.degree, images)


def own_representations(sub: Group, rng: random.Random) -> list[Representation]:
    found = [constructors.trivial("trivial", "K", sub), constructors.regular("regular", "K", sub)]
    word = rng.choice(sub.elements())
    inner = subgroup(sub, [word], ["g0"])
    moves = cosets(sub, inner).moves
    images = {("K", k): permutation(move) for k, move in enumerate(moves)}
    found.append(from_images("cosets", (("K", sub),), len(moves[0]), images))
    return found


def test_induction_obeys_frobenius_reciprocity() -> None:
    """Hom_G(Ind W, V) and Hom_K(W, Res V) have one dimension, and Ind W is a representation."""
    rng = random.Random(2)
    for _ in range(60):
        group, words, sub = some(rng)
        if group.order > 60:
            continue
        for own in own_representations(sub, rng):
            images = induced_images(group, sub, own, "K")
            made = from_images(
                "induced",
                (("G", group),),
                images[0].degree,
                {("G", k): image for k, image in enumerate(images)},
            )
            assert made.degree == own.degree * group.order // sub.order
            assert homomorphism_fault(made) is None
            for rep in representations(group, rng):
                if rep.degree <= 12:
                    left = hom_dimension((made,), (rep,))
                    assert left == hom_dimension((own,), (restricted(sub, words, rep),))


def test_induction_of_the_trivial_and_the_regular() -> None:
    rng = random.Random(4)
    for _ in range(30):
        group, _, sub = some(rng)
        if group.order > 60:
            continue
        trivial = induced_images(group, sub, constructors.trivial("t", "K", sub), "K")
        assert trivial == [permutation(move) for move in cosets(group, sub).moves]
        images = induced_images(group, sub, constructors.regular("r", "K", sub), "K")
        made = from_images(
            "induced",
            (("G", group),),
            group.order,
            {("G", k): image for k, image in enumerate(images)},
        )
        regular = constructors.regular("regular", "G", group)
        assert hom_dimension((made,), (regular,)) == group.order


def test_orbit_labels() -> None:
    assert orbit_labels([permutation((1, 0, 2, 4, 3))], 5) == [0, 0, 1, 2, 2]
    assert orbit_labels([], 3) == [0, 1, 2]
    assert orbit_labels([permutation((2, 1, 0)), permutation((1, 0, 2))], 3) == [0, 0, 0]


def test_a_subgroup_that_is_too_large() -> None:
    from eqspec.algebra.families import symmetric

    with pytest.raises(GroupError, match="more than 20,160 elements"):
        subgroup(symmetric(12), [((0, 1),), ((1, 1),)], ["a", "b"])
