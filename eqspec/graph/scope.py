"""Names and what they stand for: parameters, groups, representations, types, modules, other files.

In: the syntax tree of a file and of the files it uses. Out: a `Scope` that resolves names on demand,
each declaration once. Sizes, groups, axes and types are elaborated in `elaborate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from eqspec.algebra.groups import Group
from eqspec.diagnostics.model import Diagnostic, Fix, Label, Severity, Source, Span
from eqspec.diagnostics.suggest import suggestion
from eqspec.graph.op import OpTyping, Refusal
from eqspec.graph.sizes import Size
from eqspec.syntax import tree

Loader = Callable[[Path, str], tuple[tree.File | None, list[Diagnostic]]]
"""Reads and parses the file at a path; the text is the path that messages show."""


@dataclass(frozen=True)
class GroupValue:
    """A group as its primitive factors, in order; ``names`` are their keys in the world."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class SubgroupValue:
    """A subgroup: no factor, so it acts on nothing by itself.

    ``group`` are the factors inside which it lies, ``words`` generate it: letters (factor, number of
    the generator, exponent). ``key`` is its own entry in the world, under which it has
    representations (for `induced`).
    """

    group: GroupValue
    words: tuple[tuple[tuple[str, int, int], ...], ...]
    key: str


@dataclass(frozen=True)
class RepEntry:
    """A user's representation, waiting in the scope that declares it."""

    scope: Scope
    item: tree.RepDeclaration


@dataclass(frozen=True, eq=False)
class Call:
    """An instance of the module ``name`` of ``scope`` was asked for, and is called ``key``."""

    scope: Scope
    name: str
    arguments: tuple[tuple[str, int | GroupValue], ...]
    key: str


@dataclass
class World:
    """What all files of one run share.

    ``groups`` are the primitive factors by key; ``reps`` the users' representations by the factors
    they belong to; ``built`` says of which factors a product is made that is one factor itself
    (`semidirect`, `wreath`); ``overrides`` the parameters set on the command line; ``elaborate`` gives a
    declaration its value.
    """

    ops: Mapping[str, OpTyping]
    load: Loader
    root: Path | None
    overrides: Mapping[str, int]
    elaborate: Callable[[Scope, tree.Item], object]
    groups: dict[str, Group] = field(default_factory=dict)
    group_spans: dict[str, tuple[Source, Span]] = field(default_factory=dict)
    built: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reps: dict[tuple[tuple[str, ...], str], RepEntry] = field(default_factory=dict)
    rep_values: dict[tuple[tuple[str, ...], str], object] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    files: dict[Path, Scope] = field(default_factory=dict)
    vocabularies: dict[Path, Source] = field(default_factory=dict)  # files of words
    loading: list[Path] = field(default_factory=list)
    prefixes: set[str] = field(default_factory=set)
    sizes: dict[str, Size] = field(default_factory=dict)  # of run time, by symbol
    used: dict[tuple[int, str] | Call, None] = field(
        default_factory=dict
    )  # in order: (id of a scope, name)


@dataclass(eq=False)
class Scope:
    """The names of one file, or of one instance of a module (its ``parent`` is then the file's).

    ``prefix`` qualifies the groups of a used file. ``items`` are declarations by name, ``values`` what
    has been elaborated of them so far; a name in ``broken`` was reported, and whoever uses it stays
    silent. ``active`` are the names being elaborated: one of them again is a circle.
    """

    world: World
    source: Source
    path: Path | None = None
    prefix: str = ""
    parent: Scope | None = None
    items: dict[str, tree.Item] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    active: list[str] = field(default_factory=list)

    def names(self) -> Iterator[str]:
        yield from self.items
        yield from self.values
        if self.parent is not None:
            yield from self.parent.names()

    def declares(self, name: str) -> bool:
        return name in self.values or name in self.items or name in self.broken

    def owner(self, name: str) -> Scope | None:
        """The innermost scope that declares the name."""
        scope: Scope | None = self
        while scope is not None and not scope.declares(name):
            scope = scope.parent
        return scope

    # ---- speaking ---------------------------------------------------------------------------

    def diagnostic(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        help: str | None = None,
        labels: tuple[Label, ...] = (),
        fixes: tuple[Fix, ...] = (),
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        return Diagnostic(code, message, self.source, span, label, labels, help, fixes, severity)

    def refuse(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        help: str | None = None,
        labels: tuple[Label, ...] = (),
        fixes: tuple[Fix, ...] = (),
    ) -> NoReturn:
        raise Refusal(
            self.diagnostic(code, message, span, label, help=help, labels=labels, fixes=fixes)
        )

    def unknown(self, what: str, name: str, span: Span, candidates: Iterator[str]) -> NoReturn:
        near = suggestion(name, candidates, span)
        self.refuse(
            "EQS201",
            f"unknown {what} `{name}`",
            span,
            "not declared here",
            help=near.help,
            fixes=near.fixes,
        )

    def not_built(self, what: str, span: Span, help: str | None = None) -> NoReturn:
        self.refuse(
            "EQS210",
            f"{what} is not built yet",
            span,
            "the language has it, this version cannot",
            help=help,
        )

    def gather(self, refusal: Refusal) -> None:
        self.world.diagnostics.extend(refusal.diagnostics)


def attempt(scope: Scope, action: Callable[[], object]) -> bool:
    """Run one elaboration; a refusal is recorded. True if it came through."""
    try:
        action()
    except Refusal as refusal:
        scope.gather(refusal)
        return False
    return True
