"""From rows to text: comments behind code stand in one column within a paragraph.

In: the rows of a layout. Out: the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.syntax.format.pages import Row

GAP = 2
LONG = 64
"""Code that ends behind this column does not move the comments of its neighbours."""


def joined(rows: Sequence[Row], width: int) -> str:
    lines: list[str] = []
    run: list[Row] = []
    for row in rows:
        if run and (not row.code or row.indent != run[0].indent):
            lines += _lines(run, width)
            run = []
        if row.code:
            run.append(row)
        else:
            lines.append(" " * row.indent + row.comment if row.comment else "")
    lines += _lines(run, width)
    return "".join(f"{line}\n" for line in lines)


def _lines(run: Sequence[Row], width: int) -> list[str]:
    """Neighbouring lines of one indentation."""
    ends = [row.indent + len(row.code) for row in run if row.comment]
    column = max((end for end in ends if end <= LONG), default=0) + GAP
    lines = []
    for row in run:
        line = " " * row.indent + row.code
        if row.comment:
            at = max(column, len(line) + GAP)
            at = at if at + len(row.comment) <= width else len(line) + GAP
            line = line.ljust(at) + row.comment
        lines.append(line)
    return lines
