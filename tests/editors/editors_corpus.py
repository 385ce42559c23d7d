"""Every spec of the project, as text: files, and the `eqs` blocks of its documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from eqspec.diagnostics.model import Source
from eqspec.syntax.parser import parse

ROOT = Path(__file__).resolve().parent.parent.parent
_BLOCK = re.compile(r"^```eqs\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Name and text, good files and broken ones; each text once."""
    return tuple({text: (name, text) for name, text in _found()}.values())


@cache
def good_texts() -> tuple[tuple[str, str], ...]:
    """Those without a syntax error."""
    return tuple((name, text) for name, text in texts() if not parse(Source(name, text))[1])


def _found() -> Iterator[tuple[str, str]]:
    for folder in ("examples", "tests", "docs", "eqspec"):
        for path in sorted((ROOT / folder).rglob("*.eqs")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((ROOT / folder).rglob("*.md")):
            for number, block in enumerate(_BLOCK.findall(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT)}#{number}", block
