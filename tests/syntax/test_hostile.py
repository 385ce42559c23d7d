"""Whatever the bytes, the parser answers with diagnostics, in time, and never with an exception."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eqspec.diagnostics.model import Source
from eqspec.diagnostics.render import (
    render_concise,
    render_github,
    render_json,
    render_text,
    summary,
)
from eqspec.limits import limits
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source, source_of_bytes
from eqspec.syntax.trivia import MAX_DIAGNOSTICS

H = "eqspec 1\n"
HOSTILE = {
    "empty": ("", ["EQS109"]),
    "white space": (" \n\t\r\n", ["EQS109"]),
    "only comments": ("# a\n# b\n", ["EQS109"]),
    "windows": (H.replace("\n", "\r\n") + "group A = cyclic(2) # c\r\n", []),
    "tabs": (H + "group\tA\t=\tcyclic(2)\n", []),
    "no line end": (H + "group A = cyclic(2)", []),
    "a NUL": (H + "\0group A = cyclic(2)\n", ["EQS106"]),
    "10,000 parentheses": (H + "group A = " + "(" * 10_000 + "x" + ")" * 10_000, ["EQS113"]),
    "10,000 open parentheses": (H + "group A = " + "(" * 10_000, ["EQS113"]),
    "10,000 brackets": (H + "param n = " + "[" * 10_000 + "]" * 10_000, ["EQS113"]),
    "10,000 minus signs": (H + "param n = " + "-" * 10_000 + "1", ["EQS113"]),
    "10,000 attributes": (H + "param n = a" + ".b" * 10_000, ["EQS113"]),
    "10,000 calls": (H + "param n = a" + "()" * 10_000, ["EQS113"]),
    "10,000 selections": (H + "param n = a" + "[0]" * 10_000, ["EQS113"]),
    "1,000 flats": (H + "type T = " + "flat { a: " * 1000, ["EQS113"]),
    "5,000 terms": (H + "param n = " + " + ".join(["1"] * 5000), []),
    "5,000 factors": (H + "param n = " + " * ".join(["1"] * 5000), []),
    "a long cycle": (H + "rep A.p = f(9) { r -> (" + "a " * 20_000 + ") }", []),
    "many cycles": (H + "rep A.p = f(9) { r -> " + "(a)" * 20_000 + " }", []),
    "an open string": (H + 'use "abc\ngroup A = cyclic(2)\n', ["EQS107"]),
    "100,000 digits": (H + "param n = " + "9" * 100_000, ["EQS114"]),
    "a huge exponent": (H + "param n = 1e999999999", ["EQS114"]),
    "a long name": (H + "param " + "a" * 200_000 + " = 3", []),
    "closing brackets": (H + ")" * 10_000, ["EQS103"]),
    "closing braces": (H + "}" * 100_000, ["EQS103"]),
    "a ruler": (H + "#" * 200_000, []),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text(name: str) -> None:
    text, codes = HOSTILE[name]
    source = Source("t.eqs", text)
    begin = time.perf_counter()
    file, diagnostics = parse(source)
    assert [found.code for found in diagnostics] == codes
    for render in (render_concise, render_json, render_github, summary):
        assert isinstance(render(diagnostics), str)
    assert len(render_text(diagnostics, color=True)) < 5_000
    repr(file)  # a tree too deep to print would be too deep to walk
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    "text",
    [H + ";" * 10_000, H + 'use "' + r"\q" * 10_000 + '" as x', H + "param n: 3\n" * 200],
    ids=["semicolons", "escapes", "colons"],
)
def test_the_number_of_messages_is_bounded(text: str) -> None:
    _, diagnostics = parse(Source("t.eqs", text))
    assert len(diagnostics) == MAX_DIAGNOSTICS + 1
    assert [found.code for found in diagnostics].count("EQS199") == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xef\xbb\xbfeqspec 1\n", None),
        (b"eqspec 1\n# gr\xf6\xdfe\n", "EQS120"),
        (b"\xef\xbb\xbf# \xc3\xa9 \xff\n", "EQS120"),
        (b"\xff\xfee\0q\0s\0", "EQS120"),
        (b"eqspec 1\n\0\0", "EQS121"),
        (bytes(range(256)), "EQS121"),
        (b"#" * (limits().source_bytes + 1), "EQS122"),
    ],
)
def test_bytes(tmp_path: Path, data: bytes, code: str | None) -> None:
    path = tmp_path / "t.eqs"
    path.write_bytes(data)
    source, diagnostics = read_source(path, "t.eqs")
    assert [found.code for found in diagnostics] == ([code] if code else [])
    assert (source is None) == bool(code)
    if source is not None:
        assert parse(source)[1] == []
    assert (source_of_bytes(data, "-")[0] is None) == bool(code)
    render_text(diagnostics, color=False)


def test_the_bad_byte_is_pointed_at() -> None:
    _, (found,) = source_of_bytes(b"\xef\xbb\xbf# \xc3\xa9 \xff\n", "t.eqs")
    assert found.source.position(found.span.start) == (1, 5)


@pytest.mark.parametrize("where", ["missing.eqs", "."])
def test_unreadable(tmp_path: Path, where: str) -> None:
    source, (found,) = read_source(tmp_path / where, where)
    assert source is None
    assert found.code == "EQS123"


# ---- token soup ----------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|\w+|->|\.\.|\s+|.', re.DOTALL)
_SPECS = [
    _TOKEN.findall(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent.parent / "corpus" / "specs").glob("*.eqs"))
]
_POOL = sorted({token for spec in _SPECS for token in spec}) + list("\"'$\\→é\u200b\0{}()[];@")


@st.composite
def soup(draw: st.DrawFn) -> str:
    tokens = list(draw(st.sampled_from(_SPECS)))
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["delete", "repeat", "swap", "insert", "cut"])):
            case "delete":
                del tokens[at]
            case "repeat":
                tokens.insert(at, tokens[at])
            case "swap":
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case "insert":
                tokens.insert(at, draw(st.sampled_from(_POOL)))
            case _:
                tokens = tokens[: max(at, 2)]
        if not tokens:
            break
    return "".join(tokens)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(soup())
def test_never_crashes_on_token_soup(text: str) -> None:
    _check(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_never_crashes_on_any_text(text: str) -> None:
    _check(text)
    _check(H + text)


def _check(text: str) -> None:
    source = Source("t.eqs", text)
    _, diagnostics = parse(source)
    for found in diagnostics:
        for span in (found.span, *(label.span for label in found.labels)):
            assert 0 <= span.start <= span.end <= len(text)
        for fix in found.fixes:
            assert all(0 <= span.start <= span.end <= len(text) for span, _ in fix.edits)
    render_text(diagnostics, color=False)
    render_json(diagnostics)
