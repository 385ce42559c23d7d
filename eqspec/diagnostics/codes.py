"""The registry of diagnostic codes, and the long page of each.

A code is one line in `_TABLE` and one file `pages/EQS###.md`; a test holds the two together. Codes
are never re-used. Ranges: 1xx syntax, 2xx names and types, 3xx groups and representations, 4xx
equivariance, 5xx emission and stale files, 6xx configuration, 9xx lints.

Pages are read one at a time, when somebody asks; `check` on a good file reads none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eqspec.diagnostics.model import Severity

HEADINGS = (
    "What it means",
    "Why it matters",
    "Example that triggers it",
    "Example that is fine",
)


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of message: its stable code, a general title, how serious it is by default."""

    code: str
    title: str
    severity: Severity = Severity.ERROR


_WARNING, _NOTE = Severity.WARNING, Severity.NOTE

_TABLE = (
    # ---- syntax ----
    Code("EQS101", "something else was expected here"),
    Code("EQS102", "a bracket is not closed"),
    Code("EQS103", "a closing bracket closes nothing"),
    Code("EQS104", "a comma is missing"),
    Code("EQS105", "a reserved word is used as a name"),
    Code("EQS106", "a character is not part of the language"),
    Code("EQS107", "a string has no closing quote"),
    Code("EQS108", "an unknown escape in a string"),
    Code("EQS109", "the language version is missing"),
    Code("EQS110", "the language version is not supported"),
    Code("EQS111", "a statement does not begin on its own line"),
    Code("EQS112", "a statement stands in the wrong place"),
    Code("EQS113", "nested too deep"),
    Code("EQS114", "a number is too long"),
    Code("EQS115", "no statement begins with this word"),
    Code("EQS116", "a statement is not finished"),
    Code("EQS120", "the file is not UTF-8"),
    Code("EQS121", "the file is binary"),
    Code("EQS122", "the file is too large"),
    Code("EQS123", "the file cannot be read"),
    Code("EQS199", "too many syntax errors", _NOTE),
    # ---- names and types ----
    # ---- groups and representations ----
    # ---- equivariance ----
    # ---- emission and stale files ----
    # ---- configuration ----
    # ---- lints ----
    Code("EQS901", "a `##` comment documents nothing", _WARNING),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _TABLE}


def page(code: str) -> str | None:
    """The long explanation of a code in Markdown, None for a code that does not exist."""
    if code not in CODES:  # also keeps a caller's text out of the file name
        return None
    file = Path(__file__).resolve().parent / "pages" / f"{code}.md"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def url(code: str) -> str | None:
    """The address of a code's page on the web, for machine-readable output."""
    del code
    return None  # the documentation has no published address yet
