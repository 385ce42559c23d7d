"""Pairs of blocks by sums and by expanded weights: the same free weights give the same results, for less."""

from __future__ import annotations

import numpy as np

from eqspec.algebra.constructors import natural, regular
from eqspec.algebra.families import alternating, cyclic, dihedral, permutation_group, symmetric
from eqspec.algebra.groups import Group
from eqspec.algebra.products import wreath
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis
from eqspec.ops.blockmaps import lower_pair
from eqspec.ops.clusters import pair_of
from eqspec.program.builder import Builder
from eqspec.program.cost import costs
from eqspec.program.instructions import Parameter
from eqspec.program.interpreter import run
from eqspec.program.passes import optimise

YOUNG = permutation_group(5, {"a": (1, 2, 0, 3, 4), "b": (0, 1, 2, 4, 3)})
PAIRED = wreath(cyclic(2), symmetric(5), ["r", "t", "c"], "C2 wr S5")
NESTED = wreath(symmetric(3), symmetric(4), ["a", "b", "t", "c"], "S3 wr S4")
FOUR = symmetric(4)


def points(group: Group, factor: str = "G") -> Axis:
    return RepAxis(natural("natural", factor, group))


def free(group: Group, factor: str = "G") -> Axis:
    return RepAxis(regular("regular", factor, group))


def channels(size: int, name: str | None = None) -> Axis:
    return PlainAxis(size, name)


Side = tuple[Axis, ...]
CASES: tuple[tuple[Side, Side], ...] = (
    ((channels(3), points(FOUR)), (channels(5), points(FOUR))),
    ((points(FOUR), channels(3)), (points(FOUR),)),
    ((channels(3), points(alternating(5))), (points(alternating(5)), channels(2))),
    ((channels(3), points(PAIRED)), (channels(5), points(PAIRED))),
    ((points(NESTED), channels(2)), (channels(2), points(NESTED), channels(3))),
    ((channels(3), points(YOUNG)), (channels(5), points(YOUNG))),
    ((channels(3), free(dihedral(4))), (channels(5), free(dihedral(4)))),
    (
        (channels(3), points(FOUR), points(FOUR, "H")),
        (points(FOUR), channels(5), points(FOUR, "H")),
    ),
    # one cluster with sums beside one with none, or with small matrices only
    (
        (channels(3), points(FOUR), free(cyclic(3), "H")),
        (free(cyclic(3), "H"), points(FOUR), channels(5)),
    ),
    (
        (channels(2), points(YOUNG), points(PAIRED, "H")),
        (points(PAIRED, "H"), points(YOUNG), channels(2)),
    ),
    # axes of one cluster that are apart
    (
        (channels(2), points(FOUR), channels(3), points(FOUR)),
        (points(FOUR), points(FOUR), channels(2)),
    ),
    # parts that are on one side only
    (
        (channels(2), points(FOUR), free(cyclic(2), "K"), points(YOUNG, "J")),
        (points(FOUR), points(YOUNG, "L"), channels(3)),
    ),
    (
        (channels(3, "e"), channels(2), points(FOUR)),
        (channels(2), channels(3, "e"), points(FOUR)),
    ),
)


def test_sums_and_expanded_weights_agree_and_sums_cost_less() -> None:
    rng = np.random.default_rng(2)
    for number, sides in enumerate(CASES):
        source, target = (Block(side) for side in sides)
        pair = pair_of(source, target, ("e",))
        x = rng.standard_normal((2, *source.shape))
        weights: dict[str, np.ndarray] = {}
        results, flops = [], []
        for form in ("weight", "sums"):
            b = Builder()
            y = lower_pair(b, pair, b.input("x", 0, source.shape), "w", 1.0, form)
            assert y is not None
            program = optimise(b.program([("y", (b.reshape(y, target.shape),))]))
            parameters = [step for step in program.instructions if isinstance(step, Parameter)]
            for parameter in parameters:
                known = weights.setdefault(parameter.name, rng.standard_normal(parameter.shape))
                assert known.shape == parameter.shape
            assert {parameter.name for parameter in parameters} == set(weights)
            values = run(program, {"x": (x,)}, weights, {}, {}, {})
            results.append(values[program.outputs[0][1][0]])
            flops.append(sum(cost.flops for cost in costs(program).values()))
        size = np.abs(results[0]).max()
        assert np.allclose(results[0], results[1], rtol=0, atol=1e-13 * size), number
        assert flops[1] < flops[0], (number, flops)
