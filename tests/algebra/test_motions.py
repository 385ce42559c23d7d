"""Motions of positions: read from the words, never from the matrices, and taken to other sizes."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from algebra_cases import representations_of, small_groups

from eqspec.algebra import constructors, lattice
from eqspec.algebra.families import (
    cyclic,
    dihedral,
    full_octahedral,
    klein,
    matrix_group,
    octahedral,
)
from eqspec.algebra.homomorphism import homomorphism_fault
from eqspec.algebra.images import LatticeMap, rows_of
from eqspec.algebra.lattice import Motion, motions, resized, window
from eqspec.algebra.representations import Representation, RepresentationError, element_image
from eqspec.algebra.restriction import restricted

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)
SIZES = (1, 2, 3, 4, 6)


def by_ops(rep: Representation, factor: str, generator: int, x: np.ndarray) -> np.ndarray:
    """A generator in NumPy's words."""
    words: dict[str, Callable[..., np.ndarray]] = {
        "rot90": np.rot90,
        "flip": np.flip,
        "roll": np.roll,
        "transpose": lambda x, dims: np.swapaxes(x, *dims),
        "movedim": np.moveaxis,
    }
    for name, *arguments in rep.lattice_ops(factor, generator) or ():
        x = words[name](x, *arguments)
    return x


def by_image(rep: Representation, factor: str, generator: int, x: np.ndarray) -> np.ndarray:
    image = rep.any_image(factor, generator)
    assert isinstance(image, LatticeMap)
    y = np.empty(x.size)
    y[list(image.monomial.images)] = x.reshape(-1)
    return y.reshape(x.shape)


def by_motion(motion: Motion, x: np.ndarray) -> np.ndarray:
    """The definition, position by position."""
    y = np.empty_like(x)
    for c in np.ndindex(*x.shape):
        to = [0] * x.ndim
        for d, (axis, sign, roll) in enumerate(
            zip(motion.axes, motion.signs, motion.rolls, strict=True)
        ):
            to[axis] = ((c[d] if sign > 0 else x.shape[d] - 1 - c[d]) + roll) % x.shape[d]
        y[tuple(to)] = x[c]
    return y


def spatial_representations() -> list[Representation]:
    found = [rep for group in small_groups() for rep in representations_of("g", group)]
    return [rep for rep in found if rep.spatial]


def test_motions_words_and_matrices_are_one_action_at_every_size() -> None:
    made = refused = 0
    for rep in spatial_representations():
        for sizes in itertools.product(SIZES, repeat=len(rep.shape)):
            try:
                other = resized(rep, sizes)
            except RepresentationError:
                refused += 1
                continue
            made += 1
            assert other.spatial
            assert other.shape == sizes
            assert homomorphism_fault(other) is None
            x = np.arange(float(np.prod(sizes))).reshape(sizes)
            for motion, same in zip(motions(other), motions(rep), strict=True):
                assert motion == same
                moved = by_ops(other, motion.factor, motion.generator, x)
                assert np.array_equal(moved, by_motion(motion, x))
                assert np.array_equal(moved, by_image(other, motion.factor, motion.generator, x))
            assert resized(other, rep.shape) == rep  # there and back
    assert made > 300
    assert refused > 300


def test_a_resized_representation_is_the_one_a_user_would_write() -> None:
    pairs = [
        (lattice.grid("G.grid(5, 5)", "G", D4, 5, 5), "grid", (3, 3), "G.grid(3, 3)"),
        (lattice.grid("G.grid(4, 7)", "G", klein(), 4, 7), "grid", (9, 1), "G.grid(9, 1)"),
        (lattice.hflip("G.hflip(4, 7)", "G", C2, 4, 7), "hflip", (2, 2), "G.hflip(2, 2)"),
        (lattice.reverse("G.reverse(8)", "G", C2, 8), "reverse", (3,), "G.reverse(3)"),
        (lattice.rot90("A.G.rot90(8, 8)", "G", C4, 8, 8), "rot90", (1, 1), "A.G.rot90(1, 1)"),
    ]
    for rep, name, sizes, label in pairs:
        other = resized(rep, sizes)
        written = lattice.LATTICE[name](label, "G", rep.group("G"), *sizes)
        assert other == written
        assert other.label == label
        assert motions(other) == motions(written)
    squares = resized(lattice.transpose("G.transpose(4)", "G", C2, 4), (6, 6))
    assert squares == lattice.transpose("", "G", C2, 6)
    assert squares.label == "G.transpose(6)"


