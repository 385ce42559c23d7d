"""Entries below each other in columns, and the empty lines between them.

In: the entries of a body. Out: by how much the first column of each is to be widened.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqspec.syntax.format.documents import NOTHING, Doc, Hard, Leaf, ends_of
from eqspec.syntax.format.leaves import Part, first_of, is_a, leaves_of

COLUMN = 28
"""Names longer than this do not move the column of the names around them."""

_TABLES = {
    "param": ("declaration", "EQUAL"),
    "type_alias": ("declaration", "EQUAL"),
    "group": ("declaration", "EQUAL"),
    "image": ("image", "ARROW"),
    "word_image": ("image", "ARROW"),
    "lie_generator": ("image", "EQUAL"),
    "field": ("field", "COLON"),
}
"""Statements and entries that stand in columns: with which others, and the sign that ends the first."""


def split(parts: Sequence[Part], sign: str) -> tuple[Sequence[Part], Sequence[Part]]:
    """What stands before a sign, and the sign with what stands behind."""
    at = next((n for n, part in enumerate(parts) if is_a(part, sign)), len(parts))
    return parts[:at], parts[at:]


def columns(parts: Sequence[Part]) -> list[int]:
    """By how much the first column of each entry is to be widened: neighbours of a kind stand in
    columns, an empty line ends them."""
    pads = [0] * len(parts)
    run: list[tuple[int, int]] = []
    for number, part in enumerate(parts):
        wide = _head_width(part)
        fresh = number == 0 or _kind(part) != _kind(parts[number - 1]) or _gap(part)
        if fresh or wide is None:
            _pad(run, pads)
            run = []
        if wide is not None:
            run.append((number, wide))
    _pad(run, pads)
    return pads


def _pad(run: list[tuple[int, int]], pads: list[int]) -> None:
    column = max((wide for _, wide in run if wide <= COLUMN), default=0)
    for number, wide in run:
        pads[number] = max(column - wide, 0)


def _head_width(part: Part) -> int | None:
    if isinstance(part, Leaf) or part.rule not in _TABLES:
        return None
    head = split(part.parts, _TABLES[part.rule][1])[0]
    leaves = [leaf for one in head for leaf in leaves_of(one)]
    if any(leaf.after for leaf in leaves) or any(leaf.above for leaf in leaves[1:]):
        return None
    return len(" ".join("".join(leaf.text for leaf in leaves_of(one)) for one in head))


def _kind(part: Part) -> str:
    return "" if isinstance(part, Leaf) else _TABLES.get(part.rule, (part.rule, ""))[0]


def _gap(part: Part) -> bool:
    first = first_of(part)
    return first.blank or any(comment.blank for comment in first.above)


def blank_before(entry: Doc, wanted: bool = False) -> Doc:
    """An empty line before a statement: where one is written, or wanted and not written."""
    first = ends_of(entry).first
    if first is None:
        return NOTHING
    written = [comment.blank for comment in first.above] + [first.blank]
    if not first.above and first.blank:
        return Hard(blank=True)
    return Hard(blank=True) if wanted and not any(written) else NOTHING
