"""The grammar of the language as a page, made from the file that the parser is made from.

In: `grammars/eqs.lark`. Out: `docs/grammar.md`. What serves the parser alone is left out: which rules make
a node of the tree, names of alternatives, priorities. `python -m website.grammar` writes the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "grammars" / "eqs.lark"
PAGE = ROOT / "docs" / "grammar.md"
RULE = re.compile(r"^\??(?P<name>_?[a-z]\w*)(?P<of>\{\w+\})?:\s*(?P<body>.*)$")
TERMINAL = re.compile(r"^(?P<name>[A-Z_]+):\s*(?P<body>\"(?:[^\"\\]|\\.)*\"|/(?:[^/\\]|\\.)*/)")
WORDS = {
    "NAME": "a letter or `_`, then letters, digits and `_`; no reserved word",
    "ATTRIBUTE": "`.` and a name, which may be a reserved word",
    "MULTIPLE": "digits and `x`, directly before `[`, as in `4x[G.regular]`",
    "INT": "digits, with no letter behind them",
    "DECIMAL": "digits with a point or an exponent; read as an exact fraction",
    "STRING": 'characters between double quotes on one line; `\\"` and `\\\\` are escapes',
}
SKIPPED = {"COMMENT", "WS"}


@dataclass(frozen=True)
class Rule:
    """A rule as it is shown: its name, its alternatives, a remark."""

    name: str
    alternatives: tuple[str, ...]
    remark: str


@dataclass(frozen=True)
class Section:
    title: str
    rules: tuple[Rule, ...]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The statements of the file, continuation lines joined, each with its remark."""
    for part in re.split(r"\n(?=[^\s|])", text):
        remarks, code = [], []
        for line in part.splitlines():
            body, mark, remark = _without_remark(line)
            code.append(body.strip())
            remarks += [remark.strip()] if mark else []
        yield " ".join(piece for piece in code if piece), " ".join(remarks)


def _without_remark(line: str) -> tuple[str, str, str]:
    """A line cut at `//`, unless that stands in a string or a pattern."""
    if re.match(r"[A-Z_]+: /", line):  # a pattern: what follows it
        found = TERMINAL.match(line)
        assert found is not None, line
        return line[: found.end()], "", ""
    quoted = re.sub(r'"[^"]*"', lambda m: "." * len(m[0]), line)
    at = quoted.find("//")
    return (line, "", "") if at < 0 else (line[:at], "//", line[at + 2 :])


def sections(text: str) -> list[Section]:
    """The grammar in the parts in which it is written."""
    named = {m["name"] for line, _ in _lines(text) if (m := RULE.match(line))}
    literal = {
        m["name"]: m["body"]
        for line, _ in _lines(text)
        if (m := TERMINAL.match(line)) and m["body"].startswith('"')
    }

    def shown(name: str) -> str:
        plain = name.removeprefix("_").replace("_", "-")
        return f"any-{plain}" if name.startswith("_") and name[1:] in named else plain

    def read(body: str) -> str:
        body = re.sub(r"\s*->\s*\w+(?=\s*(\||$|\)))", "", _outside(body))
        body = re.sub(r"_entries\{(\w+)\}", r'[\1 ([","] \1)* [","]]', body)
        pieces = re.split(r'("[^"]*")', body)
        for k in range(0, len(pieces), 2):
            pieces[k] = re.sub(
                r"[A-Za-z_]\w*",
                lambda m: literal.get(m[0], shown(m[0]) if m[0] in named else m[0]),
                pieces[k],
            )
        return "".join(pieces).replace("\0", "->")

    found: list[tuple[str, list[Rule]]] = [("A file", [])]
    for line, remark in _lines(text):
        title = re.fullmatch(r"-+ (.*?) -+", remark)
        if not line and title:
            found.append((title[1][0].upper() + title[1][1:], []))
        rule = RULE.match(line)
        if rule and not rule["of"]:
            body = tuple(read(one) for one in _alternatives(rule["body"]))
            found[-1][1].append(Rule(shown(rule["name"]), body, remark))
    return [Section(title, tuple(rules)) for title, rules in found if rules]


def _outside(body: str) -> str:
    """A body whose quoted arrows are hidden, so that those that name alternatives can be taken out."""
    return re.sub(r'"[^"]*"', lambda m: m[0].replace("->", "\0"), body)


def _alternatives(body: str) -> list[str]:
    """The alternatives of a body, cut at the bars outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in body:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "([") - (character in ")]")
        if character == "|" and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def terminals(text: str) -> dict[str, str]:
    """The terminals that are patterns, with the pattern."""
    found = (TERMINAL.match(line) for line, _ in _lines(text))
    return {m["name"]: m["body"] for m in found if m and m["body"].startswith("/")}


def page() -> str:
    """The text of `docs/grammar.md`."""
    text = SOURCE.read_text(encoding="utf-8")
    patterns = {k: v for k, v in terminals(text).items() if k not in SKIPPED}
    out = [
        "# Grammar\n",
        "Made from [`grammars/eqs.lark`](../grammars/eqs.lark), the file that the parser is made from,"
        " by `python -m website.grammar`. What the parts mean is in [the language](language.md).\n",
        "Quotes stand around what is written as it is; `[ ]` may be left out, `*` is repeated any number"
        " of times, `+` at least once, `|` separates choices. Blanks, line ends and comments (`#` to the"
        " end of the line) may stand between any two words. A statement begins on its own line or right"
        " after `{`.\n",
    ]
    for section in sections(text):
        out.append(f"## {section.title}\n")
        out.append("```ebnf")
        width = max(len(rule.name) for rule in section.rules)
        for rule in section.rules:
            first, *more = rule.alternatives
            remark = f"    (* {rule.remark} *)" if rule.remark else ""
            out.append(f"{rule.name:{width}} = {first}{remark}")
            out += [f"{'':{width}} | {one}" for one in more]
        out.append("```\n")
    out += ["## Words\n", "| word | is |", "|---|---|"]
    out += [f"| `{name}` | {WORDS[name]} |" for name in patterns]
    reserved = re.search(r"\(\?!\(\?:([a-z|]+)\)", patterns["NAME"])
    assert reserved is not None
    out.append(f"\nReserved words: {', '.join(f'`{w}`' for w in reserved[1].split('|'))}.\n")
    return "\n".join(out)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
