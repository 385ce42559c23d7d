"""Diagnostics and their repairs, as the protocol has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsprotocol import types as lsp

from eqspec.diagnostics.codes import url
from eqspec.diagnostics.model import Diagnostic, Severity, Span
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.session import Analysis

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
UNUSED = "EQS902"


def diagnostic(found: Diagnostic, positions: Positions, uri: str) -> lsp.Diagnostic:
    """A message with its label and help in the text, its other labels as related places."""
    page = url(found.code)
    lines = [found.message]
    lines += [part for part in (found.label, f"help: {found.help}" if found.help else "") if part]
    return lsp.Diagnostic(
        range=positions.range(_shown(found.span, positions.text)),
        message="\n".join(lines),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        code_description=lsp.CodeDescription(page) if page else None,
        source="eqspec",
        tags=[lsp.DiagnosticTag.Unnecessary] if found.code == UNUSED else None,
        related_information=[
            lsp.DiagnosticRelatedInformation(
                lsp.Location(uri, positions.range(label.span)), label.text
            )
            for label in found.labels
        ]
        or None,
    )


def failing_use(
    analysis: Analysis, span: Span, uri: str, found: Sequence[Diagnostic]
) -> lsp.Diagnostic:
    """At a `use`: the file has errors, which are related places."""
    errors = [one for one in found if one.severity is Severity.ERROR]
    related = []
    for one in errors[:5]:
        positions = Positions(one.source.text, analysis.positions.encoding)
        related.append(
            lsp.DiagnosticRelatedInformation(
                lsp.Location(uri, positions.range(one.span)), one.message
            )
        )
    count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
    return lsp.Diagnostic(
        range=analysis.positions.range(span),
        message=f"{count} in this file: {errors[0].message}",
        severity=lsp.DiagnosticSeverity.Error,
        code=errors[0].code,
        source="eqspec",
        related_information=related,
    )


def repairs(analysis: Analysis, range_: lsp.Range) -> list[lsp.CodeAction]:
    """The repairs of the diagnostics that touch a range; those that are sure are preferred."""
    wanted, positions = analysis.positions.span(range_), analysis.positions
    actions = []
    for found in analysis.diagnostics:
        if not _touch(found.span, wanted):
            continue
        for fix in found.fixes:
            edits: list[lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit] = [
                lsp.TextEdit(positions.range(span), text) for span, text in fix.edits
            ]
            document = lsp.OptionalVersionedTextDocumentIdentifier(analysis.uri, analysis.version)
            actions.append(
                lsp.CodeAction(
                    title=fix.title[:1].upper() + fix.title[1:],
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[diagnostic(found, positions, analysis.uri)],
                    is_preferred=fix.sure,
                    edit=lsp.WorkspaceEdit(
                        document_changes=[lsp.TextDocumentEdit(document, edits)]
                    ),
                )
            )
    return actions


def all_repairs(found: Iterable[Diagnostic]) -> list[tuple[Span, str]]:
    """The sure repairs of all messages, as far as they do not touch each other, in order."""
    chosen: list[tuple[Span, str]] = []
    for one in found:
        for fix in (fix for fix in one.fixes[:1] if fix.sure):
            if not any(_touch(span, other) for span, _ in fix.edits for other, _ in chosen):
                chosen.extend(fix.edits)
    return sorted(chosen, key=lambda edit: edit[0].start)


def _touch(first: Span, second: Span) -> bool:
    return first.start <= second.end and second.start <= first.end


def _shown(span: Span, text: str) -> Span:
    """At least one character: an empty range cannot be seen."""
    start = min(span.start, len(text))
    end = min(span.end, len(text))
    if end <= start:
        end = min(start + 1, len(text))
        start = max(end - 1, 0)
    return Span(start, end)
