"""Layers by diagrams, compiled and emitted: equivariant, complete, and no dearer than they should be."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import runner
from checks import check_module

from eqspec.diagnostics.model import Source
from eqspec.lowering.module import Lowered
from eqspec.ops import drawing
from eqspec.pipeline import check_source, compile_spec, lower_spec
from eqspec.program.cost import costs
from eqspec.program.instructions import Constant, DiagonalEmbed, Parameter, Stage
from eqspec.program.interpreter import run


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Diagrams wherever they are possible, however small the layer."""
    drawing._drawing_of.cache_clear()
    monkeypatch.setattr(drawing, "_is_worth", lambda *_: True)
    yield
    drawing._drawing_of.cache_clear()


def lowered(text: str) -> dict[str, Lowered]:
    result = check_source(Source("x.eqs", text))
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    found, wrong = lower_spec(result.spec)
    assert not wrong, [d.message for d in wrong]
    return found


def compiled_and_checked(text: str, seed: int) -> None:
    checked = check_source(Source("one.eqs", text))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "one_net", "one_net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    emitted = runner.load("one_net", result.files[0].text)
    for key in result.lowered:
        check_module(dict(result.lowered), key, emitted, seed)


def block(rng: random.Random, legs: int, names: tuple[str, ...]) -> str:
    axes = [f"{rng.choice(names)}.natural" for _ in range(legs)]
    extras = ["2", "3", "C.regular", "S.sign, S.sign", "C.sign"]
    axes += rng.sample(extras, rng.randint(0, 2))
    rng.shuffle(axes)
    return "[" + ", ".join(axes or ["1"]) + "]"


@pytest.mark.parametrize("seed", range(40))
def test_random_layers_are_equivariant_and_complete(seed: int, always: None) -> None:
    rng = random.Random(seed)
    n, m = rng.randint(2, 5), rng.randint(2, 3)
    names = rng.choice([("S",), ("S",), ("S", "T")])
    legs = [rng.randint(0, 3), rng.randint(0, 2), rng.randint(0, 3 if n < 5 else 2)]
    text = (
        f"eqspec 1\ngroup S = symmetric({n})\ngroup T = symmetric({m})\ngroup C = cyclic(2)\n"
        f"module M {{\n  input x: {block(rng, legs[0], names)}\n"
        f"  input v: [S.natural, 2] + {block(rng, legs[1], names)}\n"
        f"  output y: {block(rng, legs[2], names)} + [S.natural, S.natural] = linear(x, v)\n}}\n"
    )
    checked = check_source(Source("one.eqs", text))
    if not checked.ok:  # no map at all: an odd sign
        assert {d.code for d in checked.diagnostics} <= {"EQS402", "EQS403"}
        return
    compiled_and_checked(text, seed)


@pytest.mark.parametrize("seed", range(12))
def test_layers_span_what_the_orbits_span(seed: int, always: None) -> None:
    """The matrices of the layer, one for each free weight, against those of the solver."""
    rng = random.Random(seed)
    while True:
        n, k, t = rng.randint(2, 5), rng.randint(0, 3), rng.randint(0, 3)
        if k + t > 0 and n ** (k + t) <= 1_500:
            break
    source = "[" + ", ".join(["S.natural"] * k or ["1"]) + "]"
    target = "[" + ", ".join(["S.natural"] * t or ["1"]) + "]"
    text = (
        f"eqspec 1\ngroup S = symmetric({n})\nmodule M {{ input x: {source}\n"
        f"  output y: {target} = linear(x, bias=false) }}\n"
    )
    mine = matrices(lowered(text)["M"])
    drawing._drawing_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "_is_worth", lambda *_: False)
        theirs = matrices(lowered(text)["M"])
    drawing._drawing_of.cache_clear()
    assert mine.shape == theirs.shape
    basis = np.linalg.svd(theirs, full_matrices=False)[2]
    assert np.linalg.matrix_rank(mine) == len(mine)
    assert np.max(np.abs(mine - mine @ basis.T @ basis)) < 1e-8


