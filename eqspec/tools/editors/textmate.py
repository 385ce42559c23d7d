"""The TextMate grammar: for VS Code, and for everything else that reads such grammars.

In: the vocabulary of the language. Out: a grammar of flat patterns, each within one line, so that text
that is being typed never colours the rest of the file. It sees no line but its own; what a name does is
told by what stands beside it, and by the blanks that the formatter writes: `kernel=3` is an argument,
`h = linear(x)` a layer. A test compares its colours with `tokens.classify` on every spec of the project.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eqspec.ops import OPS
from eqspec.tools.editors.vocabulary import END, Kind, Terminal, Vocabulary, vocabulary

SCOPE = "source.eqs"
SCOPES = {
    Kind.DECLARATION: "keyword.declaration.eqs",
    Kind.WORD: "keyword.other.eqs",
    Kind.CONSTANT: "constant.language.eqs",
    Kind.DEFINITION: "entity.name.type.eqs",
    Kind.FEATURE: "variable.other.definition.eqs",
    Kind.CALL: "entity.name.function.eqs",
    Kind.ARGUMENT: "variable.parameter.eqs",
    Kind.NAME: "variable.other.eqs",
    Kind.ATTRIBUTE: "variable.other.property.eqs",
    Kind.NUMBER: "constant.numeric.eqs",
    Kind.STRING: "string.quoted.double.eqs",
    Kind.OPERATOR: "keyword.operator.eqs",
    Kind.PUNCTUATION: "punctuation.eqs",
    Kind.DOCUMENTATION: "comment.line.documentation.eqs",
    Kind.COMMENT: "comment.line.number-sign.eqs",
    Kind.ERROR: "invalid.illegal.eqs",
}
BUILTIN = "support.function.eqs"


def grammar() -> dict[str, Any]:
    """The grammar, ready for JSON."""
    known = vocabulary()
    name = _named(known, "NAME")
    attribute = _named(known, "ATTRIBUTE")
    ops = "|".join(sorted((op for op in OPS if op.isidentifier()), key=lambda op: (-len(op), op)))
    patterns = [
        _match(r"##[^\n]*", Kind.DOCUMENTATION),
        _match(_named(known, "COMMENT"), Kind.COMMENT),
        _match(_named(known, "STRING"), Kind.STRING),
        _match(r'"[^\n]*', Kind.ERROR),  # no closing quote
        *_statements(known, name),
        *_constants(known),
        *(_match(_soft_word(known, word), Kind.WORD) for word in _soft(known)),
        *_numbers(known),
        {"match": rf"\b(?:{ops})(?=\s*\()", "name": BUILTIN},
        _match(rf"(?:{attribute}|{name})(?=\s*\()", Kind.CALL),
        _match(attribute, Kind.ATTRIBUTE),
        _match(rf"{name}(?==)", Kind.ARGUMENT),
        _match(rf"(?:(?<=^)|(?<=[ \t{{])){name}(?=\s*:|\s+=)", Kind.FEATURE),
        _match(name, Kind.NAME),
        _match(_either(known.of_kind(Kind.OPERATOR)), Kind.OPERATOR),
        _match(_either(known.of_kind(Kind.PUNCTUATION)), Kind.PUNCTUATION),
        _match(r"[^\s]", Kind.ERROR),
    ]
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": [
            "Generated from grammars/eqs.lark by `python -m eqspec.tools.editors`. Do not edit."
        ],
        "name": "eqspec",
        "scopeName": SCOPE,
        "fileTypes": ["eqs"],
        "patterns": patterns,
    }


def _match(pattern: str, kind: Kind) -> dict[str, Any]:
    return {"match": pattern, "name": SCOPES[kind]}


def _named(known: Vocabulary, name: str) -> str:
    return next(terminal.regex for terminal in known.terminals if terminal.name == name)


# ---- keywords -----------------------------------------------------------------------------------


def _statements(known: Vocabulary, name: str) -> Iterable[dict[str, Any]]:
    """A word that begins a statement, with the name that it declares."""
    declarations = known.of_kind(Kind.DECLARATION)
    groups = (
        ([t for t in declarations if t.name in known.defines - known.members], Kind.DEFINITION),
        ([t for t in declarations if t.name in known.members], Kind.FEATURE),
    )
    for terminals, kind in groups:
        captures = {"1": {"name": SCOPES[Kind.DECLARATION]}, "2": {"name": SCOPES[kind]}}
        yield {"match": rf"\b({_either(terminals)})\b\s+({name})", "captures": captures}
    yield _match(rf"\b(?:{_either(declarations)})\b", Kind.DECLARATION)
    captures = {"1": {"name": SCOPES[Kind.WORD]}, "2": {"name": SCOPES[Kind.DEFINITION]}}
    others = [t for t in known.of_kind(Kind.WORD) if t.name in known.defines]
    yield {"match": rf"\b({_either(others)})\b\s+({name})", "captures": captures}


def _constants(known: Vocabulary) -> Iterable[dict[str, Any]]:
    """`true` wherever it stands; `dynamic` where it is all that stands behind `=`."""
    constants = known.of_kind(Kind.CONSTANT)
    alone = [t for t in constants if known.before(t.name) == {"EQUAL"}]
    anywhere = [t for t in constants if t not in alone]
    yield _match(rf"\b(?:{_either(anywhere)})\b", Kind.CONSTANT)
    yield _match(rf"(?<==\s)(?:{_either(alone)})\b(?=\s*(?:#|$))", Kind.CONSTANT)


def _soft(known: Vocabulary) -> list[Terminal]:
    return [t for t in known.of_kind(Kind.WORD) if t.name not in known.defines]


def _soft_word(known: Vocabulary, word: Terminal) -> str:
    """A word as a keyword: behind the one word that leads to it, or else before what must follow."""
    words = {t.name: t.text for t in known.of_kind(Kind.WORD)}
    before = known.before(word.name)
    if len(before) == 1 and before <= words.keys():
        return rf"(?<=\b{words[min(before)]}\s){word.text}\b"
    after = known.after(word.name)
    assert END not in after
    follow = [t for t in known.terminals if t.name in after]
    return rf"\b{word.text}\b(?=\s*(?:{_either(follow)}))"


def _either(terminals: Iterable[Terminal]) -> str:
    return "|".join(terminal.regex for terminal in terminals)


# ---- the rest -----------------------------------------------------------------------------------


def _numbers(known: Vocabulary) -> Iterable[dict[str, Any]]:
    return (_match(terminal.regex, Kind.NUMBER) for terminal in known.of_kind(Kind.NUMBER))
