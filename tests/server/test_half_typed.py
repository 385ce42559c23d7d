"""Whatever is typed, every request has an answer: no exception, no claim that the checker does not make."""

import random
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span
from eqspec.tools.server import coloring, completion, hints, hover, outline
from eqspec.tools.server.diagnosing import all_repairs, diagnostic, repairs
from eqspec.tools.server.markup import code, inline, plain
from eqspec.tools.server.positions import UTF8, UTF16, UTF32, Positions
from eqspec.tools.server.renaming import CannotRename, apply, rename
from eqspec.tools.server.session import Analysis, Session, analyse, clean, path_of

ROOT = Path(__file__).parents[2]
SPEC = """eqspec 1
group Rot = cyclic(4)
group Flip = cyclic(2) named { r: m }
group Both = Rot * Flip
rep Rot.plane = matrix([x, y]) { r -> [[0, -1], [1, 0]] }
rep Both.words = permutation([no, "🦊", b, c]) { Rot.r -> (no "🦊" b c)  Flip.m -> () }
param width = 4
## What comes in.
type View = [3, Rot.rot90(8, 8)]
module Block(c, G: group) {
  input x: [c, G.regular]
  output y: [c, G.regular] = x + relu(linear(x))
}
module Net {
  input front: View
  input state: flat { place: [Rot.plane], others: [Rot.plane[x, y]] }
  base net: [3, 8, 8] -> [12]
  f: [width, Rot.regular] = linear(front, state.place)
  b = Block(f, c=width, G=Rot)
  z: [12] = equitune(net, front)
  output logits: [10] = linear(b.y, z)
  output turned: [Rot.plane] = linear(b)
  ensure logits exactly invariant under Both
}
"""


def _all_requests(session: Session, text: str, offset: int) -> Analysis:
    """Everything that an editor may ask, at one place."""
    uri = "file:///folder/typed.eqs"
    document = session.put(uri, text, 1)
    job = session.job(uri)
    assert job is not None
    analysis = analyse(job)
    assert session.keep(analysis)
    text = document.text
    whole = analysis.positions.whole
    completion.complete(
        text, offset, session.index_now(document), analysis.positions, lambda *_: None
    )
    hover.hover(analysis, offset, {})
    data = coloring.tokens(analysis)
    assert all(number >= 0 for number in data)
    outline.document_symbols(analysis)
    outline.folds(analysis)
    hints.hints(analysis, whole)
    repairs(analysis, whole)
    for found in analysis.diagnostics:
        diagnostic(found, analysis.positions, uri)
    edits = all_repairs(analysis.diagnostics)
    assert all(a.end <= b.start for (a, _), (b, _) in pairwise(edits))
    apply(text, edits)
    session.used_file_at(analysis, offset)
    return analysis