def refuses(make: Callable[[], object], *words: str) -> None:
    with pytest.raises(RepresentationError) as error:
        make()
    for word in words:
        assert word in error.value.message


def test_what_is_no_motion_at_another_size_is_refused() -> None:
    turn = lattice.rot90("G.rot90(1, 1)", "G", C2, 1, 1)  # on one pixel a quarter turn is 1
    assert resized(turn, (1, 1)) is turn
    refuses(lambda: resized(turn, (3, 3)), "G.rot90(3, 3)", "r^2 = 1 of cyclic(2)")
    refuses(lambda: window(turn, (3, 3)), "r^2 = 1")
    refuses(lambda: resized(turn, (2, 2)), "r^2 = 1")
    single = lattice.reverse("G.reverse(1)", "G", cyclic(3), 1)  # a flip has order 2
    refuses(lambda: resized(single, (3,)), "r^3 = 1")
    circle = lattice.shift("G.shift(8)", "G", cyclic(8), 8)
    refuses(lambda: resized(circle, (4,)), "a shift of 8 entries is none of 4")
    refuses(lambda: resized(lattice.shift("", "G", cyclic(2), 1), (2,)), "shift of 1 entries")
    board = lattice.grid("G.grid(5, 5)", "G", D4, 5, 5)
    refuses(lambda: resized(board, (5, 7)), "G.r exchanges dimensions of 5 and 7 entries")
    refuses(lambda: resized(lattice.transpose("", "G", C2, 4), (4, 5)), "exchanges")
    refuses(lambda: resized(board, (0, 0)), "sizes are at least 1")


def test_small_sizes_keep_what_was_meant() -> None:
    """On two entries a flip is a roll and both are equal values; their motions differ."""
    roll, flip = lattice.shift("", "G", C2, 2), lattice.reverse("", "G", C2, 2)
    assert roll == flip
    assert [m.rolls for m in motions(roll)] == [(1,)]
    assert [m.signs for m in motions(flip)] == [(-1,)]
    refuses(lambda: resized(roll, (5,)), "shift of 2")
    assert resized(flip, (5,)) == lattice.reverse("", "G", C2, 5)
    factors = frozenset({"G"})  # equal values share no entry of a cache
    assert motions(restricted(roll, factors)) == motions(roll)
    assert motions(restricted(flip, factors)) == motions(flip)
    assert motions(restricted(flip, frozenset())) == ()
    turned = lattice.grid("", "G", klein(), 2, 2)
    assert motions(resized(turned, (4, 9))) == motions(lattice.grid("", "G", klein(), 4, 9))


def test_a_window_has_the_motions_without_their_rolls() -> None:
    circle = window(lattice.shift("", "G", cyclic(8), 8), (3,))
    assert circle.factors == frozenset()
    assert circle.spatial
    assert window(lattice.grid("", "G", D4, 9, 9), (3, 3)) == lattice.grid("", "G", D4, 3, 3)
    assert window(lattice.reverse("", "G", C2, 9), (4,)) == lattice.reverse("", "G", C2, 4)
    refuses(lambda: window(lattice.grid("", "G", D4, 9, 9), (3, 5)), "exchanges")


def signed_permutation(rng: np.random.Generator, n: int) -> list[list[int]]:
    rows = np.eye(n, dtype=int)[rng.permutation(n)] * rng.choice([1, -1], size=n)
    return [[int(v) for v in row] for row in rows]


