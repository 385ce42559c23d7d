"""What a syntax error says: from the place where the parser stopped to one `Diagnostic`.

In: a `Failure`: the token that does not fit and everything the parser knows there. Out: the
message, in the words of the spec. How the parser goes on is decided in `recovery`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lark import Token

from eqspec.diagnostics.model import Diagnostic, Fix, Label, Source, Span
from eqspec.diagnostics.suggest import did_you_mean, is_sure
from eqspec.syntax.build import MAX_DEPTH, span_of
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS
from eqspec.syntax.stack import CLOSERS, END, OPENERS
from eqspec.syntax.words import FORMS, PHRASES, RESERVED, expected, found, shorten

STATEMENT_WORDS = (*ITEM_WORDS, *MEMBER_WORDS)
SIGNS = {kind: phrase.strip("`") for kind, phrase in PHRASES.items() if not phrase[1:2].isalpha()}


@dataclass(frozen=True, slots=True)
class Failure:
    """The parser stopped at ``token``."""

    source: Source
    token: Token
    accepted: frozenset[str]
    statement: tuple[Any, ...]  # what was read of the statement: tokens and nodes
    place: Literal["file", "module", "interface"]
    body: Token | None  # the `{` of the module or interface around
    open: tuple[Token, ...]  # opening signs of the statement, outermost first
    last: Token | None
    first_on_line: bool
    complete: bool  # the statement before could end here

    @property
    def span(self) -> Span:
        if self.token.type == END:
            return self.behind
        return span_of(self.token)

    @property
    def behind(self) -> Span:
        """The empty place right behind what was read."""
        at = self.last.end_pos if self.last is not None else len(self.source.text.rstrip())
        return Span(at or 0, at or 0)

    @property
    def keyword(self) -> str | None:
        """The terminal that began the statement."""
        first = self.statement[0] if self.statement else None
        return first.type if isinstance(first, Token) else None


# ---- the version ---------------------------------------------------------------------------------


def missing_version(source: Source, token: Token, empty: bool) -> Diagnostic:
    start = Span(0, 0)
    fix = Fix("insert `eqspec 1`", ((start, "eqspec 1\n\n"),))
    if empty:
        message, label = "this file has no statements", "a spec begins with `eqspec 1`"
        return Diagnostic("EQS109", message, source, start, label, fixes=(fix,))
    suggestion = did_you_mean(str(token), ("eqspec",)) if token.type == "NAME" else None
    if suggestion:
        span = span_of(token)
        fix = Fix("write `eqspec`", ((span, "eqspec"),), is_sure(str(token), "eqspec", ("eqspec",)))
        message = f"a spec begins with `eqspec 1`, not with `{shorten(token)}`"
        return Diagnostic("EQS109", message, source, span, "did you mean `eqspec`?", fixes=(fix,))
    return Diagnostic(
        "EQS109",
        "the language version is missing",
        source,
        span_of(token),
        "expected `eqspec 1` before this",
        help="begin the file with the line `eqspec 1`",
        fixes=(fix,),
    )


def bad_version(source: Source, token: Token, keyword: Token) -> Diagnostic:
    same_line = source.position(keyword.end_pos or 0)[0] == source.position(token.start_pos or 0)[0]
    if token.type == END or not same_line:
        end = keyword.end_pos or 0
        span, label = Span(end, end), "expected the number of the version"
    else:
        span, label = span_of(token), "the version is a whole number"
    return Diagnostic(
        "EQS110",
        "`eqspec` needs the version of the language",
        source,
        span,
        label,
        help="write `eqspec 1`",
    )


def unsupported_version(source: Source, number: Token) -> Diagnostic:
    return Diagnostic(
        "EQS110",
        f"version {shorten(number)} of the language is not supported",
        source,
        span_of(number),
        "this compiler reads version 1",
        help="write `eqspec 1`, or upgrade eqspec if the file was written for a newer one",
    )


# ---- statements ----------------------------------------------------------------------------------


def glued(source: Source, token: Token) -> Diagnostic:
    span = span_of(token)
    return Diagnostic(
        "EQS111",
        "a statement begins on its own line",
        source,
        span,
        "this statement shares the line of the one before",
        help="start a new line here",
        fixes=(Fix("start a new line", ((Span(span.start, span.start), "\n"),)),),
    )


def too_deep(source: Source, span: Span) -> Diagnostic:
    return Diagnostic(
        "EQS113",
        f"nested more than {MAX_DEPTH} deep",
        source,
        span,
        "too deep from here",
        help="give an inner part a name of its own, as a layer or a `type`",
    )


def misspelled(source: Source, token: Token, word: str) -> Diagnostic:
    span = span_of(token)
    return Diagnostic(
        "EQS115",
        f"no statement begins with `{shorten(token)}`",
        source,
        span,
        f"did you mean `{word}`?",
        fixes=(
            Fix(f"write `{word}`", ((span, word),), is_sure(str(token), word, STATEMENT_WORDS)),
        ),
    )


def unclosed(failure: Failure, signs: Sequence[Token]) -> Diagnostic:
    """Opening signs that wait for their partners when something else begins."""
    closers = "".join(SIGNS[OPENERS[sign.type]] for sign in reversed(signs))
    labels = tuple(
        Label(span_of(sign), f"this `{sign}` is not closed") for sign in list(signs)[-3:]
    )
    place = failure.behind
    rest = "end of the file" if failure.token.type == END else "next statement"
    return Diagnostic(
        "EQS102",
        f"missing `{closers}` before the {rest}",
        failure.source,
        place,
        f"expected `{closers}` here",
        labels,
        fixes=(Fix(f"insert `{closers}`", ((place, closers),), len(closers) == 1),),
    )


def unfinished(failure: Failure) -> Diagnostic:
    """The statement stops in the middle: another one begins, or the file ends."""
    labels = tuple(Label(span_of(sign), f"this `{sign}` is open") for sign in failure.open[-2:])
    ends = failure.token.type == END
    message = (
        "the file ends in the middle of a statement"
        if ends
        else f"this statement is not finished: {found(failure.token)} begins the next"
    )
    if failure.token.type in CLOSERS:
        message = f"this statement is not finished: `{failure.token}` ends the body around it"
    return Diagnostic(
        "EQS116",
        message,
        failure.source,
        failure.behind,
        f"expected {expected(failure.accepted)}",
        labels,
        help=FORMS.get(failure.keyword or ""),
    )


def misplaced(failure: Failure) -> Diagnostic:
    """A statement of the wrong kind for its place."""
    token, text = failure.token, str(failure.token)
    labels: tuple[Label, ...] = ()
    if token.type == "EQSPEC":
        message, label = "the version stands once", "`eqspec` is the first statement of a file"
        hint = "remove this line"
    elif failure.place == "file":
        what = f"`{text}`" if token.type in RESERVED else f"the layer `{shorten(text)}`"
        message = f"{what} stands outside of any module"
        label = "only declarations stand here: " + ", ".join(f"`{w}`" for w in ITEM_WORDS[1:])
        hint = "write it between the `{` and `}` of a `module`"
        if failure.last is not None and failure.last.type == "RBRACE":
            labels = (Label(span_of(failure.last), "the body before it ends here"),)
    elif failure.place == "interface":
        what = f"`{text}`" if token.type in RESERVED else f"the layer `{shorten(text)}`"
        message = f"{what} stands in an interface"
        label = "an interface has `input` and `output` only"
        hint = "make it a `module` to compute something"
    else:
        message = f"`{text}` stands inside of a module"
        label = "declarations stand at the top of the file"
        hint = "move it before the module"
    if failure.body is not None and failure.place != "file":
        labels = (Label(span_of(failure.body), f"inside of this {failure.place}"),)
    return Diagnostic("EQS112", message, failure.source, failure.span, label, labels, hint)


# ---- tokens --------------------------------------------------------------------------------------


def missing_sign(failure: Failure, kind: str) -> Diagnostic:
    """One sign is missing before the token."""
    sign, place = SIGNS[kind], failure.behind
    code, message = "EQS101", f"expected `{sign}`, found {found(failure.token)}"
    hint = FORMS.get(failure.keyword or "")
    if kind == "COMMA":
        code, message, hint = "EQS104", "missing `,` between two entries", None
    return Diagnostic(
        code,
        message,
        failure.source,
        failure.span,
        f"expected `{sign}` before this",
        help=hint,
        fixes=(Fix(f"insert `{sign}`", ((place, sign),)),),
    )


def wrong_closer(failure: Failure, replaced: bool) -> Diagnostic:
    sign = failure.open[-1]
    good = SIGNS[OPENERS[sign.type]]
    place = failure.span if replaced else failure.behind
    verb = "write" if replaced else "insert"
    return Diagnostic(
        "EQS102",
        f"expected `{good}`, found `{failure.token}`",
        failure.source,
        failure.span,
        f"expected `{good}`",
        (Label(span_of(sign), f"to close this `{sign}`"),),
        fixes=(Fix(f"{verb} `{good}`", ((place, good),)),),
    )


def stray_closer(failure: Failure, span: Span) -> Diagnostic:
    signs = shorten(failure.source.text[span.start : span.end], 10)
    opener = SIGNS[CLOSERS[failure.token.type]]
    return Diagnostic(
        "EQS103",
        f"`{signs}` closes nothing",
        failure.source,
        span,
        f"no `{opener}` is open here",
        fixes=(Fix(f"remove `{signs}`", ((span, ""),), sure=False),),
    )


def unexpected(failure: Failure) -> Diagnostic:
    """The token does not fit; the general case."""
    token = failure.token
    if token.type in RESERVED and "NAME" in failure.accepted:
        return _reserved(failure)
    phrase = expected(failure.accepted)
    label, hint = "not expected here", FORMS.get(failure.keyword or "")
    fixes: tuple[Fix, ...] = ()
    text, at = failure.source.text, failure.span.start
    words = [kind.lower() for kind in failure.accepted if f"`{kind.lower()}`" == PHRASES.get(kind)]
    near = did_you_mean(str(token), sorted(words)) if str(token).isidentifier() else None
    before = failure.last
    adjacent = before is not None and before.end_pos == at
    if near:
        label = f"did you mean `{near}`?"
        sure = is_sure(str(token), near, words)
        fixes = (Fix(f"write `{near}`", ((failure.span, near),), sure),)
    elif adjacent and token.type == "STAR" and before is not None and before.type == "STAR":
        hint = "a power is written with `^`: `r^2`"
        fixes = (Fix("write `^`", ((span_of(before).to(failure.span), "^"),)),)
    elif adjacent and token.type == "SLASH" and before is not None and before.type == "SLASH":
        hint = "a comment starts with `#`"
    elif adjacent and token.type == "EQUAL" and before is not None and before.type == "EQUAL":
        hint = "a single `=` is meant here"
        fixes = (Fix("write `=`", ((failure.span, ""),)),)
    elif text.startswith("=>", at) and "ARROW" in failure.accepted:
        hint = "the arrow is written `->`"
        fixes = (Fix("write `->`", ((Span(at, at + 2), "->"),)),)
    elif "PLUS" in failure.accepted and before is not None and before.type == "NAME":
        operand = text[at : text.find("\n", at) if "\n" in text[at:] else len(text)]
        operand = shorten(operand.split("#")[0].strip(), 20)
        if token.type in ("NAME", "INT") and not failure.first_on_line:
            hint = f"to apply `{before}`, write `{before}({operand})`"
    return Diagnostic(
        "EQS101",
        f"expected {phrase}, found {found(token)}",
        failure.source,
        failure.span,
        label,
        help=hint,
        fixes=fixes,
    )


def _reserved(failure: Failure) -> Diagnostic:
    word = str(failure.token)
    if "STRING" in failure.accepted and "RPAR" in failure.accepted:
        hint = f'as a label it needs quotes: `"{word}"`'
    else:
        hint = f"choose another name, for example `{word}_` or `my_{word}`"
    return Diagnostic(
        "EQS105",
        f"`{word}` is a reserved word and cannot be a name",
        failure.source,
        failure.span,
        "expected a name",
        help=hint,
    )


def unknown_statement(failure: Failure) -> Diagnostic:
    token = failure.token
    known = ITEM_WORDS[1:] if failure.place == "file" else MEMBER_WORDS
    return Diagnostic(
        "EQS115",
        f"no statement begins with {found(token)}",
        failure.source,
        failure.span,
        "expected " + ", ".join(f"`{word}`" for word in known)
        + (" or a layer `name = ...`" if failure.place == "module" else ""),
    )  # fmt: skip
