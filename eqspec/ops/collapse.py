"""What stands for averaging where numbers of words come in: one word for every orbit.

Words have no mean, so `multi_equitune` cannot average an index tensor over the factors that a branch
forgets. It sends every word to the first of its orbit under them, C(w) = min (G_-i w), entry by entry.
C forgets G_-i by construction. It commutes with the factor that the branch keeps iff
C(g w) = g C(w) for every generator g of that factor and every word w, which is checked word by word.

In: a block of whole numbers and factors. Out: C as a list; the first word at which it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from eqspec.algebra.images import Monomial
from eqspec.algebra.representations import Representation
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block, PlainAxis, Type, Values

if TYPE_CHECKING:  # `check` needs no instructions
    from eqspec.program.builder import Builder


def collapse(rep: Representation, factors: Iterable[str]) -> tuple[int, ...]:
    """For every point of a permutation representation the first of its orbit under these factors."""
    first = list(range(rep.degree))

    def root(point: int) -> int:
        while first[point] != point:
            first[point] = first[first[point]]
            point = first[point]
        return point

    for factor in sorted(set(factors) & rep.factors):
        for images in generator_images(rep, factor):
            for point, image in enumerate(images):
                a, b = root(point), root(image)
                first[max(a, b)] = min(a, b)
    return tuple(root(point) for point in range(rep.degree))


def generator_images(rep: Representation, factor: str) -> list[tuple[int, ...]]:
    """Where each generator of a factor sends every point of a permutation representation."""
    found: list[tuple[int, ...]] = []
    for number in range(len(rep.group(factor).generators)):
        image = rep.image(factor, number)
        assert isinstance(image, Monomial) and image.is_permutation, rep
        found.append(image.images)
    return found


def check_collapse(site: CallSite, source: Type, own: tuple[str, ...]) -> None:
    """Every branch keeps one of the factors ``own`` and collapses its words over the others.

    Raises:
        Refusal: EQS458 with a word at which the two do not commute; EQS210 where entries are permuted too.
    """
    for block in source.blocks:
        if block.values is None:
            continue
        moved = sorted(
            {f for axis in block.axes if not isinstance(axis, PlainAxis) for f in axis.factors}
        )
        if moved:
            site.refuse(
                "EQS210",
                f"`{site.op}` of numbers whose places are permuted is not built yet",
                f"`{moved[0]}` permutes the places of {block}",
                span=site.whole,
                help="`equitune` averages over all factors together",
            )
        for kept in own:
            _check_branch(site, block, kept, own)


def _check_branch(site: CallSite, block: Block, kept: str, own: tuple[str, ...]) -> None:
    assert block.values is not None
    rep = block.values.rep
    if rep is None or kept not in rep.factors:
        return
    others = [factor for factor in own if factor != kept]
    first = collapse(rep, others)
    names = rep.points or tuple(str(k) for k in range(rep.degree))
    generators = rep.group(kept).generators
    for number, images in enumerate(generator_images(rep, kept)):
        for word in range(rep.degree):
            if first[images[word]] != images[first[word]]:
                wrong, right = names[first[images[word]]], names[images[first[word]]]
                site.refuse(
                    "EQS458",
                    f"`{site.op}` cannot let one word stand for its orbit here",
                    f"`{kept}.{generators[number]}` sends `{names[word]}` to the orbit of `{wrong}` and"
                    f" the word that stands for it to `{right}`",
                    span=site.whole,
                    help=f"let `{kept}` move other words than `{'`, `'.join(others)}`, or average over"
                    " all together by `equitune`",
                )


def lower_collapse(b: Builder, ids: int, values: Values, factors: Sequence[str]) -> int:
    """The first word of the orbit of every word of an index tensor."""
    if values.rep is None:
        return ids
    first = collapse(values.rep, factors)
    if first == tuple(range(values.size)):
        return ids
    return b.lookup(b.index(first, "the word that stands for its orbit"), ids)
