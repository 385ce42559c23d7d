"""Groups and representations written a second time, in floating point, from their definitions.

Nothing here knows the matrices of the compiler (of the harmonics it takes the lengths of the basis,
which are a convention). An element is what the textbook says: a number of steps,
a permutation, a matrix. A representation is a function from elements to matrices, written from its page
in docs/reference. From these come the spaces of equivariant maps: by the Reynolds projection for finite
and compact groups, by the null space of the constraint at random elements for the others.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eqspec.algebra.harmonics import norms

Array: TypeAlias = NDArray[np.float64]
Element: TypeAlias = Any
Rng: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class Rep:
    """``text`` as a spec writes it after the name of the group."""

    text: str
    degree: int
    matrix: Callable[[Element], Array]


@dataclass(frozen=True)
class Group:
    """``elements`` of a finite group in the documented order; else ``draw`` makes one at random."""

    text: str
    reps: tuple[Rep, ...]
    elements: tuple[Element, ...] | None = None
    draw: Callable[[Rng], Element] | None = None
    compact: bool = True
    before: str = field(default="")  # declarations of other groups that it needs


# ---- matrices of maps ----------------------------------------------------------------------------------


def of_map(shape: Sequence[int], move: Callable[[Array], Array]) -> Array:
    """The matrix of a linear map on arrays of a shape."""
    size = int(np.prod(shape))
    columns = [move(e.reshape(shape)).reshape(-1) for e in np.eye(size)]
    return np.stack(columns, axis=1)


def of_permutation(images: Sequence[int]) -> Array:
    """e_k -> e_{images[k]}."""
    made = np.zeros((len(images), len(images)))
    made[list(images), range(len(images))] = 1
    return made


def power(matrix: Array, k: int) -> Array:
    return np.linalg.matrix_power(matrix, k)


def expm(a: Array) -> Array:
    """exp(a) by its series, after halving."""
    halvings = max(0, int(np.ceil(np.log2(max(1e-9, np.abs(a).sum())))) + 6)
    small = a / 2**halvings
    result = term = np.eye(len(a))
    for k in range(1, 20):
        term = term @ small / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


# ---- finite groups -------------------------------------------------------------------------------------


def closure(
    generators: Sequence[Hashable], one: Hashable, times: Callable[[Any, Any], Any]
) -> tuple[Element, ...]:
    """Breadth-first over the generators, each word continued on its right."""
    found, place = [one], 0
    seen = {one}
    while place < len(found):
        for s in generators:
            new = times(found[place], s)
            if new not in seen:
                seen.add(new)
                found.append(new)
        place += 1
    return tuple(found)


def regular(elements: Sequence[Element], times: Callable[[Any, Any], Any]) -> Rep:
    place = {g: k for k, g in enumerate(elements)}
    return Rep(
        "regular",
        len(elements),
        lambda g: of_permutation([place[times(g, h)] for h in elements]),
    )


TRIVIAL = Rep("trivial", 1, lambda g: np.eye(1))


def compose(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    """First q, then p."""
    return tuple(p[k] for k in q)


def parity(p: Sequence[int]) -> Array:
    return np.array([[round(float(np.linalg.det(of_permutation(p))))]], dtype=float)


def cyclic(n: int) -> Group:
    elements = tuple(range(n))
    reps = [TRIVIAL, regular(elements, lambda a, b: (a + b) % n)]
    reps += [
        Rep(f"shift({d})", d, lambda k, d=d: of_map((d,), lambda x: np.roll(x, k % d)))
        for d in range(2, n + 1)
        if n % d == 0
    ]
    if n % 2 == 0:
        reps.append(Rep("sign", 1, lambda k: np.array([[(-1.0) ** k]])))
        flips = {"reverse(3)": ((3,), (0,)), "hflip(2, 3)": ((2, 3), (1,)),
                 "vflip(3, 2)": ((3, 2), (0,)), "rot180(2, 3)": ((2, 3), (0, 1))}  # fmt: skip
        for text, (shape, axes) in flips.items():
            reps.append(
                Rep(
                    text,
                    int(np.prod(shape)),
                    lambda k, shape=shape, axes=axes: power(
                        of_map(shape, lambda x: np.flip(x, axes)), k % 2
                    ),
                )
            )
        swap = of_map((2, 2), np.transpose)
        reps.append(Rep("transpose(2)", 4, lambda k: power(swap, k % 2)))
    if n % 4 == 0:
        reps.append(Rep("rot90(3, 3)", 9, lambda k: of_map((3, 3), lambda x: np.rot90(x, k))))
    if n == 4:
        reps.append(Rep("grid(2, 2)", 4, lambda k: of_map((2, 2), lambda x: np.rot90(x, k))))
    return Group(f"cyclic({n})", tuple(reps), elements)


def dihedral(n: int) -> Group:
    """(k, f) is r^k s^f."""

    def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return ((a[0] + (-1) ** a[1] * b[0]) % n, (a[1] + b[1]) % 2)

    elements = tuple((k, f) for f in range(2) for k in range(n))
    reps = [
        TRIVIAL,
        regular(elements, times),
        Rep("sign", 1, lambda g: np.array([[(-1.0) ** g[1]]])),
    ]
    if n == 4:

        def turned(x: Array, g: tuple[int, int]) -> Array:
            return np.rot90(np.flip(x, 1) if g[1] else x, g[0])

        reps.append(Rep("grid(3, 3)", 9, lambda g: of_map((3, 3), lambda x: turned(x, g))))
    return Group(f"dihedral({n})", tuple(reps), elements)


def permutation_group(text: str, n: int, generators: Sequence[tuple[int, ...]]) -> Group:
    elements = closure(generators, tuple(range(n)), compose)
    reps = [TRIVIAL, Rep("natural", n, of_permutation), Rep("sign", 1, parity)]
    if len(elements) <= 24:
        reps.append(regular(elements, compose))
    return Group(text, tuple(reps), elements)


def cycle(n: int, *cycles: Sequence[int]) -> tuple[int, ...]:
    images = list(range(n))
    for c in cycles:
        for here, there in zip(c, (*c[1:], *c[:1]), strict=True):
            images[here] = there
    return tuple(images)


def symmetric(n: int) -> Group:
    return permutation_group(
        f"symmetric({n})", n, [cycle(n, (0, 1)) if n > 1 else (0,), cycle(n, range(n))]
    )


def alternating(n: int) -> Group:
    tail = tuple(range(2, n))
    second = cycle(n, tail) if n % 2 else cycle(n, (0, 1), tail)
    return permutation_group(f"alternating({n})", n, [cycle(n, (0, 1, 2)), second])


def klein() -> Group:
    def times(g: tuple[int, int], h: tuple[int, int]) -> tuple[int, int]:
        return ((g[0] + h[0]) % 2, (g[1] + h[1]) % 2)

    elements = ((0, 0), (1, 0), (0, 1), (1, 1))

    def mirrored(x: Array, g: tuple[int, int]) -> Array:
        x = np.flip(x, 1) if g[0] else x
        return np.flip(x, 0) if g[1] else x

    grid = Rep("grid(2, 3)", 6, lambda g: of_map((2, 3), lambda x: mirrored(x, g)))
    return Group("klein()", (TRIVIAL, regular(elements, times), grid), elements)


def quaternion() -> Group:
    """Elements as (w, x, y, z)."""

    def times(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        return (
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        )

    elements = closure([(0, 1, 0, 0), (0, 0, 1, 0)], (1, 0, 0, 0), times)
    return Group("quaternion()", (TRIVIAL, regular(elements, times)), elements)


def finite_matrices(text: str, *generators: Sequence[Sequence[int]]) -> Group:
    """Whole entries only."""
    n = len(generators[0])

    def times(a: Any, b: Any) -> Any:
        return tuple(tuple(map(int, row)) for row in np.array(a) @ np.array(b))

    one = tuple(tuple(int(i == j) for j in range(n)) for i in range(n))
    elements = closure([tuple(map(tuple, g)) for g in generators], one, times)
    vector = Rep("vector", n, lambda g: np.array(g, dtype=float))
    covector = Rep("covector", n, lambda g: np.linalg.inv(np.array(g, dtype=float)).T)
    reps = [TRIVIAL, vector, covector]
    if len(elements) <= 24:
        reps.append(regular(elements, times))
    return Group(f"matrices({n}) generated by {text}", tuple(reps), elements)


def semidirect(text: str, before: str, normal: int, complement: int, factor: int) -> Group:
    """C_n x| C_m, the generator s of C_m acting by r -> r^factor: pairs (k, l) for r^k s^l."""

    def times(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        moved = pow(factor, a[1], normal) * b[0]
        return ((a[0] + moved) % normal, (a[1] + b[1]) % complement)

    elements = tuple((k, m) for m in range(complement) for k in range(normal))
    return Group(text, (TRIVIAL, regular(elements, times)), elements, before=before)


def turning_klein() -> Group:
    """(C2 x C2) x| C3, which is A4: a -> b -> ab."""
    turn = {(0, 0): (0, 0), (1, 0): (0, 1), (0, 1): (1, 1), (1, 1): (1, 0)}

    def times(x: tuple[int, int, int], y: tuple[int, int, int]) -> tuple[int, int, int]:
        moved = (y[0], y[1])
        for _ in range(x[2]):
            moved = turn[moved]
        return ((x[0] + moved[0]) % 2, (x[1] + moved[1]) % 2, (x[2] + y[2]) % 3)

    # the elements of klein() are 1, a, b, ab
    elements = tuple((a, b, m) for m in range(3) for a, b in ((0, 0), (1, 0), (0, 1), (1, 1)))
    return Group(
        "semidirect(K, T) { r { a -> b  b -> a * b } }",
        (TRIVIAL, regular(elements, times)),
        elements,
        before="group K = klein()\ngroup T = cyclic(3)",
    )


def wreath(
    text: str, before: str, a: int, base: Sequence[tuple[int, ...]], top: Sequence[tuple[int, ...]]
) -> Group:
    """A wr B on b rows of a points: A moves row 0, B moves the rows."""
    b = len(top[0])
    letters = [(*g, *range(a, a * b)) for g in base]
    letters += [tuple(g[k] * a + j for k in range(b) for j in range(a)) for g in top]
    elements = closure(letters, tuple(range(a * b)), compose)
    reps = [TRIVIAL, Rep("natural", a * b, of_permutation)]
    if len(elements) <= 24:
        reps.append(regular(elements, compose))
    return Group(text, tuple(reps), elements, before=before)


@functools.lru_cache(maxsize=1)
def product_groups() -> tuple[Group, ...]:
    """Semidirect and wreath products."""
    made = []
    for n, m, factor in ((4, 2, 3), (5, 4, 2), (7, 3, 2), (8, 2, 3), (3, 4, 2), (6, 2, 1)):
        made.append(
            semidirect(
                f"semidirect(N, H) {{ s {{ r -> r^{factor} }} }}",
                f"group N = cyclic({n})\ngroup H = cyclic({m}) named {{ r: s }}",
                n,
                m,
                factor,
            )
        )
    made.append(turning_klein())
    swap, turn3 = (1, 0), (1, 2, 0)
    made += [
        wreath("wreath(A, B)", "group A = cyclic(2)\ngroup B = cyclic(2)", 2, [swap], [swap]),
        wreath("wreath(A, B)", "group A = cyclic(2)\ngroup B = cyclic(3)", 2, [swap], [turn3]),
        wreath("wreath(A, B)", "group A = cyclic(3)\ngroup B = cyclic(2)", 3, [turn3], [swap]),
        wreath(
            "wreath(A, B)",
            "group A = symmetric(3)\ngroup B = symmetric(2)",
            3,
            [(1, 0, 2), (1, 2, 0)],
            [swap, swap],
        ),
    ]
    return tuple(made)


def modified(rep: Rep, orthogonal: bool) -> list[Rep]:
    """`.dual`, `.pseudoscalar` and, for orthogonal matrices, `.axial`."""

    def det(g: Element) -> float:
        return float(np.linalg.det(rep.matrix(g)))

    made = [
        Rep(f"{rep.text}.dual", rep.degree, lambda g: np.linalg.inv(rep.matrix(g)).T),
        Rep(f"{rep.text}.pseudoscalar", 1, lambda g: np.array([[det(g)]])),
    ]
    if orthogonal:
        made.append(Rep(f"{rep.text}.axial", rep.degree, lambda g: det(g) * rep.matrix(g)))
    return made


def with_modifiers(group: Group, orthogonal: bool = True) -> Group:
    more = [
        new
        for rep in group.reps
        if rep.degree > 1 and rep.text in ("natural", "vector", "regular", "grid(3, 3)")
        for new in modified(rep, orthogonal)
    ]
    return Group(
        group.text, (*group.reps, *more), group.elements, group.draw, group.compact, group.before
    )


@functools.lru_cache(maxsize=1)
def finite_groups() -> tuple[Group, ...]:
    made = [cyclic(n) for n in (1, 2, 3, 4, 5, 6, 8)]
    made += [dihedral(n) for n in (1, 2, 3, 4, 5)]
    made += [symmetric(n) for n in (2, 3, 4)] + [alternating(n) for n in (3, 4, 5)]
    made += [klein(), quaternion()]
    made.append(
        permutation_group(
            "permutations(5) generated by a = (0 1 2), b = (3 4)",
            5,
            [cycle(5, (0, 1, 2)), cycle(5, (3, 4))],
        )
    )
    made.append(
        permutation_group(
            "permutations(4) generated by (0 1)(2 3), (0 2)(1 3)",
            4,
            [cycle(4, (0, 1), (2, 3)), cycle(4, (0, 2), (1, 3))],
        )
    )
    made = [with_modifiers(group) for group in made]
    lattice = finite_matrices(
        "r = [[0, -1], [1, 1]], s = [[0, 1], [1, 0]]", [[0, -1], [1, 1]], [[0, 1], [1, 0]]
    )
    signs = finite_matrices(
        "a = [[0, 1, 0], [0, 0, 1], [1, 0, 0]], b = diag(-1, 1, 1)",
        [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
        [[-1, 0, 0], [0, 1, 0], [0, 0, 1]],
    )
    return (*made, with_modifiers(lattice, orthogonal=False), with_modifiers(signs))


# ---- matrix groups -------------------------------------------------------------------------------------


def tensor(p: int, q: int, n: int) -> Rep:
    """p vectors, then q covectors."""

    def matrix(g: Array) -> Array:
        total = np.eye(1)
        for _ in range(p):
            total = np.kron(total, g)
        for _ in range(q):
            total = np.kron(total, np.linalg.inv(g).T)
        return total

    return Rep(f"tensor({p}, {q})", n ** (p + q), matrix)


def matrix_group(
    text: str, n: int, draw: Callable[[Rng], Array], compact: bool, orthogonal: bool = False
) -> Group:
    vector = Rep("vector", n, lambda g: g)
    reps = [TRIVIAL, vector, vector, Rep("covector", n, lambda g: np.linalg.inv(g).T)]
    reps += [tensor(p, q, n) for p, q in ((1, 1), (2, 0), (0, 2), (2, 1)) if n ** (p + q) <= 64]
    reps += modified(vector, orthogonal)
    if text.partition("(")[0] in ("orthogonal", "special_orthogonal") and n <= 3:
        reps += [harmonic(k, n) for k in (1, 2, 3)]
    return Group(text, tuple(reps), draw=draw, compact=compact)


def signs(rng: Rng, n: int) -> Array:
    return np.diag(rng.choice([-1.0, 1.0], n))


def haar(rng: Rng, n: int, special: bool) -> Array:
    """A random orthogonal matrix: Mezzadri, How to generate random matrices from the classical
    compact groups (2007)."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    made: Array = q * np.sign(np.diag(r))
    if special and np.linalg.det(made) < 0:
        made[:, 0] *= -1
    return made


