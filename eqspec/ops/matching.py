"""Products index by index: which axes of two blocks belong together, and how the product moves.

The product of two features along one axis is equivariant where either acts by signed permutations over
the same permutations: the signs multiply, so that sign times sign is a permutation. Along any other
axis one of the two must be constant.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from eqspec.algebra import images as im
from eqspec.algebra.representations import Factors, Representation, joined, same_action
from eqspec.graph.types import Axis, PlainAxis, RepAxis


def product_axis(a: Axis, b: Axis) -> Axis | None:
    """The axis of the product index by index; None where the product does not follow any law.

    It is `a` itself where `b` changes no signs, and the other way round.
    """
    if a.shape != b.shape:
        return None
    if not a.factors and not b.factors:
        return a if isinstance(a, PlainAxis) else b
    if not (_is_monomial(a) and _is_monomial(b)):
        return None
    for one, other in ((a, b), (b, a)):
        rep = _rep(one)
        if rep is not None and _unsigned(other) and same_action(_absolute(rep), _as_rep(other)):
            return one
    first, second = _as_rep(a), _as_rep(b)
    if not same_action(_absolute(first), _absolute(second)):
        return None
    made = _sign_product(first, second)
    if not made.factors and len(made.shape) == 1:
        return PlainAxis(made.degree)
    return RepAxis(made)


def _rep(axis: Axis) -> Representation | None:
    return None if isinstance(axis, PlainAxis) else axis.rep


def _as_rep(axis: Axis) -> Representation:
    if isinstance(axis, PlainAxis):
        return Representation(str(axis.size), (), axis.size, (axis.size,))
    return axis.rep


def _is_monomial(axis: Axis) -> bool:
    rep = _rep(axis)
    return rep is None or rep.is_signed_permutation


def _unsigned(axis: Axis) -> bool:
    rep = _rep(axis)
    return rep is None or rep.is_permutation


@lru_cache(maxsize=1024)
def _absolute(rep: Representation) -> Representation:
    """The permutations below signed permutations."""
    if rep.is_permutation:
        return rep
    return _sign_product(rep, rep)


def _sign_product(a: Representation, b: Representation) -> Representation:
    """The signed permutations whose signs are the products of the signs of a and b, which permute
    alike. A product of monomial matrices entry by entry: again a homomorphism."""
    groups: Factors = joined([a.groups, b.groups])
    images = tuple(
        tuple(_multiplied(a.image(name, g), b.image(name, g)) for g in range(len(group.generators)))
        for name, group in groups
    )
    label = f"{a.label}^2" if a.label == b.label else f"{a.label} {b.label}"
    made = Representation(label, groups, a.degree, a.shape, images)
    return replace(made, points=a.points)


def _multiplied(a: im.Image, b: im.Image) -> im.Image:
    assert isinstance(a, im.Monomial) and isinstance(b, im.Monomial)
    signs = tuple(s * t for s, t in zip(a.signs, b.signs, strict=True))
    return im.Monomial(a.images, signs)


def embeddings(small: tuple[Axis, ...], large: tuple[Axis, ...]) -> list[tuple[int, ...]]:
    """The ways to find the axes of ``small`` among those of ``large``, in order, by shape and by
    law; at most two are listed."""
    found: list[tuple[int, ...]] = []

    def search(k: int, start: int, places: tuple[int, ...]) -> None:
        if len(found) > 1:
            return
        if k == len(small):
            found.append(places)
            return
        for place in range(start, len(large) - (len(small) - k) + 1):
            if product_axis(large[place], small[k]) is not None:
                search(k + 1, place + 1, (*places, place))

    search(0, 0, ())
    return found
