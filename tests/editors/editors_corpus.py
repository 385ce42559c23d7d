"""Every spec of the project, as text: files, and the `eqs` blocks of its documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_BLOCK = re.compile(r"^```eqs\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def texts() -> Iterator[tuple[str, str]]:
    """Name and text, good files and broken ones."""
    for folder in ("examples", "tests", "docs", "eqspec"):
        for path in sorted((ROOT / folder).rglob("*.eqs")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((ROOT / folder).rglob("*.md")):
            for number, block in enumerate(_BLOCK.findall(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT)}#{number}", block
