"""Steerable kernels: the constraint holds in the plane, there are as many as the theory counts, and what is
not built or not symmetric is refused."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import pytest
from numpy.typing import NDArray

from eqspec.algebra import constructors, harmonics
from eqspec.algebra.disc import plane_motions
from eqspec.algebra.families import classical_group, cyclic, dihedral
from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Representation
from eqspec.algebra.steerable import dimension, patterns, rings_of
from eqspec.diagnostics.model import Severity, Source
from eqspec.pipeline import check_source
from eqspec.program.acting import floats
from eqspec.program.filters import Harmonics, angular_at, part_samples, profiles_at

Array = NDArray[np.float64]
FINITE = [cyclic(8), cyclic(5), cyclic(6), dihedral(3), dihedral(5), dihedral(8)]
CLASSICAL = [classical_group(name, 2) for name in ("special_orthogonal", "orthogonal")]


def fibres(group: Group) -> list[list[Representation]]:
    """Some fibres, the empty one included."""
    if group.order is None:
        made = [harmonics.irrep(f"i{k}", "G", group, k) for k in range(4)]
        vector = constructors.vector("v", "G", group)
        tensor = constructors.tensor("t", "G", group, 2, 0)
        sign = [[vector.pseudoscalar()]] if group.family == "orthogonal" else []
        return [[], *([rep] for rep in made), [vector, vector], [tensor], *sign]
    regular = constructors.regular("r", "G", group)
    found = [[], [regular]]
    if group.order <= 8:
        found.append([regular, constructors.trivial("t", "G", group)])
    if group.family == "dihedral" or group.order % 2 == 0:
        found += [[constructors.sign("s", "G", group)]]
        found += [[regular, constructors.sign("s", "G", group)]]
    return found


def plane(group: Group, generator: int) -> Array:
    """What a generator does to (row, column)."""
    motions = plane_motions(group)
    assert motions is not None
    turn, mirrored = motions[generator]
    angle = (
        np.arctan2(float(turn[1]), float(turn[0])) if isinstance(turn, tuple) else 2 * np.pi * turn
    )
    c, s = np.cos(float(angle)), np.sin(float(angle))
    return np.array([[c, -s], [s, c]]) @ np.diag([1.0, -1.0 if mirrored else 1.0])


def matrix(fibre: list[Representation], generator: int) -> Array:
    made = np.eye(1)
    for rep in fibre:
        made = np.kron(made, floats(rep.any_image("G", generator)))
    return made


def kernels(part: Harmonics, rows: int, columns: int, points: Array) -> Array:
    """Every kernel at every point: (patterns, rings, points, rows, columns)."""
    waves = angular_at(points, part, rows * columns)
    rings = profiles_at(points, part.rings, 5, part.frequency)
    made = np.einsum("rn,bpn->brnp", rings, waves)
    return made.reshape(*made.shape[:3], rows, columns)


def parts(
    group: Group, source: list[Representation], target: list[Representation]
) -> Iterator[Harmonics]:
    columns = prod(rep.degree for rep in source)
    for m in range(7):
        found = patterns(source, target, "G", group, m)
        assert len(found) == dimension(source, target, "G", group, m), (group, m)
        if found:
            entries = tuple(
                (number, row * columns + column, phase, amplitude)
                for number, pattern in enumerate(found)
                for row, column, phase, amplitude in pattern.entries
            )
            yield Harmonics(m, (0, 1, 2), found[0].circle, len(found), entries)


@pytest.mark.parametrize("group", [*FINITE, *CLASSICAL], ids=lambda g: g.description)
def test_kernels_obey_the_constraint_at_every_point_of_the_plane(group: Group) -> None:
    """K(g u) = rho(g) K(u) rho(g)^-1 for all generators, at random points; the kernels are independent, as many
    as characters count; and with one phase moved they break the constraint."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-3, 3, (24, 2))
    for source in fibres(group):
        for target in fibres(group):
            rows, columns = prod(r.degree for r in target), prod(r.degree for r in source)
            if rows * columns > 300:
                continue
            for part in parts(group, source, target):
                here = kernels(part, rows, columns, points)
                flat = here[:, 1].reshape(part.patterns, -1)
                assert np.linalg.matrix_rank(flat) == part.patterns
                worst = 0.0
                number, place, phase, amplitude = part.entries[-1]
                moved = (number, place, phase + 1, amplitude)
                wrong = Harmonics(
                    part.frequency,
                    part.rings,
                    part.circle,
                    part.patterns,
                    (*part.entries[:-1], moved),
                )
                for g in range(len(group.generators)):
                    there = points @ plane(group, g).T
                    left, right = matrix(target, g), np.linalg.inv(matrix(source, g))
                    law = left @ here @ right
                    assert np.abs(kernels(part, rows, columns, there) - law).max() < 1e-12
                    broken = left @ kernels(wrong, rows, columns, points) @ right
                    found = np.abs(kernels(wrong, rows, columns, there) - broken).max()
                    worst = max(worst, float(found))
                if part.frequency and rows * columns > 1:  # one scalar filter may have any phase
                    assert worst > 1e-2, (group.description, part.frequency)


