"""What the sum-of-orders design loses: three numbers, counted by characters.

In: axes of source and target, and the factors that are averaged one by one. Out: the dimensions
that survive. The design is that of the large product groups in "Efficient Model-Agnostic
Multi-Group Equivariant Networks" (Baltaji, Basu, Varshney; TMLR 2024): branch i averages the input
over all factors but i, makes a network equivariant to factor i, and averages the result over all
factors but i.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from eqspec.algebra.counting import (
    JOINT_CLASS_LIMIT,
    Axes,
    CannotCount,
    character,
    component_dimension,
    components,
    hom_dimension,
    invariants_dimension,
    terms,
    total_degree,
)
from eqspec.algebra.groups import Group, GroupTooLarge, Word
from eqspec.algebra.images import Rational
from eqspec.algebra.representations import joined


@dataclass(frozen=True)
class MultiAverageReport:
    """`output_span` = dim sum_i Y^{G_-i} of `output_dimension` = dim Y; `input_kept` = dim sum_i
    X^{G_-i} of `input_dimension` = dim X; `reached` of the `hom` = dim Hom_G(X, Y) linear maps."""

    output_span: int
    output_dimension: int
    input_kept: int
    input_dimension: int
    reached: int
    hom: int

    @property
    def linear_complete(self) -> bool:
        """Every equivariant linear map is reached: each irreducible that X and Y share is
        non-trivial for at most one factor. Interactions between factors are lost even then."""
        return self.reached == self.hom


def multi_average_report(source: Axes, target: Axes, factors: Iterable[str]) -> MultiAverageReport:
    """The three numbers for the direct product of the factors. CannotCount beyond the class limits.

    dim sum_i V^{G_-i} = dim V^G + sum_i (dim V^{G_-i} - dim V^G), and the maps reached are
    Hom(X^G, Y^G) + sum_i (Hom_{G_i}(X^{G_-i}, Y^{G_-i}) - Hom(X^G, Y^G)).
    """
    names = tuple(dict.fromkeys(factors))
    acted = [axis for axis in (*source, *target) if not isinstance(axis, int)]
    groups = dict(joined([axis.groups for axis in acted]))
    x, y = invariants_dimension(source, names), invariants_dimension(target, names)
    reached = x * y
    for name in names:
        if not any(name in axis.factors for axis in acted):
            continue  # Hom(X^G, Y^G) again
        others = frozenset(names) - {name}
        sizes = [size for _, size in _classes(groups[name])]
        a = _fixed_character(source, name, groups[name], others)
        b = _fixed_character(target, name, groups[name], others)
        shared = Fraction(sum(p * q * s for p, q, s in zip(a, b, sizes, strict=True)))
        shared /= groups[name].order or 1
        assert shared.denominator == 1, f"{name}: {shared} is no dimension"
        reached += int(shared) - x * y
    return MultiAverageReport(
        output_span=_span(target, names, y),
        output_dimension=total_degree(target),
        input_kept=_span(source, names, x),
        input_dimension=total_degree(source),
        reached=reached,
        hom=hom_dimension(source, target, names),
    )


def _span(axes: Axes, names: tuple[str, ...], fixed: int) -> int:
    return fixed + sum(
        invariants_dimension(axes, [other for other in names if other != name]) - fixed
        for name in names
    )


def _classes(group: Group) -> tuple[tuple[Word, int], ...]:
    try:
        return group.rational_classes()
    except GroupTooLarge as error:
        raise CannotCount(str(error)) from None


def _fixed_character(axes: Axes, name: str, group: Group, others: frozenset[str]) -> list[Rational]:
    """The character of the factor `name` on the vectors that all `others` fix, at each rational
    class: chi(g) = 1/|H| sum_{h in H} chi_V(g h), cluster by cluster."""
    mine = _classes(group)
    total: list[Rational] = [0] * len(mine)
    for parts, multiplicity in terms(tuple(axes), others | {name}):
        values: list[Rational] = [multiplicity] * len(mine)
        for cluster, factors in components(parts, others | {name}):
            if name not in factors:
                dimension = component_dimension(cluster, factors)
                values = [value * dimension for value in values]
                continue
            groups = dict(joined([rep.groups for rep, _ in cluster]))
            rest = [f for f in factors if f != name]
            domain = tuple((f, _true_classes(groups[f])) for f in rest)
            sizes = [prod(s) for s in product(*([s for _, s in classes] for _, classes in domain))]
            if len(sizes) * len(mine) > JOINT_CLASS_LIMIT:
                raise CannotCount(f"more than {JOINT_CLASS_LIMIT:,} joint classes of {factors}")
            joint = character(cluster, ((name, mine), *domain))
            order = prod(groups[f].order or 1 for f in rest)
            for place in range(len(mine)):
                row = joint[place * len(sizes) : (place + 1) * len(sizes)]
                average = Fraction(sum(p * q for p, q in zip(row, sizes, strict=True))) / order
                values[place] *= average
        total = [p + q for p, q in zip(total, values, strict=True)]
    return total


def _true_classes(group: Group) -> tuple[tuple[Word, int], ...]:
    try:
        return group.classes()
    except GroupTooLarge as error:
        raise CannotCount(str(error)) from None
