"""Requests that ask: hover, completion, definition, references, symbols, folding, hints, tokens."""

from __future__ import annotations

from lsprotocol import types as lsp

from eqspec.tools.server import coloring, completion, hints, hover, outline
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.server import Server
from eqspec.tools.server.symbols import Index, Kind


def reading(server: Server) -> None:
    session = server.session

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def on_hover(params: lsp.HoverParams) -> lsp.Hover | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        offset = analysis.positions.offset(params.position)
        found = analysis.index.at(offset)
        features = (Kind.LAYER, Kind.OUTPUT)
        costs = await server.cost(analysis) if found and found.symbol.kind in features else {}
        text = hover.hover(analysis, offset, costs)
        if text is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text[0])
        return lsp.Hover(content, analysis.positions.range(text[1]))

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", "=", "(", "[", ","]),
    )
    def on_completion(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        document = session.documents.get(params.text_document.uri)
        if document is None:
            return None
        job = session.job(document.uri)
        positions = Positions(document.text, session.encoding)
        index = session.index_now(document)
        known = document.analysis

        def type_of(container: str, name: str) -> str | None:
            modules = known.modules.get(container, ()) if known is not None else ()
            nodes = [n for m in modules for n in m.nodes] or (
                known.elaborated.get(container, ()) if known is not None else ()
            )
            return next((str(node.type) for node in nodes if node.name == name), None)

        assert job is not None
        offset = positions.offset(params.position)
        items = completion.complete(document.text, offset, index, positions, type_of)
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def on_definition(params: lsp.DefinitionParams) -> list[lsp.Location] | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        offset = analysis.positions.offset(params.position)
        file = session.used_file_at(analysis, offset)
        if file is not None:
            start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
            return [lsp.Location(session.uri_of(file), start)]
        found = analysis.index.at(offset)
        return [server.location(symbol) for symbol in found.symbols] if found else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def on_references(params: lsp.ReferenceParams) -> list[lsp.Location] | None:
        analysis = await server.analysis(params.text_document.uri)
        found = analysis.index.at(analysis.positions.offset(params.position)) if analysis else None
        if found is None:
            return None
        return [
            lsp.Location(
                session.uri_of(index.names.path),
                Positions(index.source.text, session.encoding).range(occurrence.span),
            )
            for index, occurrence in session.occurrences(found.symbol)
            if params.context.include_declaration or not occurrence.definition
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    async def on_highlight(
        params: lsp.DocumentHighlightParams,
    ) -> list[lsp.DocumentHighlight] | None:
        analysis = await server.analysis(params.text_document.uri)
        found = analysis.index.at(analysis.positions.offset(params.position)) if analysis else None
        if found is None or analysis is None:
            return None
        return [
            lsp.DocumentHighlight(
                analysis.positions.range(occurrence.span),
                lsp.DocumentHighlightKind.Write
                if occurrence.definition
                else lsp.DocumentHighlightKind.Read,
            )
            for occurrence in analysis.index.of(found.symbol)
        ]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def on_symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
        analysis = await server.analysis(params.text_document.uri)
        return outline.document_symbols(analysis) if analysis is not None else None

    @server.feature(lsp.WORKSPACE_SYMBOL)
    def on_workspace_symbols(params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        found: list[tuple[str, Index, Positions]] = []
        for path in session.paths():
            index = session.index_of(path)
            if index is not None:
                positions = Positions(index.source.text, session.encoding)
                found.append((session.uri_of(path), index, positions))
        return outline.workspace_symbols(params.query, iter(found))

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    async def on_folding(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange] | None:
        analysis = await server.analysis(params.text_document.uri)
        return outline.folds(analysis) if analysis is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def on_hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint] | None:
        analysis = await server.analysis(params.text_document.uri)
        return hints.hints(analysis, params.range) if analysis is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, coloring.LEGEND)
    async def on_tokens(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens | None:
        analysis = await server.analysis(params.text_document.uri)
        return lsp.SemanticTokens(coloring.tokens(analysis)) if analysis is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, coloring.LEGEND)
    async def on_some_tokens(params: lsp.SemanticTokensRangeParams) -> lsp.SemanticTokens | None:
        analysis = await server.analysis(params.text_document.uri)
        if analysis is None:
            return None
        return lsp.SemanticTokens(coloring.tokens(analysis, params.range))
