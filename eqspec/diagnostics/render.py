"""Diagnostics as text for people, and as lines or JSON for machines.

In: `Diagnostic` values. Out: one string, in the order path, offset, code. One function per format.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eqspec.diagnostics.codes import url
from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.snippet import marks_of, show, visible

SCHEMA = 1

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
_FRAME, _BOLD, _HELP = "1;34", "1", "1;36"
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key)


def render_text(diagnostics: Iterable[Diagnostic], color: bool) -> str:
    """Every message with its lines of source, a blank line between messages."""
    return "\n".join(_block(diagnostic, color) for diagnostic in in_order(diagnostics))


def render_concise(diagnostics: Iterable[Diagnostic]) -> str:
    """`path:line:column: error[EQS401] message`, one line each."""
    lines = []
    for found in in_order(diagnostics):
        line, column = found.source.position(found.span.start)
        where = f"{visible(found.source.path)}:{line}:{column}"
        lines.append(f"{where}: {found.severity.value}[{found.code}] {visible(found.message)}\n")
    return "".join(lines)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Schema 1: lines and columns from 1 in code points, offsets from 0 in code points."""
    import json  # lazy: the other formats do without

    found = [diagnostic_record(diagnostic) for diagnostic in in_order(diagnostics)]
    return json.dumps({"schema": SCHEMA, "diagnostics": found}, indent=2) + "\n"


def render_github(diagnostics: Iterable[Diagnostic], under: str = "") -> str:
    """Workflow commands: GitHub shows them beside the lines of a pull request.

    ``under`` is the working directory relative to the root of the repository, with ``/``.
    """
    lines = []
    for found in in_order(diagnostics):
        line, column = found.source.position(found.span.start)
        last, last_column = found.source.position(found.span.end)
        parts = [f"file={_property(visible(below(found.source.path, under)))}", f"line={line}"]
        if last == line:  # GitHub refuses columns for a span of several lines
            parts += [f"col={column}", f"endColumn={max(last_column, column + 1)}"]
        else:
            parts.append(f"endLine={last}")
        parts.append(f"title={_property(found.code)}")
        lines.append(f"::{_COMMANDS[found.severity]} {','.join(parts)}::{_data(_told(found))}\n")
    return "".join(lines)


def below(path: str, under: str) -> str:
    """A path relative to the working directory as one relative to the root of the repository."""
    if under in ("", ".") or path.startswith(("/", "<")):
        return path
    from posixpath import normpath

    return normpath(f"{under}/{path}")


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`Found 2 errors and 1 warning in 1 file.`"""
    found = list(diagnostics)
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE):
        count = sum(diagnostic.severity is severity for diagnostic in found)
        if count:
            parts.append(_count(count, severity.value))
    if not parts:
        return "No problems found."
    files = len({diagnostic.source.path for diagnostic in found})
    what = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"Found {what} in {_count(files, 'file')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


# ---- text ----------------------------------------------------------------------------------------


def _block(found: Diagnostic, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if color and text else text

    tone = _COLORS[found.severity]
    title = paint(f"{found.severity.value}[{found.code}]", tone)
    message = "\n    ".join(visible(line) for line in found.message.split("\n"))
    rows = [title + paint(f": {message}", _BOLD)]
    path = visible(found.source.path)
    wide = 1
    if found.source.text or found.label:
        line, column = found.source.position(found.span.start)
        marks = marks_of(found)
        lines = sorted({mark.line for mark in marks})
        wide = len(str(lines[-1]))
        rows.append(f"{' ' * wide} {paint('-->', _FRAME)} {path}:{line}:{column}")
        bar = paint(f" {' ' * wide} |", _FRAME)
        rows.append(bar)
        for number in lines:
            here = [mark for mark in marks if mark.line == number]
            code, placed = show(found.source.line(number), here)
            rows.append((paint(f" {number:>{wide}} |", _FRAME) + f" {code}").rstrip())
            for start, count, mark in placed:
                sign, style = ("^", tone) if mark.primary else ("-", _FRAME)
                text = sign * count + (f" {visible(mark.text)}" if mark.text else "")
                rows.append(f"{bar} {' ' * start}{paint(text, style)}")
    else:
        rows.append(f"{' ' * wide} {paint('-->', _FRAME)} {path}")
    indent = " " * (wide + 2)
    hint = _help(found)
    if hint:
        rows.append(f"{indent}{paint('= help:', _HELP)} {visible(hint)}")
    rows.append(f"{indent}{paint('= explain:', _HELP)} eqspec explain {found.code}")
    return "".join(f"{row}\n" for row in rows)


def _help(found: Diagnostic) -> str | None:
    """The help line; a repair that no label mentions stands in for it."""
    if found.help is not None or found.label:
        return found.help
    return found.fixes[0].title if found.fixes else None


def _told(found: Diagnostic) -> str:
    """All that a message says, without the lines of source: for readers who have these beside it."""
    rows = [found.message]
    if found.label:
        rows.append(found.label)
    for label in found.labels:
        rows.append(f"line {found.source.position(label.span.start)[0]}: {label.text}")
    hint = _help(found)
    if hint:
        rows.append(f"help: {hint}")
    return "\n".join(visible(line) for row in rows for line in row.split("\n"))


# ---- machines ------------------------------------------------------------------------------------


def diagnostic_record(found: Diagnostic) -> dict[str, Any]:
    """A message as plain values for JSON."""
    source = found.source
    labels = [{**_range(source, found.span), "text": found.label, "primary": True}]
    labels += [
        {**_range(source, label.span), "text": label.text, "primary": False}
        for label in found.labels
    ]
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "path": source.path,
        **_range(source, found.span),
        "labels": labels,
        "help": found.help,
        "fixes": [
            {
                "title": fix.title,
                "sure": fix.sure,
                "edits": [{**_range(source, span), "text": text} for span, text in fix.edits],
            }
            for fix in found.fixes
        ],
        "url": url(found.code),
    }


def _range(source: Source, span: Span) -> dict[str, dict[str, int]]:
    return {"start": _position(source, span.start), "end": _position(source, span.end)}


def _position(source: Source, offset: int) -> dict[str, int]:
    line, column = source.position(offset)
    return {"line": line, "column": column, "offset": offset}


def _data(text: str) -> str:
    lines = (visible(line) for line in text.split("\n"))  # the log of a run is read in a terminal
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
