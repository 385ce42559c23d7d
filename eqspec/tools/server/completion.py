"""What could stand at the cursor.

In: the text, the cursor, and the names of the file. Out: items, those that fit best first: after a dot
what belongs to the name before it, inside of a call its options and features, in a type groups and
sizes, at the beginning of a line the words that begin a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from lsprotocol import types as lsp

from eqspec.diagnostics.model import Span
from eqspec.graph.groups import ALL_FAMILIES, PLAIN_FAMILIES
from eqspec.graph.op import WordOrBase
from eqspec.graph.reps import BUILT
from eqspec.ops import OPS
from eqspec.syntax import tree
from eqspec.syntax.words import FORMS
from eqspec.tools.server.cursor import Open, Place, place
from eqspec.tools.server.declaring import factors
from eqspec.tools.server.dictionary import (
    MODIFIERS,
    generators_of,
    summary_of_family,
    summary_of_rep,
)
from eqspec.tools.server.lookup import Lookup
from eqspec.tools.server.positions import Positions
from eqspec.tools.server.signatures import choices, signature_of, words_of
from eqspec.tools.server.symbols import FileNames, Index, Kind, Symbol

Item = lsp.CompletionItem
_ICONS = {
    Kind.FILE: lsp.CompletionItemKind.Module,
    Kind.PARAM: lsp.CompletionItemKind.Constant,
    Kind.TYPE: lsp.CompletionItemKind.TypeParameter,
    Kind.GROUP: lsp.CompletionItemKind.Class,
    Kind.REP: lsp.CompletionItemKind.Method,
    Kind.MODULE: lsp.CompletionItemKind.Struct,
    Kind.INTERFACE: lsp.CompletionItemKind.Interface,
    Kind.FORMAL: lsp.CompletionItemKind.TypeParameter,
    Kind.INPUT: lsp.CompletionItemKind.Field,
    Kind.BASE: lsp.CompletionItemKind.Function,
    Kind.LAYER: lsp.CompletionItemKind.Variable,
    Kind.OUTPUT: lsp.CompletionItemKind.Property,
    Kind.FIELD: lsp.CompletionItemKind.Field,
    Kind.GENERATOR: lsp.CompletionItemKind.Operator,
    Kind.POINT: lsp.CompletionItemKind.EnumMember,
}
_FEATURES = (Kind.INPUT, Kind.LAYER, Kind.OUTPUT)
_GROUPS = (Kind.GROUP, Kind.FILE)
_ITEMS = ("group", "rep", "param", "type", "module", "interface", "use")
_MEMBERS = ("input", "output", "base", "ensure")
_KINDS_OF_REP = ("permutation", "signed_permutation", "matrix")
Types = Callable[[str, str], str | None]
"""The type of a feature of a module, if it is known."""


def complete(
    text: str, offset: int, index: Index, positions: Positions, types: Types
) -> list[Item]:
    here = place(text, offset)
    if here.commented or here.quoted:
        return []
    completer = _Completer(index, here, types)
    ranges = lsp.Range(positions.position(here.start), positions.position(offset))
    found: dict[str, Item] = {}
    for item in completer.items():
        if item.label not in found:
            found[item.label] = item
            item.sort_text = f"{len(found):05}"
            item.text_edit = lsp.TextEdit(ranges, item.insert_text or item.label)
            item.insert_text = None
    return list(found.values())


class _Completer:
    def __init__(self, index: Index, here: Place, types: Types) -> None:
        self.names = index.names
        self.here = here
        self.types = types
        self.look = Lookup(index.names)
        item = index.names.items.get(here.name)
        self.look.enter(item if isinstance(item, tree.Module | tree.Interface) else None)

    def items(self) -> Iterator[Item]:
        here = self.here
        if here.dotted is not None:
            yield from self._behind_dot(here.dotted)
        elif here.first and not here.inside:
            yield from (_keyword(word) for word in _ITEMS)
        elif not here.item:
            yield from ()
        elif here.item in ("module", "interface"):
            yield from self._in_module()
        elif here.item == "group":
            yield from self._in_group()
        elif here.item == "rep":
            yield from self._in_rep()
        elif here.item == "param":
            yield from (_word(word) for word in ("dynamic", "padded"))
            yield from self._declared(Kind.PARAM)
        elif here.item == "type" and len(here.statement) > 2:
            yield from self._in_type()

    # ---- behind a dot ---------------------------------------------------------------------------

    def _behind_dot(self, path: tuple[str, ...]) -> Iterator[Item]:
        if not path:
            yield from self._modifiers()
            return
        names = tuple(_name(text) for text in path)
        file = self.look.file_of(names)
        if file is not None:
            yield from (_symbol(symbol) for symbol in file.symbols.values())
            return
        if self.look.is_group(names):
            if self.here.item == "rep" and len(self.here.inside) == 1:
                yield from self._generators(names)
            yield from self._reps(names)
            return
        if len(names) > 1 and self.look.is_group(names[:-1]):
            yield from self._modifiers()
            return
        parts = self.look.parts_of(self.look.written.get(path[0]))
        for text in path[1:]:
            symbol = parts.get(text)
            parts = self.look.parts_in(symbol) if symbol is not None else {}
        yield from (_symbol(part) for part in parts.values())

    def _reps(self, group: tuple[tree.Name, ...]) -> Iterator[Item]:
        """Users' own representations first; of the built-in ones those that the group can have."""
        acting = factors(self.names, group)
        for file in self.look.every_file():
            for (owner, _), symbol in file.reps.items():
                if owner == acting or not acting:
                    yield _symbol(symbol)
        for name in BUILT if len(acting) <= 1 else ("regular", "trivial"):
            yield Item(
                label=name,
                kind=lsp.CompletionItemKind.Method,
                detail="representation",
                documentation=summary_of_rep(name),
            )

    def _modifiers(self) -> Iterator[Item]:
        for name, text in MODIFIERS.items():
            yield Item(label=name, kind=lsp.CompletionItemKind.Method, documentation=text)

    def _generators(self, group: tuple[tree.Name, ...]) -> Iterator[Item]:
        for factor in factors(self.names, group):
            for file in self.look.every_file():
                if file.path == factor[0]:
                    written = file.generators.get(factor[1], {})
                    yield from map(_symbol, written.values())
                    item = file.items.get(factor[1])
                    if isinstance(item, tree.GroupDeclaration):
                        for name in generators_of(item):
                            yield Item(label=name, kind=_ICONS[Kind.GENERATOR], detail="generator")

    # ---- declarations ---------------------------------------------------------------------------

    def _declared(self, *kinds: Kind) -> Iterator[Item]:
        """Declarations of the file and parameters of the module, those of the module first."""
        own = [s for s in self.look.members.values() if s.kind in kinds]
        rest = [
            s for s in self.names.symbols.values() if s.kind in kinds and s.name != self.here.name
        ]
        yield from (_symbol(symbol) for symbol in (*own, *rest))

    def _in_group(self) -> Iterator[Item]:
        here = self.here
        if not here.inside and here.before == "=":
            for name in ALL_FAMILIES:
                yield Item(
                    label=name,
                    kind=lsp.CompletionItemKind.Function,
                    documentation=summary_of_family(name),
                    insert_text=f"{name}()" if name in PLAIN_FAMILIES else name,
                )
            yield from self._declared(*_GROUPS)
        elif not here.inside and here.before == ")":
            yield from (_word(word) for word in ("generated by", "named"))
        elif here.before in ("*", "(", ","):
            yield from self._declared(*_GROUPS, Kind.PARAM)

    def _in_rep(self) -> Iterator[Item]:
        here = self.here
        if not here.inside and len(here.statement) == 1:
            yield from self._declared(*_GROUPS)
        elif not here.inside and here.before == "=":
            yield from (_word(word) for word in _KINDS_OF_REP)
        elif here.inside and here.inside[0].sign == "{":
            path = tuple(_name(word.lstrip(".")) for word in here.statement[1:2])
            if here.before == "->":
                yield _word("diag")
            elif here.inside[-1].sign == "(":
                yield from self._points()
            else:
                yield from self._generators(path)
                yield from self._declared(*_GROUPS)

    def _points(self) -> Iterator[Item]:
        words = self.here.statement
        called = words[2].lstrip(".") if len(words) > 2 else ""
        for symbol, points in self.names.points.items():
            if symbol.name == called:
                yield from map(_symbol, points.values())

    def _in_type(self) -> Iterator[Item]:
        here = self.here
        if not any(bracket.sign == "[" for bracket in here.inside):
            yield from (_word(word) for word in ("fixed", "flat", "index"))
            yield from self._declared(Kind.TYPE, Kind.FILE)
            return
        yield from self._declared(*_GROUPS, Kind.FORMAL, Kind.PARAM)
        yield _word("flat")

    # ---- members --------------------------------------------------------------------------------

    def _in_module(self) -> Iterator[Item]:
        here = self.here
        if not here.inside and "{" not in here.statement:
            return  # the name of the module
        if here.inside and here.inside[0].sign == "(":  # its parameters
            yield _word("group")
            return
        if here.first and len(here.inside) == 1:
            words = _MEMBERS if here.item == "module" else _MEMBERS[:2]
            yield from (_keyword(word) for word in words)
            return
        head = here.statement[0] if here.statement else ""
        if head == "ensure":
            yield from self._in_ensure()
        elif head in ("input", "base") or "=" not in here.statement:
            if ":" in here.statement:
                yield from self._in_type()
        else:
            yield from self._in_layer()

    def _in_ensure(self) -> Iterator[Item]:
        words = self.here.statement
        if self.here.before in ("ensure", ","):
            yield from self._features()
        elif "under" in words:
            yield from self._declared(*_GROUPS, Kind.FORMAL)
        elif {"invariant", "equivariant"} & set(words):
            yield _word("under")
        else:
            for word in (
                "invariant",
                "equivariant",
                "exactly",
                "almost everywhere",
                "approximately",
            ):
                yield _word(word)

    def _in_layer(self) -> Iterator[Item]:
        call = self.here.call
        options: list[Item] = []
        if call is not None:
            key = _key(call.tokens)
            if key:
                yield from self._option(call.word, key)
                return
            options = list(self._options(call.word, call.tokens))
            if self._wants_base(call):
                yield from self._of_module(Kind.BASE)
                return
        if call is not None and not call.tokens:
            yield from self._features()
            yield from options
        else:
            yield from options
            yield from self._features()
        yield from self._declared(Kind.MODULE, Kind.FILE)
        for name in OPS:
            if name.isidentifier():
                op = OPS[name]
                yield Item(
                    label=name,
                    kind=lsp.CompletionItemKind.Function,
                    detail=signature_of(op),
                    documentation=op.rule,
                )

    def _wants_base(self, call: Open) -> bool:
        """Is the next argument of the op a network?"""
        op = OPS.get(call.word)
        return op is not None and call.tokens.count(",") < op.signature.bases

    def _features(self) -> Iterator[Item]:
        own = (
            self.here.statement[1:2]
            if self.here.statement[:1] == ["output"]
            else self.here.statement[:1]
        )
        for symbol in self.look.members.values():
            if symbol.kind in _FEATURES and symbol.name not in own:
                item = _symbol(symbol)
                item.detail = self.types(symbol.container, symbol.name) or item.detail
                yield item

    def _options(self, word: str, tokens: list[str]) -> Iterator[Item]:
        """Options that are not given yet, of an op or of a module."""
        given = {a for a, b in pairwise(tokens) if b == "="}
        if word in OPS:
            for key, kind in OPS[word].signature.keywords.items():
                if key not in given:
                    yield Item(
                        label=f"{key}=",
                        kind=lsp.CompletionItemKind.Keyword,
                        detail=words_of(kind),
                    )
            return
        for symbol in self._callee(word).values():
            if symbol.kind in (Kind.FORMAL, Kind.BASE) and symbol.name not in given:
                yield Item(
                    label=f"{symbol.name}=",
                    kind=lsp.CompletionItemKind.Keyword,
                    detail=f"{symbol.kind.value} of {symbol.container}",
                )

    def _option(self, word: str, key: str) -> Iterator[Item]:
        """What may stand behind `key=`."""
        if word in OPS:
            kind = OPS[word].signature.keywords.get(key)
            if kind is None:
                return
            yield from (_word(choice) for choice in choices(kind))
            if isinstance(kind, WordOrBase):
                yield from self._of_module(Kind.BASE)
            if isinstance(kind, str) and ("group" in kind or kind in ("axis", "axes")):
                yield from self._declared(*_GROUPS, Kind.FORMAL)
            if kind in ("axes", "group or axes", "number", "numbers"):
                yield from self._declared(Kind.PARAM)
            return
        symbol = self._callee(word).get(key)
        if symbol is not None and symbol.kind is Kind.BASE:
            yield from self._of_module(Kind.BASE)
        else:
            yield from self._declared(*_GROUPS, Kind.PARAM, Kind.FORMAL)

    def _of_module(self, kind: Kind) -> Iterator[Item]:
        yield from (_symbol(s) for s in self.look.members.values() if s.kind is kind)

    def _callee(self, word: str) -> dict[str, Symbol]:
        *path, name = word.split(".")
        at: FileNames | None = self.names
        for alias in path:
            at = at.files.get(alias) if at is not None else None
        return at.members.get(name, {}) if at is not None else {}


def _key(tokens: Iterable[str]) -> str:
    """The option behind whose `=` the cursor stands, also within a list."""
    key = ""
    words = list(tokens)
    for before, word in zip(["", *words], words, strict=False):
        if word == "=":
            key = before
        elif word == ",":
            key = ""
    return key


def _name(text: str) -> tree.Name:
    return tree.Name(text, Span(0, 0))


def _symbol(symbol: Symbol) -> Item:
    return Item(
        label=symbol.name,
        kind=_ICONS[symbol.kind],
        detail=symbol.kind.value,
        documentation=symbol.doc,
    )


def _word(word: str) -> Item:
    return Item(label=word, kind=lsp.CompletionItemKind.Keyword)


def _keyword(word: str) -> Item:
    return Item(
        label=word, kind=lsp.CompletionItemKind.Keyword, documentation=FORMS.get(word.upper())
    )