def _typed(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    session = Session()
    text = SPEC
    for _ in range(steps):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(5):
            case 0:
                shown = text[:at]  # as it was typed until here
            case 1:
                shown = text[:at] + rng.choice('(){}[]=,.:"#*^-\n\0🦊\r\u2028é') + text[at:]
            case 2:
                shown = text[:at] + text[min(len(text), at + rng.randrange(1, 40)) :]
            case 3:
                shown = text = (
                    text[:at] + rng.choice(["x", "Rot.", "\n", " linear(", "["]) + text[at:]
                )
            case _:
                shown = text = SPEC
        _all_requests(session, shown, min(at + 1, len(shown)))


def test_half_typed_texts_have_answers() -> None:
    _typed(0, 25)


@pytest.mark.slow
def test_many_half_typed_texts_have_answers() -> None:
    for seed in range(1, 40):
        _typed(seed, 150)
    session = Session()
    for path in sorted(ROOT.glob("examples/*/*.eqs")):
        text = path.read_text(encoding="utf-8")
        for at in range(0, len(text), 37):
            _all_requests(session, text[:at], at)


def test_odd_texts_have_answers() -> None:
    session = Session()
    for text in (
        "", "\n", "\ufeffeqspec 1\n", "eqspec 1\r\ngroup A = cyclic(4)\r\n", "\ud800 eqspec", "a\0b", "\x1b[31m",
        "eqspec 1\n" + "(" * 3_000, "eqspec 1\ngroup " + "A" * 5_000, "##",
        "\u2028\u2029", "eqspec 1\nuse \"\0\" as x\n",
        'eqspec 1\nuse "../../../etc/passwd" as p\nuse "typed.eqs" as me\n', "eqspec 1\nmodule M { output y",
    ):  # fmt: skip
        start = time.perf_counter()
        _all_requests(session, text, min(3, len(text)))
        assert time.perf_counter() - start < 20


def test_nothing_is_promised_of_a_refused_module() -> None:
    """Every hover and every hint of a module with an error is free of promises."""
    wrong = SPEC.replace("linear(b.y, z)", "linear(b.y, z, front.nothing)")
    analysis = _all_requests(Session(), wrong, 0)
    assert "Net" not in analysis.modules
    said = 0
    for occurrence in analysis.index.occurrences:
        if occurrence.symbol.container == "Net":
            found = hover.hover(analysis, occurrence.span.start, {})
            assert found is not None
            assert "equivariant" not in found[0]
            assert "**" not in found[0]
            said += "nothing is promised" in found[0]
    assert said > 5
    right = _all_requests(Session(), SPEC, 0)
    found = hover.hover(right, SPEC.index("f: [width"), {})
    assert found is not None
    assert "**equivariant**, exactly" in found[0]


def test_positions() -> None:
    text = "a🦊b\r\né\u2028z\rend"
    for encoding, fox, accent in ((UTF8, 4, 2), (UTF16, 2, 1), (UTF32, 1, 1)):
        positions = Positions(text, encoding)
        assert positions.lines == 3
        assert positions.position(0) == lsp.Position(0, 0)
        assert positions.position(2) == lsp.Position(0, 1 + fox)
        assert positions.offset(lsp.Position(0, 1 + fox)) == 2
        assert positions.position(text.index("\u2028")) == lsp.Position(1, accent)
        assert positions.offset(lsp.Position(2, 1)) == text.index("end") + 1
        assert positions.offset(lsp.Position(0, 99)) == text.index("\r")  # before the line end
        assert positions.offset(lsp.Position(9, 0)) == len(text)
        for offset in range(len(text) + 1):
            if text[offset - 1 : offset + 1] == "\r\n":
                continue  # between the two there is no position
            assert positions.offset(positions.position(offset)) == offset
        assert positions.span(positions.range(Span(1, 3))) == Span(1, 3)
    assert Positions("🦊").offset(lsp.Position(0, 1)) == 0  # half of a pair


def test_texts_of_a_spec_cannot_write_markdown() -> None:
    evil = "[click](command:evil) <img src=x onerror=alert(1)> **bold** `code` # h\n- a\n1. b\nhttp://x www.y.z"
    shown = plain(evil)
    for sign in ("[click]", "<img", "**bold**", "`code`", "http://", "www.y", "\n- ", "\n1. "):
        assert sign not in re.sub(r"\\.", "", shown), sign
    assert code("```\n</script>").startswith("````eqs\n")
    assert inline("a`b").startswith("``")
    spec = SPEC.replace("## What comes in.", "## [x](command:evil) <b>")
    analysis = _all_requests(Session(), spec, 0)
    found = hover.hover(analysis, spec.index("View ="), {})
    assert found is not None
    assert r"\[x\](command:evil) \<b\>" in found[0]


def test_the_limits_of_the_project_hold(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.eqspec.limits]\naxis-entries = 100\n")
    session = Session()
    uri = (tmp_path / "large.eqs").as_uri()
    session.put(uri, "eqspec 1\nmodule M {\n  input x: [101]\n  output y: [1] = linear(x)\n}\n", 1)
    job = session.job(uri)
    assert job is not None
    assert [found.code for found in analyse(job).diagnostics] == ["EQS205"]


def test_addresses() -> None:
    assert path_of("untitled:Untitled-1") is None
    assert path_of("http://example.org/a.eqs") is None
    assert path_of("file:///tmp/a%20b%23c.eqs") == Path("/tmp/a b#c.eqs").resolve()
    assert path_of("file:///tmp/%00.eqs") is None
    assert clean("\ufeffa\ud800") == " a\ufffd"


def test_renaming_nothing_is_an_answer() -> None:
    session = Session()
    analysis = _all_requests(session, SPEC, 0)
    for at in (0, 3, len(SPEC)):
        with pytest.raises(CannotRename):
            rename(session, analysis, at, "x")