def test_as_many_kernels_as_the_theory_says() -> None:
    """Regular fields of C_n and D_n: |G| kernels of frequency 0 and 2 |G| of every other (D_n: the mirrors tie
    cos and sin, and there are twice as many pairs); from scalars to scalars only multiples of n; between irreducible
    fields of SO(2) two for each of |m - k| and m + k (Weiler and Cesa, tables 8 to 12)."""
    for group in FINITE:
        order, n = (
            group.order,
            group.parameters[0] if group.family == "cyclic" else group.order // 2,
        )
        regular = [constructors.regular("r", "G", group)]
        counts = [dimension(regular, regular, "G", group, m) for m in range(5)]
        assert counts == [order, *[2 * order] * 4]
        single = 1 if group.family == "dihedral" else 2
        for m in range(1, 13):
            assert dimension([], [], "G", group, m) == (single if m % n == 0 else 0)
            assert dimension([], regular, "G", group, m) == 2
    rotations, mirrored = CLASSICAL
    for k in range(5):
        for m in range(5):
            for group, times in ((rotations, 2), (mirrored, 1)):
                source = [harmonics.irrep("a", "G", group, k)]
                target = [harmonics.irrep("b", "G", group, m)]
                found = {j: dimension(source, target, "G", group, j) for j in range(10)}
                wanted = dict.fromkeys(range(10), 0)
                if k and m:
                    wanted[abs(k - m)] += times
                    wanted[k + m] += times
                else:
                    wanted[k + m] += times if k + m else 1
                assert found == wanted, (group.description, k, m)


def test_which_rings_carry_which_frequencies() -> None:
    assert rings_of(1) == ((0,),)
    assert rings_of(3) == ((0, 1), (1,))
    assert rings_of(5) == ((0, 1, 2), (1, 2), (1, 2))
    assert rings_of(7)[4] == (2,) and rings_of(7)[3] == (2, 3) and len(rings_of(7)) == 5
    assert rings_of(5, 4) == ((0, 1, 2), (1, 2), (1, 2), (2,), (2,))
    assert rings_of(5, 0) == ((0, 1, 2),)
    assert rings_of(4) == ((0, 1), (0, 1))


def test_sampled_filters_are_exact_under_quarter_turns_to_the_last_bit() -> None:
    """A turn of the window by a quarter is a shift of the fibres by two of eight, in the rounded numbers."""
    group = cyclic(8)
    regular = [constructors.regular("r", "G", group)]
    for window in (3, 4, 5, 7):
        for part in parts(group, [], regular):
            part = Harmonics(part.frequency, (1,), part.circle, part.patterns, part.entries)
            bank = np.round(part_samples(part, window, 8) * 2**20)
            turned = np.rot90(bank, 1, (-2, -1))
            assert np.array_equal(turned, np.roll(bank, -2, 1)) or np.array_equal(
                turned, np.roll(bank, 2, 1)
            )


