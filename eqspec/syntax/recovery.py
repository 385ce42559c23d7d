"""How the parser goes on after a syntax error, so that one run reports every mistake once.

In: a `Reading` that stopped at a token. Out: the same reading, ready to go on, with one more
diagnostic.

Three ways, the mildest that works: *repair* (put in, exchange or drop one sign, so that the
statement is kept), *close* (a new statement begins: close what is open), *panic* (give it
up and read on at the next place that looks like a statement). A module keeps its good members.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark import Token

from eqspec.diagnostics.model import Diagnostic, Severity, Source, Span
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.syntax import errors
from eqspec.syntax.build import mark
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS, Place
from eqspec.syntax.lexical import unknown_characters
from eqspec.syntax.reading import (
    Reading,
    close,
    cut,
    describe,
    end_token,
    level_of,
    panic,
    resumes,
    start_of,
)
from eqspec.syntax.stack import CLOSERS, END, OPENERS, token_at
from eqspec.syntax.trivia import MAX_DIAGNOSTICS
from eqspec.syntax.words import EXPRESSION, ITEMS, MEMBERS, RESERVED, TYPE

_PATIENCE = 3  # failures at one place before it is skipped


# ---- entry points --------------------------------------------------------------------------------


def recover(reading: Reading, token: Token) -> None:
    """The parser refused ``token``; afterwards it can read on."""
    offset = token.start_pos or 0
    count = reading.stuck[1] + 1 if reading.stuck[0] == offset else 1
    reading.stuck = (offset, count)
    reading.stack.settle()
    if reading.stack.level("MODULE") is None:
        _version(reading, token)
        return
    failure = describe(reading, token)
    if count > _PATIENCE:  # a repair that leads nowhere
        panic(reading, failure, (token.end_pos or 0) + 1)
    elif token.type == END:
        _end(reading, failure)
    else:
        _token(reading, failure)


def recover_characters(reading: Reading, offset: int) -> None:
    """The text at ``offset`` is no token."""
    problem = unknown_characters(reading.source, offset, reading.last)
    reading.report(problem.diagnostic)
    reading.stack.settle()
    if reading.stack.level("MODULE") is None:
        _version(reading, token_at("NAME", reading.source.text[offset : problem.end], offset))
        return
    last = reading.last
    if problem.token is not None and last is not None and last.end_pos == offset:
        values = reading.stack.values
        if values and values[-1] is last and problem.token.start_pos == last.start_pos:
            values[-1] = problem.token  # the rest of a name: one word
            reading.go_on(problem.end, problem.token)
            return
    if problem.token is not None and reading.stack.takes(problem.token.type):
        reading.stack.feed(problem.token)
        reading.go_on(problem.end, problem.token)
        reading.mended = offset
    elif problem.harmless:
        reading.go_on(problem.end, last)
    else:
        failure = describe(reading, token_at("NAME", reading.source.text[offset], offset))
        panic(reading, failure, problem.end)


def recover_depth(reading: Reading, span: Span) -> None:
    """The nesting is beyond the bound."""
    reading.stack.settle()
    reading.report(errors.too_deep(reading.source, span))
    failure = describe(reading, token_at("LPAR", "(", span.start))
    panic(reading, failure, max(span.end, span.start + 1))


def finish(reading: Reading) -> Any:
    """Close what is open without a word: too many errors."""
    reading.stack.settle()
    top = reading.stack.level("MODULE")
    if top is None:
        return None
    cut(reading, top)
    return reading.stack.feed(end_token(reading.source))


# ---- the version ---------------------------------------------------------------------------------


def _version(reading: Reading, token: Token) -> None:
    """The file does not begin with `eqspec 1`: go on as if it did."""
    stack, offset = reading.stack, token.start_pos or 0
    keyword = stack.values[0] if stack.values else None
    if keyword is None:
        stack.feed(token_at("EQSPEC", "eqspec", 0))
        if not reading.diagnostics:
            empty = token.type == END
            reading.report(errors.missing_version(reading.source, token, empty))
    elif not reading.diagnostics:
        reading.report(errors.bad_version(reading.source, token, keyword))
    reading.feed("INT", "1", offset)
    if token.type not in ITEMS - {"EQSPEC"} and token.type not in MEMBERS | {END}:
        end = token.end_pos or offset + 1
        offset = _next_item(reading, end)
    reading.go_on(offset)


def _next_item(reading: Reading, offset: int) -> int:
    places = reading.layout.places
    text = reading.source.text
    return next((p.offset for p in places if p.kind == "item" and p.offset >= offset), len(text))


# ---- tokens --------------------------------------------------------------------------------------


def _token(reading: Reading, failure: errors.Failure) -> None:
    stack, token = reading.stack, failure.token
    offset, end = token.start_pos or 0, token.end_pos or 0
    place = reading.layout.at(offset)
    inside = [OPENERS[sign.type] for sign in reversed(failure.open)]
    if _swallowed(reading, failure):
        return
    if failure.keyword in ("MODULE", "INTERFACE"):
        _header(reading, failure)
    elif failure.body is not None and place is not None and _ends_body(reading, failure, place):
        closers = [*inside, "RBRACE"]
        reading.report(errors.unclosed(failure, (failure.body, *failure.open)))
        if not stack.takes(*closers):
            cut(reading, level_of(reading))
            closers = ["RBRACE"]
        close(reading, closers, offset)
        reading.owed += 1
        reading.go_on(offset)
    elif not failure.complete and place is not None and resumes(reading, failure, place):
        if inside and stack.takes(*inside, token.type):
            reading.report(errors.unclosed(failure, failure.open))
            close(reading, inside, offset)
        else:
            reading.report(errors.unfinished(failure))
            cut(reading, level_of(reading))
        reading.go_on(offset)
    elif not (_respell(reading, failure) or _mend(reading, failure)):
        if _mended_here(reading, failure):  # what follows from a mend that missed the point
            panic(reading, failure, end)
            return
        if token.type in CLOSERS and CLOSERS[token.type] not in {s.type for s in failure.open}:
            _drop_closers(reading, failure)
            return
        reading.report(_wrong_place(failure) or errors.unexpected(failure))
        panic(reading, failure, end)


def _swallowed(reading: Reading, failure: errors.Failure) -> bool:
    """An unfinished statement took the next layer's name for its value: `h =`, then `k = ..`."""
    name = reading.last
    if failure.token.type not in ("EQUAL", "COLON") or name is None or name.type != "NAME":
        return False
    offset = name.start_pos or 0
    place = reading.layout.at(offset)
    if place is None or place.kind != "name" or start_of(failure) in (None, offset):
        return False
    if reading.before is None or not resumes(reading, failure, place):
        return False
    reading.report(
        errors.unfinished(replace(failure, token=name, last=reading.before, accepted=EXPRESSION))
    )
    cut(reading, level_of(reading))
    reading.go_on(offset)
    return True


