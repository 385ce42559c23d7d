"""Positions of the protocol and offsets in a text: the only place that knows the units of columns.

In: a text. Out: lines from 0 and columns in the units that client and server agreed upon (UTF-16 code
units, unless the client has others) for offsets in code points, and back. A position outside of the
text is taken to the nearest one inside: an editor may be ahead of what the server has read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span

_LINE_END = re.compile(r"\r\n|\n|\r")  # those of the protocol, and no others

UTF8, UTF16, UTF32 = "utf-8", "utf-16", "utf-32"


class Positions:
    """The lines of one text."""

    def __init__(self, text: str, encoding: str = UTF16) -> None:
        self.text = text
        self.encoding = encoding
        self._starts = [0]
        self._ends: list[int] = []
        for match in _LINE_END.finditer(text):
            self._ends.append(match.start())
            self._starts.append(match.end())
        self._ends.append(len(text))

    @property
    def lines(self) -> int:
        return len(self._starts)

    def position(self, offset: int) -> lsp.Position:
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        before = self.text[self._starts[line] : min(offset, self._ends[line])]
        return lsp.Position(line, units(before, self.encoding))

    def offset(self, position: lsp.Position) -> int:
        if position.line < 0:
            return 0
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._ends[position.line]
        content = self.text[start:end]
        if content.isascii() or self.encoding == UTF32:
            return min(start + max(position.character, 0), end)
        left = position.character
        for index, character in enumerate(content):
            left -= _units(character, self.encoding)
            if left < 0:  # also in the middle of a character
                return start + index
        return end

    def range(self, span: Span) -> lsp.Range:
        return lsp.Range(self.position(span.start), self.position(span.end))

    def span(self, range_: lsp.Range) -> Span:
        start, end = self.offset(range_.start), self.offset(range_.end)
        return Span(min(start, end), max(start, end))

    def line_start(self, offset: int) -> int:
        return self._starts[bisect_right(self._starts, offset) - 1]

    @property
    def whole(self) -> lsp.Range:
        return lsp.Range(lsp.Position(0, 0), self.position(len(self.text)))


def units(text: str, encoding: str) -> int:
    """The length of a text in the units of an encoding."""
    if text.isascii() or encoding == UTF32:
        return len(text)
    return sum(_units(character, encoding) for character in text)


@lru_cache(maxsize=1024)
def _units(character: str, encoding: str) -> int:
    code = ord(character)
    if encoding == UTF16:
        return 2 if code > 0xFFFF else 1
    if encoding == UTF8:
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 1
