"""Points of motion groups: what takes them, what refuses them, and that translations are real."""

from __future__ import annotations

from fractions import Fraction

import pytest

from eqspec.algebra import images as im
from eqspec.algebra.families import classical_group
from eqspec.algebra.images import AffineMap, NotLinear
from eqspec.algebra.representations import RepresentationError, same_action
from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.types import RepAxis
from eqspec.ops import OPS
from eqspec.pipeline import check_source

HEAD = """eqspec 1
param k = 2
group S = symmetric(5)
group E = euclidean(3)
group F = special_euclidean(3)
group C = cyclic(2)
"""
INPUTS = """
  input x: [S.natural, E.point]
  input z: [S.natural, E.point]
  input v: [S.natural, E.vector]
  input f: [S.natural, F.vector]
  input p: [k, E.point]
  input s: [E.point] + [S.natural, E.vector]
"""


def errors(body: str) -> list[str]:
    text = f"{HEAD}module M {{{INPUTS}{body}\n}}\n"
    found = check_source(Source("spec.eqs", text)).diagnostics
    return [d.code for d in found if d.severity is Severity.ERROR]


LEGAL = [
    "output y: [S.natural, E.vector] = center(x, over=S)",
    "output y: [S.natural, E.vector] = center(v, over=S)",
    "output y: [S.natural, S.natural, E.vector] = difference(x)",
    "output y: [k, k, E.vector] = difference(p)",
    "output y: [S.natural, S.natural, F.vector] = difference(f)",
    "output y: [S.natural, E.vector] = difference(x, z)",
    "output y: [S.natural, E.vector] = difference(v, v)",
    "output y: [S.natural, E.point] = x + v",
    "output y: [S.natural, E.point] = v + x",
    "output y: [S.natural, E.point] = x + v + linear(v)",
    "output y: [E.point] + [S.natural, E.vector] = s + concat(linear(v), v)\n"
    "  output q: [E.point] = s[0]",
    "output y: [E.point] + [S.natural, E.point] = concat(s[0], x)",
    "output y: [S.natural, E.point] = identity(x)",
    "output y: [S.natural, E.point] = x",
]
REFUSED = {
    "output y: [S.natural, E.point] = x + z": "EQS425",
    "output y: [S.natural, E.point] = x + f": "EQS206",
    "output y: [S.natural, E.vector] = x + v": "EQS206",
    "output y: [S.natural, E.point] = v + v": "EQS206",
    "output y: [S.natural, E.point] = x + linear(x)": "EQS425",
    "output y: [S.natural, E.point] = linear(v)": "EQS425",
    "output y: [S.natural, E.point] = relu(linear(v))": "EQS425",
    "output y: [S.natural] = linear(x)": "EQS425",
    "output y: [S.natural, E.vector] = x": "EQS206",
    "output y: [S.natural, E.vector] = identity(x)": "EQS206",
    "output y: [S.natural, E.point] = v": "EQS206",
    "output y: [S.natural, E.vector] = difference(x, v)": "EQS206",
    "output y: [E.vector] = difference(s[0])": "EQS440",
    "output y: [k, E.vector] = center(p, over=S)": "EQS440",
    "output y: [S.natural, E.vector] = center(x, over=E)": "EQS407",
    "output y: [S.natural, E.vector] = center(x)": "EQS207",
    "output y: [E.point] = pool(x, over=S)": "EQS425",
    "output y: flat { a: [E.point] } = concat(s[0])": "EQS313",
    "output y: flat { a: [E.vector] } = concat(s[0])": "EQS410",
    "output y: [E.vector, E.point] = identity(x)": "EQS313",
    "output y: [C.sign, E.point] = identity(x)": "EQS313",
    "output y: [F.point, E.point] = identity(x)": "EQS313",
    "output y: [E.point.dual] = identity(x)": "EQS308",
    "output y: [E.point.axial] = identity(x)": "EQS308",
    "output y: [E.point.pseudoscalar] = identity(x)": "EQS308",
    "output y: [E.point[0, 1]] = identity(x)": "EQS307",
    "output y: [E.point(3)] = identity(x)": "EQS306",
    "output y: [C.point] = identity(x)": "EQS306",
    "output y: [S.natural, E.vector] = center(x, over=S)\n  ensure y invariant under E": "EQS405",
}


