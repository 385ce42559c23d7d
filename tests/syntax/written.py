"""Random files of the language: sentences of the grammar itself, in every layout that it allows.

A sentence is derived from the rules that Lark compiled, so the generator knows every construct the
day the grammar does. It is correct for the parser and says nothing sensible. Between any two tokens
stand spaces, line ends and comments at random.
"""

from __future__ import annotations

import random
import re
from functools import cache

from lark.grammar import Rule, Symbol
from lark.lexer import PatternStr

from eqspec.syntax.grammar import concrete_parser

STATEMENTS = {
    *("use", "param", "type_alias", "group", "rep", "module", "interface"),
    *("input", "base", "layer", "output", "ensure"),
}
WORDS = {
    "NAME": ("a", "b2", "Rot", "x_y", "named_", "very_long_name_of_a_thing", "dyn", "S"),
    "INT": ("0", "1", "12", "340"),
    "DECIMAL": ("0.5", "12.25", "1e3", "1.5e-2"),
    "STRING": ('"pad"', '"a b # c"', '"\\""', '"é"', '"base"', '"a, b"'),
    "ATTRIBUTE": (".r", ".regular", ".base", ".x1"),
    "MULTIPLE": ("4x", "16x"),
}
COMMENTS = (
    "# why",
    "#",
    "## doc",
    "### ruler",
    "#tight",
    "# a [ { ( # b",
    "## é ⊗",
    "#!" + "long " * 25,
)


@cache
def rules() -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in concrete_parser().rules:
        found.setdefault(rule.origin.name, []).append(rule)
    return found


@cache
def terminals() -> dict[str, str]:
    return {
        terminal.name: terminal.pattern.value
        for terminal in concrete_parser().terminals
        if isinstance(terminal.pattern, PatternStr)
    }


@cache
def heights() -> dict[str, int]:
    """The least depth of a derivation of each rule."""
    known: dict[str, int] = {}
    while True:
        fresh = {
            name: 1 + min(deepest)
            for name, alternatives in rules().items()
            if (deepest := [height_of(rule, known) for rule in alternatives if ready(rule, known)])
        }
        if fresh == known:
            return known
        known = fresh


def ready(rule: Rule, known: dict[str, int]) -> bool:
    return all(symbol.is_term or symbol.name in known for symbol in rule.expansion)


def height_of(rule: Rule, known: dict[str, int]) -> int:
    return max((known[s.name] for s in rule.expansion if not s.is_term), default=0)


def sentence(rng: random.Random, depth: int) -> list[str]:
    """Tokens of a file; "\\n" stands before each statement."""
    tokens: list[str] = []
    waiting: list[tuple[Symbol | str, int]] = [(rules()["start"][0].origin, depth)]
    while waiting:
        symbol, left = waiting.pop()
        if isinstance(symbol, str):
            tokens.append(symbol)
        elif symbol.is_term:
            words = WORDS.get(symbol.name)
            word = rng.choice(words) if words else terminals()[symbol.name]
            tokens.append("1" if tokens[-1:] == ["eqspec"] else word)
        else:
            alternatives = rules()[symbol.name]
            low = [rule for rule in alternatives if height_of(rule, heights()) < left]
            rule = rng.choice(low or [min(alternatives, key=lambda r: height_of(r, heights()))])
            parts: list[tuple[Symbol | str, int]] = [(part, left - 1) for part in rule.expansion]
            if symbol.name in STATEMENTS:
                parts.insert(0, ("\n", 0))
            waiting.extend(reversed(parts))
    return tokens


def written(seed: int, depth: int = 30, comments: float = 0.15) -> str:
    """A file in some layout."""
    rng = random.Random(seed)
    tokens = sentence(rng, rng.randint(depth // 2, depth))
    text = between(rng, False, comments) if rng.random() < 0.3 else ""
    for number, token in enumerate(tokens):
        following = tokens[number + 1] if number + 1 < len(tokens) else ""
        if token == "\n":
            if not text.rstrip(" \t\n").endswith("{") or "#" in text.rpartition("\n")[2]:
                text += "\n" if rng.random() < 0.8 else "\n\n\n"
            text += between(rng, False, comments) if rng.random() < 0.5 else ""
            continue
        text += token
        if re.fullmatch(r"[0-9]+x", token) and following == "[":
            text += rng.choice(("", " "))
        elif tight(token, following) and rng.random() < 0.7:
            continue
        else:
            text += between(rng, True, comments)
    return text + rng.choice(("", "\n", "\n\n\n", "  "))


def tight(token: str, following: str) -> bool:
    """Whether two tokens may touch."""
    if following.startswith(".") or token == "." or token == "..":
        return following != ".." and not (token[-1:].isdigit() and following[:1].isdigit())
    wordy = (token[-1:].isalnum() or token[-1:] in '_"') and (
        following[:1].isalnum() or following[:1] in '_"'
    )
    return not wordy and not (token == "-" and following.startswith((">", "-")))


def between(rng: random.Random, needed: bool, comments: float) -> str:
    if rng.random() < comments:
        lines = [rng.choice(COMMENTS) for _ in range(rng.choice((1, 1, 2)))]
        first = rng.choice(("  ", "\n", "\n\n", "\n    "))
        return (
            first
            + rng.choice(("\n", "\n  ", "\n\n")).join(lines)
            + rng.choice(("\n", "\n\n", "\n   "))
        )
    if not needed:
        return ""
    return rng.choice((" ", " ", " ", "  ", "\n", "\n  ", "\t", " \n\n"))
