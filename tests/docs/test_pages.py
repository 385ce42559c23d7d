"""Every code has a page, and the examples of every page do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqspec.diagnostics.codes import CODES, HEADINGS, page
from eqspec.diagnostics.model import Diagnostic, Severity, Source
from eqspec.pipeline import check_source
from eqspec.syntax.parser import parse

PACKAGE = Path(__file__).resolve().parents[2] / "eqspec"
FENCE = re.compile(r"^```eqs\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(code: str) -> dict[str, str]:
    text = page(code)
    assert text is not None
    parts = re.split(rf"^## ({'|'.join(HEADINGS)})$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_emitted_code_is_registered() -> None:
    emitted = {
        code
        for file in PACKAGE.rglob("*.py")
        for code in re.findall(r'"(EQS\d{3})"', file.read_text(encoding="utf-8"))
    }
    assert emitted <= set(CODES)


def test_every_page_belongs_to_a_code() -> None:
    pages = {file.stem for file in (PACKAGE / "diagnostics" / "pages").glob("*.md")}
    assert pages == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_page_has_the_fixed_headings(code: str) -> None:
    text = page(code)
    assert text is not None
    assert text.startswith(f"# {code}: {CODES[code].title}\n")
    assert tuple(sections(code)) == HEADINGS


def diagnose(code: str, text: str) -> list[Diagnostic]:
    """What the checker says; for the codes of the syntax, what the parser says."""
    source = Source("x.eqs", text)
    return list(parse(source)[1] if code < "EQS2" else check_source(source).diagnostics)


@pytest.mark.parametrize("code", sorted(CODES))
def test_first_example_gives_the_code(code: str) -> None:
    for text in FENCE.findall(sections(code)["Example that triggers it"]):
        found = diagnose(code, text)
        mine = [d for d in found if d.code == code]
        others = [d for d in found if d.code != code and d.severity is Severity.ERROR]
        assert mine
        assert {d.severity for d in mine} == {CODES[code].severity}
        assert others == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_second_example_gives_no_errors(code: str) -> None:
    for text in FENCE.findall(sections(code)["Example that is fine"]):
        found = diagnose(code, text)
        assert [d.message for d in found if d.severity is Severity.ERROR] == []
        assert code not in {d.code for d in found}