def test_the_entry_at_a_centred_position_goes_where_the_matrix_sends_it() -> None:
    """`grid` and `vector` of the same group agree, for random groups and sizes, by the definition."""
    rng = np.random.default_rng(0)
    groups = [octahedral(), full_octahedral()]
    for n in (1, 1, *(2,) * 8, *(3,) * 20, *(4,) * 4):
        groups.append(
            matrix_group(
                n, {name: signed_permutation(rng, n) for name in "ab"[: rng.integers(1, 3)]}
            )
        )
    made = refused = 0
    for group in groups:
        vector = constructors.vector("", "G", group)
        n = vector.degree
        for sizes in ((3,) * n, (2,) * (n + 1), tuple(int(v) for v in rng.integers(1, 4, size=n))):
            matrices = [
                np.array(rows_of(vector.image("G", g)), dtype=int)
                for g in range(len(group.generators))
            ]
            last = np.array(sizes[-n:])
            possible = all(np.array_equal(abs(m) @ last, last) for m in matrices)
            if not possible:
                refused += 1
                refuses(lambda s=sizes, g=group: lattice.grid("", "G", g, *s), "exchanges axes of")
                continue
            made += 1
            rep = lattice.grid("G.grid", "G", group, *sizes)
            assert homomorphism_fault(rep) is None
            x = np.arange(float(np.prod(sizes))).reshape(sizes)
            for g, matrix in enumerate(matrices):
                y = np.empty_like(x)
                for c in np.ndindex(*sizes):
                    moved = (matrix @ (2 * np.array(c[-n:]) - last + 1) + last - 1) // 2
                    y[(*c[:-n], *moved)] = x[c]
                assert np.array_equal(by_image(rep, "G", g, x), y)
                assert np.array_equal(by_ops(rep, "G", g, x), y)
    assert made > 60
    assert refused > 8


def test_symmetries_of_the_cube() -> None:
    for group, order in ((octahedral(), 24), (full_octahedral(), 48)):
        rep = lattice.grid("G.grid(3, 3, 3)", "G", group, 3, 3, 3)
        assert [rep.lattice_ops("G", g) for g in (0, 1)] == [
            (("rot90", 1, (-2, -1)),),
            (("transpose", (-3, -2)), ("transpose", (-3, -1))),
        ]
        assert len({element_image(rep, (("G", word),)) for word in group.elements()}) == order
        assert resized(rep, (5, 5, 5)) == lattice.grid("", "G", group, 5, 5, 5)
        refuses(lambda r=rep: resized(r, (5, 5, 7)), "exchanges")
        refuses(lambda g=group: lattice.grid("", "G", g, 4, 4), "needs at least 3 sizes")
    assert rep.lattice_ops("G", 2) == (("flip", (-3, -2, -1)),)
    hexagon = matrix_group(2, {"q": [[0, -1], [1, 1]]})
    refuses(lambda: lattice.grid("", "G", hexagon, 3, 3), "q of", "no signed permutation")


def test_only_positions_are_spatial() -> None:
    assert not constructors.regular("", "G", C4).spatial  # a roll as well, of no positions
    assert lattice.shift("", "G", C4, 4).spatial
    assert constructors.regular("", "G", C4) == lattice.shift("", "G", C4, 4)
    board = lattice.grid("", "G", D4, 5, 5)
    assert board.dual().spatial
    for other in (board.pseudoscalar(), board.axial(), board.select(range(25))):
        assert not other.spatial
    for make in (motions, lambda rep: resized(rep, (3,)), lambda rep: window(rep, (3,))):
        with pytest.raises(ValueError, match="no axis of positions"):
            make(constructors.regular("", "G", C4))
    with pytest.raises(ValueError, match="2 dimensions, 1 sizes given"):
        resized(board, (3,))
