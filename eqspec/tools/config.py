"""The settings of a project: the table ``[tool.eqspec]`` of the nearest ``pyproject.toml``.

In: a folder. Out: `Config` and diagnostics that point into the TOML file. Flags of the command line
win over settings. `tomllib` is imported only where a project mentions eqspec at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from eqspec.diagnostics.model import Diagnostic, Fix, Source, Span
from eqspec.diagnostics.suggest import Suggestion, suggestion
from eqspec.limits import NAMES as LIMITS
from eqspec.tools.places import project_of, shown

FORMATS = ("full", "concise", "json", "github", "sarif")
DOCUMENTS = ("json", "sarif")  # formats in which standard output is one document
EMIT = ("module", "tests", "actions", "certificate")
LOWERINGS = ("auto", "weight", "sums", "blocks")
PURPOSES = ("training", "evaluation")
KEYS = (
    "output-format",
    "select",
    "ignore",
    "deny-warnings",
    "max-errors",
    "output-dir",
    "emit",
    "exclude",
    "set",
    "distributed",
    "limits",
    "lowering",
    "batch",
    "device",
    "for",
)
CODE_PREFIX = re.compile(r"EQS[0-9]{0,3}\Z")


@dataclass(frozen=True)
class Config:
    """``folder`` is the project's; ``output_dir`` and ``exclude`` are relative to it."""

    folder: Path | None = None
    output_format: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    deny_warnings: bool = False
    max_errors: int | None = None
    output_dir: str | None = None
    emit: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    overrides: Mapping[str, int] = field(default_factory=dict)
    distributed: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    lowering: str | None = None
    batch: int | None = None
    device: str | None = None
    purpose: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    def excludes(self, path: Path) -> bool:
        """Does a pattern of ``exclude`` match this path, a folder above it, or its bare name?"""
        if not self.exclude or self.folder is None:
            return False
        from fnmatch import fnmatchcase

        absolute = path.absolute()
        if not absolute.is_relative_to(self.folder):
            return False
        relative = absolute.relative_to(self.folder).as_posix()
        return any(
            fnmatchcase(relative, pattern.removeprefix("./").rstrip("/"))
            or fnmatchcase(absolute.name, pattern)
            for pattern in self.exclude
        )


def config_for(folder: Path) -> Config:
    """The settings that hold in a folder."""
    project = project_of(folder)
    return Config() if project is None else _read(project)


def forget() -> None:
    """Read settings anew when next asked: they may have changed while we run."""
    _read.cache_clear()


def excluded(path: Path) -> bool:
    """Is a file or folder found by walking left out by the settings of its project?"""
    return config_for(path.absolute().parent).excludes(path)


@lru_cache(maxsize=256)
def _read(project: Path) -> Config:
    file = project / "pyproject.toml"
    none = Config(project)
    try:
        data = file.read_bytes()
    except OSError as error:
        message = f"cannot read this file: {error.strerror or error}"
        return replace(none, diagnostics=(_at("EQS603", message, Source(shown(file), "")),))
    if b"eqspec" not in data:
        return none
    import tomllib

    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        found = _at("EQS603", "this file is not UTF-8", Source(shown(file), ""))
        return replace(none, diagnostics=(found,))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return replace(none, diagnostics=(_broken(Source(shown(file), text), str(error)),))
    tools = document.get("tool", {})
    table = tools.get("eqspec", {}) if isinstance(tools, dict) else {}
    return _Reader(project, Source(shown(file), text)).config(table)


def _broken(source: Source, message: str) -> Diagnostic:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    start = 0
    if place is not None:
        message = message[: place.start()]
        start = max(len(source.text.rstrip()) - 1, 0)
        if place[1] is not None:
            lines = source.text.split("\n")
            start = sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1
    words = message[:1].lower() + message[1:]
    return _at("EQS603", "this file is not valid TOML", source, Span(start, start + 1), words)


def _at(
    code: str,
    message: str,
    source: Source,
    span: Span = Span(0, 0),  # noqa: B008  (frozen)
    label: str = "",
    help: str | None = None,
    fixes: tuple[Fix, ...] = (),
) -> Diagnostic:
    return Diagnostic(code, message, source, span, label, help=help, fixes=fixes)


