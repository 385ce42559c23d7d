"""Groups that are made of parts: direct, semidirect and wreath products as one group each.

The letters of such a group are those of its parts, one part after the other, and its presentation is
that of the parts together with relators that tie them. An `Extension` says which: everything else
(model, elements, checks of representations) follows from it.

Sources: Johnson, Presentations of Groups (1990), section 10 (split extensions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.images import AnyImage, compose, power

if TYPE_CHECKING:
    from eqspec.algebra.enumeration import Word
    from eqspec.algebra.groups import Group


@dataclass(frozen=True)
class Extension:
    """``parts`` generate the group; with the relators ``cross`` they present it.

    ``chain`` lists words that generate subgroups H_1, ..., H_k with |G| = |H_1| ... |H_k|, such that
    every product H_1 ... H_j is a subgroup: averages over G are averages over them, one after the
    other. ``slow`` says which part runs slowest where the elements are listed: the "first" (row by
    row) or the "last".
    """

    parts: tuple[Group, ...]
    cross: tuple[Word, ...]
    chain: tuple[tuple[Word, ...], ...]
    slow: str = "last"

    @property
    def starts(self) -> tuple[int, ...]:
        """The number of the first letter of every part."""
        starts, at = [], 0
        for part in self.parts:
            starts.append(at)
            at += len(part.generators)
        return tuple(starts)

    def relations(self) -> tuple[Word, ...] | None:
        """Relators of a presentation; None if one of the parts has none."""
        found: list[Word] = []
        for part, start in zip(self.parts, self.starts, strict=True):
            own = part.relations()
            if own is None:
                return None
            found.extend(shifted(relator, start) for relator in own)
        return (*found, *self.cross)

    def elements(self, steps: Sequence[AnyImage]) -> tuple[tuple[Word, ...], tuple[AnyImage, ...]]:
        """Every element once, a product of one element of every part: words and matrices.

        ``steps`` are the matrices of the letters. Only for direct and semidirect products.
        """
        words: list[Word] = [()]
        images: list[AnyImage] = [power(steps[0], 0)]
        for part, start in zip(self.parts, self.starts, strict=True):
            own = [shifted(word, start) for word in part.elements()]
            moves = [evaluated(steps, word) for word in own]
            pairs = [(i, k) for i in range(len(words)) for k in range(len(own))]
            if self.slow == "last":
                pairs = [(i, k) for k in range(len(own)) for i in range(len(words))]
            words, images = (
                [(*words[i], *own[k]) for i, k in pairs],
                [compose(images[i], moves[k]) for i, k in pairs],
            )
        return tuple(words), tuple(images)


def shifted(word: Word, start: int) -> Word:
    """The word in letters that are numbered from ``start``."""
    return tuple((letter + start, exponent) for letter, exponent in word)


def evaluated(
    steps: Sequence[AnyImage], word: Word, known: dict[tuple[int, int], AnyImage] | None = None
) -> AnyImage:
    """The matrix of a word; ``steps`` are the matrices of its letters, ``known`` powers of them."""
    known = {} if known is None else known
    result: AnyImage | None = None
    for letter, exponent in word:
        move = known.get((letter, exponent))
        if move is None:
            move = known[letter, exponent] = power(steps[letter], exponent)
        result = move if result is None else compose(result, move)
    return power(steps[0], 0) if result is None else result


def inverted(word: Word) -> Word:
    """The word of the inverse element."""
    return tuple((letter, -exponent) for letter, exponent in reversed(word))
