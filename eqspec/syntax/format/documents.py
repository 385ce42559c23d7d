"""Documents: text with places where a line may end, and how they are laid out in a width.

In: a `Doc`. Out: `Row`s. The algebra is that of Wadler ("A prettier printer", 2003) with the greedy
fitting of Prettier: a group stands on one line if it fits there, else all its places end their line.
Comments are part of the leaves, so that none can be lost; one that stands inside of a group breaks it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Above:
    """A comment on a line of its own; ``blank``: an empty line stands before it."""

    text: str
    blank: bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """A token with the comments around it.

    ``newline``: it began a line of the source; ``blank``: after an empty one (or after the comments
    above it, an empty line follows those).
    """

    kind: str
    text: str
    above: tuple[Above, ...] = ()
    after: str = ""
    newline: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Glue:
    """Text that goes with what stands before it, even if a comment was put behind that."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A place where the line may end; ``flat`` stands there otherwise."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Hard:
    """The line ends here; ``blank``: an empty one follows."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Comments:
    """Comments on lines of their own, for example before a closing bracket."""

    above: tuple[Above, ...]


@dataclass(frozen=True, slots=True)
class Nest:
    indent: int
    doc: Doc


@dataclass(frozen=True, slots=True)
class Ends:
    """The outermost leaves of a document, and whether it cannot stand on one line: a hard line end,
    or a comment between two of its leaves."""

    first: Leaf | None = None
    last: Leaf | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    doc: Doc
    ends: Ends


@dataclass(frozen=True, slots=True)
class Fill:
    """Items and places between them in turn; a place ends its line if the next item does not fit."""

    parts: tuple[Doc, ...]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Either:
    """One of two texts: the group around is broken, or on one line."""

    broken: Doc
    flat: Doc


@dataclass(frozen=True, slots=True)
class Choice:
    """The first that fits: on one line; ``second`` with its `Hard` line ends only; ``last``."""

    flat: Doc
    second: Doc | None
    last: Doc
    ends: Ends


@dataclass(frozen=True, slots=True)
class Many:
    parts: tuple[Doc, ...]


Doc = str | Leaf | Glue | Line | Hard | Comments | Nest | Group | Fill | Either | Choice | Many


NOTHING = Many(())


def cat(*parts: Doc) -> Many:
    return Many(parts)


def group(*parts: Doc, broken: bool = False) -> Group:
    doc = Many(parts)
    ends = ends_of(doc)
    return Group(doc, replace(ends, broken=True) if broken else ends)


def choice(flat: Doc, second: Doc | None, last: Doc) -> Choice:
    return Choice(flat, second, last, ends_of(flat))


_NOWHERE, _BREAK = Ends(), Ends(broken=True)


def ends_of(doc: Doc) -> Ends:
    match doc:
        case Leaf():
            return Ends(doc, doc)
        case Hard() | Comments():
            return _BREAK
        case Group(ends=ends) | Choice(ends=ends):
            return ends
        case Nest(_, inner) | Either(broken=inner):
            return ends_of(inner)
        case Many(parts) | Fill(parts):
            return _ends_of_all(parts)
        case _:
            return _NOWHERE


def _ends_of_all(parts: tuple[Doc, ...]) -> Ends:
    first: Leaf | None = None
    last: Leaf | None = None
    broken = False
    for ends in map(ends_of, parts):
        broken = broken or ends.broken
        if ends.first is None:
            continue
        if first is None:
            first = ends.first
        elif ends.first.above or (last is not None and last.after):
            broken = True
        last = ends.last
    return Ends(first, last, broken)