def indefinite(rng: Rng, p: int, q: int, special: bool) -> Array:
    """exp of X with eta X antisymmetric, times signs that reach every component; ``special``: the
    identity component alone."""
    eta = np.diag([1.0] * p + [-1.0] * q)
    a = rng.standard_normal((p + q, p + q)) * 0.4
    flips = np.eye(p + q) if special else signs(rng, p + q)
    made: Array = expm(eta @ (a - a.T)) @ flips
    return made


def unitary(rng: Rng, n: int) -> Array:
    """SU(n) on (real parts, imaginary parts)."""
    z = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    q, r = np.linalg.qr(z)
    q = q * (np.diag(r) / np.abs(np.diag(r)))
    q[:, 0] /= np.linalg.det(q)
    return np.block([[q.real, -q.imag], [q.imag, q.real]])


def symplectic(rng: Rng, n: int) -> Array:
    """exp of X with J X symmetric, J = [[0, 1], [-1, 0]] in blocks."""
    m = n // 2
    one = np.eye(m)
    j = np.block([[np.zeros((m, m)), one], [-one, np.zeros((m, m))]])
    a = rng.standard_normal((n, n)) * 0.35
    return expm(j @ (a + a.T))


def linear(rng: Rng, n: int, special: bool) -> Array:
    a = rng.standard_normal((n, n)) * 0.5
    if special:
        return expm(a - np.trace(a) / n * np.eye(n))
    made: Array = expm(a) @ signs(rng, n)
    return made


