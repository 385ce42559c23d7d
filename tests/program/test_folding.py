"""Scales go into weights, stacks that are taken apart again are not made, sums start from sums: same results, less
work."""

from __future__ import annotations

import numpy as np

from eqspec.program.builder import Builder
from eqspec.program.instructions import (
    Concat,
    Input,
    Linear,
    Parameter,
    Pointwise,
    Program,
    Reduce,
    Scale,
    Stack,
    Stage,
)
from eqspec.program.interpreter import run
from eqspec.program.passes import optimise

FUNCTIONS = {"relu": lambda x, _: np.maximum(x, 0.0)}


def same_results(program: Program) -> Program:
    """The program after the passes, once it was seen to compute the same."""
    after = optimise(program)
    rng = np.random.default_rng(1)
    inputs: dict[str, tuple[np.ndarray, ...]] = {}
    weights: dict[str, np.ndarray] = {}
    for step in program.instructions:
        if isinstance(step, Input):
            inputs[step.name] = (rng.standard_normal((3, *step.shape)),)
        if isinstance(step, Parameter):
            weights[step.name] = rng.standard_normal(step.shape)
    values = [run(p, inputs, weights, {}, {}, FUNCTIONS) for p in (program, after)]
    for (_, old), (_, new) in zip(program.outputs, after.outputs, strict=True):
        for a, b in zip(old, new, strict=True):
            assert np.allclose(values[0][a], values[1][b], rtol=0, atol=1e-12)
    return after


def count(program: Program, kind: type, stage: Stage = Stage.BATCH) -> int:
    return sum(
        isinstance(step, kind) and program.stages[k] is stage
        for k, step in enumerate(program.instructions)
    )


def test_a_scale_goes_into_the_weights_before_and_after_it() -> None:
    b = Builder()
    x = b.input("x", 0, (6,))
    first = b.linear(x, b.parameter("w", (4, 6), 1.0), b.parameter("c", (4,), 1.0))
    halved = b.scale(b.permute(b.reshape(first, (2, 2)), (1, 0)), 0.5)
    hidden = b.pointwise(halved, "relu")
    table = b.index([0, 1, 1, 0, 2, 2, 2, 2], "orbits")
    weight = b.reshape(b.take(b.parameter("v", (1, 3), 1.0), 1, table), (2, 4))
    doubled = b.scale(b.reshape(hidden, (4,)), 3.0)
    after = same_results(b.program([("y", (b.linear(doubled, weight),))]))
    assert count(after, Scale) == 0
    # the three free weights are scaled, not the eight that are picked from them
    scaled = [k for k, step in enumerate(after.instructions) if isinstance(step, Scale)]
    assert sorted(after.shape(k) for k in scaled) == [(1, 3), (4,), (4, 6)]


def test_a_scale_stays_where_folding_would_compute_twice() -> None:
    b = Builder()
    x = b.input("x", 0, (6,))
    weight = b.parameter("w", (6, 6), 1.0)
    product = b.linear(x, weight)
    scaled = b.scale(x, 2.0)
    outputs = (b.scale(product, 0.5), product, b.linear(scaled, weight), scaled)
    after = same_results(b.program([("y", outputs)]))
    assert count(after, Scale) == 2
    assert count(after, Linear) == 2


def test_two_halves_go_through_a_function_without_being_stacked() -> None:
    b = Builder()
    even, odd = b.input("p", 0, (4,)), b.input("m", 0, (4,))
    total = b.stack([b.add(even, odd), b.subtract(even, odd)], 0)
    bias = b.expand(b.parameter("b", (4,), 1.0), 0, 2)
    hidden = b.pointwise(b.add(total, bias), "relu")
    halves = [b.reshape(b.narrow(hidden, 0, k, 1), (4,)) for k in range(2)]
    outputs = [b.add(*halves), b.subtract(*halves), b.reduce(hidden, [0], "sum")]
    program = b.program([("y", tuple(outputs))], [("hidden", (hidden,))])
    after = same_results(program)
    assert count(after, Stack) == 0
    assert count(after, Pointwise) == 2


def test_a_stack_stays_where_it_is_read_whole_or_has_many_parts() -> None:
    for parts, whole in ((2, True), (8, False)):
        b = Builder()
        xs = [b.input(f"x{k}", 0, (3,)) for k in range(parts)]
        hidden = b.pointwise(b.stack(xs, 1), "relu")
        outputs = [b.narrow(hidden, 1, k, 1) for k in range(parts)] + [hidden] * whole
        after = same_results(b.program([("y", tuple(outputs))]))
        assert count(after, Stack) == 1
        assert count(after, Pointwise) == 1


def test_a_part_of_a_concatenation_is_that_part() -> None:
    b = Builder()
    x, y = b.input("x", 0, (3, 2)), b.input("y", 0, (5, 2))
    both = b.concat([x, y], 0)
    outputs = (b.narrow(both, 0, 0, 3), b.narrow(both, 0, 4, 2))
    after = same_results(b.program([("z", outputs)]))
    assert count(after, Concat) == 0
    both = b.narrow(b.concat([x, y], 0), 0, 2, 4)  # across the seam
    assert count(same_results(b.program([("z", (both,))])), Concat) == 1


def test_a_sum_over_many_axes_starts_from_the_sum_over_some() -> None:
    b = Builder()
    x = b.input("x", 0, (2, 3, 5, 7))
    dims: tuple[tuple[int, ...], ...] = ((0, 1, 2, 3), (3,), (1, 3), (2,), (0, 1, 3))
    for how in ("sum", "mean", "max"):
        outputs = tuple(b.reduce(x, own, how) for own in dims)
        after = same_results(b.program([("y", outputs)]))
        read = [step for step in after.instructions if isinstance(step, Reduce)]
        assert len(read) == len(dims)
        assert (
            sum(step.args[0] == 0 for step in read) == 2
        )  # over 3 and over 2; the others start there
        assert optimise(after) == after
    alone = same_results(b.program([("y", (b.reduce(b.reduce(x, [3], "sum"), [1], "sum"),))]))
    assert [step.dims for step in alone.instructions if isinstance(step, Reduce)] == [(1, 3)]
