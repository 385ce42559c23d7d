"""`frame`: what it takes, what it refuses and why, and the guarantee that it keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqspec.algebra.families import classical_group
from eqspec.cli import main
from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Level, Module
from eqspec.ops.frames import Framing
from eqspec.pipeline import check_source

HEAD = """eqspec 1
param k = 3
group S = symmetric(6)
group T = symmetric(4)
group O3 = orthogonal(3)
group R3 = special_orthogonal(3)
group O2 = orthogonal(2)
group R2 = special_orthogonal(2)
group O7 = orthogonal(7)
group E = euclidean(3)
group F = special_euclidean(3)
group C = cyclic(4)
group L = lorentz(1, 2)
"""


def checked(inputs: str, base: str, target: str, by: str, before: str = "") -> tuple[set[str], str]:
    """The codes of the errors, and the text of the first."""
    types = inputs.split("; ")
    lines = [f"input x{n}: {type_}" for n, type_ in enumerate(types)]
    args = before.split("; ")[1] if before else ", ".join(f"x{n}" for n in range(len(types)))
    lines += [before.split("; ")[0]] if before else []
    lines += [f"base net: {base}", f"output y: {target} = frame(net, {args}{by})"]
    text = f"{HEAD}module M {{\n  " + "\n  ".join(lines) + "\n}\n"
    found = check_source(Source("spec.eqs", text)).diagnostics
    errors = [d for d in found if d.severity is Severity.ERROR]
    return {d.code for d in errors}, " ".join(f"{d.message}. {d.help}" for d in errors[:1])


PA, GS = ", by=principal_axes", ", by=gram_schmidt"
LEGAL = [
    ("[S.natural, O3.vector]", "[6, 3] -> [1]", "[1]", ", by=[principal_axes, sort]"),
    ("[S.natural, O3.vector]", "[6, 3] -> [1]", "[1]", ", by=[principal_axes(O3), sort(S)]"),
    ("[2, O3.vector]", "[2, 3] -> [1]", "[1]", PA),
    ("[3, E.point]", "[3, 3] -> [3]", "[E.point]", PA),
    ("[3, F.point]", "[3, 3] -> [3]", "[F.point]", GS),
    ("[4, E.point]", "[4, 3] -> [3]", "[E.point]", GS),
    ("[3, O3.vector]", "[9] -> [3]", "[O3.vector]", GS),
    ("[2, R3.vector]", "[6] -> [3]", "[R3.vector]", GS + ", detach=false"),
    ("[1, R2.vector]", "[2] -> [2]", "[R2.vector]", GS),
    ("[S.natural]", "[6] -> [6]", "[S.natural]", ", by=sort"),
    ("[3, E.vector]", "[9] -> [3]", "[E.vector]", PA),
]
REFUSED = [
    # frames that change under another factor
    (
        "[S.natural, O3.vector]",
        "[6, 3] -> [1]",
        "[1]",
        ", by=[gram_schmidt, sort]",
        "EQS426",
        "changes under `S`. `principal_axes`",
    ),
    (
        "[S.natural, O3.vector]",
        "[6, 3] -> [1]",
        "[1]",
        ", by=[sort, principal_axes]",
        "EQS426",
        "changes under `O3`. canonicalise `O3` first",
    ),
    (
        "[S.natural, T.natural]",
        "[6, 4] -> [1]",
        "[1]",
        ", by=[sort(S), sort(T)]",
        "EQS426",
        "under `T`",
    ),
    (
        "[L.vector, O2.vector]; [S.natural]",
        "[3, 2], [6] -> [1]",
        "[1]",
        ", by=[principal_axes, sort]",
        "EQS433",
        "nothing canonicalises `L`",
    ),
    # too few vectors: the frame would be degenerate for every input
    ("[1, O3.vector]", "[1, 3] -> [1]", "[1]", PA, "EQS427", "two eigenvalues"),
    ("[2, E.point]", "[2, 3] -> [1]", "[1]", PA, "EQS427", "needs 3 points"),
    ("[2, O3.vector]", "[2, 3] -> [1]", "[1]", GS, "EQS427", "needs 3 free"),
    ("[1, R3.vector]", "[1, 3] -> [1]", "[1]", GS, "EQS427", "needs 2 free"),
    ("[3, E.point]", "[3, 3] -> [1]", "[1]", GS, "EQS427", "needs 4 points"),
    ("[2, F.point]", "[2, 3] -> [1]", "[1]", GS, "EQS427", "needs 3 points"),
    ("[O3.tensor(2, 0)]", "[3, 3] -> [1]", "[1]", PA, "EQS427", "no argument gives"),
    ("[3, O3.vector.axial]", "[3, 3] -> [1]", "[1]", GS, "EQS427", "no argument gives"),
    (
        "[S.natural, S.natural]",
        "[6, 6] -> [1]",
        "[1]",
        ", by=sort",
        "EQS427",
        "no argument has rows",
    ),
    ("[3, E.vector]", "[3, 3] -> [3]", "[E.point]", PA, "EQS427", "origin"),
    # factors without a method, methods without a factor
    ("[S.natural, O3.vector]", "[6, 3] -> [1]", "[1]", PA, "EQS433", "nothing canonicalises `S`"),
    ("[S.natural, O3.vector]", "[6, 3] -> [1]", "[1]", ", by=sort", "EQS433", "`O3`"),
    ("[3, C.regular, O3.vector]", "[3, 4, 3] -> [1]", "[1]", PA, "EQS433", "`equitune` averages"),
    (
        "[3, O3.vector]",
        "[3, 3] -> [1]",
        "[1]",
        ", by=[gram_schmidt, sort]",
        "EQS433",
        "nothing to do",
    ),
    ("[3, O3.vector]", "[3, 3] -> [1]", "[1]", ", by=gram_schmidt(R3)", "EQS433", "nothing to do"),
    (
        "[3, O3.vector, O2.vector]",
        "[3, 3, 2] -> [1]",
        "[1]",
        ", by=[principal_axes, gram_schmidt]",
        "EQS433",
        "may be for",
    ),
    ("[3, O3.vector]", "[3, 3] -> [6]", "[S.natural]", PA, "EQS433", "acts on the result"),
    # what cannot be moved, and calls that do not fit
    ("[3, O3.vector]", "[3, 3] -> [5]", "[O3.irrep(2)]", PA, "EQS210", "cannot move"),
    ("[S.natural]; [S.sign]", "[6], [1] -> [1]", "[1]", ", by=sort", "EQS210", "cannot move"),
    ("[7, O7.vector]", "[7, 7] -> [1]", "[1]", PA, "EQS412", "128 times"),
    ("[3, O3.vector]", "[3, 3] -> [1]", "[1]", "", "EQS207", "needs a method"),
    ("[3, O3.vector]", "[3, 3] -> [1]", "[1]", ", by=principle_axes", "EQS207", "did you mean"),
    ("[3, O3.vector]", "[3, 3] -> [1]", "[1]", ", by=[sort(S * T)]", "EQS207", "one factor"),
    ("[3, O3.vector]", "[2, 3] -> [1]", "[1]", PA, "EQS211", "other shapes"),
]


def test_what_frames_take() -> None:
    for inputs, base, target, by in LEGAL:
        assert checked(inputs, base, target, by) == (set(), ""), (inputs, by)


def test_what_frames_refuse() -> None:
    for inputs, base, target, by, code, words in REFUSED:
        codes, text = checked(inputs, base, target, by)
        assert codes == {code} and words in text, (inputs, by, codes, text)


def test_centred_vectors_have_one_row_less() -> None:
    both = ", by=[principal_axes, sort]"
    for points, codes in ((2, {"EQS427"}), (3, set())):
        for given in ("point", "vector"):
            text = HEAD.replace("symmetric(6)", f"symmetric({points})") + (
                f"module M {{\n  input x: [S.natural, E.{given}]\n  c = center(x, over=S)\n"
                f"  d = c\n  base net: [{points}, 3] -> [1]\n  output y: [1] = frame(net, d{both})\n"
                f"  output z: [1] = frame(net, c{both})\n"
                "  ensure y, z almost everywhere invariant under S * E\n}\n"
            )
            found = check_source(Source("spec.eqs", text)).diagnostics
            assert {d.code for d in found if d.severity is Severity.ERROR} == codes


def module(text: str) -> Module:
    result = check_source(Source("spec.eqs", HEAD + text))
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    return result.spec.modules[-1]


BOTH = "by=[principal_axes, sort])"


def test_calls_and_levels() -> None:
    net = "base net: [6, 3] -> [6, 3]\n  base two: [6, 3], [6, 3] -> [1]\n"
    made = module(f"""module M {{
  input x: [S.natural, O3.vector]
  input z: [S.natural, O3.vector]
  input p: [S.natural, E.point]
  {net}
  output a: [S.natural, O3.vector] = frame(net, x, {BOTH}
  output b: [S.natural, E.point] = frame(net, p, {BOTH}
  h: [S.natural, O3.vector] = linear(x)
  output c: [S.natural, O3.vector] = frame(net, h, {BOTH}
  output d: [1] = frame(two, x, h, {BOTH}
  output e: [1] = frame(two, h, x, {BOTH}
  output f: [6, 3] = frame(net, a, {BOTH}
  q: [S.natural, E.vector] = center(p, over=S)
  output g: [S.natural, E.vector] = frame(net, q, {BOTH}
  w: [S.natural, O3.vector] = x + z
  output i: [1] = frame(two, w, x, {BOTH}
}}
""")
    data = made.node("a").data
    assert isinstance(data, Framing) and data.calls == 8
    levels = {name: made.node(name).level() for name in "abcdefgi"}
    almost, not_proved = Level.ALMOST_EVERYWHERE, Level.APPROXIMATE
    assert levels == {
        "a": almost,  # an input
        "b": almost,  # points
        "c": not_proved,  # weights may be 0
        "d": almost,  # the first argument gives the frame
        "e": not_proved,
        "f": not_proved,
        "g": almost,  # generic among centred clouds
        "i": almost,  # a sum with a term of its own inputs
    }
    levels_of = made.node("a").levels
    assert (levels_of["O3"], levels_of["S"], levels_of["E"]) == (almost, almost, Level.EXACT)
    assert "eigenvalues" in made.node("a").null_set and "two rows" in made.node("a").null_set


def test_frames_of_two_arguments_need_independent_inputs() -> None:
    """The frame of the rotations from one argument, the order of the rows from another."""
    for second, level in (("z", Level.ALMOST_EVERYWHERE), ("h", Level.APPROXIMATE)):
        made = module(f"""module M {{
  input x: [3, O3.vector]
  input z: [S.natural, 2]
  h: [S.natural, 2] = relu(z)
  base net: [3, 3], [6, 2] -> [1]
  output y: [1] = frame(net, x, {second}, by=[gram_schmidt, sort])
}}
""")
        assert made.node("y").level() == level


@pytest.mark.parametrize(("given", "level"), [("x", 1), ("h", 0), ("(x + h)", 1)])
def test_a_called_module_is_as_generic_as_what_it_is_given(given: str, level: int) -> None:
    given = given.strip("()")
    made = module(f"""module N {{
  input p: [S.natural, O3.vector]
  c = center(p, over=S)
  base net: [6, 3] -> [1]
  output y: [1] = frame(net, c, {BOTH}
}}
module M {{
  input x: [S.natural, O3.vector]
  input z: [S.natural, O3.vector]
  base net: [6, 3] -> [1]
  h: [S.natural, O3.vector] = linear(z)
  g = {given}
  output y = N(g, net=net)
}}
""")
    assert made.node("y").level() == Level(level)


def test_explain_and_cost_know_frames_and_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """module M {
  input x: [S.natural, E.point]
  base net: [6, 3] -> [6, 3]
  output y: [S.natural, E.point] = frame(net, x, by=[principal_axes, sort])
  output z: [S.natural, S.natural, E.vector] = difference(x)
}
"""
    file = tmp_path / "points.eqs"
    file.write_text(HEAD + text, encoding="utf-8")
    for args in (["explain", str(file), "y"], ["explain", str(file), "z"], ["cost", str(file)]):
        with pytest.raises(SystemExit) as done:
            main(args)
        assert done.value.code == 0, args
    shown = capsys.readouterr().out
    assert "two eigenvalues of the covariance" in shown
    assert re.search(r"\* +frame\(net, x, by=\[principal_axes\(E\), sort\(S\)\]\) +8", shown)


def test_the_bounds_on_rows_are_those_of_linear_algebra() -> None:
    """With as many free vectors as the rule asks for, random frames are well defined; with one less,
    none is, up to rounding. Over methods, groups, dimensions, points and centred vectors."""
    np = pytest.importorskip("numpy")
    from eqspec.ops.framing import needed_rows
    from eqspec.program.framed import Axes
    from eqspec.program.frames import lead_of_axes

    rng = np.random.default_rng(0)
    for family in ("orthogonal", "special_orthogonal", "euclidean", "special_euclidean"):
        for n in (2, 3, 4, 5):
            group = classical_group(family, n)
            special, points = family.startswith("special"), "euclidean" in family
            for method in ("principal_axes", "gram_schmidt"):
                needed = needed_rows(method, group)
                for rows in (needed, needed - 1):
                    if rows == 0:
                        continue
                    x = rng.standard_normal((20, rows + points, n))
                    if points:
                        x = x - x.mean(axis=1, keepdims=True)
                    if method == "gram_schmidt":
                        x = x[:, : n - special]
                    if method == "gram_schmidt" and x.shape[1] < n - special:
                        continue  # there are not so many vectors at all
                    leads = lead_of_axes(Axes((0,), method, special, True), x)
                    what = (family, n, method, rows)
                    assert (np.median(leads) > 1e-3) == (rows == needed), what
                    assert rows == needed or leads.max() < 1e-7, what


def test_the_first_argument_with_enough_vectors_gives_the_frame() -> None:
    made = module("""module M {
  input x: [1, O3.vector]
  input z: [S.natural, O3.vector]
  base net: [1, 3], [6, 3] -> [3]
  output y: [O3.vector] = frame(net, x, z, by=[principal_axes, sort])
}
""")
    data = made.node("y").data
    assert isinstance(data, Framing) and data.steps[0].source == 1
