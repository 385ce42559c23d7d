"""What stands between two brackets: on one line, one entry a line, or filled like a paragraph.

In: the opening sign, the entries with their separators, the closing sign. Out: a `Doc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eqspec.syntax.format.documents import (
    NOTHING,
    Comments,
    Doc,
    Either,
    Fill,
    Glue,
    Leaf,
    Line,
    Nest,
    cat,
    ends_of,
    group,
)

INDENT = 2

Entry = tuple[Doc, Leaf | None]
"""A document and the comma behind it, if one is written."""


def around(opener: Leaf, inside: Doc, closer: Leaf, place: str = "", broken: bool = False) -> Doc:
    """Brackets around a document; comments before the closing one belong to what is inside."""
    comments: Doc = Comments(closer.above) if closer.above else NOTHING
    closer = replace(closer, above=(), blank=False)
    if inside == NOTHING:
        return group(opener, Nest(INDENT, comments), closer)
    return group(
        opener,
        Nest(INDENT, cat(Line(place), inside, comments)),
        Line(place),
        closer,
        broken=broken,
    )


def rows(entries: Sequence[Entry]) -> Doc:
    """Entries of round or square brackets: several lines end with a comma each, also the last."""
    parts: list[Doc] = []
    for number, (entry, comma) in enumerate(entries):
        parts.append(entry)
        if number + 1 < len(entries):
            parts += [separator(comma, entry), Line()]
        elif comma is not None and commented(comma):
            parts.append(comma)
        elif len(entries) > 1:
            parts.append(Either(Glue(","), NOTHING))
    return cat(*parts)


def filled(entries: Sequence[Entry]) -> Doc:
    """Short entries: as many on a line as fit, no comma behind the last."""
    parts: list[Doc] = []
    for number, (entry, comma) in enumerate(entries):
        last = number + 1 == len(entries)
        behind = _dropped(comma, entry) if last else separator(comma, entry)
        parts.append(cat(entry, behind))
        if not last:
            parts.append(Line())
    return Fill(tuple(parts))


def listed(entries: Sequence[Entry], blanks: Sequence[Doc]) -> Doc:
    """Entries of braces: a comma between two on one line, none where each has its own line.

    ``blanks`` stand before the entries: the empty lines that the source has there.
    """
    parts: list[Doc] = []
    for number, (entry, comma) in enumerate(entries):
        parts += [blanks[number], entry]
        if number + 1 < len(entries):
            parts += [Either(_dropped(comma, entry), Glue(",")), Line()]
        else:
            parts.append(_dropped(comma, entry))
    return cat(*parts)


def commented(leaf: Leaf) -> bool:
    return bool(leaf.above or leaf.after)


def separator(comma: Leaf | None, entry: Doc) -> Doc:
    """A comma that must stand: right behind the entry, unless comments around both forbid it."""
    if comma is None or not commented(comma):
        return Glue(",")
    if comma.above or _commented_behind(entry):
        return comma
    return cat(Glue(","), replace(comma, text=""))


def _dropped(comma: Leaf | None, entry: Doc) -> Doc:
    """A comma that need not stand: its comment stays; several comments keep their order by it."""
    if comma is None or not commented(comma):
        return NOTHING
    if comma.above or _commented_behind(entry):
        return comma
    return replace(comma, text="")


def _commented_behind(entry: Doc) -> bool:
    last = ends_of(entry).last
    return last is not None and bool(last.after)
