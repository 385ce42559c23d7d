"""Planted mistakes: each file says how many it holds, and its `.out` file what the parser must say.

`EQSPEC_UPDATE=1 pytest tests/syntax/test_bad.py` rewrites the `.out` files; read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from eqspec.diagnostics.codes import CODES
from eqspec.diagnostics.render import render_concise
from eqspec.syntax.parser import parse
from eqspec.syntax.reader import read_source

BAD = Path(__file__).parent / "bad"


@pytest.mark.parametrize("path", sorted(BAD.glob("*.eqs")), ids=lambda path: path.stem)
def test_every_mistake_is_reported_once(path: Path) -> None:
    source, diagnostics = read_source(path, path.name)
    assert source is not None
    assert not diagnostics
    _, diagnostics = parse(source)
    planted = re.match(r"# mistakes: (\d+)", source.text)
    assert planted is not None
    concise = render_concise(diagnostics)
    expected = path.with_suffix(".out")
    if os.environ.get("EQSPEC_UPDATE"):
        expected.write_text(concise, encoding="utf-8")
    assert concise == expected.read_text(encoding="utf-8")
    assert len(diagnostics) == int(planted[1]), concise
    for found in diagnostics:
        assert found.severity is CODES[found.code].severity
        assert 0 <= found.span.start <= found.span.end <= len(source.text)
        assert found.message
        assert not found.message.endswith(".")


def test_there_are_enough_of_them() -> None:
    assert len(list(BAD.glob("*.eqs"))) >= 25
    assert {path.stem for path in BAD.glob("*.out")} == {path.stem for path in BAD.glob("*.eqs")}
