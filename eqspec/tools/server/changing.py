"""Requests that change texts: formatting, repairs, renaming."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from eqspec.diagnostics.model import Source, Span
from eqspec.syntax.format.text import format_text
from eqspec.tools.server import renaming
from eqspec.tools.server.diagnosing import all_repairs, repairs
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.server import Server

_REQUEST_FAILED = -32803


def changing(server: Server) -> None:
    session = server.session

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def on_formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        """The canonical layout; a text with syntax errors is left as it is."""
        document = session.documents.get(params.text_document.uri)
        if document is None:
            return None
        made = format_text(Source(document.uri, document.text))
        if not isinstance(made, str) or made == document.text:
            return None
        return _smallest(document.text, made, Positions(document.text, session.encoding))

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]),
    )
    async def on_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction] | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        actions = repairs(analysis, params.range)
        every = all_repairs(analysis.diagnostics)
        if every:
            positions = analysis.positions
            document = lsp.OptionalVersionedTextDocumentIdentifier(analysis.uri, analysis.version)
            edits: list[Any] = [lsp.TextEdit(positions.range(span), text) for span, text in every]
            actions.append(
                lsp.CodeAction(
                    "Apply every repair of this file",
                    lsp.CodeActionKind.SourceFixAll,
                    edit=lsp.WorkspaceEdit(
                        document_changes=[lsp.TextDocumentEdit(document, edits)]
                    ),
                )
            )
        only = params.context.only
        if only:
            actions = [
                a for a in actions if any(str(a.kind).startswith(str(kind)) for kind in only)
            ]
        return actions

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    async def on_prepare(params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        try:
            found = renaming.can_rename(analysis, analysis.positions.offset(params.position))
        except renaming.CannotRename as reason:
            raise JsonRpcException(str(reason), code=_REQUEST_FAILED) from None
        return lsp.PrepareRenamePlaceholder(analysis.positions.range(found.span), found.symbol.name)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    async def on_rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        offset = analysis.positions.offset(params.position)
        try:
            edits = renaming.rename(session, analysis, offset, params.new_name)
        except renaming.CannotRename as reason:
            raise JsonRpcException(str(reason), code=_REQUEST_FAILED) from None
        changes: list[Any] = []
        for path, found in edits.items():
            text = session.text_at(path) or ""
            positions = Positions(text, session.encoding)
            uri = session.uri_of(path)
            document = session.documents.get(uri)
            version = document.version if document is not None else None
            changes.append(
                lsp.TextDocumentEdit(
                    lsp.OptionalVersionedTextDocumentIdentifier(uri, version),
                    [lsp.TextEdit(positions.range(span), new) for span, new in found],
                )
            )
        return lsp.WorkspaceEdit(document_changes=changes)


def _smallest(old: str, new: str, positions: Positions) -> list[lsp.TextEdit]:
    """Edits line by line, so that cursors and breakpoints of the editor stay where they are."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        lsp.TextEdit(positions.range(Span(starts[a], starts[b])), "".join(after[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