def _ends_body(reading: Reading, failure: errors.Failure, place: Place) -> bool:
    """A declaration that is not indented ends a body whose `}` is missing."""
    body = failure.body.start_pos or 0 if failure.body else 0
    return place.kind == "item" and place.indent <= reading.layout.lines.indent(body)


def _wrong_place(failure: errors.Failure) -> Diagnostic | None:
    token = failure.token
    if not failure.complete or token.type == END:
        return None
    if token.type == "EQSPEC" or (token.type in ITEMS and failure.place != "file"):
        return errors.misplaced(failure)
    if token.type in MEMBERS:
        return errors.misplaced(failure)
    if not failure.first_on_line:
        return None
    text, at = failure.source.text, token.end_pos or 0
    if token.type == "NAME" and text[at:].lstrip(" \t")[:1] in (":", "="):
        return errors.misplaced(failure)
    return errors.unknown_statement(failure)


def _respell(reading: Reading, failure: errors.Failure) -> bool:
    """A statement whose first word is mistyped is read as the word that was meant."""
    token = failure.token
    words = {"file": ITEM_WORDS[1:], "interface": ("input", "output"), "module": MEMBER_WORDS}
    known = words[failure.place]
    if failure.complete and token.type == "NAME" and failure.first_on_line:
        word = did_you_mean(str(token), known)
        if word is None or not reading.stack.takes(word.upper()):
            return False
        reading.report(errors.misspelled(failure.source, token, word))
        reading.feed(word.upper(), word, token.start_pos or 0)
        reading.go_on(token.end_pos or 0)
        return True
    first = failure.statement[-1] if failure.statement else None
    if failure.place != "module" or token.type in ("COLON", "EQUAL"):
        return False
    if len(failure.statement) != 1 or not isinstance(first, Token) or first.type != "NAME":
        return False
    word = did_you_mean(str(first), MEMBER_WORDS)
    if word is None:
        return False
    reading.report(errors.misspelled(failure.source, first, word))
    cut(reading, level_of(reading), damaged=False)
    reading.feed(word.upper(), word, first.start_pos or 0)
    reading.go_on(token.start_pos or 0)
    return True


