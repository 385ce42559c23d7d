"""What people and machines see, held in golden files.

`EQSPEC_UPDATE=1 pytest tests/diagnostics/test_render.py` rewrites them; read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Diagnostic, Fix, Label, Severity, Source, Span
from eqspec.diagnostics.render import (
    render_concise,
    render_github,
    render_json,
    render_text,
    summary,
)
from eqspec.diagnostics.snippet import visible
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source

HERE = Path(__file__).parent
BAD = sorted((HERE.parent / "syntax" / "bad").glob("*.eqs"))

DIPOLE = Source(
    "dipole.eqs",
    "eqspec 1\n\ngroup S = symmetric(5)\ngroup O3 = orthogonal(3)\nmodule D {\n"
    "  v: [S.natural, O3.vector] = linear(x)\n\n\n  h = relu(v)\n}\n",
)


def span(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(start, start + len(text))


RELU = Diagnostic(
    "EQS401",
    "`relu` is not equivariant on `O3.vector`",
    DIPOLE,
    span(DIPOLE, "relu"),
    "pointwise functions commute with permutations only",
    (Label(span(DIPOLE, "O3.vector"), "`v` is turned by `O3` here"),),
    "`norm_relu(v)` acts on lengths and keeps directions",
    (Fix("write `norm_relu`", ((span(DIPOLE, "relu"), "norm_relu"),)),),
)


def test_the_text_of_a_message() -> None:
    assert (
        render_text([RELU], color=False)
        == """\
error[EQS401]: `relu` is not equivariant on `O3.vector`
  --> dipole.eqs:9:7
   |
 6 |   v: [S.natural, O3.vector] = linear(x)
   |                  --------- `v` is turned by `O3` here
 9 |   h = relu(v)
   |       ^^^^ pointwise functions commute with permutations only
   = help: `norm_relu(v)` acts on lengths and keeps directions
   = explain: eqspec explain EQS401
"""
    )


def test_color_changes_nothing_but_color() -> None:
    import re

    colored = render_text([RELU], color=True)
    assert "\x1b[1;31merror[EQS401]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_text([RELU], color=False)


def rows(source: Source, *marked: str, label: str = "here") -> list[str]:
    first, *others = (span(source, text) for text in marked)
    labels = tuple(Label(other, "there") for other in others)
    text = render_text([Diagnostic("EQS101", "m", source, first, label, labels)], color=False)
    return text.splitlines()[3:-1]


def test_tabs_wide_and_combining_characters() -> None:
    source = Source("w.eqs", "\tx\t= 日本語 e\u0301 bad")
    assert rows(source, "bad", "日本語") == [
        " 1 |     x   = 日本語 e\u0301 bad",
        "   |           ------ there",
        "   |                    ^^^ here",
    ]


def test_control_characters_do_not_reach_the_terminal() -> None:
    source = Source("a\nb.eqs", "x \x1b[31m \u202e y")
    text = render_text([Diagnostic("EQS101", "m\x1b", source, Span(2, 3))], color=False)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "a␊b.eqs:1:3" in text
    assert visible("plain é 日") == "plain é 日"


def test_a_span_over_several_lines_shows_its_ends() -> None:
    source = Source("m.eqs", "a = f(\n  b,\n  c)\n")
    assert rows(source, "f(\n  b,\n  c)") == [
        " 1 | a = f(",
        "   |     ^^",
        " 3 |   c)",
        "   |   ^^ here",
    ]


def test_long_lines_are_cut_around_the_place() -> None:
    source = Source("l.eqs", "a" * 500 + " here " + "b" * 500)
    code, caret = rows(source, "here")
    assert code.startswith(" 1 | …aaa")
    assert code.endswith("bbb…")
    assert len(code) < 140
    assert code[caret.index("^") :].startswith("here")


@pytest.mark.parametrize("text", ["x\n", "x", "x\r\n"])
def test_the_end_of_a_file(text: str) -> None:
    source = Source("e.eqs", text)
    found = Diagnostic("EQS101", "m", source, Span(len(text), len(text)), "the file ends here")
    assert "^ the file ends here" in render_text([found], color=False)
    assert render_concise([found]).startswith("e.eqs:")


def test_a_file_without_text_has_no_snippet() -> None:
    found = Diagnostic("EQS123", "cannot read this file", Source("no.eqs", ""), Span(0, 0))
    assert render_text([found], color=False).splitlines()[1] == "  --> no.eqs"


def test_concise_and_order() -> None:
    early = Diagnostic("EQS999", "early", DIPOLE, Span(0, 1), severity=Severity.WARNING)
    assert render_concise([RELU, early]) == (
        "dipole.eqs:1:1: warning[EQS999] early\n"
        "dipole.eqs:9:7: error[EQS401] `relu` is not equivariant on `O3.vector`\n"
    )


def test_json_follows_schema_1() -> None:
    found = json.loads(render_json([RELU]))
    assert found["schema"] == 1
    (record,) = found["diagnostics"]
    keys = {"code", "severity", "message", "path", "start", "end", "labels", "help", "fixes", "url"}
    assert set(record) == keys
    assert record["start"] == {"line": 9, "column": 7, "offset": DIPOLE.text.index("relu")}
    assert [label["primary"] for label in record["labels"]] == [True, False]
    assert record["fixes"][0]["edits"][0]["text"] == "norm_relu"
    assert json.loads(render_json([])) == {"schema": 1, "diagnostics": []}


def test_github_commands_are_escaped() -> None:
    source = Source("a,b:c%.eqs", "x")
    found = Diagnostic("EQS101", "100% ::wrong\nindeed", source, Span(0, 1))
    assert render_github([found]) == (
        "::error file=a%2Cb%3Ac%25.eqs,line=1,col=1,endColumn=2,title=EQS101"
        "::100%25 ::wrong%0Aindeed\n"
    )


def test_summary() -> None:
    warning = Diagnostic("EQS901", "w", DIPOLE, Span(0, 1), severity=Severity.WARNING)
    other = Diagnostic("EQS901", "w", Source("b", ""), Span(0, 0), severity=Severity.WARNING)
    assert summary([]) == "No problems found."
    assert summary([RELU]) == "Found 1 error in 1 file."
    assert summary([RELU, RELU, warning]) == "Found 2 errors and 1 warning in 1 file."
    assert summary([warning, other]) == "Found 2 warnings in 2 files."


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_golden_text(path: Path) -> None:
    source, diagnostics = read_source(path, path.name)
    if source is not None:
        diagnostics = parse(source)[1]
    text = render_text(diagnostics, color=False)
    golden = HERE / "golden" / f"{path.stem}.txt"
    if os.environ.get("EQSPEC_UPDATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
