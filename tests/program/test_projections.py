"""Projections onto invariants: right for every group, and at the price of a sum along a chain."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from eqspec.algebra.extension import evaluated
from eqspec.algebra.families import cyclic, dihedral, matrix_group, symmetric
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AnyImage, Image, compose, explicit, matrix, rows_of
from eqspec.algebra.products import chain_of, semidirect, wreath
from eqspec.algebra.representations import Representation, from_images
from eqspec.graph.types import Block, PlainAxis, RepAxis
from eqspec.ops import project as projecting
from eqspec.program.builder import Builder
from eqspec.program.interpreter import run

SHEARED = matrix([[1, 1], [0, 1]])  # a change of basis that spoils signed permutations


def conjugated(image: AnyImage, by: Image) -> Image:
    back = matrix([[1, -1], [0, 1]])
    return explicit(compose(compose(by, image), back))


def plane_of_d4(group: Group) -> Representation:
    """The plane of dihedral(4) in a skew basis: no signed permutations."""
    turn = conjugated(matrix([[0, -1], [1, 0]]), SHEARED)
    flip = conjugated(matrix([[1, 0], [0, -1]]), SHEARED)
    return from_images("plane", (("G", group),), 2, {("G", 0): turn, ("G", 1): flip})


def affine_five() -> tuple[Group, Representation]:
    """The affine maps of Z/5 on the four-dimensional quotient of five points by the constants."""
    group = semidirect(cyclic(5), cyclic(4), [[((0, 2),)]], ["r", "h"], "affine(5)")
    five = [[int(i == (j + 1) % 5) for j in range(5)] for i in range(5)]
    twice = [[int(i == 2 * j % 5) for j in range(5)] for i in range(5)]

    def differences(rows: list[list[int]]) -> Image:
        # basis e_k - e_0, k = 1..4
        return matrix([[rows[i][j] - rows[i][0] for j in range(1, 5)] for i in range(1, 5)])

    images = {("G", 0): differences(five), ("G", 1): differences(twice)}
    return group, from_images("differences", (("G", group),), 4, images)


def wreath_signs() -> tuple[Group, Representation]:
    group = wreath(cyclic(2), symmetric(3), ["r", "t", "c"], "C2 wr S3")
    flip = matrix([[-1, 0, 0], [0, 1, 0], [0, 0, 1]])
    skew, back = (
        matrix([[1, 1, 0], [0, 1, 0], [0, 0, 2]]),
        matrix([[1, -1, 0], [0, 1, 0], [0, 0, Fraction(1, 2)]]),
    )
    swap = matrix([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    turn = matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    images = {
        ("G", k): explicit(compose(compose(skew, image), back))
        for k, image in enumerate([flip, swap, turn])
    }
    return group, from_images("corners", (("G", group),), 3, images)


CASES = [
    (dihedral(4), plane_of_d4(dihedral(4))),
    affine_five(),
    wreath_signs(),
    (
        g := matrix_group(2, {"q": [[0, -1], [1, -1]], "m": [[0, 1], [1, 0]]}),
        from_images("own", (("G", g),), 2, {("G", k): explicit(m) for k, m in enumerate(g.model)}),
    ),
]


def mean(rep: Representation, group: Group) -> np.ndarray:
    letters = [rep.any_image("G", k) for k in range(len(group.generators))]
    total = np.zeros((rep.degree, rep.degree))
    for word in group.elements():
        total += np.array([[float(v) for v in row] for row in rows_of(evaluated(letters, word))])
    return total / len(group.elements())


@pytest.mark.parametrize(("group", "rep"), CASES, ids=[group.description for group, _ in CASES])
def test_the_projection_is_the_mean_over_the_group(
    group: Group, rep: Representation, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    summed = projecting.link_sum

    def counting(generators: list[Image], size: int) -> object:
        whole, divisor = summed(generators, size)
        counted.append(divisor)
        return whole, divisor

    monkeypatch.setattr(projecting, "link_sum", counting)
    block = Block((PlainAxis(3), RepAxis(rep)))
    chain = [
        [tuple(("G", letter, exponent) for letter, exponent in word) for word in link]
        for link in chain_of(group)
    ]
    builder = Builder()
    x = builder.input("x", 0, block.shape)
    y = projecting.project(builder, x, block, chain)
    program = builder.program([("y", (y,))])
    value = np.random.default_rng(1).normal(size=(2, *block.shape))
    found = run(program, {"x": (value,)}, {}, {}, {}, {})[program.outputs[0][1][0]]
    np.testing.assert_allclose(found, value @ mean(rep, group).T, atol=1e-12)
    # the orders of the chain: their product is that of the group, their sum is what was listed
    assert len(counted) == len(chain)
    assert group.order is not None
    assert math.prod(counted) == group.order
    if len(chain) > 1:
        assert sum(counted) < group.order
