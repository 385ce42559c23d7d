"""`check --fix`: the sure repairs of diagnostics, applied.

In: a source and a function that checks one. Out: a source in which no diagnostic has a sure repair
left, and how many were made. A round of repairs that costs a syntax error is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eqspec.diagnostics.model import Diagnostic, Fix, Severity, Source
from eqspec.syntax.format import format_text

ROUNDS = 8
"""One repair can bring the next mistake to light."""

Check = Callable[[Source], Sequence[Diagnostic]]


def repaired(source: Source, check: Check) -> tuple[Source, int]:
    """The source after all sure repairs. A file in its canonical layout stays in it."""
    tidy = format_text(source) == source.text
    made = 0
    found = _of(source, check)
    for _ in range(ROUNDS):
        fixes = [fix for one in found for fix in one.fixes[:1] if fix.sure]
        text, count = with_fixes(source.text, fixes)
        if not count:
            break
        fresh = Source(source.path, text)
        after = _of(fresh, check)
        if _syntax_errors(after) > _syntax_errors(found):
            break
        source, found, made = fresh, after, made + count
    if made and tidy and isinstance(laid := format_text(source), str):
        source = Source(source.path, laid)
    return source, made


def with_fixes(text: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """The text after the fixes, each made whole or not at all; of two that touch the first is made."""
    taken: list[tuple[int, int, str]] = []
    count = 0
    for fix in fixes:
        edits = [(span.start, span.end, new) for span, new in fix.edits]
        if edits and not any(_touch(one, other) for one in edits for other in taken):
            taken += edits
            count += 1
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text, count


def _touch(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _of(source: Source, check: Check) -> list[Diagnostic]:
    """The diagnostics of this file, in order; not those of the files that it uses."""
    found = [one for one in check(source) if one.source is source]
    return sorted(found, key=lambda one: one.sort_key)


def _syntax_errors(found: Iterable[Diagnostic]) -> int:
    return sum(one.code < "EQS2" and one.severity is Severity.ERROR for one in found)
