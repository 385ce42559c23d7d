"""From a source text to its syntax tree: the front door of this room.

In: a `Source`. Out: a `File` with everything that could be read, and one diagnostic for each
mistake. Never an exception, whatever the text holds. Lark's LALR tables drive it; `build` makes the
nodes while it runs, `recovery` goes on after an error, `trivia` finds comments and bad literals.
"""

from __future__ import annotations

from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from eqspec.diagnostics.model import Diagnostic, Source, Span
from eqspec.syntax import errors, recovery, tree
from eqspec.syntax.build import MAX_DEPTH, TooDeepError, mark, span_of
from eqspec.syntax.grammar import lark_parser
from eqspec.syntax.reading import Reading, end_token
from eqspec.syntax.stack import CLOSERS, OPENERS, Stack
from eqspec.syntax.trivia import MAX_DIAGNOSTICS, Trivia, loose_documentation, scan
from eqspec.syntax.words import RESERVED

SUPPORTED_VERSION = 1

# a statement may end with these, so a name or reserved word behind them on the same line is suspect
_ENDERS = frozenset(
    {"NAME", "INT", "DECIMAL", "STRING", "ATTRIBUTE", "RPAR", "RSQB", "RBRACE", "TRUE", "FALSE"}
    | {"DYNAMIC", "PADDED", "INVARIANT", "EQUIVARIANT"}
)
_STARTERS = RESERVED | {"NAME"}


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """Read a file. The diagnostics come in the order of the text: `MAX_DIAGNOSTICS` and a note."""
    trivia = scan(source)
    reading = Reading(source, Stack(lark_parser().parse_interactive(source.text)))
    result: tuple[Token, tuple[tree.Item, ...]] | None = None
    while result is None:
        if reading.full:
            result = recovery.finish(reading)
            break
        try:
            result = _read_on(reading, trivia)
        except TooDeepError as error:
            recovery.recover_depth(reading, error.span)
    number, items = result if result is not None else (None, ())
    version = _version(reading, number)
    diagnostics = sorted(
        (*reading.diagnostics, *trivia.diagnostics), key=lambda found: found.sort_key
    )
    if len(diagnostics) >= MAX_DIAGNOSTICS:
        diagnostics = diagnostics[:MAX_DIAGNOSTICS]
        diagnostics.append(recovery.too_many(source, diagnostics[-1].span))
    diagnostics += _loose(reading, trivia)[:MAX_DIAGNOSTICS]
    diagnostics.sort(key=lambda found: found.sort_key)
    lost = tuple(dict.fromkeys(reading.lost))
    return tree.File(source, version, items, trivia.comments, lost), diagnostics


def _read_on(reading: Reading, trivia: Trivia) -> Any:
    """Read, or mend what could not be read; None if there is more to read. What is mended may come
    out too deep, as what is read."""
    try:
        return _read(reading, trivia)
    except UnexpectedToken as error:
        recovery.recover(reading, error.token)
    except UnexpectedCharacters as error:
        recovery.recover_characters(reading, error.pos_in_stream or 0)
    return None


def _read(reading: Reading, trivia: Trivia) -> Any:
    """Feed tokens until the end of the file or the first that does not fit."""
    stack, docs, text = reading.stack, trivia.docs, reading.source.text
    feed = stack.parser.feed_token
    last = reading.last
    for token in stack.tokens():
        kind = token.type
        if kind in OPENERS:
            reading.depth += 1
            if reading.depth > MAX_DEPTH:
                raise TooDeepError(span_of(token))
        elif kind in CLOSERS:
            reading.depth -= 1
        elif (
            kind in _STARTERS
            and last is not None
            and last.type in _ENDERS
            and "\n" not in text[last.end_pos : token.start_pos]
        ):
            _glued(reading, token)
        if token.start_pos in docs:
            token = mark(token, docs[token.start_pos])
        feed(token)
        reading.before = last
        reading.last = last = token
    return stack.feed(end_token(reading.source))


def _glued(reading: Reading, token: Token) -> None:
    """A word behind a complete statement: a second one on the line, or a slip in the first."""
    stack = reading.stack
    if not stack.takes(token.type):
        return  # the parser will refuse it
    if not (stack.takes("INPUT") or stack.takes("MODULE")):
        return  # inside of a statement: a point of a cycle, an entry between braces
    end = token.end_pos or 0
    if token.type == "NAME" and reading.source.text[end : end + 80].lstrip()[:1] not in (":", "="):
        raise UnexpectedToken(token, set())  # type: ignore[no-untyped-call]
    reading.report(errors.glued(reading.source, token))


def _version(reading: Reading, number: Token | None) -> int:
    if number is None:
        return SUPPORTED_VERSION
    value = int(number) if len(number) < 10 else 0
    if value != SUPPORTED_VERSION:
        reading.report(errors.unsupported_version(reading.source, number))
    return value


def _loose(reading: Reading, trivia: Trivia) -> list[Diagnostic]:
    """`##` comments that document nothing; not those of statements that were given up."""
    spans = [*trivia.loose, *(doc.span for doc in trivia.docs.values() if not doc.used)]
    unread = {doc.span for doc in trivia.docs.values() if _skipped(reading.skipped, doc.target)}
    if reading.full:
        return []
    return [loose_documentation(reading.source, span) for span in spans if span not in unread]


def _skipped(spans: list[Span], offset: int) -> bool:
    return any(span.start <= offset < span.end for span in spans)