def spherical(k: int, points: Array) -> Array:
    """The real solid harmonics of degree k, m = -k ... k, at points of shape (n, 3), up to positive
    factors: Re and Im of (x + iy)^|m| times the |m|-th derivative of the Legendre polynomial in z/r."""
    x, y, z = points.T
    r = np.linalg.norm(points, axis=1)
    legendre = np.polynomial.Legendre.basis(k).convert(kind=np.polynomial.Polynomial)
    rows = []
    for m in range(-k, k + 1):
        derived = legendre.deriv(abs(m)) if m else legendre
        plane = (x + 1j * y) ** abs(m)
        rows.append(derived(z / r) * r ** (k - abs(m)) * (plane.imag if m < 0 else plane.real))
    return np.array(rows)


def harmonic(k: int, n: int) -> Rep:
    """`irrep(k)` of O(n), n = 2 or 3: (g p)(x) = p(g^-1 x) on coefficients of the orthonormal basis
    times the factors of which the language says that their squares are `norms(k)`."""
    rng = np.random.default_rng(k)
    points = rng.standard_normal((6 * k + 9, n))

    def values(at: Array) -> Array:
        if n == 2:
            power = (at[:, 0] + 1j * at[:, 1]) ** k
            return np.array([power.real, power.imag])
        sphere, weights = quadrature()
        size = np.sqrt((spherical(k, sphere) ** 2) @ weights)
        scale = np.sqrt(np.array([float(v) for v in norms(k)]))
        made: Array = spherical(k, at) * (scale / size)[:, None]
        return made

    def matrix(g: Array) -> Array:
        here, there = values(points), values(points @ np.linalg.inv(g).T)
        # p_m(g^-1 x) = sum over n of p_n(x) D_nm
        return np.asarray(np.linalg.lstsq(here.T, there.T, rcond=None)[0])

    return Rep(f"irrep({k})", 2 if n == 2 else 2 * k + 1, matrix)