def _mend(reading: Reading, failure: errors.Failure) -> bool:
    """Put in or exchange one sign, where that lets the token stand."""
    stack, token = reading.stack, failure.token
    offset, end = token.start_pos or 0, token.end_pos or 0
    open_now = failure.open[-1] if failure.open else None
    starts_entry = token.type in (EXPRESSION | TYPE | {"FLAT", "INDEX"}) - {"MINUS"}
    if starts_entry and stack.takes("COMMA", token.type):
        reading.mend(errors.missing_sign(failure, "COMMA"), "COMMA", offset, offset)
        return True
    if _mended_here(reading, failure):
        return False
    if token.type in CLOSERS and open_now is not None:
        good = OPENERS[open_now.type]
        opened = any(OPENERS[sign.type] == token.type for sign in failure.open)
        if opened and good != token.type and stack.takes(good, token.type):
            reading.mend(errors.wrong_closer(failure, replaced=False), good, offset, offset)
            return True
        if not opened and stack.takes(good):
            reading.mend(errors.wrong_closer(failure, replaced=True), good, offset, end)
            return True
    if token.type in RESERVED and stack.takes("NAME") and not failure.complete:
        reading.report(errors.unexpected(failure))
        stack.feed(token_at("NAME", str(token), offset))
        reading.go_on(end)
        return True
    if open_now is not None and token.type in ("EQUAL", "COLON", "ARROW"):
        good = OPENERS[open_now.type]
        if stack.takes(good, token.type):
            reading.mend(errors.wrong_closer(failure, replaced=False), good, offset, offset)
            return True
    starts_type = token.type in TYPE - {"NAME"} and "PLUS" not in failure.accepted
    if starts_type and stack.takes("COLON", token.type):
        reading.mend(errors.missing_sign(failure, "COLON"), "COLON", offset, offset)
        return True
    if reading.source.text.startswith("=>", offset) and stack.takes("ARROW"):
        reading.mend(errors.unexpected(failure), "ARROW", offset, offset + 2)
        return True
    for sign in ("EQUAL", "COLON"):
        if failure.accepted == {sign} and stack.takes(sign, token.type):
            reading.mend(errors.missing_sign(failure, sign), sign, offset, offset)
            return True
        if failure.accepted == {sign} and token.type in ("EQUAL", "COLON", "ARROW"):
            reading.mend(errors.unexpected(failure), sign, offset, end)
            return True
    return False


def _mended_here(reading: Reading, failure: errors.Failure) -> bool:
    """Whether the statement was mended on this line: then a second message says nothing new."""
    start, offset = start_of(failure), failure.token.start_pos or 0
    if start is None or not start <= reading.mended <= offset:
        return False
    return "\n" not in reading.source.text[reading.mended : offset]


def _drop_closers(reading: Reading, failure: errors.Failure) -> None:
    """Closing signs that close nothing are read over, all that stand together."""
    text, offset = reading.source.text, failure.token.start_pos or 0
    end = failure.token.end_pos or 0
    if failure.body is None and failure.token.type == "RBRACE" and reading.owed:
        reading.owed -= 1  # the brace was not missing, the declaration stood inside
        reading.go_on(end, failure.last)
        return
    while text.startswith(str(failure.token), end):
        end += 1
    reading.report(errors.stray_closer(failure, Span(offset, end)))
    if failure.complete or failure.open or failure.statement:
        reading.go_on(end, failure.last)
    else:
        panic(reading, failure, end)


# ---- bodies and the end --------------------------------------------------------------------------


def _header(reading: Reading, failure: errors.Failure) -> None:
    """The head of a module is broken: read its members all the same."""
    token, stack = failure.token, reading.stack
    offset = token.start_pos or 0
    reading.report(errors.unexpected(failure))
    keyword = failure.statement[0]
    name = failure.statement[1] if len(failure.statement) > 1 else token
    items = (p.offset for p in reading.layout.places if p.kind == "item" and p.offset > offset)
    limit = next(items, len(reading.source.text) + 1)
    brace = next((b for b in reading.layout.braces if offset <= b < limit), None)
    at_member = token.type in MEMBERS and failure.first_on_line
    if brace is None and not at_member:
        panic(reading, failure, token.end_pos or 0)
        return
    cut(reading, stack.level("MODULE") or 0)
    stack.feed(keyword)
    known = isinstance(name, Token) and name.type == "NAME"
    stack.feed(name if known else token_at("NAME", str(name), offset))
    opener = token_at("LBRACE", "{", offset if at_member or brace is None else brace)
    stack.feed(mark(opener, damaged=True))
    reading.go_on(offset if at_member else (opener.end_pos or 0))


def _end(reading: Reading, failure: errors.Failure) -> None:
    """The file ends too early."""
    stack, offset = reading.stack, failure.token.start_pos or 0
    closers = [OPENERS[sign.type] for sign in reversed(failure.open)]
    signs = failure.open
    if failure.body is not None:
        closers.append("RBRACE")
        signs = (failure.body, *signs)
    if signs and stack.takes(*closers):
        reading.report(errors.unclosed(failure, signs))
    else:
        whole = errors.unclosed(failure, signs) if failure.complete else errors.unfinished(failure)
        reading.report(whole)
        cut(reading, level_of(reading))
        closers = ["RBRACE"] if failure.body is not None else []
    close(reading, closers, offset)
    reading.go_on(offset)


def too_many(source: Source, where: Span) -> Diagnostic:
    return Diagnostic(
        "EQS199",
        f"stopped after {MAX_DIAGNOSTICS} syntax errors",
        source,
        where,
        "the rest of the file was not read",
        severity=Severity.NOTE,
    )
