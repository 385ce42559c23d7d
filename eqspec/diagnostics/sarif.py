"""Diagnostics as SARIF 2.1.0, the format of code scanning services and of editors' result viewers.

In: `Diagnostic` values. Out: one log with one run. Regions are lines and columns from 1 in code points,
which the run says of itself (``columnKind``); a diagnostic about a whole file has no region. Every code
that occurs is a rule with its page; repairs are ``fixes``; a fingerprint of code, file and the text of
the line lets a service follow a finding while lines above it come and go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from eqspec import __version__
from eqspec.diagnostics.codes import CODES, HEADINGS, page, url
from eqspec.diagnostics.model import Diagnostic, Fix, Severity, Source, Span
from eqspec.diagnostics.render import below, in_order
from eqspec.diagnostics.snippet import visible

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_sarif(diagnostics: Iterable[Diagnostic], under: str = "") -> str:
    """``under`` is the working directory relative to the root of the repository, with ``/``."""
    found = in_order(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    counted: dict[tuple[str, ...], int] = {}
    driver = {
        "name": "eqspec",
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            {**_result(one, under), "ruleIndex": codes.index(one.code), **_prints(one, counted)}
            for one in found
        ],
    }
    log = {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "properties": {"schema": 1},
        "runs": [run],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code}
    entry = CODES.get(code)
    if entry is not None:
        rule["shortDescription"] = {"text": plain(entry.title)}
        rule["defaultConfiguration"] = {"level": _LEVELS[entry.severity]}
    text = page(code)
    if text is not None:
        meaning = text.partition(f"## {HEADINGS[0]}\n")[2].partition("\n## ")[0].strip()
        rule["fullDescription"] = {"text": plain(meaning)}
        rule["help"] = {"text": plain(text), "markdown": text}
    address = url(code)
    if address is not None:
        rule["helpUri"] = address
    return rule


def _result(found: Diagnostic, under: str) -> dict[str, Any]:
    parts = [found.message, found.label, f"help: {found.help}" if found.help else ""]
    result: dict[str, Any] = {
        "ruleId": found.code,
        "level": _LEVELS[found.severity],
        "message": {"text": "\n".join(plain(part) for part in parts if part)},
        "locations": [_location(found.source, found.span, under)],
    }
    if found.labels:
        result["relatedLocations"] = [
            {
                **_location(found.source, label.span, under),
                "id": number,
                "message": {"text": plain(label.text)},
            }
            for number, label in enumerate(found.labels)
        ]
    if found.fixes:
        result["fixes"] = [_fix(found.source, fix, under) for fix in found.fixes]
    return result


def _location(source: Source, span: Span, under: str) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(source.path, under)}
    if source.text:
        physical["region"] = _region(source, span)
    return {"physicalLocation": physical}


def _artifact(path: str, under: str) -> dict[str, str]:
    """A file by a relative URI where it has one; ``%SRCROOT%`` is the root of the repository."""
    if path.startswith("/"):
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(below(path, under)), "uriBaseId": "%SRCROOT%"}


def _region(source: Source, span: Span) -> dict[str, int]:
    line, column = source.position(span.start)
    last, last_column = source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": last, "endColumn": last_column}


def _fix(source: Source, fix: Fix, under: str) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(source, span), "insertedContent": {"text": text}}
        for span, text in fix.edits
    ]
    change = {"artifactLocation": _artifact(source.path, under), "replacements": replacements}
    return {"description": {"text": plain(fix.title)}, "artifactChanges": [change]}


def _prints(found: Diagnostic, counted: dict[tuple[str, ...], int]) -> dict[str, Any]:
    """What stays the same when other lines change; equal findings on equal lines are numbered."""
    line = ""
    if found.source.text:
        line = found.source.line(found.source.position(found.span.start)[0]).strip()
    key = (found.code, found.source.path, line)
    counted[key] = counted.get(key, 0) + 1
    text = "\0".join((*key, str(counted[key])))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {"partialFingerprints": {"eqspecFinding/v1": digest}}


def plain(text: str) -> str:
    """A text that no viewer takes for links or placeholders: SARIF reads ``[a](b)`` as a link."""
    lines = "\n".join(visible(line) for line in text.split("\n"))
    return re.sub(r"\](?=\()", "] ", lines)
