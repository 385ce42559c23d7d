"""The closest equivariant map where the target is not orthogonal: averages by the normal equations.

For an orthogonal target the plain mean of rho(g)^-1 M(g x) is the equivariant map that is closest to M
in the mean of squares over an orbit. In general that map is

    y(x) = S^-1 sum_g rho(g)^T M(g x),    S = sum_g rho(g)^T rho(g)              (`algebra.normalequations`)

It is equivariant: with g' = g h, sum_g rho(g)^T M(g h x) = rho(h)^-T sum_g' rho(g')^T M(g' x), and
S^-1 rho(h)^-T = rho(h) S^-1.

Let K be the kernel of the action on the arguments, P its average on the target, and g_i one element of
each coset of it, all in number |G/K|. As M(g_i k x) = M(g_i x), the sum over K gives |K| P^T, and
P^T = S P S^-1 as P is self-adjoint for the form S. So with B = (S / |G|)^-1

    y(x) = P B mean_i rho(g_i)^T M(g_i x):

one call of the base for each element of the image, one matrix, and the projection that every average has.
S is a Kronecker product over clusters of axes that share a factor, and the identity along axes whose
matrices are orthogonal; only the others are multiplied by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from eqspec.algebra.counting import clusters
from eqspec.algebra.normalequations import (
    FormTooLarge,
    inverse_of_form,
    is_orthogonal,
    mean_form,
)
from eqspec.algebra.representations import Representation
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.contract import LoweringSite
from eqspec.ops.orbitlowering import chain_words

PROJECTIONS = ("closest", "mean")
LARGEST = 256  # rows of a matrix of the normal equations
EXACT_FLOAT = 2**53


def stretched_axes(block: Block) -> tuple[tuple[int, ...], ...]:
    """The acted axes of a block that are not orthogonal, in clusters that share a factor."""
    places = [
        k
        for k, axis in enumerate(block.axes)
        if not isinstance(axis, PlainAxis) and not is_orthogonal(axis.rep)
    ]
    reps = tuple(_rep(block, k) for k in places)
    return tuple(tuple(places[k] for k in cluster.source) for cluster in clusters(reps, ()))


def wants_closest(site: CallSite, target: Type) -> bool:
    """Does an average need the normal equations? It may be told not to, and is warned then."""
    for block in target.blocks:
        for axes in stretched_axes(block):
            factors = sorted({f for k in axes for f in _rep(block, k).factors})
            if site.keywords.get("projection") == "mean":
                site.warn(
                    "EQS414",
                    "the plain mean is not the closest equivariant map here",
                    f"`{factors[0]}` acts on {block} by matrices that are not orthogonal",
                    span=site.keyword_spans["projection"],
                    help="`projection=closest`, the default, minimises the squared distance",
                )
                return False
            size = math.prod(_rep(block, k).degree for k in axes)
            if size > LARGEST:
                site.refuse(
                    "EQS412",
                    f"the normal equations would need a matrix of {size:,} by {size:,}",
                    f"at most {LARGEST} rows are solved exactly",
                    span=site.whole,
                    help="`projection=mean` is equivariant too, but not the closest map",
                )
    return any(stretched_axes(block) for block in target.blocks)


def apply_closest(site: LoweringSite, y: int, block: Block) -> int:
    """Multiply a block by B, cluster by cluster. ProjectorTooLarge if its entries are too long."""
    import numpy as np

    from eqspec.ops.blockmaps import LETTERS
    from eqspec.ops.project import ProjectorTooLarge

    b = site.builder
    sizes = [math.prod(axis.shape) for axis in block.axes]
    for axes in stretched_axes(block):
        reps = [_rep(block, k) for k in axes]
        chain = [
            link
            for factor in sorted({f for rep in reps for f in rep.factors})
            for link in chain_words(factor, site.module.groups[factor])
        ]
        try:
            rows = inverse_of_form(mean_form(reps, chain))
        except FormTooLarge as error:
            raise ProjectorTooLarge(str(error)) from error
        whole, denominator = _whole(rows)
        inner = [sizes[k] for k in axes]
        letters = LETTERS[: len(sizes)]
        new = {k: LETTERS[len(sizes) + at] for at, k in enumerate(axes)}
        mine = "".join(letters[k] for k in axes)
        result = "".join(new.get(k, letter) for k, letter in enumerate(letters))
        entries = np.array(whole, dtype=np.float64).reshape(*inner, *inner)
        table = b.number(entries, "the inverse of the mean of g^T g")
        y = b.einsum(
            f"{letters},{''.join(new.values())}{mine}->{result}", b.reshape(y, sizes), table
        )
        y = b.reshape(b.scale(y, 1 / denominator), block.shape)
    return y


def _whole(rows: Sequence[Sequence[Fraction]]) -> tuple[list[list[int]], int]:
    """The matrix as whole numbers over one denominator."""
    from eqspec.ops.project import ProjectorTooLarge

    denominator = math.lcm(*(value.denominator for row in rows for value in row))
    whole = [[int(value * denominator) for value in row] for row in rows]
    if max(denominator, *(abs(value) for row in whole for value in row)) > EXACT_FLOAT:
        raise ProjectorTooLarge(
            "the numbers of the normal equations have more than 15 digits; `projection=mean` has none"
        )
    return whole, denominator


def _rep(block: Block, place: int) -> Representation:
    axis = block.axes[place]
    assert not isinstance(axis, PlainAxis)
    return axis.rep
