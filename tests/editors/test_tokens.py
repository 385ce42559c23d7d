"""Pieces cover every text, agree with the parser's own lexer, and colour as a person expects."""

from __future__ import annotations

import random
import tomllib

from editors_corpus import ROOT, good_texts, texts
from pygments.token import Error, Token, is_token_subtype

from eqspec.resources import resource_text
from eqspec.syntax.grammar import GRAMMAR_FILE, build, lark_parser
from eqspec.tools.editors.pygments_lexer import TOKENS, EqsLexer
from eqspec.tools.editors.tokens import classify
from eqspec.tools.editors.vocabulary import END, Kind, derive, vocabulary

TRIVIA = (Kind.SPACE, Kind.COMMENT, Kind.DOCUMENTATION)


def test_pieces_agree_with_the_lexer_of_the_parser() -> None:
    good = dict(good_texts())
    for name, text in texts():
        pieces = classify(text)
        assert [p.start for p in pieces] == [0, *(p.end for p in pieces)][: len(pieces)], name
        assert not pieces or pieces[-1].end == len(text), name
        if name not in good:
            continue
        tokens = list(lark_parser().parse_interactive(text).iter_parse())
        wanted = [(t.start_pos, t.end_pos, t.type) for t in tokens]
        got = [(p.start, p.end, p.terminal) for p in pieces if p.kind not in TRIVIA]
        assert got == wanted, name
    assert len(good) > 200


def test_broken_texts_are_cut_without_gaps_and_in_linear_time() -> None:
    drawn = random.Random(0)
    known = [text for _, text in texts()]
    for _ in range(150):
        text = drawn.choice(known)
        start = drawn.randrange(len(text) + 1)
        text = text[start : start + drawn.randrange(400)] + drawn.choice('"#{[(\x00\u2028é\\\r')
        assert "".join(text[p.start : p.end] for p in classify(text)) == text
    for hostile in ("(" * 50_000, '"' + "\\" * 50_000, "index " * 20_000, "[" * 9 + "a=" * 20_000):
        assert classify(hostile)[-1].end == len(hostile)


def test_a_word_is_a_keyword_only_where_its_neighbours_allow_it() -> None:
    text = (
        "eqspec 1\nmodule M {\n  input under: [3]\n  index: [3] = relu(under)\n"
        "  output flat: [index] = linear(index, bias=true)\n"
        "  ensure flat invariant under Rot\n  ensure flat exactly equivariant under invariant\n}\n"
    )
    kinds = [(text[p.start : p.end], p.kind) for p in classify(text) if p.terminal and p.kind.value]
    words = [word for word, kind in kinds if kind is Kind.WORD]
    assert words == ["invariant", "under", "exactly", "equivariant", "under"]
    assert [word for word, kind in kinds if kind is Kind.FEATURE] == ["under", "index", "flat"]
    assert [word for word, kind in kinds if kind is Kind.DEFINITION] == ["M"]
    assert [word for word, kind in kinds if kind is Kind.ARGUMENT] == ["bias"]
    assert ("true", Kind.CONSTANT) in kinds
    assert ("invariant", Kind.NAME) in kinds  # a group of this name


def test_the_vocabulary_is_that_of_the_grammar() -> None:
    known = vocabulary()
    words = {t.text: t.kind for t in known.terminals if not t.pattern}
    assert words["group"] is Kind.DECLARATION
    assert words["under"] is Kind.WORD
    assert words["dynamic"] is Kind.CONSTANT
    assert known.after("ALMOST") == {"EVERYWHERE"}
    assert known.before("EQSPEC") == {END}
    # a word added to the grammar arrives by itself, also a reserved one
    text = resource_text("grammars", GRAMMAR_FILE)
    text = text.replace('"under" expr', '"under" expr ["within" DECIMAL]')
    parser = build(text.replace("output|base", "output|within|base"))
    changed = derive(parser.terminals, parser.rules)
    assert {t.name for t in changed.of_kind(Kind.DECLARATION)} - {
        t.name for t in known.of_kind(Kind.DECLARATION)
    } == {"WITHIN"}
    assert ("WITHIN", "DECIMAL") in changed.pairs


def test_pygments_colours_every_good_spec_without_an_error() -> None:
    assert set(TOKENS) == set(Kind)
    lexer = EqsLexer()
    for name, text in good_texts():
        tokens = list(lexer.get_tokens_unprocessed(text))
        assert "".join(value for _, _, value in tokens) == text
        assert not any(is_token_subtype(kind, Error) for _, kind, _ in tokens), name
    kinds = {value: kind for _, kind, value in lexer.get_tokens_unprocessed("h = relu(mine(x))")}
    assert kinds["relu"] is Token.Name.Builtin
    assert kinds["mine"] is Token.Name.Function
    assert EqsLexer.analyse_text("# a comment\n\neqspec 1\n") == 1
    assert EqsLexer.analyse_text("import eqspec\n") == 0


def test_the_entry_point_names_the_lexer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, name = project["entry-points"]["pygments.lexers"]["eqs"].split(":")
    assert (module, name) == (EqsLexer.__module__, EqsLexer.__qualname__)
