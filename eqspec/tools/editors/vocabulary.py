"""The words and signs of the language with a class for each, read off `grammars/eqs.lark`.

In: the compiled grammar. Out: its terminals in the order in which they are tried, and which terminal
may directly follow which. From these two alone it is decided what is a keyword, where, and why:

    declaration   a word that is never a name: the grammar's NAME refuses it
    constant      a word that may stand behind `=` and end its statement: it is a value
    word          any other word; it is a name again wherever its neighbours do not fit
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise, product

from lark.grammar import Rule, Symbol
from lark.lexer import PatternStr, TerminalDef

from eqspec.syntax.grammar import lark_parser

END = "$END"


class Kind(Enum):
    """The class of a piece of text; the value is its name for programs."""

    DECLARATION = "declaration"  # group, module, input: begins a statement
    WORD = "word"  # under, fixed, exactly: a keyword where it stands
    CONSTANT = "constant"  # true, dynamic
    NAME = "name"
    DEFINITION = "definition"  # the name of a group, a type, a module where it is declared
    FEATURE = "feature"  # the name of an input, a layer, a field where it is declared
    CALL = "call"  # a name or attribute that is called
    ARGUMENT = "argument"  # the name of a keyword argument
    ATTRIBUTE = "attribute"  # .regular
    NUMBER = "number"
    STRING = "string"
    OPERATOR = "operator"
    PUNCTUATION = "punctuation"
    DOCUMENTATION = "documentation"  # ## of what follows
    COMMENT = "comment"
    SPACE = "space"
    ERROR = "error"  # no part of the language


# what a terminal that is a pattern stands for; a new one without a class is an error at once
_PATTERNS = {
    "NAME": Kind.NAME,
    "ATTRIBUTE": Kind.ATTRIBUTE,
    "MULTIPLE": Kind.NUMBER,
    "INT": Kind.NUMBER,
    "DECIMAL": Kind.NUMBER,
    "STRING": Kind.STRING,
    "COMMENT": Kind.COMMENT,
    "WS": Kind.SPACE,
}
_SEPARATORS = frozenset("()[]{},:")


@dataclass(frozen=True)
class Terminal:
    """``text`` is the word or sign, or the regular expression of a ``pattern``."""

    name: str
    kind: Kind
    text: str
    pattern: bool

    @property
    def regex(self) -> str:
        return self.text if self.pattern else re.escape(self.text)


@dataclass(frozen=True)
class Vocabulary:
    """``pairs`` holds (A, B) if the terminal B may stand directly behind A (trivia left out), with
    `END` for both ends of a file; ``defines`` the terminals behind which a NAME is declared, ``members``
    those of them that stand in modules."""

    terminals: tuple[Terminal, ...]
    pairs: frozenset[tuple[str, str]]
    defines: frozenset[str]
    members: frozenset[str]

    def of_kind(self, *kinds: Kind) -> tuple[Terminal, ...]:
        return tuple(terminal for terminal in self.terminals if terminal.kind in kinds)

    def before(self, name: str) -> frozenset[str]:
        return frozenset(first for first, second in self.pairs if second == name)

    def after(self, name: str) -> frozenset[str]:
        return frozenset(second for first, second in self.pairs if first == name)


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The vocabulary of the language."""
    parser = lark_parser()
    return derive(parser.terminals, parser.rules)


def derive(terminals: Iterable[TerminalDef], rules: list[Rule]) -> Vocabulary:
    """The vocabulary of a compiled grammar whose start is ``start``."""
    defs = sorted(terminals, key=_order)
    pairs = _pairs(rules)
    name = next(terminal.pattern.to_regexp() for terminal in defs if terminal.name == "NAME")
    words = {terminal.name for terminal in defs if _is_word(terminal)}
    declarations = {t.name for t in defs if _is_word(t) and not re.fullmatch(name, _text(t))}
    found = tuple(
        Terminal(t.name, _kind(t, declarations, pairs), _text(t), not _is_literal(t)) for t in defs
    )
    defines = {
        first.name
        for rule in rules
        for first, second in pairwise(rule.expansion)
        if second.name == "NAME" and first.name in words
    }
    members = {word for word in defines & declarations if ("LBRACE", word) in pairs}
    return Vocabulary(found, frozenset(pairs), frozenset(defines), frozenset(members))


def _kind(terminal: TerminalDef, declarations: set[str], pairs: set[tuple[str, str]]) -> Kind:
    if not _is_literal(terminal):
        return _PATTERNS[terminal.name]
    if not _is_word(terminal):
        return Kind.PUNCTUATION if _text(terminal) in _SEPARATORS else Kind.OPERATOR
    if terminal.name in declarations:
        return Kind.DECLARATION
    ends = (terminal.name, END) in pairs
    return Kind.CONSTANT if ends and ("EQUAL", terminal.name) in pairs else Kind.WORD


def _order(terminal: TerminalDef) -> tuple[int, int, int, str]:
    """Lark's own order of trying terminals."""
    pattern = terminal.pattern
    return -terminal.priority, -pattern.max_width, -len(pattern.value), terminal.name


def _is_literal(terminal: TerminalDef) -> bool:
    return isinstance(terminal.pattern, PatternStr)


def _is_word(terminal: TerminalDef) -> bool:
    return _is_literal(terminal) and terminal.pattern.value.isidentifier()


def _text(terminal: TerminalDef) -> str:
    return terminal.pattern.value if _is_literal(terminal) else terminal.pattern.to_regexp()


# ---- which terminal may follow which -------------------------------------------------------------


Sentence = tuple[str, tuple[Symbol, ...]]


def _pairs(rules: list[Rule]) -> set[tuple[str, str]]:
    """All pairs of neighbours."""
    sentences = _without_empty(rules)
    firsts = _ends(sentences, lambda symbols: symbols[0])
    lasts = _ends(sentences, lambda symbols: symbols[-1])
    pairs = {(END, first) for first in firsts["start"]} | {(last, END) for last in lasts["start"]}
    for _, symbols in sentences:
        for left, right in pairwise(symbols):
            pairs |= {(a, b) for a in _of(left, lasts) for b in _of(right, firsts)}
    return pairs


def _without_empty(rules: list[Rule]) -> list[Sentence]:
    """The rules with every symbol that may be empty both there and left out.

    One round is enough: what may be empty, such as the entries of `{}`, is so by itself.
    """
    empty = {rule.origin.name for rule in rules if not rule.expansion}
    sentences: list[Sentence] = []
    for rule in rules:
        choices = [((s,), ()) if s.name in empty else ((s,),) for s in rule.expansion]
        for chosen in product(*choices):
            symbols = tuple(symbol for part in chosen for symbol in part)
            if symbols:
                sentences.append((str(rule.origin.name), symbols))
    return sentences


def _ends(
    sentences: list[Sentence], end: Callable[[tuple[Symbol, ...]], Symbol]
) -> dict[str, set[str]]:
    """The terminals with which each rule can begin (or end): the least fixed point."""
    found: dict[str, set[str]] = {origin: set() for origin, _ in sentences}
    changed = True
    while changed:
        changed = False
        for origin, symbols in sentences:
            new = _of(end(symbols), found) - found[origin]
            found[origin] |= new
            changed = changed or bool(new)
    return found


def _of(symbol: Symbol, known: dict[str, set[str]]) -> set[str]:
    return {str(symbol.name)} if symbol.is_term else known[str(symbol.name)]
