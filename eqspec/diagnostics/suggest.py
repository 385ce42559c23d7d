"""Did-you-mean: the known word nearest to a mistyped one, and the repair that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from eqspec.diagnostics.model import Fix, Span


class Suggestion(NamedTuple):
    """What a message says of a mistyped word; nothing, if no known word is near."""

    word: str | None = None
    help: str | None = None
    fixes: tuple[Fix, ...] = ()


def suggestion(word: str, candidates: Iterable[str], span: Span) -> Suggestion:
    """The nearest of the words that could stand at ``span`` in the place of ``word``."""
    known = list(dict.fromkeys(candidates))
    near = did_you_mean(word, known)
    if near is None:
        return Suggestion()
    fix = Fix(f"replace by `{near}`", ((span, near),), is_sure(word, near, known))
    return Suggestion(near, f"did you mean `{near}`?", (fix,))


def is_sure(word: str, near: str, known: Iterable[str]) -> bool:
    """Whether a word is a slip of the hand for another, and for no third one.

    Slips are: other capitals, neighbours that changed places, a letter twice, and a letter inside that
    is missing or too many. Another letter, first or last letters and digits tell names apart that are
    meant (`cosh` and `cos`, `prelu` and `relu`, `ViewA` and `ViewB`), and short words are never sure.
    """
    if _digits(word) != _digits(near):
        return False
    lowered = word.lower()
    if sum(other.lower() == lowered for other in known if other != word) == 1 and len(word) > 1:
        return near.lower() == lowered
    if len(word) < 4 or not _slip(lowered, near.lower()):
        return False
    return not any(
        _one_edit(lowered, other.lower()) for other in known if other not in (near, word)
    )


def _digits(word: str) -> str:
    return "".join(character for character in word if character.isdigit())


def _slip(first: str, second: str) -> bool:
    if len(first) == len(second):
        return _transposed(first, second)
    short, long = sorted((first, second), key=len)
    return any(
        long[:at] + long[at + 1 :] == short
        and (0 < at < len(long) - 1 or long[at] in (long[at - 1 : at] or long[at + 1]))
        for at in range(len(long))
    )


def _one_edit(first: str, second: str) -> bool:
    if abs(len(first) - len(second)) > 1 or first == second:
        return first == second
    if len(first) == len(second):
        return sum(a != b for a, b in zip(first, second, strict=True)) == 1 or _transposed(
            first, second
        )
    short, long = sorted((first, second), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``word`` most likely stands for, None if none is near.

    Case counts less than letters (`rot` finds `Rot`); among equals the first in order wins, so the
    answer does not depend on hashing when ``candidates`` is ordered.
    """
    known = list(dict.fromkeys(candidates))
    lowered = word.lower()
    for candidate in known:
        if candidate != word and candidate.lower() == lowered:
            return candidate
    from difflib import SequenceMatcher  # lazy: `check` on a good file never needs it

    best, best_ratio = None, 0.0
    for candidate in known:
        if candidate == word or abs(len(candidate) - len(word)) > 1 + max(len(word), 3) // 3:
            continue
        ratio = SequenceMatcher(None, lowered, candidate.lower()).ratio()
        if _transposed(lowered, candidate.lower()):
            ratio = max(ratio, 0.9)
        if ratio > best_ratio:
            best, best_ratio = candidate, ratio
    # short words share letters by accident
    return best if best_ratio >= (0.66 if len(word) > 3 else 0.75) else None


def _transposed(first: str, second: str) -> bool:
    """Equal up to one swap of neighbours, the commonest slip."""
    if len(first) != len(second):
        return False
    different = [at for at in range(len(first)) if first[at] != second[at]]
    return (
        len(different) == 2
        and different[1] == different[0] + 1
        and first[different[0]] == second[different[1]]
        and first[different[1]] == second[different[0]]
    )
