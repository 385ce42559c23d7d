"""Specs inside of documents: the fenced blocks of a Markdown file that are marked `eqs`.

In: a Markdown text. Out: the same with its specs in canonical layout. Blocks that are no whole spec,
or show a mistake, stay as they are: a document may want to.
"""

from __future__ import annotations

import re

from eqspec.diagnostics.model import Source
from eqspec.syntax.format import WIDTH, format_text

SUFFIX = ".md"
_FENCE = re.compile(
    r"(?P<quoted><!--.*?-->|^[ ]{0,8}(?P<fence>`{3,}+|~{3,}+)(?!eqs)[^\n]*\n.*?^[ ]{0,8}(?P=fence)[`~ \t\r]*$)|"
    r"(?P<head>^(?P<indent>[ ]{0,8})(?P<ticks>`{3,}+)eqs[^\n`]*\n)"
    r"(?P<spec>.*?)"
    r"(?P<tail>^(?P=indent)(?P=ticks)[ \t\r]*$)",
    re.MULTILINE | re.DOTALL,
)
"""A block of a spec, or what only quotes such blocks: another fence, a comment."""


def lay_out_document(text: str) -> str:
    return _FENCE.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    if match["quoted"] is not None:
        return match[0]
    indent, spec = match["indent"], match["spec"]
    lines = spec.split("\n")
    if any(line.strip() and not line.startswith(indent) for line in lines):
        return match[0]
    bare = "\n".join(line.removeprefix(indent) for line in lines)
    result = format_text(Source("", bare), WIDTH - len(indent))
    if not isinstance(result, str):
        return match[0]
    inner = "\n".join(indent + line if line.strip() else line for line in result.split("\n"))
    return match["head"] + inner + match["tail"]
