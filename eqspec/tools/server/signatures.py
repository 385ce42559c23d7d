"""The arguments of an op in words, for hovers, completions and the help at a call."""

from __future__ import annotations

from eqspec.graph.op import EndsOr, Keyword, OpTyping, WordOrBase, WordsFor

_PLAIN = {
    "boolean": "true | false",
    "number": "number",
    "numbers": "[number, ...]",
    "group": "group",
    "subgroup": "group",
    "axis": "G.rep",
    "axes": "axes",
    "group or axes": "group | axes",
}


def signature_of(op: OpTyping) -> str:
    """`pool(x, over=group, by=sum | mean | max)`."""
    return f"{op.name}({', '.join([*arguments_of(op), *options_of(op)])})"


def arguments_of(op: OpTyping) -> list[str]:
    low, high = op.signature.tensors
    bases = ["base", "weights"][: op.signature.bases]
    letters = ["x", "y", "z"][:low] if low <= 3 else ["x"]
    if high is None or high > low:
        letters.append("...")
    return [*bases, *letters]


def options_of(op: OpTyping) -> list[str]:
    return [f"{key}={words_of(kind)}" for key, kind in op.signature.keywords.items()]


def words_of(kind: Keyword) -> str:
    """What may stand behind a keyword."""
    match kind:
        case tuple():
            return " | ".join(kind)
        case WordOrBase(words=words):
            return " | ".join((*words, "base"))
        case WordsFor(words=words):
            return f"[{', '.join(words)}]"
        case EndsOr(words=words):
            return " | ".join(("[number, ...]", *words))
    return _PLAIN[kind]


def choices(kind: Keyword) -> tuple[str, ...]:
    """The words among which an option chooses."""
    match kind:
        case tuple():
            return kind
        case "boolean":
            return ("true", "false")
        case WordOrBase(words=words) | WordsFor(words=words) | EndsOr(words=words):
            return words
    return ()
