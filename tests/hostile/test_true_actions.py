"""Specs that were once accepted and should not have been, or broke the compiler; and their neighbours.

Each is run under the true action of its groups, with elements that the compiler has never seen.
"""

from __future__ import annotations

import pytest
from attack import violation
from oracle import Group, classical_groups, finite_groups

from eqspec.diagnostics.model import Severity, Source
from eqspec.ops.greps import ACTIVATIONS
from eqspec.pipeline import CheckResult, check_source


def group(text: str) -> Group:
    return next(g for g in (*finite_groups(), *classical_groups()) if g.text == text)


def check(groups: dict[str, str], lines: str) -> CheckResult:
    declared = [f"group {name} = {text}" for name, text in groups.items()]
    text = "\n".join(["eqspec 1", *declared, "module M {", lines, "}\n"])
    return check_source(Source("hostile.eqs", text))


def errors(checked: CheckResult) -> list[str]:
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