HEAD = """eqspec 1
group G = cyclic(8)
group T = cyclic(3)
group S = symmetric(3)
group R = special_orthogonal(2)
group D4 = dihedral(4)
"""
INPUTS = """
  input x: [2, G.regular, G.disc(9, 9)]
  input s: [2, G.disc(9, 9)]
  input e: [2, G.disc(10, 10)]
  input v: [2, R.vector, R.disc(9, 9)]
  input t: [2, T.irrep(1), T.disc(9, 9)]
  input q: [2, S.natural, G.disc(9, 9)]
  input p: [2, D4.grid(9, 9)]
"""
LEGAL = [
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=5, padding=2)",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, s, kernel=5, padding=same)",
    "output y: [G.regular, 3, G.disc(5, 5)] = steerable_conv2d(x, kernel=3, padding=1, stride=2)",
    "output y: [G.disc(5, 5)] = steerable_conv2d(e, kernel=4, padding=1, stride=2)",
    "output y: [3, G.disc(9, 9)] + [G.regular, G.disc(9, 9)] = steerable_conv2d(x, kernel=1)",
    "output y: [R.irrep(3), R.disc(5, 5)] = steerable_conv2d(v, kernel=5, frequencies=4)",
    "output y: [R.tensor(2, 0), R.disc(7, 7)] = steerable_conv2d(v, kernel=3, bias=true)",
]
REFUSED = {
    "output y: [3, G.disc(5, 5)] = steerable_conv2d(e, kernel=3, padding=1, stride=2)": "EQS461",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=[3, 5], padding=1)": "EQS462",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=4, padding=same)": "EQS461",
    "output y: [3, G.disc(8, 8)] = steerable_conv2d(x, kernel=3, padding=1)": "EQS465",
    "output y: [3, 9, 9] = steerable_conv2d(x, kernel=3, padding=1)": "EQS465",
    "output y: [3, R.disc(9, 9)] = steerable_conv2d(x, kernel=3, padding=1)": "EQS465",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(p, kernel=3, padding=1)": "EQS478",
    "output y: [3, T.disc(9, 9)] = steerable_conv2d(t, kernel=3, padding=1)": "EQS478",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(q, kernel=3, padding=1)": "EQS210",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=3, padding=1, frequencies=3)": "EQS479",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=15, padding=7)": "EQS210",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, kernel=13)": "EQS463",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(x, padding=1)": "EQS207",
    "output y: [R.irrep(4), R.disc(9, 9)] = steerable_conv2d(v, kernel=3, padding=1)": "EQS402",
    "output y: [R.vector, R.disc(7, 7)] = steerable_conv2d(v, kernel=3, bias=true)": "EQS404",
    "output y: [3, D4.grid(7, 7)] = conv2d(s, kernel=3)": "EQS477",
    "output y: [3, G.disc(7, 7)] = conv2d(x, kernel=3)": "EQS477",
    "output y: [400, G.regular, G.disc(9, 9)] = steerable_conv2d(x, kernel=3, padding=1)\n"
    " output z: [900, G.regular, G.disc(9, 9)] = steerable_conv2d(y, kernel=5, padding=2)": "EQS413",
    "output y: [3, G.disc(9, 9)] = steerable_conv2d(s, kernel=3, padding=1)\n"
    " ensure y exactly equivariant under G": "EQS406",
}


def test_what_is_accepted_and_what_is_refused() -> None:
    for body, codes in [(body, []) for body in LEGAL] + [(b, [c]) for b, c in REFUSED.items()]:
        text = f"{HEAD}module M {{{INPUTS}{body}\n}}\n"
        found = check_source(Source("spec.eqs", text)).diagnostics
        assert [d.code for d in found if d.severity is Severity.ERROR][:1] == codes, body