def test_what_takes_points() -> None:
    for body in LEGAL:
        assert errors(body) == [], body


def test_what_refuses_points() -> None:
    for body, code in REFUSED.items():
        assert set(errors(body)) == {code}, body


def test_no_op_without_a_rule_of_its_own_meets_a_point() -> None:
    """One gate for all: on points, and on a declared type with points."""
    known = {name for name, op in OPS.items() if op.signature.points}
    assert known <= {"+", "center", "difference", "identity", "concat", "frame", "stop_gradient"}
    assert len(OPS) - len(known) > 40
    for name in sorted(set(OPS) - known):
        signature = OPS[name].signature
        count = max(1, signature.tensors[0])
        bases = [f"b{n}" for n in range(signature.bases)]
        lines = [f"base {base}: [15] -> [15]" for base in bases]
        for given in ("x", "p", "s"):
            call = f"{name}({', '.join([*bases, *[given] * count])})"
            body = "\n  ".join([*lines, f"output y: [S.natural, E.vector] = {call}"])
            assert set(errors(body)) == {"EQS425"}, call
        if signature.target in ("chooses", "keeps") and signature.then is None:
            call = f"{name}({', '.join([*bases, *['v'] * count])})"
            body = "\n  ".join([*lines, f"output y: [S.natural, E.point] = {call}"])
            assert set(errors(body)) == {"EQS425"}, call


def test_a_called_module_gets_the_points_that_it_was_proved_for() -> None:
    for have, want, codes in (("point", "point", set()), ("vector", "point", {"EQS213"})):
        text = (
            f"{HEAD}module N {{\n  input x: [S.natural, E.{have}]\n  output y = identity(x)\n}}\n"
            f"module M {{\n  input x: [S.natural, E.{want}]\n  output y = N(x)\n}}\n"
        )
        found = check_source(Source("spec.eqs", text)).diagnostics
        assert {d.code for d in found if d.severity is Severity.ERROR} == codes


def test_motions_are_composed_as_motions() -> None:
    group = classical_group("euclidean", 3)
    text = f"{HEAD}module M {{\n  input x: [E.point]\n  output y = x\n}}\n"
    spec = check_source(Source("spec.eqs", text)).spec
    assert spec is not None
    axis = spec.modules[0].inputs[0].type.blocks[0].axes[0]
    assert isinstance(axis, RepAxis)
    rep = axis.rep
    assert rep.is_affine and not rep.is_orthogonal and not rep.is_permutation
    assert not same_action(rep, rep.displacements()) and rep.displacements().is_orthogonal
    for a, b in ((1, 4), (4, 1), (3, 4), (4, 4)):
        product = im.compose(rep.any_image("E", a), rep.any_image("E", b))
        whole = im.rows_of(im.compose(group.model[a], group.model[b]))
        assert isinstance(product, AffineMap)
        assert im.rows_of(product.linear) == tuple(row[:3] for row in whole[:3])
        assert product.shift == tuple(row[3] for row in whole[:3])
        assert im.compose(product, im.inverse(product)).is_identity
        assert im.power(product, -3) == im.inverse(im.power(product, 3))
    step = rep.any_image("E", 4)
    assert isinstance(step, AffineMap) and step.linear.is_identity and not step.is_identity
    assert im.power(step, 5).shift == (Fraction(5), 0, 0)  # type: ignore[union-attr]
    matrix_of = (im.explicit, im.rows_of, im.transpose, im.trace, im.determinant, im.twisted)
    for ask in (*matrix_of, lambda image: im.kron(image, image), lambda i: im.direct_sum([i])):
        with pytest.raises(NotLinear):
            ask(step)  # type: ignore[operator]
    with pytest.raises(NotLinear):
        im.compose(step, im.identity(3))
    with pytest.raises(RepresentationError):
        rep.dual()
