"""What lies between the tokens and inside literals: comments, `##` documentation, escapes, digits.

In: the source text. Out: the comments with spans, the documentation by the offset of the token that
it stands above, and diagnostics for literals that the grammar lets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from eqspec.diagnostics.model import Diagnostic, Fix, Severity, Source, Span
from eqspec.syntax.tree import Comment

MAX_DIAGNOSTICS = 50
MAX_DIGITS = 18  # every integer below 10^18 fits in 64 bits
MAX_DECIMAL = 40
MAX_EXPONENT = 400

_PIECE = re.compile(
    r'"(?:\\.|[^"\\\n])*"?'  # also an unterminated string: a # in it is no comment
    r"|\#[^\n]*"
    r"|(?<![A-Za-z0-9_.])[0-9](?:[0-9]{18}|[0-9]*(?:\.[0-9]+)?[eE][+-]?[0-9]|[0-9]*\.[0-9]{20})"
    r"(?:[0-9.]|[eE][+-]?(?=[0-9]))*"
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.)|$)")
_SIMPLE = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}


@dataclass(slots=True, eq=False)
class Doc:
    """A run of `##` lines; the builder marks it when a declaration takes it."""

    text: str
    span: Span
    target: int  # offset of the first token on the line below
    used: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class Trivia:
    comments: tuple[Comment, ...]
    docs: dict[int, Doc]
    loose: tuple[Span, ...]  # `##` comments with nothing directly below
    diagnostics: tuple[Diagnostic, ...]


def scan(source: Source) -> Trivia:
    """One linear pass over the text."""
    text = source.text
    comments: list[Comment] = []
    diagnostics: list[Diagnostic] = []
    for match in _PIECE.finditer(text):
        found = match.group()
        first = found[0]
        if first == "#":
            found = found.rstrip()
            comments.append(Comment(found, Span(match.start(), match.start() + len(found))))
        elif len(diagnostics) >= MAX_DIAGNOSTICS:
            continue
        elif first == '"':
            if "\\" in found:
                diagnostics += _escapes(source, found, match.start())
        elif too_long(found):
            diagnostics.append(_long_number(source, found, Span(match.start(), match.end())))
    docs, loose = _documentation(text, comments)
    return Trivia(tuple(comments), docs, loose, tuple(diagnostics))


def too_long(number: str) -> bool:
    """Whether a literal is beyond what any size or matrix entry can mean."""
    mantissa, _, exponent = number.lower().partition("e")
    if not exponent and "." not in mantissa:
        return len(mantissa) > MAX_DIGITS
    digits = exponent.lstrip("+-").partition(".")[0].lstrip("0")
    if not digits.isdecimal():  # no exponent after all: the parser says so
        return len(mantissa) > MAX_DECIMAL
    return len(mantissa) > MAX_DECIMAL or len(digits) > 3 or int(digits) > MAX_EXPONENT


def unescape(literal: str) -> str:
    """The value of a string literal with its quotes; an unknown escape stands for its character."""
    inner = literal[1:-1]
    if "\\" not in inner:
        return inner
    return _ESCAPE.sub(_escaped, inner)


def _escaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _SIMPLE.get(match[2], match[2] or "")


def _escapes(source: Source, literal: str, start: int) -> list[Diagnostic]:
    found = []
    for match in _ESCAPE.finditer(literal):
        character = match[2]
        if match[1]:
            if 0xD800 <= int(match[1], 16) <= 0xDFFF:
                span = Span(start + match.start(), start + match.end())
                found.append(
                    Diagnostic(
                        "EQS108",
                        f"`{match[0]}` is half of a surrogate pair, not a character",
                        source,
                        span,
                        "no character has this number",
                        help="write the character itself; the file is UTF-8",
                    )
                )
        elif character is not None and character not in _SIMPLE:
            span = Span(start + match.start(), start + match.end())
            message = f"unknown escape `\\{character}` in a string"
            hint = f'a backslash itself is written `\\\\`: "\\\\{character}"'
            if character == "u":
                message = "`\\u` needs four hexadecimal digits"
                hint = "for example `\\u00e9` for é"
            label = 'the escapes are `\\\\`, `\\"`, `\\n`, `\\t` and `\\uXXXX`'
            found.append(Diagnostic("EQS108", message, source, span, label, help=hint))
    return found


def _long_number(source: Source, number: str, span: Span) -> Diagnostic:
    digits = sum(character.isdigit() for character in number)
    if "." in number or "e" in number.lower():
        limit = f"decimals have at most {MAX_DECIMAL} digits and an exponent up to {MAX_EXPONENT}"
    else:
        limit = f"integers have at most {MAX_DIGITS} digits"
    return Diagnostic(
        "EQS114",
        "this number is too long to be meant",
        source,
        span,
        f"{digits} digits" if digits > MAX_DIGITS else "the exponent is too large",
        help=limit,
    )


def _documentation(text: str, comments: list[Comment]) -> tuple[dict[int, Doc], tuple[Span, ...]]:
    docs: dict[int, Doc] = {}
    loose: list[Span] = []
    run: list[Comment] = []

    def close(target: int | None) -> None:
        if not run:
            return
        span = run[0].span.to(run[-1].span)
        if target is None:
            loose.append(span)
        else:
            content = "\n".join(line.text[2:].strip() for line in run)
            docs[target] = Doc(content, span, target)
        run.clear()

    for comment in comments:
        # three and more # draw a ruler or a heading; they are plain comments
        if not comment.text.startswith("##") or comment.text.startswith("###"):
            continue
        start = comment.span.start
        if text[text.rfind("\n", 0, start) + 1 : start].strip():
            close(None) if run else None
            loose.append(comment.span)
            continue
        run.append(comment)
        below = _first_on_next_line(text, comment.span.end)
        if below is None or not text.startswith("##", below) or text.startswith("###", below):
            if below is not None and text[below] == "#":
                below = None
            close(below)
    return docs, tuple(sorted(loose, key=lambda span: span.start))


def _first_on_next_line(text: str, offset: int) -> int | None:
    """Offset of the first character of the line below, None where that line is blank or missing."""
    start = text.find("\n", offset) + 1
    if start == 0:
        return None
    end = text.find("\n", start)
    line = text[start : end if end != -1 else len(text)]
    content = line.lstrip(" \t\r")
    return start + len(line) - len(content) if content.strip() else None


def _plain(text: str, span: Span) -> Iterator[tuple[Span, str]]:
    """One `#` of each line of a run of `##` comments goes."""
    at = span.start
    while at < span.end:
        end = text.find("\n", at)
        start = text.find("##", at, span.end)
        if start != -1 and (end == -1 or start < end):
            yield Span(start, start + 2), "#"
        at = span.end if end == -1 else end + 1


def loose_documentation(source: Source, span: Span) -> Diagnostic:
    return Diagnostic(
        "EQS901",
        "this `##` comment documents nothing",
        source,
        span,
        "`##` belongs on the lines directly above a declaration, member or field",
        help="write a plain comment with a single `#`, or move it",
        fixes=(Fix("write plain comments", tuple(_plain(source.text, span)), sure=False),),
        severity=Severity.WARNING,
    )
