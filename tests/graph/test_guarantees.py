"""How guarantees compose: per factor, through names, parts and calls (rules R1, R2, R6)."""

from __future__ import annotations

from eqspec.diagnostics.model import Diagnostic, Severity, Source
from eqspec.graph.model import Level, Module
from eqspec.pipeline import check_source, compile_spec

GROUPS = "eqspec 1\ngroup Rot = cyclic(4)\ngroup Flip = cyclic(2)\n"

FLAT = "flat { a: [3, Rot.regular], b: [3, Rot.regular] }"
AE, NO = Level.ALMOST_EVERYWHERE, Level.APPROXIMATE


def module(body: str) -> Module:
    result = check_source(Source("x.eqs", GROUPS + body))
    assert result.spec is not None
    assert result.ok, [d.message for d in result.diagnostics]
    return result.spec.modules[-1]


def errors(text: str) -> list[Diagnostic]:
    found = check_source(Source("x.eqs", text)).diagnostics
    return [d for d in found if d.severity is Severity.ERROR]


def levels(text: str, factor: str = "Rot") -> dict[str, Level]:
    return {node.name: node.levels[factor] for node in module(text).nodes}


def test_parts_of_inputs_are_generic_as_long_as_they_are_different() -> None:
    """Concatenations and sums of independent parts have no ties; a part beside itself may."""
    made = module(
        f"""
module M {{
  input x: [{FLAT}]
  input z: [3, Rot.regular]
  input w: [2, {FLAT}, {FLAT}]
  output f = round(x.a)
  output c = round(concat(x.a, x.b, z))
  output s = round(x.a + linear_b)
  linear_b: [3, Rot.regular] = linear(x.b, z)
  output same = round(concat(x.a, x.a))
  output mixed = round(x.a + relu(x.a))
  whole: [3, Rot.regular] = linear(x)
  output overlap = round(x.a + whole)
  output n = round(renamed)
  renamed = x.b
  output left = round(concat(w.a.b, w.b.b))
  output twice: [{FLAT}] + [3, Rot.regular] = sign(both)
  both: [{FLAT}] + [3, Rot.regular] = concat(x, z)
  output again: [{FLAT}] + [3, Rot.regular] = sign(other)
  other: [{FLAT}] + [3, Rot.regular] = concat(x, x.b)
}}
"""
    )
    found = {output.name: made.node(output.node).levels["Rot"] for output in made.outputs}
    assert found == {
        "f": AE,
        "c": AE,
        "s": AE,
        "same": NO,
        "mixed": NO,
        "overlap": NO,
        "n": AE,
        "left": AE,
        "twice": AE,
        "again": NO,
    }


def test_a_call_is_as_its_nodes_would_be_here() -> None:
    """Levels, genericity and factors of a called module are those on the arguments that are given,
    output by output."""
    made = module(
        """
module Jump {
  input a: [3, Rot.regular]
  input b: [3, Rot.regular]
  output joint = sign(concat(a, b))
  output first = sign(a)
  output smooth = tanh(b)
  output kept = b
}
module Twice {
  input a: [3, Rot.regular]
  input b: [3, Rot.regular]
  j = Jump(a, b)
  output joint = j.joint
  output again = sign(j.kept)
}
module M {
  input x: [3, Rot.regular]
  input z: [3, Rot.regular]
  apart = Jump(x, z)
  same = Jump(x, x)
  ties = Jump(relu(x), z)
  deep = Twice(x, z)
  deepsame = Twice(z, z)
  output o1 = apart.joint
  output o2 = apart.first
  output o3 = apart.smooth
  output o4 = sign(apart.kept)
  output o5 = same.joint
  output o6 = same.first
  output o7 = ties.joint
  output o8 = ties.first
  output o9 = ties.smooth
  output p1 = sign(ties.kept)
  output p2 = deep.joint
  output p3 = deep.again
  output p4 = deepsame.joint
  output p5 = deepsame.again
}
"""
    )
    found = {output.name: made.node(output.node).levels["Rot"] for output in made.outputs}
    assert found == {
        "o1": AE,
        "o2": AE,
        "o3": Level.EXACT,
        "o4": AE,
        "o5": NO,
        "o6": AE,
        "o7": NO,
        "o8": NO,
        "o9": Level.EXACT,
        "p1": AE,
        "p2": AE,
        "p3": AE,
        "p4": NO,
        "p5": AE,
    }


def test_an_average_heals_nothing() -> None:
    """Its argument is computed before the average, once: `approximate` is absorbing (R5, R6)."""
    found = levels(
        """
module M {
  input x: [3, Rot.regular]
  base net: [3, 4] -> [3, 4]
  jump = round(relu(x))
  mean: [3, Rot.regular] = equitune(net, jump)
  almost = round(x)
  mean2: [3, Rot.regular] = equitune(net, almost)
  good: [3, Rot.regular] = equitune(net, x)
  output y = mean + mean2 + good
}
"""
    )
    assert [found[name] for name in ("mean", "mean2", "good", "y")] == [NO, AE, Level.EXACT, NO]


