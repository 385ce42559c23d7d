"""The blocks between the steps of `attention`: what the projections make, and what they make it of.

Attention runs along axes of tokens. At every token stands a fibre: all axes that are neither tokens nor
in ``each``. Queries, keys and values are position-wise maps of fibres, the same at every token, so a
token counts as a plain axis of `each` for them, under a name that no parameter can have. The axes of what
they make stand in the order: plain axes of ``each``, tokens, heads, permuted axes of ``each``, the width of
a head, acted axes of the fibre.

Pure Python: `check` counts the maps by these blocks, the lowering makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eqspec.algebra.counting import hom_dimension
from eqspec.algebra.forms import invariant_form
from eqspec.algebra.representations import Representation
from eqspec.graph.types import Axis, Block, PlainAxis, RepAxis, Type


@dataclass(frozen=True)
class Places:
    """For one block the numbers of the axes of tokens and of those in ``each``."""

    tokens: tuple[int, ...]
    each: tuple[int, ...]

    def fibre(self, block: Block) -> tuple[Axis, ...]:
        return tuple(
            axis for k, axis in enumerate(block.axes) if k not in self.tokens and k not in self.each
        )


@dataclass(frozen=True)
class Maps:
    """One projection: ``dimensions[s][t]`` is dim Hom of fibres from block s to block t, ``biases[t]``
    that of the invariants of block t (0: no bias)."""

    dimensions: tuple[tuple[int, ...], ...]
    biases: tuple[int, ...] = ()

    @property
    def parameters(self) -> int:
        return sum(map(sum, self.dimensions)) + sum(self.biases)

    def reached(self, t: int) -> bool:
        return any(row[t] for row in self.dimensions)


@dataclass(frozen=True)
class Attention:
    """The data of a node: which axes of which block are what, the widths of a head, and the maps.

    ``scores[j]`` belongs to block j of the queries (0: it takes no part), ``values[i]`` to block i of
    the keys. ``orbits`` are the free numbers of a position bias for each head.
    """

    queries: tuple[Places, ...]
    keys: tuple[Places, ...]
    results: tuple[Places, ...]
    heads: int
    scores: tuple[int, ...]
    values: tuple[int, ...]
    bias: str
    query: Maps = Maps(())
    key: Maps = Maps(())
    value: Maps = Maps(())
    out: Maps = Maps(())
    orbits: int = 0

    @property
    def parameters(self) -> int:
        maps = self.query, self.key, self.value, self.out
        return sum(each.parameters for each in maps) + self.heads * self.orbits


def channels(block: Block, places: Places) -> int:
    """The number of plain indices of a fibre."""
    return math.prod(n for axis in places.fibre(block) if not axis.factors for n in axis.shape)


def acted(block: Block, places: Places) -> tuple[RepAxis, ...]:
    """The axes of a fibre on which a group acts."""
    return tuple(
        RepAxis(axis.rep)
        for axis in places.fibre(block)
        if axis.factors and not isinstance(axis, PlainAxis)
    )


def partner(axis: RepAxis) -> RepAxis:
    """What a key carries where a query carries ``axis``: the same, or its dual if it has no form."""
    return axis if invariant_form(axis.rep) is not None else RepAxis(axis.rep.dual())


def between(
    block: Block, places: Places, heads: int, width: int, *, partners: bool = False
) -> Block:
    """What a projection makes at the tokens of a block, of the fibre of that block."""
    own = with_tokens(block, places)
    each = [own.axes[k] for k in places.each]
    return Block(
        (
            *(axis for axis in each if not axis.factors),
            *(own.axes[k] for k in places.tokens),
            PlainAxis(heads),
            *(axis for axis in each if axis.factors),
            PlainAxis(width),
            *(partner(axis) if partners else axis for axis in acted(block, places)),
        )
    )


def moved(made: Block, plain: int, tokens: int, like: Block, target: Places) -> Block:
    """The block ``made`` by `between`, its tokens (behind ``plain`` axes) replaced by those of another."""
    own = with_tokens(like, target)
    return Block(
        (
            *made.axes[:plain],
            *(own.axes[k] for k in target.tokens),
            *made.axes[plain + tokens :],
        )
    )


def with_tokens(block: Block, places: Places) -> Block:
    """The block with its tokens, and what is plain in ``each``, as plain axes of known names."""
    axes = list(block.axes)
    for number, k in enumerate(places.tokens):
        axes[k] = PlainAxis(math.prod(axes[k].shape), f"token {number}")
    for number, k in enumerate(places.each):
        if isinstance(axes[k], PlainAxis):
            axes[k] = PlainAxis(math.prod(axes[k].shape), f"each {number}")
    return Block(tuple(axes))


def names_of(block: Block) -> tuple[str, ...]:
    """The names that stand in `each` for the projections: tokens, then plain axes of ``each``."""
    names = [axis.name for axis in block.axes if isinstance(axis, PlainAxis) and axis.name]
    ours = [name for name in names if name.startswith(("token ", "each "))]
    return tuple(sorted(ours))


def dimensions(sources: Sequence[Block], targets: Sequence[Block]) -> tuple[tuple[int, ...], ...]:
    """dim Hom of the fibres, for every pair of blocks.

    Raises:
        CannotCount: a space is too large to count.
    """
    return tuple(
        tuple(hom_dimension(tuple(_fibre_parts(a)), tuple(_fibre_parts(b))) for b in targets)
        for a in sources
    )


def invariants(targets: Sequence[Block]) -> tuple[int, ...]:
    return tuple(hom_dimension((), tuple(_fibre_parts(b))) for b in targets)


def _fibre_parts(block: Block) -> Iterator[int | Representation]:
    names = names_of(block)
    for axis, part in zip(block.axes, block.parts, strict=True):
        if not (isinstance(axis, PlainAxis) and axis.name in names):
            yield part


@dataclass(frozen=True)
class Plan:
    """All blocks of one `attention`: those that the projections read, and those that they make."""

    x: tuple[Block, ...]
    y: tuple[Block, ...]
    query: tuple[Block, ...]
    key: tuple[Block, ...]
    value: tuple[Block, ...]
    mixed: tuple[Block, ...]  # the values, one for every query
    target: tuple[Block, ...]
    plain: int  # plain axes in ``each``
    permuted: int  # permuted axes in ``each``


def plan(
    x: Type,
    y: Type,
    target: Type,
    queries: Sequence[Places],
    keys: Sequence[Places],
    results: Sequence[Places],
    heads: int,
    scores: Sequence[int],
    values: Sequence[int],
) -> Plan:
    """``scores`` and ``values`` are the widths of a head for the blocks of x and of y."""
    first, other = queries[0], keys[0]
    plain = sum(not x.blocks[0].axes[k].factors for k in first.each)
    query = tuple(
        between(block, places, heads, width)
        for block, places, width in zip(x.blocks, queries, scores, strict=True)
    )
    partners = [
        between(block, places, heads, width, partners=True)
        for block, places, width in zip(x.blocks, queries, scores, strict=True)
    ]
    key = tuple(moved(made, plain, len(first.tokens), y.blocks[0], other) for made in partners)
    value = tuple(
        between(block, places, heads, width)
        for block, places, width in zip(y.blocks, keys, values, strict=True)
    )
    mixed = tuple(moved(made, plain, len(other.tokens), x.blocks[0], first) for made in value)
    return Plan(
        tuple(with_tokens(b, p) for b, p in zip(x.blocks, queries, strict=True)),
        tuple(with_tokens(b, p) for b, p in zip(y.blocks, keys, strict=True)),
        query,
        key,
        value,
        mixed,
        tuple(with_tokens(b, p) for b, p in zip(target.blocks, results, strict=True)),
        plain,
        len(first.each) - plain,
    )


def bias_axes(
    x: Type, y: Type, data: Attention
) -> tuple[tuple[Axis, ...], tuple[Axis, ...], tuple[Axis, ...]]:
    """The axes of the queries, of the keys, and the permuted ones of `each`."""
    block, own, other = x.blocks[0], data.queries[0], y.blocks[0]
    return (
        tuple(block.axes[k] for k in own.tokens),
        tuple(other.axes[k] for k in data.keys[0].tokens),
        tuple(block.axes[k] for k in own.each if block.axes[k].factors),
    )