def matrices(item: Lowered) -> np.ndarray:  # type: ignore[type-arg]
    """One row for each free weight: the matrix of the layer for that weight alone."""
    program = item.program
    shape = item.module.inputs[0].type.blocks[0].shape
    size = int(np.prod(shape))
    x = np.eye(size).reshape(size, *shape)
    (registers,) = (registers for _, registers in program.outputs)
    zero = {p.name: np.zeros(p.shape) for p in item.parameters}
    rows = []
    for parameter in item.parameters:
        for unit in np.eye(int(np.prod(parameter.shape))):
            weights = {**zero, parameter.name: unit.reshape(parameter.shape)}
            values = run(program, {"x": (x,)}, weights, {}, {}, {})
            rows.append(values[registers[0]].reshape(size, -1).T.reshape(-1))
    return np.stack(rows)


def emitted_and_followed(text: str, seed: int) -> None:
    """The emitted module computes what the interpreter does, and follows every generator."""
    checked = check_source(Source("one.eqs", text))
    result = compile_spec(checked, "one_net", "one_net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    emitted = runner.load("one_net", result.files[0].text)
    lowered_ = dict(result.lowered)
    module = lowered_["M"].module
    network = runner.build(emitted, "M", module, seed)
    x = runner.draw(module, 4, seed)
    before = runner.call(network, module, x)
    other = runner.interpret(lowered_, "M", network, x)
    for name, ys in before.items():
        assert runner.scale(ys) > 0
        assert runner.distance(ys, other[name]) <= 1e-10 * runner.scale(ys)
    for factor, group in module.groups.items():
        for g in range(len(group.generators)):
            word = ((factor, g, 1),)
            moved = {f.name: runner.act(x[f.name], f.type, word) for f in module.inputs}
            after = runner.call(network, module, moved)
            for o in module.outputs:
                expected = runner.act(before[o.name], o.type, word)
                bound = 1e-9 * max(1.0, runner.size_of_action(o.type, word))
                scale = max(runner.scale(before[o.name]), runner.scale(expected))
                assert runner.distance(after[o.name], expected) <= bound * scale, (o.name, word)


CLASSICAL = (
    "orthogonal(2)", "orthogonal(3)", "special_orthogonal(2)", "special_orthogonal(3)",
    "special_orthogonal(4)", "lorentz(1, 2)", "special_lorentz(1, 3)", "symplectic(2)",
    "symplectic(4)", "general_linear(2)", "special_linear(2)", "special_linear(3)",
)  # fmt: skip


def tensor_block(rng: random.Random, legs: int, names: tuple[str, ...]) -> str:
    axes = [f"G.{rng.choice(names)}" for _ in range(legs)]
    if legs >= 2 and rng.random() < 0.5:
        up = rng.randint(0, 2)
        axes = [f"G.tensor({up}, {2 - up})", *axes[2:]]
    axes += rng.sample(["2", "3", "S.natural", "C.regular"], rng.randint(0, 2))
    rng.shuffle(axes)
    return "[" + ", ".join(axes or ["1"]) + "]"


@pytest.mark.parametrize("seed", range(24))
def test_random_tensor_layers_are_equivariant_and_complete(seed: int, always: None) -> None:
    rng = random.Random(seed)
    group = CLASSICAL[seed % len(CLASSICAL)]
    names: tuple[str, ...] = ("vector", "covector")
    if group.startswith("orthogonal"):
        names = ("vector", "vector", "vector.axial")
    large = "4" in group or "1, 3" in group
    for _ in range(50):
        legs = [rng.randint(0, 2 if large else 3) for _ in range(2)]
        text = (
            f"eqspec 1\ngroup G = {group}\ngroup S = symmetric(3)\ngroup C = cyclic(2)\n"
            f"module M {{\n  input x: {tensor_block(rng, legs[0], names)}\n"
            f"  input v: [G.vector, 2]\n"
            f"  output y: {tensor_block(rng, legs[1], names)} + [G.vector] = linear(x, v)\n}}\n"
        )
        checked = check_source(Source("one.eqs", text))
        if checked.ok and "G" in text.split("input x")[1].split("\n")[0]:
            break
    else:
        raise AssertionError("no layer was found")
    emitted_and_followed(text, seed)


@pytest.mark.parametrize("group", CLASSICAL)
def test_tensor_layers_span_what_the_null_space_spans(group: str, always: None) -> None:
    text = (
        f"eqspec 1\ngroup G = {group}\nmodule M {{ input x: [G.tensor(1, 1), 2]\n"
        f"  output y: [2, G.vector, G.covector] = linear(x, bias=false) }}\n"
    )
    mine = matrices(lowered(text)["M"])
    drawing._drawing_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "_is_worth", lambda *_: False)
        theirs = matrices(lowered(text)["M"])
    drawing._drawing_of.cache_clear()
    assert mine.shape == theirs.shape
    basis = np.linalg.svd(theirs, full_matrices=False)[2]
    assert np.linalg.matrix_rank(mine) == len(mine)
    assert np.max(np.abs(mine - mine @ basis.T @ basis)) < 1e-8


