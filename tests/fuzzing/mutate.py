"""Changes that a person, an editor or an enemy makes to a spec: tokens, brackets, statements, numbers.

In: a text and a generator of random numbers. Out: another text, mostly still like a spec, so that it
comes past the parser and into the rooms behind it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import lru_cache

from lark.grammar import NonTerminal, Terminal

from eqspec.syntax.grammar import lark_parser
from tests.fuzzing.seeds import seeds

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|[0-9]+(?:\.[0-9]+)?|\w+|->|\.\.|\s+|.', re.DOTALL)
_STATEMENT = re.compile(r"(?m)^[ \t]*(?:[a-z]+ +)?[A-Za-z_.]+\b[^\n]*\n")
_CLOSE = {"(": ")", "[": "]", "{": "}"}
_NUMBERS = (
    "0 1 2 3 4 5 6 7 8 9 10 12 16 17 24 31 32 60 64 100 120 255 256 1000 1024 5040 65536 1000003 4194304"
    " 4194305 2147483648 999999999999999999 0.5 1/2 -1 2/3 1e9 0.1 1.0 -0 3/0"
).split()
_SIGNS = [
    *'()[]{}=:,.+-*/^"#',
    "->",
    "..",
    "\n",
    " ",
    "##",
    "-1",
    "é",
    "\u200b",
    "\u202e",
    "\x1b",
    "\\",
]
_WHERE = ("_item", "_member", "type", "expr", "arguments", "rep_block", "_image", "ensure", "start")


def mutate(text: str, rng: random.Random, most: int = 4) -> str:
    """One to ``most`` changes."""
    for _ in range(rng.randint(1, most)):
        text = rng.choice(_CHANGES)(text, rng)
    return text


def mutate_bytes(data: bytes, size: int, seed: int) -> bytes:
    """The same for raw bytes, cut to ``size``."""
    rng = random.Random(seed)
    text = mutate(data.decode("utf-8", errors="surrogateescape"), rng)
    return text.encode("utf-8", errors="surrogateescape")[:size]


def crossed(rng: random.Random) -> bytes:
    """A seed with statements of another one."""
    first, second = (rng.choice(seeds()).decode("utf-8", errors="replace") for _ in range(2))
    lines = second.splitlines(keepends=True)
    if lines:
        at = rng.randrange(len(lines))
        chunk = "".join(line for line in lines[at : at + rng.randint(1, 8)] if "eqspec" not in line)
        first = _insert(first, chunk, rng)
    return first.encode("utf-8")


# ---- tokens --------------------------------------------------------------------------------------


def _tokens(text: str, rng: random.Random) -> str:
    tokens = TOKEN.findall(text)
    if not tokens:
        return rng.choice(_pool())
    at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    match rng.randrange(6):
        case 0:
            del tokens[at]
        case 1:
            tokens.insert(at, tokens[other])
        case 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 3:
            tokens.insert(at, " " + rng.choice(_pool()) + " ")
        case 4:
            tokens[at] = rng.choice(_SIGNS)
        case _:
            tokens[at:at] = tokens[min(at, other) : max(at, other)][:40]
    return "".join(tokens)


def _numbers(text: str, rng: random.Random) -> str:
    return _replaced(text, r"\b[0-9]+\b", rng.choice(_NUMBERS), rng)


def _names(text: str, rng: random.Random) -> str:
    """A word becomes another word of the file, or one of the language."""
    words = re.findall(r"[A-Za-z_]\w*", text) or ["x"]
    word = rng.choice(words) if rng.random() < 0.6 else rng.choice(_pool())
    return _replaced(text, r"\b[A-Za-z_]\w*", word, rng)


def _replaced(text: str, pattern: str, new: str, rng: random.Random) -> str:
    places = [match.span() for match in re.finditer(pattern, text)]
    if not places:
        return text + new
    start, end = rng.choice(places)
    return text[:start] + new + text[end:]


# ---- brackets, statements, characters ------------------------------------------------------------


def _brackets(text: str) -> list[tuple[int, int]]:
    """The balanced pieces of a text."""
    stack: list[tuple[int, str]] = []
    found: list[tuple[int, int]] = []
    for at, sign in enumerate(text):
        if sign in _CLOSE:
            stack.append((at, _CLOSE[sign]))
        elif stack and sign == stack[-1][1]:
            found.append((stack.pop()[0], at + 1))
    return found


def _pieces(text: str, rng: random.Random) -> str:
    """A bracketed piece is emptied, doubled, wrapped, or replaced by another of its kind."""
    pieces = _brackets(text)
    if not pieces:
        return text
    start, end = rng.choice(pieces)
    piece = text[start:end]
    match rng.randrange(5):
        case 0:
            new = piece[0] + piece[-1]
        case 1:
            new = piece + piece
        case 2:
            new = piece[0] * rng.randint(2, 5) + piece[1:-1] + piece[-1]
        case _:
            alike = [p for p in pieces if text[p[0]] == text[start]] or pieces
            other = rng.choice(alike)
            new = text[other[0] : other[1]]
            if rng.random() < 0.4:
                new = rng.choice(_fragments(piece[0]))
    return text[:start] + new + text[end:]


def _statements(text: str, rng: random.Random) -> str:
    """A statement is dropped, doubled, moved, or brought in from another spec."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(rng.randrange(len(lines)), lines[at])
        case 2:
            lines.append(lines.pop(at))
        case _:
            lines.insert(at, rng.choice(_all_statements()))
    return "".join(lines)


