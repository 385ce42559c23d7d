"""Examples and documents are in the layout of `eqspec fmt`; `eqspec fmt FILE` puts them there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Source
from eqspec.syntax.format import format_text
from eqspec.tools.formatting.documents import lay_out_document

ROOT = Path(__file__).resolve().parents[2]


def untidy(files: Iterable[Path]) -> list[str]:
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        spec = file.suffix == ".eqs"
        if text != (format_text(Source(file.name, text)) if spec else lay_out_document(text)):
            found.append(file.relative_to(ROOT).as_posix())
    return found


def test_examples_are_laid_out() -> None:
    files = list(ROOT.glob("examples/*/*.eqs"))
    assert files
    assert untidy(files) == []


@pytest.mark.slow
def test_documents_are_laid_out() -> None:
    assert untidy([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]) == []
