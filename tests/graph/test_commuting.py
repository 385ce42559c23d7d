"""Two actions that do not commute: the message names the group that they generate, and it works."""

from __future__ import annotations

import re

import pytest

from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source

CASES = [
    ("cyclic(4)", "cyclic(2)", "permutation(4)", "(0 1 2 3)", "(0 1)(2 3)", "dihedral(4)"),
    ("cyclic(3)", "cyclic(2)", "permutation(3)", "(0 1 2)", "(0 1)", "dihedral(3)"),
    ("cyclic(4)", "cyclic(2)", "permutation(4)", "(0 1 2 3)", "(0 1)", "symmetric(4)"),
    ("cyclic(5)", "cyclic(2)", "permutation(5)", "(0 1 2 3 4)", "(0 1)", "symmetric(5)"),
    ("cyclic(2)", "cyclic(4)", "permutation(4)", "(0 1)(2 3)", "(0 1 2 3)", "dihedral(4)"),
    ("cyclic(5)", "cyclic(4)", "permutation(5)", "(0 1 2 3 4)", "(1 2 4 3)", None),
    (
        "cyclic(3)",
        "cyclic(2)",
        "matrix(2)",
        "[[0, -1], [1, -1]]",
        "[[0, 1], [1, 0]]",
        "dihedral(3)",
    ),
    ("cyclic(3)", "cyclic(3)", "permutation(4)", "(0 1 2)", "(1 2 3)", None),
    (
        "cyclic(2)",
        "cyclic(2)",
        "permutation(6)",
        "(0 1)(2 3)(4 5)",
        "(1 2)(3 4)(5 0)",
        "dihedral(3)",
    ),
]
ORDERS = {("cyclic(5)", "cyclic(4)"): 20, ("cyclic(3)", "cyclic(3)"): 12}


def help_of(first: str, second: str, kind: str, a: str, b: str) -> str:
    text = f"eqspec 1\ngroup A = {first}\ngroup B = {second}\ngroup P = A * B\n"
    text += f"rep P.x = {kind} {{ A.r -> {a}  B.r -> {b} }}\n"
    text += "module M { input v: [P.x]\n output y: [1] = linear(v) }\n"
    (found,) = check_source(Source("x.eqs", text)).diagnostics
    assert found.code == "EQS303"
    assert found.help is not None
    return found.help


@pytest.mark.parametrize(("first", "second", "kind", "a", "b", "name"), CASES)
def test_the_group_is_named(
    first: str, second: str, kind: str, a: str, b: str, name: str | None
) -> None:
    help_ = help_of(first, second, kind, a, b)
    if name is not None:
        assert f"together they generate `{name}`" in help_
    else:
        assert f"a group of {ORDERS[first, second]} elements" in help_
    for block in re.findall(r"`(semidirect\(.*\) \{.*\})`", help_):
        # the declaration that is offered takes the same images
        text = f"eqspec 1\ngroup A = {first}\ngroup B = {second}\ngroup G = {block}\n"
        text += f"rep G.x = {kind} {{ A.r -> {a}  B.r -> {b} }}\n"
        text += "module M { input v: [G.x]\n output y: [1] = linear(v) }\n"
        assert [
            d.code for d in check_source(Source("x.eqs", text)).diagnostics if d.code < "EQS9"
        ] in (
            [],
            ["EQS402"],  # nothing is invariant in a plane
        )


def test_a_semidirect_product_is_offered_where_one_normalises_the_other() -> None:
    assert "`semidirect(A, B) { B.r { A.r -> A.r^-1 } }`" in help_of(*CASES[0][:5])
    assert "`semidirect(B, A) { A.r { B.r -> B.r^-1 } }`" in help_of(*CASES[4][:5])
    assert "`semidirect(A, B) { B.r { A.r -> A.r^2 } }`" in help_of(*CASES[5][:5])
    assert "semidirect" not in help_of(*CASES[2][:5])
    assert "semidirect" not in help_of(*CASES[7][:5])


def test_a_large_group_is_not_named() -> None:
    help_ = help_of("cyclic(7)", "cyclic(2)", "permutation(7)", "(0 1 2 3 4 5 6)", "(0 1)")
    assert "must commute" in help_
    assert "generate" not in help_
