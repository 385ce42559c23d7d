"""What stands for averaging where numbers of words come in: one word for every orbit.

Words have no mean, so `multi_equitune` cannot average an index tensor over the factors that a branch
forgets. It sends every word to the first of its orbit under them, C(w) = min (G_-i w), entry by entry.
C forgets G_-i by construction. It commutes with the factor that the branch keeps iff
C(g w) = g C(w) for every generator g of that factor and every word w, which is checked word by word.

In: a block of whole numbers and factors. Out: C as a list; the first word at which it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eqspec.algebra.images import Monomial
from eqspec.algebra.representations import Representation
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block, Type, Values

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


@dataclass(frozen=True)
class Obstacle:
    """Why words cannot be collapsed in the branch of the factor ``kept``: ``moved`` permutes the places of
    the block; or else ``generator`` of that factor and the collapse do not commute at ``word``."""

    block: Block
    kept: str
    moved: str = ""
    generator: int = 0
    word: int = 0


def collapses(source: Type, own: tuple[str, ...]) -> bool:
    """Can every branch keep one of the factors ``own`` and collapse its words over the others?"""
    return next(_obstacles(source, own), None) is None


def check_collapse(site: CallSite, source: Type, own: tuple[str, ...]) -> None:
    """Raises `Refusal` where words cannot be collapsed: EQS458 with a word at which the two do not
    commute; EQS210 where places are permuted too."""
    for found in _obstacles(source, own):
        if found.moved:
            site.refuse(
                "EQS210",
                f"`{site.op}` of numbers whose places are permuted is not built yet",
                f"`{found.moved}` permutes the places of {found.block}",
                span=site.whole,
                help="an average over all factors together is",
            )
        assert found.block.values is not None
        rep = found.block.values.point
        others = [factor for factor in own if factor != found.kept]
        first = collapse(rep, others)
        images = generator_images(rep, found.kept)[found.generator]
        names = rep.points or tuple(str(k) for k in range(rep.degree))
        wrong, right = names[first[images[found.word]]], names[images[first[found.word]]]
        site.refuse(
            "EQS458",
            f"`{site.op}` cannot let one word stand for its orbit here",
            f"`{found.kept}.{rep.group(found.kept).generators[found.generator]}` sends"
            f" `{names[found.word]}` to the orbit of `{wrong}` and the word that stands for it to"
            f" `{right}`",
            span=site.whole,
            help=f"let `{found.kept}` move other words than `{'`, `'.join(others)}`, or average over"
            " all together",
        )


def _obstacles(source: Type, own: tuple[str, ...]) -> Iterator[Obstacle]:
    for block in source.blocks:
        if block.values is None:
            continue
        moved = sorted({factor for axis in block.axes for factor in axis.factors})
        if moved:
            yield Obstacle(block, "", moved[0])
        rep = block.values.point
        for kept in own:
            if kept not in rep.factors:
                continue
            first = collapse(rep, [factor for factor in own if factor != kept])
            for number, images in enumerate(generator_images(rep, kept)):
                for word in range(rep.degree):
                    if first[images[word]] != images[first[word]]:
                        yield Obstacle(block, kept, "", number, word)


def lower_collapse(b: Builder, ids: int, values: Values, factors: Sequence[str]) -> int:
    """The first word of the orbit of every word of an index tensor."""
    if values.rep is None:
        return ids
    first = collapse(values.rep, factors)
    if first == tuple(range(values.size)):
        return ids
    return b.lookup(b.index(first, "the word that stands for its orbit"), ids)
