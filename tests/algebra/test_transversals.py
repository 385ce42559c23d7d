"""Cosets in the image of a joint action, and functionals that nothing fixes, against plain matrices."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import reduce
from itertools import product

import pytest
from algebra_cases import HEXAGON, TRIANGLE, WORLD, plane, representations_of, signed, small_groups

from eqspec.algebra import constructors
from eqspec.algebra import images as im
from eqspec.algebra.averages import ActionTooLarge, FWord, evaluate
from eqspec.algebra.families import cyclic, dihedral, matrix_group, symmetric
from eqspec.algebra.functionals import NoFunctional, moves, separating
from eqspec.algebra.representations import Representation, from_images
from eqspec.algebra.transversals import Tensors, distinct, transversal

Rows = tuple[tuple[Fraction, ...], ...]


def dense(tensors: Tensors, word: FWord) -> tuple[Rows, ...]:
    """What a word does to every tensor: the Kronecker product over its axes."""
    return tuple(
        im.rows_of(reduce(im.kron, (evaluate(rep, word) for rep in tensor), im.identity(1)))
        for tensor in tensors
    )


def closure(tensors: Tensors, words: list[FWord]) -> dict[tuple[Rows, ...], FWord]:
    found: dict[tuple[Rows, ...], FWord] = {dense(tensors, ()): ()}
    queue: list[FWord] = [()]
    while queue:
        element = queue.pop()
        for word in words:
            new = (*element, *word)
            key = dense(tensors, new)
            if key not in found:
                found[key] = new
                queue.append(new)
    return found


def letters(tensors: Tensors) -> list[FWord]:
    groups = dict(pair for tensor in tensors for rep in tensor for pair in rep.groups)
    return [((n, g, 1),) for n, group in groups.items() for g in range(len(group.generators))]


def check(tensors: Tensors, subgroup: tuple[FWord, ...]) -> None:
    found = transversal(tensors, subgroup, 2_000)
    whole = closure(tensors, letters(tensors))
    inside = closure(tensors, list(subgroup))
    assert found.order == len(whole)
    assert {dense(tensors, word) for word in found.members} == set(inside)
    assert {dense(tensors, word) for word in found.elements} == set(whole)
    assert found.cosets[0] == found.members[0] == ()
    one = dense(tensors, ())
    for word in found.kernel:
        assert dense(tensors, word) == one
    groups = dict(pair for tensor in tensors for rep in tensor for pair in rep.groups)
    size, one_of_all = 1, {name: group.element(()) for name, group in groups.items()}
    seen, queue = {tuple(one_of_all.values())}, [tuple(one_of_all.values())]
    for group in groups.values():
        size *= group.order or 0
    steps = [
        tuple(
            group.element(tuple((g, e) for factor, g, e in word if factor == name))
            for name, group in groups.items()
        )
        for word in found.kernel
    ]
    while queue:
        element = queue.pop()
        for step in steps:
            new = tuple(im.compose(a, b) for a, b in zip(element, step, strict=True))
            if new not in seen:
                seen.add(new)
                queue.append(new)
    assert len(seen) * found.order == size, "the words generate the whole kernel"


def random_tensors(rng: random.Random) -> Tensors:
    group, other = rng.choice(small_groups()), rng.choice([cyclic(2), cyclic(3), symmetric(3)])
    reps = [*representations_of("G", group), *representations_of("H", other)]
    small = [rep for rep in reps if rep.degree <= 6]
    tensors: list[tuple[Representation, ...]] = []
    for _ in range(rng.choice([1, 1, 2])):
        chosen = tuple(rng.choice(small) for _ in range(rng.choice([1, 2])))
        tensors.append(chosen)
    return tuple(tensors)


def test_random_actions_and_subgroups() -> None:
    rng, done = random.Random(1), 0
    while done < 40:
        tensors = random_tensors(rng)
        own = letters(tensors)
        if len(closure(tensors, own)) > 60:
            continue
        count = rng.choice([0, 1, 1, 2])
        words = tuple(
            tuple(letter for _ in range(rng.randint(1, 3)) for letter in rng.choice(own))
            for _ in range(count)
        )
        check(tensors, words)
        done += 1


def test_known_cosets() -> None:
    d4 = dihedral(4)
    square = (constructors.regular("regular", "D", d4),)
    turn, flip = (("D", 0, 1),), (("D", 1, 1),)
    for words, cosets, members in (
        ((turn,), 2, 4),
        ((flip,), 4, 2),
        ((), 8, 1),
        ((turn, flip), 1, 8),
    ):
        found = transversal((square,), words, 100)
        assert (len(found.cosets), len(found.members), found.kernel) == (cosets, members, ())
    sign = constructors.sign("sign", "C", cyclic(2))
    assert transversal(((sign, sign),), (), 10).order == 1, "a sign times a sign"
    assert transversal(((sign, sign),), (), 10).kernel == ((("C", 0, 1),),)
    assert transversal(((sign,), (sign,)), (), 10).order == 2, "two tensors"
    with pytest.raises(ActionTooLarge):
        transversal((square,), (), 7)


MATRICES = [
    plane("A", cyclic(6), [[0, -1], [1, 1]]),
    plane("B", cyclic(2), [[1, 0], [1, -1]]),
    plane("C", cyclic(2), [[Fraction(3, 5), Fraction(4, 5)], [Fraction(4, 5), Fraction(-3, 5)]]),
    plane("C", cyclic(2), [[0, 2], [Fraction(1, 2), 0]]),
    constructors.vector("vector", "M", matrix_group(2, TRIANGLE)),
    constructors.vector("vector", "N", matrix_group(2, HEXAGON)),
    WORLD,
]


def fixes(values: list[int], shapes: list[tuple[int, ...]], tensors: Tensors, word: FWord) -> bool:
    """Does W g equal W? By dense matrices over the rationals."""
    at = 0
    for shape, rows in zip(shapes, dense(tensors, word), strict=True):
        size = shape[0] if len(shape) == 1 else reduce(lambda a, b: a * b, shape)
        here = values[at : at + size]
        at += size
        moved = [sum(here[i] * rows[i][j] for i in range(size)) for j in range(size)]
        if moved != here:
            return False
    return True


def test_no_element_fixes_the_functional() -> None:
    regular = constructors.regular("regular", "S", symmetric(3))
    sign = constructors.sign("sign", "S", symmetric(3))
    cases: list[Tensors] = [((rep,),) for rep in MATRICES]
    cases += [((rep, rep),) for rep in MATRICES]
    cases += [((a,), (b,)) for a, b in product(MATRICES[:3], MATRICES[:2])]
    cases += [((regular,),), ((regular, sign),), ((sign,), (regular, regular))]
    for tensors in cases:
        shapes = [tuple(rep.degree for rep in tensor) for tensor in tensors]
        words = [w for w in distinct(tensors, transversal(tensors, (), 500).elements) if w]
        elements = [
            tuple(tuple(enumerate(evaluate(rep, word) for rep in tensor)) for tensor in tensors)
            for word in words
        ]
        found = separating(shapes, elements, "salt")
        values = found.values()
        assert 0 not in values
        assert len({abs(v) for v in values}) == len(values)
        assert not any(fixes(values, shapes, tensors, word) for word in words)
        assert found == separating(shapes, elements, "salt"), "the same every time"


def test_an_element_that_does_nothing_is_seen() -> None:
    """The comparison can fail: with the identity, signs that cancel, and a matrix that fixes W."""
    shear = from_images(
        "shear", (("C", cyclic(2)),), 2, {("C", 0): im.matrix([[1, 0], [1, -1]])}
    ).image("C", 0)
    functional = separating([(2,)], [((((0, shear)),),)], "x")
    assert moves(functional, [(2,)], (((0, shear),),))
    assert not moves(functional, [(2,)], (((0, im.compose(shear, shear)),),))
    minus = im.scale(im.identity(1), -1)
    assert not moves(functional, [(1, 2, 1)], (((0, minus), (2, minus)),))
    w1, w2 = functional.values()
    keeping = im.matrix([[1 + w2, 0], [-w1, 1]])  # 1 + v u^T with W v = 0
    assert not moves(functional, [(2,)], (((0, keeping),),))
    with pytest.raises(NoFunctional):
        separating([(2,)], [(((0, signed((0, 1))),),)], "x")
