"""Checking a file again after an edit: modules whose text, and all they rest on, did not change.

In: the instances of modules that one check made. Out: the same instances in the next check, without
their elaboration. An instance rests on its own text and its arguments, on the text of every declaration
whose name occurs in these, directly or through other declarations, on the names of groups, on all used
files and on the sizes set from outside. That is more than it reads, so what is remembered is never out
of date; a test holds checks with a memo against checks without, over random edits. Only what came
through without an error is remembered: messages about errors may speak of names that stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from eqspec.diagnostics.model import Diagnostic, Label, Severity, Source, Span
from eqspec.graph.model import Module
from eqspec.graph.scope import Call, GroupValue, Scope, World
from eqspec.syntax import tree

MAX_ENTRIES = 2_000

Arguments: TypeAlias = Mapping[str, int | GroupValue]
Key: TypeAlias = tuple[Path | None, str, tuple[tuple[str, object], ...]]

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Use:
    """A name that an instance looked up: the file that declares it (None: the file being checked) and
    its value, if that is a size or a group."""

    file: Path | None
    name: str
    value: object = None


@dataclass(frozen=True)
class Made:
    """Another instance that an instance calls."""

    file: Path | None
    name: str
    arguments: tuple[tuple[str, int | GroupValue], ...]
    key: str


@dataclass(frozen=True)
class Remembered:
    """An instance with everything that its elaboration read and said, in order of the reading.

    The spans inside of ``module``, and its source, are those of the text in which it was elaborated;
    ``diagnostics`` are moved to where the text stands now.
    """

    rests_on: tuple[object, ...]
    start: int
    trace: tuple[Use | Made, ...]
    key: str
    module: Module
    diagnostics: tuple[Diagnostic, ...]


@dataclass
class Memo:
    """What is remembered of the checks of one file. Not for several threads at a time."""

    entries: dict[Key, Remembered] = field(default_factory=dict)
    _main: Scope | None = None
    _table: dict[str, list[str]] = field(default_factory=dict)
    _always: tuple[object, ...] = ()

    def begin(self, scope: Scope, file: tree.File) -> None:
        """A check begins; ``scope`` has the declarations of the file, and used files are read."""
        world = scope.world
        self._main = scope
        self._table = {}
        text = file.source.text
        always: list[object] = []
        for item in file.items:
            written = (text[item.span.start : item.span.end], getattr(item, "doc", None))
            if isinstance(item, tree.Use) or _names_a_group(item) or _of_run_time(item):
                always.append(written)
            if isinstance(item, tree.RepDeclaration):
                name = item.path.names[-1].text
            else:
                name = item.name.text
            # twice for a name that is declared twice: the second has a say too
            self._table.setdefault(name, []).append(f"{written}")
        for name in file.lost:
            self._table.setdefault(name, []).append("lost")
        always += [_stamp(entry.scope, entry.item) for entry in world.reps.values()]
        used = [inner.source.text for inner in world.files.values() if inner is not scope]
        self._always = (
            *always,
            tuple(sorted(world.overrides.items())),
            tuple(used),
            str(world.root),
        )
        if len(self.entries) > MAX_ENTRIES:
            self.entries.clear()

    def recall(self, scope: Scope, item: tree.Module, arguments: Arguments) -> Remembered | None:
        """The instance of an earlier check, if nothing on which it rests has changed."""
        found = self.entries.get(self._key(scope, item, arguments))
        if found is None or found.rests_on != self._rests_on(scope, item, arguments):
            return None
        return found

    def remember(
        self,
        scope: Scope,
        item: tree.Module,
        arguments: Arguments,
        trace: Iterable[tuple[int, str] | Call],
        key: str,
        module: Module,
        said: Iterable[Diagnostic],
    ) -> None:
        rests_on = self._rests_on(scope, item, arguments)
        diagnostics = tuple(said)
        if rests_on is None or not all(
            _inside(found, scope.source, item.span) for found in diagnostics
        ):
            return
        scopes = {id(s): (self._name_of(s), s) for s in scope.world.files.values()}
        if self._main is not None:
            scopes[id(self._main)] = (None, self._main)
        steps: list[Use | Made] = []
        for event in trace:
            match event:
                case Call(scope=callee, name=name, arguments=given, key=made):
                    steps.append(Made(self._name_of(callee), name, given, made))
                case (number, name) if number in scopes:  # others are its own parameters
                    path, owner = scopes[number]
                    steps.append(Use(path, name, _plain(owner.values.get(name))))
        self.entries[self._key(scope, item, arguments)] = Remembered(
            rests_on, item.span.start, tuple(steps), key, module, diagnostics
        )

    def scope_of(self, world: World, file: Path | None) -> Scope | None:
        return self._main if file is None else world.files.get(file)

    def _name_of(self, scope: Scope) -> Path | None:
        return None if scope is self._main else scope.path

    def _key(self, scope: Scope, item: tree.Module, arguments: Arguments) -> Key:
        return self._name_of(scope), item.name.text, tuple(sorted(arguments.items()))

    def _rests_on(
        self, scope: Scope, item: tree.Module, arguments: Arguments
    ) -> tuple[object, ...] | None:
        """Everything that the instance may depend on, as text; None: too much to say."""
        if not item.complete:
            return None
        own = scope.source.text[item.span.start : item.span.end]
        found: dict[str, tuple[str, ...]] = {}
        # of a used file the whole text is among the rest
        todo = [own] if scope is self._main else []
        todo += [" ".join(v.names) for v in arguments.values() if isinstance(v, GroupValue)]
        while todo:
            for word in _words(todo.pop()):
                if word in self._table and word not in found:
                    found[word] = tuple(self._table[word])
                    todo.extend(found[word])
        return (own, item.doc, tuple(sorted(found.items())), *self._always)


def moved(diagnostics: Iterable[Diagnostic], source: Source, by: int) -> list[Diagnostic]:
    """Messages about a text that stands ``by`` code points further on now, in ``source``."""

    def there(span: Span) -> Span:
        return Span(span.start + by, span.end + by)

    return [
        replace(
            found,
            source=source,
            span=there(found.span),
            labels=tuple(Label(there(label.span), label.text) for label in found.labels),
            fixes=tuple(
                replace(fix, edits=tuple((there(span), text) for span, text in fix.edits))
                for fix in found.fixes
            ),
        )
        for found in diagnostics
    ]


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _names_a_group(item: tree.Item) -> bool:
    """Labels of types call a product by the name under which it is declared anywhere."""
    return isinstance(item, tree.GroupDeclaration) and not isinstance(item.value, tree.Call)


def _of_run_time(item: tree.Item) -> bool:
    """Sizes of run time get their symbols in the order in which they are read."""
    return isinstance(item, tree.Param) and isinstance(item.value, str)


def _stamp(scope: Scope, item: tree.RepDeclaration) -> object:
    """When the file of words of a representation was written, if it has one."""
    if not isinstance(item.value, tree.Call):
        return None
    for argument in item.value.arguments:
        if argument.keyword is not None and isinstance(argument.value, tree.String):
            try:
                state = ((scope.path or Path()).parent / argument.value.value).stat()
            except (OSError, ValueError):
                return "none"
            return state.st_mtime_ns, state.st_size
    return None


def _inside(found: Diagnostic, source: Source, span: Span) -> bool:
    places = [found.span, *(label.span for label in found.labels)]
    places += [place for fix in found.fixes for place, _ in fix.edits]
    return (
        found.severity is not Severity.ERROR
        and found.source is source
        and all(span.start <= place.start and place.end <= span.end for place in places)
    )


def _plain(value: Any) -> object:
    return value if isinstance(value, int | GroupValue) else None
