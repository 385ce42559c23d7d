"""`coset`: what is accepted at which level, and what is refused."""

from __future__ import annotations

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level
from eqspec.ops.cosetchecks import Canonicalisation
from eqspec.pipeline import CheckResult, check_source

HEAD = """\
eqspec 1
group D = dihedral(4)
group Turns = subgroup(D, r)
group Flip = subgroup(D, s)
group A = cyclic(4)
group B = cyclic(2)
group AB = A * B
group Diagonal = subgroup(AB, A.r * B.r)
group Square = subgroup(A, r^2)
rep A.plane = matrix(2) { r -> [[0, -1], [1, 0]] }
group N = cyclic(3)
group H = cyclic(2) named { r: s }
group S = semidirect(N, H) { s { r -> r^-1 } }
group Set = symmetric(5)
group O3 = orthogonal(3)
"""


def checked(body: str) -> CheckResult:
    return check_source(Source("x.eqs", f"{HEAD}module M {{\n{body}\n}}\n"))


def node(body: str) -> tuple[Canonicalisation, Level]:
    result = checked(body)
    assert result.ok, (body, [d.message for d in result.diagnostics])
    assert result.spec is not None
    found = result.spec.modules[0].node("y")
    assert isinstance(found.data, Canonicalisation)
    return found.data, found.level()


def refusals(body: str) -> set[str]:
    return {d.code for d in checked(body).diagnostics if d.severity is Severity.ERROR}


ALMOST, APPROXIMATE = Level.ALMOST_EVERYWHERE, Level.APPROXIMATE
GRID = "input x: [2, D.grid(4, 4)]\nbase net: [2, 4, 4] -> [8]\noutput y: [D.regular] = "
BOTH = "input x: [A.regular, B.regular]\nbase net: [4, 2] -> [4, 2]\n"
BOTH_OUT = "output y: [A.regular, B.regular] = "
TWO = "input x: [A.regular]\ninput z: [B.regular]\nbase net: [4] + [2] -> [4, 2]\n"
ENERGY = "base e: [4, 2] -> [1]\n"


def test_calls_and_levels() -> None:
    cases = [  # body, calls, elements, scored, level
        (GRID + "coset(net, x, average=Turns)", 4, 8, (0,), ALMOST),
        (GRID + "coset(net, x, average=Flip)", 2, 8, (0,), ALMOST),
        (GRID + "coset(net, x, average=Flip, ties=average)", 2, 8, (0,), ALMOST),
        (GRID + "coset(net, x)", 1, 8, (0,), ALMOST),
        (BOTH + BOTH_OUT + "coset(net, x, average=A)", 4, 8, (0,), ALMOST),
        (BOTH + BOTH_OUT + "coset(net, x, average=B)", 2, 8, (0,), ALMOST),
        (BOTH + BOTH_OUT + "coset(net, x, average=Diagonal)", 4, 8, (0,), ALMOST),
        # a sign along each of two axes is nothing; r^2 acts as nothing on a sign
        ("input x: [B.sign, A.sign]\nbase net: [1, 1] -> [3]\noutput y: [3] = coset(net, x)", 1, 2,
         (0,), ALMOST),
        ("input x: [A.sign]\nbase net: [1] -> [1]\noutput y: [A.sign] = coset(net, x)", 1, 2, (0,),
         ALMOST),
        # one argument is enough for the energy, or both are needed
        (TWO + BOTH_OUT + "coset(net, x, z, average=A)", 4, 8, (1,), ALMOST),
        (TWO + BOTH_OUT + "coset(net, x, z, average=B)", 2, 8, (0,), ALMOST),
        (TWO + BOTH_OUT + "coset(net, x, z)", 1, 8, (0, 1), ALMOST),
        (TWO + "h: [A.regular] = relu(linear(x))\n" + BOTH_OUT + "coset(net, h, z, average=A)", 4, 8,
         (1,), ALMOST),
        (TWO + "h: [A.regular] = relu(linear(x))\n" + BOTH_OUT + "coset(net, h, z, average=B)", 2, 8,
         (0, 1), APPROXIMATE),
        (TWO + "h: [A.regular] = relu(linear(x))\n" + BOTH_OUT
         + "coset(net, h, z, average=B, ties=average)", 2, 8, (0, 1), APPROXIMATE),
        # a network may be constant on open sets
        (BOTH + ENERGY + BOTH_OUT + "coset(net, x, average=A, by=e)", 4, 8, (0,), APPROXIMATE),
        (BOTH + ENERGY + BOTH_OUT + "coset(net, x, average=A, by=e, ties=average)", 4, 8, (0,),
         ALMOST),
        # semidirect products, by their parts
        ("input x: [S.regular]\nbase net: [6] -> [6]\noutput y: [S.regular] = coset(net, x, average=N)",
         3, 6, (0,), ALMOST),
        ("input x: [S.regular]\nbase net: [6] -> [6]\noutput y: [S.regular] = coset(net, x, average=H)",
         2, 6, (0,), ALMOST),
        # factors of the result alone cost no calls
        ("input x: [A.regular]\nbase net: [4] -> [4, 2]\n" + BOTH_OUT + "coset(net, x)", 1, 4, (0,),
         ALMOST),
        ("input x: [Set.natural]\nbase net: [5] -> [5]\noutput y: [Set.natural] = coset(net, x)", 1, 120,
         (0,), ALMOST),
    ]  # fmt: skip
    for body, calls, elements, scored, level in cases:
        data, found = node(body)
        assert (data.calls, data.elements, data.scored, found) == (
            calls,
            elements,
            scored,
            level,
        ), body


