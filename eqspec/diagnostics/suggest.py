"""Did-you-mean: the known word nearest to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


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
