"""Dimensions with known answers, by characters and by the solver; every basis checked exactly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from math import comb, factorial

import pytest
from algebra_cases import HEXAGON, TRIANGLE, WORLD, plane, quadruped, signed

from eqspec.algebra import constructors, lattice
from eqspec.algebra.counting import (
    CannotCount,
    Cluster,
    clusters,
    coinvariants_dimension,
    hom_dimension,
    invariants_dimension,
    stirling,
)
from eqspec.algebra.diagrams import set_partitions
from eqspec.algebra.families import (
    alternating,
    cyclic,
    dihedral,
    matrix_group,
    permutation_group,
    symmetric,
)
from eqspec.algebra.images import Monomial, matrix
from eqspec.algebra.multiaverage import multi_average_report
from eqspec.algebra.representations import (
    Representation,
    Term,
    direct_sum,
    element_trace,
    from_images,
    tensor_product,
)
from eqspec.algebra.solver import DenseBasis, OrbitBasis, check_basis, hom_basis, kron_bases

C2, C3, C4 = cyclic(2), cyclic(3), cyclic(4)


def regular(factor: str, n: int) -> Representation:
    return constructors.regular(f"{factor}.regular", factor, cyclic(n))


def points(n: int) -> Representation:
    return constructors.natural("S.natural", "S", symmetric(n))


def even(n: int) -> Representation:
    return constructors.natural("A.natural", "A", alternating(n))


def plain(size: int) -> Representation:
    return Representation(str(size), (), size, (size,))


def both(source: Sequence[Representation | int], target: Sequence[Representation | int]) -> int:
    """The dimension by the two routes, which must agree; the basis is checked on the generators."""
    parts = [[plain(a) if isinstance(a, int) else a for a in axes] for axes in (source, target)]
    basis = hom_basis(*parts)
    assert check_basis(basis, *parts)
    assert len(basis) == hom_dimension(source, target)
    return len(basis)


def bell(k: int) -> int:
    return sum(stirling(k, b) for b in range(k + 1))


def test_fusion_edge() -> None:
    assert both([2, regular("a", 4)], [3, regular("b", 3)]) == 6


def test_external_products_multiply() -> None:
    s3 = constructors.natural("", "S", symmetric(3))
    square = constructors.natural("", "S", symmetric(3))
    source, target = [regular("C", 4), s3], [regular("C", 4), s3]
    assert both(source, target) == 4 * 2
    assert both([regular("C", 4), s3], [regular("C", 4), s3, square]) == 4 * 5


def test_multi_input_linear_layer_of_c4_and_s3() -> None:
    """Two inputs, two outputs: 22 = 10 + 4 + 2 + 6, two of the four edges fuse."""
    turn, group = regular("C", 4), symmetric(3)
    s3, whole = constructors.natural("", "S", group), constructors.regular("", "S", group)
    x1, y1 = direct_sum("", [Term((turn,)), Term((1,))]), direct_sum("", [Term((2, turn))])
    x2, y2 = direct_sum("", [Term((2, s3))]), whole
    edges = [both([x1], [y1]), both([x2], [y1]), both([x1], [y2]), both([x2], [y2])]
    assert edges == [10, 4, 2, 6]
    x, y = (direct_sum("", [Term((a,)), Term((b,))]) for a, b in ((x1, x2), (y1, y2)))
    assert both([x], [y]) == 22


def test_external_product_of_c4_and_s3() -> None:
    """40 = 10 x 4."""
    turn, s3 = regular("C", 4), constructors.natural("", "S", symmetric(3))
    x1, y1 = direct_sum("", [Term((turn,)), Term((1,))]), direct_sum("", [Term((2, turn))])
    assert both([x1, s3], [y1, 2, s3]) == 40


@pytest.mark.parametrize(("n", "expected"), [(1, 1), (2, 8), (3, 14), (4, 15), (5, 15), (6, 15)])
def test_sets_order_two_to_two(n: int, expected: int) -> None:
    assert both([points(n), points(n)], [points(n), points(n)]) == expected


def test_sets_order_two_to_less() -> None:
    for n in (3, 4, 5):
        assert both([points(n)] * 2, [points(n)]) == 5
        assert both([points(n)] * 2, []) == 2
    assert both([points(2)] * 2, []) == 2
    assert both([points(2)] * 2, [points(2)]) == 4


@pytest.mark.parametrize("k", range(8))
def test_sets_bell_numbers(k: int) -> None:
    assert invariants_dimension([points(1000)] * k) == bell(k) == [1, 1, 2, 5, 15, 52, 203, 877][k]
    if k <= 4:
        assert both([points(k or 1)] * k, []) == bell(k)


@pytest.mark.parametrize(("n", "expected"), [(3, 27), (4, 22), (5, 16), (6, 15)])
def test_alternating_order_two_to_two(n: int, expected: int) -> None:
    assert both([even(n), even(n)], [even(n), even(n)]) == expected
    assert hom_dimension([even(1000)] * 2, [even(1000)] * 2) == 15


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_signs_of_the_symmetric_group(n: int, k: int) -> None:
    sign = constructors.sign("", "S", symmetric(n))
    assert both([sign], [points(n)] * k) == len(hom_basis([sign], [points(n)] * k))


def test_set_partitions_agree_with_cycle_types() -> None:
    for n, k in ((3, 3), (4, 3), (5, 2), (6, 3)):
        listed = permutation_group(n, {"t": (1, 0, *range(2, n)), "c": (*range(1, n), 0)})
        other = constructors.natural("", "S", listed)
        assert invariants_dimension([other] * k) == invariants_dimension([points(n)] * k)


def test_a_representation_of_a_large_symmetric_group_by_cycle_types() -> None:
    group = symmetric(12)
    doubled = direct_sum("", [Term((points(12),)), Term((points(12),))])
    written = from_images(
        "", (("S", group),), 12, {("S", g): points(12).image("S", g) for g in range(2)}
    )
    standard = from_images(
        "", (("S", group),), 24, {("S", g): doubled.image("S", g) for g in range(2)}
    )
    assert hom_dimension([written], [standard]) == 4
    assert hom_dimension([standard], [standard]) == 8


def test_cartpole() -> None:
    state = from_images(
        "state", (("Mirror", C2),), 4, {("Mirror", 0): signed((0, 1, 2, 3), (-1,) * 4)}
    )
    action = from_images("action", (("Mirror", C2),), 2, {("Mirror", 0): signed((1, 0))})
    assert both([state], [action]) == 4
    assert both([state], []) == 0
    forgotten = from_images(
        "state", (("Mirror", C2),), 4, {("Mirror", 0): signed((0, 1, 2, 3), (-1, -1, -1, 1))}
    )
    assert both([forgotten], []) == 1


@pytest.mark.parametrize(
    ("omega", "expected"), [(WORLD.axial(), (144, 580, 11, 37)), (WORLD, (144, 588, 13, 39))]
)
def test_quadruped(omega: Representation, expected: tuple[int, ...]) -> None:
    observation, action, command = quadruped(omega)
    assert (observation.degree, action.degree, command.degree) == (48, 12, 3)
    found = tuple(both([observation], to) for to in ([action], [observation], [], [command]))
    assert found == expected


def test_quadruped_signed_permutations() -> None:
    """Golden data: a forgotten sign on a freely permuted joint changes no dimension."""
    observation, _, _ = quadruped(WORLD.axial())
    swaps = {"Sagittal": (2, 3, 0, 1), "Front": (1, 0, 3, 2)}  # legs LF LH RF RH
    head = {
        "Sagittal": (1, -1, 1, -1, 1, -1, 1, -1, 1, 1, -1, -1),
        "Front": (-1, 1, 1, 1, -1, -1, -1, 1, 1, -1, 1, -1),
    }
    joint = {"Sagittal": (-1, 1, 1), "Front": (1, -1, -1)}  # HAA HFE KFE
    for factor, legs in swaps.items():
        image = observation.image(factor, 0)
        assert isinstance(image, Monomial)
        blocks = [12 + 4 * block + leg for block in range(9) for leg in legs]
        assert image.images == (*range(12), *blocks)
        assert image.signs == head[factor] + tuple(s for s in joint[factor] for _ in range(4)) * 3


def test_board() -> None:
    board = lattice.grid("D4.grid", "D4", dihedral(4), 19, 19)
    assert both([board], [board]) == 16_471


def test_one_real_irreducible_that_is_no_external_product() -> None:
    """R^2 under C3 x C3, both turning by 120 degrees: End has dimension 2, not 2 x 2."""
    turn = matrix([[0, -1], [1, -1]])
    groups = (("A", C3), ("B", C3))
    tied = from_images("tied", groups, 2, {("A", 0): turn, ("B", 0): turn})
    assert both([tied], [tied]) == 2
    a, b = (plane(f, C3, [[0, -1], [1, -1]]) for f in "AB")
    assert both([a, b], [a, b]) == 4
    assert both([a, b], [tied]) == 2


def test_an_axis_that_ties_factors_makes_one_cluster() -> None:
    flips = {f: lattice.hflip("", f, C2, 3) for f in "abc"}

    def tie(one: str, other: str) -> Representation:
        images = {(one, 0): signed((1, 0, 2)), (other, 0): signed((1, 0, 2))}
        return from_images("", ((one, C2), (other, C2)), 3, images)

    ab, bc = tie("a", "b"), tie("b", "c")
    assert clusters([ab, 5, flips["a"]], [bc]) == (Cluster(("a", "b", "c"), (0, 2), (0,)),)
    assert clusters([flips["a"], flips["b"]], [flips["b"], 7]) == (
        Cluster(("a",), (0,), ()),
        Cluster(("b",), (1,), (0,)),
    )
    assert clusters([4], []) == ()
    both([ab, flips["c"]], [bc])


def test_matrices_that_are_not_orthogonal() -> None:
    hexagon = constructors.vector("", "H", matrix_group(2, HEXAGON))
    triangle = constructors.vector("", "T", matrix_group(2, TRIANGLE))
    co = constructors.covector("", "T", matrix_group(2, TRIANGLE))
    assert both([hexagon], [hexagon]) == 2
    assert both([triangle], [triangle]) == 1
    assert both([triangle], [co]) == 1
    assert both([triangle] * 2, [triangle]) == 1
    assert (
        both([triangle] * 3, [triangle] * 2) == comb(4, 2) - 1
    )  # S3: (chi_2)^5 holds 1 five times
    assert coinvariants_dimension([triangle]) == invariants_dimension([triangle]) == 0
    mixed = direct_sum("", [Term((2, triangle)), Term((co, co)), Term((3,))])
    basis = hom_basis([mixed], [mixed])
    assert isinstance(basis, DenseBasis)
    assert both([mixed], [mixed]) == len(basis)
    scaled = constructors.vector("", "M", matrix_group(2, {"q": [[0, 2], [Fraction(1, 2), 0]]}))
    assert both([scaled], [scaled]) == 2


def test_several_clusters_with_dense_parts() -> None:
    triangle = constructors.vector("", "T", matrix_group(2, TRIANGLE))
    turn = regular("C", 4)
    assert both([turn, triangle, 2], [triangle, 3, turn, points(3)]) == 4 * 1 * 2 * 3 * 1
    assert isinstance(hom_basis([turn], [turn]), OrbitBasis)


def test_kronecker_of_bases() -> None:
    a, b = hom_basis([regular("A", 3)], [regular("A", 3)]), hom_basis([points(3)], [points(3)])
    joint = kron_bases(a, b)
    assert len(joint) == 6
    assert check_basis(joint, [regular("A", 3), points(3)], [regular("A", 3), points(3)])
    direct = hom_basis([regular("A", 3), points(3)], [regular("A", 3), points(3)])
    assert isinstance(joint, OrbitBasis)
    assert isinstance(direct, OrbitBasis)
    assert (joint.labels == direct.labels).all()


def test_degenerate_sizes() -> None:
    assert both([], []) == 1
    assert both([7], [3]) == 21
    assert both([regular("a", 1)], [regular("a", 1)]) == 1
    assert both([points(1)] * 3, [points(1)]) == 1
    assert both([lattice.rot90("", "g", C4, 1, 1)], [5]) == 5
    assert both([direct_sum("", [])], [3]) == 0


def test_orbits_are_counted_where_the_group_is_too_large_to_list() -> None:
    order = 10
    group = permutation_group(order, {"t": (1, 0, *range(2, order)), "c": (*range(1, order), 0)})
    rep = constructors.natural("", "G", group)
    assert both([rep], [rep]) == 2
    assert both([rep, rep], [rep]) == 5
    with pytest.raises(CannotCount, match="too many to count orbits"):
        hom_dimension([rep] * 4, [rep] * 4)
    flipped = from_images(
        "", (("G", group),), 1, {("G", 0): signed((0,), (-1,)), ("G", 1): signed((0,), (-1,))}
    )
    assert both([flipped], [rep, rep]) == 0
    scaled = matrix([[0, 2], [Fraction(1, 2), 0]])
    dense = from_images("", (("G", group),), 2, {("G", g): scaled for g in range(2)})
    with pytest.raises(CannotCount, match="no signed permutations"):
        hom_dimension([dense], [dense])


def test_characters_refuse_what_is_no_representation() -> None:
    broken = plane("g", C3, [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="no representation"):
        hom_dimension([broken], [])


def test_restriction_to_some_factors() -> None:
    x = [regular("a", 4), regular("b", 3)]
    assert hom_dimension(x, x, under=["a"]) == 4 * 9
    assert hom_dimension(x, x, under=[]) == 144


SPANS = [
    ((4, 2), (5, 8)),
    ((4, 2, 3), (7, 24)),
    ((2, 2, 2), (4, 8)),
    ((4, 4), (7, 16)),
    ((5, 7), (11, 35)),
]


def test_multi_average_spans() -> None:
    for sizes, expected in SPANS:
        names = "abcd"[: len(sizes)]
        x = [regular(f, n) for f, n in zip(names, sizes, strict=True)]
        report = multi_average_report(x, x, names)
        assert (report.output_span, report.output_dimension) == expected
        assert (report.input_kept, report.input_dimension) == expected
        assert (report.reached, report.hom) == expected
        assert not report.linear_complete


def test_multi_average_of_swapped_words() -> None:
    images = {}
    for k, f in enumerate("abc"):
        places = list(range(10))
        places[2 * k], places[2 * k + 1] = 2 * k + 1, 2 * k
        images[f, 0] = signed(tuple(places))
    words = from_images("words", tuple((f, C2) for f in "abc"), 10, images)
    report = multi_average_report([words], [words], "abc")
    assert (report.reached, report.hom, report.linear_complete) == (52, 52, True)
    assert (report.output_span, report.input_kept) == (10, 10)
    assert both([words], [words]) == 52


def test_multi_average_of_an_invariant_classifier() -> None:
    x = [regular("a", 2), regular("b", 2)]
    report = multi_average_report(x, [1], "ab")
    assert (report.output_span, report.output_dimension) == (1, 1)
    assert (report.input_kept, report.input_dimension) == (3, 4)
    assert report.linear_complete
    single = multi_average_report(x[:1], x[:1], "a")
    assert single.linear_complete
    assert single.output_span == 2


def test_counting_imports_no_numpy() -> None:
    modules = (
        "averages constructors counting families homomorphism lattice multiaverage representations"
    )
    code = "import sys\n" + "".join(f"import eqspec.algebra.{name}\n" for name in modules.split())
    code += "assert not {'numpy', 'scipy', 'torch'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- polynomials on graphs ----


def symmetric_power(traces: list[int], d: int) -> Fraction:
    """The character of Sym^d(V) at g from those of V at g, g^2, ..., g^d (Newton's identities)."""
    powers = [Fraction(1)]
    for k in range(1, d + 1):
        powers.append(
            sum((traces[j - 1] * powers[k - j] for j in range(1, k + 1)), Fraction(0)) / k
        )
    return powers[d]


@pytest.mark.parametrize(("d", "expected"), [(0, 2), (1, 15), (2, 117), (3, 877)])
def test_polynomials_from_edges_to_edges(d: int, expected: int) -> None:
    """Equivariant polynomials of degree d in an adjacency matrix, with values on edges: by characters of
    Hom(Sym^d(T2), T2), and as diagrams of 2 + 2d legs up to the order of the d factors."""
    n = 2 + 2 * d
    edges = tensor_product("edges", [constructors.natural("N", "G", symmetric(n))] * 2)
    total = Fraction(0)
    for word, size in symmetric(n).classes():
        traces = [int(element_trace(edges, (("G", word * k),))) for k in range(1, d + 1)]
        total += size * symmetric_power(traces, d) * int(element_trace(edges, (("G", word),)))
    assert total / factorial(n) == expected

    orders = list(permutations(range(d)))

    def reordered(blocks: tuple[tuple[int, ...], ...], order: tuple[int, ...]) -> object:
        place = [0, 1, *(2 + 2 * order[k // 2] + k % 2 for k in range(2 * d))]
        return tuple(sorted(tuple(sorted(place[leg] for leg in block)) for block in blocks))

    forms = {
        min(repr(reordered(blocks, order)) for order in orders)
        for blocks in set_partitions(2 + 2 * d)
    }
    assert len(forms) == expected
