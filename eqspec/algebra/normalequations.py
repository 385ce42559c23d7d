"""The matrix by which an average becomes the closest equivariant map, for representations that are not
orthogonal.

Among all equivariant F the one that minimises sum_g |M(g x) - F(g x)|^2 has F(g x) = rho(g) y with y from
the normal equations S y = sum_g rho(g)^T M(g x), S = sum_g rho(g)^T rho(g). S is symmetric, positive
definite and invariant, rho(h)^T S rho(h) = S; it is |G| times the identity iff rho is orthogonal. (The
least-squares form of Theorem 1 of Basu et al., *Equi-Tuning: Group Equivariant Fine-Tuning of
Pretrained Models*, which asks for an orthogonal representation.)

In: representations of finite groups. Out: exact rational matrices, as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce

from eqspec.algebra import images as im
from eqspec.algebra.averages import FWord, evaluate_any
from eqspec.algebra.elimination import inverse_rows
from eqspec.algebra.images import AnyImage, Rational
from eqspec.algebra.representations import Representation
from eqspec.limits import limits

_Sparse = list[dict[int, Rational]]


class FormTooLarge(ValueError):  # noqa: N818 - says what happened
    """The group has too many elements to be listed."""


def is_orthogonal(rep: Representation) -> bool:
    """Are all generators orthogonal matrices?"""
    return all(
        im.is_orthogonal(rep.any_image(name, letter))
        for name, group in rep.groups
        for letter in range(len(group.generators))
    )


def mean_form(
    reps: Sequence[Representation], chain: Sequence[Sequence[FWord]]
) -> list[list[Fraction]]:
    """The mean of rho(g)^T rho(g) over a group, rho the Kronecker product of ``reps``.

    ``chain`` gives words that generate subgroups H_1, ..., H_k with G = H_1 ... H_k, every product
    H_1 ... H_j a subgroup: A -> mean of h^T A h over the first, then the second, and so on, is the mean
    over G. FormTooLarge if a subgroup has more than `group_elements` elements.
    """
    one: AnyImage = im.identity(1)
    letters = [
        [reduce(im.kron, (evaluate_any(rep, word) for rep in reps), one) for word in link]
        for link in chain
    ]
    size = reduce(lambda n, rep: n * rep.degree, reps, 1)
    form: _Sparse = [{k: 1} for k in range(size)]
    count = 1
    for link in letters:
        elements = _generated([image for image in link if not image.is_identity], size)
        form = _sum_of_congruent(form, elements)
        count *= len(elements)
    return [[Fraction(row.get(k, 0)) / count for k in range(size)] for row in form]


def inverse_of_form(form: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The inverse of a positive definite matrix, block by block where it falls into blocks."""
    size = len(form)
    result = [[Fraction(0)] * size for _ in range(size)]
    seen: set[int] = set()
    for start in range(size):
        if start in seen:
            continue
        part, todo = {start}, [start]
        while todo:
            row = todo.pop()
            for k, value in enumerate(form[row]):
                if value and k not in part:
                    part.add(k)
                    todo.append(k)
        seen |= part
        places = sorted(part)
        inner = inverse_rows(tuple(tuple(form[i][j] for j in places) for i in places))
        for i, row_ in zip(places, inner, strict=True):
            for j, value in zip(places, row_, strict=True):
                result[i][j] = value
    return result


def _generated(letters: Sequence[AnyImage], size: int) -> list[AnyImage]:
    one: AnyImage = im.identity(size)
    seen: dict[AnyImage, None] = {one: None}
    todo = [one]
    while todo:
        element = todo.pop()
        for letter in letters:
            image = im.compose(letter, element)
            if image not in seen:
                if len(seen) >= limits().group_elements:
                    raise FormTooLarge(f"a group of more than {limits().group_elements:,} elements")
                seen[image] = None
                todo.append(image)
    return list(seen)


def _sum_of_congruent(form: _Sparse, elements: Sequence[AnyImage]) -> _Sparse:
    """The sum of h^T A h; whole numbers stay whole numbers."""
    total: _Sparse = [{} for _ in form]
    for element in elements:
        rows = [
            {j: v.numerator if v.denominator == 1 else v for j, v in row}
            for row in im.sparse_rows_of(element)
        ]
        for k, weights in enumerate(form):  # row k of A h, then its share of h^T (A h)
            product: dict[int, Rational] = {}
            for middle, value in weights.items():
                _add(product, rows[middle], value)
            for i, left in rows[k].items():
                _add(total[i], product, left)
    return total


def _add(into: dict[int, Rational], row: Mapping[int, Rational], factor: Rational) -> None:
    for k, value in row.items():
        into[k] = into.get(k, 0) + factor * value