def _generated(text: str, rng: random.Random) -> str:
    """A sentence of the grammar, with words of this text and of the language."""
    words = (re.findall(r"[A-Za-z_]\w*", text) or ["x"]) + list(_pool())
    sentence = generate(rng.choice(_WHERE), words, rng, 7)
    if rng.random() < 0.5 and (pieces := _brackets(text)):
        start, end = rng.choice(pieces)
        return text[: start + 1] + sentence + text[end - 1 :]
    return _insert(text, sentence + "\n", rng)


def _insert(text: str, chunk: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    lines.insert(rng.randint(min(1, len(lines)), len(lines)), chunk)
    return "".join(lines)


def _characters(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    match rng.randrange(5):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + text[at + 1 :]
        case 2:
            return (
                text[:at] + chr(rng.choice([rng.randrange(128), rng.randrange(0xD800)])) + text[at:]
            )
        case 3:
            return text[:at] + rng.choice(_SIGNS) * rng.choice([2, 70, 500]) + text[at:]
        case _:
            return text.replace(
                "\n", rng.choice(["\r\n", "\r", "\n\n", " ", "\n#"]), rng.randint(1, 9)
            )


_CHANGES = (
    _tokens, _tokens, _numbers, _numbers, _names, _names, _names, _pieces, _pieces, _statements,
    _statements, _generated, _characters,
)  # fmt: skip


# ---- material ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _texts() -> tuple[str, ...]:
    return tuple(seed.decode("utf-8", errors="replace") for seed in seeds())


@lru_cache(maxsize=1)
def _pool() -> tuple[str, ...]:
    """All words, numbers and strings of the seeds, and the names of all ops."""
    from eqspec.ops import OPS

    words = {token for text in _texts() for token in TOKEN.findall(text) if token.strip()}
    short = {word for word in words if len(word) < 40 and not word.startswith("#")}
    return tuple(sorted(short | set(OPS)))


@lru_cache(maxsize=1)
def _all_statements() -> tuple[str, ...]:
    return tuple(sorted({s for text in _texts() for s in _STATEMENT.findall(text)}))


@lru_cache(maxsize=8)
def _fragments(opener: str) -> tuple[str, ...]:
    found = {text[a:b] for text in _texts() for a, b in _brackets(text) if text[a] == opener}
    return tuple(sorted(piece for piece in found if len(piece) < 200)) or (opener,)


# ---- sentences of the grammar --------------------------------------------------------------------


@lru_cache(maxsize=1)
def _rules() -> dict[str, list[Sequence[Terminal | NonTerminal]]]:
    rules: dict[str, list[Sequence[Terminal | NonTerminal]]] = {}
    for rule in lark_parser().rules:
        rules.setdefault(rule.origin.name, []).append(rule.expansion)
    return rules


@lru_cache(maxsize=1)
def _fixed() -> dict[str, str]:
    return {t.name: t.pattern.value for t in lark_parser().terminals if t.pattern.type == "str"}


def generate(rule: str, words: Sequence[str], rng: random.Random, depth: int) -> str:
    """A random sentence of a rule; from a ``depth`` of zero the shortest expansions are taken."""
    expansions = _rules().get(rule)
    if not expansions:
        return ""
    chosen = min(expansions, key=len) if depth <= 0 else rng.choice(expansions)
    if depth < -20:
        return rng.choice(words)
    parts = []
    for symbol in chosen:
        if isinstance(symbol, NonTerminal):
            parts.append(generate(symbol.name, words, rng, depth - 1))
        elif symbol.name in _fixed():
            parts.append(_fixed()[symbol.name])
        else:
            parts.append(_terminal(symbol.name, words, rng))
    return " ".join(parts).replace(" .", ".").replace("x [", "x[")


def _terminal(name: str, words: Sequence[str], rng: random.Random) -> str:
    match name:
        case "INT":
            return str(rng.choice([0, 1, 2, 3, 4, 7, 100]))
        case "DECIMAL":
            return rng.choice(["0.5", "1.0", "1e-3", "2.5e10"])
        case "STRING":
            return rng.choice(
                ['"a"', '""', '"\\n"', '"torch.nn:Linear"', '"../x.eqs"', '"é\\u202e"']
            )
        case "MULTIPLE":
            return rng.choice(["2x", "0x", "64x"])
        case "ATTRIBUTE":
            return "." + rng.choice(words).strip('". ')
        case _:
            return rng.choice(words)
