"""The grammar's terminals in words a person knows.

In: terminal names and tokens. Out: phrases for messages. A test holds the table to the grammar.
"""

from __future__ import annotations

from collections.abc import Collection

from lark import Token

from eqspec.syntax.layout import ITEM_WORDS, MEMBER_WORDS

PHRASES = {
    "NAME": "a name",
    "INT": "a whole number",
    "DECIMAL": "a decimal number",
    "STRING": "a string",
    "ATTRIBUTE": "`.` and a name",
    "MULTIPLE": "a multiple such as `8x[..]`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "ARROW": "`->`",
    "DOTDOT": "`..`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "CARET": "`^`",
    "$END": "the end of the file",
}
_WORDS = (
    *(*ITEM_WORDS, *MEMBER_WORDS, "as", "by", "generated", "named", "algebra", "discrete"),
    *("dynamic", "padded", "fixed", "flat", "index", "exactly", "almost", "everywhere"),
    *("approximately", "invariant", "equivariant", "under", "true", "false"),
)
PHRASES |= {word.upper(): f"`{word}`" for word in _WORDS}

RESERVED = frozenset(word.upper() for word in (*ITEM_WORDS, *MEMBER_WORDS))
ITEMS = frozenset(word.upper() for word in ITEM_WORDS)
MEMBERS = frozenset(word.upper() for word in MEMBER_WORDS)
EXPRESSION = frozenset(
    {"NAME", "INT", "DECIMAL", "STRING", "LPAR", "LSQB", "MINUS", "TRUE", "FALSE"}
)
TYPE = frozenset({"NAME", "LSQB", "FIXED", "MULTIPLE", "INDEX", "FLAT"})
# what may always go on behind a complete operand: true, and no help
_CONTINUE = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "CARET", "ATTRIBUTE", "LPAR", "LSQB", "DOTDOT"}
)
_ORDER = ("RPAR", "RSQB", "RBRACE", "COMMA", "EQUAL", "COLON", "ARROW", "NAME", "INT", "STRING")

# the shape of each statement, shown when one went wrong
FORMS = {
    "EQSPEC": "the first statement is `eqspec 1`",
    "USE": 'a file is brought in by `use "file.eqs" as name`',
    "PARAM": "a parameter is `param n = 16`, `param n = dynamic` or `param n = padded`",
    "TYPE": "a type gets a name by `type Board = [D4.grid(19, 19)]`",
    "GROUP": "a group is declared as `group Rot = cyclic(4)`",
    "REP": "a representation is `rep Rot.plane = matrix(2) { r -> [[0, -1], [1, 0]] }`",
    "MODULE": "a module is `module Name { ... }` or `module Name(c, G: group) { ... }`",
    "INTERFACE": "an interface is `interface Name { ... }`",
    "INPUT": "an input is `input image: [3, Rot.rot90(64, 64)]`",
    "OUTPUT": "an output is `output logits: [10] = linear(h)`",
    "BASE": "a base is `base encoder: [3, 64, 64] -> [128]`",
    "ENSURE": "a claim is `ensure logits invariant under Rot * Flip`",
    "NAME": "a layer is `h: [64, Rot.regular] = relu(linear(x))`",
}


def expected(accepted: Collection[str]) -> str:
    """What could stand here: "`,` or `)`", "an expression"."""
    left = set(accepted)
    phrases: list[str] = []
    if left >= {"NAME", "INT", "STRING", "RPAR"} and "LSQB" not in left:
        return "a point (a name, a number or a string) or `)`"
    statement = ""
    if left >= MEMBERS or left >= ITEMS - {"EQSPEC"}:
        left -= RESERVED | {"NAME", "RBRACE"}
        statement = "a new statement on its own line"
    elif left >= {"INPUT", "OUTPUT"}:
        left -= RESERVED | {"RBRACE"}
        statement = "`input` or `output` on its own line"
    if left >= EXPRESSION:
        phrases.append("an axis such as `64` or `G.regular`" if "FLAT" in left else "an expression")
        left -= EXPRESSION | {"FLAT"}
    elif left >= TYPE:
        phrases.append("a type such as `[3, 64]`")
        left -= TYPE
    elif {"LPAR", "LSQB", "NAME"} <= left and not left & {"INT", "EQUAL", "COMMA"}:
        phrases.append("cycles such as `(a b)` or a matrix such as `[[0, -1], [1, 0]]`")
        left -= {"LPAR", "LSQB", "NAME"}
    elif {"LSQB", "NAME"} == left:
        return "a matrix such as `[[0, -1], [1, 0]]`"
    left.discard(END_TYPE)
    if left - _CONTINUE or phrases:
        left -= _CONTINUE
    elif left >= {"PLUS", "STAR"}:
        left -= _CONTINUE
        phrases.append("an operator")
    if statement:
        phrases.append(statement)
    ordered = sorted(left, key=lambda t: (_ORDER.index(t) if t in _ORDER else 99, t))
    phrases = [PHRASES.get(terminal, terminal) for terminal in ordered] + phrases
    if len(phrases) > 5:
        return ", ".join(phrases[:4]) + " or the like"
    return either(phrases)


def either(phrases: list[str]) -> str:
    if len(phrases) <= 1:
        return phrases[0] if phrases else "something else"
    return ", ".join(phrases[:-1]) + " or " + phrases[-1]


def found(token: Token) -> str:
    """What does stand there: "the name `cyclic`", "`]`"."""
    text = shorten(str(token))
    if token.type == END_TYPE:
        return PHRASES[END_TYPE]
    if token.type in RESERVED:
        return f"the reserved word `{text}`"
    if token.type in ("INT", "DECIMAL"):
        return f"the number `{text}`"
    if token.type == "STRING":
        return f"the string `{text}`"
    if text[:1].isalpha() or text[:1] == "_":
        return f"the name `{text}`" if token.type == "NAME" else f"the word `{text}`"
    return f"`{text}`"


END_TYPE = "$END"


def shorten(text: str, width: int = 30) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
