"""What a name of a file stands for, by the declarations alone.

In: the declarations of a file and the members of the module in which a name stands. Out: symbols. An
answer is empty where the text does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqspec.ops import OPS
from eqspec.syntax import tree
from eqspec.tools.server.declaring import BUILT_OF_OTHERS, factors, flats_of, path_of
from eqspec.tools.server.symbols import Factor, FileNames, Kind, Symbol

Fields = Mapping[str, Symbol]
NO_FIELDS: Fields = {}


class Lookup:
    """The names that are seen from a place: of a file, and of the module that ``enter`` names."""

    def __init__(self, names: FileNames) -> None:
        self.names = names
        self.members: Mapping[str, Symbol] = {}
        self.written: Mapping[str, tree.Member] = {}

    def enter(self, module: tree.Module | tree.Interface | None) -> None:
        if module is None:
            self.members, self.written = {}, {}
            return
        self.members = self.names.members.get(module.name.text, {})
        self.written = {m.name.text: m for m in module.members if not isinstance(m, tree.Ensure)}

    # ---- names ----------------------------------------------------------------------------------

    def declared(self, name: str) -> Symbol | None:
        """A parameter of the module, or a declaration of the file."""
        member = self.members.get(name)
        if member is not None and member.kind is Kind.FORMAL:
            return member
        return self.names.symbols.get(name)

    def file_of(self, path: tuple[tree.Name, ...]) -> FileNames | None:
        """The used file that a path names."""
        at: FileNames | None = self.names
        for name in path:
            at = at.files.get(name.text) if at is not None else None
        return at

    def every_file(self) -> list[FileNames]:
        found = [self.names]
        for file in found:  # grows while it is read
            found.extend(inner for inner in file.files.values() if inner not in found)
        return found

    # ---- groups and representations ---------------------------------------------------------------

    def is_group(self, path: tuple[tree.Name, ...]) -> bool:
        if len(path) == 1:
            symbol = self.declared(path[0].text)
            if symbol is not None and symbol.kind is Kind.FORMAL:
                return True
        at = self.file_of(path[:-1])
        return at is not None and isinstance(at.items.get(path[-1].text), tree.GroupDeclaration)

    def factors_of(self, expr: tree.Expression) -> tuple[Factor, ...]:
        if isinstance(expr, tree.Product):
            return tuple(f for _, part in expr.factors for f in self.factors_of(part))
        path = path_of(expr)
        return factors(self.names, path) if path else ()

    def reps(self, path: tuple[tree.Name, ...], name: str) -> tuple[Symbol, ...]:
        """The users' representations that `path.name` may be: one, or for a group that is a parameter all."""
        symbol = self.declared(path[0].text) if len(path) == 1 else None
        wanted = None
        if symbol is None or symbol.kind is not Kind.FORMAL:
            wanted = factors(self.names, path)
        return tuple(
            rep
            for file in self.every_file()
            for (acting, called), rep in file.reps.items()
            if called == name and (wanted is None or (acting == wanted and wanted))
        )

    def points(self, rep: Symbol) -> Fields:
        """Of a representation of a used file."""
        for other in self.every_file():
            if rep in other.points:
                return other.points[rep]
        return NO_FIELDS

    def generators(
        self, factor: Factor, name: str, seen: frozenset[Factor] = frozenset()
    ) -> list[Symbol]:
        """The symbols of a generator: of the group, or of a group of which it is built."""
        for file in self.every_file():
            if file.path != factor[0] or factor in seen:
                continue
            if name in file.generators.get(factor[1], {}):
                return [file.generators[factor[1]][name]]
            item = file.items.get(factor[1])
            if not isinstance(item, tree.GroupDeclaration) or not isinstance(item.value, tree.Call):
                continue
            function = item.value.function
            if isinstance(function, tree.Reference) and function.name in BUILT_OF_OTHERS:
                parts = item.value.arguments[: 1 if function.name == "subgroup" else 2]
                return [
                    symbol
                    for part in parts
                    for inner in _factors_in(file, part.value)
                    for symbol in self.generators(inner, name, seen | {factor})
                ]
        return []

    # ---- parts of a feature -------------------------------------------------------------------------

    def parts_of(self, member: tree.Member | None) -> Fields:
        match member:
            case tree.Input() | tree.Layer() | tree.Output() if member.type is not None:
                return self.parts_in_type(member.type)
            case tree.Layer(value=tree.Call() as called) | tree.Output(value=tree.Call() as called):
                return self.outputs(called)
        return NO_FIELDS

    def parts_in(self, symbol: Symbol) -> Fields:
        """The fields of a field."""
        for file in self.every_file():
            for fields in file.fields.values():
                if fields.get(symbol.name) == symbol:
                    return {
                        s.name: s
                        for inner in file.fields.values()
                        for s in inner.values()
                        if s.container == f"{symbol.container}.{symbol.name}"
                    }
        return NO_FIELDS

    def parts_in_type(self, type_: tree.TypeExpression) -> Fields:
        if len(type_.blocks) != 1:
            return NO_FIELDS
        for block in flats_of(type_):
            return self.names.fields.get(block.span, {})
        if isinstance(type_.blocks[0], tree.AliasBlock):
            path = type_.blocks[0].path.names
            at = self.file_of(path[:-1])
            item = at.items.get(path[-1].text) if at is not None else None
            if at is not None and isinstance(item, tree.TypeAlias) and len(item.type.blocks) == 1:
                for block in flats_of(item.type):
                    return at.fields.get(block.span, {})
        return NO_FIELDS

    def outputs(self, call: tree.Call) -> Fields:
        path = path_of(call.function)
        if not path or (len(path) == 1 and path[0].text in OPS):
            return NO_FIELDS
        at = self.file_of(path[:-1])
        members = at.members.get(path[-1].text, {}) if at is not None else {}
        return {s.name: s for s in members.values() if s.kind is Kind.OUTPUT}


def _factors_in(file: FileNames, expr: tree.Expression) -> tuple[Factor, ...]:
    if isinstance(expr, tree.Product):
        return tuple(f for _, part in expr.factors for f in _factors_in(file, part))
    path = path_of(expr)
    return factors(file, path) if path else ()
