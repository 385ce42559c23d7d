"""The language for Pygments: documentation, notebooks, terminals.

An entry point of the package, so that a block marked `eqs` is coloured wherever eqspec is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
    _TokenType,
)

from eqspec.ops import OPS
from eqspec.tools.editors.tokens import classify
from eqspec.tools.editors.vocabulary import Kind

__all__ = ["EqsLexer"]  # how Pygments finds the lexers of a module

TOKENS: dict[Kind, _TokenType] = {
    Kind.DECLARATION: Keyword.Declaration,
    Kind.WORD: Keyword,
    Kind.CONSTANT: Keyword.Constant,
    Kind.NAME: Name,
    Kind.DEFINITION: Name.Class,
    Kind.FEATURE: Name.Variable,
    Kind.CALL: Name.Function,
    Kind.ARGUMENT: Name.Attribute,
    Kind.ATTRIBUTE: Name.Property,
    Kind.NUMBER: Number,
    Kind.STRING: String,
    Kind.OPERATOR: Operator,
    Kind.PUNCTUATION: Punctuation,
    Kind.DOCUMENTATION: String.Doc,
    Kind.COMMENT: Comment.Single,
    Kind.SPACE: Whitespace,
    Kind.ERROR: Error,
}


class EqsLexer(Lexer):
    """Specs of symmetries (`.eqs`)."""

    name = "eqspec"
    aliases: ClassVar = ["eqs", "eqspec"]
    filenames: ClassVar = ["*.eqs"]
    mimetypes: ClassVar = ["text/x-eqspec"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        for piece in classify(text):
            written = text[piece.start : piece.end]
            token = TOKENS[piece.kind]
            if piece.kind is Kind.CALL and written in OPS:
                token = Name.Builtin
            yield piece.start, token, written

    @staticmethod
    def analyse_text(text: str) -> float:
        return 1.0 if re.match(r"(?:\s|#[^\n]*\n)*eqspec\s+[0-9]+\b", text) else 0.0