def test_sets_of_vectors(always: None) -> None:
    """A cluster of points and a cluster of vectors, one inside of the other."""
    text = (
        "eqspec 1\ngroup S = symmetric(6)\ngroup O3 = orthogonal(3)\nmodule M {\n"
        "  input x: [S.natural, O3.vector, 4]\n"
        "  output y: [S.natural, S.natural, O3.vector, 2] = linear(x)\n}\n"
    )
    found = lowered(text)["M"]
    assert sum(int(np.prod(p.shape)) for p in found.parameters) == 5 * 4 * 2
    assert not any(isinstance(i, Constant) for i in found.program.instructions)
    emitted_and_followed(text, 0)


PAIRS = """eqspec 1
group S = symmetric({n})
module Pairs {{
  input x: [S.natural, S.natural, 4]
  output y: [S.natural, S.natural, 4] = linear(x)
}}
"""


def test_five_hundred_points_compile_to_steps_that_grow_with_their_square() -> None:
    found = {n: lowered(PAIRS.format(n=n))["Pairs"] for n in (125, 250, 500)}
    flops, largest, weights = [], [], []
    for n, item in found.items():
        program = item.program
        assert not any(isinstance(i, Constant) for i in program.instructions)
        flops.append(sum(cost.flops for cost in costs(program).values()))
        largest.append(max(int(np.prod(program.shape(k))) for k in range(len(program.shapes))))
        weights.append(sum(int(np.prod(p.shape)) for p in item.parameters))
        assert weights[-1] == 15 * 16 + 2 * 4
        assert largest[-1] <= 2 * 4 * n * n
        assert flops[-1] <= 60 * 4 * n * n
    slopes = np.diff(np.log2(flops)), np.diff(np.log2(largest))
    assert np.all(np.abs(np.concatenate(slopes) - 2) < 0.05)


def test_the_program_of_a_large_layer_is_the_same_at_every_size() -> None:
    def form(n: int) -> list[str]:
        program = lowered(PAIRS.format(n=n))["Pairs"].program
        return [type(i).__name__ for i in program.instructions]

    assert form(40) == form(400)


def test_outputs_vary_as_those_of_a_plain_layer() -> None:
    item = lowered(PAIRS.format(n=40))["Pairs"]
    rng = np.random.default_rng(0)
    weights = {p.name: rng.uniform(-p.bound, p.bound, p.shape) for p in item.parameters}
    total = []
    for _ in range(20):
        weights = {p.name: rng.uniform(-p.bound, p.bound, p.shape) for p in item.parameters}
        values = run(
            item.program, {"x": (rng.standard_normal((1, 40, 40, 4)),)}, weights, {}, {}, {}
        )
        total.append(float(np.var(values[item.program.outputs[0][1][0]])))
    assert 0.2 < np.mean(total) < 0.6  # nn.Linear: 1/3, and a bias


def test_one_embedding_for_all_terms_of_a_diagonal() -> None:
    program = lowered(PAIRS.format(n=40))["Pairs"].program
    assert sum(isinstance(i, DiagonalEmbed) for i in program.instructions) == 1
    assert all(
        program.stages[k] is Stage.BATCH or isinstance(i, Parameter)
        for k, i in enumerate(program.instructions)
    )


def test_a_layer_without_diagrams_is_still_bounded() -> None:
    text = (
        "eqspec 1\ngroup S = permutations(200) generated by a = (0 1), b = (2 3)\n"
        "module M { input x: [S.natural, S.natural, 4]\n"
        " output y: [S.natural, S.natural, 4] = linear(x) }\n"
    )
    assert {d.code for d in check_source(Source("x.eqs", text)).diagnostics} & {"EQS413", "EQS412"}