@functools.lru_cache(maxsize=1)
def quadrature() -> tuple[Array, Array]:
    """Points and weights that integrate polynomials of low degree over the sphere."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    angles = np.arange(24) * 2 * np.pi / 24
    flat = np.sqrt(1 - nodes**2)
    points = [
        [f * np.cos(a), f * np.sin(a), z] for z, f in zip(nodes, flat, strict=True) for a in angles
    ]
    return np.array(points), np.repeat(weights, 24)


@functools.lru_cache(maxsize=1)
def classical_groups() -> tuple[Group, ...]:
    made = []
    for n in (2, 3, 4):
        made.append(
            matrix_group(f"orthogonal({n})", n, lambda r, n=n: haar(r, n, False), True, True)
        )
        made.append(
            matrix_group(f"special_orthogonal({n})", n, lambda r, n=n: haar(r, n, True), True, True)
        )
    for p, q in ((1, 1), (1, 2), (2, 1), (1, 3), (2, 2)):
        for special in (False, True):
            name = "special_lorentz" if special else "lorentz"
            made.append(
                matrix_group(
                    f"{name}({p}, {q})",
                    p + q,
                    lambda r, p=p, q=q, special=special: indefinite(r, p, q, special),
                    False,
                )
            )
    for n in (2, 3):
        made.append(
            matrix_group(f"special_unitary({n})", 2 * n, lambda r, n=n: unitary(r, n), True, True)
        )
        made.append(
            matrix_group(f"special_linear({n})", n, lambda r, n=n: linear(r, n, True), False)
        )
    for n in (1, 2, 3):
        made.append(
            matrix_group(f"general_linear({n})", n, lambda r, n=n: linear(r, n, False), False)
        )
    for n in (2, 4):
        made.append(matrix_group(f"symplectic({n})", n, lambda r, n=n: symplectic(r, n), False))
    for n in (1, 3):
        made.append(
            matrix_group(
                f"scaling({n})", n, lambda r, n=n: np.exp(r.standard_normal()) * np.eye(n), False
            )
        )
    return tuple(made)


def lie(
    n: int,
    algebra: dict[str, Sequence[Sequence[float]]],
    discrete: dict[str, Sequence[Sequence[float]]],
    compact: bool = False,
    orthogonal: bool = False,
) -> Group:
    """Products of exp(t A) and of the discrete elements, in random order."""

    def draw(rng: Rng) -> Array:
        made = np.eye(n)
        for _ in range(3):
            for rows in algebra.values():
                made = made @ expm(rng.uniform(-0.9, 0.9) * np.array(rows, dtype=float))
            for rows in discrete.values():
                made = made @ np.linalg.matrix_power(
                    np.array(rows, dtype=float), int(rng.integers(2))
                )
        return made

    lines = [f"algebra {name} = {list(map(list, rows))}" for name, rows in algebra.items()]
    lines += [f"discrete {name} = {list(map(list, rows))}" for name, rows in discrete.items()]
    text = f"lie({n}) {{ " + "  ".join(lines) + " }"
    return matrix_group(text, n, draw, compact, orthogonal)


@functools.lru_cache(maxsize=1)
def lie_groups() -> tuple[Group, ...]:
    turn, mirror = [[0, -1], [1, 0]], [[-1, 0], [0, 1]]
    grow, shear, boost = [[1, 0], [0, 1]], [[0, 1], [0, 0]], [[1, 0], [0, -1]]
    so3 = {
        "x": [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        "y": [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
        "z": [[0, -1, 0], [1, 0, 0], [0, 0, 0]],
    }
    return (
        lie(2, {"j": turn}, {}, True, True),
        lie(2, {"j": turn}, {"s": mirror}, True, True),
        lie(2, {"j": [[0, -4], [1, 0]]}, {}, True),
        lie(2, {"d": grow}, {}),
        lie(2, {"d": grow}, {"m": [[-1, 0], [0, -1]]}),
        lie(2, {"d": grow, "j": turn}, {}),
        lie(2, {"n": shear}, {}),
        lie(2, {"n": shear, "b": boost}, {}),
        lie(2, {"b": boost}, {"s": [[0, 1], [1, 0]]}),
        lie(2, {"b": boost}, {"m": [[-1, 0], [0, -1]]}),
        lie(2, {"e": [[1, 0], [0, 2]]}, {}),
        lie(3, so3, {}, True, True),
        lie(3, so3, {"m": [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]}, True, True),
        lie(3, {"z": so3["z"]}, {"m": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, True, True),
        lie(
            3,
            {
                "a": [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
                "b": [[0, 0, 1], [0, 0, 0], [0, 0, 0]],
            },
            {},
        ),
        lie(1, {"d": [[1]]}, {}),
        lie(1, {"d": [[1]]}, {"m": [[-1]]}),
        lie(2, {}, {"u": [[1, 1], [0, 1]]}),
        lie(4, {"j": [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -2], [0, 0, 2, 0]]}, {}, True, True),
    )


# ---- spaces of maps ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """A tensor product of axes: (number of the group, representation), or a plain size."""

    axes: tuple[tuple[int, Rep] | int, ...]

    @property
    def degree(self) -> int:
        return int(np.prod([a if isinstance(a, int) else a[1].degree for a in self.axes]))

    def matrix(self, element: Sequence[Element]) -> Array:
        """One element of every group acts."""
        total = np.eye(1)
        for axis in self.axes:
            own = np.eye(axis) if isinstance(axis, int) else axis[1].matrix(element[axis[0]])
            total = np.kron(total, own)
        return total


def on_maps(source: Side, target: Side, element: Sequence[Element]) -> Array:
    """L -> rho_target(g) L rho_source(g)^-1 on maps written row by row."""
    return np.kron(target.matrix(element), np.linalg.inv(source.matrix(element)).T)


def equivariant_maps(groups: Sequence[Group], source: Side, target: Side, rng: Rng) -> Array:
    """An orthonormal basis of the space of equivariant maps, shape (target * source, dimension)."""
    listed = [group.elements for group in groups]
    if all(elements is not None for elements in listed):
        everything = list(itertools.product(*[e for e in listed if e is not None]))
        return image(sum(on_maps(source, target, g) for g in everything) / len(everything))
    draws = [
        tuple(
            group.elements[int(rng.integers(len(group.elements)))]
            if group.elements is not None
            else group.draw(rng)  # type: ignore[misc]
            for group in groups
        )
        for _ in range(10)
    ]
    actions = [on_maps(source, target, g) for g in draws]
    if all(group.compact for group in groups):
        mean = sum(a + np.linalg.inv(a) for a in actions) / (2 * len(actions))
        for _ in range(14):  # a random walk of 16,384 steps: the mean over the group
            mean = mean @ mean
        return image(mean)
    # what the elements have in common, first with all that one of them nearly fixes, then exactly
    one = np.eye(len(actions[0]))
    constraints = [(a - one) / max(1.0, float(np.linalg.norm(a, 2))) for a in actions]
    fixed = one
    for constraint in constraints:
        _, s, vh = np.linalg.svd(constraint @ fixed)
        fixed = fixed @ vh[s < 1e-4].T
    made: Array = fixed @ kernel(np.concatenate([c @ fixed for c in constraints]))
    return made


def image(projector: Array) -> Array:
    """The singular values of a projector are 0, or at least 1."""
    u, s, _ = np.linalg.svd(projector)
    assert ((s < 1e-6) | (s > 0.99)).all(), s
    made: Array = u[:, s > 0.5]
    return made


def kernel(constraint: Array) -> Array:
    if not constraint.shape[1]:
        return np.zeros((0, 0))
    _, s, vh = np.linalg.svd(constraint, full_matrices=True)
    s = np.concatenate([s, np.zeros(len(vh) - len(s))]) / max(1.0, float(s.max(initial=0.0)))
    assert ((s < 1e-10) | (s > 1e-6)).all(), s
    made: Array = vh[s < 1e-8].T
    return made


def same_space(found: Array, expected: Array) -> float:
    """How far the span of ``found``, shape (dimension, target * source), is from the orthonormal
    columns of ``expected``; infinite if the dimensions differ."""
    if found.shape[0] != expected.shape[1]:
        return float("inf")
    if not len(found):
        return 0.0
    q, r = np.linalg.qr(found.T)
    size = np.abs(np.diag(r))
    if size.min() < 1e-9 * size.max():
        return float("inf")  # dependent
    return float(np.linalg.norm(q - expected @ (expected.T @ q), 2))
