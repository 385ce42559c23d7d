"""Specs that were once accepted and should not have been, or broke the compiler; and their neighbours.

Each is run under the true action of its groups, with elements that the compiler has never seen.
"""

from __future__ import annotations

import pytest
from attack import violation
from oracle import Group, classical_groups, finite_groups

from eqspec.diagnostics.model import Severity, Source
from eqspec.ops.greps import ACTIVATIONS
from eqspec.pipeline import CheckResult, CompileResult, check_source, compile_spec


def group(text: str) -> Group:
    return next(g for g in (*finite_groups(), *classical_groups()) if g.text == text)


def check(groups: dict[str, str], lines: str) -> CheckResult:
    declared = [f"group {name} = {text}" for name, text in groups.items()]
    text = "\n".join(["eqspec 1", *declared, "module M {", lines, "}\n"])
    return check_source(Source("hostile.eqs", text))


def errors(checked: CheckResult | CompileResult) -> list[str]:
    return [d.code for d in checked.diagnostics if d.severity is Severity.ERROR]


def follows(groups: dict[str, str], lines: str) -> None:
    checked = check(groups, lines)
    assert errors(checked) == [], [d.message for d in checked.diagnostics]
    found = violation(checked, {name: group(text) for name, text in groups.items()}, 0)
    assert found
    assert max(found.values()) <= 1e-7, found


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("family", ["orthogonal(3)", "cyclic(4)"])
def test_greps_with_every_activation(family: str, activation: str) -> None:
    rep = "G.vector" if family == "orthogonal(3)" else "G.regular"
    follows(
        {"G": family},
        f"  input x: [2] + [3, {rep}]\n"
        f"  output y: [2] + [2, {rep}] = greps(x, activation={activation})",
    )


LEGAL = {
    "a diagonal on few entries": (
        {"S": "symmetric(90)"},
        "  input x: [2]\n  input z: [S.natural]\n"
        "  output y: [S.natural, S.natural] = linear(x, bias=false)\n  output w = identity(z)",
    ),
    "an argument twice in two layers that share a sum": (
        {"S": "symmetric(4)"},
        "  input x: [S.natural, S.natural]\n"
        "  output y: [S.natural, S.natural] = linear(x, x)\n"
        "  output z: [S.natural, S.natural, 1] = linear(x, x)",
    ),
}


@pytest.mark.parametrize("case", LEGAL)
def test_legal_specs_that_the_compiler_once_refused_to_write(case: str) -> None:
    groups, lines = LEGAL[case]
    checked = check(groups, lines)
    assert errors(checked) == []
    result = compile_spec(checked, "legal", "legal.eqs", emit=["module"])
    assert errors(result) == [], [d.label for d in result.diagnostics]


NEIGHBOURS = {
    "relu where factors are positive": ("scaling(3)", "input x: [2, G.vector]\noutput y = relu(x)"),
    "relu of squares": ("general_linear(1)", "input x: [G.tensor(2, 0)]\noutput y = relu(x)"),
    "gelu of a ratio": ("scaling(3)", "input x: [G.vector, G.covector]\noutput y = gelu(x)"),
    "tanh of a pseudoscalar": (
        "orthogonal(3)",
        "input x: [3, G.vector.pseudoscalar]\noutput y = tanh(x)",
    ),
    "the invariant square of a boost": (
        "lorentz(1, 3)",
        "input x: [3, G.vector]\nd = dot(x, x)\noutput y = gated(x, d)",
    ),
    "vectors with covectors": (
        "general_linear(3)",
        "input x: [G.vector]\ninput z: [G.covector]\noutput y = dot(x, z)",
    ),
    "the cross product": (
        "orthogonal(3)",
        "input x: [2, G.vector]\ninput z: [2, G.vector]\n"
        "output y: [2, G.vector.axial] = tensor_product(x, z)",
    ),
    "harmonics": (
        "orthogonal(3)",
        "input x: [2, G.irrep(2)]\ninput z: [G.irrep(1)]\n"
        "output y: [G.irrep(3)] = tensor_product(x, z)\noutput n: [2, G.irrep(1)] = norm_relu(linear(z))",
    ),
    "a running mean square of vectors": (
        "special_orthogonal(3)",
        "input x: [3, G.vector]\noutput y = batch_norm(x)\noutput z = rms_norm(x)",
    ),
}


@pytest.mark.parametrize("case", NEIGHBOURS)
def test_the_legal_neighbours_of_what_is_refused(case: str) -> None:
    family, lines = NEIGHBOURS[case]
    follows({"G": family}, lines)
