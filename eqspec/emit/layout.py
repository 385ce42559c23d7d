"""Laying out Python as a formatter would, so that emitted files need none.

Only the shapes that the printers make are handled: a statement that fits stays on one line; a call
that does not puts its arguments on a line of their own, or one a line with a trailing comma.
"""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 88


def call(indent: int, head: str, args: Sequence[str], tail: str = "") -> list[str]:
    """The lines of ``head(args)tail``, where head ends before the bracket.

    ``head`` may be an assignment, ``tail`` what follows the closing bracket.
    """
    pad = " " * indent
    flat = f"{pad}{head}({', '.join(args)}){tail}"
    if len(flat) <= WIDTH and "\n" not in flat:
        return [flat]
    return [f"{pad}{head}(", *arguments(indent + 4, args), f"{pad}){tail}"]


def arguments(indent: int, args: Sequence[str]) -> list[str]:
    """Arguments on one line, or one a line with trailing commas."""
    pad = " " * indent
    one = pad + ", ".join(args)
    if len(one) <= WIDTH and "\n" not in one:
        return [one]
    lines: list[str] = []
    for arg in args:
        lines.extend((pad + line) if line else "" for line in f"{arg},".split("\n"))
    return lines


def tuple_text(items: Sequence[str], before: int = 13) -> str:
    """A tuple as an argument; over several lines if it would not fit on one of its own.

    ``before`` counts what else stands on that line: 12 of indentation and a comma.
    """
    flat = f"({', '.join(items)})"
    if len(flat) + before <= WIDTH:
        return flat
    return "(\n" + "".join(f"    {item},\n" for item in items) + ")"


def returned_text(literal: str) -> list[str]:
    """The lines that return a string; in brackets if it fits only there."""
    flat, inner = f"        return {literal}", f"            {literal}"
    if len(flat) <= WIDTH or len(inner) > WIDTH:
        return [flat]
    return ["        return (", inner, "        )"]


def text_block(indent: int, head: str, words: Sequence[str], tail: str = "") -> list[str]:
    """The lines of ``head("words ...")tail``, the words spread over adjacent string literals."""
    pad, inner = " " * indent, " " * (indent + 4)
    flat = f'{pad}{head}("{" ".join(words)}"){tail}'
    if len(flat) <= WIDTH:
        return [flat]
    method, _, sizes = tail.partition("(")
    start = f'{pad}{head}("{" ".join(words)}"){method}('
    if sizes and len(start) <= WIDTH:  # a formatter breaks the last call first
        return [start, f"{inner}{sizes.removesuffix(')')}", f"{pad})"]
    lines: list[str] = []
    row = ""
    for word in words:
        longer = f"{row} {word}" if row else word
        if len(inner) + len(longer) + 3 > WIDTH:
            lines.append(f'{inner}"{row} "')
            row = word
        else:
            row = longer
    lines.append(f'{inner}"{row}"')
    return [f"{pad}{head}(", *lines, f"{pad}){tail}"]
