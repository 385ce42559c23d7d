"""Patches are a convolution with their own stride; maps that are the same at every index of an axis."""

from __future__ import annotations

import itertools
import random

import checks
import numpy as np
import runner

from eqspec.algebra.counting import hom_dimension
from eqspec.diagnostics.model import Source
from eqspec.graph.types import Block
from eqspec.ops.linear import LinearMaps
from eqspec.pipeline import CheckResult, check_source, compile_spec, lower_spec

HEAD = """eqspec 1
param c = 3
param d = 2
group S = symmetric(3)
group D = dihedral(4)
group C = cyclic(6)
group R = cyclic(2)
group O = orthogonal(3)
rep R.joint = signed_permutation(2) { r -> (0 -1) }
"""


def checked(body: str) -> CheckResult:
    return check_source(Source("x.eqs", HEAD + "module M {\n" + body + "\n}\n"))


def codes(body: str) -> list[str]:
    return [d.code for d in checked(body).diagnostics if d.severity.name == "ERROR"]


def emitted(body: str) -> object:
    result = compile_spec(checked(body), "net", "net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    return runner.load("net", result.files[0].text)


# ---- patches ------------------------------------------------------------------------------------------


CASES = [
    ("D.grid(4, 4)", "D.grid(2, 2)", "2", 2),
    ("D.grid(6, 6)", "D.grid(2, 2)", "3", 2),
    ("R.hflip(4, 6)", "R.hflip(2, 2)", "[2, 3]", 2),
    ("R.reverse(9)", "R.reverse(3)", "3", 1),
    ("D.grid(2, 2)", "D.grid(1, 1)", "2", 2),
]


def test_patches_are_a_convolution() -> None:
    for before, after, patch, count in CASES:
        head = f"  input x: [c, D.regular, {before}]\n  output y: [D.regular, d, {after}] = "
        if "D" not in before:
            head = head.replace("D.regular", "R.joint")
        made = [
            head + f"patch_embedding(x, patch={patch})",
            head + f"conv{count}d(x, kernel={patch}, stride={patch})",
        ]
        results = []
        for body in made:
            spec = checked(body).spec
            assert spec is not None, checked(body).diagnostics
            (module,) = spec.modules
            network = runner.build(emitted(body), "M", module, 1)  # type: ignore[arg-type]
            results.append(runner.call(network, module, runner.draw(module, 3, 2))["y"][0])
        np.testing.assert_array_equal(*results)


def test_patches_that_do_not_tile_are_refused() -> None:
    """The remainder would lie on one side, and on the other after a flip."""
    for before, after, patch, code in (
        ("D.grid(5, 5)", "D.grid(2, 2)", "2", "EQS207"),
        ("R.reverse(7)", "R.reverse(2)", "3", "EQS207"),
        ("R.hflip(4, 4)", "R.hflip(2, 1)", "[2, 3]", "EQS207"),
        ("R.hflip(4, 4)", "R.hflip(2, 2)", "[2, 2, 2]", "EQS207"),
        ("R.reverse(6)", "R.reverse(3)", "0", "EQS207"),
        ("C.shift(6)", "C.shift(3)", "2", "EQS464"),  # a translation moves entries between patches
        ("R.reverse(6)", "R.reverse(2)", "2", "EQS465"),
        ("S.natural", "S.natural", "1", "EQS460"),
    ):
        body = f"  input x: [c, {before}]\n  output y: [d, {after}] = patch_embedding(x, patch={patch})"
        assert codes(body) == [code], (body, codes(body))
    assert codes(
        "  input x: [c, R.reverse(6)]\n  output y: [d, R.reverse(3)] = patch_embedding(x)"
    ) == ["EQS207"]


# ---- one map at every index -------------------------------------------------------------------------------


AXES = ["S.natural", "D.grid(2, 2)", "D.regular", "O.vector", "R.joint", "R.sign", "C.shift(3)"]


def test_maps_at_every_index_commute_and_are_all() -> None:
    for seed in range(10):
        rng = random.Random(f"index/{seed}")
        shared = rng.sample(AXES, rng.choice([1, 1, 2]))
        rest = [axis for axis in AXES if axis not in shared]
        ends = []
        for _ in range(2):
            axes = [*shared, *rng.sample(rest, rng.choice([0, 1])), rng.choice(["c", "d"])]
            rng.shuffle(axes)
            ends.append("[" + ", ".join(axes) + "]")
        body = (
            f"  input x: {ends[0]}\n  output y: {ends[1]} = linear(x, each=[{', '.join(shared)}])"
        )
        made = checked(body)
        wrong = {d.code for d in made.diagnostics if d.severity.name == "ERROR"}
        if wrong:
            assert wrong <= {"EQS402"}, (body, made.diagnostics)
            continue
        assert made.spec is not None
        (module,) = made.spec.modules
        node = module.node("y")
        assert isinstance(node.data, LinearMaps)
        fibres = [
            Block(tuple(a for a in type_.blocks[0].axes if str(a) not in shared)).parts
            for type_ in (module.inputs[0].type, node.type)
        ]
        assert node.data.dimensions[0][0][0] == hom_dimension(*fibres), body
        lowered, _ = lower_spec(made.spec)
        checks.check_module(dict(lowered), "M", emitted(body), seed)


def test_they_are_the_same_at_every_index() -> None:
    """An entry of the argument is seen at its own index alone, and moved to another one it makes the
    same there."""
    body = (
        "  input x: [D.grid(2, 2), c]\n  output y: [d, D.grid(2, 2)] = linear(x, each=D.grid(2, 2))"
    )
    spec = checked(body).spec
    assert spec is not None
    (module,) = spec.modules
    network = runner.build(emitted(body), "M", module, 1)  # type: ignore[arg-type]
    zero = runner.call(network, module, {"x": (np.zeros((1, 2, 2, 3)),)})["y"][0]
    seen = []
    for i, j in itertools.product(range(2), range(2)):
        x = np.zeros((1, 2, 2, 3))
        x[0, i, j] = [1.0, -2.0, 3.0]
        y = runner.call(network, module, {"x": (x,)})["y"][0] - zero
        seen.append(y[0, :, i, j].copy())
        y[0, :, i, j] = 0
        assert np.all(y == 0)
    assert np.ptp(np.stack(seen), axis=0).max() < 1e-12


def test_axes_of_each_stand_once_at_both_ends() -> None:
    for source, target, each, code in (
        ("[S.natural, c]", "[S.natural, d]", "D.regular", "EQS207"),
        ("[S.natural, c]", "[d]", "S.natural", "EQS207"),
        ("[S.natural, S.natural, c]", "[S.natural, S.natural, c]", "S.natural", "EQS207"),
        ("[S.natural, c]", "[S.natural, d]", "[S.natural, S.natural]", "EQS207"),
        ("[S.natural, c]", "[S.natural, d]", "S", "EQS207"),
        ("[S.natural, R.sign]", "[S.natural]", "S.natural", "EQS402"),
        ("[O.vector, c]", "[O.vector, d]", "O.vector, bias=true", "EQS404"),
        ("[R.joint, c]", "[R.joint, d]", "R.joint, bias=true", "EQS404"),
    ):
        body = f"  input x: {source}\n  output y: {target} = linear(x, each={each})"
        assert codes(body) == [code], (body, codes(body))
