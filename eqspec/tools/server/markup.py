"""Text for the windows of an editor, as Markdown.

Whatever comes from a spec reaches Markdown through these two functions: `plain` for words and `code`
for pieces of a spec. Neither can begin a link, a picture or HTML.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(
    r"[\\`*_\[\]<>|~&$@]"  # emphasis, code, links, HTML, tables, formulas, addresses
    r"|:(?=//)|(?<=www)\."  # addresses that need no brackets
    r"|^[#+\-=]"  # headings, lists, rules
)


_NUMBERED = re.compile(r"^([0-9]+)([.)])")


def plain(text: str) -> str:
    """A text as it is written, whatever signs are in it; a line stays a line."""
    lines = (_SPECIAL.sub(r"\\\g<0>", line.strip()) for line in _printable(text).split("\n"))
    return "  \n".join(_NUMBERED.sub(r"\1\\\2", line) for line in lines)


def code(text: str) -> str:
    """A block of a spec, in colours."""
    text = _printable(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}eqs\n{text}\n{fence}"


def inline(text: str) -> str:
    """A name or a type within a line."""
    text = " ".join(_printable(text).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def _printable(text: str) -> str:
    return "".join(c if c in "\n\t" or c.isprintable() else "\ufffd" for c in text)
