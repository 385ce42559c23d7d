"""Maps that are the same at every index of an axis on which a group acts.

On an axis a and a fibre F a group acts by a (x) F. A map Q of fibres that commutes with the group makes
I (x) Q, which commutes with a (x) F whatever the action on a is: no index is told from another. So for the
maps such an axis is plain, under a name that no parameter can have. A bias b of the fibre becomes 1 (x) b,
which stays where every generator permutes the indices. In: blocks and the axes that are
named in `each`. Out: the blocks with these axes as plain ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from eqspec.algebra.representations import Representation, same_action
from eqspec.diagnostics.model import Span
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block, PlainAxis, RepAxis


def places_of(
    site: CallSite, block: Block, items: Sequence[Representation], span: Span
) -> tuple[int, ...]:
    """The axis of each item in a block.

    Raises:
        Refusal: it is not there, or stands there twice, or is named twice.
    """
    found: list[int] = []
    for item in items:
        own = [
            k
            for k, axis in enumerate(block.axes)
            if isinstance(axis, RepAxis)
            and axis.shape == item.shape
            and same_action(axis.rep, item)
        ]
        if len(own) != 1 or own[0] in found:
            site.refuse(
                "EQS207",
                f"`each={item.label}` needs one axis written `{item.label}` in every block",
                f"{block} has {len(own) or 'none'}",
                span=span if len(own) != 1 else site.keyword_spans["each"],
            )
        found.append(own[0])
    return tuple(found)


def same_at(block: Block, places: Sequence[int]) -> Block:
    """The block with these axes as plain ones, of the names `index_names`."""
    if not places:
        return block
    axes = list(block.axes)
    for name, k in zip(index_names(len(places)), places, strict=True):
        axes[k] = PlainAxis(math.prod(axes[k].shape), name)
    return replace(block, axes=tuple(axes))


def is_even(block: Block, places: Sequence[int]) -> bool:
    """Does every generator permute the indices, so that it leaves 1 alone?"""
    axes = (block.axes[k] for k in places)
    return all(isinstance(axis, PlainAxis) or axis.rep.is_permutation for axis in axes)


def index_names(count: int) -> tuple[str, ...]:
    return tuple(f"index {number}" for number in range(count))
