"""Every code has its page, every page its headings, and the examples do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from eqspec.diagnostics.codes import CODES, HEADINGS, page
from eqspec.diagnostics.model import Severity, Source
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.syntax.parser import parse

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "eqspec" / "diagnostics" / "pages"
BY_PARSER = [code for code in CODES if code.startswith("EQS1")] + ["EQS901"]


def test_codes_and_pages_are_the_same() -> None:
    assert {file.stem for file in PAGES.glob("*.md")} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_has_its_headings(code: str) -> None:
    text = page(code)
    assert text is not None
    assert re.fullmatch(r"EQS[1-69]\d\d", code)
    assert text.splitlines()[0] == f"# {code}: {CODES[code].title}"
    assert re.findall(r"^## (.+)$", _outside_fences(text), re.MULTILINE) == list(HEADINGS)
    fences = re.findall(r"^```(\w*)$", text, re.MULTILINE)
    kinds = {fence for fence in fences if fence}
    assert len(kinds) == 1  # eqs; text or sh where no spec can show it
    assert kinds <= {"eqs", "text", "sh"}
    assert len(fences) == 4


@pytest.mark.parametrize("code", BY_PARSER)
def test_the_examples_of_syntax_pages(code: str) -> None:
    bad, good = re.findall(r"^```eqs\n(.*?)^```$", page(code) or "", re.M | re.S) or (None, None)
    if bad is None or good is None:
        assert code in ("EQS120", "EQS121", "EQS122", "EQS123", "EQS199")  # no text shows them
        return
    assert [found.code for found in parse(Source("bad.eqs", bad))[1]] == [code]
    assert parse(Source("good.eqs", good))[1] == []


def _outside_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def test_no_page_for_an_unknown_code() -> None:
    assert page("EQS000") is None
    assert page("../codes") is None


def test_severities() -> None:
    assert CODES["EQS901"].severity is Severity.WARNING
    assert CODES["EQS101"].severity is Severity.ERROR


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from eqspec.syntax.parser import parse\n"
        "from eqspec.diagnostics.model import Source\n"
        "from eqspec.diagnostics.render import render_text\n"
        "render_text(parse(Source('t', 'eqspec 1\\n'))[1], False)\n"
        "heavy = {'numpy', 'networkx', 'pydantic', 'jinja2', 'rich', 'torch', 'json', 'difflib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("gruop", ("use", "group", "module"), "group"),
        ("rot", ("Flip", "Rot"), "Rot"),
        ("outptu", ("input", "output"), "output"),
        ("lineer", ("linear", "pool"), "linear"),
        ("xyz", ("group", "module"), None),
        ("a", ("b", "c"), None),
        ("x", (), None),
        ("Rot", ("Rot",), None),
    ],
)
def test_did_you_mean(word: str, known: tuple[str, ...], expected: str | None) -> None:
    assert did_you_mean(word, known) == expected
