"""The names of a file: where each is defined, and where it is used.

A `Symbol` is one definition; an `Occurrence` is a place that names it. `indexing` finds them in the
syntax tree, also of a file that is being typed and of which only a part can be read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

from eqspec.diagnostics.model import Source, Span
from eqspec.syntax import tree


class Kind(Enum):
    """What a name is; the value is the word of messages."""

    FILE = "file"
    PARAM = "size"
    TYPE = "type"
    GROUP = "group"
    REP = "representation"
    MODULE = "module"
    INTERFACE = "interface"
    FORMAL = "parameter"
    INPUT = "input"
    BASE = "base"
    LAYER = "layer"
    OUTPUT = "output"
    FIELD = "field"
    GENERATOR = "generator"
    POINT = "point"


@dataclass(frozen=True)
class Symbol:
    """One definition. ``container`` is what it is a part of (`TwoView`, `Rot`, `Words.command`), ``span``
    its name and ``whole`` the declaration, in the file at ``path``."""

    path: Path
    kind: Kind
    name: str
    container: str
    span: Span
    whole: Span
    doc: str | None = None


@dataclass(frozen=True)
class Occurrence:
    """A place that names a symbol. Of a name that may stand for several, as a representation of a group
    that is a parameter, all are ``symbols``."""

    span: Span
    symbols: tuple[Symbol, ...]
    definition: bool = False

    @property
    def symbol(self) -> Symbol:
        return self.symbols[0]


Factor = tuple[Path, str]
"""A primitive group: the file and the name of its declaration."""


@dataclass(eq=False)
class FileNames:
    """What a file declares, for itself and for the files that use it."""

    path: Path
    file: tree.File
    symbols: dict[str, Symbol] = field(default_factory=dict)  # of the file, by name
    items: dict[str, tree.Item] = field(default_factory=dict)
    files: dict[str, FileNames] = field(default_factory=dict)  # used ones, by alias
    members: dict[str, dict[str, Symbol]] = field(default_factory=dict)  # of every module
    reps: dict[tuple[tuple[Factor, ...], str], Symbol] = field(default_factory=dict)
    points: dict[Symbol, dict[str, Symbol]] = field(default_factory=dict)
    generators: dict[str, dict[str, Symbol]] = field(default_factory=dict)  # of every group
    fields: dict[Span, dict[str, Symbol]] = field(default_factory=dict)  # of every `flat`


@dataclass(frozen=True, eq=False)
class Index:
    """All occurrences of a file, by place."""

    names: FileNames
    occurrences: tuple[Occurrence, ...]

    @property
    def source(self) -> Source:
        return self.names.file.source

    @cached_property
    def _starts(self) -> list[int]:
        return [found.span.start for found in self.occurrences]

    def at(self, offset: int) -> Occurrence | None:
        """The occurrence at an offset, or that ends there: a cursor stands between two characters."""
        here = None
        for found in self.occurrences[: bisect_right(self._starts, offset)][-3:]:
            if found.span.start <= offset <= found.span.end:
                here = found
        return here

    def of(self, symbol: Symbol) -> Iterator[Occurrence]:
        return (found for found in self.occurrences if symbol in found.symbols)

    @cached_property
    def definitions(self) -> tuple[Symbol, ...]:
        return tuple(found.symbol for found in self.occurrences if found.definition)


def ordered(found: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """Every place once, in order."""
    unique: dict[Span, Occurrence] = {}
    for occurrence in found:
        unique.setdefault(occurrence.span, occurrence)
    return tuple(unique[span] for span in sorted(unique, key=lambda span: (span.start, span.end)))


Others = Mapping[Path, FileNames]
