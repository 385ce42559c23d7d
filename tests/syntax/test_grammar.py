"""The grammar builds without conflicts, its parts agree, and its cache cannot hurt."""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import lark
import pytest
from lark.lexer import LexerThread
from lark.parsers.lalr_analysis import Shift
from lark.parsers.lalr_parser_state import ParserState

from eqspec.diagnostics.model import Source
from eqspec.resources import resource_text
from eqspec.syntax import grammar, stack
from eqspec.syntax.build import ACTIONS
from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS
from eqspec.syntax.parser import parse
from eqspec.syntax.words import FORMS, PHRASES

TEXT = resource_text("grammars", grammar.GRAMMAR_FILE)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    grammar.lark_parser.cache_clear()
    yield tmp_path / "eqspec"
    grammar.lark_parser.cache_clear()


def works() -> bool:
    grammar.lark_parser.cache_clear()
    return parse(Source("t.eqs", "eqspec 1\ngroup A = cyclic(2)\n"))[1] == []


def test_no_conflicts() -> None:
    pytest.importorskip("interegular", reason="strict=True needs it")
    grammar.build(TEXT, strict=True)


def test_every_rule_has_its_action_and_every_terminal_its_phrase() -> None:
    parser = grammar.build(TEXT)
    rules = {
        str(rule.alias or rule.options.template_source or rule.origin.name)
        for rule in parser.rules
        # rules that begin with _ or ? are dissolved, by name or because they have one child
        if rule.alias or not (rule.origin.name.startswith("_") or rule.options.expand1)
    }
    assert rules | {"expr", "term"} == set(ACTIONS)
    terminals = {terminal.name for terminal in parser.terminals} - {"WS", "COMMENT"}
    assert terminals | {"$END"} == set(PHRASES)
    assert not any(name.startswith("__") for name in terminals)
    assert {word.upper() for word in (*ITEM_WORDS, *MEMBER_WORDS)} < terminals
    assert set(FORMS) <= terminals


def test_the_forms_shown_as_help_are_good() -> None:
    for keyword, form in FORMS.items():
        for example in form.split("`")[1::2]:
            text = example.replace("{ ... }", "{\n}")
            if keyword in ("INPUT", "OUTPUT", "BASE", "ENSURE", "NAME"):
                text = f"module M {{\n{text}\n}}"
            head = "" if keyword == "EQSPEC" else "eqspec 1\n"
            assert parse(Source("t.eqs", head + text))[1] == [], example


def test_what_recovery_reads_of_lark_is_still_there() -> None:
    """Loud on purpose: `eqspec/syntax/stack.py` depends on these names and meanings."""
    assert lark.__version__.startswith("1."), "a new major version of lark: read stack.py again"
    interactive = grammar.build(TEXT).parse_interactive("eqspec 1\ngroup A = cyclic(2)")
    state, thread = interactive.parser_state, interactive.lexer_thread
    assert isinstance(state, ParserState)
    assert isinstance(thread, LexerThread)
    assert len(state.state_stack) == len(state.value_stack) + 1 == 1
    entry = state.parse_conf.states[state.state_stack[-1]]["EQSPEC"]
    assert entry[0] is Shift
    tokens = interactive.exhaust_lexer()
    assert [token.type for token in tokens][:3] == ["EQSPEC", "INT", "GROUP"]
    assert state.parse_conf.end_state is not None
    assert state.parse_conf.callbacks
    assert thread.state is not None
    assert thread.state.line_ctr.char_pos == len("eqspec 1\ngroup A = cyclic(2)")
    thread.state.line_ctr.char_pos = 9
    assert next(iter(thread.lex(state))).start_pos == 9
    reading = stack.Stack(interactive)
    assert "RPAR" not in reading.accepts()
    assert reading.takes("PLUS", "NAME")
    assert reading.takes("$END")
    assert not reading.takes("INPUT")
    assert reading.level("INPUT") is None
    assert reading.level("MODULE") is not None
    assert "_load" in dir(lark.Lark)
    assert "exclude_options" in inspect.signature(lark.Lark.save).parameters


def test_the_cache_is_written_once_and_private(cache: Path) -> None:
    assert works()
    (file,) = cache.iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    before = file.stat().st_mtime_ns
    assert works()
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 10_000], ids=["empty", "short", "long"])
def test_a_damaged_cache_is_replaced(cache: Path, content: bytes) -> None:
    assert works()
    (file,) = cache.iterdir()
    good = file.read_bytes()
    file.write_bytes(content)
    assert works()
    assert len(file.read_bytes()) > 50_000  # the order of its parts is not fixed
    file.write_bytes(good[:-1] + b"?")
    assert works()


def test_a_cache_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert grammar.cache_folder() is None
    assert works()
    grammar.lark_parser.cache_clear()


def test_a_cache_folder_open_to_others_is_closed(cache: Path) -> None:
    cache.mkdir(mode=0o777)
    os.chmod(cache, 0o777)
    assert works()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
