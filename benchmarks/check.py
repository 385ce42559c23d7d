"""`eqspec check` from a cold start, and on a large spec."""

from __future__ import annotations

import copy
import os
import sys
import tempfile
from pathlib import Path

import lark

from benchmarks.measure import Effort, median, processes, ratio, side_by_side
from benchmarks.specs import many_modules
from benchmarks.tables import Table, goal
from eqspec.diagnostics.model import Source
from eqspec.pipeline import check_source
from eqspec.resources import resource_text
from eqspec.syntax.parser import parse


def cold(effort: Effort) -> list[Table]:
    """Whole processes against `import torch`."""
    text = many_modules(100)
    lines = text.count("\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.eqs")
        path.write_text(text, encoding="utf-8")
        check = [sys.executable, "-m", "eqspec", "check", str(path)]
        commands = {
            "import torch": [sys.executable, "-c", "import torch"],
            f"eqspec check, {lines} lines": check,
            "eqspec --version": [sys.executable, "-m", "eqspec", "--version"],
            "import numpy": [sys.executable, "-c", "import numpy"],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        if os.name == "posix":  # a cache folder that cannot exist
            bare = ["env", "XDG_CACHE_HOME=/dev/null/none", *check]
            commands[f"eqspec check, {lines} lines, no grammar cache"] = bare
        wall, cpu = processes(commands, effort)
    table = Table(
        "cold",
        "Cold start: whole processes",
        ("process", "wall s", "CPU s", "import torch / this, wall", "CPU", "goal, CPU"),
    )
    for name in commands:
        times = 1 / ratio(cpu, name, "import torch")
        wanted = goal(times, least=6) if name == f"eqspec check, {lines} lines" else None
        elapsed = 1 / ratio(wall, name, "import torch")
        table.add(name, median(wall, name), median(cpu, name), elapsed, times, wanted)
    return [table]


def large(effort: Effort) -> list[Table]:
    """A long spec against Lark alone."""
    text = many_modules(1_000 if effort.quick else 10_000)
    lines = text.count("\n")
    bare, trees = _bare_parser(with_trees=False), _bare_parser(with_trees=True)

    def check() -> None:
        assert check_source(Source("bench.eqs", text)).ok

    found = side_by_side(
        {
            "Lark, no tree": lambda: bare(text),
            "Lark, its own tree": lambda: trees(text),
            "eqspec parse": lambda: parse(Source("bench.eqs", text)),
            "eqspec check": check,
        },
        effort,
        rounds=min(effort.rounds, 5),
    )
    table = Table(
        "large",
        f"`check` of {lines:,} lines",
        ("what", "CPU s", "/ Lark, no tree", "lines per second", "goal"),
    )
    for name in found:
        times = ratio(found, name, "Lark, no tree")
        wanted = goal(times, most=20) if name == "eqspec check" else None
        table.add(name, median(found, name), times, round(lines / median(found, name)), wanted)
    return [table]


class _bare_parser:  # noqa: N801 - used as a function
    """Lark with the grammar and options of eqspec; without trees every rule reduces to None."""

    def __init__(self, *, with_trees: bool) -> None:
        self.with_trees = with_trees
        self.lark = lark.Lark(
            resource_text("grammars", "eqs.lark"),
            parser="lalr",
            lexer="contextual",
            keep_all_tokens=True,
            maybe_placeholders=False,
        )

    def __call__(self, text: str) -> object:
        parser = self.lark.parse_interactive(text)
        state = parser.parser_state
        if not self.with_trees:
            state.parse_conf = copy.copy(state.parse_conf)
            state.parse_conf.callbacks = dict.fromkeys(state.parse_conf.callbacks, _nothing)
        feed = parser.feed_token
        for token in parser.lexer_thread.lex(state):  # type: ignore[no-untyped-call]
            feed(token)
        return parser.feed_eof()  # type: ignore[no-untyped-call]


def _nothing(children: list[object]) -> None:
    return None
