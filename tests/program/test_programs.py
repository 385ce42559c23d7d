"""Tensor programs: the passes keep the meaning, what they are for happens, the cost is a sum."""

from __future__ import annotations

import numpy as np
import pytest

from eqspec.diagnostics.model import Source
from eqspec.lowering.module import Lowered
from eqspec.lowering.validation import machine_for, random_inputs
from eqspec.pipeline import check_source, lower_spec
from eqspec.program.builder import Builder
from eqspec.program.cost import costs
from eqspec.program.instructions import Expand, Linear, Pointwise, Program, Reduce, Stage
from eqspec.program.interpreter import run
from eqspec.program.orbits import OrbitMean
from eqspec.program.passes import optimise

HEAD = "eqspec 1\ngroup A = cyclic(4)\ngroup B = cyclic(3)\ngroup S = symmetric(4)\n"


def lowered(body: str) -> dict[str, Lowered]:
    result = check_source(Source("x.eqs", HEAD + body))
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    found, wrong = lower_spec(result.spec)
    assert not wrong, [d.message for d in wrong]
    return found


SPECS = {
    "fusion": """module M {
  input x: [3, A.regular]
  input y: [2, B.regular]
  h: [4, A.regular] = relu(linear(x, y))
  output z: [5] = linear(h, y)
}
""",
    "sets": """module M {
  input e: [S.natural, S.natural, 2]
  input v: [S.natural, 3]
  h: [S.natural, S.natural, 4] = relu(linear(e, v))
  p = pool(h, over=S, by=sum)
  output z: [S.natural] + [2] = linear(h, p)
}
""",
    "averages": """module M {
  input x: [2, A.regular, B.regular]
  base net: [2, 4, 3] -> [4]
  output f: [A.regular] = equitune(net, x)
  output m: [A.regular] = multi_equitune(net, x)
}
""",
    "signs": """module M {
  input x: [A.sign, 3, A.rot90(3, 3)]
  h: [4, A.sign, A.regular] = tanh(linear(x))
  output z: [A.sign] = linear(h)
}
""",
}


@pytest.mark.parametrize("name", SPECS)
def test_passes_keep_the_meaning(name: str) -> None:
    found = lowered(SPECS[name])
    item = found["M"]
    inputs = random_inputs(item.module, np.random.default_rng(0), 3)
    before = machine_for(found, "M", item.plain, 5)
    after = machine_for(found, "M", item.program, 5)
    after.parameters = before.parameters
    after.bases = before.bases
    old, new = before(inputs), after(inputs)
    for (name_, a), (_, b) in zip(item.plain.outputs, item.program.outputs, strict=True):
        for p, q in zip(a, b, strict=True):
            assert np.allclose(old[p], new[q], rtol=0, atol=1e-12), name_


def test_the_source_is_reduced_first_and_the_result_repeated_last() -> None:
    """An invariant-symmetric edge: the dense layer would multiply 8 by 24 entries."""
    program = lowered(
        "module M {\n  input y: [8, B.regular]\n  output z: [6, A.regular] = relu(linear(y))\n}\n"
    )["M"].program
    kinds = [
        type(i)
        for i, s in zip(program.instructions, program.stages, strict=True)
        if s is Stage.BATCH
    ]
    assert kinds.index(Reduce) < kinds.index(Linear) < kinds.index(Pointwise) < kinds.index(Expand)
    (linear,) = [k for k, i in enumerate(program.instructions) if isinstance(i, Linear)]
    assert program.shape(program.instructions[linear].args[1]) == (6, 8)


def test_two_layers_that_pool_one_feature_pool_it_once() -> None:
    program = lowered(
        "module M {\n  input y: [8, B.regular]\n  output z: [6] = linear(y)\n  output w: [5] = linear(y)\n}\n"
    )["M"].program
    assert sum(isinstance(i, Reduce) for i in program.instructions) == 1


def test_fusions_of_one_source_share_their_calls() -> None:
    body = "module M {\n" + "".join(f"  input x{k}: [2, G{k}.regular]\n" for k in range(4))
    body = "".join(f"group G{k} = cyclic(4)\n" for k in range(4)) + body
    body += "  base own: [2, 4] -> [3, 4]\n  base other: [2, 4] -> [3, 4]\n"
    for k in range(4):
        terms = " + ".join(
            [f"equitune(own, x{k})", *(f"fuse(other, x{j})" for j in range(4) if j != k)]
        )
        body += f"  output y{k}: [3, G{k}.regular] = {terms}\n"
    program = lowered(body + "}\n")["M"].program
    calls = sum(i.orbit.order for i in program.instructions if isinstance(i, OrbitMean))
    assert calls == 32  # 16 for the own views, 16 for what the views tell the others


