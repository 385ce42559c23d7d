"""Matrix groups in specs: what is read, what is refused and where."""

from __future__ import annotations

import pytest

from eqspec.diagnostics.model import Severity, Source
from eqspec.pipeline import check_source

HEAD = """eqspec 1
group O3 = orthogonal(3)
group R = special_orthogonal(2)
group L = lorentz(1, 3)
group G = general_linear(2)
group A = scaling(2)
group E = euclidean(3)
group J = lie(2) { algebra j = [[0, -1], [1, 0]] }
group U = special_unitary(2)
group C = cyclic(4)
"""


def errors(text: str) -> list[tuple[str, str]]:
    found = check_source(Source("spec.eqs", text)).diagnostics
    return [(d.code, d.message) for d in found if d.severity is Severity.ERROR]


def axis(rep: str) -> str:
    return HEAD + f"module M {{\n  input x: [2, {rep}]\n  output y: [3, {rep}] = linear(x)\n}}\n"


LEGAL = [
    "O3.vector",
    "O3.covector",
    "O3.tensor(0, 2)",
    "O3.vector.axial",
    "O3.vector.pseudoscalar",
    "O3.irrep(3)",
    "O3.irreps(1..2)",
    "R.irrep(0)",
    "L.vector.dual",
    "L.vector.dual.dual",
    "L.tensor(2, 1)",
    "L.tensor(2, 1).dual",
    "G.covector.pseudoscalar",
    "A.vector",
    "E.vector",
    "E.tensor(1, 0)",
    "E.irrep(2)",
    "J.vector",
    "J.vector.dual.pseudoscalar",
    "J.tensor(1, 1)",
    "U.irrep(3)",
    "C.irreps(0..2)",
]


@pytest.mark.parametrize("rep", LEGAL)
def test_legal(rep: str) -> None:
    assert errors(axis(rep)) == []


REFUSED = {
    "O3.regular": ("EQS306", "infinite"),
    "O3.natural": ("EQS306", "permutation group"),
    "O3.sign": ("EQS306", "not defined"),
    "O3.tensor": ("EQS306", "numbers of its upper"),
    "O3.tensor(1)": ("EQS306", "numbers of its upper"),
    "O3.tensor(0, 0)": ("EQS306", "no index"),
    "O3.tensor(9, 0)": ("EQS306", "4,096"),
    "O3.tensor(65, 0)": ("EQS306", "0 to 64"),
    "O3.tensor(1/2, 0)": ("EQS306", "0 to 64"),
    "O3.tensor(2, -1)": ("EQS306", "0 to 64"),
    "O3.rot90(4, 4)": ("EQS306", "one generator"),
    "O3.grid(4, 4)": ("EQS306", "no action on a grid"),
    "O3.shift(4)": ("EQS306", "cyclic"),
    "O3.vector[0]": ("EQS307", "mixes"),
    "O3.point": ("EQS306", "point"),
    "O3.irrep(1/2)": ("EQS306", "whole number"),
    "O3.irrep(13)": ("EQS306", "go up to"),
    "O3.irrep": ("EQS306", "takes a number"),
    "O3.irreps(2)": ("EQS306", "range"),
    "O3.irreps(2..1)": ("EQS306", "empty"),
    "O3.irreps(0..99)": ("EQS306", "too long"),
    "L.irrep(1)": ("EQS306", "rotations"),
    "L.vector.axial": ("EQS308", "orthogonal"),
    "A.rot90(4, 4)": ("EQS306", "has none"),
    "A.reverse(4)": ("EQS306", "has none"),
    "E.point": ("EQS425", "point"),
    "E.quotient(O3)": (None, ""),
    "J.irrep(1)": ("EQS306", "rotations"),
    "C.tensor(1, 0)": ("EQS306", "not given by matrices"),
    "(O3 * C).vector": (None, ""),
}


@pytest.mark.parametrize("rep", REFUSED)
def test_refused(rep: str) -> None:
    found = errors(axis(rep))
    code, said = REFUSED[rep]
    assert found
    assert all(name != "EQS599" for name, _ in found)
    if code is not None:
        assert found[0][0] == code, found
        assert said in found[0][1], found