def test_promises() -> None:
    assert refusals(GRID + "coset(net, x)\nensure y equivariant under D") == {"EQS406"}
    assert not refusals(GRID + "coset(net, x)\nensure y almost everywhere equivariant under D")
    learned = BOTH + ENERGY + BOTH_OUT + "coset(net, x, average=A, by=e)\n"
    assert refusals(learned + "ensure y almost everywhere equivariant under A") == {"EQS406"}
    assert not refusals(learned + "ensure y approximately equivariant under A")


def test_refusals() -> None:
    same = "base net: [4] -> [4]\noutput y: [A.regular] = "
    one = "input x: [A.regular]\n" + same
    cases = [
        (one + "coset(net, x, average=B)", "EQS418"),
        (one + "coset(net, x, average=Diagonal)", "EQS418"),
        (one + "coset(net, x, average=Turns)", "EQS418"),
        (one + "coset(net, x, average=A)", "EQS419"),
        ("input x: [4]\n" + same + "coset(net, x)", "EQS419"),
        ("input x: [B.sign, B.sign]\nbase net: [1, 1] -> [1]\noutput y: [1] = coset(net, x)",
         "EQS419"),
        # ties everywhere: forgotten before, or never there
        ("input x: [A.regular]\nh: [A.regular] = linear(pool(x, over=A))\n" + same + "coset(net, h)",
         "EQS422"),
        ("input x: [3]\nh: [A.regular] = linear(x)\n" + same + "coset(net, h)", "EQS422"),
        ("input x: [A.sign]\nh: [A.regular] = tanh(linear(x))\n" + same + "coset(net, h)", "EQS422"),
        ("input x: [A.sign]\nh: [A.regular] = tanh(linear(x))\n" + same
         + "coset(net, h, ties=average)", "EQS422"),
        (one + "coset(net, x, by=net)", "EQS211"),
        (one + "coset(net, x, ties=second)", "EQS207"),
        ("input x: [A.regular]\nbase net: [3] -> [4]\noutput y: [A.regular] = coset(net, x)", "EQS211"),
        ("input x: [O3.vector]\nbase net: [3] -> [3]\noutput y: [O3.vector] = coset(net, x)", "EQS420"),
        # what the kernel fixes in the result is zero
        ("input x: [A.sign]\nbase net: [1] -> [2]\noutput y: [A.plane] = coset(net, x)", "EQS402"),
    ]  # fmt: skip
    for body, code in cases:
        assert refusals(body) == {code}, body
    kept = "input x: [A.sign]\nh: [A.regular] = tanh(linear(x))\n" + same
    assert not refusals(kept + "coset(net, h, average=Square)"), "K may be what fixes the argument"
