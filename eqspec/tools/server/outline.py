"""The structure of a file: symbols for the outline and the search, and what can be folded."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span
from eqspec.syntax import tree
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.session import Analysis
from eqspec.tools.server.symbols import Index, Kind, Symbol

_KINDS = {
    Kind.FILE: lsp.SymbolKind.Namespace,
    Kind.PARAM: lsp.SymbolKind.Constant,
    Kind.TYPE: lsp.SymbolKind.TypeParameter,
    Kind.GROUP: lsp.SymbolKind.Class,
    Kind.REP: lsp.SymbolKind.Method,
    Kind.MODULE: lsp.SymbolKind.Module,
    Kind.INTERFACE: lsp.SymbolKind.Interface,
    Kind.FORMAL: lsp.SymbolKind.Constant,
    Kind.INPUT: lsp.SymbolKind.Field,
    Kind.BASE: lsp.SymbolKind.Function,
    Kind.LAYER: lsp.SymbolKind.Variable,
    Kind.OUTPUT: lsp.SymbolKind.Property,
    Kind.FIELD: lsp.SymbolKind.Field,
    Kind.GENERATOR: lsp.SymbolKind.Operator,
    Kind.POINT: lsp.SymbolKind.EnumMember,
}
_SHOWN = frozenset(Kind) - {Kind.POINT, Kind.GENERATOR}
_DETAIL = 60


def document_symbols(analysis: Analysis) -> list[lsp.DocumentSymbol]:
    """The declarations of the file; members and fields lie inside of what they belong to."""
    source, positions = analysis.source, analysis.positions
    roots: list[lsp.DocumentSymbol] = []
    open_: list[tuple[Span, lsp.DocumentSymbol]] = []
    definitions = [s for s in analysis.index.definitions if s.kind in _SHOWN]
    for symbol in sorted(definitions, key=lambda s: (s.whole.start, -s.whole.end)):
        made = lsp.DocumentSymbol(
            name=symbol.name
            if symbol.kind is not Kind.REP
            else f"{symbol.container}.{symbol.name}",
            detail=_detail(source.text, symbol),
            kind=_KINDS[symbol.kind],
            range=positions.range(symbol.whole),
            selection_range=positions.range(symbol.span),
            children=[],
        )
        while open_ and open_[-1][0].end < symbol.whole.end:
            open_.pop()
        siblings = open_[-1][1].children if open_ else roots
        assert isinstance(siblings, list)
        siblings.append(made)
        open_.append((symbol.whole, made))
    return roots


def _detail(text: str, symbol: Symbol) -> str:
    """What stands behind the name, in short."""
    if symbol.kind in (Kind.MODULE, Kind.INTERFACE):
        return str(symbol.kind.value)
    behind = " ".join(text[symbol.span.end : symbol.whole.end].split()).lstrip(":= ")
    return f"{behind[: _DETAIL - 1]}…" if len(behind) > _DETAIL else behind


def workspace_symbols(
    query: str, found: Iterator[tuple[str, Index, Positions]]
) -> list[lsp.WorkspaceSymbol]:
    """The declarations of all files whose names hold the letters of the query, in order."""
    wanted = query.lower()
    return [
        lsp.WorkspaceSymbol(
            location=lsp.Location(uri, positions.range(symbol.span)),
            name=symbol.name,
            kind=_KINDS[symbol.kind],
            container_name=symbol.container or None,
        )
        for uri, index, positions in found
        for symbol in index.definitions
        if symbol.kind in _SHOWN - {Kind.FIELD, Kind.FORMAL} and _holds(symbol.name.lower(), wanted)
    ]


def _holds(name: str, letters: str) -> bool:
    at = iter(name)
    return all(letter in at for letter in letters)


def folds(analysis: Analysis) -> list[lsp.FoldingRange]:
    """Declarations of several lines, `flat`s, and runs of comments."""
    text, positions = analysis.source.text, analysis.positions
    found: list[lsp.FoldingRange] = []

    def add(start: int, end: int, kind: lsp.FoldingRangeKind | None = None) -> None:
        first, last = positions.position(start).line, positions.position(end).line
        if kind is None and text[max(end - 1, 0) : end] in ("}", "]", ")"):
            last -= 1  # the closing bracket stays in sight
        if last > first:
            found.append(lsp.FoldingRange(first, last, kind=kind))

    for item in analysis.file.items:
        add(item.span.start, item.span.end)
    for block in analysis.index.names.fields:
        add(block.start, block.end)
    run: list[tree.Comment] = []
    for comment in (*analysis.file.comments, None):
        alone = (
            comment is not None
            and not text[positions.line_start(comment.span.start) : comment.span.start].strip()
        )
        if comment is not None and alone and run:
            between = text[run[-1].span.end : comment.span.start]
            if between.count("\n") == 1:
                run.append(comment)
                continue
        if len(run) > 1:
            add(run[0].span.start, run[-1].span.end, lsp.FoldingRangeKind.Comment)
        run = [comment] if comment is not None and alone else []
    return found
