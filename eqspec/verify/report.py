"""What the verifier says: what was proved again, what was not, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. ``part`` is "file", "form", "group", "representation", "dimension",
    "op", "level", "promise" or "assumption"; ``place`` names the thing, ``message`` says what."""

    part: str
    place: str
    message: str


@dataclass
class Report:
    """``proved`` counts what was shown anew, by part; ``trusted`` are claims that stand on the
    compiler's word, each with the reason, as often as there are."""

    findings: list[Finding] = field(default_factory=list)
    proved: Counter[str] = field(default_factory=Counter)
    trusted: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.findings

    def wrong(self, part: str, place: str, message: str) -> None:
        self.findings.append(Finding(part, place, message))

    def show(self, part: str, count: int = 1) -> None:
        self.proved[part] += count

    def trust(self, reason: str) -> None:
        self.trusted[reason] += 1
