"""The lowering that all averages share: an orbit as one value, and projections that cost no calls.

Elements that act alike on the arguments give equal calls: the base is called once for each element of
the image of the group on the arguments, and the kernel is averaged by a projection of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.averages import FWord, action_image, evaluate_any, inverse_word
from eqspec.algebra.groups import Group
from eqspec.algebra.images import AnyImage, transpose
from eqspec.algebra.normalequations import is_orthogonal
from eqspec.algebra.products import chain_of
from eqspec.algebra.representations import Representation
from eqspec.algebra.restriction import restricted
from eqspec.graph.model import Base
from eqspec.graph.types import Block, PlainAxis, Type
from eqspec.limits import limits
from eqspec.ops.collapse import lower_collapse
from eqspec.ops.contract import LoweringSite
from eqspec.ops.orbitchecks import shapes_for

if TYPE_CHECKING:
    from eqspec.program.orbits import AxisMove, Orbit


@dataclass(frozen=True)
class Branch:
    """An orbit under ``factors``, and words that generate its kernel, the elements that move no
    argument; those of ``alone`` act on the target only."""

    orbit: Orbit
    factors: frozenset[str]
    kernel: tuple[FWord, ...]
    alone: tuple[str, ...]


def blocks_of(site: LoweringSite) -> list[tuple[int, Block]]:
    """The blocks of all arguments, with their registers."""
    return [
        (register, block)
        for registers, type_ in zip(site.args, site.types, strict=True)
        for register, block in zip(registers, type_.blocks, strict=True)
    ]


def branch_of(
    base: Base,
    factors: Sequence[str],
    source: Type,
    target: Type,
    shapes: Sequence[Block],
    *,
    transposed: bool = False,
) -> Branch:
    """The orbit of arguments of type ``source`` under some factors, with answers of type ``target``.

    ``shapes`` are the blocks in which the base returns its answers; with ``transposed`` these go back by
    the transpose of an element instead of its inverse (`ops.closest`).
    """
    from eqspec.program.orbits import Orbit

    mine = frozenset(factors)
    reps = tuple(restricted(rep, mine) for rep in source.representations())
    image = action_image(reps, limit=limits().group_elements)
    accepts = shapes_for(source, [b for t in base.signature for b in t.blocks])
    returns = shapes_for(target, shapes)
    assert accepts is not None and returns is not None, "the typing rule has seen to it"
    orbit = Orbit(
        base.name,
        len(image.elements),
        tuple(moves_of(block, image.elements) for block in source.blocks),
        accepts,
        returns,
        target.shapes,
        tuple(_backs_of(block, image.elements, transposed) for block in target.blocks),
        transposed,
    )
    alone = tuple(sorted(target.factors & mine - source.factors))
    return Branch(orbit, mine, image.kernel, alone)


def project_kernel(
    site: LoweringSite, branch: Branch, ys: Sequence[int], target: Type
) -> list[int]:
    """The mean of the answers over the elements that move no argument."""
    alone = set(branch.alone)
    kernel = [word for word in branch.kernel if not {factor for factor, _, _ in word} <= alone]
    return [
        project_words(site, project_factors(site, y, block, branch.alone), block, kernel)
        for y, block in zip(ys, target.blocks, strict=True)
    ]


def moves_of(block: Block, elements: Sequence[FWord]) -> tuple[AxisMove, ...]:
    """How the elements move the axes of a block; axes that none of them moves are left out."""
    return _axis_moves(block, lambda rep: [evaluate_any(rep, word) for word in elements])


def _backs_of(block: Block, elements: Sequence[FWord], transposed: bool) -> tuple[AxisMove, ...]:
    def images(rep: Representation) -> list[AnyImage]:
        if transposed and not is_orthogonal(rep):
            return [transpose(evaluate_any(rep, word)) for word in elements]
        return [evaluate_any(rep, inverse_word(word)) for word in elements]

    return _axis_moves(block, images)


def _axis_moves(
    block: Block, images_of: Callable[[Representation], list[AnyImage]]
) -> tuple[AxisMove, ...]:
    from eqspec.program.orbits import AxisMove

    moves: list[AxisMove] = []
    for rep, dim, width in _acting(block):
        numbers: dict[AnyImage, int] = {}
        choice: list[int] = []
        still: AnyImage | None = None  # the identity, which has several forms
        for image in images_of(rep):
            if image.is_identity:
                image = still = still or image
            choice.append(numbers.setdefault(image, len(numbers)))
        if not all(image.is_identity for image in numbers):
            moves.append(AxisMove(dim, width, tuple(choice), tuple(numbers)))
    return tuple(moves)


def _acting(block: Block) -> Iterator[tuple[Representation, int, int]]:
    """What acts on every axis, with its tensor dimensions; what permutes the values has no width."""
    for axis, (dim, width) in zip(block.axes, block.dims, strict=True):
        if not isinstance(axis, PlainAxis):
            yield axis.rep, dim, width
    if block.values is not None and block.values.rep is not None:
        yield block.values.rep, 0, 0


def chain_words(factor: str, group: Group) -> list[list[FWord]]:
    """Words of a factor that generate subgroups whose averages, one after the other, are its own."""
    return [
        [tuple((factor, letter, exponent) for letter, exponent in word) for word in link]
        for link in chain_of(group)
    ]


def project_factors(site: LoweringSite, x: int, block: Block, factors: Sequence[str]) -> int:
    """Average over factors, one after the other, and over each along its chain of subgroups (Reynolds
    operators multiply where the products of the subgroups are subgroups). Of words one stands for
    every orbit."""
    from eqspec.ops.project import project

    if block.values is not None:
        return lower_collapse(site.builder, x, block.values, factors)
    for factor in factors:
        if factor in block.factors:
            x = project(site.builder, x, block, chain_words(factor, site.module.groups[factor]))
    return x


def project_words(site: LoweringSite, x: int, block: Block, words: Sequence[FWord]) -> int:
    from eqspec.ops.project import project

    moving = [
        word
        for word in words
        if any(
            not isinstance(axis, PlainAxis) and not evaluate_any(axis.rep, word).is_identity
            for axis in block.axes
        )
    ]
    return project(site.builder, x, block, [moving]) if moving else x
