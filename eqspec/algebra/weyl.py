"""Invariants of the classical groups by their characters: Weyl's integration formula, in integers.

In: a classical group and the kinds of the representations whose tensor product is meant. Out: the
dimension of its invariants, or None where no character is known. Pure Python; shares nothing with
the solver but the names.

The mean of a class function over a compact group is the constant term of its character times the
half product of 1 - e^-a over the positive roots a (Weyl 1925; Brocker and tom Dieck, Representations
of Compact Lie Groups, IV.1 and VI.1). The product of a character with the alternating sum of rho is
kept as its terms in the open dominant chamber; multiplying by one more representation adds its
weights, and reflects back or drops what lies on a wall (Brauer 1937, Klimyk 1968). So nothing grows
but the number of irreducible parts.

The non-compact groups have the same algebraic representations as the compact form of their
complexification (Weyl's unitary trick), and O(p, q) and O(n) two complex components each: the
coset of determinant -1 has the measure of Sp(n - 2) for even n, and is -SO(n) for odd n (Weyl, The
Classical Groups, VII.9). Motions act on vectors by their linear part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from eqspec.algebra.groups import Group
from eqspec.algebra.representations import Kind

Weight: TypeAlias = tuple[int, ...]
Character: TypeAlias = tuple[tuple[Weight, int], ...]
"""Weights with their multiplicities (negative ones on other components)."""
Reflections: TypeAlias = Literal["permutations", "signed", "even signed", "none"]


@dataclass(frozen=True)
class Component:
    """A coset of the identity component: its torus, its Weyl group, and rho.

    Weights of `SO(odd)` are doubled, so that rho is whole. `negative`: the coset is minus the
    identity component (odd n), `folded`: two eigenvalues are 1 and -1 (even n).
    """

    rank: int
    reflections: Reflections
    rho: Weight
    unit: int = 1
    negative: bool = False
    folded: bool = False


def invariants(group: Group, kinds: Iterable[tuple[Kind | None, int]]) -> int | None:
    """The dimension of the invariants of the tensor product of representations of these kinds with
    multiplicities; None if the group is not classical or a kind is not known."""
    sizes = tuple(size for size in group.parameters if isinstance(size, int))
    components = _components(group.family, sizes)
    if components is None:
        return None
    total = 0
    for component in components:
        factors: list[tuple[Character, int]] = []
        for kind, count in kinds:
            character = None if kind is None else _character(group.family, sizes, component, kind)
            if character is None:
                return None
            factors.append((character, count))
        total += _mean(component, group.family, factors)
    count, rest = divmod(total, len(components))
    assert rest == 0, f"{group.description}: the characters average to {total}/{len(components)}"
    return count


def _components(family: str, sizes: tuple[int, ...]) -> tuple[Component, ...] | None:
    n = sum(sizes)
    m = n // 2
    match family:
        case "orthogonal" | "lorentz" | "euclidean" if n % 2:
            return _odd(m), _odd(m, negative=True)
        case "orthogonal" | "lorentz" | "euclidean":
            return _even(m), Component(m - 1, "signed", tuple(range(m - 1, 0, -1)), folded=True)
        case "special_orthogonal" | "special_lorentz" | "special_euclidean":
            return (_odd(m),) if n % 2 else (_even(m),)
        case "symplectic":
            return (Component(m, "signed", tuple(range(m, 0, -1))),)
        case "special_linear" | "special_unitary" | "general_linear":
            return (Component(n, "permutations", tuple(range(n - 1, -1, -1))),)
        case "scaling":
            return (Component(1, "none", (0,)),)
    return None


def _odd(m: int, negative: bool = False) -> Component:
    return Component(m, "signed", tuple(range(2 * m - 1, 0, -2)), unit=2, negative=negative)


def _even(m: int) -> Component:
    return Component(m, "even signed", tuple(range(m - 1, -1, -1)))


@lru_cache(maxsize=1024)
def _character(
    family: str, sizes: tuple[int, ...], component: Component, kind: Kind
) -> Character | None:
    name, number, power = kind
    n, r = sum(sizes), component.rank
    zero = (0,) * r
    if name == "trivial":
        base: list[tuple[Weight, int]] | None = [(zero, 1)]
    elif name in ("vector", "covector"):
        base = _vector(family, n, component, 1 if name == "vector" else -1)
    elif name == "irrep":
        base = _irrep(family, n, component, number)
    else:
        base = None
    if base is None:
        return None
    if power and family in ("general_linear", "scaling"):
        step = n if family == "scaling" else 1
        shift = power * step
        base = [(tuple(w + shift for w in weight), m) for weight, m in base]
    if power % 2 and (component.negative or component.folded):
        base = [(weight, -m) for weight, m in base]
    return tuple(base)


def _vector(family: str, n: int, component: Component, sign: int) -> list[tuple[Weight, int]]:
    r, unit = component.rank, component.unit
    if family == "scaling":
        return [((sign,), n)]
    plus = [tuple(unit * sign * (i == k) for i in range(r)) for k in range(r)]
    if family in ("general_linear", "special_linear"):
        return [(weight, 1) for weight in plus]
    both = [*plus, *(tuple(-w for w in weight) for weight in plus)]
    if family == "special_unitary" or n % 2 == 0:
        return [(weight, 1) for weight in both]  # folded: 1 and -1 cancel
    turned = -1 if component.negative else 1
    return [(weight, turned) for weight in (*both, (0,) * r)]


def _irrep(family: str, n: int, component: Component, k: int) -> list[tuple[Weight, int]] | None:
    """Harmonic polynomials of degree k in the plane and in space; symmetric powers of C^2, twice for
    odd k, whose real form is quaternionic."""
    if k == 0:
        return [((0,) * component.rank, 1)]
    if family == "special_unitary" and n == 2:
        return [((k - j, j), 2 if k % 2 else 1) for j in range(k + 1)]
    if component.folded and n == 2:
        return []  # a mirror of the plane has trace 0
    if n == 2:
        return [((k,), 1), ((-k,), 1)]
    if n == 3:
        sign = -1 if component.negative and k % 2 else 1
        return [((2 * j,), sign) for j in range(-k, k + 1)]
    return None


def _mean(component: Component, family: str, factors: Sequence[tuple[Character, int]]) -> int:
    """The multiplicity of the trivial representation in the product of the characters."""
    state: dict[Weight, int] = {component.rho: 1}
    for character, count in factors:
        for _ in range(count):
            new: dict[Weight, int] = {}
            for weight, multiplicity in state.items():
                for step, m in character:
                    moved = tuple(a + b for a, b in zip(weight, step, strict=True))
                    place, sign = _dominant(moved, component.reflections)
                    if sign:
                        new[place] = new.get(place, 0) + sign * multiplicity * m
            state = {weight: value for weight, value in new.items() if value}
    if family in ("special_linear", "special_unitary"):  # powers of the determinant are trivial
        return sum(
            value
            for weight, value in state.items()
            if len({a - b for a, b in zip(weight, component.rho, strict=True)}) == 1
        )
    return state.get(component.rho, 0)


def _dominant(weight: Weight, reflections: Reflections) -> tuple[Weight, int]:
    """The reflected weight in the open dominant chamber and the sign of the reflection; sign 0 on a
    wall."""
    if reflections == "none":
        return weight, 1
    if reflections == "permutations":
        return _sorted(weight)
    if reflections == "signed":
        if 0 in weight:
            return weight, 0
        flips = sum(w < 0 for w in weight)
        place, sign = _sorted(tuple(abs(w) for w in weight))
        return place, -sign if flips % 2 else sign
    flips = sum(w < 0 for w in weight)
    place, sign = _sorted(tuple(abs(w) for w in weight))
    if flips % 2 and place and place[-1]:
        place = (*place[:-1], -place[-1])
    return place, sign


def _sorted(weight: Weight) -> tuple[Weight, int]:
    """In decreasing order, with the sign of the permutation; 0 if two entries are equal."""
    if len(set(weight)) < len(weight):
        return weight, 0
    inversions = sum(
        weight[i] < weight[j] for i in range(len(weight)) for j in range(i + 1, len(weight))
    )
    return tuple(sorted(weight, reverse=True)), -1 if inversions % 2 else 1


# ---- for readers ---------------------------------------------------------------------------------


def spelled(group: Group, kinds: Sequence[tuple[Kind | None, int]]) -> tuple[str, ...] | None:
    """The formula written out, component by component, where the torus is at most a circle; z stands for
    a turn by an angle, z^-1 for the turn back. None for larger tori."""
    sizes = tuple(size for size in group.parameters if isinstance(size, int))
    components = _components(group.family, sizes) or ()
    if not components or any(c.rank > 1 or c.reflections == "none" for c in components):
        return None
    lines: list[str] = []
    values: list[int] = []
    for component in components:
        factors: list[tuple[Character, int]] = []
        for kind, count in kinds:
            character = None if kind is None else _character(group.family, sizes, component, kind)
            if character is None:
                return None
            factors.append((character, count))
        values.append(_mean(component, group.family, factors))
        where = "" if len(components) == 1 else "det 1: " if len(values) == 1 else "det -1: "
        shown = " ".join(
            f"({_polynomial(character, component.unit)})" + (f"^{count}" if count > 1 else "")
            for character, count in factors
        )
        measure = _measure(component)
        if component.rank == 0:
            lines.append(f"{where}{shown or '1'} = {values[-1]}")
        else:
            lines.append(f"{where}constant term of {measure}{shown or '1'} = {values[-1]}")
    if len(values) > 1:
        total = sum(values)
        lines.append(
            f"the mean of both components: {total} / {len(values)} = {total // len(values)}"
        )
    return tuple(lines)


def _measure(component: Component) -> str:
    """The half product over the positive roots: one root, of length 1 in space, 2 for symplectic(2)."""
    if component.reflections != "signed" or component.rank != 1:
        return ""
    return "(1 - z) " if component.unit == 2 else "(1 - z^2) "


def _polynomial(character: Character, unit: int) -> str:
    """`z^-1 + 1 + z`."""
    total: dict[int, int] = {}
    for weight, multiplicity in character:
        power = weight[0] // unit if weight else 0
        total[power] = total.get(power, 0) + multiplicity
    words = ""
    for power in sorted(total):
        factor = total[power]
        if not factor:
            continue
        letter = "" if power == 0 else "z" if power == 1 else f"z^{power}"
        number = str(abs(factor)) if abs(factor) != 1 or not letter else ""
        sign = ("-" if factor < 0 else "") if not words else (" - " if factor < 0 else " + ")
        words += sign + " ".join(part for part in (number, letter) if part)
    return words or "0"
