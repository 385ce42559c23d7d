"""Orbits of signed permutations, as connected components.

In: signed permutations of the same entries. Out: a label and a sign for every entry; balanced
orbits are numbered by their first entry, the others, on which nothing but 0 is fixed, are labelled
-1.

Sources: Burnside; for signs the balanced components of a signed graph (Harary 1953), read off from
its double cover.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from eqspec.algebra.bases import Labels, Signs, numbered
from eqspec.algebra.images import Monomial


def signed_orbits(generators: Sequence[Monomial], size: int) -> tuple[Labels, Signs, int]:
    """Orbits of signed permutations of `size` entries: labels (size,), signs (size,), their number.

    An orbit in which an entry meets its own negative has label -1 and sign 0: nothing but 0 is
    fixed there. Labels follow the first entry, whose sign is +1.
    """
    return orbits(
        [
            (np.asarray(g.images, dtype=np.int64), np.asarray(g.signs, dtype=np.int8))
            for g in generators
        ],
        size,
    )


def orbits(
    moves: Sequence[tuple[NDArray[np.int64], Signs]], size: int
) -> tuple[Labels, Signs, int]:
    if not moves:
        return np.arange(size, dtype=np.int64), np.ones(size, dtype=np.int8), size
    if all(bool(np.all(signs > 0)) for _, signs in moves):
        labels = _components([images for images, _ in moves], size)
        signs = np.ones(size, dtype=np.int8)
    else:  # node p is +e_p, node p + size is -e_p; an orbit is balanced if they never meet
        covers = []
        for images, turns in moves:
            flip = np.where(turns < 0, size, 0)
            covers.append(np.concatenate([images + flip, images + (size - flip)]))
        cover = _components(covers, 2 * size)
        plus, minus = cover[:size], cover[size:]
        # the two sheets of a balanced orbit have two labels: their minimum names the orbit
        labels = np.where(plus == minus, -1, np.minimum(plus, minus))
        signs = np.where(labels < 0, 0, np.where(plus == labels, 1, -1)).astype(np.int8)
    basis = numbered(labels, signs, (1, size))
    return basis.labels.reshape(-1), basis.signs.reshape(-1), basis.dimension


def _components(moves: Sequence[NDArray[np.int64]], size: int) -> Labels:
    indices = np.stack(moves, axis=1).reshape(-1)
    starts = np.arange(size + 1, dtype=np.int64) * len(moves)
    graph = csr_array((np.ones(len(indices), dtype=np.int8), indices, starts), shape=(size, size))
    _, labels = connected_components(graph, directed=True, connection="weak")
    return np.asarray(labels, dtype=np.int64)
