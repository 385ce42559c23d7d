"""`invariants(x, over=G)`: one entry for each joint orbit, or for each invariant functional; nothing where
there is none, or where the subgroup is not normal."""

from __future__ import annotations

import numpy as np
import torch
from test_norms import codes, network

from eqspec.algebra.averages import FWord
from eqspec.diagnostics.model import Source
from eqspec.graph.types import Type
from eqspec.lowering.module import lower_module
from eqspec.lowering.validation import act_on
from eqspec.ops.pointwise import numpy_functions
from eqspec.pipeline import check_source
from eqspec.program.interpreter import run

HEAD = """eqspec 1
param c = 3
group D = dihedral(4)
group C = cyclic(4)
group S = symmetric(4)
group O = orthogonal(3)
group F = cyclic(2)
group L = lorentz(1, 2)
group K = subgroup(D, r)
group N = subgroup(D, s)
"""
KNOWN = [  # an input, the group that is forgotten, the shape of what is left
    ("[c, D.regular]", "D", (3,)),
    ("[D.regular, c, D.regular]", "D", (8, 3)),
    ("[c, D.regular, D.grid(3, 3)]", "D", (3, 9)),
    ("[c, D.grid(3, 3)]", "D", (3, 3)),
    ("[c, D.regular, D.grid(3, 3)]", "K", (3, 18)),
    ("[c, D.regular]", "K", (3, 2)),
    ("[S.natural, c, S.natural]", "S", (2, 3)),
    ("[S.natural, S.natural, S.natural]", "S", (5,)),
    ("[C.regular, F.regular, c]", "C", (2, 3)),
    ("[C.regular, F.regular, c]", "C * F", (3,)),
    ("[O.vector, O.vector, c]", "O", (3,)),
    ("[O.vector, O.vector, O.vector, O.vector]", "O", (3,)),
    ("[F.sign, F.regular]", "F", (1,)),
    ("[c, L.vector, L.vector]", "L", (3,)),
]


def checked(type_: str, over: str, by: str = "") -> tuple[object, Type, Type]:
    text = (
        f"{HEAD}module M {{\n  input x: {type_}\n  output y = invariants(x, over={over}{by})\n}}\n"
    )
    spec = check_source(Source("x.eqs", text)).spec
    assert spec is not None
    module = next(m for m in spec.modules if m.name == "M")
    return module, module.node("x").type, module.node("y").type


def test_one_entry_for_each_orbit_or_functional() -> None:
    """The shapes; the words that are forgotten change nothing; all other generators act as the type says;
    and no invariant functional is missing: the result has the rank of the projection onto invariants."""
    for type_, over, shape in KNOWN:
        module, source, target = checked(type_, over)
        assert target.shapes == (shape,), (type_, over, target)
        program = lower_module(module).program  # type: ignore[arg-type]

        def apply(x: np.ndarray, program: object = program) -> np.ndarray:
            values = run(program, {"x": (x,)}, {}, {}, {}, numpy_functions())  # type: ignore[arg-type]
            return np.asarray(values[program.outputs[0][1][0]])  # type: ignore[attr-defined]

        x = np.random.default_rng(3).standard_normal((4, *source.shapes[0]))
        before = apply(x)
        factors = over.split(" * ")
        for factor, group in source.groups.items():
            for number in range(len(group.generators)):
                word: FWord = ((factor, number, 1),)
                after = apply(act_on((x,), source, word)[0])
                (expected,) = act_on((before,), target, word)
                assert np.allclose(after, expected, atol=1e-9), (type_, over, factor)
                if factor in factors or (over == "K" and number == 0):
                    assert np.allclose(expected, before, atol=1e-9), (type_, over, factor)
        size = source.size
        matrix = apply(np.eye(size).reshape(size, *source.shapes[0])).reshape(size, -1)
        assert np.linalg.matrix_rank(matrix) == target.size, (type_, over)


def test_means_and_sums_over_orbits() -> None:
    body = (
        "  input x: [S.natural, S.natural, c]\n  output a = invariants(x, over=S)\n"
        "  output b = invariants(x, over=S, by=sum)"
    )
    net = network(body)
    x = torch.randn(2, 5, 5, 4, dtype=torch.float64)
    a, b = net(x)
    diagonal = x.diagonal(dim1=1, dim2=2).sum(-1)
    both = torch.stack([diagonal, x.sum((1, 2)) - diagonal], 1)
    assert torch.allclose(b, both, atol=1e-12)
    assert torch.allclose(a, both / torch.tensor([5.0, 20.0]).double()[:, None], atol=1e-12)


def test_what_is_refused() -> None:
    for type_, layer, code in [
        ("[c, O.vector]", "invariants(x, over=O)", "EQS470"),
        ("[c, F.sign]", "invariants(x, over=F)", "EQS470"),
        ("[O.vector, O.vector]", "invariants(x, over=O, by=sum)", "EQS207"),
        ("[c, F.regular]", "invariants(x)", "EQS207"),
        ("[c, F.regular]", "invariants(x, over=O)", "EQS407"),
        ("[c, F.regular]", "invariants(x, over=F, by=max)", "EQS207"),
    ]:
        found = codes(f"  input x: {type_}\n  output y = {layer}")
        assert found == [code], (type_, layer, found)
    text = f"{HEAD}module M {{\n  input x: [c, D.regular]\n  output y = invariants(x, over=N)\n}}\n"
    errors = check_source(Source("x.eqs", text)).diagnostics
    assert [d.code for d in errors if d.severity.name == "ERROR"] == ["EQS434"]
