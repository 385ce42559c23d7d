"""Long tables of whole numbers as arithmetic progressions.

A table of a vocabulary counts up but for the few words that a group moves; so do the tables of orbits
made of it, column by column. In: the numbers of a table. Out: the words of a short text, or None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = 12  # of a table that may be written column by column
SHORTER = 8  # how much shorter the text must be


@dataclass(frozen=True)
class Progressions:
    """Triples (first, step, length), one progression after the other; with ``columns`` above 1 they
    are the columns of the table, one below the other."""

    triples: tuple[int, ...]
    columns: int

    @property
    def words(self) -> list[str]:
        """The number of columns, then the triples."""
        return [str(self.columns), *(str(k) for k in self.triples)]


def progressions(values: NDArray[np.int64]) -> Progressions | None:
    """The shortest such text of a flat table; None if none is much shorter than the table itself."""
    best: Progressions | None = None
    for columns in range(1, COLUMNS + 1):
        if len(values) % columns == 0:
            most = len(values) // SHORTER if best is None else len(best.triples) - 1
            words = _triples(values.reshape(-1, columns).T.reshape(-1), most)
            if words is not None:
                best = Progressions(words, columns)
    return best


def _triples(values: NDArray[np.int64], most: int) -> tuple[int, ...] | None:
    """Greedily, from the left: each progression is as long as it can be. None if they are more than ``most``
    numbers."""
    steps = np.diff(values)
    changes = np.flatnonzero(np.diff(steps)) + 1  # steps[k - 1] != steps[k]
    words: list[int] = []
    at, next_change = 0, 0
    while at < len(values):
        while next_change < len(changes) and changes[next_change] <= at:
            next_change += 1
        end = int(changes[next_change]) + 1 if next_change < len(changes) else len(values)
        step = int(steps[at]) if at < len(steps) else 0
        words += [int(values[at]), step, end - at]
        if len(words) > most:
            return None
        at = end
    return tuple(words)
