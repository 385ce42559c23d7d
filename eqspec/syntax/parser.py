"""Parser, first step: good files. Recovery follows."""

from __future__ import annotations

from lark.exceptions import UnexpectedInput

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.syntax import tree
from eqspec.syntax.build import mark
from eqspec.syntax.grammar import lark_parser
from eqspec.syntax.trivia import loose_documentation, scan


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    trivia = scan(source)
    diagnostics = list(trivia.diagnostics)
    interactive = lark_parser().parse_interactive(source.text)
    state, thread = interactive.parser_state, interactive.lexer_thread
    items: tuple[tree.Item, ...] = ()
    number = 1
    try:
        token = None
        for token in thread.lex(state):
            if token.start_pos in trivia.docs:
                token = mark(token, trivia.docs[token.start_pos])
            state.feed_token(token)
        version, items = interactive.feed_eof(token)
        number = int(version)
    except UnexpectedInput as error:
        at = error.pos_in_stream or 0
        diagnostics.append(Diagnostic("EQS101", "syntax error", source, Span(at, at + 1)))
    loose = [*trivia.loose, *(doc.span for doc in trivia.docs.values() if not doc.used)]
    diagnostics += [loose_documentation(source, span) for span in loose]
    return tree.File(source, number, items, trivia.comments), diagnostics
