"""Every place of a file that names something, and what it names.

In: the declarations of a file (`declaring`). Out: an `Index`. The rules are those by which the checker
looks names up (`eqspec.graph`): in a layer a name is a member of its module, in a type and after an
option it is a parameter of the module or a declaration of the file, after a dot it belongs to what
stands before. What cannot be told from the text, such as the field of a feature whose type is derived, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from eqspec.diagnostics.model import Span
from eqspec.graph.op import WordOrBase
from eqspec.ops import OPS
from eqspec.syntax import tree
from eqspec.tools.server.declaring import (
    BUILT_OF_OTHERS,
    Reader,
    declare,
    factors,
    path_of,
    points_of,
)
from eqspec.tools.server.lookup import NO_FIELDS, Fields, Lookup
from eqspec.tools.server.symbols import Factor, FileNames, Index, Kind, Occurrence, Symbol, ordered


def index(path: Path, file: tree.File, read: Reader) -> Index:
    """The index of a file; ``read`` gives the trees of the files that it uses."""
    names = declare(path, file, read)
    indexer = _Indexer(names)
    for item in file.items:
        indexer.item(item)
    return Index(names, ordered(indexer.found))


class _Indexer:
    def __init__(self, names: FileNames) -> None:
        self.names = names
        self.look = Lookup(names)
        self.found: list[Occurrence] = []

    def define(self, symbol: Symbol | None, span: Span) -> None:
        if symbol is not None:
            self.found.append(Occurrence(span, (symbol,), symbol.span == span))

    def use(self, symbols: Iterable[Symbol | None], span: Span) -> None:
        known = tuple(dict.fromkeys(symbol for symbol in symbols if symbol is not None))
        if known:
            self.found.append(Occurrence(span, known))

    # ---- declarations ---------------------------------------------------------------------------

    def item(self, item: tree.Item) -> None:
        names = self.names
        if isinstance(item, tree.RepDeclaration):
            self.rep_declaration(item)
            return
        self.define(names.symbols.get(item.name.text), item.name.span)
        match item:
            case tree.Param(value=value) if not isinstance(value, str):
                self.size(value)
            case tree.TypeAlias(type=type_):
                self.type(type_)
            case tree.GroupDeclaration():
                self.group_declaration(item)
            case tree.Module() | tree.Interface():
                self.module(item)

    def group_declaration(self, item: tree.GroupDeclaration) -> None:
        value, own = item.value, self.names.generators.get(item.name.text, {})
        family, arguments, groups = "", [], 0
        if isinstance(value, tree.Call) and isinstance(value.function, tree.Reference):
            family = value.function.name
            arguments = [argument.value for argument in value.arguments]
            groups = 1 if family == "subgroup" else 2 if family in BUILT_OF_OTHERS else 0
            for argument in arguments[:groups]:
                self.group(argument)
            for argument in arguments[groups:]:
                if family == "subgroup":
                    self.word(argument, self.look.factors_of(arguments[0]))
                else:
                    self.size(argument)
        else:
            self.group(value)
        for generator in item.generators or ():
            if generator.name is not None:
                self.define(own.get(generator.name.text), generator.name.span)
            self.image(generator.image, {})
        parts = [self.look.factors_of(argument) for argument in arguments[:groups]]
        for entry in item.block or ():
            if isinstance(entry, tree.LieGenerator):
                self.define(own.get(entry.name.text), entry.name.span)
                self.image(entry.matrix, {})
            elif len(parts) == 2:
                self.generator(entry.path.names, parts[1])
                for image in entry.images:
                    self.generator(image.path.names, parts[0])
                    self.word(image.word, parts[0])
        for renaming in item.named or ():
            self.define(own.get(renaming.new.text), renaming.new.span)
            if renaming.old.text != renaming.new.text:
                self.use([own.get(renaming.old.text)], renaming.old.span)

    def rep_declaration(self, item: tree.RepDeclaration) -> None:
        group = item.path.names[:-1]
        self.path(group)
        acting = factors(self.names, group)
        symbol = self.names.reps.get((acting, item.path.names[-1].text))
        self.define(symbol, item.path.names[-1].span)
        points = self.names.points.get(symbol, {}) if symbol is not None else {}
        for point in points_of(item):
            text = point.name if isinstance(point, tree.Reference) else point.value
            self.define(points.get(text), point.span)
        if isinstance(item.value, tree.Call):
            for argument in item.value.arguments:
                if not isinstance(argument.value, tree.ListOf):
                    self.size(argument.value)
        for entry in item.images or ():
            self.generator(entry.path.names, acting)
            self.image(entry.image, points)

    def image(self, image: tree.Image, points: Fields) -> None:
        if not isinstance(image, tree.Permutation):
            self.size(image)
            return
        for cycle in image.cycles:
            for point in cycle:
                at = point.span
                if point.negative:  # the sign is no part of the name
                    text = self.names.file.source.text
                    start = at.start + 1
                    while start < at.end and text[start].isspace():
                        start += 1
                    at = Span(start, at.end)
                self.use([points.get(point.value)], at)

    def module(self, item: tree.Module | tree.Interface) -> None:
        self.look.enter(item)
        for formal in item.formals if isinstance(item, tree.Module) else ():
            self.define(self.look.members.get(formal.name.text), formal.name.span)
            if formal.default is not None:
                self.group(formal.default)
        for member in item.members:
            if isinstance(member, tree.Ensure):
                for path in member.targets:
                    self.use([self.look.members.get(path.names[0].text)], path.names[0].span)
                self.group(member.group)
                continue
            self.define(self.look.members.get(member.name.text), member.name.span)
            match member:
                case tree.Base(signature=signature, target=target):
                    for type_ in (*signature, target):
                        self.type(type_)
                case tree.Input(type=type_):
                    self.type(type_)
                case (
                    tree.Layer(type=declared, value=value) | tree.Output(type=declared, value=value)
                ):
                    if declared is not None:
                        self.type(declared)
                    if value is not None:
                        self.value(value)
        self.look.enter(None)

    # ---- types ----------------------------------------------------------------------------------

    def type(self, type_: tree.TypeExpression) -> None:
        for block in type_.blocks:
            match block:
                case tree.AxesBlock(axes=axes):
                    self.axes(axes)
                case tree.IndexBlock(values=values, axes=axes):
                    self.axes((values, *axes))
                case tree.FlatBlock():
                    self.axes((block,))
                case tree.AliasBlock(path=path):
                    self.path(path.names)

    def axes(self, axes: Iterable[tree.Expression | tree.FlatBlock]) -> None:
        for axis in axes:
            if not isinstance(axis, tree.FlatBlock):
                self.size(axis)
                continue
            known = self.names.fields.get(axis.span, {})
            for entry in axis.fields:
                self.define(known.get(entry.name.text), entry.name.span)
                self.type(entry.type)

    # ---- sizes, groups, representations -----------------------------------------------------------

    def path(self, path: tuple[tree.Name, ...]) -> FileNames | None:
        """`file.name`; every part is named. Out: the file of the last part."""
        if not path:
            return None
        self.use([self.look.declared(path[0].text)], path[0].span)
        at = self.names
        for before, name in pairwise(path):
            if before.text not in at.files:
                return None
            at = at.files[before.text]
            self.use([at.symbols.get(name.text)], name.span)
        return at

    def size(self, expr: tree.Expression | tree.Range) -> None:
        """A size, a matrix, an axis: whatever has no members in it."""
        match expr:
            case tree.Reference(name=name, span=span):
                self.use([self.look.declared(name)], span)
            case tree.Attribute() | tree.Select():
                self.rep(expr)
            case tree.Call(function=tree.Reference(), arguments=arguments):  # diag(1, -1)
                for argument in arguments:
                    self.size(argument.value)
            case tree.Call():
                self.rep(expr)
            case tree.ListOf(items=items):
                for inner in items:
                    self.size(inner)
            case tree.Sum(terms=parts) | tree.Product(factors=parts):
                for _, inner in parts:
                    self.size(inner)
            case tree.Power(base=inner) | tree.Negate(operand=inner):
                self.size(inner)
            case tree.Range(low=low, high=high):
                self.size(low)
                self.size(high)

    group = size  # names, products and `file.name` are read alike

    def rep(self, expr: tree.Expression) -> tuple[Symbol, ...]:
        """A representation with whatever is behind it; out: the user's own that it may be."""
        match expr:
            case tree.Attribute(base=base, name=name):
                path = path_of(base)
                if path and self.look.is_group(path):
                    self.path(path)
                    found = self.look.reps(path, name.text)
                    self.use(found, name.span)
                    return found
                if path and self.look.file_of(path) is not None:
                    self.path((*path, name))
                    return ()
                return self.rep(base)  # a modifier
            case tree.Call(function=function, arguments=arguments):
                found = self.rep(function)
                for argument in arguments:
                    self.size(argument.value)
                return found
            case tree.Select(base=base, items=items):
                found = self.rep(base)
                for item in items:
                    match item:
                        case tree.Reference(name=text) | tree.String(value=text):
                            points = [self.look.points(rep).get(text) for rep in found]
                            self.use(points, item.span)
                return found
            case tree.Reference():
                self.size(expr)
        return ()

    # ---- generators -----------------------------------------------------------------------------

    def generator(self, path: tuple[tree.Name, ...], acting: tuple[Factor, ...]) -> None:
        """`r` or `A.r`, a generator of one of these factors."""
        if len(path) > 1:
            self.path(path[:-1])
            acting = factors(self.names, path[:-1]) or acting
        self.use(
            [symbol for factor in acting for symbol in self.look.generators(factor, path[-1].text)],
            path[-1].span,
        )

    def word(self, expr: tree.Expression, acting: tuple[Factor, ...]) -> None:
        match expr:
            case tree.Reference() | tree.Attribute():
                path = path_of(expr)
                if path:
                    self.generator(path, acting)
            case tree.Product(factors=parts):
                for _, inner in parts:
                    self.word(inner, acting)
            case tree.Power(base=base):
                self.word(base, acting)

    # ---- layers ---------------------------------------------------------------------------------

    def value(self, expr: tree.Expression) -> Fields:
        """The value of a layer; out: the parts that a dot may select from it."""
        match expr:
            case tree.Reference(name=name, span=span):
                symbol = self.look.members.get(name)
                self.use([symbol if symbol is not None else self.names.symbols.get(name)], span)
                return self.look.parts_of(self.look.written.get(name))
            case tree.Attribute(base=base, name=name):
                symbol = self.value(base).get(name.text)
                self.use([symbol], name.span)
                return self.look.parts_in(symbol) if symbol is not None else NO_FIELDS
            case tree.Select(base=base):
                self.value(base)
            case tree.Call():
                return self.call(expr)
            case tree.Sum(terms=parts) | tree.Product(factors=parts):
                for _, inner in parts:
                    self.value(inner)
            case tree.Power(base=inner) | tree.Negate(operand=inner):
                self.value(inner)
            case tree.ListOf(items=items):
                for inner in items:
                    self.value(inner)
        return NO_FIELDS

    def call(self, expr: tree.Call) -> Fields:
        file: FileNames | None = self.names
        name = ""
        if isinstance(expr.function, tree.Reference):
            name = expr.function.name
            if name in OPS:
                file = None
            else:
                self.use([self.look.declared(name)], expr.function.span)
        else:
            path = path_of(expr.function)
            file = self.path(path)
            name = path[-1].text if path else ""
        callee = file.members.get(name, {}) if file is not None else {}
        for argument in expr.arguments:
            if argument.keyword is None:
                if not isinstance(argument.value, tree.Range):
                    self.value(argument.value)
                continue
            key = argument.keyword.text
            symbol = callee.get(key)
            if symbol is not None and symbol.kind in (Kind.FORMAL, Kind.BASE):
                self.use([symbol], argument.keyword.span)
            self.option(name if file is None else "", key, argument.value, symbol)
        return {symbol.name: symbol for symbol in callee.values() if symbol.kind is Kind.OUTPUT}

    def option(self, op: str, key: str, value: tree.Expression, symbol: Symbol | None) -> None:
        """What stands behind a keyword: a word, a size, a group, axes, or a base."""
        kind = OPS[op].signature.keywords.get(key) if op in OPS else None
        words = kind if isinstance(kind, tuple) else getattr(kind, "words", ())
        takes_base = isinstance(kind, WordOrBase) or (
            symbol is not None and symbol.kind is Kind.BASE
        )
        for item in value.items if isinstance(value, tree.ListOf) else (value,):
            match item:
                case tree.Reference(name=name, span=span) if takes_base and name not in words:
                    self.use([self.look.members.get(name)], span)
                case tree.Reference(name=name) if name in words:
                    pass
                case tree.Call(function=tree.Reference(name=name), arguments=arguments) if (
                    name in words
                ):
                    for argument in arguments:
                        self.size(argument.value)
                case _:
                    self.size(item)
