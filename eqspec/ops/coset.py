"""`coset`: canonicalise the arguments over the cosets of a subgroup K, average over K.

With c(x) = s K chosen so that c(g x) = g c(x) and M_K(z) the mean over K of rho(k)^-1 base(k z),

    M(x) = rho_Y(s) M_K(rho_X(s)^-1 x)

does not depend on which s of the coset is taken, since s n gives rho(s) rho(n) M_K(n^-1 s^-1 x) with n in
K; and for g x one may take g s, so M(g x) = rho_Y(g) M(x). It costs a call for every element of K, and
K may be any subgroup, normal or not (canonicalisation as in Kaba et al., *Equivariance with Learned
Canonicalization Functions*, ICML 2023, up to a subgroup).

The coset is that of the elements g of the group for which the energy of g^-1 x is largest: the largest
energies of g x are at g times those of x. All factors that act on the arguments are canonicalised
together or averaged together, as one group: a canonicaliser of one factor would have to be invariant
under the others. The group is its image on the arguments. What acts on them as nothing is averaged over
by a projection of the result and costs no calls: the image of M lies in what it fixes, and the
projection commutes with the group because a kernel is normal.

The energy is a fixed linear functional W. That no element of the image but 1 fixes W makes the ties
W(g^-1 x) = W(h^-1 x) hyperplanes. It looks only at arguments that are jointly generic, if the elements
that move none of these lie in K: then the ties of different cosets are a null set of the inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eqspec.algebra.averages import FWord, inverse_word
from eqspec.algebra.transversals import Transversal, distinct, transversal
from eqspec.graph.op import Signature, WordOrBase
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.ops.contract import LoweringSite, Op, Registers
from eqspec.ops.cosetchecks import ELEMENTS_LIMIT, TIES, Canonicalisation, check, tensors_of
from eqspec.ops.orbitchecks import (
    shapes_for,
)
from eqspec.ops.orbitlowering import blocks_of, moves_of, project_factors, project_words

if TYPE_CHECKING:
    from eqspec.algebra.functionals import Functional
    from eqspec.program.orbits import Energy


def lower(site: LoweringSite) -> Registers:
    from eqspec.program.orbits import Canonical, MoveBy, Orbit, OrbitMean

    data = site.node.data
    assert isinstance(data, Canonicalisation)
    b = site.builder
    target = site.node.type
    blocks = blocks_of(site)
    source = Type(tuple(block for _, block in blocks))
    found = transversal(tensors_of(source), data.subgroup, ELEMENTS_LIMIT)
    back = [inverse_word(word) for word in found.cosets]
    made = Canonical(
        tuple(register for register, _ in blocks),
        _energy(site, data, source, found),
        len(found.cosets),
        tuple(moves_of(block, back) for block in source.blocks),
        data.ties,
    )
    *moved, chosen = b.items(b.emit(made))
    accepts = shapes_for(source, [block for t in data.base.signature for block in t.blocks])
    returns = shapes_for(target, data.base.target.blocks)
    assert accepts is not None and returns is not None, "the typing rule has seen to it"
    inverses = [inverse_word(word) for word in found.members]
    orbit = Orbit(
        data.base.name,
        len(found.members),
        tuple(moves_of(block, found.members) for block in source.blocks),
        accepts,
        returns,
        target.shapes,
        tuple(moves_of(block, inverses) for block in target.blocks),
    )
    ys = b.orbit(OrbitMean(tuple(moved), orbit))
    moves = tuple(moves_of(block, found.cosets) for block in target.blocks)
    if data.ties == "average" or any(moves):
        ys = b.items(b.emit(MoveBy((*ys, chosen), len(found.cosets), moves, data.ties)))
    alone = sorted(target.factors - source.factors)
    kernel = [word for word in found.kernel if not {factor for factor, _, _ in word} <= {*alone}]
    return tuple(
        project_words(site, project_factors(site, y, block, alone), block, kernel)
        for y, block in zip(ys, target.blocks, strict=True)
    )


def _energy(site: LoweringSite, data: Canonicalisation, source: Type, found: Transversal) -> Energy:
    from eqspec.program.orbits import Energy

    if data.energy is not None:
        accepts = shapes_for(source, [block for t in data.energy.signature for block in t.blocks])
        assert accepts is not None, "the typing rule has seen to it"
        back = [inverse_word(word) for word in found.elements]
        return Energy(
            tuple(range(len(source.blocks))),
            len(found.members),
            tuple(moves_of(block, back) for block in source.blocks),
            base=data.energy.name,
            accepts=accepts,
        )
    places, blocks = _scored_blocks(site, data)
    tensors = tensors_of(Type(tuple(blocks)))
    members = distinct(tensors, found.members)
    back = [inverse_word((*coset, *member)) for coset in found.cosets for member in members]
    functional = _functional(
        site, blocks, [word for word in distinct(tensors, ((), *back)) if word]
    )
    return Energy(
        places,
        len(members),
        tuple(moves_of(block, back) for block in blocks),
        tuple(
            tuple(
                dim + k
                for axis, (dim, width) in zip(block.axes, block.dims, strict=True)
                if not isinstance(axis, PlainAxis)
                for k in range(width)
            )
            for block in blocks
        ),
        functional.multiplier,
        functional.modulus,
    )


def _scored_blocks(
    site: LoweringSite, data: Canonicalisation
) -> tuple[tuple[int, ...], list[Block]]:
    """The blocks of the scored arguments on which something acts, and where they stand."""
    places: list[int] = []
    blocks: list[Block] = []
    place = 0
    for number, type_ in enumerate(site.types):
        for block in type_.blocks:
            if number in data.scored and block.factors:
                places.append(place)
                blocks.append(block)
            place += 1
    return tuple(places), blocks


def _functional(site: LoweringSite, blocks: Sequence[Block], words: Sequence[FWord]) -> Functional:
    """The same one for the same node and shapes, every time that it is compiled."""
    from eqspec.algebra.averages import evaluate_any
    from eqspec.algebra.functionals import separating

    acting = [[axis for axis in block.axes if not isinstance(axis, PlainAxis)] for block in blocks]
    elements = [
        tuple(
            tuple((place, evaluate_any(axis.rep, word)) for place, axis in enumerate(axes))
            for axes in acting
        )
        for word in words
    ]
    shapes = [tuple(math.prod(axis.shape) for axis in axes) for axes in acting]
    salt = f"{site.module.key} {site.node.name} {shapes}"
    return separating(shapes, elements, salt)


COSET = Op(
    "coset",
    Signature(
        tensors=(1, None),
        bases=1,
        keywords={"average": "subgroup", "ties": TIES, "by": WordOrBase()},
        target="chooses",
        indices=True,
    ),
    check,
    lower,
    "a coset s K is chosen with c(g x) = g c(x), and rho(s) of the average over K at s^-1 x depends on"
    " the coset alone; it goes to g times itself with x",
)
OPS = (COSET,)