@pytest.mark.parametrize(("orders", "product", "total"), [((4, 2), 8, 6), ((4, 2, 3), 24, 9)])
def test_numbers_of_calls(orders: tuple[int, ...], product: int, total: int) -> None:
    groups = "".join(f"group G{k} = cyclic({n})\n" for k, n in enumerate(orders))
    axes = ", ".join(f"G{k}.regular" for k in range(len(orders)))
    shape = ", ".join(str(n) for n in orders)
    program = lowered(
        f"{groups}module M {{\n  input x: [{axes}]\n  base net: [{shape}] -> [1]\n"
        "  output full: [1] = equitune(net, x)\n  output fast: [1] = multi_equitune(net, x)\n}\n"
    )["M"].program
    found = costs(program)
    assert found["full"].base_calls == product
    assert found["fast"].base_calls == total


def test_elements_that_act_alike_share_a_call() -> None:
    """cyclic(12) turns a square through its quotient of order 4; the target sees the kernel."""
    program = lowered(
        "group C = cyclic(12)\nmodule M {\n  input x: [C.rot90(3, 3)]\n  base net: [3, 3] -> [12]\n"
        "  output y: [C.regular] = equitune(net, x)\n}\n"
    )["M"].program
    assert sum(i.orbit.order for i in program.instructions if isinstance(i, OrbitMean)) == 4


def test_equal_instructions_get_one_result() -> None:
    b = Builder()
    x = b.input("x", 0, (3, 4))
    assert b.reduce(x, [1], "sum") == b.reduce(x, [1], "sum")
    assert b.reduce(x, [1], "sum") != b.reduce(x, [1], "mean")
    assert b.reshape(b.reshape(x, (12,)), (4, 3)) == b.reshape(x, (4, 3))


def _program(b: Builder, register: int) -> Program:
    return b.program([("y", (register,))])


@pytest.mark.parametrize("how", ["sum", "mean", "max"])
def test_a_reduction_of_a_repetition_needs_neither(how: str) -> None:
    b = Builder()
    x = b.input("x", 0, (3, 4))
    wide = b.permute(b.expand(x, 1, 5), (1, 2, 0))
    program = _program(b, b.reduce(wide, [0], how))  # type: ignore[arg-type]
    best = optimise(program)
    assert not any(isinstance(i, Expand | Reduce) for i in best.instructions)
    value = np.random.default_rng(0).standard_normal((2, 3, 4))
    results = [run(p, {"x": (value,)}, {}, {}, {}, {})[p.outputs[0][1][0]] for p in (program, best)]
    assert np.allclose(results[0], results[1])


def test_a_base_gets_no_flops_but_calls() -> None:
    program = lowered(SPECS["averages"])["M"].program
    total = sum(
        (c for c in costs(program).values()), start=next(iter(costs(program).values())).__class__()
    )
    assert total.base_calls == 12 + 7
    assert total.parameters == 0


def test_a_product_repeats_where_a_size_is_one_and_no_more() -> None:
    builder = Builder()
    x = builder.input("x", 0, (3, 4, 5))
    y = builder.input("y", 0, (3,))
    w = builder.parameter("l.weight", (4,), 1.0)
    spread = builder.expand(builder.expand(y, 1, 4), 2, 5)
    z = builder.shift(builder.mul(builder.mul(x, spread), builder.unsqueeze(w, (0, 2))), 0.5)
    plain = builder.program([("z", (z,))])
    best = optimise(plain)
    assert all(i.size == 1 for i in best.instructions if isinstance(i, Expand))
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 3)), rng.standard_normal(4)
    want = a * b[:, :, None, None] * c[:, None] + 0.5
    for program in (plain, best):
        values = run(program, {"x": (a,), "y": (b,)}, {"l.weight": c}, {}, {}, {})
        np.testing.assert_allclose(values[program.outputs[0][1][0]], want)
    with pytest.raises(AssertionError):
        builder.mul(x, builder.unsqueeze(builder.input("u", 0, (2,)), (1, 2)))


def test_a_product_of_two_repetitions_is_repeated_once() -> None:
    builder = Builder()
    x, y = (builder.input(name, 0, (3,)) for name in "xy")
    z = builder.mul(builder.expand(x, 1, 6), builder.expand(y, 1, 6))
    best = optimise(builder.program([("z", (z,))]))
    assert [type(i).__name__ for i in best.instructions][-2:] == ["Mul", "Expand"]
