"""What the checker says of weighted averages and of choices: levels, and what it refuses."""

from __future__ import annotations

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level
from eqspec.pipeline import CheckResult, check_source

HEAD = """\
eqspec 1
group C = cyclic(3)
group F = cyclic(2)
group N = cyclic(4)
group H = cyclic(2) named { r: s }
group D = semidirect(N, H) { s { r -> r^-1 } }
rep C.plane = matrix([x, y]) { r -> [[0, -1], [1, -1]] }
rep F.skew = matrix([x, y]) { r -> [[1, 0], [1, -1]] }
module M {
"""


def checked(body: str) -> CheckResult:
    return check_source(Source("spec.eqs", HEAD + body + "\n}\n"))


def codes(body: str) -> list[str]:
    return [d.code for d in checked(body).diagnostics]


def level(body: str, factor: str = "C") -> Level:
    result = checked(body)
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    return result.spec.modules[-1].node("y").level((factor,))


REGULAR = "input x: [C.regular]\n  base net: [3] -> [3]\n  base other: [3] -> [1]\n  "
BOTH = "input x: [C.regular, F.regular]\n  base net: [3, 2] -> [6]\n  base other: [3, 2] -> [1]\n  "


def test_levels() -> None:
    """The choice jumps: almost everywhere on an input, approximate behind a `relu`, which makes ties on
    open sets (soundness E4). A single element is no choice."""
    choice = "output y: [C.regular] = equizero(net, {}, by=other)"
    assert level(REGULAR + choice.format("x")) is Level.ALMOST_EVERYWHERE
    assert level(REGULAR + choice.format("relu(x)")) is Level.APPROXIMATE
    assert level(REGULAR + "output y: [C.regular] = lambda_equitune(net, other, relu(x))") is (
        Level.EXACT
    )
    alone = "input x: [3]\n  base net: [3] -> [3]\n"
    alone += "  output y: [C.regular] = equizero(net, x, by=margin)"
    assert level(alone) is Level.EXACT
    multi = BOTH + "output y: [6] = multi_equizero(net, {}, by=other)"
    assert level(multi.format("x")) is Level.ALMOST_EVERYWHERE
    assert level(multi.format("relu(x)"), "F") is Level.APPROXIMATE
    for argument, word, legal in [
        ("x", "exactly", False),
        ("x", "almost everywhere", True),
        ("relu(x)", "almost everywhere", False),
        ("relu(x)", "approximately", True),
    ]:
        promise = choice.format(argument) + f"\n  ensure y {word} equivariant under C"
        assert ("EQS406" in codes(REGULAR + promise)) is not legal, (argument, word)


def test_the_level_inside_of_a_module_falls_with_its_argument() -> None:
    inner = HEAD.replace("module M {", "module Inner {") + REGULAR
    inner += "output y: [C.regular] = equizero(net, x, by=other)\n}\nmodule M {\n  " + REGULAR
    for argument, expected in [("x", Level.ALMOST_EVERYWHERE), ("relu(x)", Level.APPROXIMATE)]:
        text = inner + f"output y: [C.regular] = Inner({argument}, net=net, other=other)\n}}\n"
        result = check_source(Source("spec.eqs", text))
        assert result.ok
        assert result.spec is not None
        assert result.spec.module("M").node("y").level(("C",)) is expected


REFUSED = """
EQS416
input x: [3]
base net: [3] -> [3]
h: [C.regular] = linear(x)
output y: [C.regular] = equizero(net, h, by=margin)

EQS416
input x: [C.regular, F.sign]
base net: [3, 1] -> [3]
output y: [3] = multi_equizero(net, x, by=margin)

EQS416
input x: [C.plane, F.regular] + [C.regular, F.trivial]
base net: [2, 2] + [3, 1] -> [3]
output y: [3] = multi_equizero(net, x, by=margin)

EQS415
input x: [C.regular]
base net: [3] -> [1]
output y: [1] = equizero(net, x, by=entropy)

EQS415
input x: [C.regular]
base net: [3] -> [3] + [3]
output y: [3] + [3] = equizero(net, x, by=margin)

EQS207
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [1]
output y: [3] = equizero(net, x)
output z: [3] = equizero(net, x, by=other)

EQS207
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [1]
output y: [3] = equizero(net, x, by=entropie)
output z: [3] = equizero(net, x, by=other)

EQS207
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [1]
output y: [3] = lambda_equitune(net, other, x, eps=0)

EQS207
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [1]
output y: [3] = lambda_equitune(net, x)
output z: [3] = equizero(net, x, by=other)

EQS207
input x: [C.regular]
base net: [3] -> [3]
base margin: [3] -> [1]
output y: [3] = equizero(net, x, by=margin)

EQS211
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [2]
output y: [3] = lambda_equitune(net, other, x)

EQS211
input x: [C.regular]
base net: [3] -> [3]
base other: [4] -> [1]
output y: [3] = equizero(net, x, by=other)

EQS435
input x: [D.regular]
base net: [8] -> [8]
output y: [D.regular] = multi_equizero(net, x, by=margin)

EQS402
input x: [3]
base net: [3] -> [1]
base other: [3] -> [1]
output y: [F.sign] = lambda_equitune(net, other, x)
"""


def test_refused() -> None:
    """Ties everywhere: h is moved by nothing upstream; the sign of F has no invariants, so that the branch of C
    sees 0; of a sum, what the plane of C leaves is not moved by F. And calls that are not well made."""
    for case in REFUSED.strip().split("\n\n"):
        code, body = case.split("\n", 1)
        errors = [d for d in checked(body).diagnostics if d.severity is Severity.ERROR]
        assert [d.code for d in errors] == [code], case


LEGAL = """
EQS905
input x: [C.regular]
base net: [3] -> [3]
h: [C.regular] = linear(x)
output y: [C.regular] = equizero(net, h, by=margin)

EQS408
input x: [C.regular, F.regular]
base net: [3, 2] -> [3]
output y: [3] = multi_equizero(net, x, by=margin)

EQS408
input x: [C.plane, F.regular] + [C.regular, F.regular]
base net: [2, 2] + [3, 2] -> [3]
output y: [3] = multi_equizero(net, x, by=margin)

none
input x: [C.regular]
base net: [3] -> [3] + [3]
base other: [3] -> [1]
output y: [3] + [3] = equizero(net, x, by=other)

none
input x: [C.regular]
base net: [3] -> [3]
base other: [3] -> [1]
output y: [3] = lambda_equitune(net, other, x, eps=0.001)

none
input x: [D.regular]
base net: [8] -> [8]
output y: [D.regular] = equizero(net, x, by=margin)

EQS414
input x: [C.regular]
base net: [3] -> [2]
output y: [C.plane] = equitune(net, x, projection=mean)

none
input x: [C.regular]
base net: [3] -> [3]
output y: [C.regular] = equitune(net, x, projection=mean)
"""


def test_legal() -> None:
    for case in LEGAL.strip().split("\n\n"):
        code, body = case.split("\n", 1)
        found = [d for d in checked(body).diagnostics if d.code != "EQS902"]
        assert [d.code for d in found] == ([] if code == "none" else [code]), case


def test_a_near_miss_is_told() -> None:
    (found,) = checked(
        REGULAR + "output y: [3] = equizero(net, x, by=othr)\n  output z: [3] = fuse(other, x)"
    ).diagnostics[:1]
    assert found.help == "did you mean `other`?"
