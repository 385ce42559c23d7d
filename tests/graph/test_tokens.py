"""Index types: what they are, the one gate that keeps them from ops, and words read from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqspec.diagnostics.model import Severity, Source
from eqspec.graph.model import Module
from eqspec.ops import OPS
from eqspec.pipeline import CheckResult, check_file, check_source, compile_spec

HEAD = """\
eqspec 1
group Verb = cyclic(2)
group Side = cyclic(3)
group Both = Verb * Side
group S = symmetric(3)
group D = cyclic(4)
group E = euclidean(2)
rep Both.words = permutation([pad, jump, run, left, right, back]) {
  Verb.r -> (jump run)
  Side.r -> (left right back)
}
rep Both.same = permutation(6) { Verb.r -> (1 2)  Side.r -> (3 4 5) }
rep Both.other = permutation(6) { Verb.r -> (1 3)  Side.r -> (2 4 5) }
rep Verb.signed = signed_permutation([a, b]) { r -> (a -b) }
rep Verb.flip = matrix([x, y]) { r -> diag(1, -1) }
"""


def codes(text: str) -> list[str]:
    found = check_source(Source("spec.eqs", HEAD + text)).diagnostics
    return [d.code for d in found if d.code != "EQS902"]


def module(*lines: str) -> str:
    return "module M {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def built(text: str) -> Module:
    result = check_source(Source("spec.eqs", HEAD + text))
    assert result.ok, [d.message for d in result.diagnostics]
    assert result.spec is not None
    return result.spec.module("M")


def test_types_print_compare_and_say_who_acts() -> None:
    found = built(
        module(
            "input a: index(Both.words)[4]",
            "input b: index(Both.same)[2 * 2]",
            "input c: index(Both.words)[S.natural, 2] + [3, Side.regular]",
            "input d: fixed index(9)[4]",
            "input e: index(Both.other)[4]",
            "base net: index(6)[4], index(6)[3, 2], [9] -> [6]",
            "output y: [Both.words] = equitune(net, a, c[0], c[1])",
        )
    )
    types = {feature.name: feature.type for feature in found.inputs}
    assert str(types["a"]) == "index(Both.words)[4]"
    assert str(types["c"]) == "index(Both.words)[S.natural, 2] + [3, Side.regular]"
    assert str(types["d"]) == "fixed index(9)[4]"
    assert types["a"] == types["b"], "the same permutations by another name"
    assert len({types[name] for name in "abde"}) == 3
    assert types["a"].factors == {"Verb", "Side"}
    assert types["c"].factors == {"Verb", "Side", "S"}
    assert not types["d"].factors
    assert [node.generic for node in found.nodes if node.op == "input"] == [False] * 5
    assert found.node("y").level().key == "exact"


def test_no_op_takes_words_unless_it_says_so() -> None:
    """Every op of the language, with words wherever it takes a feature."""
    refused = []
    for name, op in OPS.items():
        if name == "+" or op.signature.indices:
            continue
        low, high = op.signature.tensors
        features = ["ids"] * (low if high is None or low else high)
        bases = ["net", "net"][: op.signature.bases]
        text = module(
            "input ids: index(Both.words)[4]",
            "base net: index(6)[4] -> [6]",
            f"output y: [Both.words] = {name}({', '.join([*bases, *features])})",
        )
        assert codes(text) == ["EQS223"], name
        refused.append(name)
    assert len(refused) > 30
    text = module("input ids: index(Both.words)[4]", "output y: [4] = ids + ids")
    assert codes(text) == ["EQS223"]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        # what may be permuted
        ("EQS222", ["input x: index(Verb.signed)[4]", "output y: [4] = embedding(x)"]),
        ("EQS222", ["input x: index(Verb.flip)[4]", "output y: [4] = embedding(x)"]),
        ("EQS222", ["input x: index(E.point)[4]", "output y: [4] = embedding(x)"]),
        ("EQS222", ["input x: index(6)[Verb.signed]", "output y: [Verb.signed] = embedding(x)"]),
        ("EQS206", ["input x: fixed index(Both.words)[4]", "output y: [4] = embedding(x)"]),
        ("EQS205", ["input x: index(99999999)[4]", "output y: [4] = embedding(x)"]),
        ("EQS210", ["input x: flat { a: index(6)[4] }", "output y: [4] = embedding(x.a)"]),
        (
            "EQS429",
            [
                "input x: index(Both.words)[n]",
                "base net: index(6)[4] -> [6]",
                "output y: [Both.words] = equitune(net, x)",
            ],
        ),
        ("EQS218", ["input x: index(n)[4]", "output y: [4] = embedding(x)"]),
        # what is no result
        (
            "EQS224",
            [
                "input x: index(Both.words)[4]",
                "base net: index(6)[4] -> [6]",
                "output y: index(Both.words)[4] = equitune(net, x)",
            ],
        ),
        ("EQS224", ["input x: [4]", "output y: index(Both.words)[4] = linear(x)"]),
        ("EQS224", ["input x: index(Both.words)[4]", "output y = x"]),
        (
            "EQS224",
            [
                "input x: index(Both.words)[4]",
                "base net: index(6)[4] -> index(6)[4]",
                "output y: [6] = equitune(net, x)",
            ],
        ),
        # embeddings
        ("EQS225", ["input x: [4, Both.words]", "output y: [4] = embedding(x)"]),
        ("EQS225", ["input x: index(Both.words)[4]", "output y: [5, 4] = embedding(x)"]),
        ("EQS225", ["input x: index(6)[S.natural]", "output y: [3, 8] = embedding(x)"]),
        ("EQS225", ["input x: index(6)[4] + index(6)[4]", "output y: [4] = embedding(x)"]),
        ("EQS402", ["input x: index(Both.words)[4]", "output y: [4, D.sign] = embedding(x)"]),
        ("EQS208", ["input x: index(Both.words)[4]", "output y = embedding(x)"]),
        ("EQS413", ["input x: index(1000000)[1]", "output y: [1, 200] = embedding(x)"]),
        # averages: words of one vocabulary are no words of another, and no numbers
        (
            "EQS211",
            [
                "input x: index(Both.words)[4]",
                "base net: index(7)[4] -> [6]",
                "output y: [Both.words] = equitune(net, x)",
            ],
        ),
        (
            "EQS211",
            [
                "input x: index(Both.words)[4]",
                "base net: [4] -> [6]",
                "output y: [Both.words] = equitune(net, x)",
            ],
        ),
        (
            "EQS211",
            [
                "input x: [4, Verb.regular]",
                "base net: index(6)[4, 2] -> [6]",
                "output y: [Both.words] = equitune(net, x)",
            ],
        ),
        (
            "EQS211",
            [
                "input x: index(Both.words)[4] + index(Both.words)[3]",
                "base net: index(6)[7] -> [6]",
                "output y: [Both.words] = equitune(net, x)",
            ],
        ),
        (
            "EQS210",
            [
                "input x: index(Both.words)[S.natural]",
                "base net: index(6)[3] -> [6]",
                "output y: [Both.words] = multi_equitune(net, x)",
            ],
        ),
        (
            "EQS210",
            [
                "input x: index(Both.words)[4]",
                "base net: index(6)[4] -> [6]",
                "output y: [Both.words] = coset(net, x)",
            ],
        ),
        (
            "EQS210",
            [
                "input x: index(Both.words)[4]",
                "base net: index(6)[4] -> [6]",
                "output y: [Both.words] = equizero(net, x, by=entropy)",
            ],
        ),
        (
            "EQS210",
            [
                "input x: index(Both.words)[4]",
                "input v: [Verb.regular]",
                "base net: index(6)[4], [2] -> [6]",
                "output y: [Both.words] = equizero(net, x, v, by=entropy)",
            ],
        ),
        # a base that is said to be equivariant
        (
            "EQS210",
            [
                "input x: index(Both.words)[4]",
                "base net: index(Both.words)[4] -> [6]",
                "output y: [6] = equitune(net, x)",
            ],
        ),
    ],
)
def test_refused(code: str, lines: list[str]) -> None:
    assert codes("param n = dynamic\n" + module(*lines)) == [code]


def test_jumps_behind_words_are_approximate() -> None:
    """A number has no density, so a null set says nothing (rule R4)."""
    found = built(
        module(
            "input x: index(Both.words)[4]",
            "output y: [4, Both.regular] = sign(embedding(x))",
        )
    )
    assert {level.key for level in found.node("y").levels.values()} == {"approximate"}


def test_an_input_without_a_group_says_how_to_mark_it() -> None:
    text = module(
        "input x: index(Both.words)[4]",
        "input z: index(9)[4]",
        "a: [4, 2] = embedding(x)",
        "b: [4, 2] = embedding(z)",
        "output y: [2] = linear(a, b)",
    )
    found = check_source(Source("spec.eqs", HEAD + text)).diagnostics
    (told,) = [d for d in found if d.code != "EQS902"]
    assert told.code == "EQS903"
    assert told.help is not None
    assert "fixed index(9)[...]" in told.help
    assert codes(text.replace("z: index", "z: fixed index")) == []


def test_what_the_sum_of_orders_loses_is_counted_on_one_hot_codes() -> None:
    """Three swapped pairs and four other words: every linear map is reached, and nobody is warned. Two
    factors that move the same words lose the functions in which they act together."""
    head = "eqspec 1\n" + "".join(f"group {g} = cyclic(2)\n" for g in "ABC")
    head += "group G = A * B * C\n"
    pairs = "rep G.w = permutation(10) { A.r -> (0 1)  B.r -> (2 3)  C.r -> (4 5) }\n"
    text = module(
        "input x: index(G.w)[1]",
        "base net: index(10)[1] -> [10]",
        "output y: [G.w] = multi_equitune(net, x)",
    )
    result = check_source(Source("spec.eqs", head + pairs + text))
    assert not result.diagnostics
    assert result.spec is not None
    report = result.spec.module("M").node("y").data.multi  # type: ignore[attr-defined]
    assert (report.reached, report.hom) == (52, 52)
    assert (report.input_kept, report.input_dimension) == (10, 10)
    assert result.spec.module("M").node("y").data.calls == 6  # type: ignore[attr-defined]
    square = "group H = A * B\nrep H.w = permutation(4) { A.r -> (0 1)(2 3)  B.r -> (0 2)(1 3) }\n"
    text = text.replace("G.w", "H.w").replace("10", "4")
    result = check_source(Source("spec.eqs", head + square + text))
    told = [d for d in result.diagnostics if d.code != "EQS902"]
    assert [d.code for d in told] == ["EQS408"]
    assert "input kept 3 of 4 of its one-hot encoding" in told[0].message


# ---- words from files --------------------------------------------------------------------------------


def file_spec(
    folder: Path, written: str = "words.txt", cycle: str = '(" he" " she")'
) -> CheckResult:
    spec = folder / "specs" / "spec.eqs"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(
        "eqspec 1\ngroup G = cyclic(2)\n"
        f'rep G.words = permutation(file="{written}") {{ r -> {cycle} }}\n'
        "module M {\n  input ids: index(G.words)[3]\n"
        "  output y: [3, G.words] = embedding(ids)\n}\n",
        encoding="utf-8",
    )
    return check_file(spec, "specs/spec.eqs", folder)


def test_points_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    for data in (b" he\n she\nit\n", b" he\r\n she\r\nit", b"\xef\xbb\xbf he\n she\nit\n"):
        (tmp_path / "specs" / "words.txt").write_bytes(data)
        result = file_spec(tmp_path)
        assert result.ok, [d.message for d in result.diagnostics]
        assert result.spec is not None
        values = result.spec.module("M").inputs[0].type.blocks[0].values
        assert values is not None
        assert values.rep is not None
        assert values.rep.points == (" he", " she", "it")
    (tmp_path / "words.txt").write_bytes(b" he\n she\n")
    assert file_spec(tmp_path, "../words.txt").ok, "inside the project"


def test_a_changed_word_makes_the_files_stale(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    texts = []
    for third in ("it", "they"):
        (tmp_path / "specs" / "words.txt").write_text(f" he\n she\n{third}\n", encoding="utf-8")
        files = compile_spec(file_spec(tmp_path), "spec", "specs/spec.eqs").files
        texts.append([file.text.split("\n", 2) for file in files])
    for first, second in zip(*texts, strict=True):
        assert first[1] != second[1], "the hash of what it was made of"
        assert first[2] == second[2]


def test_files_that_are_no_lists_of_words(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "specs").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text(" he\n she\n", encoding="utf-8")
    (project / "specs" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (project / "specs" / "loop.txt").symlink_to("loop.txt")
    cases = {
        "../../secret.txt": "outside the project",
        str(tmp_path / "secret.txt"): "outside the project",
        "link.txt": "outside the project",
        "loop.txt": "cannot be read",
        "missing.txt": "cannot be read",
        ".": "cannot be read",
        "words.json": "JSON",
    }
    for written, words in cases.items():
        found = [d for d in file_spec(project, written).diagnostics if d.severity is Severity.ERROR]
        assert len(found) == 1, written
        assert words in found[0].message
    contents = {
        b"": "has no words",
        b" he\n\n she\n": "line 2 of `words.txt` is empty",
        b"\n he\n she\n": "line 1 of `words.txt` is empty",
        b" he\n she\n\n": "line 3 of `words.txt` is empty",
        b" he\n she\nit\n he\n": "line 4 of `words.txt` has a word that stands in line 1 too",
        b"\xff\xfeh\x00e\x00": "cannot be read",
        b" he\n she\n\xe4\n": "cannot be read",
        b" he\n she\n\x00\n": "cannot be read",
        b"\n".join(b"%d" % k for k in range(70_000)): "has 70,000 lines",
        b"x" * (5 * 2**20): "cannot be read",
    }
    for data, message in contents.items():
        (project / "specs" / "words.txt").write_bytes(data)
        found = [d for d in file_spec(project).diagnostics if d.severity is Severity.ERROR]
        assert [d.code for d in found] == ["EQS226"], data[:20]
        assert message in found[0].message
    (project / "specs" / "words.txt").write_bytes(b"he\n she\n")
    found = [d for d in file_spec(project).diagnostics if d.severity is Severity.ERROR]
    assert [d.code for d in found] == ["EQS201"], "blanks belong to the word"
    assert not check_source(
        Source(
            "x.eqs", 'eqspec 1\ngroup G = cyclic(2)\nrep G.w = permutation(file="w") { r -> () }\n'
        )
    ).ok
