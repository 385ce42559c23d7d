"""Steerable kernels: filters of the plane that turn into one another as a group tells.

A kernel K(u) maps one fibre to another at every point u of the plane, and the constraint is

    K(g u) = rho_out(g) K(u) rho_in(g)^-1        for every g of the group.

Its solutions are a radial profile times cos(m phi) and sin(m phi) with matrices for coefficients, for
each frequency m by itself: they are the equivariant maps from rho_in times the harmonics of frequency m
to rho_out. `dimension` counts them by characters, exactly; `patterns` finds a basis, exactly: phases are
whole parts of a circle and amplitudes whole numbers. Where every group element permutes the fibres, up to
signs, pairs of fibres fall into orbits, and a filter at one pair gives those at all pairs of its orbit.

In: two fibres as lists of representations of one group that turns the plane (`disc.plane_motions`), and a
frequency. Out: counts and patterns. Sources: Weiler, Hamprecht and Storath, *Learning Steerable Filters for
Rotation Equivariant CNNs* (2018); Weiler and Cesa, *General E(2)-Equivariant Steerable CNNs* (2019),
equation 5 and appendix C.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, prod

from eqspec.algebra import harmonics
from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.groups import Group
from eqspec.algebra.images import Monomial, explicit
from eqspec.algebra.products import dihedral_size
from eqspec.algebra.representations import (
    Representation,
    element_trace,
    tensor_product,
    word_image,
)

Fibre = Sequence[Representation]
LARGEST_FREQUENCY = harmonics.LARGEST_HARMONIC


@dataclass(frozen=True)
class Pattern:
    """A kernel without its radial profile: at (row, column) the sum of amplitude * cos(m phi - 2 pi
    phase / circle) over its entries (row, column, phase, amplitude)."""

    frequency: int
    circle: int
    entries: tuple[tuple[int, int, int, int], ...]


def rings_of(kernel: int, most: int | None = None) -> tuple[tuple[int, ...], ...]:
    """For every frequency m = 0, 1, ... the numbers of the rings that carry it.

    Ring j of an odd window has radius j, of an even one j + 1/2. A ring of radius r has some 2 pi r
    pixels, so frequencies above 2 r are not resolved; the outermost ring, which the window cuts, carries
    up to r. ``most`` is a frequency asked for: then every ring goes up to min(most, 2 r).
    """
    count = (kernel + 1) // 2
    radii = [Fraction(2 * j + 1 - kernel % 2, 2) for j in range(count)]
    highest = []
    for j, radius in enumerate(radii):
        if most is not None:
            highest.append(min(most, int(2 * radius)))
        else:
            highest.append(int(radius if j == count - 1 else 2 * radius))
    return tuple(tuple(j for j in range(count) if highest[j] >= m) for m in range(max(highest) + 1))


def is_permuted(fibre: Fibre) -> bool:
    """Does the group permute the entries of the fibre, up to signs?"""
    return all(rep.is_signed_permutation for rep in fibre)


def dimension(source: Fibre, target: Fibre, factor: str, group: Group, m: int) -> int:
    """How many kernels of frequency m there are for one radial profile. CannotCount beyond limits."""
    if m == 0:
        return hom_dimension(tuple(source), tuple(target))
    if group.order is None:
        harmonic = harmonics.irrep("harmonics", factor, group, m)
        return hom_dimension((*source, harmonic), tuple(target))
    n = dihedral_size(group) or group.order
    left, right = _multiplicities(source, factor, n), _multiplicities(target, factor, n)
    turns = sum(left[j] * (right[(j + m) % n] + right[(j - m) % n]) for j in range(n))
    # a mirror has trace 0 on cos and sin, so that it halves the count
    return turns if dihedral_size(group) is None else turns // 2


def _multiplicities(fibre: Fibre, factor: str, n: int) -> list[int]:
    """How often the character r -> exp(2 pi i j / n) is in the fibre, for j = 0 ... n-1: the character
    is rational, so its values at r^k depend on gcd(k, n), and the sums over each are Ramanujan's."""
    found = [Fraction(0)] * n
    for d in (d for d in range(1, n + 1) if n % d == 0):
        word = ((factor, ((0, d % n),)),) if d % n else ()
        value = Fraction(
            prod((Fraction(element_trace(rep, word)) for rep in fibre), start=Fraction(1))
        )
        for j in range(n):
            found[j] += value * _ramanujan(n // d, j)
    assert all(total.denominator == 1 or total % n == 0 for total in found)
    return [int(total / n) for total in found]


def _ramanujan(q: int, j: int) -> int:
    """The sum of exp(2 pi i a j / q) over a prime to q (Hardy and Wright, 16.6)."""
    return sum(d * _moebius(q // d) for d in range(1, q + 1) if gcd(q, j) % d == 0)


def _moebius(n: int) -> int:
    sign, p = 1, 2
    while n > 1:
        if n % (p * p) == 0:
            return 0
        if n % p == 0:
            n, sign = n // p, -sign
        p += 1
    return sign


# ---- bases --------------------------------------------------------------------------------------------


def patterns(
    source: Fibre, target: Fibre, factor: str, group: Group, m: int
) -> tuple[Pattern, ...]:
    """A basis of the kernels of frequency m.

    Every fibre of a finite group must be permuted, up to signs. SolverTooLarge and RoutesDisagree as
    `solver.solved_basis`, for infinite groups.
    """
    if group.order is None:
        return _solved(source, target, factor, group, m)
    return tuple(_by_orbits(source, target, factor, group, m))


def _solved(source: Fibre, target: Fibre, factor: str, group: Group, m: int) -> tuple[Pattern, ...]:
    """For groups whose harmonics have rational matrices, by the exact solver."""
    from eqspec.algebra.solver import solved_basis

    harmonic = [harmonics.irrep("harmonics", factor, group, m)] if m else []
    basis = solved_basis((*source, *harmonic), tuple(target))
    columns = prod(rep.degree for rep in source)
    found: list[Pattern] = []
    for matrix in basis.dense():
        entries: list[tuple[int, int, int, int]] = []
        for row, line in enumerate(matrix.reshape(-1, columns, 2 if m else 1)):
            for column, values in enumerate(line):
                for quarter, value in enumerate(values):
                    if value:
                        assert value == int(value), "the solver gives whole numbers"
                        phase = quarter + (2 if value < 0 else 0)
                        entries.append((row, column, phase, abs(int(value))))
        found.append(Pattern(m, 4, tuple(entries)))
    return tuple(found)


@dataclass(frozen=True)
class _Element:
    """The turn by k / n of the circle, after the mirror phi -> -phi if ``mirrored``."""

    k: int
    mirrored: bool
    target: Monomial
    source: Monomial

    def moved(self, row: int, column: int) -> tuple[int, int, bool]:
        """Where the pair goes, and whether its sign changes."""
        sign = self.target.signs[row] * self.source.signs[column]
        return self.target.images[row], self.source.images[column], sign < 0


def _elements(source: Fibre, target: Fibre, factor: str, group: Group) -> Iterator[_Element]:
    into = _together(target)
    out_of = _together(source)
    for word in group.elements():
        # r^k s: the mirror acts first
        k = sum(exponent for generator, exponent in word if generator == 0)
        mirrored = sum(exponent for generator, exponent in word if generator == 1) % 2 == 1
        pair = []
        for rep in (into, out_of):
            if rep is None:
                pair.append(Monomial((0,), (1,)))
                continue
            image = explicit(word_image(rep, factor, word))
            assert isinstance(image, Monomial)
            pair.append(image)
        yield _Element(k, mirrored, pair[0], pair[1])


def _together(fibre: Fibre) -> Representation | None:
    """The tensor product of the axes of a fibre, row by row."""
    if len(fibre) == 1:
        return fibre[0]
    return tensor_product("fibre", tuple(fibre)) if fibre else None


def _by_orbits(
    source: Fibre, target: Fibre, factor: str, group: Group, m: int
) -> Iterator[Pattern]:
    """The kernel at the first pair of an orbit is a filter that its stabiliser keeps: any, one phase, or
    none. Phases are counted in parts of a circle of 4 n."""
    n = dihedral_size(group) or group.order
    assert n is not None
    circle = 4 * n
    elements = list(_elements(source, target, factor, group))
    rows, columns = prod(rep.degree for rep in target), prod(rep.degree for rep in source)
    seen: set[tuple[int, int]] = set()
    for row in range(rows):
        for column in range(columns):
            if (row, column) in seen:
                continue
            orbit: dict[tuple[int, int], tuple[_Element, bool]] = {}
            fixing: list[tuple[_Element, bool]] = []
            for g in elements:
                *to, changed = g.moved(row, column)
                pair = (to[0], to[1])
                orbit.setdefault(pair, (g, changed))
                if pair == (row, column):
                    fixing.append((g, changed))
            seen.update(orbit)
            for phase in _phases(fixing, m, n):
                entries = [
                    (*pair, _moved_phase(g, changed, phase, m, n), 1)
                    for pair, (g, changed) in orbit.items()
                ]
                yield Pattern(m, circle, tuple(sorted(entries)))


def _phases(fixing: Sequence[tuple[_Element, bool]], m: int, n: int) -> list[int]:
    """The phases t for which cos(m phi - t) is kept by the elements that fix a pair, with its sign."""
    circle = 4 * n
    if m == 0:
        return [] if any(changed for _, changed in fixing) else [0]
    for g, changed in fixing:
        if not g.mirrored and (4 * m * g.k + (2 * n if changed else 0)) % circle:
            return []
    # cos(m (a - phi) - t) = +- cos(m phi - t): 2 t is m a, and half a circle more for the minus
    mirrors = {
        (2 * m * g.k + (n if changed else 0)) % (2 * n) for g, changed in fixing if g.mirrored
    }
    if len(mirrors) > 1:
        return []
    return [mirrors.pop()] if mirrors else [0, n]


def _moved_phase(g: _Element, changed: bool, phase: int, m: int, n: int) -> int:
    """The phase of u -> cos(m phi(g^-1 u) - phase), with its sign."""
    moved = 4 * m * g.k + (-phase if g.mirrored else phase) + (2 * n if changed else 0)
    return moved % (4 * n)
