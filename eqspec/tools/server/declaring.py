"""The declarations of a file as symbols: the first half of the index, and all that another file needs.

In: a syntax tree, and a way to the trees of the files that it uses. Out: `FileNames`. Groups are
followed to the primitive groups of which they consist, by their declarations alone: a product is a
list of factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from eqspec.diagnostics.model import Span
from eqspec.syntax import tree
from eqspec.tools.server.symbols import Factor, FileNames, Kind, Symbol

Reader = Callable[[Path], tree.File | None]
"""The syntax tree of another file, None if it cannot be read."""

MAX_FILES = 200
BUILT_OF_OTHERS = ("semidirect", "wreath", "subgroup")
_ITEMS = {
    tree.Use: Kind.FILE,
    tree.Param: Kind.PARAM,
    tree.TypeAlias: Kind.TYPE,
    tree.GroupDeclaration: Kind.GROUP,
    tree.Module: Kind.MODULE,
    tree.Interface: Kind.INTERFACE,
}
_MEMBERS = {
    tree.Input: Kind.INPUT,
    tree.Base: Kind.BASE,
    tree.Layer: Kind.LAYER,
    tree.Output: Kind.OUTPUT,
}


def declare(path: Path, file: tree.File, read: Reader) -> FileNames:
    """The names of a file, with those of the files that it uses."""
    return _File(read, {}).names(path, file)


class _File:
    def __init__(self, read: Reader, known: dict[Path, FileNames]) -> None:
        self.read = read
        self.known = known

    def names(self, path: Path, file: tree.File) -> FileNames:
        names = self.known[path] = FileNames(path, file)
        reps: list[tree.RepDeclaration] = []
        for item in file.items:
            if isinstance(item, tree.RepDeclaration):
                reps.append(item)
                continue
            name = item.name.text
            if name in names.symbols:
                continue  # the first counts, as for the checker
            names.items[name] = item
            names.symbols[name] = Symbol(
                path, _ITEMS[type(item)], name, "", item.name.span, item.span, item.doc
            )
            match item:
                case tree.Use():
                    self._use(names, item)
                case tree.Module() | tree.Interface():
                    self._members(names, item)
                case tree.GroupDeclaration():
                    self._generators(names, item)
                case tree.TypeAlias():
                    _fields(names, item.type, name)
        for rep in reps:
            self._rep(names, rep)
        return names

    def _use(self, names: FileNames, item: tree.Use) -> None:
        if "\0" in item.file.value:
            return
        try:
            target = (names.path.parent / item.file.value).resolve()
        except (OSError, RuntimeError):
            return
        if target not in self.known and len(self.known) < MAX_FILES:
            file = self.read(target)
            if file is not None:
                self.names(target, file)
        if target in self.known:
            names.files[item.name.text] = self.known[target]

    def _members(self, names: FileNames, item: tree.Module | tree.Interface) -> None:
        found = names.members[item.name.text] = {}
        container = item.name.text

        def add(kind: Kind, name: tree.Name, whole: Span, doc: str | None) -> None:
            symbol = Symbol(names.path, kind, name.text, container, name.span, whole, doc)
            found.setdefault(name.text, symbol)

        for formal in item.formals if isinstance(item, tree.Module) else ():
            add(Kind.FORMAL, formal.name, formal.span, None)
        for member in item.members:
            if isinstance(member, tree.Ensure):
                continue
            add(_MEMBERS[type(member)], member.name, member.span, member.doc)
            written = () if isinstance(member, tree.Base) else (member.type,)
            for type_ in written:
                if type_ is not None:
                    _fields(names, type_, f"{container}.{member.name.text}")

    def _generators(self, names: FileNames, item: tree.GroupDeclaration) -> None:
        found = names.generators[item.name.text] = {}
        written: list[tuple[tree.Name, Span]] = []
        written += [(g.name, g.span) for g in item.generators or () if g.name is not None]
        written += [(e.name, e.span) for e in item.block or () if isinstance(e, tree.LieGenerator)]
        written += [(entry.new, entry.span) for entry in item.named or ()]
        for name, whole in written:
            found[name.text] = Symbol(
                names.path, Kind.GENERATOR, name.text, item.name.text, name.span, whole
            )

    def _rep(self, names: FileNames, item: tree.RepDeclaration) -> None:
        if len(item.path.names) < 2:
            return
        last = item.path.names[-1]
        group = ".".join(name.text for name in item.path.names[:-1])
        symbol = Symbol(names.path, Kind.REP, last.text, group, last.span, item.span, item.doc)
        names.reps.setdefault((factors(names, item.path.names[:-1]), last.text), symbol)
        points = names.points[symbol] = {}
        for expr in points_of(item):
            text = expr.name if isinstance(expr, tree.Reference) else expr.value
            points.setdefault(
                text, Symbol(names.path, Kind.POINT, text, item.path.text, expr.span, expr.span)
            )


def points_of(item: tree.RepDeclaration) -> Iterator[tree.Reference | tree.String]:
    """The points that a representation names; numbers are no names."""
    if isinstance(item.value, tree.Call) and item.value.arguments:
        listed = item.value.arguments[0].value
        if isinstance(listed, tree.ListOf):
            yield from (e for e in listed.items if isinstance(e, tree.Reference | tree.String))


def _fields(names: FileNames, type_: tree.TypeExpression, container: str) -> None:
    """The fields of every `flat` in a type."""
    for block in flats_of(type_):
        found = names.fields[block.span] = {}
        for entry in block.fields:
            inner = f"{container}.{entry.name.text}"
            found.setdefault(
                entry.name.text,
                Symbol(
                    *(names.path, Kind.FIELD, entry.name.text, container),
                    *(entry.name.span, entry.span, entry.doc),
                ),
            )
            _fields(names, entry.type, inner)


def flats_of(type_: tree.TypeExpression) -> Iterator[tree.FlatBlock]:
    """The `flat`s that stand in a type, not those inside of them."""
    for block in type_.blocks:
        match block:
            case tree.FlatBlock():
                yield block
            case tree.AxesBlock(axes=axes) | tree.IndexBlock(axes=axes):
                yield from (axis for axis in axes if isinstance(axis, tree.FlatBlock))


def factors(
    names: FileNames, path: tuple[tree.Name, ...], seen: frozenset[Factor] = frozenset()
) -> tuple[Factor, ...]:
    """The primitive groups of a group that is written as a path; () if it cannot be told."""
    at = names
    for name in path[:-1]:
        if name.text not in at.files:
            return ()
        at = at.files[name.text]
    return _factors(at, path[-1].text, seen) if path else ()


def _factors(names: FileNames, name: str, seen: frozenset[Factor]) -> tuple[Factor, ...]:
    item, here = names.items.get(name), (names.path, name)
    if not isinstance(item, tree.GroupDeclaration) or here in seen:
        return ()
    if isinstance(item.value, tree.Call):
        return (here,)
    found: tuple[Factor, ...] = ()
    parts = item.value.factors if isinstance(item.value, tree.Product) else ((1, item.value),)
    for _, part in parts:
        written = path_of(part)
        inner = factors(names, written, seen | {here}) if written else ()
        if not inner:
            return ()
        found += inner
    return found


def path_of(expr: tree.Expression) -> tuple[tree.Name, ...]:
    """`a.b.c` as names; () for any other expression."""
    names: list[tree.Name] = []
    while isinstance(expr, tree.Attribute):
        names.insert(0, expr.name)
        expr = expr.base
    return (tree.Name(expr.name, expr.span), *names) if isinstance(expr, tree.Reference) else ()
