"""The page of the grammar is that of the parser: it is generated, and it parses what the parser parses."""

from __future__ import annotations

import re

import lark
import pytest

from website import grammar

ROOT = grammar.ROOT
LARK = grammar.SOURCE.read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert grammar.PAGE.read_text(encoding="utf-8") == grammar.page(), "python -m website.grammar"


def test_every_rule_and_word_is_on_the_page() -> None:
    shown = {rule.name for section in grammar.sections(LARK) for rule in section.rules}
    rules = set(re.findall(r"^\??(_?[a-z]\w*):", LARK, re.MULTILINE))
    assert len(shown) == len(rules)
    assert set(grammar.terminals(LARK)) - grammar.SKIPPED == set(grammar.WORDS)


def parser_of_the_page() -> lark.Lark:
    """A parser made from nothing but the rules as they are shown, and the patterns of the words."""
    blocks = re.findall(r"^```ebnf\n(.*?)^```$", grammar.page(), re.MULTILINE | re.DOTALL)
    rules = re.sub(r"\(\*.*?\*\)", "", "".join(blocks))
    pieces = re.split(r'("[^"]*")', rules)
    for k in range(0, len(pieces), 2):
        pieces[k] = re.sub(r"(?<=[a-z])-(?=[a-z])", "_", pieces[k])
        pieces[k] = re.sub(r"^(\w+) +=", r"\1:", pieces[k], flags=re.MULTILINE)
    words = "\n".join(f"{name}: {body}" for name, body in grammar.terminals(LARK).items())
    return lark.Lark(
        "".join(pieces) + "\n" + words + "\n%ignore WS\n%ignore COMMENT\n", parser="lalr"
    )


def test_the_page_parses_the_examples_and_refuses_what_is_wrong() -> None:
    parser = parser_of_the_page()
    for name in ("dipole", "go", "quadruped", "scan", "sets_of_sets", "word_swap"):
        parser.parse((ROOT / "examples" / name / f"{name}.eqs").read_text(encoding="utf-8"))
    for wrong in ("module M {}", "eqspec 1 group = cyclic(2)", "eqspec 1 module M { x: [2 }"):
        with pytest.raises(lark.UnexpectedInput):
            parser.parse(wrong)
