"""Where the fuzzer begins: every spec of the repository, also the wrong ones and those in documents.

In: the repository. Out: texts, the same ones in the same order on every machine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).resolve().parent / "cases"
_FENCE = re.compile(r"^```eqs\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACES = ("examples", "tests", "docs", "eqspec", "benchmarks")


@lru_cache(maxsize=1)
def seeds() -> tuple[bytes, ...]:
    """Specs, blocks of documents and cases that failed once."""
    found: dict[bytes, None] = {}
    for place in _PLACES:
        for file in sorted((ROOT / place).rglob("*.eqs")):
            found.setdefault(file.read_bytes())
    for file in sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "eqspec").rglob("*.md")]):
        for block in _FENCE.findall(file.read_text(encoding="utf-8")):
            found.setdefault(block.encode("utf-8"))
    for file in cases():
        found.setdefault(file.read_bytes())
    return tuple(found)


def cases() -> list[Path]:
    """Inputs that failed once; `parser-slow-soup.case` is one of the target `parser`."""
    return sorted(CASES.glob("*.case"))