def test_calls_that_nest_deeply_are_evaluated_once() -> None:
    """Each module calls the one before twice: 2^40 nodes if they were written out."""
    chain = "module M0 {\n  input x: [2, Rot.regular]\n  output y = sign(x)\n}\n"
    for k in range(1, 41):
        chain += (
            f"module M{k} {{\n  input x: [2, Rot.regular]\n  h = M{k - 1}(x)\n"
            f"  output y = M{k - 1}(h)\n}}\n"
        )
    text = (
        GROUPS + chain + "module Z {\n  input x: [2, Rot.regular]\n  output y = M40(x)\n"
        "  ensure y almost everywhere equivariant under Rot\n}\n"
    )
    assert [d.code for d in errors(text)] == ["EQS406"]


BLAME = """
module Inner {
  input x: [4, Rot.regular]
  h: [4, Rot.regular] = sign(x)
  output y: [4, Rot.regular] = linear(h)
}
module M {
  input x: [4, Rot.regular]
  input z: [4, Flip.regular]
  h: [4, Rot.regular] = round(relu(x))
  smooth: [4, Rot.regular] = tanh(x)
  output v = Inner(x)
  output u = Inner(smooth)
  output w: [1] = linear(h, z)
  output twice: [8, Rot.regular] = round(pair)
  pair: [8, Rot.regular] = concat(x, x)
  ensure CLAIM
}
"""


def test_a_refused_claim_names_the_op_that_lowers_it() -> None:
    """What, where, why, and what to write instead."""
    cases = {
        "v exactly equivariant under Rot": (
            "`sign` in `h` of the module `Inner` excepts inputs where an entry of `x` is 0",
            "`ensure v almost everywhere equivariant` holds",
        ),
        "u almost everywhere equivariant under Rot": (
            "entry of `x` is 0; `tanh` in `smooth` may send a set of positive measure there",
            "canonicalise the input",
        ),
        "w almost everywhere invariant under Rot": (
            "is half an odd number; `relu` in `h` may send a set of positive measure there",
            "let `round` stand on an input",
        ),
        "twice almost everywhere equivariant under Rot": ("`concat` in `pair`", "canonicalise"),
        "w exactly invariant under Flip": None,
        "v almost everywhere equivariant under Rot": None,
        "u, w approximately equivariant under Rot": "EQS405",
    }
    for claim, expected in cases.items():
        text = GROUPS + BLAME.replace("CLAIM", claim)
        found = errors(text)
        if expected is None:
            assert not found, claim
        elif isinstance(expected, str):
            assert [d.code for d in found] == [expected], claim
        else:
            (one,) = found
            assert one.code == "EQS406"
            assert expected[0] in one.labels[0].text
            assert expected[1] in (one.help or "")


def test_the_docstring_says_how_and_off_which_set() -> None:
    """Level by level, output by output, with the null sets and what is not proved."""
    text = GROUPS + BLAME.replace("  ensure CLAIM\n", "")
    done = compile_spec(check_source(Source("m.eqs", text)), "m", "m.eqs", emit=["module"])
    (file,) = done.files
    inner, outer = file.text.split("class MOutput")
    assert "forward(g x) = g forward(x) almost everywhere in real" in inner
    assert "inputs where an entry of `x` is 0\n" in inner
    assert "v: exactly under Flip; almost everywhere under Rot\n" in outer
    assert "w: exactly under Flip; approximately under Rot\n" in outer
    assert "inputs where an entry of `x` is 0, in `Inner`\n" in outer
    assert "Not proved" in outer
    assert "`relu` in `h`" in outer


def test_an_output_of_which_nothing_is_proved_is_warned_of() -> None:
    """Once for each output, unless an `ensure` says that it is known, for these factors."""
    body = (
        "module M {\n  input x: [4, Rot.regular, Flip.regular]\n"
        "  output y = sign(relu(x))\n  output z = relu(sign(x))\n"
    )
    for claim, expected in (
        ("", ["under `Flip`"]),
        ("  ensure y approximately equivariant under Flip\n", ["under `Rot`"]),
        ("  ensure y approximately equivariant under Flip * Rot\n", []),
    ):
        found = check_source(Source("x.eqs", GROUPS + body + claim + "}\n")).diagnostics
        assert [d.code for d in found] == ["EQS905"] * len(expected)
        for one, words in zip(found, expected, strict=True):
            assert words in one.message
            assert "approximately equivariant" in (one.help or "")
