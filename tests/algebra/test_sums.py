"""Maps by sums over classes: block systems against brute force, pieces against the orbits they stand for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from algebra_cases import representations_of, small_groups
from numpy.typing import NDArray

from eqspec.algebra.blocksystems import Points, systems
from eqspec.algebra.constructors import natural, regular
from eqspec.algebra.families import alternating, cyclic, dihedral, permutation_group, symmetric
from eqspec.algebra.products import wreath
from eqspec.algebra.representations import Representation
from eqspec.algebra.solver import OrbitBasis, solved_basis
from eqspec.algebra.strides import radix_of
from eqspec.algebra.sums import Sums, orbit_sums, whole

NESTED = wreath(symmetric(3), symmetric(4), ["a", "b", "t", "c"], "S3 wr S4")


def expanded(sums: Sums, weights: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """``denominator`` times the matrix of these weights of the orbits, piece by piece."""
    total = np.zeros(shape, dtype=np.int64)
    own = weights @ sums.change
    start = 0
    for piece in sums.pieces:
        blocks, inputs, _ = piece.source.shape
        assert piece.target.shape[0] == blocks
        assert piece.labels.shape == (piece.target.shape[1], inputs)
        for b in range(blocks):
            for j, to in enumerate(piece.target[b]):
                for i, given in enumerate(piece.source[b]):
                    total[np.ix_(to, given)] += own[start + piece.labels[j, i]]
        start += piece.weights
    assert start == len(own)
    return total


def check(source: tuple[Representation, ...], target: tuple[Representation, ...]) -> Sums | None:
    """The sums of a pair of representations, once they were seen to span what the orbits span."""
    basis = solved_basis(source, target)
    sums = orbit_sums(source, target)
    if sums is None:
        return None
    assert isinstance(basis, OrbitBasis)
    weights = np.random.default_rng(1).integers(-50, 50, basis.dimension)
    wanted = sums.denominator * weights[basis.labels]
    assert np.array_equal(expanded(sums, weights, basis.shape), wanted)
    assert len(sums.change[0]) == sum(piece.weights for piece in sums.pieces) == basis.dimension
    assert round(np.linalg.det(sums.change / sums.denominator), 9) != 0
    assert sums.cost < basis.labels.size
    return sums


def test_sums_span_what_the_orbits_span_for_all_small_groups() -> None:
    found = 0
    for group in small_groups():
        if group.order > 12:
            continue
        reps = [r for r in representations_of("G", group) if r.degree <= 8]
        for k, source in enumerate(reps):
            target = source if k % 3 else reps[(k * 5 + 1) % len(reps)]
            found += check((source,), (target,)) is not None
    assert found > 30


def test_sums_of_random_groups_on_several_axes() -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(25):
        n = int(rng.integers(2, 7))
        group = permutation_group(
            n,
            {
                name: tuple(int(x) for x in rng.permutation(n))
                for name in "ab"[: rng.integers(1, 3)]
            },
        )
        points = natural("natural", "G", group)
        sides = [(points,) * int(rng.integers(1, 3)) for _ in range(2)]
        found += check(sides[0], sides[1]) is not None
    assert found > 12


def test_costs_that_are_known() -> None:
    for n in (3, 4, 7):
        points = natural("natural", "S", symmetric(n))
        sums = check((points,), (points,))
        assert sums is not None and sums.cost == n + 1
    points = natural("natural", "G", NESTED)
    sums = check((points,), (points,))  # within a class of 3, over the class, over everything
    assert sums is not None and sums.cost == 12 + 4 + 1
    pairs = (natural("natural", "A", alternating(6)),) * 2
    sums = check(pairs, pairs)
    assert sums is not None and sums.cost < 6 * 6 * 6


def test_no_sums_where_they_would_save_nothing_or_the_basis_has_signs() -> None:
    pentagon = permutation_group(5, {"r": (1, 2, 3, 4, 0), "s": (0, 4, 3, 2, 1)})
    points = natural("natural", "G", pentagon)
    assert orbit_sums((points,), (points,)) is None  # no blocks, and three kinds of pairs
    mirror = cyclic(2)
    regular_ = regular("regular", "G", mirror)
    signs = [r for r in representations_of("G", mirror) if not r.is_permutation]
    assert signs
    for rep in signs:
        assert orbit_sums((rep,), (regular_,)) is None
        assert whole((rep,), (regular_,)) is None


def partitions(n: int) -> Iterator[tuple[int, ...]]:
    """All relations on n points, each point with the number of its class."""

    def grow(start: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(start) == n:
            yield start
            return
        for label in range(max(start, default=-1) + 2):
            yield from grow((*start, label))

    return grow(())


def test_block_systems_are_all_relations_that_are_kept() -> None:
    groups: list[list[Points]] = [[np.roll(np.arange(n), 1)] for n in (2, 3, 4, 6)]
    groups += [
        [np.array(image) for image in images]
        for images in (
            [[1, 0, 3, 2], [2, 3, 0, 1]],
            [[1, 2, 0, 4, 5, 3], [3, 4, 5, 0, 1, 2]],
            [[1, 0, 2, 3, 4, 5], [2, 3, 4, 5, 0, 1]],
            [[1, 2, 3, 0], [1, 0, 2, 3]],
        )
    ]
    for moves in groups:
        n = len(moves[0])
        kept = set()
        for relation in partitions(n):
            labels = np.array(relation)
            images = [set(zip(labels.tolist(), labels[m].tolist(), strict=True)) for m in moves]
            if all(len(of_classes) == len(set(relation)) for of_classes in images):
                kept.add(relation)
        assert {tuple(int(c) for c in system) for system in systems(moves, n)} == kept


def test_classes_that_are_axes_need_no_table() -> None:
    rows, columns = np.arange(12).reshape(4, 1, 3), np.arange(12).reshape(4, 3).T[:, None, :]
    radix = radix_of([rows, columns], 12)
    assert radix is not None and radix.sizes == (4, 3)
    assert radix.axes == (((0,), (), (1,)), ((1,), (), (0,)))
    assert radix_of([rows, np.arange(12).reshape(3, 1, 4)], 12) is None  # 3 does not divide 4
    mixed = np.array([0, 1, 3, 2]).reshape(2, 1, 2)
    assert radix_of([mixed], 4) is None
    everything = dihedral(4)
    points = regular("regular", "D", everything)
    assert check((points,), (points,)) is not None
