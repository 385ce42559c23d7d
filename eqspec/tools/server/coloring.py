"""Semantic tokens: what every word of a file is.

In: an analysis. Out: the tokens of the protocol. The classes of words are those that highlighters use
(`tools.editors`); what a name stands for is taken from the index.
"""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span
from eqspec.graph.groups import ALL_FAMILIES
from eqspec.graph.reps import BUILT
from eqspec.ops import OPS
from eqspec.tools.editors.tokens import Piece, classify
from eqspec.tools.editors.vocabulary import Kind as Class
from eqspec.tools.server.positions import units
from eqspec.tools.server.session import Analysis
from eqspec.tools.server.symbols import Kind

_NAMES = {
    Kind.FILE: "namespace",
    Kind.PARAM: "parameter",
    Kind.TYPE: "type",
    Kind.GROUP: "class",
    Kind.REP: "method",
    Kind.MODULE: "struct",
    Kind.INTERFACE: "interface",
    Kind.FORMAL: "typeParameter",
    Kind.INPUT: "variable",
    Kind.BASE: "function",
    Kind.LAYER: "variable",
    Kind.OUTPUT: "variable",
    Kind.FIELD: "property",
    Kind.GENERATOR: "event",
    Kind.POINT: "enumMember",
}
_CLASSES = {
    Class.DECLARATION: "keyword",
    Class.WORD: "keyword",
    Class.CONSTANT: "keyword",
    Class.ARGUMENT: "parameter",
    Class.NUMBER: "number",
    Class.STRING: "string",
    Class.OPERATOR: "operator",
    Class.DOCUMENTATION: "comment",
    Class.COMMENT: "comment",
}
TYPES = list(dict.fromkeys([*_NAMES.values(), *_CLASSES.values()]))
MODIFIERS = ["declaration", "readonly", "documentation", "defaultLibrary"]
LEGEND = lsp.SemanticTokensLegend(TYPES, MODIFIERS)


def tokens(analysis: Analysis, range_: lsp.Range | None = None) -> list[int]:
    """Five numbers for each token: lines and columns since the last one, length, type, modifiers."""
    wanted = analysis.positions.span(range_) if range_ is not None else None
    data: list[int] = []
    line = column = 0
    for span, kind, modifiers in _found(analysis):
        if wanted is not None and (span.end < wanted.start or span.start > wanted.end):
            continue
        at = analysis.positions.position(span.start)
        length = units(analysis.source.text[span.start : span.end], analysis.positions.encoding)
        data += [
            at.line - line,
            at.character - (column if at.line == line else 0),
            length,
            TYPES.index(kind),
            sum(1 << MODIFIERS.index(modifier) for modifier in modifiers),
        ]
        line, column = at.line, at.character
    return data


def _found(analysis: Analysis) -> Iterator[tuple[Span, str, tuple[str, ...]]]:
    """The tokens in order; none reaches over the end of a line."""
    text = analysis.source.text
    named = {occurrence.span.start: occurrence for occurrence in analysis.index.occurrences}
    for piece in classify(text):
        start = piece.start + (1 if piece.kind is Class.ATTRIBUTE else 0)  # without the dot
        if text[piece.start : start + 1].startswith("."):
            start = piece.start + 1
        occurrence = named.get(start)
        if occurrence is not None and occurrence.span.end <= piece.end:
            modifiers: tuple[str, ...] = ("declaration",) if occurrence.definition else ()
            if occurrence.symbol.kind in (Kind.INPUT, Kind.PARAM, Kind.FORMAL):
                modifiers = (*modifiers, "readonly")
            yield occurrence.span, _NAMES[occurrence.symbol.kind], modifiers
            continue
        kind, modifiers = _of_piece(text, piece, start)
        if kind and "\n" not in text[start : piece.end]:
            yield Span(start, piece.end), kind, modifiers


def _of_piece(text: str, piece: Piece, start: int) -> tuple[str, tuple[str, ...]]:
    word = text[start : piece.end]
    if start > piece.start or piece.kind is Class.ATTRIBUTE:
        return ("method", ("defaultLibrary",)) if word in BUILT else ("", ())
    if piece.kind in (Class.CALL, Class.NAME) and (word in OPS or word in ALL_FAMILIES):
        called = text[piece.end : piece.end + 1] == "("
        return ("function", ("defaultLibrary",)) if called else ("", ())
    modifiers = ("documentation",) if piece.kind is Class.DOCUMENTATION else ()
    return _CLASSES.get(piece.kind, ""), modifiers
