"""Every op on random groups, representations and shapes: the right thing is equivariant, the same thing
slightly wrong is refused."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import runner
from checks import check_module
from generate import Grower

from eqspec.diagnostics.model import Source
from eqspec.ops.pointwise import FUNCTIONS, numpy_functions
from eqspec.pipeline import check_source, compile_spec

OPS = [
    "linear",
    "pointwise",
    "pool",
    "+",
    "concat",
    "equitune",
    "multi_equitune",
    "fuse",
    "coset",
    "call",
    "layer_norm",
    "rms_norm",
    "batch_norm",
]


def compiled_and_checked(text: str, seed: int) -> None:
    checked = check_source(Source("one.eqs", text))
    assert checked.ok, [d.message for d in checked.diagnostics]
    result = compile_spec(checked, "one_net", "one_net.eqs", emit=["module"])
    assert result.files, [d.message for d in result.diagnostics]
    emitted = runner.load("one_net", result.files[0].text)
    for key in result.lowered:
        check_module(dict(result.lowered), key, emitted, seed)


@pytest.mark.parametrize("op", OPS)
def test_the_right_thing_is_equivariant(op: str) -> None:
    done = 0
    for seed in range(60):
        text = Grower(random.Random(f"{op}/{seed}")).one(op)
        if text is None:
            continue
        try:
            compiled_and_checked(text, seed)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{text}") from error
        done += 1
        if done == 6:
            return
    raise AssertionError(f"only {done} specs with `{op}`")


# ---- pointwise: the checker against the numbers -----------------------------------------------------

ACTIONS = {
    "permutation": ("[P.regular]", [[0, 1], [1, 0]]),
    "sign": ("[P.sign]", [[-1]]),
    "two signs": ("[P.sign, P.sign]", [[1]]),
    "signed swap": ("[P.joint]", [[0, -1], [-1, 0]]),
    "scaled swap": ("[P.scaled]", [[0, 2], ["1/2", 0]]),
    "negative scaled swap": ("[P.minus]", [[0, -2], ["-1/2", 0]]),
    "scaled and signed": ("[P.scaled, P.sign]", [[0, -2], ["-1/2", 0]]),
    "scaled twice": ("[P.minus, P.sign]", [[0, 2], ["1/2", 0]]),
    "mirror": ("[P.mirror]", [["3/5", "4/5"], ["4/5", "-3/5"]]),
    "shear": ("[P.shear]", [[1, 0], [1, -1]]),
}
HEAD = """eqspec 1
group P = cyclic(2)
rep P.joint = signed_permutation(2) { r -> (0 -1) }
rep P.scaled = matrix(2) { r -> [[0, 2], [1/2, 0]] }
rep P.minus = matrix(2) { r -> [[0, -2], [-1/2, 0]] }
rep P.mirror = matrix(2) { r -> [[3/5, 4/5], [4/5, -3/5]] }
rep P.shear = matrix(2) { r -> [[1, 0], [1, -1]] }
"""


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_pointwise_function_is_accepted_exactly_where_it_commutes(name: str, action: str) -> None:
    type_, rows = ACTIONS[action]
    matrix = np.array([[float(Fraction(v)) for v in row] for row in rows])
    function = numpy_functions()[name]
    x = np.random.default_rng(0).standard_normal((400, len(matrix))) * 3
    options = dict(FUNCTIONS[name].options)
    commutes = np.allclose(
        function(x @ matrix.T, options), function(x, options) @ matrix.T, atol=1e-9
    )
    text = HEAD + f"module M {{\n  input x: {type_}\n  output y = {name}(x)\n}}\n"
    checked = check_source(Source("point.eqs", text))
    codes = {d.code for d in checked.diagnostics if d.severity.name == "ERROR"}
    assert checked.ok == commutes, (codes, commutes)
    assert checked.ok or codes == {"EQS401"}


# ---- slightly wrong ----------------------------------------------------------------------------------

GROUPS = """eqspec 1
group A = cyclic(3)
group B = cyclic(2)
group C = cyclic(4)
group D = dihedral(4)
group S = symmetric(4)
group AB = A * B
rep A.plane = matrix(2) { r -> [[0, -1], [1, -1]] }
rep A.scaled = matrix(2) { r -> [[0, -1/2], [2, -1]] }
rep B.joint = signed_permutation(2) { r -> (0 -0)(1 -1) }
rep B.shear = matrix([x, y]) { r -> [[1, 0], [1, -1]] }
rep C.plane = matrix(2) { r -> [[0, -1], [1, 0]] }
rep D.world = matrix(2) { r -> [[0, -1], [1, 0]]  s -> diag(1, -1) }
rep D.swap = signed_permutation(2) { r -> ()  s -> (0 -1) }
"""
WRONG = {
    # linear
    "no map from a vector to a number": (
        "input x: [D.world]",
        "output y: [2] = linear(x)",
        "EQS402",
    ),
    "no map from a sign to a number": ("input x: [B.sign]", "output y: [2] = linear(x)", "EQS402"),
    "no map to another sign": ("input x: [B.sign]", "output y: [C.sign] = linear(x)", "EQS402"),
    "a bias on a vector": (
        "input x: [D.world]",
        "output y: [D.world] = linear(x, bias=true)",
        "EQS404",
    ),
    "a bias on signs": (
        "input x: [B.joint]",
        "output y: [B.joint] = linear(x, bias=true)",
        "EQS404",
    ),
    "a linear layer without a type": ("input x: [A.plane]", "output y = linear(x)", "EQS208"),
    "a promise of invariance": ("input x: [A.regular]", "output y: [3] = relu(x)", "EQS405"),
    # pointwise
    "gelu on a sign": ("input x: [B.sign]", "output y = gelu(x)", "EQS401"),
    "relu on a vector": ("input x: [D.world]", "output y = relu(x)", "EQS401"),
    "relu beside a sign": ("input x: [A.regular, B.sign]", "output y = relu(x)", "EQS401"),
    "tanh on a plane": ("input x: [4, C.plane, A.plane]", "output y = tanh(x)", "EQS401"),
    "tanh under scaling": ("input x: [A.scaled]", "output y = tanh(x)", "EQS401"),
    "relu in a flat": (
        "input x: flat { a: [A.regular], b: [B.sign] }",
        "output y = relu(x)",
        "EQS401",
    ),
    "relu in a direct sum": ("input x: [A.regular] + [B.sign]", "output y = relu(x)", "EQS401"),
    "a jump is not exact": (
        "input x: [A.regular]",
        "output y = round(x)\n  ensure y exactly equivariant under A",
        "EQS406",
    ),
    # pool
    "max beside a vector": (
        "input x: [S.natural, D.world]",
        "output y = pool(x, over=S, by=max)",
        "EQS407",
    ),
    "max beside a sign": (
        "input x: [S.natural, B.sign]",
        "output y = pool(x, over=S, by=max)",
        "EQS407",
    ),
    "max over signs": ("input x: [2, B.joint]", "output y = pool(x, over=B, by=max)", "EQS407"),
    "mean over signs": ("input x: [2, B.joint]", "output y = pool(x, over=B, by=mean)", "EQS407"),
    "sum over a vector": ("input x: [D.world]", "output y = pool(x, over=D, by=sum)", "EQS407"),
    "one factor of a shared axis": (
        "input x: [AB.regular]",
        "output y = pool(x, over=A)",
        "EQS407",
    ),
    "a group that does not act": ("input x: [A.regular]", "output y = pool(x, over=B)", "EQS407"),
    # +
    "a sum of dual types": (
        "input x: [A.scaled]\n  input z: [A.scaled.dual]",
        "output y = x + z",
        "EQS206",
    ),
    "a sum of equal shapes": ("input x: [A.regular]\n  input z: [3]", "output y = x + z", "EQS206"),
    "a sum of two actions": (
        "input x: [D.grid(2, 2)]\n  input z: [C.grid(2, 2)]",
        "output y = x + z",
        "EQS206",
    ),
    # concat
    "concat along an acted axis": (
        "input x: [A.regular]\n  input z: [A.regular]",
        "output y = concat(x, z)",
        "EQS410",
    ),
    "concat of different rests": (
        "input x: [2, A.regular]\n  input z: [2, A.plane]",
        "output y = concat(x, z)",
        "EQS410",
    ),
    "concat in the wrong order": (
        "input x: [A.regular]\n  input z: [3]",
        "output y: flat { a: [3], b: [A.regular] } = concat(x, z)",
        "EQS410",
    ),
    # averages
    "a base of another shape": (
        "input x: [2, A.regular]\n  base f: [3, 2] -> [2]",
        "output y: [2] = equitune(f, x)",
        "EQS211",
    ),
    "a base with another answer": (
        "input x: [2, A.regular]\n  base f: [2, 3] -> [3]",
        "output y: [2] = multi_equitune(f, x)",
        "EQS211",
    ),
    "an average that is zero": (
        "input x: [A.regular]\n  base f: [3] -> [1]",
        "output y: [B.sign] = equitune(f, x)",
        "EQS402",
    ),
    "a branch average that is zero": (
        "input x: [A.regular, B.sign]\n  base f: [3, 1] -> [2]",
        "output y: [D.world] = multi_equitune(f, x)",
        "EQS402",
    ),
    "a fusion that is zero": (
        "input x: [A.regular]\n  base f: [3] -> [2]",
        "output y: [D.world] = fuse(f, x)",
        "EQS402",
    ),
    "a fusion with a shared group": (
        "input x: [A.regular]\n  base f: [3] -> [3, 2]",
        "output y: [A.regular, B.regular] = fuse(f, x)",
        "EQS409",
    ),
    "an average that is no invariant": (
        "input x: [A.regular]\n  base f: [3] -> [3]",
        "output y: [A.regular] = equitune(f, x)\n  ensure y invariant under A",
        "EQS405",
    ),
    # representations
    "half of a shear": ("input x: [B.shear[y]]", "output y = identity(x)", "EQS307"),
    "half of a plane": ("input x: [A.plane[0]]", "output y = identity(x)", "EQS307"),
    "an axial shear": ("input x: [B.shear.axial]", "output y = identity(x)", "EQS308"),
}
LEGAL = {
    "a bias on a swapped signed pair": (
        "input x: [D.swap]",
        "output y: [D.swap] = linear(x, bias=true)",
    ),
    "equal matrices under two names": (
        "input x: [A.regular]\n  input z: [A.shift(3)]",
        "output y = x + z",
    ),
    "two signs are a permutation": ("input x: [B.sign, B.sign]", "output y = gelu(x)"),
    "mean beside a vector": (
        "input x: [S.natural, D.world]",
        "output y = pool(x, over=S, by=mean)",
    ),
    "max beside a permutation": (
        "input x: [S.natural, A.regular]",
        "output y = pool(x, over=S, by=max)",
    ),
    "dual of an orthogonal type": (
        "input x: [D.world]\n  input z: [D.world.dual]",
        "output y = x + z",
    ),
    "an average of a target alone": (
        "input x: [A.regular]\n  base f: [3] -> [2]",
        "output y: [B.regular] = equitune(f, x)",
    ),
    "a fusion of three groups": (
        "input x: [A.plane, B.regular]\n  base f: [2, 2] -> [8]",
        "output y: [2, C.regular] = fuse(f, x)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_slightly_wrong_is_refused(case: str) -> None:
    before, layer, code = WRONG[case]
    text = GROUPS + f"module M {{\n  {before}\n  {layer}\n}}\n"
    checked = check_source(Source("wrong.eqs", text))
    codes = [d.code for d in checked.diagnostics if d.severity.name == "ERROR"]
    assert codes == [code], [(d.code, d.message) for d in checked.diagnostics]


@pytest.mark.parametrize("case", LEGAL)
def test_its_neighbour_is_legal(case: str) -> None:
    before, layer = LEGAL[case]
    compiled_and_checked(GROUPS + f"module M {{\n  {before}\n  {layer}\n}}\n", 3)


BROKEN = {
    "a relation": ("group A = cyclic(3)\nrep A.p = permutation(2) { r -> (0 1) }", "A.p", "EQS302"),
    "a sign too many": (
        "group A = cyclic(3)\nrep A.p = signed_permutation(1) { r -> (0 -0) }",
        "A.p",
        "EQS302",
    ),
    "factors that do not commute": (
        "group A = cyclic(2)\ngroup B = cyclic(2)\ngroup P = A * B\n"
        "rep P.p = permutation(3) { A.r -> (0 1)  B.r -> (1 2) }",
        "P.p",
        "EQS303",
    ),
    "a matrix of the wrong order": (
        "group A = cyclic(4)\nrep A.p = matrix(2) { r -> [[0, -1], [1, -1]] }",
        "A.p",
        "EQS302",
    ),
    "a generated group": (
        "group A = permutations(3) generated by a = (0 1 2)\nrep A.p = permutation(2) { a -> (0 1) }",
        "A.p",
        "EQS302",
    ),
    "a matrix that is no representation of a matrix group": (
        "group A = matrices(2) generated by q = [[0, -1], [1, 0]]\nrep A.p = matrix(1) { q -> [[2]] }",
        "A.p",
        "EQS302",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_images_that_are_no_representation_are_refused(case: str) -> None:
    head, rep, code = BROKEN[case]
    text = f"eqspec 1\n{head}\nmodule M {{\n  input x: [{rep}]\n  output y = identity(x)\n}}\n"
    checked = check_source(Source("broken.eqs", text))
    codes = [d.code for d in checked.diagnostics if d.severity.name == "ERROR"]
    assert codes[:1] == [code], [(d.code, d.message) for d in checked.diagnostics]
