"""The canonical layout: nothing but layout changes, twice is once, and what it looks like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqspec.diagnostics.model import Severity, Source
from eqspec.syntax import grammar
from eqspec.syntax.format import WIDTH, expressions, format_text, statements
from eqspec.syntax.format.text import same
from eqspec.syntax.parser import parse
from tests.syntax.written import written

RULES = {*expressions.RULES, *statements.RULES}
ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = Path(__file__).with_name("layouts")
FENCE = re.compile(r"^```eqs\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def formatted(text: str) -> str:
    result = format_text(Source("x.eqs", text))
    assert isinstance(result, str), (result[0].code, result[0].message, text)
    return result


def corpus() -> dict[str, str]:
    """Every spec of the repository, in files and in documents."""
    hidden = {".git", ".venv", "node_modules"}
    texts = {}
    for file in sorted(ROOT.rglob("*.eqs")):
        if not hidden & set(file.relative_to(ROOT).parts):
            texts[str(file.relative_to(ROOT))] = file.read_text(encoding="utf-8", errors="replace")
    for file in sorted(ROOT.rglob("*.md")):
        if not hidden & set(file.relative_to(ROOT).parts):
            for number, text in enumerate(FENCE.findall(file.read_text(encoding="utf-8"))):
                texts[f"{file.relative_to(ROOT)}:{number}"] = text
    return texts


def holds(name: str, text: str) -> bool:
    """Formats a text and looks at the result; false if the text has syntax errors."""
    source = Source(name, text)
    file, found = parse(source)
    result = format_text(source)
    if any(one.severity is Severity.ERROR for one in found):
        assert not isinstance(result, str), name
        assert {one.code for one in result} == {
            one.code for one in found if one.severity is Severity.ERROR
        }
        return False
    assert isinstance(result, str), (name, text)
    again, _ = parse(Source(name, result))
    assert same(file, again), (name, text, result)
    assert format_text(Source(name, result)) == result, (name, text, result)
    assert not re.search(r"[ \t]\n|\n\n\n|\A\n|\n\n\Z", result), (name, result)
    return True


def test_a_part_of_the_corpus_keeps_its_trees_and_comments() -> None:
    texts = list(corpus().items())[::6]
    good = sum(holds(name, text) for name, text in texts)
    assert 20 < good < len(texts)


def test_written_files() -> None:
    assert all(holds(f"seed {seed}", written(seed)) for seed in range(60))


@pytest.mark.slow
def test_the_corpus_keeps_its_trees_and_comments() -> None:
    texts = corpus()
    good = sum(holds(name, text) for name, text in texts.items())
    assert good > 350
    assert len(texts) - good > 30  # the specs with syntax errors are left alone


@pytest.mark.slow
def test_two_thousand_written_files() -> None:
    assert all(holds(f"seed {seed}", written(seed)) for seed in range(2000))
    assert all(holds(f"seed {seed}", written(seed, 45, 0.4)) for seed in range(2000, 2100))


def test_what_is_written_is_all_of_the_grammar() -> None:
    """The generator is worth nothing if it does not reach a construct, or a comment inside of it."""
    parser = grammar.concrete_parser()
    seen: dict[str, bool] = {}
    for seed in range(120):
        for node in parser.parse(written(seed, comments=0.2)).iter_subtrees():
            seen[str(node.data)] = True
    assert set(seen) >= RULES


def test_every_rule_of_the_grammar_has_a_layout() -> None:
    rules = {
        str(rule.alias or rule.options.template_source or rule.origin.name)
        for rule in grammar.concrete_parser().rules
        if rule.alias or not (rule.origin.name.startswith("_") or rule.options.expand1)
    }
    # these are dissolved by the rules around them
    assert (rules | {"expr", "term"}) - {"start", "arguments"} == RULES


@pytest.mark.parametrize("file", sorted(LAYOUTS.glob("*.eqs")), ids=lambda file: file.stem)
def test_layouts(file: Path) -> None:
    """`layouts/NAME.eqs` as somebody typed it, `layouts/NAME.out` as it shall look."""
    assert formatted(file.read_text(encoding="utf-8")) == file.with_suffix(".out").read_text(
        encoding="utf-8"
    )


def test_lines_stay_in_the_width() -> None:
    for seed in range(60):
        text = formatted(written(seed, comments=0.0))
        assert max(map(len, text.split("\n"))) <= WIDTH, seed


def test_line_ends_stay_what_they_are() -> None:
    text = "eqspec 1\nparam   n=3 # three\n"
    assert formatted(text) == "eqspec 1\n\nparam n = 3  # three\n"
    assert formatted(text.replace("\n", "\r\n")) == "eqspec 1\r\n\r\nparam n = 3  # three\r\n"
    assert formatted("eqspec 1") == "eqspec 1\n"


def test_a_file_with_errors_is_refused() -> None:
    found = format_text(Source("x.eqs", "eqspec 1\nmodule M {\n  input x: [3\n}\n"))
    assert not isinstance(found, str)
    assert [one.code for one in found] == ["EQS102"]


def test_a_long_list_is_laid_out_in_time() -> None:
    words = ", ".join(f'"w{number}"' for number in range(1000))
    terms = " + ".join(["x"] * 1000)
    text = formatted(
        f"eqspec 1\nrep G.w = permutation([{words}])\nmodule M {{\n  y = {terms}\n}}\n"
    )
    assert max(map(len, text.split("\n"))) <= WIDTH
