"""Characters that belong to no token: what they were meant to be, and how to read on.

In: the text and the offset of the first such character. Out: a `Lexical`: one diagnostic and the
token that the characters stand for, if that can be guessed, so that one slip costs one message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token

from eqspec.diagnostics.model import Diagnostic, Fix, Source, Span
from eqspec.syntax.stack import token_at

_LOOKALIKES = {
    "→": ("ARROW", "->"),
    "⟶": ("ARROW", "->"),
    "↦": ("ARROW", "->"),
    "×": ("STAR", "*"),
    "·": ("STAR", "*"),
    "⊗": ("STAR", "*"),
    "∗": ("STAR", "*"),
    "−": ("MINUS", "-"),
    "–": ("MINUS", "-"),
    "—": ("MINUS", "-"),
    "⊕": ("PLUS", "+"),
    "…": ("DOTDOT", ".."),
}
_INVISIBLE = re.compile(r"[^\S \t\r\n]+|[\u200b-\u200f\u2060\ufeff\u00ad]+")
_WORD = re.compile(r"\w+")
_NUMBER_WORD = re.compile(r"[0-9]+\w*")
_DIGITS = re.compile(r"[0-9]+(?!\w)")
_QUOTED = re.compile(r"'([^'\n\"]*)'|[“”„]([^“”\n\"]*)[“”]")
_COMPARISONS = re.compile(r"[!<>]=?|&&?|\|\|?")


@dataclass(frozen=True, slots=True)
class Lexical:
    diagnostic: Diagnostic
    end: int  # where to read on
    token: Token | None  # what the characters stand for
    harmless: bool  # the statement can go on as if they were not there


def unknown_characters(source: Source, offset: int, last: Token | None) -> Lexical:
    text = source.text
    character = text[offset]
    touching = last is not None and last.end_pos == offset and last.type == "NAME"
    if character == '"':
        return _unterminated(source, offset)
    if invisible := _INVISIBLE.match(text, offset):
        return _invisible(source, invisible)
    if quoted := _QUOTED.match(text, offset):
        value = quoted[1] if quoted[1] is not None else quoted[2]
        good = f'"{value}"'
        return _replaced(
            source, quoted.span(), "strings are written in double quotes", "STRING", good
        )
    if character in _LOOKALIKES:
        kind, good = _LOOKALIKES[character]
        message = f"`{character}` is not a sign of the language"
        return _replaced(source, (offset, offset + 1), message, kind, good)
    if character.isdigit() and character.isascii():
        return _number_word(source, offset)
    if word := _WORD.match(text, offset):
        start = last.start_pos if touching and last is not None else offset
        return _foreign_word(source, start or 0, word.end(), offset)
    if character == ".":
        return _decimal_point(source, offset)
    if character == ";":
        span = Span(offset, offset + 1)
        fix = (Fix("remove `;`", ((span, ""),)),)
        hint = "statements end with their line: remove the `;`"
        found = Diagnostic(
            "EQS106", "`;` is not a sign of the language", source, span, help=hint, fixes=fix
        )
        return Lexical(found, offset + 1, None, True)
    comparison = _COMPARISONS.match(text, offset)
    end = comparison.end() if comparison else offset + 1
    while not comparison and end < len(text) and text[end] == character:
        end += 1
    hints = {"'": 'strings are written in double quotes: `"like this"`'}
    hints["@"] = "a product of groups or of group elements is written with `*`"
    shown = text[offset:end] if len(text[offset:end]) <= 10 else character
    name = f"`{shown}`" if shown.isprintable() else f"U+{ord(character):04X}"
    found = Diagnostic(
        "EQS106",
        f"{name} is not a sign of the language",
        source,
        Span(offset, end),
        help=hints.get(character),
    )
    return Lexical(found, end, None, False)


def _unterminated(source: Source, offset: int) -> Lexical:
    end = source.text.find("\n", offset)
    line = source.text[offset : end if end != -1 else len(source.text)].rstrip()
    found = Diagnostic(
        "EQS107",
        "this string has no closing quote",
        source,
        Span(offset, offset + len(line)),
        "starts here and runs to the end of the line",
        help='close it with `"`; a quote inside a string is written `\\"`',
    )
    return Lexical(found, offset + len(line), None, False)


def _invisible(source: Source, match: re.Match[str]) -> Lexical:
    import unicodedata  # lazy: good files have none

    character = match.group()[0]
    name = unicodedata.name(character, "a control character").lower()
    span = Span(*match.span())
    found = Diagnostic(
        "EQS106",
        f"invisible character U+{ord(character):04X} ({name})",
        source,
        span,
        "looks like nothing or like a space",
        help="it often comes with text copied from a web page or a PDF; type a plain space",
        fixes=(Fix("replace by a space", ((span, " "),)),),
    )
    return Lexical(found, match.end(), None, True)


def _replaced(
    source: Source, place: tuple[int, int], message: str, kind: str, good: str
) -> Lexical:
    span = Span(*place)
    found = Diagnostic(
        "EQS106",
        message,
        source,
        span,
        f"write `{good}`",
        fixes=(Fix(f"write `{good}`", ((span, good),)),),
    )
    token = token_at(kind, good, place[0])
    token.end_pos = place[1]
    return Lexical(found, place[1], token, False)


def _number_word(source: Source, offset: int) -> Lexical:
    match = _NUMBER_WORD.match(source.text, offset)
    text = match.group() if match else source.text[offset]
    end = offset + len(text)
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    hint = f'a label that begins with a digit needs quotes: `"{text}"`'
    if text.lower() == digits + "x":
        hint = f"a multiple is written directly before its axes: `{digits}x[..]`"
    found = Diagnostic(
        "EQS106", f"`{text}` is neither a number nor a name", source, Span(offset, end),
        "names begin with a letter or `_`", help=hint,
    )  # fmt: skip
    return Lexical(found, end, token_at("NAME", text, offset), False)


def _foreign_word(source: Source, start: int, end: int, offset: int) -> Lexical:
    word = source.text[start:end]
    found = Diagnostic(
        "EQS106",
        f"the name `{word}` has letters outside of a-z, A-Z, 0-9 and `_`",
        source,
        Span(start, end),
        f"`{source.text[offset]}` cannot be part of a name",
        help=f'names become Python names; a label or token may be a string: `"{word}"`',
    )
    return Lexical(found, end, token_at("NAME", word, start), False)


def _decimal_point(source: Source, offset: int) -> Lexical:
    text = source.text
    behind = _DIGITS.match(text, offset + 1)
    before = offset
    while before > 0 and text[before - 1] in "0123456789":
        before -= 1
    end = behind.end() if behind else offset + 1
    if behind is None and before == offset:
        found = Diagnostic(
            "EQS106", "a lone `.`", source, Span(offset, end), "expected a name behind the dot",
            help="a part is selected without spaces: `Rot.regular`",
        )  # fmt: skip
        return Lexical(found, end, None, False)
    good = (text[before:offset] or "0") + "." + (behind.group() if behind else "0")
    span = Span(before, end)
    found = Diagnostic(
        "EQS106", "a decimal number has digits on both sides of its point", source, span,
        f"write `{good}`", fixes=(Fix(f"write `{good}`", ((span, good),)),),
    )  # fmt: skip
    token = None if before < offset else token_at("DECIMAL", good, offset)
    return Lexical(found, end, token, before < offset)