class _Reader:
    """Reads the table key by key and gathers what is wrong."""

    def __init__(self, project: Path, source: Source) -> None:
        self.project = project
        self.source = source
        self.found: list[Diagnostic] = []

    def config(self, table: object) -> Config:
        if not isinstance(table, dict):
            self.wrong("eqspec", "a table")
            return Config(self.project, diagnostics=tuple(self.found))
        for key in table:
            if key not in KEYS:
                span = self.span(key)
                near = suggestion(key, KEYS, span)
                known = "the settings are " + ", ".join(f"`{k}`" for k in KEYS)
                self.found.append(
                    _at(
                        "EQS601",
                        f"`[tool.eqspec]` has no setting `{key}`",
                        self.source,
                        span,
                        near.help or "unknown setting",
                        None if near.help else known,
                        near.fixes,
                    )
                )
        return Config(
            self.project,
            self.one_of(table, "output-format", FORMATS),
            self.codes(table, "select"),
            self.codes(table, "ignore"),
            bool(self.typed(table, "deny-warnings", bool, "true or false")),
            self.positive(table, "max-errors"),
            self.typed(table, "output-dir", str, "a folder, as a string"),
            self.kinds(table),
            self.strings(table, "exclude", "a list of glob patterns") or (),
            self.sizes(table),
            bool(self.typed(table, "distributed", bool, "true or false")),
            self.limits(table),
            self.one_of(table, "lowering", LOWERINGS),
            self.positive(table, "batch"),
            self.device(table),
            self.one_of(table, "for", PURPOSES),
            tuple(self.found),
        )

    def typed(self, table: dict[str, Any], key: str, kind: type, words: str) -> Any:
        value = table.get(key)
        if value is None or type(value) is kind:
            return value
        self.wrong(key, words)
        return None

    def one_of(self, table: dict[str, Any], key: str, words: tuple[str, ...]) -> str | None:
        value = table.get(key)
        if value is None or value in words:
            return value
        self.wrong(key, _choice(words), str(value), words)
        return None

    def positive(self, table: dict[str, Any], key: str) -> int | None:
        value = table.get(key)
        if value is None or (type(value) is int and value > 0):
            return value
        self.wrong(key, "a whole number, at least 1")
        return None

    def strings(self, table: dict[str, Any], key: str, words: str) -> tuple[str, ...] | None:
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return tuple(value)
        self.wrong(key, words)
        return None

    def codes(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        values = self.strings(table, key, "a list of codes or their beginnings") or ()
        for value in values:
            if not CODE_PREFIX.match(value):
                self.wrong(key, 'codes or their beginnings, as "EQS401" or "EQS9"', value)
                return ()
        return values

    def kinds(self, table: dict[str, Any]) -> tuple[str, ...] | None:
        values = self.strings(table, "emit", "a list of what to emit")
        for value in values or ():
            if value not in EMIT:
                self.wrong("emit", _choice(EMIT), value, EMIT)
                return None
        return values or None

    def sizes(self, table: dict[str, Any]) -> dict[str, int]:
        value = table.get("set", {})
        if isinstance(value, dict) and all(type(entry) is int for entry in value.values()):
            return dict(value)
        self.wrong("set", "a table of whole numbers, as { n = 7 }")
        return {}

    def limits(self, table: dict[str, Any]) -> dict[str, int]:
        value = table.get("limits", {})
        words = "a table of whole numbers above 0, as { seconds = 60 }"
        if not isinstance(value, dict):
            self.wrong("limits", words)
            return {}
        for name, entry in value.items():
            if name not in LIMITS:
                span = self.span(name)
                near = suggestion(name, LIMITS, span)
                self.found.append(
                    _at(
                        "EQS601",
                        f"there is no limit `{name}`",
                        self.source,
                        span,
                        near.help or "unknown limit",
                        None
                        if near.help
                        else "the limits are " + ", ".join(f"`{k}`" for k in LIMITS),
                        near.fixes,
                    )
                )
            elif type(entry) is not int or entry < 1:
                self.wrong(name, "a whole number above 0")
        return {k: v for k, v in value.items() if k in LIMITS and type(v) is int and v > 0}

    def device(self, table: dict[str, Any]) -> str | None:
        """A shipped table, or a file; its path from the project's folder."""
        value: str | None = self.typed(table, "device", str, "a device or a file, as a string")
        if value is None:
            return None
        from eqspec.program.devices import SHIPPED, TableError, table_named

        name = value if value in SHIPPED else str(self.project / value)
        try:
            table_named(name)
        except TableError as error:
            message = f"`{value}` cannot be used as a device table"
            span = self.span("device", value)
            near = suggestion(value, SHIPPED, span)
            self.found.append(
                _at("EQS551", message, self.source, span, str(error), near.help, near.fixes)
            )
            return None
        return name

    def wrong(
        self, key: str, wanted: str, value: str | None = None, words: tuple[str, ...] = ()
    ) -> None:
        span = self.span(key, value)
        near = suggestion(value, words, span) if value is not None else Suggestion()
        self.found.append(
            _at(
                "EQS602",
                f"the setting `{key}` has a wrong value",
                self.source,
                span,
                f"this must be {wanted}",
                near.help,
                near.fixes,
            )
        )

    def span(self, key: str, value: str | None = None) -> Span:
        """Where a key of the table (or a string in its value) stands; the file's start if it cannot
        be found, as with unusual ways to write TOML."""
        text = self.source.text
        table = re.search(r"(?m)^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*eqspec\b", text)
        start = table.start() if table else 0
        key_ = re.escape(key)
        pattern = rf"(?m)(?:^[ \t]*|[{{,.][ \t]*)([\"']?{key_}[\"']?)[ \t]*(?:=|\.|\])"
        place = re.compile(pattern).search(text, start)
        if place is None:
            return Span(start, start)
        if value is not None:
            at = text.find(value, place.end())
            if at != -1 and value:
                return Span(at, at + len(value))
        return Span(*place.span(1))


def _choice(words: tuple[str, ...]) -> str:
    return "one of " + ", ".join(f'"{word}"' for word in words)