BODIES = {
    # an average over an infinite group, at either end
    "base n: [3] -> [3]\n  input x: [O3.vector]\n  output y: [O3.vector] = equitune(n, x)": "EQS420",
    "base n: [4] -> [3]\n  input x: [C.regular]\n  output y: [O3.vector] = equitune(n, x)": "EQS420",
    "base n: [3] -> [4]\n  input x: [O3.vector]\n  output y: [C.regular] = fuse(n, x)": "EQS420",
    "base n: [3, 4] -> [4]\n  input x: [O3.vector, C.regular]\n"
    "  output y: [C.regular] = multi_equitune(n, x)": "EQS420",
    # no scalar, no bias, no maximum of a vector
    "input x: [O3.vector]\n  output y: [4] = linear(x)": "EQS402",
    "input x: [O3.vector]\n  output y: [O3.vector] = linear(x, bias=true)": "EQS404",
    "input x: [O3.vector]\n  output y: [O3.vector] = relu(x)": "EQS401",
    "input x: [L.vector]\n  output y: [L.vector] = tanh(x)": "EQS401",
    "input x: [J.vector]\n  output y: [J.vector] = tanh(x)": "EQS401",
    "input x: [A.vector]\n  output y: [A.vector] = tanh(x)": "EQS401",
    "input x: [A.vector]\n  output y: [A.vector] = relu(x)": "",
    "input x: [G.vector.pseudoscalar]\n  output y: [G.vector.pseudoscalar] = relu(x)": "EQS401",
    "input x: [O3.vector.pseudoscalar]\n  output y: [O3.vector.pseudoscalar] = tanh(x)": "",
    "input x: [A.tensor(1, 1)]\n  output y: [A.tensor(1, 1)] = gelu(x)": "",
    "input x: [O3.vector]\n  output y: [1] = pool(x, over=O3, by=max)": "EQS407",
    # a vector is no covector where they differ
    "input x: [G.vector]\n  output y: [G.covector] = linear(x)": "EQS402",
    "input x: [O3.vector]\n  output y: [O3.covector] = linear(x)": "",
    "input x: [L.vector]\n  output y: [L.covector] = linear(x)": "",
    "input x: [L.vector]\n  input z: [L.covector]\n  output y: [L.vector] = x + z": "EQS206",
    "input x: [O3.vector]\n  input z: [O3.covector]\n  output y: [O3.vector] = x + z": "",
    "input x: [O3.vector]\n  input z: [O3.vector.axial]\n  output y: [O3.vector] = x + z": "EQS206",
    "input x: [O3.vector]\n  output y: [3] = identity(x)": "EQS405",
}


@pytest.mark.parametrize("body", BODIES)
def test_members(body: str) -> None:
    found = [code for code, _ in errors(HEAD + "module M {\n  " + body + "\n}\n")]
    assert found == ([BODIES[body]] if BODIES[body] else [])


GROUPS = {
    "orthogonal(0)": "EQS301",
    "orthogonal(1)": "EQS301",
    "orthogonal(65)": "EQS301",
    "orthogonal(3, 3)": "EQS301",
    "orthogonal()": "EQS301",
    "orthogonal(5/2)": "EQS301",
    "lorentz(3)": "EQS301",
    "lorentz(0, 3)": "EQS301",
    "lorentz(40, 40)": "EQS301",
    "symplectic(3)": "EQS301",
    "special_unitary(1)": "EQS301",
    "euclidean(1)": "EQS301",
    "scaling(0)": "EQS301",
    "orthogonal(3) generated by a = [[1]]": "EQS301",
    "orthogonal(3) { algebra a = [[1]] }": "EQS301",
    "lie(2)": "EQS301",
    "lie(2) { }": "EQS301",
    "lie(2) { a { r -> r } }": "EQS301",
    "lie(2) { algebra a = [[0, 0], [0, 0]] }": "EQS301",
    "lie(2) { algebra a = [[0, 1]] }": "EQS305",
    "lie(2) { algebra a = [[0, 1], [0, 0]]\n algebra a = [[0, 1], [0, 0]] }": "EQS202",
    "lie(2) { algebra a = [[0, 1], [0, 0]]\n algebra b = [[0, 0], [1, 0]] }": "EQS311",
    "lie(2) { algebra a = [[0, 1], [0, 0]]\n discrete s = [[0, 1], [1, 0]] }": "EQS312",
    "lie(2) { discrete s = [[1, 1], [1, 1]] }": "EQS312",
    "lie(0) { algebra a = [[1]] }": "EQS205",
    "lie(99) { algebra a = [[1]] }": "EQS305",
}


@pytest.mark.parametrize("group", GROUPS)
def test_groups_that_are_refused(group: str) -> None:
    text = f"eqspec 1\ngroup X = {group}\nmodule M {{\n  input x: [X.vector]\n  output y: [X.vector] = linear(x)\n}}\n"
    found = [code for code, _ in errors(text)]
    assert found[:1] == [GROUPS[group]], found


def test_half_weight_is_refused() -> None:
    for group, image in (
        ("lie(2) { algebra j = [[0, -1], [1, 0]] }", "j -> [[0, -1/2], [1/2, 0]]"),
        ("special_orthogonal(2)", "q -> [[0, -1], [1, 0]]\n r -> [[5/13, -12/13], [12/13, 5/13]]"),
    ):
        text = (
            f"eqspec 1\ngroup X = {group}\nrep X.half = matrix(2) {{ {image} }}\n"
            "module M {\n  input x: [X.half]\n  output y: [X.half] = linear(x)\n}\n"
        )
        assert [code for code, _ in errors(text)] == ["EQS310"]


def test_the_bracket_that_is_missing_is_said() -> None:
    text = (
        "eqspec 1\ngroup X = lie(2) { algebra a = [[0, 1], [0, 0]]\n algebra b = [[0, 0], [1, 0]] }\n"
        "module M {\n  input x: [X.vector]\n  output y: [X.vector] = linear(x)\n}\n"
    )
    (found,) = [d for d in check_source(Source("spec.eqs", text)).diagnostics if d.code == "EQS311"]
    assert found.help is not None
    assert "[[1, 0], [0, -1]]" in found.help
